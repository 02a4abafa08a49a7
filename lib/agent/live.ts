// An agent that lives for several turns: one process, told what to do over its stdin, whose stdout goes into the session's file
// as that of any other, so nothing that it says is lost with whoever listens. Here both sides of the talk meet: its lines go to
// the provider's driver, which answers, and, turn by turn, through the provider's reader into the log.

import { EXIT, Fault } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { formatDuration } from '../base/time.js'
import type { NewEvent } from '../log/events.js'
import type { LogWriter } from '../log/write.js'
import type { Call, Decision, Question } from '../permission/call.js'
import { type Identity, identify } from '../process/identity.js'
import { oneLine } from '../provider/account.js'
import { isSaidNo, whyNot } from '../provider/calls.js'
import type { Driver, Exit, Files, Live, Provider, Verdict } from '../provider/provider.js'
import type { Offsets } from '../session/output.js'
import { beginTurn, promptFile } from '../session/turns.js'
import { whoOf } from '../session/who.js'
import { readIfThere } from '../store/file.js'
import { Follower, parseLine, tailOf } from '../store/lines.js'
import { type Watch, watchFile } from '../store/watch.js'
import type { Session } from '../table/sessions.js'
import { type Agent, type Kind, startAgent } from './agent.js'
import { keepConversation } from './conversation.js'
import { Ending } from './ending.js'
import { type Asker, askPermission, forbidden, undecided } from './permit.js'
import type { Playing } from './shot.js'
import { readAnew, type Said, TurnOutput } from './turn-output.js'

/** So long an agent may take to begin a conversation; with fifty at once on a small machine some take half a minute. In milliseconds. */
const HANDSHAKE = 120_000
/** One that printed a line that is no message gets so long from then on, in milliseconds. */
const AFTER_NONSENSE = 5_000
/** A notice that it wrote something can be lost, if a crowd writes at once: so it is looked so often without one, in milliseconds. */
const SWEEP = 10_000
/** Once its stdin has ended, an agent gets this long to exit by itself, in milliseconds. */
const EXIT_GRACE = 3_000

/** An agent of a session, from its start on. */
export class LiveAgent {
  readonly argv: string[]
  readonly identity: Identity | undefined
  readonly exited: Promise<Exit>
  /** It has exited. */
  gone = false
  /** Where it began in the session's files, and how far they were read in its turns. */
  readonly begun: Offsets
  at: Offsets
  #session: Session
  readonly #run: number
  readonly #live: Live
  readonly #agent: Agent
  readonly #ending: Ending
  readonly #watch: Watch
  readonly #sweep: NodeJS.Timeout
  readonly #lines: Follower
  #driver: Driver | undefined
  #log: LogWriter | undefined
  /** That of the turn at work. */
  #output: TurnOutput | undefined
  #nonsense: string | undefined
  /** Questions that have no answer yet, and since when there is none. */
  #questions = 0
  #answeredAt: number | undefined
  /** Aborted when nobody is there any more to be told an answer. */
  readonly #over = new AbortController()
  /** Refusals of which it has to be told why. */
  #untold: { question: Question; refusal: Decision }[] = []
  #onNonsense = () => {}

  /** Starts it for a turn of a run. Throws a Fault 127 or 126 if its program is not there or may not be run, 5 if the system refuses. */
  static async start(session: Session, run: number, provider: Provider, turn: Omit<Kind, 'live'>): Promise<LiveAgent> {
    const { live } = provider
    if (!live) throw new Fault(`provider ${provider.name} has no agent that lives on`, EXIT.usage)
    const agent = await startAgent(session, run, provider, { ...turn, live: true })
    return new LiveAgent(session, run, live, agent)
  }

