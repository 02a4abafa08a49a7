// One line on stderr that tells how far something is, redrawn in place: only on a terminal, and not with --quiet.

import type { Talk } from './output.js'

const REDRAW = 1_000

/** A line of progress. Clear it before anything else is written and at the end. */
export class Progress {
  #err: Talk
  #began = Date.now()
  #timer: NodeJS.Timeout | undefined
  #text: ((elapsed: number) => string) | undefined

  constructor(err: Talk) {
    this.#err = err
  }

  /** Shows a text, made anew every second from the milliseconds since the beginning. */
  show(text: (elapsed: number) => string): void {
    if (this.#err.quiet || !this.#err.isTerminal) return
    this.#text = text
    this.#draw()
    this.#timer ??= setInterval(() => this.#draw(), REDRAW).unref()
  }

  clear(): void {
    if (!this.#text) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#text = undefined
    this.#err.text('\r\x1b[K')
  }

  #draw(): void {
    const line = this.#text?.(Date.now() - this.#began) ?? ''
    this.#err.text(`\r\x1b[K${this.#err.paint.dim(line.slice(0, this.#err.columns - 1))}`)
  }
}
