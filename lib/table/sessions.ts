// The folder of a session and how it is found: session.json, the owner claims, and the index of empty files.
//
// A session exists from the moment its folder is renamed into sessions/; it is made aside before that, so nobody ever sees
// half of one. The index only finds candidates: what is true of a session is in its folder. `zag doctor --repair` makes the
// index again from the folders.

import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { codeOf, EXIT, Fault, quoted, refused } from '../base/exit.js'
import { isId } from '../base/id.js'
import { type IndexKind, paths } from '../base/paths.js'
import type { Identity } from '../process/identity.js'
import {
  claim,
  listIfThere,
  makeFolder,
  moveIfThere,
  readIfThere,
  remove,
  removeEmptyFolder,
  removeTree,
  replaceFile,
  touch,
  writeNew,
} from '../store/file.js'
import { withLock } from '../store/lock.js'

/** session.json: how a session was asked for. Times in milliseconds where the name says so. */
export interface Session {
  id: string
  created_at: string
  provider: string
  model?: string
  /** The project, and the folder the agent works in. */
  root: string
  cwd: string
  name?: string
  description?: string
  tags: string[]
  parent?: string
  group: string
  depends_on: string[]
  /** The flags it was asked for with, as given. */
  flags: Record<string, unknown>
  /** The environment given with --env. */
  env: Record<string, string>
  timeout_ms?: number
  keep_children?: boolean
}

/** Who has a session in hand: `spawn` is making it, `run` supervises it, `close` found it dead and ends it. */
export interface Owner extends Identity {
  role: 'spawn' | 'run' | 'close'
  /** The number of the claim; the highest counts. */
  claim: number
  /** The run it is for. */
  run: number
}

/** Makes the session with its files and its first owner, then its index entries. Throws a Fault (5) and leaves nothing. */
export function create(session: Session, owner: Omit<Owner, 'claim'>, files: Record<string, string | Buffer>): void {
  const aside = join(paths.aside(), session.id)
  try {
    makeFolder(aside)
    for (const [name, data] of Object.entries(files)) {
      if (name.includes('/')) makeFolder(dirname(join(aside, name)))
      writeNew(join(aside, name), data)
    }
    writeNew(join(aside, 'owner.1'), JSON.stringify(owner))
    writeNew(join(aside, 'log.ndjson'), '')
    writeNew(join(aside, 'session.json'), `${JSON.stringify(session)}\n`)
    moveIfThere(aside, paths.session(session.id))
    for (const entry of entriesOf(session)) touch(join(entry, session.id))
  } catch (error) {
    removeTree(aside)
    forget(session)
    throw refused(`cannot make a session in ${quoted(paths.sessions())}`, error)
  }
}

/** session.json of an id, or nothing if there is no such session. A file that is no session is a Fault (5). */
export function read(id: string): Session | undefined {
  const text = readIfThere(paths.inSession(id, 'session.json'))
  if (text === undefined) return undefined
  try {
    const session = JSON.parse(text) as Session
    if (session.id === id && Array.isArray(session.tags)) return session
  } catch {
    // falls through to the Fault below: a file that does not parse is as broken as one that is of another kind
  }
  throw new Fault(`session ${id} is damaged: ${quoted(paths.inSession(id, 'session.json'))} is no session: see zag doctor`, EXIT.system)
}

/** Changes session.json under its lock and brings the index into line. */
export async function update(id: string, change: (session: Session) => Session): Promise<Session> {
  return withLock(paths.session(id), () => {
    const before = read(id)
    if (!before) throw new Fault(`no session ${quoted(id)}`, EXIT.none)
    const after = change(before)
    const wanted = entriesOf(after)
    for (const entry of wanted) touch(join(entry, id))
    replaceFile(paths.inSession(id, 'session.json'), `${JSON.stringify(after)}\n`)
    for (const entry of entriesOf(before)) if (!wanted.includes(entry)) removeEntry(entry, id)
    return after
  })
}

/** Every id there is, oldest first. */
export function ids(): string[] {
  return listIfThere(paths.sessions()).filter(isId).sort()
}

export function exists(id: string): boolean {
  return isId(id) && existsSync(paths.inSession(id, 'session.json'))
}

/** The ids filed under a key, oldest first. */
export function indexed(kind: IndexKind, key: string): string[] {
  return listIfThere(paths.index(kind, key)).filter(isId).sort()
}

/** The key of the index `end`: what an id ends in. */
export const endOf = (id: string) => id.slice(-2)

/** Forgets a session: moves its folder aside, then deletes it and its index entries. */
export function forget(session: Session): void {
  const aside = join(paths.aside(), `${session.id}.gone`)
  makeFolder(paths.aside())
  moveIfThere(paths.session(session.id), aside)
  for (const entry of entriesOf(session)) removeEntry(entry, session.id)
  for (const what of ['started', 'ended'] as const) remove(paths.marker(session.id, what))
  removeTree(aside)
}

/** Makes the index entries of a session that are missing; returns how many were. */
export function reindex(session: Session): number {
  const missing = entriesOf(session).filter(entry => !existsSync(join(entry, session.id)))
  for (const entry of missing) touch(join(entry, session.id))
  return missing.length
}

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
  for (const session of missing) if (exists(session.id)) reindex(session)
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

function removeEntry(folder: string, id: string): void {
  remove(join(folder, id))
  removeEmptyFolder(folder)
}

function entriesOf(session: Session): string[] {
  return [
    paths.index('end', endOf(session.id)),
    paths.index('group', session.group),
    ...(session.name ? [paths.index('name', session.name)] : []),
    ...(session.parent ? [paths.index('parent', session.parent)] : []),
    ...[...new Set(session.tags)].map(tag => paths.index('tag', tag)),
    ...session.depends_on.map(id => paths.index('after', id)),
  ]
}

/** The owner whose claim is the latest; nothing if the folder has none. */
export function latestOwner(id: string): Owner | undefined {
  const names = listIfThere(paths.session(id))
  const latest = Math.max(0, ...names.map(name => (/^owner\.\d+$/.test(name) ? Number(name.slice(6)) : 0)))
  if (latest === 0) return undefined
  const text = readIfThere(join(paths.session(id), `owner.${latest}`))
  return text === undefined ? undefined : { ...(JSON.parse(text) as Owner), claim: latest }
}

/** Claims a session after the given owner. True for the first to do so, false for all others. */
export function takeOver(id: string, after: Owner | undefined, owner: Omit<Owner, 'claim'>): boolean {
  return claim(join(paths.session(id), `owner.${(after?.claim ?? 0) + 1}`), JSON.stringify(owner))
}

/** Takes back the claim that this process made after the given owner: what it was for could not be done. */
export function release(id: string, after: Owner | undefined): void {
  remove(join(paths.session(id), `owner.${(after?.claim ?? 0) + 1}`))
}
