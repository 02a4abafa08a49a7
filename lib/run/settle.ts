// Putting right what a runner's death left behind. Whoever looks at a session does it here, once, however many look.

import { markOf } from '../agent/agent.js'
import { EXIT, Fault } from '../base/exit.js'
import { inside, paths } from '../base/paths.js'
import { isAlive, myself } from '../process/identity.js'
import { Round, recall, type Waiting } from '../session/round.js'
import { type Status, statusOf } from '../session/state.js'
import { hasMessages } from '../session/turns.js'
import { sizeIfThere } from '../store/file.js'
import { latestIn, release, takeOver } from '../table/owners.js'
import { readIfIntact, type Session } from '../table/sessions.js'
import type { Ended } from './turn.js'

/** How often to look whether it has, in milliseconds. */
const LOOK_AGAIN = 20
/** Another finder gets this long to end a session before its state is told without its end, in milliseconds. */
const PATIENCE = 10_000

/**
 * The state of a session, after ending it for all to see if it was found dead, or starting it if it was found waiting for
 * nothing. Those who look at many give all of them the same round.
 */
export function settle(id: string, round = new Round()): Promise<Status> {
  const status = round.settled.get(id) ?? settleOnce(id, round)
  round.settled.set(id, status)
  return status
}

async function settleOnce(id: string, round: Round): Promise<Status> {
  const waiting = recall(id)
  if (waiting && (await isHeld(waiting, round))) return waiting.status
  for (let status = statusOf(id), first = performance.now(); ; status = statusOf(id)) {
    if (status.state === 'queued' && (await tendOrLeave(id, round))) continue
    if (status.ended) await showIfMissing(status, status.ended)
    if (status.ended && (await goOn(status, status.ended))) continue
    if (status.state !== 'dead' || status.ended || isOwn(status)) return status
    const { owner } = status
    const taken = owner?.role === 'close' && isAlive(owner)
    if (!taken && !(await tryToClose(status))) return status
    // Somebody else is at it: what it keeps of the result has to be there before anybody is told that the session is over.
    if (performance.now() - first > PATIENCE) return status
    if (taken) await new Promise(resolve => setTimeout(resolve, LOOK_AGAIN))
  }
}

/** The states of many, as settle gives each. */
export async function settleAll(ids: readonly string[]): Promise<Status[]> {
  const round = new Round()
  return Promise.all(ids.map(id => settle(id, round)))
}

/** Whether a session is still kept waiting by what it was found to wait for. */
async function isHeld({ status, for: others }: Waiting, round: Round): Promise<boolean> {
  // A chain may be long: its sessions are not looked at one on top of another.
  await Promise.resolve()
  if (others.length > 0) return (await Promise.all(others.map(id => settle(id, round)))).every(({ over }) => !over)
  round.isServed ??= isServed()
  return round.isServed && sizeIfThere(paths.queued(status.id)) !== undefined
}

function isServed(): boolean {
  const server = latestIn(paths.server())
  return server !== undefined && isAlive(server)
}

/** Looks after one that waits. False if it waits on, or if that is not possible here: whoever can write does it. */
async function tendOrLeave(id: string, round: Round): Promise<boolean> {
  try {
    return await (await import('./queue.js')).tend(id, round)
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

/** Messages that a supervisor left behind when it died are for the next run. False if there is none, or if it cannot be had here. */
async function goOn({ id, owner }: Status, { status, run }: Ended): Promise<boolean> {
  const lost = status === 'dead' || (status !== 'cancelled' && owner !== undefined && owner.run > run && !isAlive(owner))
  if (!lost || !hasMessages(id)) return false
  try {
    await (await import('./send.js')).resume(id)
  } catch (error) {
    if (!isRefusal(error)) throw error
  }
  return !statusOf(id).over
}

/** Ends a dead session unless somebody else came first. False if that is not possible here: its state is told all the same. */
async function tryToClose(status: Status): Promise<boolean> {
  const { id, owner, run } = status
  const session = readIfIntact(id)
  if (!session) return false
  try {
    if (takeOver(id, owner, { role: 'close', run, ...myself() })) await closeOrRelease(session, status)
    return true
  } catch (error) {
    // A full disk or a home that cannot be written: whoever looks when it can be does the rest.
    if (isRefusal(error)) return false
    throw error
  }
}

/** A claim that came to nothing must not keep others waiting for as long as this process lives. */
async function closeOrRelease(session: Session, status: Status): Promise<void> {
  // One that was released just now can have written the end, and not its row.
  if (statusOf(session.id).ended) return
  try {
    await (await import('./close.js')).close(session, status)
  } catch (error) {
    release(session.id, status.owner)
    throw error
  }
}

/** What runs inside a session cannot end all of it: that is for whoever looks from outside. */
function isOwn({ id, run }: Status): boolean {
  return inside()?.process === markOf(id, run)
}

/** Whoever wrote the end may have died before the row, the marker and what comes after them. */
async function showIfMissing({ id, owner }: Status, ended: Ended): Promise<void> {
  const shown = sizeIfThere(paths.marker(id, 'ended')) !== undefined
  if ((shown && sizeIfThere(paths.inSession(id, 'environment')) === undefined) || (owner && isAlive(owner))) return
  const session = readIfIntact(id)
  try {
    const { showEnd, leaveBehind } = await import('./turn.js')
    if (session && !shown) showEnd(session, ended)
    await leaveBehind(id)
  } catch (error) {
    // Where it cannot be written, the log says it all the same.
    if (!isRefusal(error)) throw error
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Fault && error.exit === EXIT.system
}
