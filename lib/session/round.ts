// Looking at many sessions, and again and again, for little: what one round of looks has settled is not settled twice in it,
// and what was found to keep a session waiting is looked at again only when something about it has changed.

import { paths } from '../base/paths.js'
import { changedAt } from '../store/file.js'
import type { Status } from './state.js'

/** One round of looks. */
export class Round {
  /** What has been settled in it, or is being. */
  readonly settled = new Map<string, Promise<Status>>()
  /** Whether the queue has a server, once that was asked. */
  isServed: boolean | undefined
}

/** A session as it was when it was found waiting. */
export interface Waiting {
  status: Status
  /** The sessions it waits for that are not over; none if it waits for a slot. */
  for: readonly string[]
  /** When its folder changed, as every claim of it does, in milliseconds since 1970. */
  changed: number
}

/** A folder that changed less long ago may change again without showing another time, in milliseconds. */
const COARSE = 2_000

const waiting = new Map<string, Waiting>()

/** Remembers what keeps a session waiting. `changed`: when its folder had changed, asked before all else. */
export function remember(status: Status, whatFor: readonly string[], changed: number | undefined): void {
  if (changed === undefined || Date.now() - changed < COARSE) return
  waiting.set(status.id, { status, for: whatFor, changed })
}

/** What is remembered of a session, if nobody has claimed it since. */
export function recall(id: string): Waiting | undefined {
  const found = waiting.get(id)
  if (!found || found.changed === changedAt(paths.session(id))) return found
  waiting.delete(id)
  return undefined
}
