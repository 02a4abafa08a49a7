// Sessions that wait: for others that they depend on, then for a slot where slots are limited. They have no process. Whoever
// ends a session considers those that depend on it; whoever looks at one that waits does what was left undone.
//
// A session leaves the queue by a claim, so it starts once however many consider it. One that needs no slot gets a runner of
// its own. One that does is put into the folder queue/, from which a single process starts what there are slots for (serve.ts).

import { EXIT, Fault } from '../base/exit.js'
import { shortId } from '../base/id.js'
import { isSandboxed, paths } from '../base/paths.js'
import { LogWriter } from '../log/write.js'
import { identify, isAlive, myself } from '../process/identity.js'
import { type Round, remember } from '../session/round.js'
import { type Status, statusOf } from '../session/state.js'
import { changedAt, makeFolder, remove, touch } from '../store/file.js'
import { indexed } from '../table/filing.js'
import { latestIn, latestOwner, nobody, release, takeOver, takeOverIn } from '../table/owners.js'
import { exists, read, type Session } from '../table/sessions.js'
import { startRunner, startServer } from './begin.js'
import { settle } from './settle.js'
import { isLimited } from './slots.js'
import { type Ended, finish, leaveBehind } from './turn.js'

/** Considers each session that depends on one which has ended. */
export async function advance(id: string): Promise<void> {
  for (const dependent of indexed('after', id)) await consider(dependent, id)
}

/** Whether a session that is not over depends on this one: what it has to give must not be thrown away yet. */
export function isAwaited(id: string): boolean {
  return indexed('after', id).some(dependent => exists(dependent) && !statusOf(dependent).over)
}

/**
 * Starts a session that waits if its turn has come, or fails it if that will never be; does nothing for any other. What it depends on
 * counts for its first run; a later one is asked for by a message. `ended`: what it is considered for, which is looked at first.
 * Gives the sessions it goes on waiting for, and none of them if it waits for a slot.
 */
export async function consider(id: string, ended?: string): Promise<string[] | undefined> {
  const session = read(id)
  if (!session) return undefined
  const status = statusOf(id)
  if (status.state !== 'queued') return undefined
  const { error, waitsFor } = status.run > 1 ? { waitsFor: [] } : await obstaclesOf(session, ended)
  if (error) await leave(session, status, { success: false, status: 'failed', reason: 'dependency', error })
  else if (waitsFor.length > 0) return waitsFor
  // It was asked for outside, and runs there: whoever looks from there starts it.
  else if (isSandboxed()) return undefined
  else if (await isLimited(session)) {
    await enqueue(id)
    return []
  } else await begin(session, status)
  return undefined
}

/**
 * Looks after a session found waiting, and after all that it waits for: ends what is dead of it, starts what is free. True if it
 * waits no longer.
 */
export async function tend(id: string, round: Round): Promise<boolean> {
  const changed = changedAt(paths.session(id))
  for (const dependency of read(id)?.depends_on ?? []) if (exists(dependency)) await settle(dependency, round)
  const waitsFor = await consider(id)
  const status = statusOf(id)
  if (status.state !== 'queued') return true
  if (waitsFor) remember(status, waitsFor, changed)
  return false
}

/** Ends a session that waits, without a run. False if it waits no longer. */
export async function cancelQueued(id: string, reason: string | undefined): Promise<boolean> {
  const session = read(id)
  const status = statusOf(id)
  if (!session || status.state !== 'queued') return false
  return leave(session, status, { success: false, status: 'cancelled', reason: reason ?? 'cancelled' })
}

/** What keeps a session from starting: what it waits for, or in words what went wrong for good. */
interface Obstacles {
  error?: string
  waitsFor: string[]
}

async function obstaclesOf(session: Session, ended: string | undefined): Promise<Obstacles> {
  const waitsFor: string[] = []
  // What ended first. Then from behind, as what was asked for last mostly ends last, and only up to the first that is not over, so
  // that a thousand ends of what one session depends on do not cost a million looks.
  for (const id of [...(ended === undefined ? [] : [ended]), ...session.depends_on.toReversed()]) {
    const obstacle = await obstacleIn(session, id)
    if (obstacle?.error) return { error: obstacle.error, waitsFor }
    if (obstacle) waitsFor.push(id)
    if (obstacle && ended !== undefined) break
  }
  return { waitsFor }
}

/** Whether nothing, or nothing that may pass, keeps a session that waits from its turn, which is its `run`; changes nothing. */
export function isStranded({ depends_on, after_any }: Session, run: number): boolean {
  if (run > 1) return true
  const states = depends_on.map(id => (exists(id) ? statusOf(id) : undefined))
  const hasFailed = !after_any && states.some(status => !status || (status.over && status.state !== 'completed'))
  return hasFailed || states.every(status => !status || status.over)
}

/** How one dependency is in the way: it is not over, or it is an error. One that died gives what there is of its result first. */
async function obstacleIn({ after_any }: Session, id: string): Promise<{ error?: string } | undefined> {
  const dependency = read(id)
  if (!dependency) return after_any ? undefined : { error: `session ${shortId(id)}, on which it depends, was removed` }
  const found = statusOf(id)
  const { over, state } = found.state === 'dead' && !found.ended ? await settle(id) : found
  if (!over) return {}
  const name = dependency.name ?? shortId(id)
  return state === 'completed' || after_any ? undefined : { error: `session ${name}, on which it depends, is ${state}` }
}

/** Ends a session that waits, without a run. False if somebody else has it in hand by now. */
async function leave(session: Session, { owner, run }: Status, how: Omit<Ended, 'run' | 'duration_ms'>): Promise<boolean> {
  const { id, parent } = session
  if (!takeOver(id, owner, { role: 'close', run, ...myself() })) return false
  try {
    const log = new LogWriter(id, parent)
    try {
      finish(session, log, { ...how, run, duration_ms: 0 })
    } finally {
      log.close()
    }
    remove(paths.queued(id))
  } catch (error) {
    // It goes on waiting, unless its end is in the log: whoever can write ends it.
    release(id, owner)
    throw error
  }
  await leaveBehind(id)
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
export async function serve(): Promise<void> {
  const folder = paths.server()
  const before = latestIn(folder)
  if (before && isAlive(before)) return
  makeFolder(folder)
  if (!takeOverIn(folder, before, { role: 'start', run: 0, ...myself() })) return
  const mine = latestIn(folder)
  try {
    const server = identify(await startServer())
    // It is not this process, which may live long, that others have to count on.
    takeOverIn(folder, mine, { role: 'start', run: 0, ...(server ?? nobody()) })
  } catch (error) {
    takeOverIn(folder, mine, { role: 'start', run: 0, ...nobody() })
    throw error
  }
}
