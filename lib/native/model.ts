// One question to the model after another: the AI SDK asks it and reads the answer, here it is tried again as long as that can help.
//
// What is said comes in pieces, which are told as they come. An answer that broke off is no answer: it is asked for again, and what was
// told of it stays told.

import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { type FinishReason, jsonSchema, type LanguageModel, type ModelMessage, streamText, type ToolSet, tool } from 'ai'
import { formatDuration } from '../base/time.js'
import type { NativeConfig } from '../config/config.js'
import type { Endpoint } from '../provider/native.js'
import { BrokenOff, CallsAnyway, type Failure, failureOf, TurnFailed } from './failure.js'
import { NOTHING, type Spent, spentIn } from './price.js'
import { request } from './request.js'
import { TOOLS } from './toolbox.js'

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

type ProviderOptions = NonNullable<ModelMessage['providerOptions']>
type AssistantContent = Exclude<Extract<ModelMessage, { role: 'assistant' }>['content'], string>

/** What is told while an answer comes. */
export interface Listener {
  text(piece: string, id: string): void
  thought(piece: string, id: string): void
  status(message: string, data?: unknown): void
}

/** How often a request is tried, unless the configuration says otherwise. */
const ATTEMPTS = 6
/** The pause before the second try, which doubles each time, and the longest, in milliseconds. A limit that is farther away is zag's to wait out. */
const PAUSE = 1_000
const LONGEST_PAUSE = 60_000
/** Anthropic wants to be told how long an answer may get; models that the SDK knows have their own. */
const OUTPUT = 32_000
/** What was said before need not be read again: Anthropic keeps it where it is told to. */
const KEEP: ProviderOptions = { anthropic: { cacheControl: { type: 'ephemeral' } } }

export class Model {
  readonly name: string
  readonly endpoint: Endpoint
  readonly #key: string | undefined
  readonly #config: NativeConfig
  readonly #model: LanguageModel
  readonly #system: string
  readonly #tools: ToolSet
  #answers = 0

  constructor(name: string, endpoint: Endpoint, key: string | undefined, system: string, config: NativeConfig) {
    this.name = name
    this.endpoint = endpoint
    this.#key = key
    this.#system = system
    this.#config = config
    this.#model = languageModel(name, endpoint, key)
    this.#tools = toolSet()
  }

  /** Whether results of tools can have pictures in them; else they follow as a message. */
  get looksIntoResults(): boolean {
    return this.endpoint.api === 'anthropic'
  }

  /** The answer to a conversation, with no call in it if it is to be the last. Throws TurnFailed, or CallsAnyway; what `signal` ends it throws as it comes. */
  async ask(messages: readonly ModelMessage[], last: boolean, listener: Listener, signal: AbortSignal): Promise<Answer> {
    const attempts = this.#config.attempts ?? ATTEMPTS
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#ask(messages, last, listener, signal)
      } catch (error) {
        if (signal.aborted || error instanceof CallsAnyway) throw error
        const failure = failureOf(error, this.endpoint, this.#key, this.name)
        const pause = pauseBefore(failure, attempt)
        if (!failure.passing || attempt >= attempts || pause > LONGEST_PAUSE) throw new TurnFailed(after(failure, attempt))
        listener.status(`${failure.message}: tried again in ${formatDuration(pause)} (${attempt + 1} of ${attempts})`, {
          status: failure.status,
          attempt,
          pause_ms: pause,
        })
        await sleep(pause, signal)
      }
    }
  }

  async #ask(messages: readonly ModelMessage[], last: boolean, listener: Listener, signal: AbortSignal): Promise<Answer> {
    const { api } = this.endpoint
    const anthropic = api === 'anthropic'
    const result = streamText({
      model: this.#model,
      system: anthropic ? { role: 'system', content: this.#system, providerOptions: KEEP } : this.#system,
      messages: anthropic ? keptUpTo(messages) : [...messages],
      tools: this.#tools,
      toolChoice: last ? 'none' : 'auto',
      maxOutputTokens: this.#config.max_output ?? (anthropic ? OUTPUT : undefined),
      maxRetries: 0,
      abortSignal: signal,
      onError: () => {},
    })
    this.#answers += 1
    const answer = new Coming(listener, `answer-${process.pid}-${this.#answers}`)
    for await (const part of result.fullStream) answer.take(part)
    return answer.whole()
  }
}

type Part = Awaited<ReturnType<typeof streamText>>['fullStream'] extends AsyncIterable<infer P> ? P : never

/** An answer that is put together. */
class Coming {
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

  take(part: Part): void {
    if (part.type === 'text-delta') {
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

function languageModel(name: string, { api, url }: Endpoint, apiKey: string | undefined): LanguageModel {
  // Anthropic's needs a key, and would look for one by itself: a server of one's own takes any.
  if (api === 'anthropic') return createAnthropic({ baseURL: url, apiKey: apiKey ?? 'none', fetch: request })(name)
  return createOpenAICompatible({ name: 'endpoint', baseURL: url, apiKey, fetch: request, includeUsage: true })(name)
}

/** Without a way to run them: that is for zag to do, when it was allowed. */
function toolSet(): ToolSet {
  return Object.fromEntries(
    [...TOOLS.values()].map(({ name, does, input }) => [name, tool({ description: does, inputSchema: jsonSchema(input) })]),
  )
}

/** The conversation with a mark at its end up to which it is to be kept. */
function keptUpTo(messages: readonly ModelMessage[]): ModelMessage[] {
  const last = messages.at(-1)
  return last ? [...messages.slice(0, -1), { ...last, providerOptions: { ...last.providerOptions, ...KEEP } } as ModelMessage] : []
}

function pauseBefore({ resetAt }: Failure, attempt: number): number {
  const growing = Math.min(PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE)
  return resetAt === undefined ? growing : Math.max(0, resetAt - Date.now())
}

function after(failure: Failure, attempts: number): Failure {
  return attempts === 1 ? failure : { ...failure, message: `${failure.message}; tried ${attempts} times` }
}

function sleep(time: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(new Error('it was interrupted'))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, time)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
  })
}
