// Reading a session's log: events with their line numbers, the last event of a kind, and what is new since.
//
// Nothing after the last newline is read: it is still being written, or torn. A line that does not parse is given as a
// parse_warning in its place, so that numbers stay right and nothing is silently missing.

import { paths } from '../base/paths.js'
import { wordOf } from '../base/word.js'
import { countLines } from '../store/count.js'
import { lastLine, parseLine, scan } from '../store/lines.js'
import type { EventOf, EventType, LogEvent } from './events.js'

/** The last start or end of a run: the last line of these two kinds, or nothing if there is none, or none in the last `within` bytes. */
export function lastTurningPoint(id: string, within?: number): EventOf<'session_started'> | EventOf<'session_ended'> | undefined {
  // A line that somebody else wrote, with something else for a run, is no word on the state.
  return lastOf(id, ['session_started', 'session_ended'], within, ({ run }) => typeof run !== 'object')
}

/** The last event of the given kinds that is fit to be taken, found from the end. */
export function lastOf<T extends EventType>(
  id: string,
  types: T[],
  within?: number,
  isFit: (event: Record<string, unknown>) => boolean = () => true,
): EventOf<T> | undefined {
  const heads = types.map(headOf)
  const found = lastLine(
    paths.inSession(id, 'log.ndjson'),
    line => {
      const event = heads.some(head => startsWith(line, head)) ? parseLine(line) : undefined
      return event !== undefined && isFit(event)
    },
    { within },
  )
  return found && (parseLine(found.line) as unknown as EventOf<T>)
}

/** Where reading goes on: an offset at which a line begins, and how many lines stand before it. */
export interface Position {
  from: number
  line: number
}

/** The end of what is in the log now. */
export function endOfLog(id: string): Position {
  return positionAfter(id, () => true)
}

/** The end of the last run that ended before a moment (milliseconds since 1970), or the beginning of the log. */
export function lastEndBefore(id: string, moment: number): Position {
  const isEnd = isOfKind(['session_ended'])
  return positionAfter(id, line => isEnd(line) && Date.parse(wordOf(parseLine(line)?.ts)) <= moment)
}

function positionAfter(id: string, wanted: (line: Buffer) => boolean): Position {
  const path = paths.inSession(id, 'log.ndjson')
  const last = lastLine(path, wanted)
  const from = last ? last.offset + last.line.length + 1 : 0
  return { from, line: countLines(path, from) }
}

/** Tells by its bytes whether a line can be an event of one of these kinds: for readers that parse no others. */
export function mayBeOf(types: readonly string[]): (line: Buffer) => boolean {
  // What is no event is given as one of these, whatever it begins with.
  if (types.includes('parse_warning')) return () => true
  const isOf = isOfKind(types)
  return line => isOf(line) || mayBeOddlyOrdered(line)
}

/** Tells by its bytes whether a line is an event of one of these kinds that zag wrote. */
export function isOfKind(types: readonly string[]): (line: Buffer) => boolean {
  const heads = types.map(headOf)
  return line => heads.some(head => startsWith(line, head))
}

/** Calls `take` with each event from line `afterSeq` + 1 on, until it returns false. Only lines of `types`, if given, are parsed. */
export function readEvents(
  id: string,
  take: (event: LogEvent) => boolean | undefined,
  options: { afterSeq?: number; types?: string[] } = {},
): void {
  const mayBe = options.types && mayBeOf(options.types)
  const { afterSeq = 0 } = options
  scan(paths.inSession(id, 'log.ndjson'), {}, (line, _offset, number) => {
    if (number <= afterSeq || (mayBe && !mayBe(line))) return
    const event = eventOf(line, number, id)
    if (options.types && !options.types.includes(event.type)) return
    return take(event)
  })
}

/**
 * Calls `take` with each line of these kinds and its kind, in order; the event of it is parsed only when it is asked for. A line of zag's
 * that a kill cut off may be among them.
 */
export function readKinds(id: string, types: readonly string[], take: (type: string, line: Buffer, event: () => LogEvent) => void): void {
  const heads = types.map(type => ({ type, head: headOf(type) }))
  scan(paths.inSession(id, 'log.ndjson'), {}, (line, _offset, number) => {
    const kind = heads.find(({ head }) => startsWith(line, head))
    if (kind && line[line.length - 1] === CLOSING) take(kind.type, line, () => eventOf(line, number, id))
    else if (!kind && mayBeOddlyOrdered(line)) {
      const event = eventOf(line, number, id)
      if (types.includes(event.type)) take(event.type, line, () => event)
    }
    return undefined
  })
}

const CLOSING = '}'.charCodeAt(0)

/** The event of a line, or a parse_warning that carries it. */
export function eventOf(line: Buffer, seq: number, id: string): LogEvent {
  const event = parseLine(line) as unknown as LogEvent | undefined
  if (event && typeof event.type === 'string') return Object.assign(event, { seq })
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

/** Byte by byte, which for so few is quicker than to ask Buffer. */
function startsWith(line: Buffer, head: Buffer): boolean {
  if (line.length < head.length) return false
  for (let at = 0; at < head.length; at++) if (line[at] !== head[at]) return false
  return true
}

/** Lines of other writers may have `type` elsewhere; ours begin with it. A torn line is one too. */
const TYPE_FIRST = Buffer.from('{"type":"')
const mayBeOddlyOrdered = (line: Buffer) => !startsWith(line, TYPE_FIRST)

/** How many lines a log has. */
export function countEvents(id: string): number {
  return countLines(paths.inSession(id, 'log.ndjson'))
}
