// Ending a session in the place of its runner, which is dead: what is still alive of it first, then what the agent said
// beyond the log, then its result, and only then the end. Loaded only when there is something to end.

import { markOf } from '../agent/agent.js'
import { keepConversation } from '../agent/conversation.js'
import { readAnew, readerOf } from '../agent/turn-output.js'
import { Fault } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { loadConfig } from '../config/config.js'
import { lastOf } from '../log/read.js'
import { LogWriter } from '../log/write.js'
import { endAll } from '../process/end.js'
import { providerOf } from '../provider/list.js'
import type { Status } from '../session/state.js'
import { type Begun, begunOf, endTurn, lastTurn, turnEnded } from '../session/turns.js'
import { sizeIfThere } from '../store/file.js'
import type { Session } from '../table/sessions.js'
import { outcomeOf } from './outcome.js'
import { requestedEnd } from './request.js'
import { type Ended, finish, keepResult, leaveBehind, promptEvents } from './turn.js'

/** What is left of a dead run's agent gets this long between the steps INT, TERM, KILL, in milliseconds. */
const GRACE = 250

/** Ends a session that nobody supervises any more and that this process has claimed. */
export async function close(session: Session, status: Status): Promise<void> {
  const log = new LogWriter(session.id, session.parent)
  try {
    const ended = await endOf(session, status, log)
    finish(session, log, ended)
  } finally {
    log.close()
  }
  await leaveBehind(session.id)
}

async function endOf(session: Session, { id, run, started }: Status, log: LogWriter): Promise<Ended> {
  const turn = turnIn(id, run)
  const { pid, pid_start: start, boot_id: boot, host } = started ?? {}
  const agent = turn.begun?.agent ?? { pid, start, boot, host }
  await endAll({ ...agent, mark: markOf(id, run) }, { grace: GRACE })
  const request = requestedEnd(id, run)
  // A runner can die after it started the agent and before the line that says so.
  const agentRan =
    started !== undefined || turn.begun !== undefined || (run === 1 && sizeIfThere(paths.inSession(id, 'stdout')) !== undefined)
  const from = turn.begun?.from ?? { stdout: started?.stdout_from ?? 0, stderr: started?.stderr_from ?? 0 }
  // Nor is what it was told, then.
  if (turn.begun && !isTold(id, turn.number)) log.append(...promptEvents(id, turn.number))
  const provider = agentRan && !turn.ended ? await providerIfKnown(session) : undefined
  const said =
    provider && readAnew({ id, read: readerOf(session, provider), from, since: turn.begun?.since }, log, { code: null, signal: null })
  // A result that the agent handed in is there already.
  if (said && request?.outcome !== 'completed') await keepResult(id, said.verdict.result, from.stdout, said.ends.stdout)
  // The next run goes on with it, however this one ended.
  await keepConversation(session, said?.verdict.conversation)
  const error = agentRan ? 'its runner is gone' : 'it was never started'
  const duration_ms = started ? Math.max(0, Date.now() - Date.parse(started.ts)) : 0
  const how = request ? outcomeOf({ success: false }, request) : { success: false, status: 'dead' as const, error, reason: 'runner' }
  if (turn.begun && !turn.ended) endTurn(id, turn.number, { run, success: how.success, stop_reason: how.status, error: how.error })
  return { ...how, run, duration_ms }
}

/** The turn that the run was at, or was last; of the first turn in the first run the log alone tells. */
function turnIn(id: string, run: number): { number: number; begun?: Begun; ended: boolean } {
  const number = lastTurn(id)
  const begun = begunOf(id, number)
  return begun?.run === run ? { number, begun, ended: turnEnded(id, number) !== undefined } : { number, ended: false }
}

/** The provider, unless the configuration has lost it since: then its output stays in its files. */
async function providerIfKnown(session: Session) {
  try {
    return await providerOf(session.provider, await loadConfig(session.root))
  } catch (error) {
    if (error instanceof Fault) return undefined
    throw error
  }
}

/** Whether the log has what the agent was told in a later turn. */
function isTold(id: string, turn: number): boolean {
  return turn === 1 || lastOf(id, ['user_message'])?.turn === turn
}
