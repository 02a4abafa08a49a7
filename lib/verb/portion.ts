// The portion of a log that answers one message: the events of the turn that the message was delivered to, and of the turns in which
// the agent is asked again because its answer does not fit. What was spent in it is summed up on the way.

import { paths } from '../base/paths.js'
import type { LogEvent } from '../log/events.js'
import { UsageSum } from '../log/fold.js'
import { messageFile } from '../session/inbox.js'
import { messagesOf, turnEnded } from '../session/turns.js'
import { sizeIfThere } from '../store/file.js'

/** Whether a message was delivered to a turn of a session. */
export function isOfTurn(id: string, turn: number, message: string): boolean {
  return sizeIfThere(messageFile(paths.turn(id, turn), message)) !== undefined
}

export class Portion {
  readonly #id: string
  readonly #message: string
  readonly #usage = new UsageSum()
  #turn: number | undefined
  /** Where the log is now, by what was read of it, is in that turn. */
  #inside = false
  #began = 0
  #duration: number | undefined
  #ended = 0
  #isOver = false
  #tell = () => {}

  constructor(id: string, message: string) {
    this.#id = id
    this.#message = message
  }

  /** Those of the events that belong to it. */
  async *of(events: AsyncIterable<LogEvent>): AsyncGenerator<LogEvent> {
    try {
      for await (const event of events) if (this.#takes(event)) yield event
    } finally {
      this.#isOver = true
      this.#tell()
    }
  }

  /** Until the end of a turn was read, or nothing more will be. */
  has(turn: number): Promise<void> {
    return new Promise(resolve => {
      this.#tell = () => {
        if (this.#isOver || this.#ended >= turn) resolve()
      }
      this.#tell()
    })
  }

  sums(): { duration_ms?: number } & ReturnType<UsageSum['sum']> {
    return { duration_ms: this.#duration, ...this.#usage.sum() }
  }

  #takes(event: LogEvent): boolean {
    if (event.type === 'session_started' || event.type === 'user_message') this.#enter(event)
    if (!this.#inside) return false
    if (event.type === 'usage') this.#usage.add(event)
    // An agent may tell what it calls a turn; that of zag is on disk as well.
    if (event.type === 'session_ended' || (event.type === 'turn_ended' && turnEnded(this.#id, event.turn ?? 0))) this.#leave(event)
    return true
  }

  #enter({ type, turn, ts }: LogEvent & { turn?: number }): void {
    // The turn of a session that lives on begins with what it is told; a run that begins with none has told nothing yet.
    if (turn === undefined) this.#inside &&= type === 'user_message'
    else this.#inside = this.#isMine(turn)
    if (this.#inside) this.#began ||= Date.parse(ts)
  }

  #isMine(turn: number): boolean {
    const again = this.#turn !== undefined && turn === this.#turn + 1 && messagesOf(this.#id, turn)[0]?.from === 'schema'
    if (turn !== this.#turn && !again && !isOfTurn(this.#id, turn, this.#message)) return false
    this.#turn = turn
    return true
  }

  #leave(event: LogEvent): void {
    this.#inside = false
    this.#ended = this.#turn ?? 0
    this.#duration = event.type === 'session_ended' ? event.duration_ms : Math.max(0, Date.parse(event.ts) - this.#began)
    this.#tell()
  }
}
