// One run of a session, supervised: its turns executed (shot.ts) one after another, ended when its time is over or somebody
// asks, and its beginning and end told for all to see. A session that lives on takes turn after turn from its inbox; any
// other has one turn a run. Holds no state that is not on disk: if this process is killed, settle.ts does the rest.

import { markOf } from '../agent/agent.js'
import { keepConversation } from '../agent/conversation.js'
import { putContext } from '../agent/inject.js'
import type { LiveAgent } from '../agent/live.js'
import { writePrompt } from '../agent/prompt.js'
import { type Playing, shoot } from '../agent/shot.js'
import { isLive, type Said } from '../agent/turn-output.js'
import { hasCollided, withAge } from '../agent/unbegun.js'
import { EXIT } from '../base/exit.js'
import { at, formatDuration } from '../base/time.js'
import { loadConfig } from '../config/config.js'
import type { NewEvent } from '../log/events.js'
import { LogWriter } from '../log/write.js'
import { closeRelays } from '../permission/relay.js'
import { providerOf } from '../provider/list.js'
import type { Exit, Provider } from '../provider/provider.js'
import { endTurn, isLastTurn } from '../session/turns.js'
import { exists, type Session } from '../table/sessions.js'
import { Between } from './between.js'
import { endChildren } from './children.js'
import { fitted } from './fit.js'
import { CONTINUE, continuedEvent, type Incident, limitIn, noLongerLimited, showLimited } from './limit.js'
import { Nap } from './nap.js'
import { heldUp, type Met, type Pauses } from './next.js'
import { exitFields, failedToStart, type Outcome, outcomeOf } from './outcome.js'
import { type EndRequest, GRACE, requestedEnd, timeIsOver } from './request.js'
import { whenSilent } from './stall.js'
import { begin, type Ended, finish, keepResult, promptEvents, type Started } from './turn.js'

export interface RunOptions {
  /** The turn it begins with; a session that lives on can begin with none and wait. */
  turn?: number
  /** The end was asked for before it began: it begins no agent. */
  request?: EndRequest
  /** Asked before the end is told: whether another run follows, which is claimed by then. The end is then in the log alone. */
  goesOn?(ended: Ended, met: Met): Promise<boolean>
  /** What the agent is told in place of the prompt of the turn, which it knows. */
  instead?: string
  /** When its --timeout is over, in milliseconds since 1970, if that began before it. */
  deadline?: number
  /** How long it waits before an agent that could not begin is started again. */
  pauses?: Pauses
}

/** So often an agent is told in one turn why it was refused something: it may ask for the same again and again. */
const FOLLOWED = 8

/** A run from its start to its end. */
export class Run {
  /** How the run ended; its end is in the log by then. */
  readonly ended: Promise<Ended>
  #session: Session
  readonly #run: number
  readonly #goesOn: RunOptions['goesOn']
  #instead: string | undefined
  readonly #deadline: number | undefined
  readonly #pauses: Pauses | undefined
  readonly #began = performance.now()
  readonly #log: LogWriter
  #turn: number | undefined
  #playing: Playing | undefined
  #agent: LiveAgent | undefined
  #between: Between | undefined
  #request: EndRequest | undefined
  #met: Met = {}
  #incident: Incident | undefined
  #collisions = 0
  /** The end of its children, and the grace they were given for it in milliseconds. */
  #along: Promise<void> | undefined
  #alongGrace = Number.POSITIVE_INFINITY
  readonly #nap = new Nap()
  #disarm = () => {}

