// What `codex app-server` tells of one turn, as events. Found by running version 0.169.
//
// Threads of agents that it starts itself speak in the same stream, so what is of another turn is no news of this one. The tokens of a
// turn are what the sum over its thread grew by, which is told again whenever limits change.

import { wordOf } from '../base/word.js'
import type { NewEvent } from '../log/events.js'
import { parseLine } from '../store/lines.js'
import { type Account, accountReader, oneLine, readerOver } from './account.js'
import { CodexCalls, usageOf } from './codex-items.js'
import { causeIn, explained, limitIn } from './codex-words.js'
import { fieldsOf, type Line, status, textOf } from './fields.js'
import type { Limit, Past, Reader } from './provider.js'

/** A reader of one turn. */
export function codexTurnReader(past: Past): Reader {
  const turn = new LiveTurn(past)
  const lines = accountReader(
    (line, account) => turn.take(line, account),
    () => turn.rest(),
  )
  return readerOver(lines, {
    get waiting() {
      return turn.waiting
    },
    verdict: exit => lines.verdict({ ...exit, stderr: causeIn(exit.stderr) }),
  })
}

/** Pieces of what is told when it is whole. */
const PIECE = /Delta$|\/delta$|^turn\/diff\/updated$/

/** What the ids of requests begin with whose answers say nothing of a turn. */
export const ASIDE = 'aside-'

/** What the lines of one turn tell. */
class LiveTurn {
  readonly #past: Past
  readonly #calls = new CodexCalls()
  /** The items that zag was asked about. */
  readonly #asked = new Set<unknown>()
  #turn: string | undefined
  #piece: { id: unknown; text: string } | undefined
  #used: { now: Line; before: Line } | undefined
  #resetAt: number | undefined
  /** The last that it said of its work is that it tries to reach the model again. */
  waiting = false
  #account: Account = {}

  constructor(past: Past) {
    this.#past = past
  }

  /** The events of a line; nothing for a piece of something. */
  take(line: Line, account: Account): NewEvent[] | undefined {
    this.#account = account
    const params = fieldsOf(line.params)
    if (typeof line.method !== 'string') return this.#answer(line, account)
    if (line.id !== undefined) {
      this.#asked.add(params.itemId)
      return [status(line.method, params)]
    }
    const turn = textOf(params.turnId) ?? textOf(fieldsOf(params.turn).id)
    if (turn !== undefined && turn !== this.#turn) return PIECE.test(line.method) ? undefined : [status(line.method, params)]
    if (turn !== undefined) account.conversation = textOf(params.threadId) ?? account.conversation
    if (/^(item|turn)\//.test(line.method)) this.waiting = false
    return this.#event(line.method, params, account)
  }

  /** What was not told whole: the beginning of a message, and the tokens until now. */
  rest(): NewEvent[] {
    const { text } = this.#piece ?? {}
    const spent = this.#used && usageOf(this.#used.now, this.#used.before)
    this.#piece = undefined
    if (text) this.#account.result = text
    if (this.#used) this.#used = { ...this.#used, before: this.#used.now }
    return [
      ...(text ? [{ type: 'assistant_message', content: text } as const] : []),
      ...(spent && Object.values(spent).some(count => typeof count === 'number' && count > 0) ? [spent] : []),
    ]
  }

  #event(method: string, params: Line, account: Account): NewEvent[] | undefined {
    switch (method) {
      case 'item/started':
      case 'item/completed':
        return this.#item(method === 'item/started' ? 'started' : 'completed', itemOf(fieldsOf(params.item)), account)
      case 'item/agentMessage/delta':
        if (this.#piece?.id !== params.itemId) this.#piece = { id: params.itemId, text: '' }
        if (this.#piece) this.#piece.text += textOf(params.delta) ?? ''
        return undefined
      case 'thread/tokenUsage/updated':
        return this.#uses(params)
      case 'account/rateLimits/updated':
        this.#resetAt = resetOf(fieldsOf(params.rateLimits)) ?? this.#resetAt
        return [status(method, params)]
      case 'error':
        return this.#erred(params, account)
      case 'turn/completed':
        return this.#over(params, account)
      default:
        return PIECE.test(method) ? undefined : [status(oneLine(textOf(params.summary) ?? textOf(params.message) ?? method), params)]
    }
  }

  /** The answer to the prompt: the turn has begun, or will not. */
  #answer({ id, result, error }: Line, account: Account): NewEvent[] {
    if (typeof id === 'string' && id.startsWith(ASIDE)) return [status('answer', error ?? result)]
    this.#turn ??= textOf(fieldsOf(fieldsOf(result).turn).id)
    if (error === undefined) return [status('answer', result)]
    const message = oneLine(textOf(fieldsOf(error).message) ?? 'it refused and did not say why')
    Object.assign(account, { success: false, error: explained(message) })
    return [status(message, error)]
  }

  #item(when: 'started' | 'completed', item: Line, account: Account): NewEvent[] | undefined {
    const { type, text } = item
    if (when === 'completed' && type === 'agent_message' && typeof text === 'string') {
      if (this.#piece?.id === item.id) this.#piece = undefined
      account.result = text
      return [{ type: 'assistant_message', content: text }]
    }
    if (when === 'completed' && type === 'reasoning' && textOf(text)) return [{ type, content: String(text) }]
    if (type === 'user_message' || (when === 'started' && type === 'agent_message')) return undefined
    const events = this.#calls.events(when, item, this.#asked.has(item.id))
    return events.length > 0 ? events : [status(`${wordOf(type)} ${when}`, item)]
  }

  /** It tells a sum again when limits change, so what counts is by how much that grew. */
  #uses({ threadId, tokenUsage }: Line): NewEvent[] | undefined {
    const { total, last } = fieldsOf(tokenUsage)
    const now = snaked(fieldsOf(total))
    const before = this.#used?.before ?? this.#usedBefore(threadId) ?? lessened(now, snaked(fieldsOf(last)))
    this.#used = { now, before }
    return undefined
  }

  #usedBefore(thread: unknown): Line | undefined {
    let total: Line | undefined
    this.#past.line(bytes => {
      if (!bytes.includes('"thread/tokenUsage/updated"')) return false
      const { threadId, tokenUsage } = fieldsOf(parseLine(bytes)?.params)
      if (threadId === thread) total = fieldsOf(fieldsOf(tokenUsage).total)
      return total !== undefined
    })
    return total && snaked(total)
  }

  #erred({ error, willRetry }: Line, account: Account): NewEvent[] {
    const message = oneLine(textOf(fieldsOf(error).message) ?? 'error')
    this.waiting = willRetry === true && /^Reconnecting\b/.test(message)
    if (willRetry !== true) account.error = explained(message)
    return [status(message, { error, willRetry })]
  }

  #over(params: Line, account: Account): NewEvent[] {
    const turn = fieldsOf(params.turn)
    const error = fieldsOf(turn.error)
    const message = oneLine(textOf(error.message) ?? '')
    const events = [...this.rest(), status(`turn ${turn.status}`, { ...turn, items: undefined })]
    account.success = turn.status === 'completed'
    if (account.success) return events
    account.error = explained(message) || account.error || `the turn was ${turn.status}`
    account.limit = limitOf(message, error.codexErrorInfo, this.#resetAt)
    return events
  }
}

