// What goes wrong between zag's own agent and an endpoint: what it means, in one line, and whether to try again and when.
//
// Errors come from the AI SDK, from the network or from the answer itself. The words are the endpoint's, without the key.

import { APICallError } from 'ai'
import { oneLine } from '../provider/account.js'
import { fieldsOf, textOf } from '../provider/fields.js'
import { type Endpoint, shown } from '../provider/native.js'

export interface Failure {
  /** One line for the user. */
  message: string
  /** The status of the answer; 0 if there was none. */
  status: number
  /** It can be better the next time. */
  passing: boolean
  /** When it can be, in milliseconds since 1970, if that was said. */
  resetAt?: number
}

/** The model called a tool in an answer in which it may call none. */
export class CallsAnyway extends Error {}

/** The answer ended before it was whole. */
export class BrokenOff extends Error {}

/** A failure that ends the turn. `spent` is added by whoever knows it. */
export class TurnFailed extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.message)
    this.failure = failure
  }
}

/** A failure of the turn itself, which no second request would mend. */
export function failed(message: string, status = 0): TurnFailed {
  return new TurnFailed({ message, status, passing: false })
}

const PASSING = new Set([408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529])
/** How APIs say that a conversation is too long. */
const TOO_LONG =
  /context.{0,20}(length|window|size|limit)|(prompt|input|request).{0,30}too (long|large)|too many (input )?tokens|maximum.{0,20}tokens|exceeds? the.{0,30}tokens/i

/** What an error of a request means. `key` is never told. */
export function failureOf(error: unknown, endpoint: Endpoint, key: string | undefined, model: string): Failure {
  const failure =
    APICallError.isInstance(error) && error.statusCode !== undefined ? refusal(error, endpoint, key, model) : trouble(error, endpoint)
  return key ? { ...failure, message: failure.message.replaceAll(key, '…') } : failure
}

function refusal(error: APICallError, { url, keyName }: Endpoint, key: string | undefined, model: string): Failure {
  const { statusCode: status = 0, responseHeaders: headers = {}, responseBody } = error
  const words = oneLine(wordsIn(responseBody || undefined) ?? error.message) || 'it said nothing'
  const at = shown(url)
  const passing = PASSING.has(status)
  if (status === 401 || status === 403) {
    const why = key ? `refuses the key in ${keyName}` : `wants a key, and ${keyName} is not set`
    return { message: `${at} ${why} (HTTP ${status}): ${words}`, status, passing }
  }
  if (status === 413 || (status === 400 && TOO_LONG.test(words))) return { message: tooLong(model, words), status, passing }
  if (status === 404) return { message: `${at} does not have it, or not the model '${model}' (HTTP 404): ${words}`, status, passing }
  return { message: `${words} (HTTP ${status})`, status, passing, resetAt: resetIn(headers) }
}

function tooLong(model: string, words: string): string {
  return `the conversation no longer fits into the context of '${model}': ${words}: begin a new session, or take a model with a larger one`
}

/** What APIs say in the body of an error. */
function wordsIn(body: string | undefined): string | undefined {
  if (body === undefined) return undefined
  try {
    const said = fieldsOf(JSON.parse(body))
    return textOf(fieldsOf(said.error).message) ?? textOf(said.error) ?? textOf(said.message) ?? textOf(said.detail) ?? body
  } catch {
    // It is a page of a server that stands before the endpoint, or a few plain words.
    return body.replace(/<[^>]*>/g, ' ')
  }
}

/** When to come again, by the headers that say so; numbers are seconds, from now or since 1970. */
function resetIn(headers: Record<string, string>): number | undefined {
  const after = headers['retry-after']
  const milliseconds = Number(headers['retry-after-ms'])
  if (milliseconds > 0) return Date.now() + milliseconds
  if (after !== undefined && /^\d+(\.\d+)?$/.test(after)) return Date.now() + Number(after) * 1000
  if (after !== undefined && !Number.isNaN(Date.parse(after))) return Date.parse(after)
  const reset = Number(headers['anthropic-ratelimit-unified-reset'])
  return headers['anthropic-ratelimit-unified-status'] === 'rejected' && reset > 0 ? reset * 1000 : undefined
}

/** There is no answer, or it broke off, or it says in its middle that it failed. */
function trouble(error: unknown, { url }: Endpoint): Failure {
  if (error instanceof BrokenOff) return { message: `the answer of ${shown(url)} broke off: ${error.message}`, status: 0, passing: true }
  const { code, message, cause } = fieldsOf(error instanceof Error ? { ...error, message: error.message, cause: error.cause } : error)
  const why = textOf(code) ?? textOf(fieldsOf(cause).code)
  if (why !== undefined && /^(E[A-Z]+|UND_|CERT|DEPTH|SELF|UNABLE|ERR_)/.test(why)) {
    const passing = !/CERT|SELF_SIGNED|DEPTH|UNABLE/.test(why)
    return { message: `${shown(url)} cannot be reached, or broke off (${why})`, status: 0, passing }
  }
  // An error in a stream, as Anthropic's overloaded_error.
  const words = oneLine(textOf(message) ?? textOf(fieldsOf(fieldsOf(error).error).message) ?? JSON.stringify(error) ?? String(error))
  return { message: `the endpoint failed: ${words}`, status: 0, passing: error instanceof APICallError || !(error instanceof TypeError) }
}
