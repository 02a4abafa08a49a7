// What Claude Code says of its work as events: the lines of its stdout, each a JSON object. Source of the format: the program itself
// (2.1.197).
//
// A process can give several results: what runs in the background when the first is given, a command or another agent, may wake the
// model again. Each round has an `init` and a `result`. Cost and tokens in them are those of the process so far. What its sub-agents
// say is no answer, but what they do with tools is done.
//
// One that lives on repeats each prompt when the model gets it: the result after that is the one of the turn. A command left running
// may be a server and never end, so that no turn waits for it; the round that it wakes is read with the turn that comes next.

import { wordOf } from '../base/word.js'
import type { NewEvent } from '../log/events.js'
import { parseLine } from '../store/lines.js'
import { type Account, accountReader, oneLine, readerOver } from './account.js'
import { Blocks, describe } from './claude-transcript.js'
import { fieldsOf, isConversation, type Line, listOf, status, textOf } from './fields.js'
import type { Limit, Past, Reader } from './provider.js'

/** The reader of a process that ends with its turn. The last result counts. */
export function claudeReader(): Reader {
  return readerOf(new Stream())
}

/** The reader of a turn of a process that lives on. */
export function liveReader(past: Past): Reader {
  return readerOf(new Stream(past))
}

function readerOf(stream: Stream): Reader {
  const account = accountReader((line, said) => stream.take(line, said))
  return readerOver(account, {
    get through() {
      return stream.isOver ?? (account.through === true && !stream.isAtWork)
    },
  })
}

const HINTS: Record<string, string> = {
  authentication_failed: "run 'claude' and log in there with /login, or set ANTHROPIC_API_KEY",
  model_not_found: 'a model is haiku, sonnet, opus or a full name',
}
const NO_CONVERSATION = /^No conversation found/
const GONE = 'it looks for them by the folder it works in, and drops them after some weeks'
/** How older versions begin where newer ones give the status. */
const LIMITED = /^API Error: 429\b/

/** What was spent: our word for it, and that of the program, which counts by model. */
const COUNTS = [
  ['input_tokens', 'inputTokens'],
  ['output_tokens', 'outputTokens'],
  ['cache_read_tokens', 'cacheReadInputTokens'],
  ['cache_write_tokens', 'cacheCreationInputTokens'],
] as const

class Stream {
  #blocks = new Blocks()
  #rounds = { begun: 0, ended: 0 }
  /** What runs beside the conversation, by id. */
  #tasks = new Set<string>()
  #isWoken = false
  /** The kind of the latest error of the API. */
  #kind: string | undefined
  /** What was said of the latest limit that was met. */
  #rejected: Line = {}
  /** What calls that failed were told, by their id. */
  #refusals = new Map<string, string>()
  #denied = new Set<string>()
  /** Calls that it asked about: what came of that is in the log already. */
  #asked = new Set<string>()
  /** Calls that it told of before it did them, by the id of the request. */
  #told = new Map<unknown, string>()
  #spent: ReadonlyMap<string, number>
  readonly #livesOn: boolean
  /** It answers the prompt: of one that lives on, what comes before and after is of rounds that something else began. */
  #answers: boolean
  /** The prompt was answered, whatever may follow; nothing where the process ends with that. */
  isOver: boolean | undefined

  /** `past` is that of a process that lives on. */
  constructor(past?: Past) {
    this.#livesOn = past !== undefined
    this.#answers = past === undefined
    this.isOver = past && false
    this.#spent = past ? spentBefore(past) : new Map()
  }

  /** Something will wake it, or has. */
  get isAtWork(): boolean {
    return this.#tasks.size > 0 || this.#isWoken || this.#rounds.begun > this.#rounds.ended
  }

  take(line: Line, account: Account): NewEvent[] {
    const events = this.#eventsOf(line, account)
    return events.length > 0 ? events : [status(describe(line), line)]
  }

