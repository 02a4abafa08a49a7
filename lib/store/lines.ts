// Files of lines (NDJSON): appended by many processes at once, read while they grow.
//
// An append is one O_APPEND write of whole lines, so lines of different writers never mix. A kill or a full disk can leave
// a torn line at the end: the next writer ends it, and no reader is given what follows the last newline. Two writers may both
// end it, which leaves an empty line: such a line is counted, so numbers of lines agree everywhere, but not given.
// Offsets are bytes from the start of the file; lines are numbered from 1 and given without their newline.

import { closeSync, fchmodSync, fstatSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { codeOf, EXIT, Fault, quoted, refused } from '../base/exit.js'
import { sizeIfThere } from './file.js'

const NEWLINE = 10
/** The most that goes into one write: below it writes were never seen in part, by readers or after a kill. */
const BATCH = 1 << 20
const CHUNK = 1 << 18
/** After this much by others at once, a writer no longer looks where its own line came to lie. */
const LOOK = 64 << 20

/** Appends lines and closes the file again. */
export function appendLines(path: string, lines: readonly string[]): void {
  const file = new Appender(path)
  try {
    file.append(lines)
  } finally {
    file.close()
  }
}

/** A file open for appending; made with mode 0600 if it is not there. */
export class Appender {
  readonly #path: string
  readonly #fd: number
  /** the size after the last append if nobody else wrote meanwhile: then the last byte is known */
  #left = -1

  constructor(path: string) {
    this.#path = path
    this.#fd = this.#try(() => openSync(path, 'a+', 0o600))
    const { size, mode } = this.#try(() => fstatSync(this.#fd))
    // A strict umask takes bits away even from the owner.
    if (size === 0 && (mode & 0o777) !== 0o600) this.#try(() => fchmodSync(this.#fd, 0o600))
  }

  /**
   * Appends whole lines: in one write up to 1 MiB, in several of whole lines beyond. Throws a Fault (exit 5) if they do not fit
   * on the disk; then some lines may have been written, and one in part. A line that is empty or holds a newline is a bug.
   */
  append(lines: readonly string[]): void {
    for (const bytes of batches(lines)) this.#try(() => this.#write(bytes))
  }

  /** Whether another file, or none, has the path by now: what was appended went to the one that had it before. */
  moved(): boolean {
    return this.#try(() => {
      const there = statSync(this.#path, { throwIfNoEntry: false })
      const mine = fstatSync(this.#fd)
      return there?.ino !== mine.ino || there.dev !== mine.dev
    })
  }

  close(): void {
    closeSync(this.#fd)
  }

  #write(bytes: Buffer): void {
    const before = fstatSync(this.#fd).size
    const torn = before !== this.#left && !this.#endsLine(before)
    const whole = torn ? Buffer.concat([Buffer.of(NEWLINE), bytes]) : bytes
    this.#left = -1
    const written = writeSync(this.#fd, whole)
    if (written < whole.length) {
      throw new Fault(
        `cannot write ${quoted(this.#path)}: no space left on device, ${written} of ${whole.length} bytes fitted`,
        EXIT.system,
      )
    }
    const after = fstatSync(this.#fd).size
    if (after === before + whole.length) this.#left = after
    // Somebody's line was torn between the look at the last byte and the write: ours hangs on to it and is written again.
    else if (!torn && !this.#landed(whole, before, after)) this.#write(bytes)
  }

  #endsLine(size: number): boolean {
    const last = Buffer.allocUnsafe(1)
    return size === 0 || readSync(this.#fd, last, 0, 1, size - 1) === 0 || last[0] === NEWLINE
  }

  /** Whether the bytes stand in [before, after) at the beginning of a line. */
  #landed(bytes: Buffer, before: number, after: number): boolean {
    if (after < before || after - before > LOOK) return true
    const start = Math.max(0, before - 1)
    const region = Buffer.allocUnsafe(after - start)
    const seen = region.subarray(0, readSync(this.#fd, region, 0, region.length, start))
    for (let at = seen.indexOf(bytes); at >= 0; at = seen.indexOf(bytes, at + 1)) {
      if (start + at === 0 || seen[at - 1] === NEWLINE) return true
    }
    return false
  }

  #try<T>(act: () => T): T {
    try {
      return act()
    } catch (error) {
      throw refused(`cannot write ${quoted(this.#path)}`, error)
    }
  }
}

function* batches(lines: readonly string[]): Generator<Buffer> {
  const bad = lines.find(line => line === '' || line.includes('\n'))
  if (bad !== undefined) throw new Error(`a line is empty or holds a newline: ${quoted(bad)}`)
  let text = ''
  for (const line of lines) {
    if (text !== '' && text.length + line.length >= BATCH) {
      yield Buffer.from(text)
      text = ''
    }
    text += `${line}\n`
  }
  if (text !== '') yield Buffer.from(text)
}

/** The object a line holds, or undefined if it holds anything else. */
export function parseLine(line: Buffer | string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line.toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    // Not JSON, or longer than a string can be: a bad line, which the caller counts.
    return undefined
  }
}

export interface ScanOptions {
  /** offset of the line to begin with */
  from?: number
  /** how many lines stand before it */
  line?: number
  /** bytes to read at once */
  chunk?: number
}

/**
 * Gives the lines of a file as it is now, from the first on, until `onLine` returns false. The buffer is valid only during
 * the call. Returns where it stopped: the offset behind the last line given, and that line's number. A missing file has no lines.
 */
export function scan(
  path: string,
  { from = 0, line = 0, chunk }: ScanOptions,
  onLine: (line: Buffer, offset: number, number: number) => boolean | undefined,
): { end: number; lines: number } {
  let lines = line
  let end = from
  scanBlocks(path, { from, chunk }, (block, offset) => {
    for (let start = 0; start < block.length; ) {
      const stop = block.indexOf(NEWLINE, start)
      lines += 1
      end = offset + stop + 1
      if (stop > start && onLine(block.subarray(start, stop), offset + start, lines) === false) return false
      start = stop + 1
    }
    return true
  })
  return { end, lines }
}

/**
 * Gives a file as it is now in blocks of whole lines, newlines included, until `onBlock` returns false: for searches, which look at
 * whole blocks first. The buffer is valid only during the call. What follows the last newline is not given.
 */
export function scanBlocks(
  path: string,
  { from = 0, chunk = CHUNK }: { from?: number; chunk?: number },
  onBlock: (block: Buffer, offset: number) => boolean | undefined,
): void {
  withFile(path, (fd, size) => {
    let buffer = Buffer.allocUnsafe(Math.max(1, Math.min(chunk, size - from)))
    let held = 0
    for (let offset = from; offset + held < size; ) {
      if (held === buffer.length) buffer = Buffer.concat([buffer], held * 2)
      const count = readSync(fd, buffer, held, Math.min(buffer.length - held, size - offset - held), offset + held)
      if (count === 0) return
      const cut = buffer.subarray(held, held + count).lastIndexOf(NEWLINE)
      const whole = cut < 0 ? 0 : held + cut + 1
      held += count
      if (whole === 0) continue
      if (onBlock(buffer.subarray(0, whole), offset) === false) return
      buffer.copyWithin(0, whole, held)
      offset += whole
      held -= whole
    }
  })
}

/**
 * The last line that fits, looked for from the end; its cost is that of the lines behind it. `wanted` is also told how many lines
 * are behind the one it is asked about, empty ones included. Undefined if none fits, or none that begins in the last `within` bytes,
 * if given. With `upTo` the end is there, where a line has to end, although more may follow.
 */
export function lastLine(
  path: string,
  wanted: (line: Buffer, behind: number) => boolean,
  { within = Number.POSITIVE_INFINITY, upTo = Number.POSITIVE_INFINITY } = {},
): { line: Buffer; offset: number } | undefined {
  return withFile(path, (fd, size) => {
    const last = Math.min(size, upTo)
    let end = last
    let window = 4096
    let behind = 0
    // With the end of the line before, which says that the first is whole.
    const first = Math.max(0, last - within - 1)
    while (end > first) {
      const start = Math.max(first, end - window)
      const buffer = Buffer.allocUnsafe(end - start)
      const seen = buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, start))
      const { found, rest, lines } = lastIn(seen, start === 0, behind, wanted)
      behind = lines
      if (found) return { line: seen.subarray(found.start, found.stop), offset: start + found.start }
      if (start === first) return undefined
      // Without progress a line is longer than the window; with it, wide windows are only for speed.
      window = rest === seen.length ? window * 4 : Math.min(window * 4, BATCH)
      end = start + rest
    }
    return undefined
  })
}

/**
 * Looks through the whole lines of a window from its end. `rest` is how much of it, at the beginning, is still to be looked at;
 * `lines` is how many lines are behind that.
 */
function lastIn(
  seen: Buffer,
  atStart: boolean,
  behind: number,
  wanted: (line: Buffer, behind: number) => boolean,
): { found?: { start: number; stop: number }; rest: number; lines: number } {
  let stop = seen.lastIndexOf(NEWLINE)
  if (stop < 0) return { rest: seen.length, lines: behind }
  for (let lines = behind; ; lines++) {
    const before = stop === 0 ? -1 : seen.lastIndexOf(NEWLINE, stop - 1)
    if (before < 0 && !atStart) return { rest: stop + 1, lines }
    const start = before + 1
    if (stop > start && wanted(seen.subarray(start, stop), lines)) return { found: { start, stop }, rest: 0, lines }
    if (before < 0) return { rest: 0, lines }
    stop = before
  }
}

/** At most the last so many bytes of a file, none of them before `from`; nothing if there is no file. */
export function tailOf(path: string, bytes: number, from = 0): Buffer {
  const read = (fd: number, size: number) => {
    const start = Math.max(from, size - bytes)
    const buffer = Buffer.alloc(Math.max(0, size - start))
    return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, start))
  }
  return withFile(path, read) ?? Buffer.alloc(0)
}

