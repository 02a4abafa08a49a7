// Questions to whoever sits at the terminal, a line each. What is typed while nothing is asked answers nothing, and neither does what
// was begun before the question took the place of another: an Enter meant for one must not answer the next.

import type { Input } from './input.js'
import type { Talk } from './output.js'

/** The question was taken back. */
export const GONE = Symbol('gone')

/** What comes so soon after a question that took the place of another was typed for that, in milliseconds. */
const TOO_SOON = 1_000

export class Prompt {
  readonly #err: Talk
  #text = ''
  #listening = false
  #over = false
  #tell: ((line: string | undefined) => void) | undefined
  /** A question was taken back while it was to be answered. */
  #broken = false

  constructor(err: Talk) {
    this.#err = err
  }

  /** Whether there is anybody to be asked. */
  static isPossible(stdin: Input, err: Talk): boolean {
    return stdin.isTerminal && err.isTerminal && !err.quiet
  }

  /** Text as it is: what it holds of others must have been cleaned. */
  say(text: string): void {
    this.#err.text(text)
  }

  /** The line that is typed, or nothing if there will be none any more; GONE if the signal takes the question back. */
  async ask(question: string, signal?: AbortSignal): Promise<string | undefined | typeof GONE> {
    for (;;) {
      const asked = Date.now()
      const line = await this.#line(question, signal)
      const tooSoon = this.#broken && Date.now() - asked < TOO_SOON
      this.#broken = line === GONE
      if (typeof line !== 'string' || !tooSoon) return line
      this.say('that was typed for the question before: once more, please\n')
    }
  }

  #line(question: string, signal?: AbortSignal): Promise<string | undefined | typeof GONE> {
    if (signal?.aborted) return Promise.resolve(GONE)
    this.#listen()
    return new Promise(resolve => {
      const gone = () => done(GONE)
      // Whoever stopped this process and comes back sees the shell's line, and not what was asked.
      const again = () => this.say(question)
      const done = (line: string | undefined | typeof GONE) => {
        this.#tell = undefined
        signal?.removeEventListener('abort', gone)
        process.off('SIGCONT', again)
        if (line === GONE) this.say('\n')
        resolve(line)
      }
      this.#tell = done
      signal?.addEventListener('abort', gone)
      // Before it is seen: who sees it may stop this process at once.
      process.on('SIGCONT', again)
      this.say(question)
      if (this.#over) done(undefined)
    })
  }

  /** Lets the process end. */
  close(): void {
    if (!this.#listening) return
    this.#listening = false
    process.stdin.removeAllListeners('data').removeAllListeners('end')
    process.stdin.pause()
    process.stdin.unref()
  }

  #listen(): void {
    if (this.#listening) return
    this.#listening = true
    process.stdin.setEncoding('utf8')
    process.stdin.ref()
    process.stdin.on('data', (chunk: string) => this.#take(chunk))
    process.stdin.on('end', () => {
      this.#over = true
      this.#tell?.(undefined)
    })
  }

  #take(chunk: string): void {
    const [...lines] = `${this.#text}${chunk}`.split('\n')
    this.#text = lines.pop() ?? ''
    for (const line of lines) this.#tell?.(line.trim())
  }
}
