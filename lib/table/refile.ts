// Holding the whole index against the sessions there are, and putting it right: for zag doctor.

import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { codeOf, quoted, refused } from '../base/exit.js'
import { isId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { withLock } from '../store/lock.js'
import { entriesOf, file, removeEntry } from './filing.js'
import { exists, read, type Session } from './sessions.js'

/** What is wrong with the index. */
export interface Misfiled {
  /** Sessions that lack an entry. */
  missing: Session[]
  /** Entries of sessions that are gone, or have that name, tag, … no more, as paths. */
  stray: string[]
}

/** Holds the whole index against these sessions. Entries of other sessions that have a folder are not judged. */
export function misfiled(sessions: readonly Session[]): Misfiled {
  const filed = new Set(filesBelow(paths.indexes()).filter(path => isId(basename(path))))
  const missing = sessions.filter(session => {
    const wanted = entriesOf(session).map(entry => join(entry, session.id))
    // All are looked up, not only those up to the first that is missing: what is left over then is stray.
    return wanted.filter(path => !filed.delete(path)).length > 0
  })
  const judged = new Set(sessions.map(({ id }) => id))
  const stray = [...filed].filter(path => judged.has(basename(path)) || !existsSync(paths.session(basename(path))))
  return { missing, stray }
}

/** Puts right what misfiled found. */
export async function refile({ missing, stray }: Misfiled): Promise<void> {
  for (const session of missing) if (exists(session.id)) file(session)
  for (const path of stray) {
    const id = basename(path)
    if (!exists(id)) removeEntry(dirname(path), id)
    // An entry that is there before session.json says so belongs to a change that has the lock.
    else await withLock(paths.session(id), () => dropUnlessWanted(path, id))
  }
}

function dropUnlessWanted(path: string, id: string): void {
  const session = read(id)
  if (session && !entriesOf(session).includes(dirname(path))) removeEntry(dirname(path), id)
}

/** Folders go when their last entry does: one that is gone meanwhile has none. */
function filesBelow(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true })
    return entries.flatMap(entry => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : join(folder, entry.name)))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw refused(`cannot read ${quoted(folder)}`, error)
  }
}
