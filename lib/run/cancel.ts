// Ending sessions from outside: ask the runner, which knows its agent, and do it in the runner's place if it cannot.
//
// The children of a session end with it, and theirs. Each is closed before anybody looks for its children, so none is born that
// nobody ends; then all are asked at once, and a runner tells the end of its session when its children are over.

import { EXIT, Fault } from '../base/exit.js'
import { inside } from '../base/paths.js'
import { endOne, signalOne } from '../process/end.js'
import { isAlive, isElsewhere } from '../process/identity.js'
import { closeTo } from '../session/nesting.js'
import { type Status, statusOf } from '../session/state.js'
import { childrenOf, descendantsOf } from '../session/tree.js'
import { latestOwner, type Owner } from '../table/owners.js'
import { exists } from '../table/sessions.js'
import { type EndRequest, GRACE, requestEnd, requestedEnd } from './request.js'
import { settle } from './settle.js'
import { waitFor } from './wait.js'

/** A runner gets this long beyond its ladder before it is taken for stuck, in milliseconds; once more for each generation it waits for. */
const PATIENCE = 5_000
/** One that runs others as well is never killed, and may take so much longer, in milliseconds. */
const LONG_PATIENCE = 60_000

export interface CancelOptions {
  /** Milliseconds between the steps of the ladder; 0 is KILL at once. */
  grace?: number
  outcome?: EndRequest['outcome']
  reason?: string
  /** Its children live on. */
  only?: boolean
}

/** How one of many is ended. */
interface Part extends CancelOptions {
  /** So many generations end below it. */
  below?: number
  /** It ends with its parent: whoever asked for that of it before is right already. */
  along?: boolean
  by?: string
}

export interface Cancelled {
  status: Status
  /** It had ended before anybody asked. */
  already: boolean
}

/**
 * Ends a session and everything that belongs to it, its children too where its runner can; returns when it is over. Throws a Fault (4)
 * if it cannot be ended from here.
 */
export async function cancel(id: string, options: CancelOptions = {}): Promise<Cancelled> {
  return cancelOne(id, options)
}

async function cancelOne(id: string, options: Part): Promise<Cancelled> {
  const { grace = GRACE, outcome = 'cancelled', reason, only, below = 0, along } = options
  const before = await settle(id)
  if (before.over) return { status: before, already: true }
  if (before.state === 'queued' && (await endQueued(id, options))) return { status: statusOf(id), already: false }
  const { owner } = before
  if (owner && isElsewhere(owner)) throw new Fault(`session ${id} runs on another machine, ${owner.host}: cancel it there`, EXIT.notNow)
  if (outcome !== 'completed') closeTo(id, before.run)
  const asked = along ? requestedEnd(id, before.run) : undefined
  if (asked?.outcome !== 'cancelled' || asked.grace_ms > grace)
    requestEnd(id, { outcome, run: before.run, grace_ms: grace, by: options.by ?? inside()?.session ?? 'user', reason, only })
  // Asked for anew: a runner that took over before the request was written did not see it; one that does so later will.
  tell(latestOwner(id))
  const ended = await endOf(id, 2 * grace + PATIENCE * (1 + below))
  return { status: ended ?? (await endStuckRunner(id)), already: false }
}

/** The end of a session that was asked to end; nothing if its runner does not do it. One that runs others as well may have all of them to end. */
async function endOf(id: string, patience: number): Promise<Status | undefined> {
  const { ended } = await waitFor([id], { timeout: patience })
  if (ended[0] || !latestOwner(id)?.shared) return ended[0]
  return (await waitFor([id], { timeout: LONG_PATIENCE })).ended[0]
}

function tell(owner: Owner | undefined): void {
  // The spawner is not the runner yet; the runner looks for the request when it starts.
  if (owner?.role === 'run' && !isElsewhere(owner)) signalOne(owner, owner.shared ? 'SIGUSR2' : 'SIGTERM')
}

