// The record of sessions as their folders have it: listed, shown in full, changed, and thrown away.

import { existsSync } from 'node:fs'
import { EXIT, Fault, usage } from '../base/exit.js'
import { shortId, timeOf } from '../base/id.js'
import { checkName } from '../base/name.js'
import { paths, type SessionFile } from '../base/paths.js'
import { timestamp } from '../base/time.js'
import { readEvents } from '../log/read.js'
import { isAwaited } from '../run/queue.js'
import { settle } from '../run/settle.js'
import { hold } from '../session/hold.js'
import { dirtyIn, wouldLose } from '../session/loss.js'
import { removeApart } from '../session/remove.js'
import { Round } from '../session/round.js'
import { type Row, rowOf } from '../session/row.js'
import type { Status } from '../session/state.js'
import { processes } from '../table/processes.js'
import { exists, read, readIfIntact, type Session, update } from '../table/sessions.js'

/** A session in a list: its row, and how it was called. */
export interface Recorded extends Row {
  description: string | null
  tags: string[]
  root: string
  parent?: string
  created_at: string
  ended_at?: string
}

/** The rows of sessions, the newest last and only so many. Dead ones are ended on the way. */
export async function listed(ids: readonly string[], newest = ids.length): Promise<Recorded[]> {
  const wanted = [...ids].sort().slice(Math.max(0, ids.length - newest))
  const rows: Recorded[] = []
  const round = new Round()
  for (const id of wanted) {
    const session = readIfIntact(id)
    if (session || exists(id)) rows.push(await recordOf(id, session, round))
  }
  return rows
}

async function recordOf(id: string, session: Session | undefined, round?: Round): Promise<Recorded> {
  const status = await settle(id, round)
  const { description = null, tags = [], root = '', parent, created_at = timestamp(timeOf(id)) } = session ?? {}
  return { ...rowOf(status, session), description, tags, root, parent, created_at, ended_at: status.ended?.ts }
}

/** A run of a session, as its log has it. */
export interface RunRow {
  run: number
  started_at?: string
  ended_at?: string
  status?: string
  exit_code?: number
  duration_ms?: number
}

/** All that is known of a session: its row, session.json, its files, its runs. A path is null where there is no file. */
export interface Whole extends Recorded, Omit<Session, 'id' | 'name' | 'model' | 'description' | 'worktree'> {
  path: string
  prompt_path: string | null
  log_path: string | null
  result_path: string | null
  /** Of a session with a worktree: the commit it began with, and the main tree. */
  base?: string
  repo?: string
  runs: RunRow[]
}

/** All that is known of a session. Throws a Fault (3) if it was removed meanwhile. */
export async function wholeOf(id: string): Promise<Whole> {
  const session = read(id)
  if (!session) throw new Fault(`session ${id} was removed`, EXIT.none)
  const { id: _, worktree, ...fields } = session
  const file = (name: SessionFile) => (existsSync(paths.inSession(id, name)) ? paths.inSession(id, name) : null)
  return {
    ...fields,
    ...(await recordOf(id, session)),
    base: worktree?.base,
    repo: worktree?.repo,
    path: paths.session(id),
    prompt_path: file('prompt'),
    log_path: file('log.ndjson'),
    result_path: file('result'),
    runs: runsOf(id),
  }
}

function runsOf(id: string): RunRow[] {
  const runs = new Map<number, RunRow>()
  readEvents(
    id,
    event => {
      if (event.type !== 'session_started' && event.type !== 'session_ended') return true
      const { run } = event
      const more =
        event.type === 'session_started'
          ? { started_at: event.ts }
          : { ended_at: event.ts, status: event.status, exit_code: event.exit_code, duration_ms: event.duration_ms }
      runs.set(run, { run, ...runs.get(run), ...more })
      return true
    },
    { types: ['session_started', 'session_ended'] },
  )
  return [...runs.values()]
}

/** What can be said anew of a session. Tags are added, to none of the old ones with clearTags. */
export interface Change {
  name?: string
  description?: string
  tag: string[]
  clearTags: boolean
}

/** Throws usage if nothing is to be changed, or a name or a tag is none. */
export function checkChange({ name, description, tag, clearTags }: Change): void {
  if (name === undefined && description === undefined && tag.length === 0 && !clearTags)
    throw usage('what is to be changed? give --name, --description, --tag or --clear-tags')
  if (name !== undefined) checkName('name', name)
  for (const each of tag) checkName('tag', each)
}

/** Changes a session: its record under its lock, the index with it, and then its row. */
export async function change(id: string, { name, description, tag, clearTags }: Change): Promise<Recorded> {
  const session = await update(id, before => ({
    ...before,
    name: name ?? before.name,
    description: description ?? before.description,
    tags: [...new Set([...(clearTags ? [] : before.tags), ...tag])],
  }))
  nameRow(session)
  return recordOf(id, session)
}

/** Less than any step of a run: the next row that a runner writes still counts. */
const A_LITTLE = 2 ** -20

/** A row written meanwhile by one who read the record before has the old name: then once more. */
function nameRow({ id, name }: Session): void {
  for (let tries = 0; tries < 3; tries++) {
    const row = processes().find(id)
    if (!row || row.name === name) return
    processes().append({ ...row, name, rev: row.rev + A_LITTLE })
  }
}

/** Forgets sessions that are over, and gives each. Throws a Fault (4) before anything is done if one is not, one that waits needs it, or it has work in its worktree. */
export async function discard(ids: readonly string[], take: (row: Row) => void): Promise<void> {
  const statuses = new Map<string, Status>()
  for (const id of ids) {
    const status = await settle(id)
    if (!status.over) throw new Fault(`session ${id} is ${status.state}: end it first: zag cancel ${shortId(id)}`, EXIT.notNow)
    const dirty = await dirtyIn(id)
    if (dirty) throw wouldLose(dirty)
    if (isAwaited(id)) throw new Fault(`session ${id} is waited for by others: cancel those, or let them come to their end`, EXIT.notNow)
    statuses.set(id, status)
  }
  const held: (() => void)[] = []
  try {
    for (const [id, status] of statuses) {
      const letGo = hold(status)
      if (!letGo) throw new Fault(`session ${id} is in other hands: it was resumed, or somebody else removes it`, EXIT.notNow)
      held.push(letGo)
    }
    for (const status of statuses.values()) {
      const row = rowOf(status)
      await removeApart(status.id)
      take(row)
    }
  } finally {
    for (const letGo of held) letGo()
  }
}
