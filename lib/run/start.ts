// Starting sessions in the background: under a runner of their own, or, where they have to wait, without any process.

import { paths } from '../base/paths.js'
import { undoApart } from '../session/remove.js'
import { latestOwner } from '../table/owners.js'
import type { Session } from '../table/sessions.js'
import { type Ask, plan, record } from './ask.js'
import { startRunner } from './begin.js'

export interface Spawned {
  id: string
  /** The runner's; nothing as long as the session waits in the queue. */
  pid?: number
  logPath: string
  /** It lives on after its first turn. */
  interactive: boolean
}

/** Starts a session in the background and returns as soon as nothing can lose it any more. Throws Faults 2, 5, 126, 127. */
export async function spawn(ask: Ask): Promise<Spawned> {
  return (await prepare(ask))()
}

/**
 * Checks all that can be wrong with what is asked for, and gives what starts it. So a caller can tell a wrong wish, for which this
 * throws as plan does, from a system that refuses to make what was fine, for which the function throws as record and start do.
 */
export async function prepare(ask: Ask): Promise<() => Promise<Spawned>> {
  const { session, files, wanted } = await plan(ask)
  return async () => start(await record(session, 'spawn', files, wanted))
}

/** Starts a session that was just made, or lets it wait its turn. Throws a Fault (5) and forgets the session then. */
export async function start(session: Session): Promise<Spawned> {
  const { id, interactive = false } = session
  return { id, pid: await runnerFor(session), logPath: paths.inSession(id, 'log.ndjson'), interactive }
}

async function runnerFor(session: Session): Promise<number | undefined> {
  const { id } = session
  try {
    if (latestOwner(id)?.role !== 'queue') return await startRunner(id, 1)
    await (await import('./queue.js')).consider(id)
    const owner = latestOwner(id)
    return owner?.role === 'run' ? owner.pid : undefined
  } catch (error) {
    const role = latestOwner(id)?.role
    if (role === 'spawn' || role === 'queue') await undoApart(session)
    throw error
  }
}
