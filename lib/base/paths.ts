// Where everything of zag is, and the only reader of ZAG_* variables.
//
// Every path below the home is named here; an id, name, tag or group becomes part of a path only through these
// functions, which take ids that were checked and encode all else.

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { EXIT, Fault, quoted } from './exit.js'
import { keyOf } from './name.js'

let found = { set: '', home: '' }

/** `$ZAG_HOME`, or `~/.zag`. */
export function home(): string {
  const set = process.env.ZAG_HOME || join(homedir(), '.zag')
  // Asked for with every path, so it is worth remembering; a relative one depends on the folder this process is in.
  if (set !== found.set || !isAbsolute(set)) found = { set, home: resolve(set) }
  return found.home
}

/** A path below the home. The parts are whole names: nothing is normalised. */
const below = (...parts: string[]) => `${home()}/${parts.join('/')}`

export type IndexKind = 'tag' | 'name' | 'parent' | 'after' | 'group' | 'end'

export const paths = {
  layout: () => below('layout'),
  config: () => below('config.toml'),
  /** Which files of projects may name commands. */
  trusted: () => below('trusted'),
  sessions: () => below('sessions'),
  /** Where a session is made, and where it goes before it is deleted: a neighbour of sessions/, so that rename works. */
  aside: () => below('aside'),
  session: (id: string) => below('sessions', id),
  inSession: (id: string, file: SessionFile) => below('sessions', id, file),
  /** A file that zag itself named, also one in a folder within. */
  ofSession: (id: string, file: string) => below('sessions', id, file),
  /** The folder of a later prompt of a session, counted from 2 over its whole life, and what is in it. */
  turn: (id: string, turn: number) => below('sessions', id, 'turns', String(turn)),
  inTurn: (id: string, turn: number, file: TurnFile) => below('sessions', id, 'turns', String(turn), file),
  index: (kind: IndexKind, key: string) => below('index', kind, keyOf(key)),
  indexes: () => below('index'),
  processes: () => below('processes'),
  /** Sessions that wait for a slot, an empty file each, and the claims of the process that gives them out. */
  queue: () => below('queue'),
  queued: (id: string) => below('queue', id),
  server: () => below('server'),
  /** Its time is that of the last start of a provider, whose name has been checked. */
  lastStart: (provider: string) => below('server', `${provider}.started`),
  events: () => below('events'),
  /** The worktrees of sessions, in a folder for each repository. Beside each lies a file that says whose it is. */
  worktrees: () => below('worktrees'),
  ofWorktree: (path: string) => join(dirname(path), `.${basename(path)}.json`),
  /** Questions of agents that wait for an answer, and beside them the answers, which stay for whoever comes second. */
  relays: () => below('relays'),
  relay: (id: string) => below('relays', `${id}.json`),
  answers: () => below('relays', 'answered'),
  answer: (id: string) => below('relays', 'answered', `${id}.json`),
  groups: () => below('groups'),
  /** The tables of a group. */
  inGroup: (group: string, table: GroupTable) => below('groups', keyOf(group), table),
  /** What settings of an agent held before hooks were put into them, by the path of the file. */
  settingsBefore: (path: string) => below('hooks', keyOf(path), 'before.json'),
  marker: (id: string, what: 'started' | 'ended') => below('events', `${id}.${what}`),
}

/** rules: what is always or never allowed; filetimes: who last read which file; locks: who writes one; patches: changes of several that are under way; once: rules that were used up. */
export type GroupTable = 'rules' | 'filetimes' | 'locks' | 'patches' | 'once'

export type SessionFile =
  | 'session.json'
  | 'prompt'
  | 'log.ndjson'
  | 'stdout'
  | 'stderr'
  | 'result'
  | 'context'
  | 'stdin'
  | 'spill'
  | 'end-request'
  | 'closed'
  | 'children'
  | 'environment'
  | 'task'
  | 'schema'
  | 'schema-errors'
  | 'inbox'
  | 'agent'
  | 'limited'
  | 'relays'
  | 'turns'

export type TurnFile = 'prompt' | 'begun' | 'ended' | 'result'

/** What the environment says of the session this process runs in. */
export interface Inside {
  session: string
  name?: string
  process?: string
  provider?: string
  model?: string
  root?: string
  group?: string
  parent?: string
}

/** The session this process runs in, or nothing outside of one. */
export function inside(env: NodeJS.ProcessEnv = process.env): Inside | undefined {
  const session = env.ZAG_SESSION_ID
  if (!session) return undefined
  return {
    session,
    name: env.ZAG_SESSION_NAME || undefined,
    process: env.ZAG_PROCESS_ID || undefined,
    provider: env.ZAG_PROVIDER || undefined,
    model: env.ZAG_MODEL || undefined,
    root: env.ZAG_ROOT || undefined,
    group: env.ZAG_GROUP || undefined,
    parent: env.ZAG_PARENT_SESSION_ID || undefined,
  }
}

