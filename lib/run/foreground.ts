// A session run by this process, in the foreground: its events as they happen, then what it came to.

import { EXIT } from '../base/exit.js'
import { paths } from '../base/paths.js'
import type { LogEvent } from '../log/events.js'
import { usageOf } from '../log/fold.js'
import { type Row, rowOf } from '../session/row.js'
import { statusOf } from '../session/state.js'
import { readBytesIfThere } from '../store/file.js'
import { latestOwner } from '../table/owners.js'
import type { Session } from '../table/sessions.js'
import { type Ask, makeSession } from './ask.js'
import type { Elsewhere } from './elsewhere.js'
import { follow } from './follow.js'
import { Life } from './life.js'
import { GRACE } from './request.js'
import { onStop } from './signals.js'

/** What a foreground session came to. */
export interface Answer {
  /** The row with usage, cost and the path of the log. */
  row: Row & ReturnType<typeof usageOf> & { log_path: string }
  /** Its final text, byte for byte. */
  result: Buffer | undefined
  exit: number
}

/** Starts a session under this process and gives each event as it is logged. Throws Faults 2, 5, 126, 127 if it cannot start. */
export async function execute(ask: Ask, onEvent: (event: LogEvent) => void): Promise<Answer> {
  const session = await makeSession(ask, 'run')
  const life = await lifeOf(session)
  const signalled = onStop(life, { hangUp: true })
  // However the session ends, also by an error, nothing waits for its log any longer.
  const over = new AbortController()
  life.ended.finally(() => over.abort()).catch(() => {})
  const ended = await endOf(life, follow(session.id, { until: over.signal }), onEvent)
  const status = statusOf(session.id)
  const exit = ended.status === 'completed' ? EXIT.ok : (signalled() ?? exitOf(ended))
  const row = {
    ...rowOf(status, session),
    ...usageOf(session.id),
    log_path: paths.inSession(session.id, 'log.ndjson'),
  }
  return {
    row,
    result: readBytesIfThere(paths.inSession(session.id, 'result')),
    exit,
  }
}

async function lifeOf(session: Session): Promise<Life | Elsewhere> {
  if (latestOwner(session.id)?.role !== 'queue') return new Life(session, 1)
  return new (await import('./elsewhere.js')).Elsewhere(session.id)
}

/** What works in the foreground, and what it comes to. */
interface Working<E> {
  readonly ended: Promise<E>
  cancel(reason: string, grace: number): void
}

/** What it came to, once all its events were given. What nobody takes the events of any more is ended first. */
export async function endOf<E>(work: Working<E>, events: AsyncIterable<LogEvent>, onEvent: (event: LogEvent) => void): Promise<E> {
  try {
    for await (const event of events) onEvent(event)
  } catch (error) {
    work.cancel('nobody takes its output', GRACE)
    await work.ended
    throw error
  }
  return work.ended
}

/** The exit code of whoever speaks for a run that did not complete. */
export function exitOf({ reason, exit_code }: { reason?: string; exit_code?: number }): number {
  if (reason === 'timeout') return EXIT.timeout
  if (reason === 'start' && (exit_code === EXIT.cannotRun || exit_code === EXIT.notFound)) return exit_code
  return EXIT.no
}
