// The children of a session that is ended from outside: they end with it. One that ends by itself leaves its children at work, and so
// does one whose runner was killed; --only says that a cancelled one does too.

import { Fault } from '../base/exit.js'
import type { LogWriter } from '../log/write.js'
import { closeTo } from '../session/nesting.js'
import { childrenOf } from '../session/tree.js'

/**
 * Ends all that descends from a session of which a run is being ended; returns when it is over. Nothing is born of that run any more.
 * `grace` is the ladder's step in milliseconds. What cannot be ended is told in the log.
 */
export async function endChildren(id: string, run: number, grace: number, log: LogWriter): Promise<void> {
  try {
    closeTo(id, run)
    if (childrenOf(id).length === 0) return
    const failed = await (await import('./cancel.js')).cancelBelow(id, grace)
    const events = failed.map(({ message }) => ({ type: 'user_event', level: 'warn', message, by: 'runner' }) as const)
    log.append(...events)
  } catch (error) {
    // A disk that takes nothing more must not keep the session from its own end.
    if (!(error instanceof Fault)) throw error
  }
}
