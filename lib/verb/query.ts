// Questions to the log of one session: which of its events, told by kind, fields, number and time.

import { paths } from '../base/paths.js'
import type { LogEvent } from '../log/events.js'
import { endOfLog, eventOf, readEvents } from '../log/read.js'
import type { Filter } from '../session/filter.js'
import { lastLine } from '../store/lines.js'

export interface Query {
  /** Kinds and fields. */
  filter: Filter
  afterSeq?: number
  beforeSeq?: number
  /** Milliseconds since 1970. */
  since?: number
  /** Only so many, from the end. */
  last?: number
}

/** Calls `take` with each event that fits, in order. */
export function query(id: string, { filter, afterSeq, beforeSeq, since, last }: Query, take: (event: LogEvent) => void): void {
  const fits = (event: LogEvent) => filter.fits(event) && (since === undefined || Date.parse(event.ts) >= since)
  if (last !== undefined && afterSeq === undefined && beforeSeq === undefined) {
    for (const event of lastEvents(id, last, fits)) take(event)
    return
  }
  const kept: LogEvent[] = []
  readEvents(
    id,
    event => {
      if (beforeSeq !== undefined && event.seq >= beforeSeq) return false
      if (!fits(event)) return
      if (last === undefined) take(event)
      else if (kept.push(event) > last) kept.shift()
      return
    },
    { afterSeq, types: filter.types },
  )
  for (const event of kept) take(event)
}

/** The last events that fit, read from the end, which stays where it is while the log grows; the lines before it are only counted. */
function lastEvents(id: string, wanted: number, fits: (event: LogEvent) => boolean): LogEvent[] {
  const found: LogEvent[] = []
  if (wanted === 0) return found
  const end = endOfLog(id)
  lastLine(
    paths.inSession(id, 'log.ndjson'),
    (line, behind) => {
      const event = eventOf(line, end.line - behind, id)
      if (fits(event)) found.push(event)
      return found.length === wanted
    },
    { upTo: end.from },
  )
  return found.reverse()
}
