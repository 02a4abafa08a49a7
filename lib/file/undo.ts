// Changes of several files that a kill cut short: whoever looks at one of the files next, or takes its lock, takes the change back.
//
// Back and not on, because whoever asked for it was never told that it was done. A file that is neither as it was before nor as the
// change leaves it is somebody else's by now and stays; one that was written in place may also be half written. It is done under the locks of the files, and may itself
// be cut short and done again: what was put back is passed over.

import { EXIT, Fault, quoted } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { leadsTo } from '../base/within.js'
import { putBack } from '../store/edit.js'
import { remove } from '../store/file.js'
import { foldersOf } from '../table/groups.js'
import { cutShort, type Head, readJournal, rewriteJournal } from './journal.js'
import { type Held, type LockOptions, lockFile, withLocks } from './lock.js'
import type { Who } from './who.js'

/** Runs `work` under the locks of real paths, as withLocks does, when no change of one of them is left half done. */
export async function withWhole<T>(
  who: Who,
  files: readonly string[],
  work: (tokens: ReadonlyMap<string, string>) => T | Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  for (;;) {
    // Its maker died before we had the lock: what it left is known now, and goes by locks of its own.
    const done = await withLocks(
      who,
      files,
      async tokens => (touching(who.group, files).size > 0 ? undefined : { value: await work(tokens) }),
      options,
    )
    if (done) return done.value
    await undoAll(touching(who.group, files), options)
  }
}

/** Takes the lock of a real path, as lockFile does, when no change of it is left half done. */
export async function lockWhole(who: Who, path: string, options: LockOptions = {}): Promise<Held> {
  for (;;) {
    const held = await lockFile(who, path, options)
    const left = touching(who.group, [path])
    if (left.size === 0) return held
    held.release()
    await undoAll(left, options)
  }
}

/** Undoes what was cut short, for whoever is about to read these files. Throws a Fault (5) if the system refuses. */
export async function makeWhole({ group }: Who, files: readonly string[]): Promise<void> {
  try {
    await undoAll(touching(group, files), { wait: 0 })
  } catch (error) {
    // Reading needs no lock, and waits for none: what is locked is put right by whoever looks at it later.
    if (!(error instanceof Fault && error.exit === EXIT.notNow)) throw error
  }
}

/** The files, by their journals, of all changes in all groups that were cut short. */
export function allCutShort(): Map<string, Head> {
  return new Map(foldersOf('patches').flatMap(folder => [...cutShort(folder)]))
}

/** Undoes these changes. Throws a Fault: 4 if a file is locked for too long, 5 if the system refuses. */
export async function undoAll(journals: ReadonlyMap<string, Head>, options?: LockOptions): Promise<void> {
  for (const [path, { who, edits, by }] of journals) {
    const undo = () => {
      // Somebody else may have been first.
      const journal = readJournal(path)
      for (const edit of journal?.edits ?? []) {
        const mark = () => {
          edit.inPlace = true
          if (journal) rewriteJournal(path, journal)
        }
        // Nothing is put back through a link.
        if (leadsTo(edit.path)) putBack(edit, mark)
      }
      remove(path)
    }
    try {
      await withLocks(
        who,
        edits.map(edit => edit.path),
        undo,
        options,
      )
    } catch (error) {
      if (!(error instanceof Fault && error.exit === EXIT.system)) throw error
      const what = `cannot undo what process ${by.pid} left half done when it was killed`
      throw new Fault(`${what}: ${error.message}; remove ${quoted(path)} to leave it so`, EXIT.system, { cause: error })
    }
  }
}

function touching(group: string, files: readonly string[]): Map<string, Head> {
  const all = cutShort(paths.inGroup(group, 'patches'))
  return new Map([...all].filter(([, { edits }]) => edits.some(edit => files.includes(edit.path))))
}
