// What an agent that prints one JSON object a line says of itself, and how that and the end of its process make a verdict.
//
// Success is what the agent's own end event says, and nothing less: an exit code of 0 alone is none. Where its word and its exit
// code disagree the run failed, and the error has both. Nothing it printed is lost: a line that is no JSON is kept as it was.

import { stripVTControlCharacters } from 'node:util'
import { wordOf } from '../base/word.js'
import type { NewEvent } from '../log/events.js'
import { parseLine } from '../store/lines.js'
import { type Line, status } from './fields.js'
import type { Exit, Limit, Reader, Verdict } from './provider.js'
import { byExit } from './text.js'

/** What the lines read so far say. */
export interface Account {
  /** What its end event says; nothing before there is one. */
  success?: boolean
  error?: string
  result?: string
  conversation?: string
  limit?: Limit
}

/** The events of a line; nothing if it is a part of something that is told when it is whole. */
type Take = (line: Line, account: Account) => NewEvent[] | undefined

/** The reader of an agent whose lines one by one are events, and change what is known of the run; `held` gives up what is not whole yet. */
export function accountReader(take: Take, held: () => NewEvent[] = () => []): Reader {
  const account: Account = {}
  return {
    each: true,
    out: lines => lines.filter(line => line.length > 0).flatMap(line => eventsOf(line, account, take, held)),
    end: held,
    get through() {
      return account.success !== undefined
    },
    verdict: exit => judged(account, exit),
  }
}

/** A reader with some of its parts replaced. What it says of itself changes as it reads, so it is never copied. */
export function readerOver(reader: Reader, own: Partial<Reader>): Reader {
  return Object.create(reader, Object.getOwnPropertyDescriptors(own))
}

function eventsOf(bytes: Buffer, account: Account, take: Take, held: () => NewEvent[]): NewEvent[] {
  const line = parseLine(bytes)
  if (!line) return [...held(), { type: 'parse_warning', message: 'a line of the agent is no JSON object', raw: String(bytes) }]
  const events = take(line, account)
  if (!events) return []
  // A line without an event would be read again by whoever goes on with the log.
  return events.length > 0 ? events : [status(wordOf(line.type ?? 'line'), line)]
}

/** What a run came to. */
export function judged({ success, error, result, conversation, limit }: Account, exit: Exit): Verdict {
  const said = { result, conversation, ...(limit ? { limit } : {}) }
  if (success === undefined) return { ...said, success: false, error: error ?? withoutEnd(exit) }
  if (!success) return { ...said, success: false, error: joined(error ?? 'the agent says that it failed', exit) }
  if (exit.code === 0 || exit.ended || isUnseen(exit)) return { ...said, success: true }
  return { ...said, success: false, error: `the agent reported success, but ${byExit(exit).error}` }
}

/** Nobody saw it end: what it said itself is all there is. */
const isUnseen = ({ code, signal }: Exit) => code === null && signal === null

function withoutEnd(exit: Exit): string {
  const how = isUnseen(exit) ? 'its end was not seen' : (byExit(exit).error ?? 'exit code 0')
  const words = lastWords(exit.stderr)
  return words ? `no end reported (${how}): ${words}` : `no end reported (${how})`
}

function joined(error: string, exit: Exit): string {
  return exit.code === 0 ? `${error} (exit code 0)` : error
}

/** The longest error that is made of an agent's words, in characters. */
const LONGEST = 300

/** The last thing that was written to stderr, as one line. */
function lastWords(stderr = ''): string {
  const lines = stderr
    .split('\n')
    .map(line => oneLine(line))
    .filter(line => line !== '')
  return lines.at(-1) ?? ''
}

/** An agent's words as one line that is not too long for an error. */
export function oneLine(text: string): string {
  const plain = stripVTControlCharacters(text)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  return plain.length > LONGEST ? `${plain.slice(0, LONGEST)}…` : plain
}
