// Reading the session files that agents keep for themselves, so that a conversation held without zag can be taken in.
//
// Nothing of a file is dropped: a line whose meaning is not known becomes a provider_status with the line in it, one that is no JSON
// a parse_warning. What a file says twice is taken once.

import type { NewEvent, ToolKind } from '../log/events.js'

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

export type Line = Record<string, unknown>

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
  return native_id === undefined ? undefined : { provider, native_id, ...about, events }
}

function momentOf(line: Line | undefined): string | undefined {
  const ms = typeof line?.timestamp === 'string' ? Date.parse(line.timestamp) : Number.NaN
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString()
}

const unparsed = (text: string): NewEvent => ({ type: 'parse_warning', message: 'a line of the session file is no JSON object', raw: text })

/** A line that has no other meaning here. */
export function status(message: string, data: unknown): NewEvent {
  return { type: 'provider_status', message, data }
}

/** A value as an object, without asking what is in it. */
export function fieldsOf(value: unknown): Line {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Line) : {}
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function listOf(value: unknown): Line[] {
  return Array.isArray(value) ? value.map(fieldsOf) : []
}

/** The calls of a file, so that a result can be told the tool it belongs to. */
export class Calls {
  #kinds: Readonly<Record<string, ToolKind>>
  #tools = new Map<string, string>()

  constructor(kinds: Readonly<Record<string, ToolKind>>) {
    this.#kinds = kinds
  }

  call(tool_id: string | undefined, tool: string, input: unknown): NewEvent {
    if (tool_id !== undefined) this.#tools.set(tool_id, tool)
    return { type: 'tool_call', tool_id, tool, tool_kind: this.#kindOf(tool), input }
  }

  result(tool_id: string | undefined, success: boolean, output: unknown): NewEvent {
    const tool = this.#tools.get(tool_id ?? '') ?? 'unknown'
    const error = success ? undefined : typeof output === 'string' ? output : JSON.stringify(output)
    return { type: 'tool_result', tool_id, tool, tool_kind: this.#kindOf(tool), success, ...(success ? { output } : { error }) }
  }

  #kindOf(tool: string): ToolKind {
    return Object.hasOwn(this.#kinds, tool) ? (this.#kinds[tool] as ToolKind) : 'other'
  }
}