/** An item as `codex exec --json` would tell it. */
function itemOf(item: Line): Line {
  const told = snaked(item)
  const type = wordOf(item.type).replace('AgentToolCall', 'ToolCall')
  const texts = [item.summary, item.content].map(list => (Array.isArray(list) ? list.filter(text => typeof text === 'string') : []))
  const reasoning = type === 'reasoning' ? { text: (texts.find(list => list.length > 0) ?? []).join('\n') } : {}
  const command = type === 'commandExecution' ? { aggregated_output: item.aggregatedOutput ?? '' } : {}
  const agent = type === 'collabToolCall' ? { tool: snake(wordOf(item.tool)) } : {}
  return { ...told, type: snake(type), ...reasoning, ...command, ...agent }
}

const snake = (word: string) => word.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

function snaked(fields: Line): Line {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [snake(key), value]))
}

function lessened(now: Line, by: Line): Line {
  return Object.fromEntries(Object.entries(now).map(([key, value]) => [key, Number(value) - Number(by[key] ?? 0)]))
}

/** When the last of the limits that are used up is over, in milliseconds since 1970; to the second, which its sentences are not. */
function resetOf({ primary, secondary }: Line): number | undefined {
  const full = [primary, secondary]
    .map(fieldsOf)
    .filter(({ usedPercent, resetsAt }) => Number(usedPercent) >= 100 && typeof resetsAt === 'number')
  return full.length > 0 ? Math.max(...full.map(({ resetsAt }) => Number(resetsAt) * 1000)) : undefined
}

const LIMITS = new Set<unknown>(['usageLimitExceeded', 'rateLimitExceeded'])

/** The limit that a turn failed of, by its message or by what kind of an error that is. */
function limitOf(message: string, kind: unknown, resetAt: number | undefined): Limit | undefined {
  const codes = Object.values(fieldsOf(kind)).map(about => fieldsOf(about).httpStatusCode)
  const limit = limitIn(message, Date.now(), LIMITS.has(kind) || codes.includes(429))
  return limit && resetAt !== undefined ? { ...limit, resetAt } : limit
}
