// The turns of a session on disk. Turn 1 is the first prompt; each later one, counted from 2 over the whole life of the
// session, has a folder with the messages it came from, `prompt` (made from them), `begun` (the run it is in, and where that
// found the agent's files: written before the agent starts), and when it is over `ended` and, if it had one, `result`.
// A turn that never began is taken up by the next run; one that began is never executed again but by a retry.

import { paths } from '../base/paths.js'
import type { Identity } from '../process/identity.js'
import { copySlice, listIfThere, makeFolder, moveIfThere, readIfThere, remove, replaceFile, sizeIfThere } from '../store/file.js'
import { parseLine } from '../store/lines.js'
import { type Message, messageFile, messagesIn, readMessage, waiting } from './inbox.js'
import type { Offsets } from './output.js'

/** That a turn is being executed, or was: in which run, from where in the agent's files, and by which process. */
export interface Begun {
  run: number
  from: Offsets
  agent?: Identity
  /** Where in stdout that process began, if it began before the turn. */
  since?: number
}

/** What a turn came to. */
export interface TurnEnded {
  run: number
  success: boolean
  stop_reason: string
  /** Why, as session_ended has it. */
  reason?: string
  error?: string
  exit_code?: number
}

/** The number of the latest turn. */
export function lastTurn(id: string): number {
  return Math.max(1, ...listIfThere(paths.inSession(id, 'turns')).map(name => (/^[1-9]\d*$/.test(name) ? Number(name) : 0)))
}

/** The file with the prompt of a turn. */
export function promptFile(id: string, turn: number): string {
  return turn === 1 ? paths.inSession(id, 'prompt') : paths.inTurn(id, turn, 'prompt')
}

/** The messages that a turn came from. */
export function messagesOf(id: string, turn: number): Message[] {
  const folder = paths.turn(id, turn)
  return messagesIn(folder).flatMap(message => readMessage(folder, message) ?? [])
}

/** The turn that is open for messages: one that has not begun, else a new one. */
export function openTurn(id: string): number {
  const last = lastTurn(id)
  const turn = isUnbegun(id, last) ? last : last + 1
  makeFolder(paths.turn(id, turn))
  return turn
}

/** The turn that has messages and never began, because whoever was to execute it died. */
export function unbegunTurn(id: string): number | undefined {
  const last = lastTurn(id)
  return isUnbegun(id, last) && messagesOf(id, last).length > 0 ? last : undefined
}

/** Whether there are messages for a next turn. */
export function hasMessages(id: string): boolean {
  return waiting(id).length > 0 || unbegunTurn(id) !== undefined
}

function isUnbegun(id: string, turn: number): boolean {
  return turn > 1 && !begunOf(id, turn) && !turnEnded(id, turn)
}

/** Whether a message of the turn says that the session ends after it. */
export function isLastTurn(id: string, turn: number): boolean {
  return turn > 1 && messagesOf(id, turn).some(({ end }) => end)
}

/** Delivers messages that wait in the inbox to a turn, each once. */
export function deliver(id: string, turn: number, messages: readonly string[]): void {
  for (const message of messages) {
    moveIfThere(messageFile(paths.inSession(id, 'inbox'), message), messageFile(paths.turn(id, turn), message))
  }
}

/** Opens a turn for a message that never was in the inbox, such as what is wrong with a result. */
export function openTurnFor(id: string, message: Message): number {
  const turn = openTurn(id)
  replaceFile(messageFile(paths.turn(id, turn), message.id), JSON.stringify(message))
  return turn
}

/** Notes that a turn begins. The result of the turn or run before it goes, so that nobody takes it for that of this one. */
export function beginTurn(id: string, turn: number, begun: Begun): void {
  makeFolder(paths.turn(id, turn))
  replaceFile(paths.inTurn(id, turn, 'begun'), JSON.stringify(begun))
  remove(paths.inSession(id, 'result'))
}

/** Notes which process executes a turn, for whoever has to end it in the place of its runner. */
export function noteAgent(id: string, turn: number, begun: Begun): void {
  replaceFile(paths.inTurn(id, turn, 'begun'), JSON.stringify(begun))
}

/** The run in which the latest turn began; nothing if that is the first of both. */
export function begunRun(id: string): number | undefined {
  return begunOf(id, lastTurn(id))?.run
}

export function begunOf(id: string, turn: number): Begun | undefined {
  const text = readIfThere(paths.inTurn(id, turn, 'begun'))
  // A file that a power cut left empty stands for a turn that began.
  return text === undefined ? undefined : ((parseLine(text) as unknown as Begun | undefined) ?? { run: 0, from: { stdout: 0, stderr: 0 } })
}

/** Notes what a turn came to, with its result. */
export function endTurn(id: string, turn: number, ended: TurnEnded): void {
  makeFolder(paths.turn(id, turn))
  const result = paths.inSession(id, 'result')
  // That of the turn before is there still where this one never began.
  const size = turn === 1 || begunOf(id, turn) ? sizeIfThere(result) : undefined
  if (size !== undefined) copySlice(result, 0, size, paths.inTurn(id, turn, 'result'))
  replaceFile(paths.inTurn(id, turn, 'ended'), JSON.stringify(ended))
}

/** The pid of the agent that executes the latest turn; nothing if that has ended. `first` is that of the first turn. */
export function agentPid(id: string, first: number | undefined): number | undefined {
  const turn = lastTurn(id)
  if (turnEnded(id, turn)) return undefined
  return begunOf(id, turn)?.agent?.pid ?? (turn === 1 ? first : undefined)
}

export function turnEnded(id: string, turn: number): TurnEnded | undefined {
  const text = readIfThere(paths.inTurn(id, turn, 'ended'))
  return text === undefined ? undefined : (parseLine(text) as unknown as TurnEnded | undefined)
}
