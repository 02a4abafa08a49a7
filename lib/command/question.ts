// How a relay is put to people: as a line that says how to answer it, or as a question on the terminal. What an agent wants is its own
// text: control characters in it are shown, also those that turn the direction of writing, and every line of it is marked as its.

import { Fault, visible } from '../base/exit.js'
import { shortId } from '../base/id.js'
import { clean } from './event.js'
import type { Input } from './input.js'
import type { Talk } from './output.js'
import { GONE, Prompt } from './prompt.js'

/** What is known of a relay, as far as it is shown. */
export interface Asked {
  relay_id: string
  session_id?: string
  name?: string
  provider?: string
  tool: string
  what: string
  cwd: string
}

/** What can be done about relays: lib/verb/ask.ts does it. */
export interface Deeds {
  find(id: string): Asked | undefined
  /** The rules that "always" would add; none if no narrow one would do. */
  rules(id: string): Promise<string[]>
  /** False if somebody else was first. Throws a Fault for a rule that is none, or that does not cover it. */
  answer(id: string, approved: boolean, more: { always?: true | string; reason?: string }): Promise<boolean>
  /** Resolves when somebody answered, or when it is stopped. */
  whenAnswered(id: string, stop: AbortSignal): Promise<void>
  /** How it was answered, in words. */
  late(id: string): string
}

/** An event as far as it matters here. */
interface Event {
  type: string
  relay_id?: unknown
}

export type Put = 'answered' | 'skipped' | 'quit'

const CHOICES = '[y]es, [n]o, [a]lways, no with a [r]eason, [s]kip, [q]uit? '

/** Who asks for what, and how to answer, in one line. */
export function waitsText(asked: Asked): string {
  const id = shortId(asked.relay_id)
  return `${whoAsks(asked)} waits for an answer: ${asked.tool}: ${visible(asked.what)} (zag approve ${id}, or zag deny ${id})`
}

/** Puts relays on the terminal, one by one, until there are no more of them. True if the user wants no more. */
export async function putAll(ids: AsyncIterable<string>, deeds: Deeds, prompt: Prompt, stop: AbortSignal): Promise<boolean> {
  for await (const id of ids) if ((await put(id, deeds, prompt, stop)) === 'quit') return true
  return false
}

/** Puts one relay on the terminal. Whoever answers it elsewhere meanwhile ends the question. */
async function put(id: string, deeds: Deeds, prompt: Prompt, stop: AbortSignal): Promise<Put> {
  const asked = deeds.find(id)
  if (!asked) return 'answered'
  const over = new AbortController()
  const end = () => over.abort()
  const gone = new AbortController()
  stop.addEventListener('abort', end)
  deeds.whenAnswered(id, over.signal).then(
    () => gone.abort(),
    () => gone.abort(),
  )
  try {
    prompt.say(`${visible(whoAsks(asked))} in ${visible(asked.cwd)} wants to use ${visible(asked.tool)}:\n`)
    prompt.say(`${clean(asked.what).replace(/^/gm, '  | ')}\n`)
    return await new Question(id, deeds, prompt, gone.signal, stop).decide()
  } finally {
    over.abort()
    stop.removeEventListener('abort', end)
  }
}

class Question {
  readonly #id: string
  readonly #deeds: Deeds
  readonly #prompt: Prompt
  readonly #gone: AbortSignal
  readonly #stop: AbortSignal

  constructor(id: string, deeds: Deeds, prompt: Prompt, gone: AbortSignal, stop: AbortSignal) {
    this.#id = id
    this.#deeds = deeds
    this.#prompt = prompt
    this.#gone = gone
    this.#stop = stop
  }

  async decide(): Promise<Put> {
    for (;;) {
      const line = await this.#ask(CHOICES)
      if (typeof line !== 'string') return this.#ended(line)
      const decided = await this.#take(line.toLowerCase())
      if (decided) return decided
    }
  }

