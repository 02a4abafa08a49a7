// What an agent writes in a turn, followed through its files into the log while it works, and what that comes to at the end.
// Whoever finds a turn that nobody followed to its end reads it anew here; the same lines give the same events.

import { EXIT, Fault, reason } from '../base/exit.js'
import { paths } from '../base/paths.js'
import type { NewEvent } from '../log/events.js'
import type { LogWriter } from '../log/write.js'
import { readerOver } from '../provider/account.js'
import type { Exit, Past, Provider, Reader, Verdict } from '../provider/provider.js'
import { AgentOutput, loggedOffsets, type Offsets } from '../session/output.js'
import { lastLine, tailOf } from '../store/lines.js'
import { watchFile } from '../store/watch.js'
import type { Session } from '../table/sessions.js'
import { keptFor } from './agent.js'

/** What a turn came to by its output, and how far that was read. */
export interface Said {
  verdict: Verdict
  /** The last lines on stderr, of one that did not exit with 0. */
  stderr?: string
  ends: Offsets
  /** The agent was told nothing: no talk with it could begin. */
  unopened?: true
}

/** Whether the agent of a session is one process that is talked with, and not one for each turn. */
export function isLive({ interactive, permissions }: Session, { live }: Provider): boolean {
  return live !== undefined && (interactive === true || live.only === true || permissions?.live === true)
}

/** What makes a reader of a turn of the session. */
export function readerOf(session: Session, provider: Provider): (past: Past) => Reader {
  return isLive(session, provider) && provider.live ? provider.live.reader : provider.reader
}

/** A turn to read: its session, what makes a reader of it, and where it begins in the agent's files. */
export interface Turn {
  id: string
  read: (past: Past) => Reader
  from: Offsets
  /** Where in stdout the process began whose turn it is, if not with the turn. */
  since?: number
}

/** An agent that is done within so many milliseconds is not followed but read at its end: a batch of tiny tasks costs half. */
const FOLLOW_AFTER = 15
/** A notice that it wrote something can be lost, if a crowd writes at once: so it is looked so often without one, in milliseconds. */
const SWEEP = 10_000

/** Follows the agent's files while it works. */
export class TurnOutput {
  readonly #turn: Turn
  readonly #log: LogWriter
  readonly #onThrough: (isIt: boolean) => void
  readonly #reader: Reader
  readonly #output: AgentOutput
  readonly #begin: NodeJS.Timeout
  #watches: { close(): void }[] = []
  #sweep: NodeJS.Timeout | undefined
  #due: NodeJS.Immediate | undefined
  #told = false
  /** Since when all the agent said is that it waits, in milliseconds since 1970; nothing if it does not. */
  waitsSince: number | undefined
  /** The log could not be written; the end of the turn makes up for it. */
  #behind = false

  /** `onThrough` is called when the agent said its last word of the turn, and with false if it goes on after all. */
  constructor(turn: Turn, log: LogWriter, onThrough: (isIt: boolean) => void, followAfter = FOLLOW_AFTER) {
    this.#turn = turn
    this.#log = log
    this.#onThrough = onThrough
    this.#reader = careful(turn)
    this.#output = new AgentOutput(turn.id, log, this.#reader, turn.from, turn.from)
    this.#begin = setTimeout(() => this.#follow(), followAfter)
  }

