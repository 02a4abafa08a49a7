// A turn executed by an agent process of its own: started, followed through its files while it works, ended when somebody
// asks, and what it came to. What a session does before, between and after turns is runner.ts; a provider whose agent takes
// several prompts is executed by something else with the same face, Playing.

import type { LogWriter } from '../log/write.js'
import { type Identity, identify } from '../process/identity.js'
import type { Exit, Provider } from '../provider/provider.js'
import type { Offsets } from '../session/output.js'
import { noteAgent } from '../session/turns.js'
import type { Session } from '../table/sessions.js'
import { type Agent, startAgent } from './agent.js'
import { Ending } from './ending.js'
import { type Said, TurnOutput } from './turn-output.js'

/** An agent that said its last word gets this long to exit by itself, in milliseconds. */
const THROUGH_GRACE = 5_000

/** A turn being executed. */
export interface Playing {
  readonly argv: string[]
  readonly from: Offsets
  readonly identity: Identity | undefined
  /** The agent is through; what is left of it may still be there. */
  readonly exited: Promise<unknown>
  /** Since when all it said is that it waits, in milliseconds since 1970; nothing if it does not. */
  readonly waitsSince?: number
  /** When it last waited for somebody's answer, in milliseconds since 1970. */
  readonly askedAt?: number
  /** Follows the agent into the log until nothing of it is left that should not be. Called once, when the turn is on record. */
  done(log: LogWriter): Promise<Said & { exit: Exit }>
  /** Ends it; `grace` is asked before each step of the ladder for the milliseconds to the next. */
  stop(grace: () => number): void
  /** Ends it at once and returns when it is gone. */
  kill(): Promise<void>
}

/** Starts the agent for a turn of a run, with its prompt or with this text instead. Throws a Fault 127 or 126 if its program is not there or may not be run, 5 if the system refuses. */
export async function shoot(session: Session, run: number, turn: number, provider: Provider, instead?: string): Promise<Playing> {
  const agent = await startAgent(session, run, provider, { turn, instead })
  const shot = new Shot(session, run, provider, agent)
  try {
    // Of the first turn in the first run the log alone tells.
    if (run > 1 || turn > 1) noteAgent(session.id, turn, { run, from: agent.from, agent: shot.identity })
  } catch (error) {
    // One that cannot be put on record must not go on unseen.
    await shot.kill()
    throw error
  }
  return shot
}

class Shot implements Playing {
  readonly argv: string[]
  readonly from: Offsets
  readonly identity: Identity | undefined
  readonly #session: Session
  readonly #provider: Provider
  readonly #ending: Ending
  readonly exited: Promise<Exit>
  /** It is being ended because it had said its last word and did not exit. */
  #overdue: boolean | undefined
  #output: TurnOutput | undefined

  constructor(session: Session, run: number, provider: Provider, agent: Agent) {
    this.#session = session
    this.#provider = provider
    this.exited = new Promise(resolve => agent.child.once('exit', (code, signal) => resolve({ code, signal, ended: this.#overdue })))
    this.argv = agent.argv
    this.from = agent.from
    this.identity = identify(agent.pid)
    this.#ending = new Ending(session, run, agent, this.identity)
  }

  async done(log: LogWriter): Promise<Said & { exit: Exit }> {
    const turn = { id: this.#session.id, read: this.#provider.reader, from: this.from }
    let timer: NodeJS.Timeout | undefined
    const output = new TurnOutput(turn, log, isThrough => {
      clearTimeout(timer)
      if (isThrough) timer = setTimeout(() => this.#hasNotExited(), THROUGH_GRACE)
    })
    this.#output = output
    try {
      const exit = await this.#ending.gone(this.exited)
      return { exit, ...output.finish(exit) }
    } finally {
      clearTimeout(timer)
      output.close()
    }
  }

  get waitsSince(): number | undefined {
    return this.#output?.waitsSince
  }

  stop(grace: () => number): void {
    this.#ending.stop(grace)
  }

  async kill(): Promise<void> {
    await this.#ending.kill()
  }

  #hasNotExited(): void {
    if (this.#ending.begun) return
    this.#overdue = true
    this.stop(() => THROUGH_GRACE)
  }
}
