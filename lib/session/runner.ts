// One run of a session, supervised: start the agent, turn its output into events while it works, end it when its time is
// over or somebody asks, and end the run for all to see. Holds no state that is not on disk: if this process is killed,
// settle.ts does the rest in its place.

import { EXIT, Fault } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { at, formatDuration } from '../base/time.js'
import { loadConfig } from '../config/config.js'
import { LogWriter } from '../log/write.js'
import { endAll, endGroupLeftovers } from '../process/end.js'
import { identify } from '../process/identity.js'
import { providerOf } from '../provider/list.js'
import type { Provider, Reader, Verdict } from '../provider/provider.js'
import { watchFile } from '../store/watch.js'
import type { Session } from '../table/sessions.js'
import { type Agent, markOf, startAgent } from './agent.js'
import { fitted } from './fit.js'
import { AgentOutput, loggedOffsets, type Offsets } from './output.js'
import { writePrompt } from './prompt.js'
import { type EndRequest, GRACE, requestedEnd } from './request.js'
import { begin, type Ended, finish, keepResult, type Started } from './turn.js'
import { noteAgent } from './turns.js'

/** What is left of an agent's group after it exited gets this long between TERM and KILL, in milliseconds. */
const LEFTOVER_GRACE = 500

type Exit = { code: number | null; signal: string | null }

export interface RunOptions {
  /** The turn it executes. */
  turn?: number
  /** The end was asked for before it began: it begins no agent. */
  request?: EndRequest
  /** Asked before the end is told: whether another run follows, which is claimed by then. The end is then in the log alone. */
  goesOn?(ended: Ended): Promise<boolean>
}

/** A run from its start to its end. */
export class Run {
  /** How the run ended; its end is in the log by then. */
  readonly ended: Promise<Ended>
  #session: Session
  #run: number
  #turn: number
  #goesOn: RunOptions['goesOn']
  #began = performance.now()
  #log: LogWriter
  #agent: Agent | undefined
  #start: string | undefined
  #request: EndRequest | undefined
  #ladder: Promise<unknown> | undefined

