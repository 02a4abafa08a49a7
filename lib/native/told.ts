// What the client of the Agent Client Protocol is told and asked while a turn is played.
//
// Besides what the protocol has, a call tells its tool's own name (`_meta.zag.tool`), a refusal may tell its reason
// (`_meta.zag.reason`), and what happens beside the conversation is told by a notice, `_zag/status`.

import type { AgentContext } from '@agentclientprotocol/sdk'
import { NOTICE } from '../provider/acp-reader.js'
import { fieldsOf, textOf } from '../provider/fields.js'
import type { Call } from './answer.js'
import { type Outcome, type Prepared, TOOLS } from './toolbox.js'
import type { Client } from './turn.js'

const OPTIONS = [
  { optionId: 'allow', name: 'Allow', kind: 'allow_once' },
  { optionId: 'refuse', name: 'Refuse', kind: 'reject_once' },
]

/** The client as a turn sees it. */
export class Told implements Client {
  readonly #id: string
  readonly #client: AgentContext

  constructor(id: string, client: AgentContext) {
    this.#id = id
    this.#client = client
  }

  text(text: string, messageId: string): void {
    if (text !== '') this.#update({ sessionUpdate: 'agent_message_chunk', messageId, content: { type: 'text', text } })
  }

  thought(text: string, messageId: string): void {
    this.#update({ sessionUpdate: 'agent_thought_chunk', messageId, content: { type: 'text', text } })
  }

  status(message: string, data?: unknown): void {
    this.#send(NOTICE, { sessionId: this.#id, message, data })
  }

  announce(call: Call, work: Prepared | undefined): void {
    this.#update({ sessionUpdate: 'tool_call', ...aboutCall(call, work), status: 'pending' })
  }

  async refusal(call: Call, work: Prepared): Promise<string | undefined> {
    const params = { sessionId: this.#id, toolCall: { ...aboutCall(call, work), status: 'pending' }, options: OPTIONS }
    const answer = fieldsOf(await this.#client.request<unknown>('session/request_permission', params))
    const outcome = fieldsOf(answer.outcome)
    if (outcome.outcome === 'selected' && outcome.optionId === 'allow') {
      this.#update({ sessionUpdate: 'tool_call_update', toolCallId: call.id, status: 'in_progress' })
      return undefined
    }
    return reasonIn(outcome) ?? reasonIn(answer) ?? 'it may not do that'
  }

  done(call: Call, { text, failed = false }: Outcome): void {
    this.#update({ sessionUpdate: 'tool_call_update', toolCallId: call.id, status: failed ? 'failed' : 'completed', rawOutput: text })
  }

  #update(update: object): void {
    this.#send('session/update', { sessionId: this.#id, update })
  }

  #send(method: string, params: object): void {
    // A client that went away is told nothing more; that it went ends the process.
    this.#client.notify(method, params).catch(() => {})
  }
}

function reasonIn({ _meta }: Record<string, unknown>): string | undefined {
  return textOf(fieldsOf(fieldsOf(_meta).zag).reason)
}

function aboutCall({ id, name, input }: Call, work: Prepared | undefined): object {
  const kind = work?.as?.kind ?? TOOLS.get(name)?.kind ?? 'other'
  const zag = { tool: name, ...(name === 'agent' ? { kind: 'sub_agent' } : {}) }
  return {
    toolCallId: id,
    title: work?.title ?? name,
    kind,
    rawInput: work?.as?.input ?? input,
    locations: work?.locations ?? [],
    _meta: { zag },
  }
}
