// Sessions that wait: for others that they depend on, then for a slot where slots are limited. They have no process. Whoever
// ends a session considers those that depend on it; whoever looks at one that waits does what was left undone.
//
// A session leaves the queue by a claim, so it starts once however many consider it. One that needs no slot gets a runner of
// its own. One that does is put into the folder queue/, from which a single process starts what there are slots for (serve.ts).

import { EXIT, Fault } from '../base/exit.js'
import { shortId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { LogWriter } from '../log/write.js'
import { isAlive, myself } from '../process/identity.js'
import { makeFolder, touch } from '../store/file.js'
import { indexed } from '../table/filing.js'
import { latestIn, latestOwner, nobody, takeOver, takeOverIn } from '../table/owners.js'
import { read, type Session } from '../table/sessions.js'
import { startRunner, startServer } from './begin.js'
import { settle } from './settle.js'
import { isLimited } from './slots.js'
import { type Status, statusOf } from './state.js'
import { type Ended, finish, leaveBehind } from './turn.js'

/** Considers each session that depends on one which has ended. */
export async function advance(id: string): Promise<void> {
  for (const dependent of indexed('after', id)) await consider(dependent)
}

/** Starts a session that waits if its turn has come, or fails it if that will never be. Nothing to do for any other. */
export async function consider(id: string): Promise<void> {
  const session = read(id)
  if (!session) return
  const status = statusOf(id)
  if (status.state !== 'queued') return
  // A later run is for a message, whatever became of what the first one waited for.
  const obstacle = status.run > 1 ? undefined : obstacleOf(session)
  if (obstacle === 'waits') return
  if (obstacle) await leave(session, status, { success: false, status: 'failed', reason: 'dependency', error: obstacle })
  else if (await isLimited(session)) await enqueue(id)
  else await begin(session, status)
}

/**
 * Looks after a session found waiting, and after all that it waits for: ends what is dead of it, starts what is free. `seen` are
 * sessions looked after already. True if it waits no longer.
 */
export async function tend(id: string, seen: Set<string>): Promise<boolean> {
  for (const dependency of read(id)?.depends_on ?? []) {
    if (seen.has(dependency)) continue
    seen.add(dependency)
    if (read(dependency)) await settle(dependency, seen)
  }
  await consider(id)
  return statusOf(id).state !== 'queued'
}

/** Ends a session that waits, without a run. False if it waits no longer. */
export async function cancelQueued(id: string, reason: string | undefined): Promise<boolean> {
  const session = read(id)
  const status = statusOf(id)
  if (!session || status.state !== 'queued') return false
  return leave(session, status, { success: false, status: 'cancelled', reason: reason ?? 'cancelled' })
}

/** Why a session cannot start: `waits` if that may pass, else what went wrong in words; nothing if it can. */
function obstacleOf({ depends_on, after_any }: Session): string | undefined {
  let waits = false
  for (const id of depends_on) {
    const dependency = read(id)
    if (!dependency) {
      if (!after_any) return `session ${shortId(id)}, on which it depends, was removed`
      continue
    }
    const { over, state } = statusOf(id)
    if (!over) waits = true
    else if (state !== 'completed' && !after_any) return `session ${dependency.name ?? shortId(id)}, on which it depends, is ${state}`
  }
  return waits ? 'waits' : undefined
}

async function leave(session: Session, { owner, run }: Status, how: Omit<Ended, 'run' | 'duration_ms'>): Promise<boolean> {
  if (!takeOver(session.id, owner, { role: 'close', run, ...myself() })) return false
  const log = new LogWriter(session.id, session.parent)
  try {
    finish(session, log, { ...how, run, duration_ms: 0 })
  } finally {
    log.close()
  }
  await leaveBehind(session.id)
  return true
}

async function begin(session: Session, { owner, run }: Status): Promise<void> {
  const { id } = session
  if (!takeOver(id, owner, { role: 'start', run, ...myself() })) return
  try {
    await startRunner(id, run)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const mine = latestOwner(id)
    // Whoever looks at it next tries again, unless there is no hope.
    const again = takeOver(id, mine, { role: 'queue', run, ...nobody() })
    if (again && error.exit !== EXIT.system)
      await leave(session, statusOf(id), { success: false, status: 'failed', reason: 'start', error: error.message })
  }
}

/** Puts a session among those that wait for a slot. */
export async function enqueue(id: string): Promise<void> {
  touch(paths.queued(id))
  await serve()
}

/** Sees to it that somebody serves the queue. What was put into it before is seen by whoever does. */
async function serve(): Promise<void> {
  const folder = paths.server()
  const owner = latestIn(folder)
  if (owner && isAlive(owner)) return
  makeFolder(folder)
  if (takeOverIn(folder, owner, { role: 'start', run: 0, ...myself() })) await startServer()
}
