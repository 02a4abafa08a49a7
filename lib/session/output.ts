// The agent's own output becoming events: its stdout and stderr files, read from where a run begins, through its provider's
// reader, into the log. The runner does this while the agent works; whoever finds a runner dead does it once more, for what
// the log does not have yet. Of each line that is read by itself, else of each reading, the last event carries `offset`, the
// byte up to which the log has the file: so a batch that a full disk cut off goes on where it was cut.

import { paths } from '../base/paths.js'
import type { NewEvent } from '../log/events.js'
import type { LogWriter } from '../log/write.js'
import type { Reader } from '../provider/provider.js'
import { Follower, lastLine, parseLine } from '../store/lines.js'

/** One event of plain text holds at most about so many bytes of lines, so that a flood does not make huge lines. */
const BATCH = 64 * 1024

export interface Offsets {
  stdout: number
  stderr: number
}

/** Follows both files of one run. */
export class AgentOutput {
  #log: LogWriter
  #out: Stream
  #err: Stream

  /** `from` is where the run begins in the files, `logged` how far the log already has them. */
  constructor(id: string, log: LogWriter, reader: Reader, from: Offsets, logged: Offsets) {
    this.#log = log
    this.#out = new Stream(
      paths.inSession(id, 'stdout'),
      from.stdout,
      logged.stdout,
      lines => reader.out(lines),
      reader.each,
      () => reader.end?.() ?? [],
    )
    this.#err = new Stream(paths.inSession(id, 'stderr'), from.stderr, logged.stderr, linesOfStderr)
  }

  /** Appends what the agent has written since. */
  take(): void {
    this.#out.take(this.#log)
    this.#err.take(this.#log)
  }

  /** Appends what is left at the end of a turn; of an agent that lives on, a line without its newline belongs to the next. */
  end(livesOn = false): void {
    this.#out.end(this.#log, livesOn)
    this.#err.end(this.#log, livesOn)
  }

  /** How far both files were read. */
  get ends(): Offsets {
    return { stdout: this.#out.at, stderr: this.#err.at }
  }
}

function linesOfStderr(lines: Buffer[]): NewEvent[] {
  return lines.length === 0 ? [] : [{ type: 'stderr', message: lines.map(String).join('\n') }]
}

/** A line and the offset behind it. */
interface Line {
  bytes: Buffer
  end: number
}

class Stream {
  #file: Follower
  #logged: number
  #events: (lines: Buffer[]) => NewEvent[]
  #each: boolean
  #batch: Line[] = []
  #bytes = 0
  readonly #rest: () => NewEvent[]
  /** How far the file was read. */
  at: number

  constructor(
    path: string,
    from: number,
    logged: number,
    events: (lines: Buffer[]) => NewEvent[],
    each = false,
    rest: () => NewEvent[] = () => [],
  ) {
    this.#rest = rest
    this.#each = each
    this.#file = new Follower(path, { from, empty: true })
    this.#logged = logged
    this.#events = events
    this.at = from
  }

  take(log: LogWriter): void {
    for (const { bytes, offset, more } of this.#file.take()) this.#add(bytes, offset + bytes.length + (more ? 0 : 1), log)
    this.#flush(log)
  }

  end(log: LogWriter, livesOn: boolean): void {
    this.take(log)
    const rest = livesOn ? undefined : this.#file.takeRest()
    if (rest) this.#add(rest.bytes, rest.offset + rest.bytes.length, log)
    this.#flush(log)
    log.append(...this.#unlogged(this.#rest(), this.at))
  }

  /** Batches end where the log ends, so that nothing is given twice or left out. */
  #add(bytes: Buffer, end: number, log: LogWriter): void {
    this.#batch.push({ bytes, end })
    this.#bytes += bytes.length + 1
    this.at = end
    if (this.#bytes >= BATCH || end === this.#logged) this.#flush(log)
  }

  #flush(log: LogWriter): void {
    if (this.#batch.length === 0) return
    const parts = this.#each ? this.#batch.map(line => [line]) : [this.#batch]
    this.#batch = []
    this.#bytes = 0
    log.append(...parts.flatMap(lines => this.#eventsOf(lines)))
  }

  /** Every line goes through the reader, because its verdict needs them all; what the log has already gives no event. */
  #eventsOf(lines: Line[]): NewEvent[] {
    return this.#unlogged(this.#events(lines.map(({ bytes }) => bytes)), lines.at(-1)?.end ?? 0)
  }

  #unlogged(events: NewEvent[], end: number): NewEvent[] {
    const last = events.at(-1)
    return last && end > this.#logged ? [...events.slice(0, -1), { ...last, offset: end }] : []
  }
}

/** How far the log has the agent's files, for a run that begins at `from`. */
export function loggedOffsets(id: string, from: Offsets): Offsets {
  return {
    stdout: loggedOf(id, from.stdout, false),
    stderr: loggedOf(id, from.stderr, true),
  }
}

const OFFSET = Buffer.from('"offset":')
const STDERR = Buffer.from('{"type":"stderr"')

function loggedOf(id: string, from: number, ofStderr: boolean): number {
  let offset = from
  lastLine(paths.inSession(id, 'log.ndjson'), line => {
    if (!line.includes(OFFSET) || (line.indexOf(STDERR) === 0) !== ofStderr) return line.indexOf('{"type":"session_started"') === 0
    const event = parseLine(line)
    if (typeof event?.offset !== 'number') return false
    offset = Math.max(from, event.offset)
    return true
  })
  return offset
}
