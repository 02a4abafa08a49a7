// Codex that lives on: `codex app-server`, lines of JSON-RPC without their `jsonrpc`. What is in them was found by running version
// 0.169, whose `codex app-server generate-ts` writes their types.
//
// It asks about every command (approvalPolicy "untrusted", which it takes for a thread and no longer in its configuration), every
// change of files and every call of an MCP server. Threads of agents that it starts itself speak in the same stream, so what is of
// another turn is no news of this one. The tokens of a turn are what the sum over its thread grew by. A thread is in the folder of
// the process: were it told, one that may write there would be noted as trusted in the user's config.toml.

import { quoted } from '../base/exit.js'
import type { NewEvent } from '../log/events.js'
import { parseLine } from '../store/lines.js'
import { type Account, accountReader, oneLine } from './account.js'
import { CodexCalls, usageOf } from './codex-items.js'
import { foldersSetting, settingsFor } from './codex-settings.js'
import { causeIn, explained, limitIn, refusalIn } from './codex-words.js'
import { fieldsOf, type Line, listOf, status, textOf } from './fields.js'
import type { Driver, Limit, Live, Past, Reader, Start, Task, Wire } from './provider.js'

export const codexLive: Live = {
  start,
  reader: past => readerOf(new LiveTurn(past)),
  driver: async (task, wire) => new Talk(task, wire),
}

function start(task: Task): Start {
  const { words, env } = settingsFor(task, foldersSetting(task.flags.addDir ?? []))
  return { argv: ['codex', 'app-server', ...words], env }
}

/** What a thread is begun or gone on with. */
function threadSettings({ model, flags: { plan, autoApprove, systemPrompt } }: Task): Line {
  // A plan is made without being asked for anything, as one turn alone makes it. Without either, the sandbox is that of the user.
  const may = plan ? { approvalPolicy: 'never', sandbox: 'read-only' } : { approvalPolicy: 'untrusted' }
  const all = autoApprove && !plan ? { sandbox: 'danger-full-access' } : {}
  return { ...may, ...all, model, developerInstructions: systemPrompt }
}

/** Of a method that is not there. */
const NO_METHOD = -32601
const NO_REASON = 'it refused and did not say why'

/** zag's side of the talk. */
class Talk implements Driver {
  readonly #task: Task
  readonly #wire: Wire
  readonly #waiting = new Map<unknown, { done(result: Line): void; fail(error: Error): void }>()
  /** What the changes of files that are not over would change. */
  readonly #changes = new Map<unknown, string>()
  #thread: string | undefined
  #requests = 0

  constructor(task: Task, wire: Wire) {
    this.#task = task
    this.#wire = wire
  }

  take(line: Line): void {
    const { item } = fieldsOf(line.params)
    if (typeof line.method !== 'string') this.#answered(line)
    else if (line.id !== undefined) this.#wire.send({ id: line.id, ...this.#answer(line.method, fieldsOf(line.params)) })
    else if (fieldsOf(item).type === 'fileChange') this.#changing(line.method, fieldsOf(item))
  }

