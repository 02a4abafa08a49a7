// What state a session is in. This module alone decides it, from the end of the log and from who has the session in hand;
// it changes nothing. settle.ts acts on what it finds.

import { statSync } from 'node:fs'
import { codeOf } from '../base/exit.js'
import { paths } from '../base/paths.js'
import type { EventOf, Outcome } from '../log/events.js'
import { lastTurningPoint } from '../log/read.js'
import { isAlive, isElsewhere } from '../process/identity.js'
import { latestOwner, type Owner } from '../table/sessions.js'

export const STATES = ['queued', 'running', 'idle', 'waiting', 'limited', 'completed', 'failed', 'cancelled', 'dead'] as const
export type State = (typeof STATES)[number]

const FINAL: ReadonlySet<State> = new Set<State>(['completed', 'failed', 'cancelled', 'dead'])

/** A session whose log did not move for so long is idle, in milliseconds. */
const IDLE_AFTER = 30_000

/** What is known of a session's present or last run. */
export interface Status {
  id: string
  state: State
  /** Final until the next run. */
  over: boolean
  /** The end of the last run, once it is in the log. A dead session may not have one yet. */
  ended?: EventOf<'session_ended'>
  /** The start of the present run, if it began. */
  started?: EventOf<'session_started'>
  /** The number of the present or last run, counted from 1. */
  run: number
  owner?: Owner
}

/** The state of a session that exists. */
export function statusOf(id: string): Status {
  const turn = lastTurningPoint(id)
  if (turn?.type === 'session_ended') {
    const status = { id, run: turn.run, ended: turn }
    return { ...status, ...stateAfterEnd(id, turn) }
  }
  const owner = latestOwner(id)
  const state = stateOfOpenRun(id, owner)
  return {
    id,
    state,
    over: FINAL.has(state),
    run: turn?.run ?? owner?.run ?? 1,
    started: turn,
    owner,
  }
}

/** After an end the session is over, unless someone alive has it in hand for the next run. */
function stateAfterEnd(id: string, ended: EventOf<'session_ended'>): Pick<Status, 'state' | 'over' | 'run' | 'owner'> {
  const owner = latestOwner(id)
  const goesOn = owner !== undefined && owner.run > ended.run && lives(owner)
  if (goesOn) return { state: 'running', over: false, run: owner.run, owner }
  return {
    state: ended.status satisfies Outcome,
    over: true,
    run: ended.run,
    owner,
  }
}

function stateOfOpenRun(id: string, owner: Owner | undefined): State {
  if (!owner || owner.role === 'close' || !lives(owner)) return 'dead'
  return Date.now() - lastMove(id) < IDLE_AFTER ? 'running' : 'idle'
}

/** Of an owner on another machine nothing is judged here: it counts as alive. */
export function lives(owner: Owner): boolean {
  return isElsewhere(owner) || isAlive(owner)
}

function lastMove(id: string): number {
  try {
    return statSync(paths.inSession(id, 'log.ndjson')).mtimeMs
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0
    throw error
  }
}
