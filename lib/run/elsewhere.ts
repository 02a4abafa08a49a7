// A session in the foreground that has to wait for a slot: it is run by the process that gives out slots, and looks to whoever
// asked for it like one that runs right here.

import { EXIT, Fault } from '../base/exit.js'
import { cancel } from './cancel.js'
import { consider } from './queue.js'
import type { Ended } from './turn.js'
import { waitFor } from './wait.js'

export class Elsewhere {
  /** How it ended. */
  readonly ended: Promise<Ended>
  readonly #id: string
  /** What came of the wish to end it, if there was one. */
  #cancelled: Promise<unknown> = Promise.resolve()

  /** A session that was put on record as waiting. */
  constructor(id: string) {
    this.#id = id
    this.ended = this.#go()
  }

  /** Requests to end it reach the process that runs it. */
  look(): boolean {
    return false
  }

  cancel(reason: string, grace: number): void {
    this.#cancelled = cancel(this.#id, { reason, grace })
    // Told where its end is waited for.
    this.#cancelled.catch(() => {})
  }

  async #go(): Promise<Ended> {
    await consider(this.#id)
    const [status] = (await waitFor([this.#id])).ended
    await this.#cancelled
    if (status?.ended) return status.ended
    throw new Fault(`session ${this.#id} was removed`, EXIT.none)
  }
}
