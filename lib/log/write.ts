// Appending to a session's log: one write of whole lines, `type` first so that readers can find a kind of event by its bytes.
//
// Any process may append to any log at any time. A text too long for a line goes to a file beside the log, and the field
// keeps its head and tail and says so: nothing is cut silently.

import { join } from 'node:path'
import { newId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { timestamp } from '../base/time.js'
import { makeFolder, writeNew } from '../store/file.js'
import { Appender } from '../store/lines.js'
import type { NewEvent, Spilled, Stamp } from './events.js'

/** A text of more bytes is spilled. */
export const LONGEST_FIELD = 256 * 1024
const HEAD_AND_TAIL = 32 * 1024

/** An open log of one session. Close it when done. */
export class LogWriter {
  readonly id: string
  readonly parent: string | undefined
  #file: Appender

  constructor(id: string, parent?: string) {
    this.id = id
    this.parent = parent
    this.#file = new Appender(paths.inSession(id, 'log.ndjson'))
  }

  /** Appends the events with one write, in their order, stamped now. Throws a Fault (5) if the disk refuses. */
  append(...events: NewEvent[]): void {
    if (events.length === 0) return
    const ts = timestamp()
    const stamp = { ts, session_id: this.id, parent_id: this.parent }
    this.#file.append(events.map(event => logLine(event, stamp, (path, bytes) => keep(this.id, path, bytes))))
  }

  close(): void {
    this.#file.close()
  }
}

/** Appends to the log of a session once. */
export function appendEvents(id: string, parent: string | undefined, ...events: NewEvent[]): void {
  const log = new LogWriter(id, parent)
  try {
    log.append(...events)
  } finally {
    log.close()
  }
}

/** The line of an event as it is stored. `keep` gets each text that is too long for it, with its path below the session's folder. */
export function logLine(event: NewEvent, stamp: Stamp, keep: (path: string, bytes: Buffer) => void): string {
  const { type, ...fields } = spill(event, keep)
  return JSON.stringify({ type, ...stamp, ...fields })
}

function keep(id: string, path: string, bytes: Buffer): void {
  makeFolder(paths.inSession(id, 'spill'))
  writeNew(join(paths.session(id), path), bytes)
}

/** The event with every text over the limit moved into a file of the session's spill folder. */
function spill(event: NewEvent, keep: (path: string, bytes: Buffer) => void): NewEvent {
  const long = Object.entries(event).filter(([, value]) => typeof value === 'string' && value.length > LONGEST_FIELD / 3)
  let result = event
  for (const [field, value] of long as [string, string][]) {
    const bytes = Buffer.from(value)
    if (bytes.length <= LONGEST_FIELD || event.spilled?.[field]) continue
    const path = join('spill', `${newId()}-${field}`)
    keep(path, bytes)
    result = shorten(result, field, { path, bytes: bytes.length })
  }
  return result
}

/** The event with `field` cut to head and tail, naming the file that has the whole. */
export function shorten(event: NewEvent, field: string, whole: Spilled): NewEvent {
  const text = String((event as unknown as Record<string, unknown>)[field])
  const cut = headAndTail(text, HEAD_AND_TAIL, `the whole (${whole.bytes} bytes) is in ${whole.path}`)
  return {
    ...event,
    [field]: cut,
    spilled: { ...event.spilled, [field]: whole },
  }
}

/** The first and last bytes, at most `keep` of each and no character cut, with a line between them that says how much is missing and where the whole is. */
export function headAndTail(text: string, keep: number, where: string): string {
  const bytes = Buffer.from(text)
  const isInside = (at: number) => ((bytes[at] ?? 0) & 0xc0) === 0x80
  let [head, tail] = [keep, bytes.length - keep]
  while (isInside(head)) head -= 1
  while (isInside(tail)) tail += 1
  return `${bytes.subarray(0, head)}\n[... ${tail - head} bytes left out; ${where} ...]\n${bytes.subarray(tail)}`
}
