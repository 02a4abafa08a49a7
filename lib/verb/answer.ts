// Waiting for the answer to a message: what became of the turn that it was delivered to. Woken by the log and by the folder of
// the turn; a look at intervals finds supervisors that died.

import { EXIT, Fault } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { at } from '../base/time.js'
import { resume } from '../run/send.js'
import { settle } from '../run/settle.js'
import { messageFile } from '../session/inbox.js'
import { begunOf, lastTurn, messagesOf, type TurnEnded, turnEnded } from '../session/turns.js'
import { readBytesIfThere, sizeIfThere } from '../store/file.js'
import { type Watch, watchFile, watchFolder } from '../store/watch.js'
import { exists, read } from '../table/sessions.js'

/** Dead supervisors are looked for so often, in milliseconds. */
const SWEEP = 1_000

/** What is told in two steps is looked for so often in between, in milliseconds. */
const LOOK_AGAIN = 20

/** What became of a message. */
export interface Answer {
  session_id: string
  name: string | null
  message_id: string
  turn?: number
  run?: number
  success: boolean
  /** completed, failed, cancelled, dead: how its turn ended; `waiting` if it was not delivered. */
  status: string
  error?: string
  /** Why it failed, as session_ended has it. */
  reason?: string
  exit_code?: number
  result?: Buffer
}

/** An answer as a row: its result as text. */
export function answerRow<A extends { result?: Buffer }>({ result, ...row }: A): Omit<A, 'result'> & { result?: string } {
  return { ...row, result: result?.toString() }
}

/**
 * The answer to a message that was sent; nothing if it is not there after `timeout` milliseconds, or when `until` is aborted. Throws a
 * Fault (3) if the session is removed.
 */
export async function answerTo(id: string, message: string, timeout?: number, until?: AbortSignal): Promise<Answer | undefined> {
  const waiter = new Waiter(id, message)
  const stop = timeout === undefined ? () => {} : at(Date.now() + timeout, () => waiter.giveUp())
  const abort = () => waiter.giveUp()
  until?.addEventListener('abort', abort)
  if (until?.aborted) abort()
  try {
    return await waiter.answer()
  } finally {
    stop()
    until?.removeEventListener('abort', abort)
    waiter.close()
  }
}

class Waiter {
  readonly #id: string
  readonly #message: string
  readonly #watches: Watch[] = []
  #turn: number | undefined
  #given = false
  #changed = false
  #wake = () => {}

  constructor(id: string, message: string) {
    this.#id = id
    this.#message = message
    this.#watches.push(watchFile(paths.inSession(id, 'log.ndjson'), () => this.#notice()))
  }

  async answer(): Promise<Answer | undefined> {
    for (let sweepAt = 0; ; ) {
      this.#changed = false
      const turn = this.#find()
      const answer = turn !== undefined && this.#isThrough() ? await this.#told(turn) : undefined
      if (answer) return answer
      if (performance.now() >= sweepAt) {
        const lost = await this.#sweep()
        if (lost) return lost
        sweepAt = performance.now() + SWEEP
      }
      if (this.#given) return undefined
      if (!this.#changed) await this.#sleep(sweepAt - performance.now())
    }
  }

  giveUp(): void {
    this.#given = true
    this.#notice()
  }

  close(): void {
    for (const watch of this.#watches) watch.close()
  }

  /** Finds the turn that it was delivered to, if it was. */
  #find(): number | undefined {
    for (let turn = lastTurn(this.#id); this.#turn === undefined && turn > 1; turn--) {
      if (sizeIfThere(messageFile(paths.turn(this.#id, turn), this.#message)) !== undefined) this.#turnTo(turn)
    }
    return this.#turn
  }

  #turnTo(turn: number): void {
    this.#turn = turn
    this.#watches.push(watchFolder(paths.turn(this.#id, turn), () => this.#notice()))
  }

  #isThrough(): boolean {
    return this.#turn !== undefined && turnEnded(this.#id, this.#turn) !== undefined
  }

  /**
   * The end of the turn, once the session says the same: one that does not live on is over by then, or at its next run. Nothing
   * if the agent is asked once more, because what it said does not fit: then the answer is that of the next turn.
   */
  async #told(turn: number): Promise<Answer | undefined> {
    const ended = turnEnded(this.#id, turn) as TurnEnded
    for (;;) {
      const { over, run } = await settle(this.#id)
      if (over || this.#given || read(this.#id)?.interactive) break
      const [next] = ended.reason === 'schema' ? messagesOf(this.#id, turn + 1) : []
      if (next?.from === 'schema') {
        this.#turnTo(turn + 1)
        return undefined
      }
      if (run > ended.run && (ended.reason !== 'schema' || next)) break
      await this.#sleep(LOOK_AGAIN)
    }
    const { success, stop_reason: status, error, reason, exit_code, run } = ended
    return this.#row({
      turn,
      run,
      success,
      status,
      error,
      reason,
      exit_code,
      result: readBytesIfThere(paths.inTurn(this.#id, turn, 'result')),
    })
  }

  /** Looks after a session that may be over without an end of the turn: then there is no other answer, or it is to be resumed. */
  async #sweep(): Promise<Answer | undefined> {
    if (!exists(this.#id)) throw new Fault(`session ${this.#id} was removed`, EXIT.none)
    const { over, ended } = await settle(this.#id)
    this.#find()
    if (!over || !ended || this.#isThrough()) return undefined
    const begun = this.#turn === undefined ? undefined : begunOf(this.#id, this.#turn)
    const { status, error, reason, exit_code } = ended
    // Whoever supervised it died between the end of the run and that of the turn.
    if (begun) {
      const { run } = begun
      return this.#row({ turn: this.#turn, run, success: ended.success, status, error, reason, exit_code, result: this.#lastResult() })
    }
    if (status === 'cancelled' || ended.reason === 'start') {
      return this.#row({
        success: false,
        status: 'waiting',
        error: `the session is ${status}${error ? `: ${error}` : ''}: the message waits in its inbox`,
      })
    }
    if ((await resume(this.#id)) || read(this.#id)?.stripped_at === undefined) return undefined
    return this.#row({ success: false, status: 'waiting', error: 'the session was stripped to its log: the message waits in its inbox' })
  }

  #lastResult(): Buffer | undefined {
    return readBytesIfThere(paths.inSession(this.#id, 'result'))
  }

  #row(how: Omit<Answer, 'session_id' | 'name' | 'message_id'>): Answer {
    return { session_id: this.#id, name: read(this.#id)?.name ?? null, message_id: this.#message, ...how }
  }

  #notice(): void {
    this.#changed = true
    this.#wake()
  }

  #sleep(time: number): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, Math.max(0, time))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
