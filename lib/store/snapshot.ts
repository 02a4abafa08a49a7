// A snapshot: rows of a table in one file that is written once and never changed.
//
// First line a header, then the live rows, then the final ones in the order of their ids. The header says how long the live part
// is and what ids the final part ends with, so whoever wants only live rows reads only those, and one final row is found
// by halving; neither costs more because many sessions are over.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { codeOf, EXIT, Fault, quoted, refused } from '../base/exit.js'
import { parseLine } from './lines.js'

const NEWLINE = 10
const FIRST_READ = 64 * 1024

export interface SnapshotRow {
  id: string
}

interface Header {
  live_bytes: number
  live_rows: number
  final_rows: number
  /** the greatest id of the final part; nothing after it needs to be looked for there */
  final_last?: string
  /** the files whose rows are in here: left over by a kill, they no longer count */
  folded: string[]
}

/** The text of a snapshot. Rows must be one an id. */
export function snapshotText<Row extends SnapshotRow>(
  rows: Iterable<Row>,
  isLive: (row: Row) => boolean,
  folded: readonly string[],
): string {
  const live: string[] = []
  const final: Row[] = []
  for (const row of rows) {
    if (isLive(row)) live.push(`${JSON.stringify(row)}\n`)
    else final.push(row)
  }
  final.sort((a, b) => (a.id < b.id ? -1 : 1))
  const liveText = live.join('')
  const header: Header = {
    live_bytes: Buffer.byteLength(liveText),
    live_rows: live.length,
    final_rows: final.length,
    final_last: final.at(-1)?.id,
    folded: [...folded],
  }
  return `${JSON.stringify(header)}\n${liveText}${final.map(row => `${JSON.stringify(row)}\n`).join('')}`
}

/** A snapshot open for reading. */
export class Snapshot {
  readonly #path: string
  readonly #fd: number
  readonly #size: number
  readonly #header: Header
  /** where the live part begins, and the final one */
  readonly #live: number
  readonly #final: number

  /** The snapshot of that path, or undefined if there is none (any more). Throws a Fault (exit 5) if its header is damaged. */
  static open(path: string): Snapshot | undefined {
    try {
      return new Snapshot(path)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw refused(`cannot read ${quoted(path)}`, error)
    }
  }

  private constructor(path: string) {
    this.#path = path
    this.#fd = openSync(path, 'r')
    try {
      this.#size = fstatSync(this.#fd).size
      const first = this.#firstLine()
      const header = first && headerOf(first)
      this.#live = first ? first.length + 1 : 0
      this.#final = this.#live + (header?.live_bytes ?? 0)
      if (!header || this.#final > this.#size) throw this.#damaged()
      this.#header = header
    } catch (error) {
      closeSync(this.#fd)
      throw error
    }
  }

  get folded(): readonly string[] {
    return this.#header.folded
  }

  /** The lines of the live rows. */
  live(): Buffer {
    return this.#read(this.#live, this.#final)
  }

  /** The lines of the final rows. */
  final(): Buffer {
    return this.#read(this.#final, this.#size)
  }

  /** The final row of an id, if there is one. Throws a Fault (exit 5) if it comes upon a line that is no row. */
  findFinal(id: string): Record<string, unknown> | undefined {
    const last = this.#header.final_last
    if (last === undefined || id > last) return undefined
    let low = this.#final
    let high = this.#size
    // Lines that begin in [low, high) are still possible; each step reads the first that begins behind the middle.
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const line = this.#lineFrom(middle, low)
      if (line.start >= high) {
        high = middle
        continue
      }
      const row = parseLine(line.bytes)
      if (typeof row?.id !== 'string') throw this.#damaged()
      if (row.id === id) return row
      if (row.id < id) low = line.end
      else high = middle
    }
    return undefined
  }

  close(): void {
    closeSync(this.#fd)
  }

  /** The first line that begins at or behind `from`, where `floor` is known as the beginning of one. */
  #lineFrom(from: number, floor: number): { start: number; end: number; bytes: Buffer } {
    const start = from <= floor ? floor : this.#newlineFrom(from - 1) + 1
    const end = this.#newlineFrom(start) + 1
    return { start, end, bytes: this.#read(start, Math.max(start, end - 1)) }
  }

  /** Where the first newline at or behind an offset is; the size if there is none. */
  #newlineFrom(from: number): number {
    for (let at = from, window = 512; at < this.#size; window *= 4) {
      const seen = this.#read(at, Math.min(this.#size, at + window))
      const found = seen.indexOf(NEWLINE)
      if (found >= 0) return at + found
      at += seen.length
    }
    return this.#size
  }

  #firstLine(): Buffer | undefined {
    for (let length = FIRST_READ; ; length *= 4) {
      const seen = this.#read(0, Math.min(length, this.#size))
      const stop = seen.indexOf(NEWLINE)
      if (stop >= 0) return seen.subarray(0, stop)
      if (length >= this.#size) return undefined
    }
  }

  #read(from: number, to: number): Buffer {
    const bytes = Buffer.allocUnsafe(to - from)
    let count = 0
    while (count < bytes.length) {
      const more = readSync(this.#fd, bytes, count, bytes.length - count, from + count)
      if (more === 0) throw this.#damaged()
      count += more
    }
    return bytes
  }

  #damaged(): Fault {
    return new Fault(`table file ${quoted(this.#path)} is damaged: run zag doctor --repair`, EXIT.system)
  }
}

function headerOf(line: Buffer): Header | undefined {
  const header = parseLine(line)
  if (!header || !Number.isSafeInteger(header.live_bytes) || (header.live_bytes as number) < 0) return undefined
  const { folded, final_last: last } = header
  if (!Array.isArray(folded) || (last !== undefined && typeof last !== 'string')) return undefined
  return header as unknown as Header
}
