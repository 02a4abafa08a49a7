// A turn executed by an agent process of its own: started, followed through its files while it works, ended when somebody
// asks, and what it came to. What a session does before, between and after turns is runner.ts; a provider whose agent takes
// several prompts is executed by something else with the same face, Playing.

import { EXIT, Fault } from '../base/exit.js'
import { paths } from '../base/paths.js'
import type { LogWriter } from '../log/write.js'
import { endAll, endGroupLeftovers } from '../process/end.js'
import { type Identity, identify } from '../process/identity.js'
import type { Exit, Past, Provider, Reader, Verdict } from '../provider/provider.js'
import { AgentOutput, loggedOffsets, type Offsets } from '../session/output.js'
import { noteAgent } from '../session/turns.js'
import { lastLine, tailOf } from '../store/lines.js'
import { watchFile } from '../store/watch.js'
import type { Session } from '../table/sessions.js'
import { type Agent, markOf, startAgent } from './agent.js'

/** What is left of an agent's group after it exited gets this long between TERM and KILL, in milliseconds. */
const LEFTOVER_GRACE = 500

/** An agent that said its last word gets this long to exit by itself, in milliseconds. */
const THROUGH_GRACE = 5_000

/** What a turn came to by its output, and how far stdout was read. */
export interface Said {
  verdict: Verdict
  /** The last lines on stderr, of one that did not exit with 0. */
  stderr?: string
  stdoutEnd: number
}

/** A turn being executed. */
export interface Playing {
  readonly argv: string[]
  readonly from: Offsets
  readonly identity: Identity | undefined
  /** The agent is through; what is left of it may still be there. */
  readonly exited: Promise<unknown>
  /** Follows the agent into the log until nothing of it is left that should not be. Called once, when the turn is on record. */
  done(log: LogWriter): Promise<Said & { exit: Exit }>
  /** Ends it; `grace` is asked before each step of the ladder for the milliseconds to the next. */
  stop(grace: () => number): void
  /** Ends it at once and returns when it is gone. */
  kill(): Promise<void>
}

/** Starts the agent for a turn of a run, with its prompt or with this text instead. Throws a Fault 127 or 126 if its program is not there or may not be run, 5 if the system refuses. */
export async function shoot(session: Session, run: number, turn: number, provider: Provider, instead?: string): Promise<Playing> {
  const agent = await startAgent(session, run, provider, turn, instead)
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
  readonly #agent: Agent
  readonly #mark: string
  readonly exited: Promise<Exit>
  #ladder: Promise<unknown> | undefined
  /** It is being ended because it had said its last word and did not exit. */
  #overdue: boolean | undefined

  constructor(session: Session, run: number, provider: Provider, agent: Agent) {
    this.#session = session
    this.#provider = provider
    this.#agent = agent
    this.exited = new Promise(resolve => agent.child.once('exit', (code, signal) => resolve({ code, signal, ended: this.#overdue })))
    this.#mark = markOf(session.id, run)
    this.argv = agent.argv
    this.from = agent.from
    this.identity = identify(agent.pid)
  }

  async done(log: LogWriter): Promise<Said & { exit: Exit }> {
    const live = new LiveOutput(this.#session.id, log, this.#provider, this.from, () => this.#hasNotExited())
    try {
      const exit = await this.#gone()
      return { exit, ...live.finish(exit) }
    } finally {
      live.close()
    }
  }

  stop(grace: () => number): void {
    if (this.#ladder) return
    this.#ladder = endAll(this.#target, { grace })
    // What goes wrong in it is told when the agent has exited; until then it must not end this process.
    this.#ladder.catch(() => {})
  }

  #hasNotExited(): void {
    if (this.#ladder) return
    this.#overdue = true
    this.stop(() => THROUGH_GRACE)
  }

  async kill(): Promise<void> {
    await endAll(this.#target, { grace: 0 })
  }

  async #gone(): Promise<Exit> {
    const exit = await this.exited
    await this.#ladder
    if (!this.#session.keep_children) await endGroupLeftovers(this.#agent.pid, this.identity?.start, this.#mark, LEFTOVER_GRACE)
    // One that was asked for meanwhile.
    await this.#ladder
    return exit
  }

  get #target() {
    return { pid: this.#agent.pid, start: this.identity?.start, mark: this.#mark, watched: true }
  }
}

/** An agent that is done within so many milliseconds is not followed but read at its end: a batch of tiny tasks costs half. */
const FOLLOW_AFTER = 15

/** Follows the agent's files while it works. */
class LiveOutput {
  #id: string
  #log: LogWriter
  #provider: Provider
  #from: Offsets
  #reader: Reader
  #output: AgentOutput
  #watches: { close(): void }[] = []
  #begin: NodeJS.Timeout
  #due: NodeJS.Immediate | undefined
  #overdue: NodeJS.Timeout | undefined
  readonly #hasNotExited: () => void
  /** The log could not be written; the end of the turn makes up for it. */
  #behind = false

  /** `hasNotExited` is called when the agent said its last word and is still there a while after. */
  constructor(id: string, log: LogWriter, provider: Provider, from: Offsets, hasNotExited: () => void) {
    this.#id = id
    this.#log = log
    this.#provider = provider
    this.#from = from
    this.#hasNotExited = hasNotExited
    this.#reader = provider.reader(pastOf(id, from))
    this.#output = new AgentOutput(id, log, this.#reader, from, from)
    this.#begin = setTimeout(() => this.#follow(), FOLLOW_AFTER)
  }

  #follow(): void {
    this.#watches = (['stdout', 'stderr'] as const).map(name => watchFile(paths.inSession(this.#id, name), () => this.#wake()))
    this.#wake()
  }

  #wake(): void {
    this.#due ??= setImmediate(() => {
      this.#due = undefined
      try {
        if (!this.#behind) this.#output.take()
        if (this.#reader.through) this.#overdue ??= setTimeout(this.#hasNotExited, THROUGH_GRACE)
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
    return conclude(this.#id, this.#output, this.#reader, this.#from, exit)
  }

  close(): void {
    clearTimeout(this.#begin)
    clearTimeout(this.#overdue)
    for (const watch of this.#watches) watch.close()
    clearImmediate(this.#due)
  }
}

/** Reads a turn's output from its beginning, appends what the log does not have yet, and says what it comes to. */
export function readAnew(id: string, log: LogWriter, provider: Provider, from: Offsets, exit: Exit): Said {
  const reader = provider.reader(pastOf(id, from))
  return conclude(id, new AgentOutput(id, log, reader, from, loggedOffsets(id, from)), reader, from, exit)
}

function conclude(id: string, output: AgentOutput, reader: Reader, { stderr: from }: Offsets, exit: Exit): Said {
  output.take(true)
  const stderr = exit.code === 0 ? undefined : String(tailOf(paths.inSession(id, 'stderr'), LAST_WORDS, from))
  return { verdict: reader.verdict({ ...exit, stderr }), stderr, stdoutEnd: output.stdoutEnd }
}

/** So much of what an agent wrote to stderr goes into the verdict, in bytes. */
const LAST_WORDS = 2048

/** What was printed before a turn that begins at these offsets. */
function pastOf(id: string, { stdout }: Offsets): Past {
  return { line: is => (stdout === 0 ? undefined : lastLine(paths.inSession(id, 'stdout'), is, { upTo: stdout })?.line) }
}
