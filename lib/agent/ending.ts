// The end of an agent's process: by itself, or up the ladder of signals; and of what is left of its group then, or of all that it started
// if somebody else killed it.

import { endAll, endGroupLeftovers } from '../process/end.js'
import type { Identity } from '../process/identity.js'
import type { Exit } from '../provider/provider.js'
import type { Session } from '../table/sessions.js'
import { type Agent, markOf } from './agent.js'

/** What is left of an agent's group after it exited gets this long between TERM and KILL, in milliseconds. */
const LEFTOVER_GRACE = 500

export class Ending {
  readonly #agent: Agent
  readonly #start: string | undefined
  readonly #mark: string
  readonly #keepsChildren: boolean
  #ladder: Promise<unknown> | undefined
  #gone: Promise<Exit> | undefined

  constructor(session: Session, run: number, agent: Agent, identity: Identity | undefined) {
    this.#agent = agent
    this.#start = identity?.start
    this.#mark = markOf(session.id, run)
    this.#keepsChildren = session.keep_children === true
  }

  /** It is being ended. */
  get begun(): boolean {
    return this.#ladder !== undefined
  }

  /** Ends it; `grace` is asked before each step of the ladder for the milliseconds to the next. */
  stop(grace: () => number): void {
    if (this.#ladder) return
    this.#ladder = endAll(this.#target, { grace })
    // What goes wrong in it is told when the agent has exited; until then it must not end this process.
    this.#ladder.catch(() => {})
  }

  /** Ends it at once and returns when it is gone. */
  async kill(): Promise<void> {
    await endAll(this.#target, { grace: 0 })
  }

  /** Its exit, once nothing of it is left that should not be. */
  gone(exited: Promise<Exit>): Promise<Exit> {
    this.#gone ??= this.#leave(exited)
    return this.#gone
  }

  async #leave(exited: Promise<Exit>): Promise<Exit> {
    const exit = await exited
    const wasKilled = exit.signal !== null && !this.begun
    await this.#ladder
    // One that was killed could not end its commands, which have groups of their own.
    if (!this.#keepsChildren && wasKilled) await endAll(this.#target, { grace: LEFTOVER_GRACE, first: 'SIGTERM' })
    else if (!this.#keepsChildren) await endGroupLeftovers(this.#agent.pid, this.#start, this.#mark, LEFTOVER_GRACE)
    // One that was asked for meanwhile.
    await this.#ladder
    return exit
  }

  get #target() {
    return { pid: this.#agent.pid, start: this.#start, mark: this.#mark, watched: true }
  }
}
