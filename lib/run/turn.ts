// How a run begins and ends for all to see. An end comes in the order that lets every reader trust what it finds: result,
// session_ended, process row, marker. The runner ends its runs here, and so does whoever finds a runner dead.

import { Fault } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { timestamp } from '../base/time.js'
import type { EventFields, NewEvent } from '../log/events.js'
import { LONGEST_FIELD, type LogWriter, shorten } from '../log/write.js'
import { closeRelays } from '../permission/relay.js'
import { bytesOf, type Message } from '../session/inbox.js'
import { messagesOf } from '../session/turns.js'
import { copySlice, readBytesIfThere, remove, replaceFile } from '../store/file.js'
import { indexed } from '../table/filing.js'
import { type ProcessRow, processes, revOf } from '../table/processes.js'
import { readIfIntact, type Session } from '../table/sessions.js'
import { worktreeFields } from '../worktree/place.js'

export type Ended = EventFields['session_ended']

export type Started = EventFields['session_started']

/** Begins a run for all to see: the log with what the agent is told, then the process row, then the marker. */
export function begin(session: Session, log: LogWriter, started: Started, told: NewEvent[]): void {
  log.append({ type: 'session_started', ...started }, ...told)
  const { run, pid } = started
  processes().append(rowFor(session, run, 'started', { pid, runner_pid: process.pid }))
  if (run > 1) remove(paths.marker(session.id, 'ended'))
  mark(session.id, 'started', { run, status: 'running' })
}

/** What the agent is told in a turn: the prompt of the first, the messages of a later one. */
export function promptEvents(id: string, turn = 1): NewEvent[] {
  if (turn > 1) return messagesOf(id, turn).map(message => messageEvent(message, turn))
  const prompt = readBytesIfThere(paths.inSession(id, 'prompt')) ?? Buffer.alloc(0)
  const event: NewEvent = { type: 'user_message', content: String(prompt), from: 'prompt' }
  return [prompt.length > LONGEST_FIELD ? shorten(event, 'content', { path: 'prompt', bytes: prompt.length }) : event]
}

function messageEvent(message: Message, turn: number): NewEvent {
  return { type: 'user_message', content: String(bytesOf(message)), from: message.from, message_id: message.id, turn }
}

/** Stores the result of a run: a text, or the part of stdout that the run wrote. An empty one is none. */
export async function keepResult(id: string, result: string | { stdout: true } | undefined, from: number, to: number): Promise<void> {
  const path = paths.inSession(id, 'result')
  if (typeof result === 'string') {
    if (result !== '') replaceFile(path, result)
  } else if (result && to > from) {
    await copySlice(paths.inSession(id, 'stdout'), from, to, path)
  }
}

/** Ends a run for all to see: the log, then the process row, then the marker. What it asked and nobody answered is closed first. */
export function finish(session: Session, log: LogWriter, ended: Ended): void {
  closeRelays(session.id, 'the session has ended')
  log.append({ type: 'session_ended', ...ended } satisfies NewEvent)
  showEnd(session, ended)
}

/** What there is to do once a session is over: the environment kept for it goes, and what waited for it may start. */
export async function leaveBehind(id: string): Promise<void> {
  try {
    remove(paths.inSession(id, 'environment'))
    if (indexed('after', id).length > 0) await (await import('./queue.js')).advance(id)
  } catch (error) {
    // What is not possible here, on a full disk say, is done by whoever looks at what waits.
    if (!(error instanceof Fault)) throw error
  }
}

/** The row and the marker of an end that is in the log; made again by whoever misses them. */
export function showEnd(session: Session, ended: Ended): void {
  processes().append(
    // Its name may be another one by now.
    rowFor(readIfIntact(session.id) ?? session, ended.run, 'ended', {
      status: ended.status,
      exit_code: ended.exit_code,
      error: ended.error,
      ended_at: timestamp(),
    }),
  )
  mark(session.id, 'ended', ended)
}

/** The marker that anything watching the events folder sees. */
export function mark(
  id: string,
  what: 'started' | 'ended',
  { run, status, success }: { run: number; status: string; success?: boolean },
): void {
  replaceFile(paths.marker(id, what), `${JSON.stringify({ session_id: id, run, status, success, ts: timestamp() })}\n`)
}

/** A row of the process table for a step of a run. */
export function rowFor(session: Session, run: number, step: 'created' | 'started' | 'ended', more: Partial<ProcessRow>): ProcessRow {
  const { id, name, provider, model, root, parent, created_at, worktree } = session
  return {
    id,
    rev: revOf(run, step),
    name,
    provider,
    model,
    root,
    parent,
    ...worktreeFields(worktree),
    status: 'running',
    created_at,
    ...more,
  }
}
