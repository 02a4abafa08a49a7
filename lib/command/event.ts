// An event of a log as text for people. Text of agents keeps its lines, but no control character of it reaches a terminal.

import { wordOf } from '../base/word.js'
import type { Paint } from './terminal.js'

type Fields = Record<string, unknown>

/**
 * A line or more: what is said as it is, all else as one line that begins with its kind. `draw` makes more of what an agent says
 * than lines; it must not let control characters through either.
 */
export function eventText(of: { type: string }, paint: Paint, draw: (text: string) => string = clean): string {
  const event = of as unknown as Fields
  const { type } = of
  if (type === 'assistant_message') return draw(wordOf(event.content))
  if (type === 'user_message') return paint.bold(prefixed('> ', event.content))
  if (type === 'reasoning') return paint.dim(clean(event.content))
  if (type === 'stderr') return paint.red(prefixed('! ', event.message))
  const text = clean(`[${type}] ${words(event)}`).trimEnd()
  return type === 'session_ended' ? (event.success ? paint.green(text) : paint.red(text)) : paint.dim(text)
}

/** The text with a label before each of its lines: the session where there are events of many, or the time. */
export function labelled(label: string, text: string, paint: Paint): string {
  return text.replace(/^/gm, `${paint.dim(clean(label))}  `)
}

/** The time of day of an event, here and now. */
export function clock({ ts }: { ts: string }): string {
  const moment = new Date(ts)
  const parts = [moment.getHours(), moment.getMinutes(), moment.getSeconds()]
  return Number.isNaN(moment.getTime()) ? '--:--:--' : parts.map(part => String(part).padStart(2, '0')).join(':')
}

/** A moment here, in milliseconds since 1970: the time of day, with the date if that is not today. */
export function moment(ms: number): string {
  const day = (of: Date) => [of.getFullYear(), of.getMonth() + 1, of.getDate()].map(part => String(part).padStart(2, '0')).join('-')
  const then = new Date(ms)
  const time = clock({ ts: then.toISOString() })
  return day(then) === day(new Date()) ? time : `${day(then)} ${time}`
}

/** An amount of US dollars; nothing if there is none. */
export function dollars(cost: number | undefined): string | undefined {
  return cost === undefined ? undefined : `$${cost.toFixed(4)}`
}

/** Tokens and cost in words. */
export function usageText({ usage, cost_usd }: { usage?: Tokens; cost_usd?: number }): string {
  if (!usage) return 'no tokens told'
  const { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens } = usage
  const cached = cache_read_tokens + cache_write_tokens > 0 ? `, ${cache_read_tokens} cache read, ${cache_write_tokens} cache write` : ''
  return [`${input_tokens} input, ${output_tokens} output${cached} tokens`, dollars(cost_usd)].filter(Boolean).join(', ')
}

interface Tokens {
  input_tokens: number
  output_tokens: number
  cache_read_tokens: number
  cache_write_tokens: number
}

function words(event: Fields): string {
  switch (event.type) {
    case 'session_started':
      return joined(', ', event.provider, event.model, said`run ${event.run}`)
    case 'session_ended':
      return joined(': ', event.status, event.error)
    case 'tool_call':
      return said`${event.tool} ${JSON.stringify(event.input ?? {})}`
    case 'tool_result':
      return said`${event.tool} ${event.success ? 'ok' : said`failed: ${event.error ?? ''}`}`
    case 'user_event':
      return said`${event.level}: ${event.message}${event.data === undefined ? '' : ` ${JSON.stringify(event.data)}`}`
    case 'relay':
      return said`${event.tool} ${JSON.stringify(event.params ?? {})} waits for zag approve or zag deny ${wordOf(event.relay_id).slice(-8)}`
    case 'permission':
      return joined(': ', said`${event.tool} ${event.granted ? 'allowed' : 'refused'} by ${event.rule ?? event.by}`, event.reason)
    case 'session_result':
      return wordOf(event.result)
    default:
      return rest(event)
  }
}

/** All fields but those that every event has. */
function rest({ type, ts, session_id, parent_id, seq, offset, ...fields }: Fields): string {
  const { message, ...others } = fields
  const data = Object.keys(others).length > 0 ? JSON.stringify(others) : ''
  return joined(' ', message, data)
}

/** Those that there are. */
const joined = (by: string, ...values: unknown[]) => values.filter(Boolean).map(wordOf).join(by)

/** A template that takes any value for a word. */
const said = (texts: TemplateStringsArray, ...values: unknown[]) => String.raw({ raw: texts }, ...values.map(wordOf))

function prefixed(prefix: string, text: unknown): string {
  return clean(text).replace(/^/gm, prefix)
}

/** Lines and tabs stay; every other control character is shown, not sent, also what turns the direction of writing. */
export function clean(text: unknown): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not reach the terminal
  const hidden = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g
  return wordOf(text).replace(hidden, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
