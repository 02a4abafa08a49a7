// zag's side of the talk with `codex app-server`: it begins a thread, hands over prompts and answers what is asked. Found by running
// version 0.169, whose `codex app-server generate-ts` writes the types of what goes to and fro.
//
// It asks about every command (approvalPolicy "untrusted", which it takes for a thread and no longer in its configuration), every
// change of files and every call of an MCP server. A yes is for one call. A no has no place for a reason: that goes into the turn at
// work, by turn/steer, or follows it. A thread is in the folder of the process: were it told, one that may write there would be noted as trusted in the user's
// config.toml.

import { wordOf } from '../base/word.js'
import type { Decision, Question } from '../permission/call.js'
import { isSaidNo, whyNot } from './calls.js'
import { codexChange, codexCommand, codexMcp, codexPermissions } from './codex-calls.js'
import { ASIDE } from './codex-turn.js'
import { explained, refusalIn } from './codex-words.js'
import { fieldsOf, type Line, textOf } from './fields.js'
import type { Driver, Task, Wire } from './provider.js'

/** What a thread is begun or gone on with. */
function threadSettings({ model, decided, flags: { plan, autoApprove, systemPrompt } }: Task): Line {
  // A plan is made without being asked for anything, as one turn alone makes it. What it asked and was allowed would fail in a sandbox of
  // its own, which may be read-only, or without a network; where it is allowed nothing, the sandbox is that of the user.
  const may = plan ? { approvalPolicy: 'never', sandbox: 'read-only' } : { approvalPolicy: 'untrusted' }
  const all = (autoApprove || decided) && !plan ? { sandbox: 'danger-full-access' } : {}
  return { ...may, ...all, model, developerInstructions: systemPrompt }
}

/** Of a method that is not there. */
const NO_METHOD = -32601

/** zag's side of the talk. */
export class CodexTalk implements Driver {
  readonly #task: Task
  readonly #wire: Wire
  readonly #waiting = new Map<unknown, { done(result: Line): void; fail(error: Error): void }>()
  /** What the changes of files that are not over would change. */
  readonly #changes = new Map<unknown, unknown>()
  /** What it asked and has no answer to, by the id of the request. */
  readonly #asked = new Map<unknown, AbortController>()
  #thread: string | undefined
  #requests = 0

  constructor(task: Task, wire: Wire) {
    this.#task = task
    this.#wire = wire
  }

  take(line: Line): void {
    const { item } = fieldsOf(line.params)
    if (typeof line.method !== 'string') this.#answered(line)
    else if (line.id !== undefined) this.#answer(line.id, line.method, fieldsOf(line.params))
    else if (line.method === 'serverRequest/resolved') this.#asked.get(fieldsOf(line.params).requestId)?.abort()
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
    const settings = { ...threadSettings(this.#task), config: await this.#folders() }
    const { thread } = await (resumed && conversation !== undefined
      ? this.#request('thread/resume', { threadId: conversation, excludeTurns: true, ...settings })
      : this.#request('thread/start', settings))
    this.#thread = textOf(fieldsOf(thread).id)
    if (this.#thread === undefined) throw new Error('it told no thread')
    return this.#thread
  }

  /** Folders that may be written to besides, with those of the user, in whose place they would stand. */
  async #folders(): Promise<Line | undefined> {
    const { addDir = [] } = this.#task.flags
    if (addDir.length === 0) return undefined
    // Versions that do not tell their configuration keep it to themselves.
    const { config } = await this.#request('config/read', { includeLayers: false, cwd: this.#task.cwd }).catch((): Line => ({}))
    const { writable_roots: theirs } = fieldsOf(fieldsOf(config).sandbox_workspace_write)
    return { 'sandbox_workspace_write.writable_roots': [...new Set([...(Array.isArray(theirs) ? theirs : []), ...addDir])] }
  }

  prompt(text: string): void {
    // The reader sees how that ends.
    this.#request('turn/start', { threadId: this.#thread, input: [{ type: 'text', text }] }).catch(() => {})
  }

  #request(method: string, params: Line, mark?: string): Promise<Line> {
    this.#requests += 1
    const id = mark === undefined ? this.#requests : `${mark}${this.#requests}`
    this.#wire.send({ id, method, params })
    return new Promise((done, fail) => this.#waiting.set(id, { done, fail }))
  }

  #answered({ id, result, error }: Line): void {
    const request = this.#waiting.get(id)
    this.#waiting.delete(id)
    const message = textOf(fieldsOf(error).message)
    if (error === undefined) request?.done(fieldsOf(result))
    else request?.fail(new Error(explained(refusalIn(message ?? 'it refused and did not say why'))))
  }

  #changing(method: string, { id, changes }: Line): void {
    if (method === 'item/completed') this.#changes.delete(id)
    else this.#changes.set(id, changes)
  }

  /** Answers when it asks. */
  async #answer(id: unknown, method: string, params: Line): Promise<void> {
    const asked = new AbortController()
    this.#asked.set(id, asked)
    this.#wire.send({ id, ...(await this.#answerTo(method, params, asked.signal)) })
    this.#asked.delete(id)
  }

  async #answerTo(method: string, params: Line, signal: AbortSignal): Promise<Line> {
    const decides = async (question: Question) => ({
      result: { decision: (await this.#may(question, params, signal)) ? 'accept' : 'decline' },
    })
    switch (method) {
      case 'item/commandExecution/requestApproval':
        return decides(codexCommand(params, this.#task.cwd))
      case 'item/fileChange/requestApproval':
        return decides(codexChange(params, this.#changes.get(params.itemId)))
      case 'item/permissions/requestApproval':
        return {
          result: { permissions: (await this.#may(codexPermissions(params), params, signal)) ? params.permissions : {}, scope: 'turn' },
        }
      case 'mcpServer/elicitation/request':
        return { result: await this.#elicited(params, signal) }
      default:
        return { error: { code: NO_METHOD, message: `zag has no ${wordOf(method)}` } }
    }
  }

  /** What a server of MCP asks people, or Codex whether it may call one. A form has nobody to fill it in. */
  async #elicited(params: Line, signal: AbortSignal): Promise<Line> {
    const question = codexMcp(params)
    const granted = question !== undefined && (await this.#may(question, params, signal))
    return { action: granted ? 'accept' : 'decline', content: granted ? {} : null, _meta: null }
  }

  async #may(question: Question, { turnId }: Line, signal: AbortSignal): Promise<boolean> {
    const decision = await this.#wire.ask(question, signal)
    if (!decision.granted) this.#tellWhy(question, decision, turnId)
    return decision.granted
  }

  /** Puts the reason of a refusal into the turn at work; it is told later if that turn is over. */
  #tellWhy(question: Question, decision: Decision, turnId: unknown): void {
    const later = () => this.#wire.untold(question, decision)
    if (isSaidNo(decision) && decision.reason !== undefined && typeof turnId === 'string') {
      const input = [{ type: 'text', text: whyNot(question, decision) }]
      this.#request('turn/steer', { threadId: this.#thread, expectedTurnId: turnId, input }, ASIDE).catch(later)
    } else later()
  }
}
