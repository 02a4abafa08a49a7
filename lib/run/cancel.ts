// Ending sessions from outside: ask the runner, which knows its agent, and do it in the runner's place if it cannot.

import { EXIT, Fault } from '../base/exit.js'
import { inside } from '../base/paths.js'
import { endOne, signalOne } from '../process/end.js'
import { isAlive, isElsewhere } from '../process/identity.js'
import { type Status, statusOf } from '../session/state.js'
import { latestOwner, type Owner } from '../table/owners.js'
import { type EndRequest, GRACE, requestEnd } from './request.js'
import { settle } from './settle.js'
import { waitFor } from './wait.js'

/** A runner gets this long beyond its ladder before it is taken for stuck, in milliseconds. */
const PATIENCE = 5_000

export interface CancelOptions {
  /** Milliseconds between the steps of the ladder; 0 is KILL at once. */
  grace?: number
  outcome?: EndRequest['outcome']
  reason?: string
}

export interface Cancelled {
  status: Status
  /** It had ended before anybody asked. */
  already: boolean
}

/** Ends a session and everything that belongs to it; returns when it is over. Throws a Fault (4) if it cannot be ended from here. */
export async function cancel(id: string, options: CancelOptions = {}): Promise<Cancelled> {
  const { grace = GRACE, outcome = 'cancelled', reason } = options
  const before = await settle(id)
  if (before.over) return { status: before, already: true }
  if (before.state === 'queued' && (await endQueued(id, options))) return { status: statusOf(id), already: false }
  const { owner } = before
  if (owner && isElsewhere(owner)) throw new Fault(`session ${id} runs on another machine, ${owner.host}: cancel it there`, EXIT.notNow)
  requestEnd(id, {
    outcome,
    run: before.run,
    grace_ms: grace,
    by: inside()?.session ?? 'user',
    reason,
  })
  // Asked for anew: a runner that took over before the request was written did not see it; one that does so later will.
  tell(latestOwner(id))
  const { ended } = await waitFor([id], { timeout: 2 * grace + PATIENCE })
  if (ended[0]) return { status: ended[0], already: false }
  return { status: await endStuckRunner(id), already: false }
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

/** Ends many at once; calls `onEnd` for each as it is over. Returns the faults of those that could not be ended. */
export async function cancelAll(ids: string[], options: CancelOptions, onEnd: (cancelled: Cancelled) => void): Promise<Fault[]> {
  const failed: Fault[] = []
  const attempt = async (act: () => Promise<unknown>) => {
    try {
      await act()
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      failed.push(error)
    }
  }
  const waits = new Set(ids.filter(id => statusOf(id).state === 'queued'))
  const others = ids.filter(id => !waits.has(id))
  // What waits goes first, the newest before those it waits for: else they would fail for the end of those.
  for (const id of [...waits].sort().reverse())
    await attempt(async () => {
      // One that was started a moment ago takes longer.
      if (await endQueued(id, options)) onEnd({ status: statusOf(id), already: false })
      else others.push(id)
    })
  await Promise.all(others.map(id => attempt(async () => onEnd(await cancel(id, options)))))
  return failed
}

async function endQueued(id: string, { reason }: CancelOptions): Promise<boolean> {
  return (await import('./queue.js')).cancelQueued(id, reason)
}