  #eventsOf(line: Line, account: Account): NewEvent[] {
    if (line.type === 'result') return this.#result(line, account)
    if (line.type === 'control_request') this.#asks(line)
    if (line.type === 'control_response') this.#answered(fieldsOf(line.response))
    if (line.type === 'user' && line.isReplay === true) return this.#begin(line, account)
    if (line.type === 'system') this.#note(line, account)
    const limit = fieldsOf(line.rate_limit_info)
    if (limit.status === 'rejected') this.#rejected = limit
    if (line.type !== 'assistant' && line.type !== 'user') return []
    // The text of an error of the API comes again in the result.
    if (line.error !== undefined) this.#kind = textOf(line.error)
    return line.error === undefined ? this.#message(line, account) : []
  }

  #asks({ request_id, request }: Line): void {
    const { subtype, tool_use_id } = fieldsOf(request)
    if (subtype === 'hook_callback') this.#told.set(request_id, wordOf(tool_use_id))
    else this.#asked.add(wordOf(tool_use_id))
  }

  /** It repeats what it was answered: a refusal of what it did not ask about. */
  #answered({ request_id, response }: Line): void {
    const { permissionDecision } = fieldsOf(fieldsOf(response).hookSpecificOutput)
    if (permissionDecision === 'deny') this.#asked.add(this.#told.get(request_id) ?? '')
  }

  /** The model gets the prompt. Nothing that was said before is an answer to it. */
  #begin({ uuid }: Line, account: Account): NewEvent[] {
    this.#answers = true
    for (const key of ['success', 'result', 'error', 'limit'] as const) delete account[key]
    return [status('prompt taken', { uuid })]
  }

  /** Rounds and tasks that begin and end. */
  #note(line: Line, account: Account): void {
    const { subtype, session_id, task_id } = line
    // Only here: a result about a conversation that is not there bears an id too.
    if (subtype === 'init') {
      if (isConversation(session_id)) account.conversation = session_id
      this.#rounds.begun += 1
      this.#isWoken = false
    }
    if (subtype === 'task_started' && !(this.#livesOn && line.task_type === 'local_bash')) this.#tasks.add(wordOf(task_id))
    if (subtype === 'task_notification') this.#tasks.delete(wordOf(task_id))
    // One that it stopped itself, because it is about to exit, wakes nobody.
    if (subtype === 'task_notification' && this.#rounds.begun === this.#rounds.ended) this.#isWoken ||= line.status !== 'stopped'
  }

  #message(line: Line, account: Account): NewEvent[] {
    const { id, content } = fieldsOf(line.message)
    const events = listOf(content).map(block => this.#block(block, line, textOf(id)))
    // Its calls have ids of their own; what it says would be taken for the answer.
    const isOfSub = typeof line.parent_tool_use_id === 'string'
    if (isOfSub) return events.map(event => (isTalk(event) ? status(`sub-agent ${wordOf(line.type)}`, line) : event))
    for (const event of events) if (event.type === 'assistant_message' && this.#answers) account.result = event.content
    return events
  }

  #block(block: Line, line: Line, message_id: string | undefined): NewEvent {
    if (line.type === 'assistant') return this.#blocks.ofAnswer(block, message_id)
    if (block.type !== 'tool_result') return status(`user ${wordOf(block.type)}`, block)
    const event = this.#blocks.result(block, line.tool_use_result)
    if (event.type === 'tool_result' && event.error !== undefined) this.#refusals.set(event.tool_id ?? '', oneLine(event.error))
    return event
  }

  #result(line: Line, account: Account): NewEvent[] {
    this.#rounds.ended += 1
    // The turn before may have read how the round began.
    this.#rounds.begun = Math.max(this.#rounds.begun, this.#rounds.ended)
    this.#judge(line, account)
    const reason = stopOf(line)
    // That the turn of one that lives on is over, its runner tells.
    const end: NewEvent = this.#livesOn ? status(`stopped: ${reason}`, line) : { type: 'turn_ended', stop_reason: reason }
    return [...this.#denials(line), ...this.#spentSince(line), end]
  }

  #judge(line: Line, account: Account): void {
    if (this.isOver) return
    const success = line.subtype === 'success' && line.is_error !== true
    // If the process ends before it takes the prompt, this is why.
    account.error = success ? undefined : this.#errorOf(line)
    if (!this.#answers) return
    account.success = success
    if (success) account.result = textOf(line.result) ?? account.result
    account.limit = success ? undefined : this.#limitOf(line)
    if (!this.#livesOn || this.isAtWork) return
    this.isOver = true
    this.#answers = false
  }

  #errorOf({ subtype, terminal_reason, result, errors }: Line): string {
    if (isInterrupted(terminal_reason)) return 'interrupted'
    const told = Array.isArray(errors) ? errors.map(String).join('; ') : ''
    const error = oneLine(textOf(result) ?? (told || `the agent ended with ${wordOf(subtype)}`))
    const hint = HINTS[this.#kind ?? '']
    return hint === undefined ? noConversation(error) : `${error} (${hint})`
  }

  #limitOf({ api_error_status, result }: Line): Limit | undefined {
    const message = oneLine(textOf(result) ?? 'usage limit')
    if (api_error_status !== 429 && this.#kind !== 'rate_limit' && !LIMITED.test(message)) return undefined
    const { rateLimitType, resetsAt } = this.#rejected
    return {
      message,
      ...(textOf(rateLimitType) === undefined ? {} : { scope: String(rateLimitType) }),
      ...(typeof resetsAt === 'number' ? { resetAt: resetsAt * 1000 } : {}),
    }
  }

  /** Calls that were refused, each once, however many results name them. */
  #denials({ permission_denials }: Line): NewEvent[] {
    const isTold = (id: string) => this.#denied.has(id) || this.#asked.has(id)
    const fresh = listOf(permission_denials).filter(({ tool_use_id }) => !isTold(wordOf(tool_use_id)))
    for (const { tool_use_id } of fresh) this.#denied.add(wordOf(tool_use_id))
    return fresh.map(({ tool_name, tool_use_id }) => {
      const reason = this.#refusals.get(wordOf(tool_use_id))
      return { type: 'permission', tool: textOf(tool_name) ?? 'unknown', granted: false, by: 'deny', ...(reason ? { reason } : {}) }
    })
  }

  /** Usage since the result before. By model, because the usage of the result itself leaves out sub-agents. */
  #spentSince(line: Line): NewEvent[] {
    const total = spentIn(line)
    const since = [...total].map(([name, count]) => [name, count - (this.#spent.get(name) ?? 0)] as const)
    this.#spent = total
    return since.some(([, count]) => count > 0) ? [{ type: 'usage', ...Object.fromEntries(since) }] : []
  }
}

/** What the process had spent by a result, by our words for it. */
function spentIn({ modelUsage, total_cost_usd }: Line): ReadonlyMap<string, number> {
  const models = Object.values(fieldsOf(modelUsage)).map(fieldsOf)
  const tokens = COUNTS.map(([name, key]) => [name, models.reduce((sum, model) => sum + countOf(model[key]), 0)] as const)
  return new Map<string, number>([...tokens, ['cost_usd', countOf(total_cost_usd)]])
}

/** What zag's first request bears, and the answer to it. */
export const BEGIN = 'begin'

/** What the process had spent when the turn began. The answer to its beginning stands before all that it spent. */
function spentBefore(past: Past): ReadonlyMap<string, number> {
  const line = past.line(bytes => (bytes.includes('"result"') || bytes.includes(`"${BEGIN}"`)) && isAccount(parseLine(bytes)))
  return spentIn((line && parseLine(line)) ?? {})
}

const isAccount = (line: Line = {}) =>
  line.type === 'result' || (line.type === 'control_response' && fieldsOf(line.response).request_id === BEGIN)

/** Its word that a conversation is not there, with why that may be; any other as it is. */
export function noConversation(error: string): string {
  return NO_CONVERSATION.test(error) ? `${error} (${GONE})` : error
}

/** Of one that failed, the model's own reason to stop says nothing, and the subtype may be `success`. */
function stopOf({ subtype, is_error, stop_reason, terminal_reason }: Line): string {
  if (isInterrupted(terminal_reason)) return 'interrupted'
  if (subtype === 'success') return is_error === true ? 'error' : (textOf(stop_reason) ?? 'end_turn')
  return textOf(subtype)?.replace(/^error_/, '') ?? 'error'
}

const isInterrupted = (reason: unknown) => textOf(reason)?.startsWith('aborted') === true
const isTalk = ({ type }: NewEvent) => type !== 'tool_call' && type !== 'tool_result'
const countOf = (value: unknown) => (typeof value === 'number' ? value : 0)
