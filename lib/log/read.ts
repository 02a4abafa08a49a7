// Reading a session's log: events with their line numbers, the last event of a kind, and what is new since.
//
// Nothing after the last newline is read: it is still being written, or torn. A line that does not parse is given as a
// parse_warning in its place, so that numbers stay right and nothing is silently missing.

import { paths } from '../base/paths.js'
import { countLines, lastLine, parseLine, scan } from '../store/lines.js'
import type { EventOf, EventType, LogEvent } from './events.js'

/** The last start or end of a run: the last line of these two kinds, or nothing if there is none, or none in the last `within` bytes. */
export function lastTurningPoint(id: string, within?: number): EventOf<'session_started'> | EventOf<'session_ended'> | undefined {
  return lastOf(id, ['session_started', 'session_ended'], within)
}

/** The last event of the given kinds, found from the end. */
export function lastOf<T extends EventType>(id: string, types: T[], within?: number): EventOf<T> | undefined {
  const heads = types.map(headOf)
  const found = lastLine(
    paths.inSession(id, 'log.ndjson'),
    line => heads.some(head => startsWith(line, head)) && parseLine(line) !== undefined,
    within,
  )
  return found && (parseLine(found.line) as unknown as EventOf<T>)
}

/** Calls `take` with each event from line `afterSeq` + 1 on, until it returns false. Only lines of `types`, if given, are parsed. */
export function readEvents(
  id: string,
  take: (event: LogEvent) => boolean | undefined,
  options: { afterSeq?: number; types?: string[] } = {},
): void {
  const heads = options.types?.map(headOf)
  const { afterSeq = 0 } = options
  scan(paths.inSession(id, 'log.ndjson'), {}, (line, _offset, number) => {
    if (number <= afterSeq || (heads && !heads.some(head => startsWith(line, head)) && !mayBeOddlyOrdered(line))) return
    const event = eventOf(line, number, id)
    if (options.types && !options.types.includes(event.type)) return
    return take(event)
  })
}

/** The event of a line, or a parse_warning that carries it. */
export function eventOf(line: Buffer, seq: number, id: string): LogEvent {
  const event = parseLine(line) as unknown as LogEvent | undefined
  if (event && typeof event.type === 'string') return { ...event, seq }
  return {
    type: 'parse_warning',
    ts: '',
    session_id: id,
    message: `line ${seq} is no event`,
    raw: line.toString('utf8', 0, 2000),
    seq,
  }
}

const headOf = (type: string) => Buffer.from(`{"type":${JSON.stringify(type)}`)
const startsWith = (line: Buffer, head: Buffer) => line.length >= head.length && line.compare(head, 0, head.length, 0, head.length) === 0

/** Lines of other writers may have `type` elsewhere; ours begin with it. A torn line is one too. */
const TYPE_FIRST = Buffer.from('{"type":"')
const mayBeOddlyOrdered = (line: Buffer) => !startsWith(line, TYPE_FIRST)

/** How many lines a log has. */
export function countEvents(id: string): number {
  return countLines(paths.inSession(id, 'log.ndjson'))
}