  /** Nothing if the same has to be asked again. */
  async #take(word: string): Promise<Put | undefined> {
    if (word === 'y' || word === 'yes') return this.#answer(true)
    if (word === 'n' || word === 'no') return this.#answer(false)
    if (word === 'a' || word === 'always') return this.#always()
    if (word === 's' || word === 'skip') return 'skipped'
    if (word === 'q' || word === 'quit') return 'quit'
    if (word !== 'r' && word !== 'reason') return undefined
    const reason = await this.#ask('why not? ')
    if (typeof reason !== 'string') return this.#ended(reason)
    return this.#answer(false, { reason: reason || undefined })
  }

  /** Shows the rules before they are added; `e` gives another in their place. */
  async #always(): Promise<Put | undefined> {
    const rules = await this.#deeds.rules(this.#id)
    for (const rule of rules) this.#prompt.say(`  always: ${visible(rule)}\n`)
    if (rules.length === 0) this.#prompt.say('no narrow rule covers this: [e] to write one\n')
    const line = await this.#ask(rules.length === 0 ? '[e]dit, [n]o? ' : 'add this: [y]es, [e]dit, [n]o? ')
    if (typeof line !== 'string') return this.#ended(line)
    const word = line.toLowerCase()
    if ((word === 'y' || word === 'yes') && rules.length > 0) return this.#answer(true, { always: true })
    if (word !== 'e' && word !== 'edit') return undefined
    const rule = await this.#ask('rule: ')
    if (typeof rule !== 'string') return this.#ended(rule)
    return rule === '' ? undefined : this.#answer(true, { always: rule })
  }

  /** Nothing if the answer could not be given, of which the user is told. */
  async #answer(approved: boolean, more: { always?: true | string; reason?: string } = {}): Promise<Put | undefined> {
    try {
      if (!(await this.#deeds.answer(this.#id, approved, more))) return this.#ended(GONE)
      return 'answered'
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      this.#prompt.say(`${visible(error.message)}\n`)
      return undefined
    }
  }

  #ask(question: string): Promise<string | undefined | typeof GONE> {
    return this.#prompt.ask(question, this.#gone)
  }

  #ended(line: undefined | typeof GONE): Put {
    if (line === undefined || this.#stop.aborted) return 'quit'
    this.#prompt.say(`${visible(this.#deeds.late(this.#id))}\n`)
    return 'answered'
  }
}

/** Looks after the relays of a session that runs here: asks on the terminal, or says how to answer where there is none. */
export class Attendant {
  readonly #err: Talk
  readonly #deeds: Deeds
  readonly #prompt: Prompt | undefined
  readonly #stop = new AbortController()
  #asking: Promise<unknown> = Promise.resolve()
  #quit = false

  constructor(stdin: Input, err: Talk, deeds: Deeds) {
    this.#err = err
    this.#deeds = deeds
    this.#prompt = Prompt.isPossible(stdin, err) ? new Prompt(err) : undefined
  }

  /** Looks after them until the session is over. `run` is given what takes its events, those of `next` too. */
  async during<E extends Event, T>(next: (event: E) => void, run: (onEvent: (event: E) => void) => Promise<T>): Promise<T> {
    try {
      return await run(event => {
        next(event)
        this.#note(event)
      })
    } finally {
      await this.#close()
    }
  }

  #note(event: Event): void {
    if (event.type !== 'relay' || typeof event.relay_id !== 'string') return
    const id = event.relay_id
    this.#asking = this.#asking.then(() => this.#take(id))
    // Whoever closes is told.
    this.#asking.catch(() => {})
  }

  /** Ends the question there may be. Throws what went wrong with one. */
  async #close(): Promise<void> {
    this.#stop.abort()
    try {
      await this.#asking
    } finally {
      this.#prompt?.close()
    }
  }

  async #take(id: string): Promise<void> {
    const asked = this.#deeds.find(id)
    if (!asked || this.#stop.signal.aborted) return
    if (this.#prompt && !this.#quit) this.#quit = (await put(id, this.#deeds, this.#prompt, this.#stop.signal)) === 'quit'
    else this.#err.notice(waitsText(asked))
  }
}

function whoAsks({ session_id: id, name, provider }: Asked): string {
  const who = id === undefined ? (provider ?? 'somebody') : `session ${shortId(id)}`
  return [who, ...(name ? [name] : []), ...(provider && id !== undefined ? [`(${provider})`] : [])].join(' ')
}
