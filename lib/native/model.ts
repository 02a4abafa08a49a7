// One question to the model after another: the AI SDK asks it and reads the answer, here it is tried again as long as that can help.
//
// What is said comes in pieces, which are told as they come. An answer that broke off is no answer: it is asked for again, and what was
// told of it stays told.

import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { jsonSchema, type LanguageModel, type ModelMessage, streamText, type ToolSet, tool } from 'ai'
import { formatDuration } from '../base/time.js'
import type { NativeConfig } from '../config/config.js'
import type { Endpoint } from '../provider/native.js'
import { type Answer, Coming, type Listener } from './answer.js'
import { CallsAnyway, type Failure, failureOf, TurnFailed } from './failure.js'
import type { Spent } from './price.js'
import { request } from './request.js'
import { TOOLS } from './toolbox.js'

/** How often a request is tried, unless the configuration says otherwise. */
const ATTEMPTS = 6
/** The pause before the second try, which doubles each time, and the longest, in milliseconds. A limit that is farther away is zag's to wait out. */
const PAUSE = 1_000
const LONGEST_PAUSE = 60_000
/** Anthropic wants to be told how long an answer may get; models that the SDK knows have their own. */
const OUTPUT = 32_000
/** What was said before need not be read again: Anthropic keeps it where it is told to. */
const KEEP: NonNullable<ModelMessage['providerOptions']> = { anthropic: { cacheControl: { type: 'ephemeral' } } }

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

  /** The answer to a conversation, with no call in it if it is to be the last. `onLost` is told what answers used that were cut off. Throws TurnFailed, or CallsAnyway; what `signal` ends it throws as it comes. */
  async ask(
    messages: readonly ModelMessage[],
    last: boolean,
    listener: Listener,
    signal: AbortSignal,
    onLost: (spent: Spent) => void,
  ): Promise<Answer> {
    const attempts = this.#config.attempts ?? ATTEMPTS
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#ask(messages, last, listener, signal, onLost)
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

  async #ask(...[messages, last, listener, signal, onLost]: Parameters<Model['ask']>): Promise<Answer> {
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
      includeRawChunks: true,
      onError: () => {},
    })
    this.#answers += 1
    const answer = new Coming(listener, `answer-${process.pid}-${this.#answers}`)
    try {
      for await (const part of result.fullStream) answer.take(part)
      return answer.whole()
    } catch (error) {
      onLost(answer.spent)
      throw error
    }
  }
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
