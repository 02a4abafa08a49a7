// A session from one of its runs on until nothing more is to be done: what follows a run (next.ts) is the next run of the
// same supervisor. All state is on disk or in the object, so one process can supervise many.
//
// Exactly once: the next run is claimed before the end of the present one is told, and that end is then in the log alone,
// without row and marker, so nobody sees the session as over. A supervisor that dies between two runs leaves the session
// over as the last run ended; whoever looks shows the row and the marker that were held back.

import { EXIT, Fault } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { endTurn } from '../session/turns.js'
import { sizeIfThere } from '../store/file.js'
import { claimNext, forgetClaims } from '../table/owners.js'
import { readIfIntact, type Session } from '../table/sessions.js'
import { CONTINUE, type Incident, noLongerLimited, showLimited } from './limit.js'
import { Nap } from './nap.js'
import { type Following, type Met, next, PAUSES, type Pauses, turnOfWaiting, waitingFor } from './next.js'
import { type EndRequest, requestFor, timeIsOver } from './request.js'
import { Run } from './runner.js'
import { type Ended, leaveBehind } from './turn.js'

export class Life {
  /** How the last run ended; the session is over for all to see by then. */
  readonly ended: Promise<Ended>
  readonly #id: string
  readonly #first: number
  readonly #pauses: Pauses
  #session: Session
  #run: number
  #turn: number | undefined
  #attempt = 1
  #refusals = 0
  #collisions = 0
  #incident: Incident | undefined
  #continued = false
  /** When the --timeout of a run is over, in milliseconds since 1970: what holds it up, and what goes on after that, count as that run. */
  #deadline: number | undefined
  #current: Run | undefined
  #following: Following | undefined
  #request: EndRequest | undefined
  readonly #nap = new Nap()

  /** Supervises the session from this run on, which this process has claimed. */
  constructor(session: Session, run: number, { pauses = PAUSES }: { pauses?: Pauses } = {}) {
    this.#id = session.id
    this.#session = session
    this.#first = run
    this.#run = run
    this.#pauses = pauses
    this.ended = this.#go()
  }

  /** Looks whether somebody asked for the end, and begins to end it. True if so. What cannot be read now is there at the next look. */
  look(): boolean {
    const request = this.#asked()
    if (request) this.end(request)
    return request !== undefined
  }

  #asked(): EndRequest | undefined {
    try {
      return requestFor(this.#id, this.#first, this.#run)
    } catch (error) {
      if (error instanceof Fault) return undefined
      throw error
    }
  }

  /** Ends the present run and, if it is cancelled, what would follow. A second request with a shorter grace hurries the first. */
  end(request: EndRequest): void {
    if (!this.#request || request.outcome === 'cancelled') this.#request = request
    this.#current?.end(request)
    this.#nap.wake()
  }

  /** Ends it as cancelled, for a reason. `grace` is the ladder's step in milliseconds. */
  cancel(reason: string, grace: number): void {
    this.end({ outcome: 'cancelled', run: this.#run, grace_ms: grace, by: 'runner', reason })
  }

  async #go(): Promise<Ended> {
    this.#turn = await this.#firstTurn()
    for (;;) {
      const ended = await this.#live()
      if (!this.#following?.again) this.#endTurn(ended)
      this.#following ??= this.#late(ended)
      if (!this.#following) {
        await leaveBehind(this.#id)
        return ended
      }
      await this.#prepare(this.#following)
    }
  }

  /** What the first run begins with: the prompt, what waits, or nothing yet in a session that lives on. */
  async #firstTurn(): Promise<number | undefined> {
    if (this.#first > 1) return turnOfWaiting(this.#session)
    const { interactive, context_of } = this.#session
    return interactive && !context_of && !sizeIfThere(paths.inSession(this.#id, 'prompt')) ? undefined : 1
  }

  /** One run. */
  async #live(): Promise<Ended> {
    const { timeout_ms: timeout } = this.#session
    if (!this.#following?.held) this.#deadline = timeout === undefined ? undefined : Date.now() + timeout
    this.#following = undefined
    this.#current = new Run(this.#session, this.#run, {
      turn: this.#turn,
      request: this.#request,
      goesOn: (ended, met) => this.#goesOn(ended, met),
      instead: this.#continued ? CONTINUE : undefined,
      deadline: this.#deadline,
      pauses: this.#pauses,
    })
    try {
      return await this.#current.ended
    } finally {
      this.#current = undefined
    }
  }

  /** Whether another run follows one that is about to end so; it is this process's by then. */
  async #goesOn(ended: Ended, met: Met): Promise<boolean> {
    const counts = { attempt: this.#attempt, refusals: this.#refusals, collisions: this.#collisions }
    const before = { turn: this.#turn, ...counts, met, incident: this.#incident }
    const following = await next(this.#session, ended, before, this.#pauses)
    this.#collisions = following?.held === 'collision' ? this.#collisions + 1 : 0
    if (this.#collisions === 0) this.#incident = following?.limited
    if (!following || !this.#claim()) return false
    this.#following = following
    if (following.limited) showLimited(this.#id, this.#run + 1, following.limited)
    this.#refusals = ended.reason === 'schema' ? this.#refusals + 1 : following.again ? this.#refusals : 0
    return true
  }

  /** A message that was sent before the end was told, and after it was decided: either its sender picks it up or this does. */
  #late(ended: Ended): Following | undefined {
    const following = waitingFor(this.#session, ended)
    return following && this.#claim() ? following : undefined
  }

  #endTurn({ run, success, status, reason, error, exit_code }: Ended): void {
    // The turns of a session that lives on have ended one by one; nobody waits for that of the first prompt.
    if (this.#turn === undefined || this.#turn === 1 || this.#session.interactive) return
    endTurn(this.#id, this.#turn, { run, success, stop_reason: status, reason, error, exit_code })
  }

  #claim(): boolean {
    try {
      return claimNext(this.#id, this.#run)
    } catch (error) {
      // A disk that takes no claim takes no further run either; the end of this one is told as far as it can be.
      if (error instanceof Fault && error.exit === EXIT.system) return false
      throw error
    }
  }

  /** Waits out the pause, and opens the turn unless somebody asked for the end meanwhile. */
  async #prepare({ pause, again, turn, held, limited, continued }: Following): Promise<void> {
    this.#run += 1
    // What handed in its result is done with the run, not with the messages that wait.
    if (this.#request?.outcome !== 'cancelled') this.#request = undefined
    const left = held && this.#deadline !== undefined ? Math.max(0, this.#deadline - Date.now()) : Number.POSITIVE_INFINITY
    if (pause > 0 && !this.#request) await this.#nap.take(Math.min(pause, left))
    this.look()
    if (left < pause) this.#request ??= timeIsOver(this.#run, this.#session.timeout_ms ?? 0)
    if (limited) noLongerLimited(this.#session, limited, !this.#request)
    if (held !== 'collision') this.#continued = continued === true
    this.#session = readIfIntact(this.#id) ?? this.#session
    forgetClaims(this.#id)
    const before = this.#turn
    if (!this.#request) this.#turn = await turn()
    else if (!again) this.#turn = undefined
    if (!held) this.#attempt = this.#turn === before ? this.#attempt + 1 : 1
  }
}