  async open(): Promise<string> {
    await this.#request('initialize', {
      clientInfo: { name: 'zag', title: 'zag', version: '0' },
      // It would tell the whole difference again with each change; the changes themselves are told.
      capabilities: { experimentalApi: false, requestAttestation: false, optOutNotificationMethods: ['turn/diff/updated'] },
    })
    this.#wire.send({ method: 'initialized' })
    const { resumed, conversation } = this.#task
    const settings = threadSettings(this.#task)
    const { thread } = await (resumed && conversation !== undefined
      ? this.#request('thread/resume', { threadId: conversation, excludeTurns: true, ...settings })
      : this.#request('thread/start', settings))
    this.#thread = textOf(fieldsOf(thread).id)
    if (this.#thread === undefined) throw new Error('it told no thread')
    return this.#thread
  }

  prompt(text: string): void {
    // The reader sees how that ends.
    this.#request('turn/start', { threadId: this.#thread, input: [{ type: 'text', text }] }).catch(() => {})
  }

  #request(method: string, params: Line): Promise<Line> {
    this.#requests += 1
    const id = this.#requests
    this.#wire.send({ id, method, params })
    return new Promise((done, fail) => this.#waiting.set(id, { done, fail }))
  }

  #answered({ id, result, error }: Line): void {
    const request = this.#waiting.get(id)
    this.#waiting.delete(id)
    const message = textOf(fieldsOf(error).message)
    if (error === undefined) request?.done(fieldsOf(result))
    else request?.fail(new Error(explained(refusalIn(message ?? NO_REASON))))
  }

  #changing(method: string, { id, changes }: Line): void {
    if (method === 'item/completed') this.#changes.delete(id)
    else
      this.#changes.set(
        id,
        listOf(changes)
          .map(({ path }) => path)
          .join(', '),
      )
  }

  /** What it is told when it asks. */
  #answer(method: string, params: Line): Line {
    switch (method) {
      case 'item/commandExecution/requestApproval':
        return { result: { decision: this.#may('command_execution', params.command ?? params.reason) ? 'accept' : 'decline' } }
      case 'item/fileChange/requestApproval':
        return { result: { decision: this.#may('file_change', this.#changes.get(params.itemId) ?? params.reason) ? 'accept' : 'decline' } }
      case 'item/permissions/requestApproval':
        return { result: { permissions: this.#may('permissions', params.reason) ? params.permissions : {}, scope: 'turn' } }
      case 'mcpServer/elicitation/request':
        return { result: this.#elicited(params) }
      default:
        return { error: { code: NO_METHOD, message: `zag has no ${method}` } }
    }
  }

  /** What a server of MCP asks people, or Codex whether it may call one. A form has nobody to fill it in. */
  #elicited({ serverName, message, _meta }: Line): Line {
    const { codex_approval_kind: kind, tool_name } = fieldsOf(_meta)
    const granted = kind !== undefined && this.#may(`mcp__${serverName}__${tool_name}`, message)
    return { action: granted ? 'accept' : 'decline', content: granted ? {} : null, _meta: null }
  }

  /** Whether it may; the log has the answer. */
  #may(tool: string, about: unknown): boolean {
    const { autoApprove, plan } = this.#task.flags
    const granted = autoApprove === true && !plan
    const what = quoted(oneLine(textOf(about) ?? tool))
    const reason = granted
      ? '--auto-approve'
      : `nobody can be asked about ${what}: ${plan ? '--plan only looks' : '--auto-approve lets it use its tools'}`
    this.#wire.log({ type: 'permission', tool, granted, by: granted ? 'auto' : 'deny', reason })
    return granted
  }
}

function readerOf(turn: LiveTurn): Reader {
  const lines = accountReader(
    (line, account) => turn.take(line, account),
    () => turn.rest(),
  )
  return {
    ...lines,
    get through() {
      return lines.through
    },
    get waiting() {
      return turn.waiting
    },
    verdict: exit => lines.verdict({ ...exit, stderr: causeIn(exit.stderr) }),
  }
}

/** Pieces of what is told when it is whole. */
const PIECE = /Delta$|\/delta$|^turn\/diff\/updated$/

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

  constructor(past: Past) {
    this.#past = past
  }

  /** The events of a line; nothing for a piece of something. */
  take(line: Line, account: Account): NewEvent[] | undefined {
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
  #answer({ result, error }: Line, account: Account): NewEvent[] {
    this.#turn ??= textOf(fieldsOf(fieldsOf(result).turn).id)
    if (error === undefined) return [status('answer', result)]
    const message = oneLine(textOf(fieldsOf(error).message) ?? NO_REASON)
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
    return events.length > 0 ? events : [status(`${type} ${when}`, item)]
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
  const type = String(item.type).replace('AgentToolCall', 'ToolCall')
  const texts = [item.summary, item.content].map(list => (Array.isArray(list) ? list.filter(text => typeof text === 'string') : []))
  const reasoning = type === 'reasoning' ? { text: (texts.find(list => list.length > 0) ?? []).join('\n') } : {}
  const command = type === 'commandExecution' ? { aggregated_output: item.aggregatedOutput ?? '' } : {}
  const agent = type === 'collabToolCall' ? { tool: snake(String(item.tool)) } : {}
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