/** Defaults that the environment gives, in a session or outside. */
export function defaults(env: NodeJS.ProcessEnv = process.env): { provider?: string; model?: string; group?: string; debug: boolean } {
  return {
    provider: env.ZAG_PROVIDER || undefined,
    model: env.ZAG_MODEL || undefined,
    group: env.ZAG_GROUP || undefined,
    debug: env.ZAG_DEBUG === '1',
  }
}

/** The locks of files that whoever started this process holds while it runs, as words that lib/file/lock.ts gave them. */
export function locksAround(env: NodeJS.ProcessEnv = process.env): string[] {
  return (env.ZAG_FILE_LOCKS ?? '').split(' ').filter(Boolean)
}

/** What tells a process that it runs under a lock. */
export function lockEnvironment(tokens: Iterable<string>): NodeJS.ProcessEnv {
  return { ZAG_FILE_LOCKS: [...locksAround(), ...tokens].join(' ') }
}

/** Whether this process runs in the sandbox of a session: what it starts is in there too. */
export function isSandboxed(env: NodeJS.ProcessEnv = process.env): boolean {
  return env.ZAG_SANDBOX === '1'
}

/** The session and run this process supervises, if it is a runner; `queue` if it is to serve the queue. */
export function runnerOf(env: NodeJS.ProcessEnv = process.env): { session: string; run: number } | 'queue' | undefined {
  const [session, run] = (env.ZAG_RUNNER ?? '').split('.')
  if (session === 'queue') return session
  return session && run ? { session, run: Number(run) } : undefined
}

/** What makes a process the server of the queue. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { ZAG_RUNNER: 'queue', ZAG_PROCESS_ID: 'queue.runner', ZAG_HOME: home() }
}

/** What makes a process the runner of a run, also for whoever looks at its environment. */
export function runnerEnvironment(session: string, run: number): NodeJS.ProcessEnv {
  return { ZAG_RUNNER: `${session}.${run}`, ZAG_PROCESS_ID: `${session}.${run}.runner`, ZAG_HOME: home() }
}

/** Variables that belong to one session and must not reach the agents of another. */
export const OF_A_SESSION =
  /^ZAG_(SESSION_ID|SESSION_NAME|PROCESS_ID|PROVIDER|MODEL|ROOT|GROUP|PARENT_SESSION_ID|CONTEXT_DIR|SCHEMA_ERRORS|RUNNER)$/

/**
 * The project a folder belongs to: the nearest folder at or above it with .zag.toml or .git, else the folder itself. A
 * worktree that zag made belongs to the project it was made of.
 */
export function projectRoot(folder: string): string {
  const start = outOfWorktree(realFolder(folder))
  for (let at = start; ; at = dirname(at)) {
    if (existsSync(join(at, '.zag.toml')) || existsSync(join(at, '.git'))) return at
    if (at === dirname(at)) return start
  }
}

/** The folder of the main tree that stands for one in a worktree of zag; any other folder as it is. `folder` has no symbolic links. */
export function outOfWorktree(folder: string): string {
  try {
    const worktrees = realpathSync(paths.worktrees())
    const [key, name, ...rest] = relative(worktrees, folder).split(sep)
    if (!key || key === '..' || !name) return folder
    const { repo } = JSON.parse(readFileSync(paths.ofWorktree(join(worktrees, key, name)), 'utf8'))
    return typeof repo === 'string' && existsSync(repo) ? join(repo, ...rest) : folder
  } catch {
    // There are no worktrees, or this is none of them.
    return folder
  }
}

/** The folder without symbolic links. Throws usage if it is not there. */
export function realFolder(folder: string): string {
  let real: string
  try {
    real = realpathSync(folder)
  } catch (error) {
    throw new Fault(`no folder ${quoted(folder)}: give one that exists`, EXIT.usage, { cause: error })
  }
  if (statSync(real).isDirectory()) return real
  throw new Fault(`${quoted(folder)} is no folder: give one`, EXIT.usage)
}

/** The built tree of this installation. Sources and bundles both lie two folders deep beside it. */
export function distribution(): string {
  return resolve(import.meta.dirname, '../../dist')
}

/** The folder of the programs under their plain names: what an agent gets on its PATH. */
export function programs(): string {
  return join(distribution(), 'bin')
}

/** The folder of the manual pages. */
export function manual(): string {
  return resolve(distribution(), '../man')
}