  constructor(session: Session, run: number, { turn, request, goesOn, instead, deadline, pauses }: RunOptions = {}) {
    this.#session = session
    this.#run = run
    this.#turn = turn
    this.#request = request
    this.#goesOn = goesOn
    this.#instead = instead
    this.#deadline = deadline
    this.#pauses = pauses
    this.#log = new LogWriter(session.id, session.parent)
    this.ended = this.#go().finally(() => {
      this.#log.close()
      this.#agent?.letGo()
    })
  }

  /** Looks whether somebody asked for the end of the run, and begins to end it. True if so. */
  look(): boolean {
    const request = requestedEnd(this.#session.id, this.#run)
    if (request) this.end(request)
    return request !== undefined
  }

  /** Ends the run. A second request with a shorter grace hurries the first. */
  end(request: EndRequest): void {
    const before = this.#request
    this.#request = before ? { ...before, grace_ms: Math.min(before.grace_ms, request.grace_ms) } : request
    this.#between?.wake()
    this.#nap.wake()
    if (!before) this.#stop()
    this.#takeAlong(this.#request)
  }

  /** The children of what is ended from outside end with it, and no other is born. A shorter grace hurries them. */
  #takeAlong({ outcome, only, grace_ms }: EndRequest): void {
    if (outcome === 'completed' || only || grace_ms >= this.#alongGrace) return
    this.#alongGrace = grace_ms
    const before = this.#along
    this.#along = endChildren(this.#session.id, this.#run, grace_ms, this.#log).then(() => before)
    // What goes wrong in it is told when the run ends; until then it must not end this process.
    this.#along.catch(() => {})
  }

  async #go(): Promise<Ended> {
    const provider = await this.#provider()
    if (!('name' in provider)) return this.#endUnbegun(provider)
    const failed = this.#turn === undefined ? undefined : await this.#start(this.#turn, provider)
    if (failed) return this.#endUnbegun(failed)
    // One that lives on can begin with nothing to do.
    const told = this.#turn === undefined ? [] : this.#told(this.#turn)
    await this.#onRecord(() => begin(this.#session, this.#log, this.#startOf(provider), told))
    this.#disarm = this.#armTimeout()
    try {
      return await this.#tell(await (this.#session.interactive ? this.#liveOn(provider) : this.#once(provider)))
    } finally {
      this.#disarm()
    }
  }

  /** What the agent is told as the run begins. */
  #told(turn: number): NewEvent[] {
    if (this.#instead === undefined) return promptEvents(this.#session.id, turn)
    return [continuedEvent(turn)]
  }

  /** The provider, or how the run ends without one, or because that was asked for already. */
  async #provider(): Promise<Provider | Outcome> {
    try {
      const provider = await providerOf(this.#session.provider, await loadConfig(this.#session.root))
      this.look()
      return this.#request ? outcomeOf({ success: false }, this.#request) : provider
    } catch (error) {
      return failedToStart(error)
    }
  }

  /** Starts the agent for a turn, or says how the run ends because that cannot be. */
  async #start(turn: number, provider: Provider): Promise<Outcome | undefined> {
    const instead = this.#instead
    try {
      if (this.#run === 1 && turn === 1) putContext(this.#session, provider)
      writePrompt(this.#session, provider, turn)
      this.#playing = await (isLive(this.#session, provider)
        ? this.#talk(turn, provider, instead)
        : shoot(this.#session, this.#run, turn, provider, instead))
      return undefined
    } catch (error) {
      return failedToStart(error)
    }
  }

  /** A turn of the agent that lives on, which is started for the first one, and again if it ended since. */
  async #talk(turn: number, provider: Provider, instead: string | undefined): Promise<Playing> {
    if (this.#agent?.gone) await this.#agent.close()
    if (!this.#agent || this.#agent.gone) {
      const { LiveAgent } = await import('../agent/live.js')
      this.#agent = await LiveAgent.start(this.#session, this.#run, provider, { turn, instead })
    }
    return this.#agent.play(turn, instead)
  }

  /** The one turn of a run, and so all of it. */
  async #once(provider: Provider): Promise<Outcome> {
    this.#playing?.exited.then(this.#disarm, this.#disarm)
    const said = await this.#played(provider)
    // One that lives on has nothing more to do; how it exits says nothing of the turn.
    const exit = (await this.#agent?.close()) ?? said.exit
    return { ...(await this.#outcomeOf(said, provider)), ...exitFields(exit) }
  }

  /** Turn after turn, until somebody asks for the end. */
  async #liveOn(provider: Provider): Promise<Outcome> {
    const between = new Between(this.#session.id)
    this.#between = between
    try {
      const unopened = this.#playing && (await this.#endTurn(provider))
      if (unopened) return unopened
      while (!this.#request) {
        this.#turn = await between.next(() => this.#request !== undefined || this.look())
        if (this.#turn === undefined) break
        const failed = await this.#liveTurn(this.#turn, provider)
        if (failed) return failed
        between.over ||= isLastTurn(this.#session.id, this.#turn)
      }
      return this.#request ? outcomeOf({ success: false }, this.#request) : { success: true, status: 'completed', reason: 'end' }
    } catch (error) {
      // There is nobody left to be told.
      if (!exists(this.#session.id)) throw error
      return failedToStart(error)
    } finally {
      between.close()
      await this.#agent?.close()
    }
  }

  /** A later turn of a session that lives on. An agent that cannot be started, or talked with, is how the run ends. */
  async #liveTurn(turn: number, provider: Provider): Promise<Outcome | undefined> {
    const failed = await this.#start(turn, provider)
    if (failed) {
      const { success, status: stop_reason, error, reason, exit_code } = failed
      endTurn(this.#session.id, turn, { run: this.#run, success, stop_reason, error, reason, exit_code })
      // What this one was to be told cannot be, and so was not said; what comes next may.
      if (exit_code !== EXIT.usage) return failed
      this.#log.append({ type: 'turn_ended', turn, success, stop_reason, error, reason })
      return undefined
    }
    await this.#onRecord(() => this.#log.append(...promptEvents(this.#session.id, turn)))
    return this.#endTurn(provider)
  }

  /** The turn at work to its end, told for all to see; gives how the run ends if the agent cannot be talked with. */
  async #endTurn(provider: Provider): Promise<Outcome | undefined> {
    let said = await this.#played(provider)
    let outcome = await this.#outcomeOf(said, provider)
    while (this.#met.limit || this.#met.collided) {
      const instead = await this.#waitOut(outcome, provider)
      if (instead) {
        outcome = instead
        break
      }
      said = await this.#played(provider)
      outcome = await this.#outcomeOf(said, provider)
    }
    // What follows the end of the session is another matter.
    this.#incident = undefined
    this.#collisions = 0
    this.#instead = undefined
    this.#met = {}
    const { success, status: stop_reason, error, reason } = outcome
    const ended = { success, stop_reason, error, reason, ...exitFields(said.exit) }
    const turn = this.#turn as number
    endTurn(this.#session.id, turn, { run: this.#run, ...ended })
    this.#log.append({ type: 'turn_ended', turn, ...ended, stdout_to: said.ends.stdout })
    // It would sit there, and nobody told it anything.
    return said.unopened && !this.#request ? { ...outcome, ...exitFields(said.exit), reason: reason ?? 'start' } : undefined
  }

  /** Waits until what the turn met is over and lets the agent go on with it; or gives how the turn ends, if it does not go on. */
  async #waitOut(ended: Outcome, provider: Provider): Promise<Outcome | undefined> {
    const { id } = this.#session
    const turn = this.#turn as number
    const before = { turn, met: this.#met, incident: this.#incident, collisions: this.#collisions }
    const following = await heldUp(this.#session, before, this.#pauses)
    if (!following) return ended
    const { pause, held, limited, continued } = following
    this.#collisions = held === 'collision' ? this.#collisions + 1 : 0
    // What could not begin is begun again as it was.
    if (held === 'limit') {
      this.#incident = limited
      this.#instead = continued ? CONTINUE : undefined
    }
    if (limited) showLimited(id, this.#run, limited)
    if (!this.#request) await this.#nap.take(pause)
    if (limited) noLongerLimited(this.#session, limited, !this.#request)
    if (this.#request) return outcomeOf({ success: false }, this.#request)
    const failed = await this.#start(turn, provider)
    if (failed) return failed
    if (held === 'limit') await this.#onRecord(() => this.#log.append(...this.#told(turn)))
    return undefined
  }

  /** What puts a turn on record. An agent for which that fails, because the disk is full, must not go on unseen. */
  async #onRecord(record: () => void): Promise<void> {
    try {
      record()
    } catch (error) {
      await this.#playing?.kill()
      throw error
    }
  }

  /** The turn to its end, also where the agent has to be told why it was refused something, and goes on then. */
  async #played(provider: Provider): Promise<Said & { exit: Exit }> {
    let said = await this.#play(provider)
    for (let times = 0; !this.#request && !said.verdict.limit; times++) {
      const gaveUp = !said.verdict.success
      const why = this.#agent?.untold(gaveUp)
      if (why === undefined) break
      if (gaveUp) this.#log.append({ type: 'provider_status', message: 'the agent ended its turn because it was refused a call' })
      if (times === FOLLOWED) {
        this.#log.append({ type: 'provider_status', message: `it is told no more of its refusals, after ${FOLLOWED} times in one turn` })
        break
      }
      await this.#onRecord(() => this.#log.append({ type: 'user_message', content: why, from: 'permission', turn: this.#turn }))
      this.#playing = this.#agent?.play(this.#turn as number, why)
      const before = said
      said = await this.#play(provider)
      if (said.verdict.success && said.verdict.result === undefined) said = await this.#withResult(said, before)
    }
    return said
  }

  /** One that has no more to say has said its result before. */
  async #withResult<S extends Said>(said: S, before: Said): Promise<S> {
    const { result } = before.verdict
    if (typeof result === 'string') await keepResult(this.#session.id, result, 0, 0)
    return { ...said, verdict: { ...said.verdict, result } }
  }

  /** The turn to its end: its output in the log, its result kept. */
  async #play(provider: Provider): Promise<Said & { exit: Exit }> {
    const playing = this.#playing as Playing
    if (this.#request) this.#stop()
    const disarm = this.#armStall(this.#session.stall_ms ?? provider.stall ?? 0)
    const done = await playing.done(this.#log).finally(disarm)
    const said = this.#request ? done : await withAge(done, provider)
    this.#playing = undefined
    // An end asked for while the agent was ending by itself counts too, if nobody saw it yet.
    this.#request ??= requestedEnd(this.#session.id, this.#run)
    const { verdict, ends } = said
    if (this.#request?.outcome !== 'completed') await keepResult(this.#session.id, verdict.result, playing.from.stdout, ends.stdout)
    this.#session = await keepConversation(this.#session, verdict.conversation)
    return said
  }

  /** What was asked of the run goes before what it said; what it said has to fit. */
  async #outcomeOf(said: Said, provider: Provider): Promise<Outcome> {
    const { verdict, stderr } = said
    const outcome = outcomeOf(verdict, this.#request)
    this.#met = {}
    if (this.#request) return outcome
    const limit = verdict.success ? undefined : await limitIn(this.#session, verdict, stderr)
    this.#met = { limit, collided: hasCollided(said, provider) }
    if (limit) return { ...outcome, reason: 'limit', error: `usage limit: ${limit.message}` }
    return this.#met.collided ? { ...outcome, reason: 'collision' } : fitted(this.#session.id, outcome)
  }

  #stop(): void {
    const grace = () => this.#request?.grace_ms ?? 0
    if (this.#playing) this.#playing.stop(grace)
    else this.#agent?.stop(grace)
  }

  /** A run that ends before any agent of it began. */
  async #endUnbegun(how: Outcome): Promise<Ended> {
    // A later run that was asked to end before it began told nobody anything.
    const toldNone = this.#turn === undefined || (this.#request && this.#run > 1)
    begin(this.#session, this.#log, this.#startOf(undefined), toldNone ? [] : promptEvents(this.#session.id, this.#turn))
    return this.#tell(how)
  }

  /** The end for all to see, unless another run follows. */
  async #tell(how: Outcome): Promise<Ended> {
    // So whoever sees that it is over sees its children over as well.
    if (this.#request) this.#takeAlong(this.#request)
    await this.#along
    const ended = { ...how, run: this.#run, duration_ms: Math.round(performance.now() - this.#began) }
    // A session that lives on has seen to what its turns met.
    if (await this.#goesOn?.(ended, this.#session.interactive ? {} : this.#met)) {
      closeRelays(this.#session.id, 'the run has ended')
      this.#log.append({ type: 'session_ended', ...ended })
    } else finish(this.#session, this.#log, ended)
    return ended
  }

  #startOf(provider: Provider | undefined): Started {
    const { model, root, cwd, depends_on, retried_from } = this.#session
    const { identity, argv = [], from } = this.#playing ?? {}
    return {
      provider: provider?.name ?? this.#session.provider,
      model,
      root,
      cwd,
      command: argv,
      pid: identity?.pid,
      pid_start: identity?.start,
      boot_id: identity?.boot,
      host: identity?.host,
      process_id: markOf(this.#session.id, this.#run),
      run: this.#run,
      resumed: this.#run > 1,
      depends_on: depends_on.length > 0 ? depends_on : undefined,
      retried_from,
      turn: this.#turn,
      stdout_from: from?.stdout ?? 0,
      stderr_from: from?.stderr ?? 0,
    }
  }

  /** Ends the run when its agent wrote nothing for so long, in milliseconds. Returns the way to stop that. */
  #armStall(stall: number): () => void {
    const waits = () => this.#playing?.waitsSince
    const asked = () => this.#playing?.askedAt
    return whenSilent(this.#session.id, stall, { waits, asked }, () => {
      const error = `its agent ${waits() === undefined ? 'wrote nothing' : 'only waited'} for ${formatDuration(stall)}`
      this.end({ outcome: 'failed', run: this.#run, grace_ms: GRACE, by: 'runner', reason: 'stalled', error })
    })
  }

  /** Ends the run when its time is over. Returns the way to stop that. */
  #armTimeout(): () => void {
    const { timeout_ms: timeout } = this.#session
    if (timeout === undefined) return () => {}
    return at(this.#deadline ?? Date.now() + timeout, () => this.end(timeIsOver(this.#run, timeout)))
  }
}