/** Runs `use` with the open file and its size; undefined if there is no file. Errors of reading become Faults. */
export function withFile<T>(path: string, use: (fd: number, size: number) => T): T | undefined {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw refused(`cannot read ${quoted(path)}`, error)
  }
  try {
    return use(fd, fstatSync(fd).size)
  } catch (error) {
    // Only what a system call threw is about this file; an error of the caller's own function is passed on.
    if ((error as NodeJS.ErrnoException)?.syscall === 'read') throw refused(`cannot read ${quoted(path)}`, error)
    throw error
  } finally {
    closeSync(fd)
  }
}

/** A line that a Follower gives. Its buffer may be kept. */
export interface Line {
  bytes: Buffer
  /** where it begins */
  offset: number
  number: number
  /** the line was too long to be given whole: it goes on in the next one given, which has the same number */
  more: boolean
}

export interface FollowOptions extends ScanOptions {
  /** bytes of a line that are kept in memory before they are given as a part; 16 MiB */
  longest?: number
  /** empty lines are given too: they are part of a text, though of no log */
  empty?: boolean
}

/**
 * Gives the whole lines that were added to a file since it last looked. It keeps no file open and does not watch: whoever has
 * learnt that something changed calls take(). A file that became shorter is read again from its beginning.
 */
export class Follower {
  readonly #path: string
  readonly #chunk: number
  readonly #longest: number
  readonly #empty: boolean
  /** how far the file was read */
  #at: number
  /** what was read of the line that has no end yet */
  #held: Buffer[] = []
  #heldBytes = 0
  /** the beginning of that line was given already */
  #parted = false
  #lines: number

