// Reading the session files that agents keep for themselves, so that a conversation held without zag can be taken in.
//
// Nothing of a file is dropped: a line whose meaning is not known becomes a provider_status with the line in it, one that is no JSON
// a parse_warning. What a file says twice is taken once.

import type { NewEvent } from '../log/events.js'
import { isConversation, type Line } from './fields.js'

/** An event with the moment it happened. */
export interface Dated {
  /** RFC 3339 */
  ts: string
  event: NewEvent
}

/** What a session file comes to. */
export interface Transcript {
  provider: string
  /** The agent's own id of the conversation. */
  native_id: string
  cwd?: string
  model?: string
  events: Dated[]
}

/** Reads one kind of session file. */
export interface Scribe {
  /** Whether a line is one that only this kind has. */
  knows(line: Line): boolean
  /** A reader of one file: `take` gives the events of a line, `end` those that were still held back and what is known of the session. */
  reader(): { take(line: Line): NewEvent[]; end(): { events: NewEvent[]; native_id?: string; cwd?: string; model?: string } }
}

/** The transcript in the lines of a file; nothing if it is not of this kind. */
export function readTranscript(provider: string, scribe: Scribe, lines: readonly { text: string; line?: Line }[]): Transcript | undefined {
  if (!lines.some(({ line }) => line && scribe.knows(line))) return undefined
  const reader = scribe.reader()
  const events: Dated[] = []
  // Lines without a moment of their own happened when the one before them did.
  let ts = lines.map(({ line }) => momentOf(line)).find(moment => moment !== undefined) ?? '1970-01-01T00:00:00.000Z'
  for (const { text, line } of lines) {
    ts = momentOf(line) ?? ts
    const found = line ? reader.take(line) : [unparsed(text)]
    for (const event of found) events.push({ ts, event })
  }
  const { events: held, native_id, ...about } = reader.end()
  for (const event of held) events.push({ ts, event })
  return isConversation(native_id) ? { provider, native_id, ...about, events } : undefined
}

function momentOf(line: Line | undefined): string | undefined {
  const ms = typeof line?.timestamp === 'string' ? Date.parse(line.timestamp) : Number.NaN
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString()
}

const unparsed = (text: string): NewEvent => ({ type: 'parse_warning', message: 'a line of the session file is no JSON object', raw: text })
