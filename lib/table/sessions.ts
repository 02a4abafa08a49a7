// The folder of a session: session.json, how it is made, changed and forgotten.
//
// A session exists from the moment its folder is renamed into sessions/; it is made aside before that, so nobody ever sees
// half of one. What is true of a session is in its folder; filing.ts helps to find it.

import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { EXIT, Fault, quoted, refused } from '../base/exit.js'
import { isId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { listIfThere, makeFolder, moveIfThere, readIfThere, remove, removeTree, replaceFile, writeNew } from '../store/file.js'
import { withLock } from '../store/lock.js'
import { file, unfile } from './filing.js'
import type { Owner } from './owners.js'

/** The git worktree of a session: its folder, its branch, the commit both were made from, and the folder of the main tree. */
export interface Worktree {
  path: string
  branch: string
  base: string
  repo: string
}

/** The sandbox of a session: whether it has a network, and the paths beside the project that have a word of their own. */
export interface Sandbox {
  /** The profile of config.toml that it was made from. */
  profile?: string
  net: boolean
  write: string[]
  read: string[]
  hide: string[]
}

/** Who decides what the agent of a session may: rules as they were given, and whether anybody is asked. */
export interface Permissions {
  allow?: string[]
  deny?: string[]
  /** Each is used up by the first call that it allows. */
  allow_once?: string[]
  /** What no rule decides is asked: it becomes a relay, which is denied after so long. */
  ask?: boolean
  relay_timeout_ms?: number
  /** Its agent is run so that it asks, also where it has one turn. Decided once, so that whoever reads its output later reads it the same way. */
  live?: boolean
}

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
  /** The session at the top of the tree that it is in, if it has a parent: also when those between are removed. */
  top?: string
  group: string
  depends_on: string[]
  /** It starts whatever becomes of those. */
  after_any?: boolean
  /** Sessions whose results are put before the prompt when it starts, in this order. */
  context_of?: string[]
  /** How many of the group may run when it starts, itself included. */
  slots?: number
  /** The flags it was asked for with, as given. */
  flags: Record<string, unknown>
  /** The environment given with --env. */
  env: Record<string, string>
  timeout_ms?: number
  /** An agent that writes nothing for so long is ended; 0 is never. */
  stall_ms?: number
  /** Whether it sleeps until a usage limit is over or fails at once, if that was asked for. */
  on_limit?: 'wait' | 'fail'
  keep_children?: boolean
  /** How often a run that failed is tried again. */
  retries?: number
  /** It lives on after its first turn. */
  interactive?: boolean
  /** A tree of its own, of which `cwd` is then a part; `root` stays the project's. */
  worktree?: Worktree
  sandbox?: Sandbox
  permissions?: Permissions
  /** The session of which this is the same again. */
  retried_from?: string
  /** Since when all but its log and its result is gone. */
  stripped_at?: string
  /** How deep sessions may nest below it, how many children of it may be alive at once, and the sessions that said so first if others did. */
  max_depth?: number
  max_children?: number
  limited_by?: { depth: string; children: string }
  /** Sessions whose results were put before the prompt when it was made. */
  context_from?: string[]
  /** The agent's own id of a conversation that was taken in from a file of the agent's, and that file. */
  native_id?: string
  imported_from?: string
}

/** The session at the top of the tree that one is in, as far as anybody knows. */
export function topOf(id: string): string {
  const seen = new Set<string>()
  for (let at = id; ; ) {
    const { top, parent } = readIfIntact(at) ?? {}
    const above = top ?? parent
    if (above === undefined || seen.has(at)) return at
    seen.add(at)
    at = above
  }
}

function topAbove({ parent }: Session): string | undefined {
  return parent === undefined ? undefined : topOf(parent)
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
    if (!Object.hasOwn(files, 'log.ndjson')) writeNew(join(aside, 'log.ndjson'), '')
    writeNew(join(aside, 'session.json'), `${JSON.stringify({ ...session, top: topAbove(session) })}\n`)
    moveIfThere(aside, paths.session(session.id))
    file(session)
  } catch (error) {
    takeBack(session, aside)
    throw refused(`cannot make a session in ${quoted(paths.sessions())}`, error)
  }
}

function takeBack(session: Session, aside: string): void {
  try {
    removeTree(aside)
    forget(session)
  } catch (error) {
    // What went wrong first is what is told; remains of it are zag gc's.
    if (!(error instanceof Fault)) throw error
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

/** The same for whoever can do without: nothing also if it is damaged, of which zag doctor tells. */
export function readIfIntact(id: string): Session | undefined {
  try {
    return read(id)
  } catch (error) {
    // What the log says of such a session is as true as before.
    if (error instanceof Fault) return undefined
    throw error
  }
}

/** Changes session.json under its lock and brings the index into line. */
export async function update(id: string, change: (session: Session) => Session): Promise<Session> {
  return withLock(paths.session(id), () => {
    const before = read(id)
    if (!before) throw new Fault(`no session ${quoted(id)}`, EXIT.none)
    const after = change(before)
    file(after)
    replaceFile(paths.inSession(id, 'session.json'), `${JSON.stringify(after)}\n`)
    unfile(before, after)
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

/** Whether a session is known to be there no more. One that cannot be looked at, as on a disk that is away for a moment, may be. */
export function isRemoved(id: string): boolean {
  try {
    return statSync(paths.inSession(id, 'session.json'), { throwIfNoEntry: false }) === undefined
  } catch {
    return false
  }
}

/** Forgets a session: moves its folder aside, then deletes it and its index entries. */
export function forget(session: Session): void {
  const aside = join(paths.aside(), `${session.id}.gone`)
  makeFolder(paths.aside())
  moveIfThere(paths.session(session.id), aside)
  unfile(session)
  remove(paths.queued(session.id))
  for (const what of ['started', 'ended'] as const) remove(paths.marker(session.id, what))
  removeTree(aside)
}
