// Sessions that were never run, written as their runners would have left them: a past of any length in a minute. Folders,
// index and table are what lib would make (zag doctor finds nothing to say), but files whose content is the same in all of
// them are links to one, and nothing is renamed into place, as nobody looks yet.

import { spawn } from 'node:child_process'
import { existsSync, linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { markOf } from '../../lib/agent/agent.js'
import { codeOf } from '../../lib/base/exit.js'
import { newId } from '../../lib/base/id.js'
import { paths } from '../../lib/base/paths.js'
import { timestamp } from '../../lib/base/time.js'
import type { NewEvent } from '../../lib/log/events.js'
import { type Identity, identify, myself } from '../../lib/process/identity.js'
import { rowFor } from '../../lib/run/turn.js'
import { openHome } from '../../lib/store/home.js'
import { entriesOf } from '../../lib/table/filing.js'
import { type ProcessRow, processes } from '../../lib/table/processes.js'
import type { Session } from '../../lib/table/sessions.js'
import { atEnd, enter, place } from './place.js'

const ROOT = '/'
/** Rows that go into the table at once. */
const BATCH = 1000
/** ext4 gives a file 65,000 names at the most. */
const MOST_LINKS = 30_000

export interface Past {
  home: string
  count: number
  tag?: string
  /** Still at work, in the hands of a process that does nothing until the benchmark ends. */
  running?: boolean
  /** And each in the hands of one of its own. */
  apart?: boolean
}

/** Writes sessions into a home; returns their ids, oldest first. */
export async function write({ home, count, tag, running = false, apart = false }: Past): Promise<string[]> {
  enter(home)
  openHome()
  // Whoever owned a session that is over is long gone.
  let owner: Identity = running ? idleProcess() : { ...myself(), start: '0' }
  const claim = () => JSON.stringify({ role: 'run', run: 1, ...owner })
  const shared = new Shared({ ...(apart ? {} : { 'owner.1': claim() }), prompt: 'true\n', result: 'done\n', entry: '' })
  const ids: string[] = []
  let rows: ProcessRow[] = []
  for (let made = 1; made <= count; made += 1) {
    const session = sessionOf(tag)
    makeFolder(session, owner.pid, running, shared)
    if (apart) writeFileSync(join(paths.session(session.id), 'owner.1'), claim(), { mode: 0o600 })
    for (const folder of entriesOf(session)) shared.link('entry', join(folder, session.id))
    mark(session.id, running)
    rows.push(rowOf(session, owner.pid, running))
    ids.push(session.id)
    if (apart && made < count) owner = idleProcess()
    if (rows.length < BATCH && made < count) continue
    processes().append(rows)
    await processes().fold({ now: made === count })
    rows = []
  }
  return ids
}

/** Files that many sessions have in common. */
class Shared {
  #contents: Record<string, string>
  #uses = 0

  constructor(contents: Record<string, string>) {
    this.#contents = contents
  }

  get names(): string[] {
    return Object.keys(this.#contents)
  }

  link(name: string, path: string): void {
    const source = join(place, `shared-${process.env.ZAG_HOME?.split('/').at(-1)}-${name}-${Math.floor(this.#uses / MOST_LINKS)}`)
    this.#uses += 1
    try {
      linkSync(source, path)
    } catch (error) {
      // One of the two is not there yet: the file to link to, or the folder of a key.
      if (codeOf(error) !== 'ENOENT') throw error
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      if (!existsSync(source)) writeFileSync(source, this.#contents[name] ?? '', { mode: 0o600 })
      linkSync(source, path)
    }
  }
}

function makeFolder(session: Session, pid: number, running: boolean, shared: Shared): void {
  const folder = paths.session(session.id)
  mkdirSync(folder, { mode: 0o700 })
  for (const name of shared.names.filter(name => name !== 'entry' && !(running && name === 'result'))) shared.link(name, join(folder, name))
  writeFileSync(join(folder, 'session.json'), `${JSON.stringify(session)}\n`, { mode: 0o600 })
  const stamp = { ts: timestamp(), session_id: session.id }
  const lines = eventsOf(session, pid, running).map(({ type, ...fields }) => `${JSON.stringify({ type, ...stamp, ...fields })}\n`)
  writeFileSync(join(folder, 'log.ndjson'), lines.join(''), { mode: 0o600 })
}

function sessionOf(tag: string | undefined): Session {
  const tags = tag === undefined ? [] : [tag]
  return {
    id: newId(),
    created_at: timestamp(),
    provider: 'sh',
    root: ROOT,
    cwd: ROOT,
    tags,
    group: ROOT,
    depends_on: [],
    flags: {},
    env: {},
  }
}

function eventsOf({ id, provider, root, cwd }: Session, pid: number, running: boolean): NewEvent[] {
  const asked: NewEvent[] = [
    {
      type: 'session_started',
      provider,
      root,
      cwd,
      command: ['/bin/sh', paths.inSession(id, 'prompt')],
      pid,
      process_id: markOf(id, 1),
      run: 1,
      resumed: false,
      stdout_from: 0,
      stderr_from: 0,
    },
    { type: 'user_message', content: 'true\n', from: 'prompt' },
  ]
  if (running) return asked
  return [...asked, { type: 'session_ended', success: true, status: 'completed', run: 1, exit_code: 0, duration_ms: 2 }]
}

function mark(id: string, running: boolean): void {
  const [what, status] = running ? (['started', 'running'] as const) : (['ended', 'completed'] as const)
  writeFileSync(paths.marker(id, what), `${JSON.stringify({ session_id: id, run: 1, status, ts: timestamp() })}\n`, { mode: 0o600 })
}

function rowOf(session: Session, pid: number, running: boolean): ProcessRow {
  if (running) return rowFor(session, 1, 'started', { pid, runner_pid: pid })
  return rowFor(session, 1, 'ended', { status: 'completed', exit_code: 0, ended_at: timestamp() })
}

/** A process that can pass for a runner: never this one, because what zag finds stuck it ends. */
function idleProcess(): Identity {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
  atEnd(() => child.kill('SIGKILL'))
  const identity = identify(child.pid ?? 0)
  if (!identity) throw new Error('cannot start sleep')
  return identity
}
