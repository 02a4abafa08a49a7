// A relay as it is listed, and its answer in words: for programs that are short.

import { quoted } from '../base/exit.js'
import { type Answer, answerOf, type Relay } from '../permission/relay.js'

/** A relay as it is listed. */
export interface RelayRow extends Omit<Relay, 'opener'> {
  /** What is asked for, for people: the command, the path. It is an agent's text. */
  what: string
  age_ms: number
}

/** A relay as it is listed. */
export function relayRow({ opener: _, ...relay }: Relay): RelayRow {
  return { ...relay, what: whatOf(relay), age_ms: Math.max(0, Date.now() - Date.parse(relay.created_at)) }
}

/** What a call is about: its command, its path, or all its parameters. */
export function whatOf({ params }: { params: Record<string, unknown> }): string {
  const values = Object.values(params)
  const [only] = values
  return values.length === 1 && typeof only === 'string' ? only : JSON.stringify(params)
}

/** That a relay was answered, and how, in one line. */
export function lateText(id: string): string {
  return `relay ${quoted(id)} was answered before: ${answerText(answerOf(id))}`
}

/** An answer in words. */
export function answerText(answer: Answer | undefined): string {
  if (!answer) return 'nobody waits for it any more'
  const { approved, by, rule, reason } = answer
  const how = approved ? 'approved' : 'denied'
  const why = reason === undefined ? '' : `: ${reason}`
  if (by === 'rule' || by === 'once') return `${how} by the rule ${rule ?? ''}`.trimEnd()
  if (by === 'timeout') return 'denied, because nobody answered in time'
  return by === 'closed' ? (reason ?? 'nobody waits for it any more') : `${how} by a person${why}`
}
