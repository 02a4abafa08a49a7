// Putting right what a runner's death left behind. Whoever looks at a session does it here: ends what is still alive of it,
// takes into the log what the agent said, keeps its result, and only then writes the end, once, however many look.

import { Fault } from '../base/exit.js'
import { loadConfig } from '../config/config.js'
import { lastOf } from '../log/read.js'
import { LogWriter } from '../log/write.js'
import { endAll } from '../process/end.js'
import { myself } from '../process/identity.js'
import { providerOf } from '../provider/list.js'
import { read, type Session, takeOver } from '../table/sessions.js'
import { markOf } from './agent.js'
import { requestedEnd } from './request.js'
import { outcomeOf, readAnew } from './runner.js'
import { type Status, statusOf } from './state.js'
import { type Ended, finish, keepResult } from './turn.js'

/** What is left of a dead run's agent gets this long between the steps INT, TERM, KILL, in milliseconds. */
const GRACE = 250

/** The state of a session, after ending it for all to see if it was found dead. */
export async function settle(id: string): Promise<Status> {
  const status = statusOf(id)
  if (status.state !== 'dead' || status.ended) return status
  const session = read(id)
  if (session && takeOver(id, status.owner, { role: 'close', run: status.run, ...myself() })) await close(session, status)
  return statusOf(id)
}

/** Ends a session that nobody supervises any more and that this process has claimed. */
async function close(session: Session, status: Status): Promise<void> {
  const log = new LogWriter(session.id, session.parent)
  try {
    const ended = await endOf(session, status, log)
    finish(session, log, ended)
  } finally {
    log.close()
  }
}

async function endOf(session: Session, { id, run, started }: Status, log: LogWriter): Promise<Ended> {
  const agent = {
    pid: started?.pid,
    start: started?.pid_start,
    boot: started?.boot_id,
    host: started?.host,
  }
  await endAll({ ...agent, mark: markOf(id, run) }, { grace: GRACE })
  const request = requestedEnd(id, run)
  const dead = {
    success: false,
    status: 'dead' as const,
    error: 'its runner is gone',
    reason: 'runner',
  }
  const duration_ms = started ? Math.max(0, Date.now() - Date.parse(started.ts)) : 0
  if (!started) return { ...dead, error: 'it was never started', run, duration_ms }
  const from = { stdout: started.stdout_from, stderr: started.stderr_from }
  const provider = await providerIfKnown(session)
  const said = provider && readAnew(id, log, provider, from, { code: null, signal: null })
  if (request?.outcome === 'completed' && lastOf(id, 'session_result'))
    return { ...outcomeOf({ success: true }, request), run, duration_ms }
  if (said) await keepResult(id, said.verdict.result, from.stdout, said.stdoutEnd)
  return request ? { ...outcomeOf({ success: false }, request), run, duration_ms } : { ...dead, run, duration_ms }
}

/** The provider, unless the configuration has lost it since: then its output stays in its files. */
async function providerIfKnown(session: Session) {
  try {
    return providerOf(session.provider, await loadConfig(session.root))
  } catch (error) {
    if (error instanceof Fault) return undefined
    throw error
  }
}
