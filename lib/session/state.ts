// What state a session is in. This module alone decides it, from the end of the log and from who has the session in hand;
// it changes nothing. settle.ts acts on what it finds.

import { existsSync, statSync } from 'node:fs'
import { codeOf } from '../base/exit.js'
import { paths } from '../base/paths.js'
import type { EventOf, Outcome } from '../log/events.js'
import { lastTurningPoint } from '../log/read.js'
import { isWaiting } from '../permission/relay.js'
import { isAlive } from '../process/identity.js'
import { readIfThere } from '../store/file.js'
import { parseLine } from '../store/lines.js'
import { latestOwner, type Owner } from '../table/owners.js'
import { begunRun } from './turns.js'

export const STATES = ['queued', 'running', 'idle', 'waiting', 'limited', 'completed', 'failed', 'cancelled', 'dead'] as const
export type State = (typeof STATES)[number]

const FINAL: ReadonlySet<State> = new Set<State>(['completed', 'failed', 'cancelled', 'dead'])

/** A session whose log did not move for so long is idle, in milliseconds. */
const IDLE_AFTER = 30_000

/** How much of the log's end is read for the state of a supervised session, in bytes. */
const NEAR_THE_END = 64 * 1024

/** What is known of a session's present or last run. */
export interface Status {
  id: string
  state: State
  /** Final until the next run. */
  over: boolean
  /** The end of the last run, once it is in the log. A dead session may not have one yet. */
  ended?: EventOf<'session_ended'>
  /** The start of the present run, if it began, and if it is near the end of the log or the session is dead. */
  started?: EventOf<'session_started'>
  /** The number of the present or last run, counted from 1. */
  run: number
  owner?: Owner
}

/** The state of a session that exists. */
export function statusOf(id: string): Status {
  // Who has it in hand is asked first: of one who is gone, all that it wrote is then in the log.
  const { owner, alive } = inHand(id)
  const turn = turnOf(id, alive && owner?.role === 'run')
  if (owner && waitsForItsTurn(owner, alive, turn)) return { id, state: 'queued', over: false, run: owner.run, owner }
  if (turn?.type === 'session_ended') {
    // The next run is claimed before the end of the present one is told: an owner found before that end may not be the latest.
    if (alive && owner?.run === turn.run && latestOwner(id)?.claim !== owner.claim) return statusOf(id)
    return stateAfterEnd(turn, id, owner, alive)
  }
  const state = owner?.role !== 'close' && owner?.role !== 'remove' && alive ? stateOfLiving(id, owner) : 'dead'
  return { id, state, over: FINAL.has(state), run: turn?.run ?? owner?.run ?? 1, started: turn, owner }
}

/** Recorded and nobody's, or claimed by one who died before there was a runner. A claim for a run that is over says nothing. */
function waitsForItsTurn({ role, run }: Owner, alive: boolean, turn: ReturnType<typeof lastTurningPoint>): boolean {
  return (role === 'queue' || (role === 'start' && !alive)) && (turn === undefined || turn.run < run)
}

/**
 * The last start or end of a run. Of one that is supervised only the end of the log is read, where the end of the run would be,
 * unless a marker says that it is further up: a long log must not make it dear to ask for the state.
 */
function turnOf(id: string, supervised: boolean): ReturnType<typeof lastTurningPoint> {
  if (!supervised) return lastTurningPoint(id)
  return lastTurningPoint(id, NEAR_THE_END) ?? (existsSync(paths.marker(id, 'ended')) ? lastTurningPoint(id) : undefined)
}

/** After an end the session is over, unless someone alive has it in hand for the next run. */
function stateAfterEnd(ended: EventOf<'session_ended'>, id: string, owner: Owner | undefined, alive: boolean): Status {
  if (owner && alive && owner.run > ended.run) return { id, state: stateOfLiving(id, owner), over: false, run: owner.run, owner }
  // The next run had begun, and whoever supervised it died before the log said so.
  if (owner && owner.run > ended.run && begunRun(id) === owner.run) return { id, state: 'dead', over: true, run: owner.run, owner }
  return { id, state: ended.status satisfies Outcome, over: true, ended, run: ended.run, owner }
}

function stateOfLiving(id: string, owner: Owner | undefined): State {
  const limited = readIfThere(paths.inSession(id, 'limited'))
  const { run, pid } = (limited && parseLine(limited)) || {}
  // A supervisor that died may have left one, also of the very run that another begins anew.
  if (run !== undefined && run === owner?.run && pid === owner.pid) return 'limited'
  if (isWaiting(id)) return 'waiting'
  return Date.now() - lastMove(id) < IDLE_AFTER ? 'running' : 'idle'
}

/** The latest owner and whether it is alive. One that is gone may have handed the session on a moment before. */
function inHand(id: string): { owner?: Owner; alive: boolean } {
  let owner = latestOwner(id)
  for (;;) {
    if (owner && isAlive(owner)) return { owner, alive: true }
    const now = latestOwner(id)
    if (now?.claim === owner?.claim) return { owner, alive: false }
    owner = now
  }
}

function lastMove(id: string): number {
  try {
    return statSync(paths.inSession(id, 'log.ndjson')).mtimeMs
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0
    throw error
  }
}
