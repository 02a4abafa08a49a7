// What a session that lives on does between its turns: it sleeps until a message comes, and takes one after the other.

import { EXIT, Fault } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { isBareEnd, readMessage, takeBack, waiting } from '../session/inbox.js'
import { deliver, openTurn, unbegunTurn } from '../session/turns.js'
import { makeFolder } from '../store/file.js'
import { type Watch, watchFolder } from '../store/watch.js'
import { exists } from '../table/sessions.js'

/** A notice can be lost, if a crowd writes at once: so it looks so often without one, in milliseconds. */
const SWEEP = 30_000

export class Between {
  /** A message said that the session ends. */
  over = false
  readonly #id: string
  readonly #watch: Watch
  #changed = false
  #wake = () => {}

  constructor(id: string) {
    this.#id = id
    const inbox = paths.inSession(id, 'inbox')
    makeFolder(inbox)
    this.#watch = watchFolder(inbox, () => this.wake())
  }

  /** The turn of the next message, when there is one; nothing when the session is over or `stopped` says so. Throws a Fault (3) if the session was removed. */
  async next(stopped: () => boolean): Promise<number | undefined> {
    for (;;) {
      this.#changed = false
      if (!exists(this.#id)) throw new Fault(`session ${this.#id} was removed`, EXIT.none)
      if (this.over || stopped()) return undefined
      const turn = this.#take()
      if (turn !== undefined) return turn
      if (!this.over && !this.#changed) await this.#sleep()
    }
  }

  /** Looks again, at messages and at `stopped`. */
  wake(): void {
    this.#changed = true
    this.#wake()
  }

  close(): void {
    this.#watch.close()
  }

  /** Delivers the oldest message to a turn of its own, or goes on with a turn that was opened and never began. */
  #take(): number | undefined {
    const left = unbegunTurn(this.#id)
    if (left !== undefined) return left
    const [oldest] = waiting(this.#id)
    if (oldest === undefined) return undefined
    const message = readMessage(paths.inSession(this.#id, 'inbox'), oldest)
    if (message && isBareEnd(message)) {
      takeBack(this.#id, oldest)
      this.over = true
      return undefined
    }
    const turn = openTurn(this.#id)
    deliver(this.#id, turn, [oldest])
    return turn
  }

  #sleep(): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, SWEEP)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