  #follow(): void {
    this.#watches = (['stdout', 'stderr'] as const).map(name => watchFile(paths.inSession(this.#turn.id, name), () => this.wake()))
    this.#sweep = setInterval(() => this.wake(), SWEEP)
    this.wake()
  }

  /** Looks whether there is more; a notice of that can be lost. */
  wake(): void {
    this.#due ??= setImmediate(() => {
      this.#due = undefined
      this.take()
      this.waitsSince = this.#reader.waiting ? (this.waitsSince ?? Date.now()) : undefined
      // Of what is no longer read nobody would see the end.
      const isThrough = this.#reader.through === true || (this.#behind && this.#turn.since !== undefined)
      if (isThrough === this.#told) return
      this.#told = isThrough
      this.#onThrough(isThrough)
    })
  }

  /** Takes what there is into the log. */
  take(): void {
    try {
      if (!this.#behind) this.#output.take()
    } catch (error) {
      // A full disk while the agent works: what it said stays in its files and is read again at the end.
      if (!(error instanceof Fault) || error.exit !== EXIT.system) throw error
      this.#behind = true
    }
  }

  /** Takes what is left and says what the output comes to. */
  finish(exit: Exit): Said {
    this.close()
    if (this.#behind) return readAnew(this.#turn, this.#log, exit)
    return conclude(this.#turn, this.#output, this.#reader, exit)
  }

  close(): void {
    clearTimeout(this.#begin)
    for (const watch of this.#watches) watch.close()
    clearInterval(this.#sweep)
    clearImmediate(this.#due)
  }
}

/** Reads a turn's output from its beginning, appends what the log does not have yet, and says what it comes to. */
export function readAnew(turn: Turn, log: LogWriter, exit: Exit): Said {
  const reader = careful(turn)
  return conclude(turn, new AgentOutput(turn.id, log, reader, turn.from, loggedOffsets(turn.id, turn.from)), reader, exit)
}

/** So much of what an agent wrote to stderr goes into the verdict, in bytes. */
const LAST_WORDS = 2048

function conclude({ id, from }: Turn, output: AgentOutput, reader: Reader, exit: Exit): Said {
  output.end(exit.livesOn)
  const stderr = exit.code === 0 || exit.livesOn ? undefined : String(tailOf(paths.inSession(id, 'stderr'), LAST_WORDS, from.stderr))
  return { verdict: reader.verdict({ ...exit, stderr }), stderr, ends: output.ends }
}

/** The reader of a turn. One that breaks at what an agent printed fails the turn, and no more: the runner goes on. */
function careful(turn: Turn): Reader {
  const reader = turn.read(pastOf(turn))
  let broken: string | undefined
  const warning = (error: unknown, lines: Buffer[]): NewEvent[] => {
    broken ??= `what it printed could not be read (${reason(error)})`
    return [
      { type: 'parse_warning', message: broken, raw: String(Buffer.concat(lines.flatMap(line => [line, NEWLINE]))).slice(0, LONGEST_RAW) },
    ]
  }
  const out = (lines: Buffer[]) => {
    try {
      return reader.out(lines)
    } catch (error) {
      return warning(error, lines)
    }
  }
  return readerOver(reader, {
    out: lines => (reader.each ? lines.flatMap(line => out([line])) : out(lines)),
    end() {
      try {
        return reader.end?.() ?? []
      } catch (error) {
        return warning(error, [])
      }
    },
    get through() {
      // That of one that lives on may be what could not be read.
      return reader.through === true || (broken !== undefined && turn.since !== undefined)
    },
    verdict(exit) {
      try {
        const verdict = onOneLine(reader.verdict(exit))
        return broken === undefined ? verdict : { ...verdict, success: false, error: broken }
      } catch (error) {
        warning(error, [])
        return { success: false, error: broken }
      }
    },
  })
}

/** What went wrong is told on one line, whatever an agent makes of it. */
function onOneLine(verdict: Verdict): Verdict {
  return verdict.error === undefined ? verdict : { ...verdict, error: verdict.error.replace(/\s*[\r\n]\s*/g, ' ') }
}

const NEWLINE = Buffer.from('\n')
/** So much of lines that could not be read is told, in characters; they are all in the agent's file. */
const LONGEST_RAW = 2000

/** What was printed before a turn, by the same process if that is known. */
function pastOf({ id, from: { stdout }, since = 0 }: Turn): Past {
  const line = (is: (line: Buffer) => boolean) =>
    stdout <= since ? undefined : lastLine(paths.inSession(id, 'stdout'), is, { upTo: stdout, within: stdout - since })?.line
  return { line, kept: name => keptFor(id, name) }
}
