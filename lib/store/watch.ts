// Being told when something in a folder changes.
//
// A notice says "look", never what or how much: several changes may give one notice, and after more than 16,384 at once some
// names are never given, without a word. So look once after the watch is up, and sweep now and then. Where the system
// cannot watch (too many watchers, no such folder) the caller is told every 100 ms to look at everything instead, until it can.
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
  #folder: Stats | undefined
  #watcher: FSWatcher | undefined
  #timer: NodeJS.Timeout | undefined
  #holdsProcess = true
  #closed = false

  constructor(path: string, onName: (name: string | undefined) => void) {
    this.#path = path
    this.#onName = onName
    if (!this.#watch()) this.#poll()
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

  /** Whether the system watches from now on. */
  #watch(): boolean {
    this.#folder = folderAt(this.#path)
    // Asking for a watch on nothing costs an error.
    if (!this.#folder) return false
    try {
      const watcher = watch(this.#path, (_event, name) => this.#notice(name ?? undefined))
      watcher.on('error', () => watcher === this.#watcher && this.#poll())
      if (!this.#holdsProcess) watcher.unref()
      this.#watcher = watcher
      return true
    } catch {
      // Whatever the reason (EMFILE, ENOSPC, ENOENT): looking at intervals is always possible.
      return false
    }
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
    this.#timer = setInterval(() => this.#tick(), POLL)
    if (!this.#holdsProcess) this.#timer.unref()
  }

  /** Looks at everything after the watch is up, if it is: what changes from then on it tells of. */
  #tick(): void {
    if (this.#watch()) clearInterval(this.#timer)
    this.#onName(undefined)
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
