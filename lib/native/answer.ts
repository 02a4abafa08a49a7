// An answer of a model as it comes, in pieces, from the AI SDK: told piece by piece, and put together.

import type { FinishReason, ModelMessage, streamText } from 'ai'
import { BrokenOff, CallsAnyway } from './failure.js'
import { NOTHING, type Spent, spentIn, spentUntil } from './price.js'
import { TOOLS } from './toolbox.js'

type ProviderOptions = NonNullable<ModelMessage['providerOptions']>

/** A call of a tool that the model wants. `wrong` says why it cannot be. */
export interface Call {
  id: string
  name: string
  input: unknown
  wrong?: string
}

export interface Answer {
  text: string
  /** As it goes into the conversation; nothing if the model said nothing. */
  content: AssistantContent
  calls: Call[]
  finish: FinishReason
  spent: Spent
}

type AssistantContent = Exclude<Extract<ModelMessage, { role: 'assistant' }>['content'], string>

/** What is told while an answer comes. */
export interface Listener {
  text(piece: string, id: string): void
  thought(piece: string, id: string): void
  status(message: string, data?: unknown): void
}

type Part = Awaited<ReturnType<typeof streamText>>['fullStream'] extends AsyncIterable<infer P> ? P : never

/** An answer that is put together. */
export class Coming {
  readonly #listener: Listener
  readonly #id: string
  readonly #content: AssistantContent = []
  readonly #calls: Call[] = []
  #text = ''
  #spent: Spent = NOTHING
  #finish: { unified: FinishReason; raw?: string } | undefined

  constructor(listener: Listener, id: string) {
    this.#listener = listener
    this.#id = id
  }

  /** What it used until now, as far as it was told. */
  get spent(): Spent {
    return this.#spent
  }

  take(part: Part): void {
    if (part.type === 'raw') this.#spent = spentUntil(part.rawValue, this.#spent)
    else if (part.type === 'text-delta') {
      this.#text += part.text
      this.#add('text', part.text, part.providerMetadata)
      this.#listener.text(part.text, this.#id)
    } else if (part.type === 'reasoning-delta') {
      this.#add('reasoning', part.text, part.providerMetadata)
      if (part.text !== '') this.#listener.thought(part.text, this.#id)
    } else if (part.type === 'tool-call') {
      const wrong = 'invalid' in part && part.invalid ? wrongIn(part.toolName, part.input) : undefined
      this.#calls.push({ id: part.toolCallId, name: part.toolName, input: part.input, wrong })
      this.#content.push({ type: 'tool-call', toolCallId: part.toolCallId, toolName: part.toolName, input: asObject(part.input) })
    } else if (part.type === 'finish-step') {
      this.#spent = spentIn(part.usage)
      this.#finish = { unified: part.finishReason, raw: part.rawFinishReason }
    } else if (part.type === 'error') throw ofTheSdk(part.error)
    else if (part.type === 'abort') throw new Error('it was interrupted')
  }

  whole(): Answer {
    if (!this.#finish || (this.#finish.raw === undefined && this.#finish.unified !== 'stop' && this.#finish.unified !== 'tool-calls'))
      throw new BrokenOff('it has no end')
    return { text: this.#text, content: this.#content, calls: this.#calls, finish: this.#finish.unified, spent: this.#spent }
  }

  /** Some endpoints want to have back what the model thought, with what they said beside it. */
  #add(type: 'text' | 'reasoning', text: string, providerOptions: ProviderOptions | undefined): void {
    const last = this.#content.at(-1)
    if (last?.type === type) {
      last.text += text
      if (providerOptions) last.providerOptions = { ...last.providerOptions, ...providerOptions }
    } else this.#content.push({ type, text, ...(providerOptions ? { providerOptions } : {}) })
  }
}

/** What the SDK says itself of answers of one of the two. */
function ofTheSdk(error: unknown): unknown {
  const words = error instanceof Error ? error.message : ''
  if (/ended without a finish reason/.test(words)) return new BrokenOff('it has no end')
  return /tool call even though tool choice was none/.test(words) ? new CallsAnyway() : error
}

/** Why a call cannot be made that the SDK could not read. */
function wrongIn(name: string, input: unknown): string {
  if (!TOOLS.has(name)) return `there is no tool '${name}': you have ${[...TOOLS.keys()].join(', ')}`
  return `the input of ${name} is no JSON: ${typeof input === 'string' ? input.slice(0, 200) : JSON.stringify(input)}`
}

function asObject(input: unknown): Record<string, unknown> {
  return typeof input === 'object' && input !== null && !Array.isArray(input)
    ? (input as Record<string, unknown>)
    : { unreadable: String(input) }
}