  private constructor(session: Session, run: number, live: Live, agent: Agent) {
    this.#session = session
    this.#run = run
    this.#live = live
    this.#agent = agent
    this.argv = agent.argv
    this.identity = identify(agent.pid)
    this.#ending = new Ending(session, run, agent, this.identity)
    this.begun = agent.from
    this.at = agent.from
    this.exited = new Promise(resolve => agent.child.once('exit', (code, signal) => resolve({ code, signal })))
    this.exited.then(() => {
      this.gone = true
      this.#over.abort()
    })
    // Also between two turns; what goes wrong is told to whoever waits for it.
    this.#ending.gone(this.exited).catch(() => {})
    // Whoever writes to one that is gone is told by its exit.
    agent.child.stdin?.on('error', () => {})
    const path = paths.inSession(session.id, 'stdout')
    this.#lines = new Follower(path, { from: agent.from.stdout, empty: true })
    this.#watch = watchFile(path, () => this.#take())
    this.#sweep = setInterval(() => {
      this.#take()
      this.#output?.wake()
    }, SWEEP)
  }

  /** The next turn of it: the prompt of the session's turn, or this text instead. */
  play(turn: number, instead?: string): Playing {
    return new LiveTurn(this, turn, instead ?? readIfThere(promptFile(this.#session.id, turn)) ?? '')
  }

  /** Hands over the prompt of a turn once the talk has begun, and follows the turn into the log until it is over. */
  async converse(turn: number, text: string, log: LogWriter): Promise<Said & { exit: Exit }> {
    this.#log = log
    const failed = await this.#opened()
    if (failed !== undefined) return this.#failedToOpen(failed, log)
    const { id } = this.#session
    const from = this.at
    let over = () => {}
    const isOver = new Promise<void>(resolve => {
      over = resolve
    })
    const output = new TurnOutput({ id, read: this.#live.reader, from, since: this.begun.stdout }, log, isIt => isIt && over(), 0)
    this.#output = output
    try {
      // What came before is no part of the turn: whoever reads it anew must not take what is told again of old turns for new.
      beginTurn(id, turn, { run: this.#run, from, agent: this.identity, since: this.begun.stdout })
      this.#driver?.prompt(text)
      const exit = await Promise.race([
        isOver.then(() => ({ code: null, signal: null, livesOn: true }) satisfies Exit),
        this.#ending.gone(this.exited),
      ])
      const said = output.finish(exit)
      this.at = said.ends
      return { ...said, exit }
    } catch (error) {
      // One whose turn cannot be put on record must not go on unseen.
      await this.kill()
      throw error
    } finally {
      this.#output = undefined
      output.close()
    }
  }

  /** Since when all it said in its turn is that it waits, in milliseconds since 1970. */
  get waitsSince(): number | undefined {
    return this.#output?.waitsSince
  }

  /** When it last waited for an answer to what it asked, in milliseconds since 1970: as long as it does it has to be silent. */
  get askedAt(): number | undefined {
    return this.#questions > 0 ? Date.now() : this.#answeredAt
  }

  /**
   * What it is to be told, now that its turn is over, of refusals that it was told no reason of; nothing if there is no more to say. One
   * that gave its turn up for them has to be told in any case.
   */
  untold(gaveUp: boolean): string | undefined {
    const all = this.#untold.splice(0).filter(({ refusal }) => gaveUp || refusal.reason !== undefined)
    return all.length === 0 || this.gone ? undefined : all.map(({ question, refusal }) => whyNot(question, refusal)).join('\n\n')
  }

  /** Ends it; `grace` is asked before each step of the ladder for the milliseconds to the next. */
  stop(grace: () => number): void {
    this.#over.abort()
    this.#ending.stop(grace)
  }

  async kill(): Promise<void> {
    this.#over.abort()
    await this.#ending.kill()
  }

  /** Tells it that nothing more comes, and ends it if it does not exit by itself. */
  async close(): Promise<Exit> {
    this.#over.abort()
    this.#agent.child.stdin?.end()
    const timer = setTimeout(() => this.stop(() => EXIT_GRACE), EXIT_GRACE)
    try {
      return await this.#ending.gone(this.exited)
    } finally {
      clearTimeout(timer)
      this.letGo()
    }
  }

  /** Listens no longer, however it ended. */
  letGo(): void {
    clearInterval(this.#sweep)
    this.#watch.close()
    this.#agent.child.stdin?.destroy()
  }

  #opening: Promise<string | undefined> | undefined

  /** Begins the talk, once; gives what went wrong. */
  #opened(): Promise<string | undefined> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  async #open(): Promise<string | undefined> {
    let timer: NodeJS.Timeout | undefined
    const tooLong = new Promise<never>((_, reject) => {
      const arm = (time: number) => {
        clearTimeout(timer)
        timer = setTimeout(() => reject(new Error(this.#silence(time))), time)
      }
      arm(HANDSHAKE)
      this.#onNonsense = () => arm(AFTER_NONSENSE)
    })
    const died = this.exited.then(({ code, signal }): never => {
      const words = oneLine(String(tailOf(paths.inSession(this.#session.id, 'stderr'), 300, this.begun.stderr)))
      throw new Error(`it ended before it could be told anything (${signal ?? `exit code ${code}`})${words ? `: ${words}` : ''}`)
    })
    died.catch(() => {})
    try {
      this.#driver = await this.#live.driver(this.#agent.task, {
        send: message => this.#send(message),
        log: (...events) => this.#tell(events),
        ask: (question, signal) => this.#ask(question, signal),
        forbids: call => this.#forbids(call),
        untold: (question, refusal) => {
          if (isSaidNo(refusal) && !this.#over.signal.aborted) this.#untold.push({ question, refusal })
        },
        files: filesOf(this.#session),
      })
      this.#take()
      const conversation = await Promise.race([this.#driver.open(), tooLong, died])
      this.#take()
      this.at = { stdout: this.#lines.offset, stderr: this.begun.stderr }
      this.conversation = conversation
      // At once: whoever goes on with it after this process was killed has to know it.
      this.#session = await keepConversation(this.#session, conversation)
      return undefined
    } catch (error) {
      // Whatever the agent or its driver has against it: the turn fails with these words.
      return oneLine((error as Error).message)
    } finally {
      clearTimeout(timer)
      this.#onNonsense = () => {}
    }
  }

  /** The agent's own id of the conversation. */
  conversation: string | undefined

  #silence(time: number): string {
    const said = this.#nonsense === undefined ? '' : `; what it printed is no message: '${this.#nonsense}'`
    return `it did not begin the conversation within ${formatDuration(time)}${said}`
  }

  async #failedToOpen(error: string, log: LogWriter): Promise<Said & { exit: Exit }> {
    this.stop(() => EXIT_GRACE)
    const exit = await this.#ending.gone(this.exited)
    const { id } = this.#session
    const said = readAnew({ id, read: this.#live.reader, from: this.begun, since: this.begun.stdout }, log, exit)
    const verdict: Verdict = { success: false, error: `the agent cannot be talked with: ${error}`, limit: said.verdict.limit }
    return { ...said, verdict, exit, unopened: true }
  }

  async #ask(question: Question, signal?: AbortSignal): Promise<Decision> {
    this.#questions += 1
    try {
      return await askPermission(this.#asker, question, {
        log: (...events) => this.#tell(events),
        signal: signal ? AbortSignal.any([signal, this.#over.signal]) : this.#over.signal,
      })
    } catch (error) {
      return undecided(error)
    } finally {
      this.#questions -= 1
      this.#answeredAt = Date.now()
    }
  }

  #forbids(call: Call): Decision | undefined {
    try {
      return forbidden(this.#asker, call, { log: (...events) => this.#tell(events) })
    } catch (error) {
      return undecided(error)
    }
  }

  get #asker(): Asker {
    const { group, cwd } = this.#session
    return { session: this.#session, group, place: { root: this.#agent.task.root, cwd } }
  }

  /** Puts something between what the agent said before it and what it says after. */
  #tell(events: NewEvent[]): void {
    this.#output?.take()
    try {
      this.#log?.append(...events)
    } catch (error) {
      // A full disk: the agent is answered all the same, and there is nobody here to be told.
      if (!(error instanceof Fault) || error.exit !== EXIT.system) throw error
    }
  }

  #send(message: object): void {
    if (!this.gone) this.#agent.child.stdin?.write(`${JSON.stringify(message)}\n`)
  }

  #take(): void {
    if (!this.#driver) return
    for (const { bytes } of this.#lines.take()) {
      const line = parseLine(bytes)
      if (line) this.#driver.take(line)
      else if (bytes.length > 0 && this.#nonsense === undefined) {
        this.#nonsense = oneLine(String(bytes)).slice(0, 80)
        this.#onNonsense()
      }
    }
  }
}

/** What the session reads and writes through zag: the file times of its group hold for it. */
function filesOf(session: Session): Files {
  const who = whoOf(session)
  return {
    read: async (path, portion) => (await import('../file/guard.js')).readText(who, path, portion),
    write: async (path, content, known) => (await import('../file/guard.js')).writeText(who, path, content, { known }),
    known: async path => (await import('../file/guard.js')).knownVersion(who, path),
  }
}

/** One turn of it. */
class LiveTurn implements Playing {
  readonly argv: string[]
  readonly from: Offsets
  readonly identity: Identity | undefined
  readonly exited: Promise<Exit>
  readonly #agent: LiveAgent
  readonly #turn: number
  readonly #text: string

  constructor(agent: LiveAgent, turn: number, text: string) {
    this.#agent = agent
    this.#turn = turn
    this.#text = text
    this.argv = agent.argv
    this.from = agent.at
    this.identity = agent.identity
    this.exited = agent.exited
  }

  async done(log: LogWriter): Promise<Said & { exit: Exit }> {
    const said = await this.#agent.converse(this.#turn, this.#text, log)
    const { verdict } = said
    return { ...said, verdict: { ...verdict, conversation: verdict.conversation ?? this.#agent.conversation } }
  }

  get waitsSince(): number | undefined {
    return this.#agent.waitsSince
  }

  get askedAt(): number | undefined {
    return this.#agent.askedAt
  }

  stop(grace: () => number): void {
    this.#agent.stop(grace)
  }

  async kill(): Promise<void> {
    await this.#agent.kill()
  }
}
