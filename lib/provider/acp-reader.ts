// What an agent says of its work in the Agent Client Protocol, version 1, as events: the lines of its stdout, each a JSON-RPC message.
//
// Its text comes in pieces, which are put together: a message is whole when something else follows. A call of a tool is told once,
// when all is known of what it is called with. The answer to session/prompt ends the turn.

import { wordOf } from '../base/word.js'
import type { NewEvent, ToolKind } from '../log/events.js'
import { parseLine } from '../store/lines.js'
import { type Account, accountReader, oneLine } from './account.js'
import { fieldsOf, type Line, listOf, status, textOf } from './fields.js'
import type { Limit, Past, Reader } from './provider.js'

/** What an agent says in a way of its own. */
export interface AcpWords {
  /** The tokens of a turn, from the answer to its prompt. */
  usage?(result: Line, past: Past): UsageFields | undefined
  /** What went wrong, where the agent says it as if it was its answer. */
  failure?(text: string): { error: string; limit?: Limit } | undefined
}

export interface UsageFields {
  input_tokens?: number
  output_tokens?: number
  cache_read_tokens?: number
  cache_write_tokens?: number
}

/** A reader of one turn. */
export function acpReader(past: Past, words: AcpWords = {}): Reader {
  const turn = new AcpTurn(past, words)
  return accountReader(
    (line, account) => turn.take(line, account),
    () => turn.rest(),
  )
}

/** How zag's own agent tells of what the protocol has no word for. */
export const NOTICE = '_zag/status'

class AcpTurn {
  readonly #past: Past
  readonly #words: AcpWords
  #piece: { type: 'assistant_message' | 'reasoning'; id: string | undefined; text: string } | undefined
  #calls = new Map<string, Line>()
  #told = new Set<string>()
  #asked = new Set<string>()
  /** The tool that it asked for and did not get, and since which it has said nothing. */
  #refused: string | undefined
  #result: string | undefined
  #cost: number | undefined
  /** The process has begun, and the conversation not yet: what it says is told again from earlier turns. */
  #begins = false
  #account: Account = {}

  constructor(past: Past, words: AcpWords) {
    this.#past = past
    this.#words = words
  }

  /** The events of a line; nothing for a piece of a message that is not whole. */
  take(line: Line, account: Account): NewEvent[] | undefined {
    this.#account = account
    const params = fieldsOf(line.params)
    if (line.method === 'session/update' && this.#begins) return [status('before the turn', line)]
    if (line.method === 'session/update') return this.#update(fieldsOf(params.update))
    if (line.method === 'session/request_permission') return [...this.rest(), ...this.#call(fieldsOf(params.toolCall), true)]
    if (line.method === NOTICE) return [...this.rest(), status(textOf(params.message) ?? NOTICE, params.data)]
    if (typeof line.method === 'string') return [status(line.method, line)]
    const result = fieldsOf(line.result)
    this.#begins = result.protocolVersion !== undefined
    if (textOf(result.sessionId)) account.conversation = textOf(result.sessionId)
    if (line.error != null) return this.#failed(fieldsOf(line.error), account)
    if (textOf(result.stopReason)) return this.#over(result, account)
    const isOfBeginning = this.#begins || result.sessionId !== undefined
    return line.id === undefined || isOfBeginning ? [status('answer', line)] : this.#unanswered(line, account)
  }

  /** What was said last, if nothing followed that made it whole. */
  rest(): NewEvent[] {
    const piece = this.#piece
    this.#piece = undefined
    if (!piece || piece.text === '') return []
    if (piece.type === 'assistant_message') {
      this.#result = piece.text
      this.#account.result = piece.text
      this.#refused = undefined
    }
    return [{ type: piece.type, content: piece.text, message_id: piece.id }]
  }

  #update(update: Line): NewEvent[] | undefined {
    const kind = wordOf(update.sessionUpdate)
    if (kind === 'agent_message_chunk') return this.#said('assistant_message', update)
    if (kind === 'agent_thought_chunk') return this.#said('reasoning', update)
    if (kind === 'tool_call' || kind === 'tool_call_update') return [...this.rest(), ...this.#call(update, false)]
    if (kind === 'usage_update') {
      const amount = fieldsOf(update.cost).amount
      if (typeof amount === 'number') this.#cost = amount
    }
    return [status(kind, update)]
  }

  #said(type: 'assistant_message' | 'reasoning', { content, messageId }: Line): NewEvent[] | undefined {
    const block = fieldsOf(content)
    const id = textOf(messageId)
    const before = this.#piece && (this.#piece.type !== type || this.#piece.id !== id) ? this.rest() : []
    if (typeof block.text !== 'string') return [...before, ...this.rest(), status(`${type} ${wordOf(block.type)}`, block)]
    this.#piece ??= { type, id, text: '' }
    this.#piece.text += block.text
    return before.length > 0 ? before : undefined
  }

  /** A call when it begins, and its result when that is there. */
  #call(update: Line, asked: boolean): NewEvent[] {
    const tool_id = textOf(update.toolCallId) ?? ''
    const call = { ...this.#calls.get(tool_id), ...Object.fromEntries(Object.entries(update).filter(([, value]) => value != null)) }
    this.#calls.set(tool_id, call)
    const about = { tool_id, tool: nameOfCall(call), tool_kind: kindOfCall(call) }
    const done = update.status === 'completed' || update.status === 'failed'
    const events: NewEvent[] = []
    if (!this.#told.has(tool_id) && (asked || done || update.status === 'in_progress')) {
      this.#told.add(tool_id)
      events.push({ type: 'tool_call', ...about, input: call.rawInput ?? { title: call.title, locations: call.locations } })
    }
    if (asked) this.#asked.add(tool_id)
    if (!done) return events.length > 0 ? events : [status('tool_call', update)]
    const success = update.status === 'completed'
    this.#refused = !success && this.#asked.has(tool_id) ? about.tool : undefined
    const output = call.rawOutput ?? outputIn(call.content)
    const error = textOf(fieldsOf(output).error) ?? (typeof output === 'string' ? output : JSON.stringify(output))
    return [...events, { type: 'tool_result', ...about, success, ...(success ? { output } : { error }) }]
  }

  #over(result: Line, account: Account): NewEvent[] {
    const events = this.rest()
    const reason = wordOf(result.stopReason)
    const failure = this.#failure()
    account.success = reason === 'end_turn' && !failure
    // An error that it said as if it was its answer.
    if (failure && this.#refused === undefined) account.result = undefined
    account.limit = failure?.limit
    if (!account.success) account.error = (reason === 'end_turn' ? failure?.error : undefined) ?? `the agent stopped: ${reason}`
    return [...events, ...this.#spent(result), status(`stopped: ${reason}`, result)]
  }

  /** What went wrong in a turn that it ended as if it was done. */
  #failure(): { error: string; limit?: Limit } | undefined {
    if (this.#refused !== undefined) return { error: `it may not use '${this.#refused}' and gave up: --auto-approve lets it use its tools` }
    return this.#result === undefined ? undefined : this.#words.failure?.(this.#result)
  }

  #spent(result: Line): NewEvent[] {
    const usage = this.#words.usage ? this.#words.usage(result, this.#past) : usageIn(fieldsOf(result.usage))
    const cost = this.#cost === undefined ? undefined : Math.max(0, this.#cost - costBefore(this.#past))
    if (!usage && !cost) return []
    return [{ type: 'usage', ...usage, ...(cost ? { cost_usd: cost } : {}) }]
  }

  /** An answer to the prompt that is none: nothing more of the turn would come. */
  #unanswered(line: Line, account: Account): NewEvent[] {
    const events = this.rest()
    Object.assign(account, { success: false, error: 'its answer to the prompt does not say why the turn ended' })
    return [...events, status('no answer', line)]
  }

