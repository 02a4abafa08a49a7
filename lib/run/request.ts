// Asking a session to end: a file in its folder, and a signal that makes its runner look at it. The file outlives both, so
// whoever ends the session in the runner's place knows how it was meant to end.

import { EXIT, Fault } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { formatDuration } from '../base/time.js'
import { readIfThere, replaceFile } from '../store/file.js'
import { isRemoved } from '../table/sessions.js'

/** The step of the ladder INT, TERM, KILL unless somebody says otherwise, in milliseconds. */
export const GRACE = 5_000

export interface EndRequest {
  /** completed: the agent handed in its result and is done; failed: its time was over. */
  outcome: 'completed' | 'cancelled' | 'failed'
  /** The run that is meant; a later one takes no notice. */
  run: number
  /** Milliseconds between the steps of the ladder INT, TERM, KILL; 0 is KILL at once. */
  grace_ms: number
  /** Who asked: a session, or `user`. */
  by: string
  reason?: string
  /** Its children live on. */
  only?: boolean
  error?: string
}

/** The end of a run whose --timeout, in milliseconds, is over. */
export function timeIsOver(run: number, timeout: number): EndRequest {
  const error = `not done after ${formatDuration(timeout)}`
  return { outcome: 'failed', run, grace_ms: GRACE, by: 'runner', reason: 'timeout', error }
}

export function requestEnd(id: string, request: EndRequest): void {
  replaceFile(paths.inSession(id, 'end-request'), JSON.stringify(request))
}

/** What was asked of this run, if anything. */
export function requestedEnd(id: string, run: number): EndRequest | undefined {
  const request = read(id)
  return request?.run === run ? request : undefined
}

/**
 * What was asked of this run, or of an earlier one from `first` on that ended by itself before it was told to be cancelled. Whoever
 * removed the folder of a session wants nothing more of it, and nobody could see or end what goes on.
 */
export function requestFor(id: string, first: number, run: number): EndRequest | undefined {
  if (isRemoved(id)) return { outcome: 'cancelled', run, grace_ms: GRACE, by: 'runner', reason: 'the session was removed' }
  const request = read(id)
  if (!request || request.run > run) return undefined
  return request.run === run || (request.run >= first && request.outcome === 'cancelled') ? { ...request, run } : undefined
}

function read(id: string): EndRequest | undefined {
  const text = readIfThere(paths.inSession(id, 'end-request'))
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as EndRequest
  } catch (error) {
    throw new Fault(`the end-request of session ${id} is no JSON`, EXIT.system, { cause: error })
  }
}
