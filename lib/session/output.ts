// The agent's own output becoming events: its stdout and stderr files, read from where a run begins, through its provider's
// reader, into the log. The runner does this while the agent works; whoever finds a runner dead does it once more, for what
// the log does not have yet. The last event of each reading carries `offset`, the byte up to which the log has the file.

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
    this.#out = new Stream(paths.inSession(id, 'stdout'), from.stdout, logged.stdout, lines => reader.out(lines))
    this.#err = new Stream(paths.inSession(id, 'stderr'), from.stderr, logged.stderr, linesOfStderr)
  }

  /** Appends what the agent has written since; `atEnd` includes a last line without a newline. */
  take(atEnd = false): void {
    this.#out.take(this.#log, atEnd)
    this.#err.take(this.#log, atEnd)
  }

  /** How far stdout was read. */
  get stdoutEnd(): number {
    return this.#out.end
  }
}

function linesOfStderr(lines: Buffer[]): NewEvent[] {
  return lines.length === 0 ? [] : [{ type: 'stderr', message: lines.map(String).join('\n') }]
}

class Stream {
  #file: Follower
  #logged: number
  #events: (lines: Buffer[]) => NewEvent[]
  #batch: Buffer[] = []
  #bytes = 0
  end: number

  constructor(path: string, from: number, logged: number, events: (lines: Buffer[]) => NewEvent[]) {
    this.#file = new Follower(path, { from, empty: true })
    this.#logged = logged
    this.#events = events
    this.end = from
  }

  take(log: LogWriter, atEnd: boolean): void {
    for (const { bytes, offset, more } of this.#file.take()) this.#add(bytes, offset + bytes.length + (more ? 0 : 1), log)
    const rest = atEnd ? this.#file.takeRest() : undefined
    if (rest) this.#add(rest.bytes, rest.offset + rest.bytes.length, log)
    this.#flush(log)
  }

  /** Batches end where the log ends, so that nothing is given twice or left out. */
  #add(line: Buffer, end: number, log: LogWriter): void {
    this.#batch.push(line)
    this.#bytes += line.length
    this.end = end
    if (this.#bytes >= BATCH || end === this.#logged) this.#flush(log)
  }

  #flush(log: LogWriter): void {
    if (this.#batch.length === 0) return
    const events = this.#events(this.#batch)
    this.#batch = []
    this.#bytes = 0
    const last = events.at(-1)
    if (last && this.end > this.#logged) log.append(...events.slice(0, -1), { ...last, offset: this.end })
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
