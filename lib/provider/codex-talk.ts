// zag's side of the talk with `codex app-server`: it begins a thread, hands over prompts and answers what is asked. Found by running
// version 0.169, whose `codex app-server generate-ts` writes the types of what goes to and fro.
//
// It asks about every command (approvalPolicy "untrusted", which it takes for a thread and no longer in its configuration), every
// change of files and every call of an MCP server. Without --auto-approve nobody can be asked, so the answer is no, and the log says
// so. A thread is in the folder of the process: were it told, one that may write there would be noted as trusted in the user's
// config.toml.

import { quoted } from '../base/exit.js'
import { oneLine } from './account.js'
import { explained, refusalIn } from './codex-words.js'
import { fieldsOf, type Line, listOf, textOf } from './fields.js'
import type { Driver, Task, Wire } from './provider.js'

/** What a thread is begun or gone on with. */
function threadSettings({ model, flags: { plan, autoApprove, systemPrompt } }: Task): Line {
  // A plan is made without being asked for anything, as one turn alone makes it. Without either, the sandbox is that of the user.
  const may = plan ? { approvalPolicy: 'never', sandbox: 'read-only' } : { approvalPolicy: 'untrusted' }
  const all = autoApprove && !plan ? { sandbox: 'danger-full-access' } : {}
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
    else request?.fail(new Error(explained(refusalIn(message ?? 'it refused and did not say why'))))
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