/** A runner that is stopped or hangs is killed, and the session ended as that of a dead runner, as it was asked to end. */
async function endStuckRunner(id: string): Promise<Status> {
  const { owner, over } = await settle(id)
  if (!over && owner?.shared && isAlive(owner))
    throw new Fault(`session ${id} could not be ended: process ${owner.pid}, which runs others as well, does not do it`, EXIT.notNow)
  if (!over && owner && owner.role !== 'close') await endOne(owner)
  const status = await settle(id)
  if (!status.over) throw new Fault(`session ${id} could not be ended: its runner ${owner?.pid} does not go away`, EXIT.notNow)
  return status
}

/**
 * Ends many at once, and what descends from them unless `only`; calls `onEnd` for each as it is over, but for descendants that were
 * over before. Returns the faults of those that could not be ended.
 */
export async function cancelAll(ids: string[], options: CancelOptions, onEnd: (cancelled: Cancelled) => void): Promise<Fault[]> {
  const failed: Failed = new Map()
  const below = options.only ? new Map<string, number>() : closedBelow(ids, failed)
  const deepest = deepestOf(below)
  const parts = new Map<string, Part>(ids.map(id => [id, { ...options, below: deepest }]))
  for (const [id, level] of below) parts.set(id, { ...options, reason: options.reason ?? 'parent', along: true, below: deepest - level })
  const told = (cancelled: Cancelled) => {
    if (!cancelled.already || !below.has(cancelled.status.id)) onEnd(cancelled)
  }
  await endEach(parts, told, failed)
  return [...failed.values()]
}

/** Why sessions could not be ended, one reason each. */
type Failed = Map<string, Fault>

/** Ends what descends from a session, which is closed already. Returns the faults of those that could not be ended. */
export async function cancelBelow(id: string, grace: number): Promise<Fault[]> {
  const failed: Failed = new Map()
  const below = closedBelow([id], failed)
  const deepest = deepestOf(below)
  const parts = [...below].map(([each, level]) => [each, { grace, reason: 'parent', by: id, along: true, below: deepest - level }] as const)
  await endEach(new Map<string, Part>(parts), () => {}, failed)
  return [...failed.values()]
}

const deepestOf = (below: ReadonlyMap<string, number>) => [...below.values()].reduce((most, level) => Math.max(most, level), 0)

/** What descends from sessions that are to end, each of which is closed before its children are looked for. */
function closedBelow(ids: readonly string[], failed: Failed): Map<string, number> {
  return descendantsOf(ids, id => {
    try {
      const { over, run } = statusOf(id)
      if (!over) closeTo(id, run)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      // Of one that was removed this moment there is nothing to close.
      if (exists(id)) failed.set(id, error)
    }
    return childrenOf(id)
  })
}

async function endEach(parts: ReadonlyMap<string, Part>, onEnd: (cancelled: Cancelled) => void, failed: Failed): Promise<void> {
  const attempt = async (id: string, act: () => Promise<unknown>) => {
    try {
      await act()
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      // Whoever was making a child finds its parent closed and takes the child back.
      if (!parts.get(id)?.along || exists(id)) failed.set(id, error)
    }
  }
  const waits = new Set([...parts.keys()].filter(id => statusOf(id).state === 'queued'))
  const others = [...parts.keys()].filter(id => !waits.has(id))
  // What waits goes first, the newest before those it waits for: else they would fail for the end of those.
  for (const id of [...waits].sort().reverse())
    await attempt(id, async () => {
      // One that was started a moment ago takes longer.
      if (await endQueued(id, parts.get(id) ?? {})) onEnd({ status: statusOf(id), already: false })
      else others.push(id)
    })
  await Promise.all(others.map(id => attempt(id, async () => onEnd(await cancelOne(id, parts.get(id) ?? {})))))
}

async function endQueued(id: string, { reason }: CancelOptions): Promise<boolean> {
  return (await import('./queue.js')).cancelQueued(id, reason)
}
