// Being told when something in a folder changes.
//
// A notice says "look", never what or how much: several changes may give one notice, and after more than 16,384 at once some
// names are never given, without a word. So look once after the watch is up, and sweep now and then. Where the system
// cannot watch (too many watchers, no such folder) the caller is told every 100 ms to look at everything instead.
// Only folders are watched: a watch on a file follows the file, and goes blind when another takes its name.

import { type FSWatcher, type Stats, statSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'

const POLL = 100

export interface Watch {
  /** the system tells of changes; else it is polling */
  readonly live: boolean
  /** lets the process end although the watch goes on */
  unref(): void
  close(): void
}

/** Calls `onName` with the name of what changed in the folder itself, or with undefined: look at everything. Never throws. */
export function watchFolder(path: string, onName: (name: string | undefined) => void): Watch {
  return new FolderWatch(path, onName)
}

/** Calls `onChange` whenever the file may have changed, also when it is made, replaced, truncated or removed. Never throws. */
export function watchFile(path: string, onChange: () => void): Watch {
  const wanted = basename(path)
  return watchFolder(dirname(path), name => {
    if (name === undefined || name === wanted) onChange()
  })
}

class FolderWatch implements Watch {
  readonly #path: string
  readonly #onName: (name: string | undefined) => void
  readonly #folder: Stats | undefined
  #watcher: FSWatcher | undefined
  #timer: NodeJS.Timeout | undefined
  #holdsProcess = true
  #closed = false

  constructor(path: string, onName: (name: string | undefined) => void) {
    this.#path = path
    this.#onName = onName
    this.#folder = folderAt(path)
    try {
      this.#watcher = watch(path, (_event, name) => this.#notice(name ?? undefined))
      this.#watcher.on('error', () => this.#poll())
    } catch {
      // Whatever the reason (EMFILE, ENOSPC, ENOENT): looking at intervals is always possible.
      this.#poll()
    }
  }

  get live(): boolean {
    return this.#watcher !== undefined
  }

  unref(): void {
    this.#holdsProcess = false
    this.#watcher?.unref()
    this.#timer?.unref()
  }

  close(): void {
    this.#closed = true
    this.#watcher?.close()
    this.#watcher = undefined
    clearInterval(this.#timer)
  }

  #notice(name: string | undefined): void {
    // The end of the folder itself comes under its own name; after it the watch is blind.
    if (name === basename(this.#path) && !this.#stillThere()) this.#poll()
    this.#onName(name)
  }

  #stillThere(): boolean {
    const now = folderAt(this.#path)
    return now !== undefined && now.ino === this.#folder?.ino && now.dev === this.#folder.dev
  }

  #poll(): void {
    if (this.#closed) return
    this.#watcher?.close()
    this.#watcher = undefined
    clearInterval(this.#timer)
    this.#timer = setInterval(() => this.#onName(undefined), POLL)
    if (!this.#holdsProcess) this.#timer.unref()
  }
}

function folderAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    // A folder that cannot be looked at is polled like one that is missing; whoever reads it gets the error.
    return undefined
  }
}
