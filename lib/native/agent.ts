// zag's own agent as an agent of the Agent Client Protocol, version 1: its side of the talk with zag, or with any client. A conversation
// is made again from the session's log, so a process that was killed takes nothing with it.
//
// What the client is told and asked in a turn is in told.ts.

import type { AgentContext, AgentRequestContext, PromptRequest, PromptResponse, Stream } from '@agentclientprotocol/sdk'
import type { ModelMessage } from 'ai'
import type { NativeConfig } from '../config/config.js'
import { TurnFailed } from './failure.js'
import { historyOf } from './history.js'
import type { Model } from './model.js'
import { costOf, NOTHING, plus, type Spent, total } from './price.js'
import { Told } from './told.js'
import type { Workshop } from './toolbox.js'
import { Turn } from './turn.js'

const VERSION = 1
/** JSON-RPC's word for what went wrong inside. */
const INTERNAL = -32603

export interface Means {
  model: Model
  workshop: Workshop
  config: NativeConfig
  maxTurns?: number
  /** The run of the session that this process is of. */
  run: number
}

/** Serves one client, until it goes or `stop` is called. */
export class NativeAgent {
  readonly #means: Means
  readonly #talks = new Map<string, Conversation>()

  constructor(means: Means) {
    this.#means = means
  }

  /** Resolves when the client is gone. */
  async serve(stream: Stream): Promise<void> {
    const { agent, methods, RequestError } = await import('@agentclientprotocol/sdk')
    const { session } = methods.agent
    const talkOf = (id: string) => {
      const talk = this.#talks.get(id)
      if (!talk) throw RequestError.sessionNotFound(id)
      return talk
    }
    const connection = agent({ name: 'zag' })
      .onRequest(methods.agent.initialize, () => ({
        protocolVersion: VERSION,
        agentInfo: { name: 'zag-native', version: '0' },
        agentCapabilities: { loadSession: false, sessionCapabilities: { resume: {} } },
        authMethods: [],
      }))
      .onRequest(session.new, () => ({ sessionId: this.#begin() }))
      .onRequest(session.resume, ({ params }) => this.#goOn(params.sessionId))
      .onRequest(session.prompt, async context => {
        const talk = talkOf(context.params.sessionId)
        try {
          return await talk.prompt(context)
        } catch (error) {
          if (!(error instanceof TurnFailed)) throw error
          const { message, status, resetAt } = error.failure
          throw new RequestError(status === 0 ? INTERNAL : status, message, { message, resetAt, usage: talk.usageOfTurn })
        }
      })
      .onNotification(session.cancel, ({ params }) => this.#talks.get(params.sessionId)?.cancel())
      .connect(stream)
    await connection.closed
  }

  /** Ends what is being done; resolves when nothing is done any more. */
  async stop(): Promise<void> {
    await Promise.all([...this.#talks.values()].map(talk => talk.cancel()))
  }

  /** The name of a conversation says where it begins in the session's log. */
  #begin(): string {
    const { workshop, run } = this.#means
    const id = `${workshop.session}.${run}`
    this.#talks.set(id, new Conversation(id, this.#means, []))
    return id
  }

  #goOn(id: string): Record<string, never> {
    const [session, run] = id.split('.')
    const { workshop } = this.#means
    if (session !== workshop.session || !/^\d+$/.test(run ?? ''))
      throw new Error(`there is no conversation ${id} in session ${workshop.session}`)
    this.#talks.set(id, new Conversation(id, this.#means, historyOf(workshop.session, Number(run))))
    return {}
  }
}

/** One conversation, a turn at a time. */
class Conversation {
  readonly #id: string
  readonly #means: Means
  readonly #messages: ModelMessage[]
  #spent: Spent = NOTHING
  #turn: Turn | undefined
  #over: Promise<unknown> = Promise.resolve()
  #abort = new AbortController()

  constructor(id: string, means: Means, messages: ModelMessage[]) {
    this.#id = id
    this.#means = means
    this.#messages = messages
  }

  async prompt({ params, client, signal }: AgentRequestContext<PromptRequest>): Promise<PromptResponse> {
    await this.#over
    const abort = new AbortController()
    this.#abort = abort
    signal.addEventListener('abort', () => abort.abort(), { once: true })
    const { model, workshop, config, maxTurns } = this.#means
    const turn = new Turn(model, this.#messages, workshop, new Told(this.#id, client), { maxTurns, context: config.context })
    this.#turn = turn
    const playing = turn.play(promptIn(params), abort.signal)
    this.#over = playing.catch(() => {}).then(() => this.#account(turn, client))
    const stopReason = await playing.finally(() => this.#over)
    return { stopReason, ...{ usage: this.usageOfTurn } }
  }

  /** Resolves when its turn is over. */
  async cancel(): Promise<void> {
    this.#abort.abort()
    await this.#over
  }

  /** What the last turn used, as answers have it. */
  get usageOfTurn(): object | undefined {
    const { spent = NOTHING } = this.#turn ?? {}
    return total(spent) === 0 ? undefined : { ...spent, totalTokens: total(spent) }
  }

  /** What all of it costs, once a turn; only where that is known. */
  async #account({ spent, size }: Turn, client: AgentContext): Promise<void> {
    const { config } = this.#means
    this.#spent = plus(this.#spent, spent)
    const amount = costOf(this.#spent, config)
    if (amount === undefined) return
    const update = { sessionUpdate: 'usage_update', used: size, size: config.context ?? 0, cost: { amount, currency: 'USD' } }
    await client.notify('session/update', { sessionId: this.#id, update })
  }
}

/** The text of a prompt; of what is only named, where it is. */
function promptIn({ prompt }: PromptRequest): string {
  return prompt
    .map(block => {
      if (block.type === 'text') return block.text
      if (block.type === 'resource_link') return block.uri
      return block.type === 'resource' && 'text' in block.resource ? block.resource.text : ''
    })
    .join('\n')
}
