// What a run or a turn came to, as its end has it: by what was asked of it, by what its agent says, or because it could not begin.

import { Fault } from '../base/exit.js'
import type { Exit, Verdict } from '../provider/provider.js'
import type { EndRequest } from './request.js'
import type { Ended } from './turn.js'

/** What a run came to, but for its number and its time. */
export type Outcome = Pick<Ended, 'success' | 'status'> & Partial<Ended>

/** What a run came to: what was asked of it goes before what the agent says of itself. */
export function outcomeOf(verdict: Verdict, request: EndRequest | undefined): Pick<Ended, 'success' | 'status' | 'error' | 'reason'> {
  if (!request)
    return {
      success: verdict.success,
      status: verdict.success ? 'completed' : 'failed',
      error: verdict.error,
    }
  const { outcome, error, reason } = request
  return {
    success: outcome === 'completed',
    status: outcome,
    error,
    reason: reason ?? (outcome === 'cancelled' ? 'cancelled' : undefined),
  }
}

/** How its process ended. */
export function exitFields({ code, signal }: Exit): Pick<Ended, 'exit_code' | 'signal'> {
  return { exit_code: code ?? undefined, signal: signal ?? undefined }
}

/** Of a Fault that kept it from beginning; throws any other error. */
export function failedToStart(error: unknown): Pick<Ended, 'success' | 'status' | 'error' | 'reason' | 'exit_code'> {
  if (!(error instanceof Fault)) throw error
  return {
    success: false,
    status: 'failed',
    error: error.message,
    reason: 'start',
    exit_code: error.exit,
  }
}
