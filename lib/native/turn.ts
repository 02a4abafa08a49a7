// One prompt and all that follows from it: the model is asked, what it calls is done, and it is told what came of that, until it calls
// nothing any more.
//
// Calls of one answer run at once. Each is announced, then asked about, then done. However a turn ends, each call in the conversation
// has a result then: an endpoint takes no other.

import type { ModelMessage } from 'ai'
import type { Answer, Call, Listener } from './answer.js'
import { CallsAnyway, failed } from './failure.js'
import type { Model } from './model.js'
import { NOTHING, plus, type Spent, total } from './price.js'
import { goesRound, REPEATS } from './repeat.js'
import { dropMedia, follows, resultOf, withoutData } from './result.js'
import { type Outcome, type Prepared, prepared, type Workshop } from './toolbox.js'
import { LAST_TURN, SAY_SOMETHING } from './words.js'

/** Whoever the turn is played for: is told of calls, and says whether one may be made. */
export interface Client extends Listener {
  announce(call: Call, work: Prepared | undefined): void
  /** Why a call may not be made, or nothing if it may. */
  refusal(call: Call, work: Prepared): Promise<string | undefined>
  done(call: Call, outcome: Outcome): void
}

export interface Limits {
  maxTurns?: number
  /** How many tokens the model can take, if that is known. */
  context?: number
}

export type Stop = 'end_turn' | 'max_tokens' | 'refusal' | 'cancelled'

/** So often in a row a model may say nothing, and so often call what cannot be called. */
const EMPTY = 3
const NONSENSE = 5
/** How many bytes make a token, about. */
const BYTES_OF_A_TOKEN = 4

export class Turn {
  /** What it used until now. */
  spent: Spent = NOTHING
  /** What the conversation came to, in tokens, when the model was last asked. */
  size = 0
  readonly #model: Model
  readonly #messages: ModelMessage[]
  readonly #workshop: Workshop
  readonly #client: Client
  readonly #limits: Limits
  readonly #steps: string[] = []
  #empty = 0
  #nonsense = 0
  #grown = 0

  /** The messages of the conversation get those of the turn. */
  constructor(model: Model, messages: ModelMessage[], workshop: Workshop, client: Client, limits: Limits) {
    this.#model = model
    this.#messages = messages
    this.#workshop = workshop
    this.#client = client
    this.#limits = limits
  }

  /** Throws TurnFailed when it cannot be played to its end. */
  async play(prompt: string, signal: AbortSignal): Promise<Stop> {
    this.#say(prompt)
    const { maxTurns = Number.POSITIVE_INFINITY } = this.#limits
    for (let step = 1; ; step++) {
      const stop = await this.#step(step >= maxTurns, signal)
      if (stop) return stop
      if (step >= maxTurns) throw failed(`it did not answer within ${maxTurns} turns: give it more with --max-turns`)
    }
  }

  /** One question and what it calls; how the turn ends, if it is over then. */
  async #step(last: boolean, signal: AbortSignal): Promise<Stop | undefined> {
    if (last) {
      this.#say(LAST_TURN)
      this.#client.status('the last turn: it has to answer now, without tools')
    }
    const answer = await this.#ask(last, signal)
    if (answer === 'calls') return undefined
    if (!answer) return 'cancelled'
    const { calls, finish } = answer
    if (answer.content.length > 0) this.#messages.push({ role: 'assistant', content: answer.content })
    if (calls.length > 0) return this.#doAll(calls, last, signal)
    if (finish === 'content-filter') return 'refusal'
    if (answer.text.trim() !== '') return finish === 'length' ? 'max_tokens' : 'end_turn'
    this.#empty += 1
    if (this.#empty >= EMPTY || last) throw failed(`the model answered nothing, ${this.#empty} times in a row`)
    this.#client.status('the model answered nothing, and is asked again')
    this.#say(SAY_SOMETHING)
    return undefined
  }

