// What follows a run: the same turn again, messages that wait, or nothing; and what follows a turn that was held up, in a session that
// lives on. This module alone decides it; it is asked before the end of the run is told, so that a session on which more follows is
// never seen as over.

import { formatDuration } from '../base/time.js'
import { loadConfig } from '../config/config.js'
import { appendEvents } from '../log/write.js'
import { providerOf } from '../provider/list.js'
import type { Limit } from '../provider/provider.js'
import { waiting } from '../session/inbox.js'
import { deliver, messagesOf, openTurn } from '../session/turns.js'
import type { Session } from '../table/sessions.js'
import { askAgain } from './fit.js'
import { afterLimit, type Incident } from './limit.js'
import type { Ended } from './turn.js'

/** The next run of a session, or what comes next in a run. */
export interface Following {
  /** Milliseconds to wait before it. */
  pause: number
  /** It is the same turn again: that is not over yet. */
  again?: boolean
  /** The turn goes on when what held it up is over: this is no retry, and counts as the run before it. */
  held?: 'limit' | 'collision'
  /** It sleeps until this limit is over. */
  limited?: Incident
  /** The agent is told to go on with that turn, and not what it was told before. */
  continued?: boolean
  /** Opens the turn that the run begins with, when the pause is over; gives its number, or nothing if the run takes what waits itself. */
  turn(): number | undefined | Promise<number | undefined>
}

/** A turn that ended for now. */
export interface Held {
  turn: number | undefined
  met: Met
  /** The case that its limit belongs to, if it met one before. */
  incident?: Incident
  /** How often before, one time after the other, its agent could not begin beside others of its kind. */
  collisions: number
}

/** The run that ended. */
export interface Before extends Held {
  /** The how manieth run of the turn it was, counted from 1. */
  attempt: number
  /** How many runs before it, one after the other, had a result that did not fit. */
  refusals: number
}

/** What it met that is not of its own making. */
export interface Met {
  limit?: Limit
  /** The agent could not begin beside others of its kind. */
  collided?: boolean
}

/** The pause before the first retry, and the longest one, in milliseconds; each is twice as long as the one before. */
export interface Pauses {
  first: number
  longest: number
}

export const PAUSES: Pauses = { first: 1_000, longest: 60_000 }

/** An agent that could not begin beside others of its kind is started again so often. */
const COLLISIONS = 6

/** What follows a run that ended so. */
export async function next(session: Session, ended: Ended, before: Before, pauses: Pauses): Promise<Following | undefined> {
  return (
    (await refused(session, ended, before)) ??
    (await heldUp(session, before, pauses)) ??
    again(session, ended, before, pauses) ??
    waitingFor(session, ended)
  )
}

/** The agent once more, with the reasons why its result did not fit. */
async function refused({ id, provider, root }: Session, { reason }: Ended, { refusals, turn }: Before): Promise<Following | undefined> {
  if (reason !== 'schema' || turn === undefined) return undefined
  const following = askAgain(id, await providerOf(provider, await loadConfig(root)), refusals, turn)
  return following && { pause: 0, ...following }
}

/** The same turn once more, when what it met is over; the log says so. */
export async function heldUp(session: Session, before: Held, pauses: Pauses = PAUSES): Promise<Following | undefined> {
  const { turn, met, incident } = before
  if (turn === undefined) return undefined
  if (met.limit) return afterLimit(session, met.limit, incident, turn)
  return met.collided ? afterCollision(session, before, pauses) : undefined
}

/** The agent was told nothing. Each waits for a time of its own, or they would meet again. */
function afterCollision({ id, parent }: Session, { turn, collisions }: Held, pauses: Pauses): Following | undefined {
  if (collisions === COLLISIONS) return undefined
  const pause = pauseBefore(collisions + 1, pauses) * (0.5 + Math.random())
  const message = `the agent could not begin beside others of its kind: it is started again in ${formatDuration(Math.ceil(pause))}`
  appendEvents(id, parent, { type: 'provider_status', message })
  return { pause, again: true, held: 'collision', turn: () => turn }
}

/** The same turn once more, if the run failed and --retries leaves one. What was cancelled was meant to end. */
function again({ retries = 0 }: Session, { status, reason }: Ended, { turn, attempt }: Before, pauses: Pauses): Following | undefined {
  if (status !== 'failed' || reason === 'dependency' || reason === 'schema' || reason === 'limit' || attempt > retries) return undefined
  return { pause: pauseBefore(attempt, pauses), again: true, turn: () => turn }
}

/** The pause before the nth retry, in milliseconds. */
export function pauseBefore(retry: number, { first, longest }: Pauses = PAUSES): number {
  return Math.min(longest, first * 2 ** (retry - 1))
}

/** Messages that came meanwhile, whatever became of the run; those to a cancelled session wait until somebody sends another. */
export function waitingFor(session: Session, { status }: Pick<Ended, 'status'>): Following | undefined {
  if (status === 'cancelled' || waiting(session.id).length === 0) return undefined
  return { pause: 0, turn: () => turnOfWaiting(session) }
}

/** The turn for what waits: of a script each message is one, because one must not end or swallow another; else all are one. */
export async function turnOfWaiting(session: Session): Promise<number | undefined> {
  if (session.interactive) return undefined
  const { prompt } = await providerOf(session.provider, await loadConfig(session.root))
  const turn = openTurn(session.id)
  const room = prompt === 'script' ? 1 - messagesOf(session.id, turn).length : Number.POSITIVE_INFINITY
  deliver(session.id, turn, waiting(session.id).slice(0, Math.max(0, room)))
  return turn
}