  constructor(path: string, { from = 0, line = 0, chunk = CHUNK, longest = 16 << 20, empty = false }: FollowOptions = {}) {
    this.#path = path
    this.#at = from
    this.#lines = line
    this.#chunk = chunk
    this.#longest = longest
    this.#empty = empty
  }

  /** The offset behind the last line given: where another Follower can go on. */
  get offset(): number {
    return this.#at - this.#heldBytes
  }

  /** The number of the last whole line given. */
  get lines(): number {
    return this.#lines
  }

  /** Whether the file has another size than when it was last read, or is gone: for whoever looks at many. */
  get moved(): boolean {
    try {
      return statSync(this.#path, { throwIfNoEntry: false })?.size !== this.#at
    } catch {
      // take() tells what is wrong with it.
      return true
    }
  }

  /** All whole lines not given yet. Whoever leaves the loop early is given the rest next time. Throws a Fault if the file cannot be read. */
  *take(): Generator<Line, void, undefined> {
    for (let chunk = this.#read(); chunk; chunk = this.#read()) yield* this.#split(chunk)
  }

  /** What follows the last newline, as a last line: for a file whose writer is gone. Call it when take() has given all. */
  takeRest(): Line | undefined {
    if (this.#heldBytes === 0 && !this.#parted) return undefined
    this.#lines += 1
    return this.#release(undefined, this.#lines, false)
  }

  #read(): Buffer | undefined {
    const size = sizeIfThere(this.#path) ?? this.#at
    try {
      if (size < this.#at) this.#restart()
      if (size === this.#at) return undefined
      const fd = openSync(this.#path, 'r')
      try {
        // A buffer of its own for each chunk, because lines given are parts of it.
        const chunk = Buffer.allocUnsafe(Math.min(this.#chunk, size - this.#at))
        const count = readSync(fd, chunk, 0, chunk.length, this.#at)
        return count === 0 ? undefined : chunk.subarray(0, count)
      } finally {
        closeSync(fd)
      }
    } catch (error) {
      // Removed between the two calls: nothing more comes.
      if (codeOf(error) === 'ENOENT') return undefined
      throw refused(`cannot read ${quoted(this.#path)}`, error)
    }
  }

  /** State is moved on before each yield, so that nothing is lost or given twice if the caller stops there. */
  *#split(chunk: Buffer): Generator<Line, void, undefined> {
    const base = this.#at
    let start = 0
    for (let stop = chunk.indexOf(NEWLINE); stop >= 0; stop = chunk.indexOf(NEWLINE, start)) {
      const piece = chunk.subarray(start, stop)
      start = stop + 1
      this.#lines += 1
      const given = this.#empty || piece.length + this.#heldBytes > 0 || this.#parted
      const line = this.#release(piece, this.#lines, false)
      this.#at = base + start
      line.offset = this.#at - 1 - line.bytes.length
      if (given) yield line
    }
    if (start < chunk.length) {
      this.#held.push(chunk.subarray(start))
      this.#heldBytes += chunk.length - start
    }
    this.#at = base + chunk.length
    if (this.#heldBytes >= this.#longest) yield this.#release(undefined, this.#lines + 1, true)
  }

  /** The held bytes with `piece` behind them as one line; nothing is held afterwards. */
  #release(piece: Buffer | undefined, number: number, more: boolean): Line {
    const offset = this.#at - this.#heldBytes
    const parts = piece ? [...this.#held, piece] : this.#held
    const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
    this.#held = []
    this.#heldBytes = 0
    this.#parted = more
    return { bytes, offset, number, more }
  }

  #restart(): void {
    this.#at = 0
    this.#lines = 0
    this.#held = []
    this.#heldBytes = 0
    this.#parted = false
  }
}