  /** Nothing if it was interrupted; 'calls' if all it has are calls in its last turn. */
  async #ask(last: boolean, signal: AbortSignal): Promise<Answer | 'calls' | undefined> {
    this.#checkRoom()
    try {
      const count = (spent: Spent) => {
        this.spent = plus(this.spent, spent)
      }
      const answer = await this.#model.ask(this.#messages, last, this.#client, signal, count)
      count(answer.spent)
      this.size = total(answer.spent)
      this.#grown = 0
      return answer
    } catch (error) {
      // Whatever it is, it comes of that.
      if (signal.aborted) return undefined
      if (error instanceof CallsAnyway) return 'calls'
      if (!this.#dropMedia(error)) throw error
      return this.#ask(last, signal)
    }
  }

  async #doAll(calls: Call[], last: boolean, signal: AbortSignal): Promise<Stop | undefined> {
    this.#empty = 0
    const outcomes = await Promise.all(calls.map(call => this.#do(call, last, signal)))
    this.#tellResults(calls, outcomes)
    if (signal.aborted) return 'cancelled'
    this.#nonsense = calls.every(({ wrong }) => wrong !== undefined) ? this.#nonsense + 1 : 0
    if (this.#nonsense >= NONSENSE)
      throw failed(`stopped: ${NONSENSE} times in a row the model called what cannot be called, the last time: ${outcomes[0]?.text}`)
    this.#steps.push(JSON.stringify(calls.map(({ name, input }, n) => [name, input, outcomes[n]?.text])))
    if (goesRound(this.#steps)) throw failed(`stopped: the model made the same calls ${REPEATS} times in a row, with the same results`)
    return undefined
  }

  async #do(call: Call, last: boolean, signal: AbortSignal): Promise<Outcome> {
    const outcome = await this.#attempt(call, last, signal).catch((error: Error): Outcome => ({ text: error.message, failed: true }))
    this.#client.done(call, outcome)
    return outcome
  }

  async #attempt(call: Call, last: boolean, signal: AbortSignal): Promise<Outcome> {
    const work = this.#prepare(call)
    this.#client.announce(call, work)
    if (call.wrong !== undefined || !work) throw new Error(call.wrong)
    if (last) throw new Error('not done: it was the last turn')
    const refusal = await orInterrupted(this.#client.refusal(call, work), signal)
    if (refusal !== undefined) throw new Error(refusal)
    if (signal.aborted) throw new Error('it was interrupted')
    return work.run(signal)
  }

  /** What a call comes to; nothing if it is wrong, which it says then. */
  #prepare(call: Call): Prepared | undefined {
    if (call.wrong !== undefined) return undefined
    try {
      return prepared(call.name, call.input, this.#workshop)
    } catch (error) {
      call.wrong = (error as Error).message
      return undefined
    }
  }

  /** Where pictures cannot be in results they follow as a message of the user. */
  #tellResults(calls: Call[], outcomes: Outcome[]): void {
    const inside = this.#model.looksIntoResults
    const content = calls.map((call, n) => resultOf(call, outcomes[n], inside))
    this.#push({ role: 'tool', content })
    const media = inside ? [] : outcomes.flatMap(({ media }) => media ?? [])
    if (media.length > 0) this.#push({ role: 'user', content: media.flatMap(follows) })
  }

  /** A model that cannot look at what was read is told so in its place; true if there was such a thing. */
  #dropMedia(error: unknown): boolean {
    const status = (error as { failure?: { status?: number } }).failure?.status ?? 0
    if (status < 400 || [401, 403, 404, 429].includes(status) || status >= 500) return false
    const found = dropMedia(this.#messages)
    if (found) this.#client.status(`${(error as Error).message}: asked again without pictures and documents`)
    return found
  }

  #checkRoom(): void {
    const { context } = this.#limits
    const expected = this.size + Math.ceil(this.#grown / BYTES_OF_A_TOKEN)
    if (context === undefined || this.size === 0 || expected <= context) return
    throw failed(
      `the conversation no longer fits into the context of '${this.#model.name}': about ${expected} tokens of ${context}: begin a new session, or take a model with a larger one`,
    )
  }

  #say(content: string): void {
    this.#push({ role: 'user', content })
  }

  #push(message: ModelMessage): void {
    this.#messages.push(message)
    this.#grown += typeof message.content === 'string' ? message.content.length : JSON.stringify(message.content, withoutData).length
  }
}

/** What nobody waits for any more is not waited for. */
function orInterrupted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(new Error('it was interrupted'))
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
