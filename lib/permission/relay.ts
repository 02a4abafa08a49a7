// Relays: questions of agents that wait for an answer from outside. Each is a file in relays/, made by the process that waits (its
// opener) and removed by it once it has the answer; a mark in the session's folder says that the session waits.
//
// An answer is a file of the same name in relays/answered/, put there by link(2): of all who answer, deadlines and closers included,
// exactly one does. It stays, so that whoever comes second is told so. A relay is open while it has no answer, its deadline is ahead
// and its opener lives; whoever finds one that nobody waits for closes it, so nobody is asked in vain.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { EXIT, Fault, quoted } from '../base/exit.js'
import { isId, newId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { at, timestamp } from '../base/time.js'
import { type Identity, isAlive, myself } from '../process/identity.js'
import { claim, listIfThere, readIfThere, remove, removeEmptyFolder, sizeIfThere, touch } from '../store/file.js'
import { openHome } from '../store/home.js'
import { parseLine } from '../store/lines.js'
import { type Watch, watchFolder } from '../store/watch.js'
import type { Place, Question } from './call.js'

/** Who asks, and from where. */
export interface Asker extends Place {
  session_id?: string
  group: string
  provider?: string
  /** The session's name, for people. */
  name?: string
}

/** A question as it lies in relays/. */
export interface Relay extends Question, Asker {
  relay_id: string
  created_at: string
  /** When it is denied, if nobody answered before. */
  deadline?: string
  /** The process that waits for the answer. */
  opener: Identity
}

export interface Answer {
  approved: boolean
  /** `closed`: there was nobody left to answer for. */
  by: 'person' | 'rule' | 'once' | 'timeout' | 'closed'
  /** The rule that decided it, or several. */
  rule?: string
  /** Why, for the agent. */
  reason?: string
  answered_at: string
  /** The session that the answer came from, if it came from inside of one. */
  answerer?: string
  /** The session that asked. */
  session_id?: string
}

/** An answer before it is given. */
export type Reply = Omit<Answer, 'answered_at' | 'session_id'>

/** Answers whose file says nothing that can be understood: no. */
const UNREADABLE: Answer = { approved: false, by: 'closed', reason: 'its answer cannot be read', answered_at: timestamp(0) }

const TAKEN_BACK: Reply = { approved: false, by: 'closed', reason: 'the question was taken back' }

/** In case a notice of the system's got lost, waiting openers look at intervals too, in milliseconds. */
const SWEEP = 5_000

/** Publishes a question; `timeout` is in milliseconds. Call waitForAnswer() with it. Throws a Fault (5) if it cannot be written. */
export function openRelay(question: Question, of: Asker, { timeout }: { timeout?: number } = {}): Relay {
  openHome()
  const { session_id } = of
  if (session_id !== undefined && !isId(session_id)) throw new Fault(`no session ${quoted(session_id)}`, EXIT.none)
  const now = Date.now()
  const deadline = timeout === undefined ? undefined : timestamp(now + timeout)
  const relay: Relay = { relay_id: newId(), ...question, ...of, created_at: timestamp(now), deadline, opener: myself() }
  // The mark first: who sees the relay sees the session wait. A mark alone says nothing to anybody.
  if (session_id !== undefined && existsSync(paths.session(session_id))) touch(markOf(session_id, relay.relay_id))
  claim(paths.relay(relay.relay_id), `${JSON.stringify(relay)}\n`)
  return relay
}

/**
 * The answer to a relay of this process; then the relay is gone. Waits as long as it takes, at most until the deadline, which denies.
 * An abort of the signal closes it. Never throws for what the system refuses: what cannot be asked is denied.
 */
export async function waitForAnswer(relay: Relay, { signal }: { signal?: AbortSignal } = {}): Promise<Answer> {
  const { relay_id: id, deadline } = relay
  let stop = () => {}
  const abort = () => giveUp(id, TAKEN_BACK)
  try {
    return await new Promise<Answer>(resolve => {
      waiting.set(id, resolve)
      watchAnswers()
      if (deadline !== undefined) stop = at(Date.parse(deadline), () => giveUp(id, tooLate()))
      signal?.addEventListener('abort', abort, { once: true })
      if (signal?.aborted) abort()
      // Answered before the watch was up.
      else look(id)
    })
  } finally {
    stop()
    signal?.removeEventListener('abort', abort)
    waiting.delete(id)
    unwatchAnswers()
    tidy(relay)
  }
}

/** Closes a relay of this process that nobody will wait for. Never throws for what the system refuses. */
export function takeBack(relay: Relay): void {
  giveUp(relay.relay_id, TAKEN_BACK)
  tidy(relay)
}

/** Answers a relay. False if it was answered before, or if nobody waits for it any more. Throws a Fault (3) if there is no such relay. */
export function answerRelay(id: string, reply: Reply): boolean {
  const relay = readRelay(id)
  if (!relay && !isAnswered(id)) throw new Fault(`no relay ${quoted(id)}: see zag relay`, EXIT.none)
  return relay !== undefined && stillOpen(relay) && put(id, reply)
}

/** The relays that wait for an answer, oldest first. Those that nobody waits for, or whose time is over, are closed on the way. */
export function openRelays({ group, session }: { group?: string; session?: string } = {}): Relay[] {
  const ids = session === undefined ? idsIn(paths.relays()) : marksOf(session)
  const found = ids.flatMap(id => readRelay(id) ?? [])
  return found.filter(
    relay => (group === undefined || relay.group === group) && (session === undefined || relay.session_id === session) && stillOpen(relay),
  )
}

/** Closes all relays of a session that has ended, or that has nobody any more who could go on with an answer. */
export function closeRelays(session: string, why: string): void {
  try {
    for (const id of marksOf(session)) {
      if (existsSync(paths.relay(id))) put(id, { approved: false, by: 'closed', reason: why })
      tidy({ relay_id: id, session_id: session })
    }
  } catch (error) {
    // On a full disk the session still has to end; whoever lists relays closes those whose opener is gone.
    if (!(error instanceof Fault)) throw error
  }
}

/** Whether a session waits for an answer. Changes nothing. */
export function isWaiting(session: string): boolean {
  return marksOf(session).some(id => {
    const relay = readRelay(id)
    return relay !== undefined && !isAnswered(id) && isAlive(relay.opener)
  })
}

/** A relay that was not tidied away yet, answered or not; nothing also for a file that is none. */
export function readRelay(id: string): Relay | undefined {
  const found = isId(id) ? parseLine(readIfThere(paths.relay(id)) ?? '') : undefined
  const relay = found as unknown as Relay | undefined
  const whole =
    relay?.relay_id === id && typeof relay.tool === 'string' && typeof relay.group === 'string' && typeof relay.opener === 'object'
  return whole ? relay : undefined
}

/** The answer to a relay, once there is one. */
export function answerOf(id: string): Answer | undefined {
  const text = readIfThere(paths.answer(id))
  if (text === undefined) return undefined
  const answer = parseLine(text) as Answer | undefined
  return typeof answer?.approved === 'boolean' && typeof answer.by === 'string' ? answer : UNREADABLE
}

/** The ids of relays whose answer nobody comes second to any more: it is older than `before` (milliseconds since 1970), or its session is gone. */
export function oldAnswers(before: number): string[] {
  return idsIn(paths.answers()).filter(id => {
    const { answered_at, session_id } = answerOf(id) ?? UNREADABLE
    if (existsSync(paths.relay(id))) return false
    return Date.parse(answered_at) <= before || (session_id !== undefined && !existsSync(paths.session(session_id)))
  })
}

/** Forgets an answer. */
export function forgetAnswer(id: string): void {
  remove(paths.answer(id))
}

/** The ids of the relays in a folder, oldest first. */
export function idsIn(folder: string): string[] {
  return listIfThere(folder)
    .filter(name => name.endsWith('.json') && isId(name.slice(0, -5)))
    .map(name => name.slice(0, -5))
    .sort()
}

/** The ids of the marks that a session has. */
export function marksOf(session: string): string[] {
  return listIfThere(paths.inSession(session, 'relays')).filter(isId).sort()
}

/** Takes a relay away that has its answer, or never was one: its file, then its mark. */
export function tidy({ relay_id: id, session_id: session }: Pick<Relay, 'relay_id' | 'session_id'>): void {
  try {
    remove(paths.relay(id))
    if (session === undefined || sizeIfThere(markOf(session, id)) === undefined) return
    remove(markOf(session, id))
    removeEmptyFolder(paths.inSession(session, 'relays'))
  } catch (error) {
    // A home that cannot be written keeps them. It is answered, so nobody is asked; zag doctor takes them away.
    if (!(error instanceof Fault)) throw error
  }
}

const markOf = (session: string, id: string) => join(paths.inSession(session, 'relays'), id)

const isAnswered = (id: string) => sizeIfThere(paths.answer(id)) !== undefined

const tooLate = (): Reply => ({ approved: false, by: 'timeout', reason: 'nobody answered in time' })

/** Whether somebody waits for it and may be answered; one of which that is not so is closed. */
function stillOpen(relay: Relay): boolean {
  const { relay_id: id, deadline, opener } = relay
  if (isAnswered(id)) {
    // Its opener died before it could.
    if (!isAlive(opener)) tidy(relay)
    return false
  }
  if (!isAlive(opener)) {
    put(id, { approved: false, by: 'closed', reason: 'the agent that asked is gone' })
    tidy(relay)
    return false
  }
  if (deadline === undefined || Date.now() < Date.parse(deadline)) return true
  put(id, tooLate())
  return false
}

/** Puts the answer there. True for the first one, false for all others. */
function put(id: string, reply: Reply): boolean {
  openHome()
  return claim(
    paths.answer(id),
    `${JSON.stringify({ ...reply, answered_at: timestamp(), session_id: readRelay(id)?.session_id } satisfies Answer)}\n`,
  )
}

/** The relays that this process waits for, and how to tell who asked. */
const waiting = new Map<string, (answer: Answer) => void>()
let watch: Watch | undefined
let sweep: NodeJS.Timeout | undefined

/** One watch for all that a process waits for. */
function watchAnswers(): void {
  watch ??= watchFolder(paths.answers(), name => (name === undefined ? lookAtAll() : look(name.replace(/\.json$/, ''))))
  sweep ??= setInterval(lookAtAll, SWEEP)
}

function unwatchAnswers(): void {
  if (waiting.size > 0) return
  watch?.close()
  watch = undefined
  clearInterval(sweep)
  sweep = undefined
}

function lookAtAll(): void {
  for (const id of waiting.keys()) look(id)
}

function look(id: string): void {
  const tell = waiting.get(id)
  const answer = tell && readAnswer(id)
  if (answer) tell(answer)
}

function readAnswer(id: string): Answer | undefined {
  try {
    return answerOf(id)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return { ...UNREADABLE, reason: error.message }
  }
}

/** This process answers its own question; if somebody else was first, that counts. */
function giveUp(id: string, reply: Reply): void {
  try {
    put(id, reply)
    look(id)
  } catch (error) {
    // On a full disk nobody can be told, but the agent still can.
    if (!(error instanceof Fault)) throw error
    waiting.get(id)?.({ ...reply, answered_at: timestamp() })
  }
}
