// What the model server knows of a request and of an answer, whatever API carries them.

import { fieldsOf, type Line, listOf, textOf } from '../../../lib/provider/fields.js'

export interface Turn {
  from: 'user' | 'model' | 'tool'
  text: string
}

/** A tool that the request offers, with the properties of its input. */
export interface Tool {
  name: string
  properties: Line
  required: readonly string[]
}

export interface Talk {
  model: string
  /** The answer is wanted piece by piece. */
  stream: boolean
  turns: Turn[]
  tools: Tool[]
}

export interface Call {
  name: string
  input: Line
  /** The text of its input where that is no JSON. */
  broken?: string
}

/** What the model says, in pieces as they are streamed; then a tool it calls, if any. */
export interface Said {
  pieces: string[]
  call?: Call
  /** Calls beside that one; only the APIs that zag's own agent speaks have them. */
  more?: Call[]
}

export interface Failure {
  status: number
  message: string
  /** Seconds after which the client may try again. */
  retryAfter?: number
  /** A usage limit, with the moment it is over in seconds since 1970. */
  resetsAt?: number
}

/** An answer, one that never ends or ends in its middle, or an error. */
export type Answer = { said: Said; hang?: boolean; half?: boolean } | { failure: Failure }

/** One of the APIs: how its requests are read and its answers are put. */
export interface Api {
  /** The path of its requests, which are POSTs. */
  path: RegExp
  /** The type of a streamed answer. */
  type: string
  read(body: Line, path: string): Talk
  /** The frames of a streamed answer, one piece of the text a frame. */
  stream(said: Said, talk: Talk): string[]
  whole(said: Said, talk: Talk): unknown
  fail(failure: Failure): { headers?: Record<string, string>; body: unknown }
}

/** What every answer is said to have used: tokens. What was read from a cache comes on top of the input. */
export const USED = { input: 1000, cached: 200, output: 50 } as const
/** Input as most vendors count it: with what was cached. */
export const INPUT = USED.input + USED.cached

/** A server-sent event. */
export function event(data: unknown, name?: string): string {
  return `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`
}

/** The text of a content that is a text itself, or a list of parts with text. */
export function textIn(content: unknown): string {
  if (typeof content === 'string') return content
  return listOf(content)
    .map(part => textOf(part.text) ?? '')
    .join('\n')
}

/** A tool by its JSON schema. */
export function tool(name: unknown, schema: unknown): Tool {
  const { properties, required } = fieldsOf(schema)
  return { name: String(name), properties: fieldsOf(properties), required: Array.isArray(required) ? required.map(String) : [] }
}

const SPEAKERS: Readonly<Record<string, Turn['from']>> = { user: 'user', assistant: 'model', model: 'model', tool: 'tool' }

/** What somebody said; nothing of what the agent adds in other roles. */
export function turnOf(role: unknown, text: string): Turn[] {
  const from = SPEAKERS[String(role)]
  return from ? [{ from, text }] : []
}

let count = 0

/** An id that was not given before. */
export function newName(prefix: string): string {
  count += 1
  return `${prefix}_${count}`
}

export const seconds = () => Math.floor(Date.now() / 1000)

/** The header that says when to try again, in seconds, if that is said. */
export function waiting(retryAfter: number | undefined): Record<string, string> {
  return retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }
}