  #failed({ code, message, data }: Line, account: Account): NewEvent[] {
    const events = this.rest()
    const more = fieldsOf(data)
    const said = message === 'Internal error' ? (textOf(more.details) ?? message) : textOf(message)
    const text = oneLine(textOf(more.message) ?? said ?? `error ${wordOf(code)}`)
    account.success = false
    account.error = code === -32000 ? `${text}: log in with the agent itself first` : text
    const resetAt = typeof more.resetAt === 'number' ? more.resetAt : undefined
    if (isLimit(code, text, more)) account.limit = { message: text, ...(resetAt === undefined ? {} : { resetAt }) }
    return [...events, ...(more.usage === undefined ? [] : this.#spent(more)), status('error', { code, message, data })]
  }
}

/** How agents say that a limit of use was met: the protocol has no word for it. */
function isLimit(code: unknown, text: string, data: Line): boolean {
  return (
    code === 429 ||
    data.errorKind === 'rate_limit' ||
    data.codexErrorInfo === 'usageLimitExceeded' ||
    /\b429\b|rate limit|usage limit|quota/i.test(text)
  )
}

/** The tokens of an answer, as the protocol has them. */
export function usageIn(usage: Line): UsageFields | undefined {
  const count = (key: string) => (typeof usage[key] === 'number' ? usage[key] : undefined)
  const fields = {
    input_tokens: count('inputTokens'),
    output_tokens: count('outputTokens'),
    cache_read_tokens: count('cachedReadTokens'),
    cache_write_tokens: count('cachedWriteTokens'),
  }
  return Object.values(fields).some(value => value) ? fields : undefined
}

/** What the conversation had cost when the turn began: the agent tells the sum. */
function costBefore(past: Past): number {
  let cost: number | undefined
  past.line(bytes => {
    if (!bytes.includes('"usage_update"') || !bytes.includes('"cost"')) return false
    const { amount } = fieldsOf(fieldsOf(fieldsOf(parseLine(bytes)?.params).update).cost)
    if (typeof amount === 'number') cost = amount
    return cost !== undefined
  })
  return cost ?? 0
}

/** What a tool is called: the protocol has a title for people, which says what this one call does, and a kind. */
function nameOfCall(call: { _meta?: unknown; kind?: unknown }): string {
  const meta = fieldsOf(call._meta)
  return textOf(fieldsOf(meta.zag).tool) ?? textOf(fieldsOf(meta.claudeCode).toolName) ?? textOf(call.kind) ?? 'other'
}

/** zag's own agent has a kind that the protocol has not. */
function kindOfCall(call: { _meta?: unknown; kind?: unknown }): ToolKind {
  return fieldsOf(fieldsOf(call._meta).zag).kind === 'sub_agent' ? 'sub_agent' : kindOfAcp(call.kind)
}

const KINDS: Record<string, ToolKind> = {
  read: 'file_read',
  edit: 'file_edit',
  delete: 'file_edit',
  move: 'file_edit',
  search: 'search',
  execute: 'shell',
  fetch: 'web',
}

function kindOfAcp(kind: unknown): ToolKind {
  return typeof kind === 'string' && Object.hasOwn(KINDS, kind) ? (KINDS[kind] as ToolKind) : 'other'
}

/** The text in what a tool gave back, or all of it where there is more than text. */
function outputIn(content: unknown): unknown {
  const texts = listOf(content).map(part => (part.type === 'content' ? textOf(fieldsOf(part.content).text) : undefined))
  return texts.length > 0 && texts.every(text => text !== undefined) ? texts.join('\n') : content
}