  constructor(session: Session, run: number, { turn = 1, request, goesOn }: RunOptions = {}) {
    this.#session = session
    this.#run = run
    this.#turn = turn
    this.#request = request
    this.#goesOn = goesOn
    this.#log = new LogWriter(session.id, session.parent)
    this.ended = this.#go().finally(() => this.#log.close())
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
    if (!before && this.#agent) this.#startLadder()
  }

  /** Ends the run as cancelled, for a reason. `grace` is the ladder's step in milliseconds. */
  cancel(reason: string, grace: number): void {
    this.end({
      outcome: 'cancelled',
      run: this.#run,
      grace_ms: grace,
      by: 'runner',
      reason,
    })
  }

  async #go(): Promise<Ended> {
    let provider: Provider
    try {
      provider = providerOf(this.#session.provider, await loadConfig(this.#session.root))
      this.look()
      if (this.#request) return this.#endWithoutAgent(outcomeOf({ success: false }, this.#request))
      writePrompt(this.#session, provider, this.#turn)
      this.#agent = await startAgent(this.#session, this.#run, provider, this.#turn)
    } catch (error) {
      return this.#endWithoutAgent(failedToStart(error))
    }
    const exited = exitOf(this.#agent)
    this.#start = identify(this.#agent.pid)?.start
    await this.#begin(this.#agent, provider)
    if (this.#request) this.#startLadder()
    const live = new LiveOutput(this.#session.id, this.#log, provider, this.#agent.from)
    try {
      const exit = await this.#exitOf(this.#agent, exited)
      return await this.#endOf(exit, this.#agent, live.finish(exit))
    } finally {
      live.close()
    }
  }

  /** An agent that cannot be put on record, because the disk is full, must not go on unseen. */
  async #begin(agent: Agent, provider: Provider): Promise<void> {
    try {
      if (this.#run > 1 || this.#turn > 1)
        noteAgent(this.#session.id, this.#turn, { run: this.#run, from: agent.from, agent: identify(agent.pid) })
      begin(this.#session, this.#log, this.#startOf(agent, provider))
    } catch (error) {
      await endAll({ pid: agent.pid, start: this.#start, mark: this.#mark, watched: true }, { grace: 0 })
      throw error
    }
  }

  /** Waits until the agent has exited and nothing of it is left that should not be. */
  async #exitOf(agent: Agent, exited: Promise<Exit>): Promise<Exit> {
    const { timeout_ms, keep_children } = this.#session
    const stop = timeout_ms === undefined ? () => {} : at(Date.now() + timeout_ms, () => this.#timeIsOver(timeout_ms))
    const exit = await exited
    stop()
    await this.#ladder
    if (!keep_children) await endGroupLeftovers(agent.pid, this.#start, this.#mark, LEFTOVER_GRACE)
    // One that was asked for meanwhile.
    await this.#ladder
    return exit
  }

  async #endOf(exit: Exit, agent: Agent, { verdict, stdoutEnd }: Said): Promise<Ended> {
    // An end asked for while the agent was ending by itself counts too, if nobody saw it yet.
    const request = this.#request ?? requestedEnd(this.#session.id, this.#run)
    if (request?.outcome !== 'completed') await keepResult(this.#session.id, verdict.result, agent.from.stdout, stdoutEnd)
    const ended = {
      ...(await this.#outcomeOf(verdict, request)),
      ...exitFields(exit),
      run: this.#run,
      duration_ms: Math.round(performance.now() - this.#began),
    }
    return this.#tell(ended)
  }

  /** A result that was handed in fits already. */
  async #outcomeOf(verdict: Verdict, request: EndRequest | undefined): Promise<Pick<Ended, 'success' | 'status' | 'error' | 'reason'>> {
    const outcome = outcomeOf(verdict, request)
    return request ? outcome : fitted(this.#session.id, outcome)
  }

  async #endWithoutAgent(how: Pick<Ended, 'success' | 'status'> & Partial<Ended>): Promise<Ended> {
    const { provider, model, root, cwd, retried_from } = this.#session
    const offsets = { stdout_from: 0, stderr_from: 0 }
    const started = {
      provider,
      model,
      root,
      cwd,
      command: [],
      process_id: this.#mark,
      run: this.#run,
      resumed: this.#run > 1,
      retried_from,
      turn: this.#turn,
      ...offsets,
    }
    // A later run that was asked to end before it began told nobody anything.
    if (this.#request && this.#run > 1) begin(this.#session, this.#log, started, [])
    else begin(this.#session, this.#log, started)
    const ended = {
      ...how,
      run: this.#run,
      duration_ms: Math.round(performance.now() - this.#began),
    }
    return this.#tell(ended)
  }

  /** The end for all to see, unless another run follows. */
  async #tell(ended: Ended): Promise<Ended> {
    if (await this.#goesOn?.(ended)) this.#log.append({ type: 'session_ended', ...ended })
    else await finish(this.#session, this.#log, ended)
    return ended
  }

  #startOf(agent: Agent, provider: Provider): Started {
    const { model, root, cwd, depends_on, retried_from } = this.#session
    const identity = identify(agent.pid)
    return {
      provider: provider.name,
      model,
      root,
      cwd,
      command: agent.argv,
      pid: agent.pid,
      pid_start: identity?.start,
      boot_id: identity?.boot,
      host: identity?.host,
      process_id: this.#mark,
      run: this.#run,
      resumed: this.#run > 1,
      depends_on: depends_on.length > 0 ? depends_on : undefined,
      retried_from,
      turn: this.#turn,
      stdout_from: agent.from.stdout,
      stderr_from: agent.from.stderr,
    }
  }

  #timeIsOver(timeout: number): void {
    const reason = 'timeout'
    this.end({
      outcome: 'failed',
      run: this.#run,
      grace_ms: GRACE,
      by: 'runner',
      reason,
      error: `not done after ${formatDuration(timeout)}`,
    })
  }

  #startLadder(): void {
    const agent = this.#agent as Agent
    const target = { pid: agent.pid, start: this.#start, mark: this.#mark, watched: true }
    this.#ladder = endAll(target, { grace: () => this.#request?.grace_ms ?? 0 })
    // What goes wrong in it is told when the agent has exited; until then it must not end this process.
    this.#ladder.catch(() => {})
  }

  get #mark(): string {
    return markOf(this.#session.id, this.#run)
  }
}

/** What a run came to by its output, and how far stdout was read. */
interface Said {
  verdict: Verdict
  stdoutEnd: number
}

/** Follows the agent's files while it works. */
class LiveOutput {
  #id: string
  #log: LogWriter
  #provider: Provider
  #from: Offsets
  #reader: Reader
  #output: AgentOutput
  #watches: { close(): void }[]
  #due: NodeJS.Immediate | undefined
  /** The log could not be written; the end of the run makes up for it. */
  #behind = false

  constructor(id: string, log: LogWriter, provider: Provider, from: Offsets) {
    this.#id = id
    this.#log = log
    this.#provider = provider
    this.#from = from
    this.#reader = provider.reader()
    this.#output = new AgentOutput(id, log, this.#reader, from, from)
    this.#watches = (['stdout', 'stderr'] as const).map(name => watchFile(paths.inSession(id, name), () => this.#wake()))
    this.#wake()
  }

  #wake(): void {
    this.#due ??= setImmediate(() => {
      this.#due = undefined
      try {
        if (!this.#behind) this.#output.take()
      } catch (error) {
        // A full disk while the agent works: what it said stays in its files and is read again at the end.
        if (!(error instanceof Fault) || error.exit !== EXIT.system) throw error
        this.#behind = true
      }
    })
  }

  /** Takes what is left and says what the output comes to. */
  finish(exit: Exit): Said {
    this.close()
    if (this.#behind) return readAnew(this.#id, this.#log, this.#provider, this.#from, exit)
    return conclude(this.#output, this.#reader, exit)
  }

  close(): void {
    for (const watch of this.#watches) watch.close()
    clearImmediate(this.#due)
  }
}

/** Reads a run's output from its beginning, appends what the log does not have yet, and says what it comes to. */
export function readAnew(id: string, log: LogWriter, provider: Provider, from: Offsets, exit: Exit): Said {
  const reader = provider.reader()
  return conclude(new AgentOutput(id, log, reader, from, loggedOffsets(id, from)), reader, exit)
}

function conclude(output: AgentOutput, reader: Reader, exit: Exit): Said {
  output.take(true)
  return { verdict: reader.verdict(exit), stdoutEnd: output.stdoutEnd }
}

/** What a run came to: what was asked of it goes before what the agent says of itself. */
export function outcomeOf(verdict: Verdict, request: EndRequest | undefined): Pick<Ended, 'success' | 'status' | 'error' | 'reason'> {
  if (!request)
    return {
      success: verdict.success,
      status: verdict.success ? 'completed' : 'failed',
      error: verdict.error,
    }
  const { outcome, error, reason } = request
  return {
    success: outcome === 'completed',
    status: outcome,
    error,
    reason: reason ?? (outcome === 'cancelled' ? 'cancelled' : undefined),
  }
}

function exitFields({ code, signal }: Exit): Pick<Ended, 'exit_code' | 'signal'> {
  return { exit_code: code ?? undefined, signal: signal ?? undefined }
}

function exitOf({ child }: Agent): Promise<Exit> {
  return new Promise(resolve => child.once('exit', (code, signal) => resolve({ code, signal })))
}

function failedToStart(error: unknown): Pick<Ended, 'success' | 'status' | 'error' | 'reason' | 'exit_code'> {
  if (!(error instanceof Fault)) throw error
  return {
    success: false,
    status: 'failed',
    error: error.message,
    reason: 'start',
    exit_code: error.exit,
  }
}
