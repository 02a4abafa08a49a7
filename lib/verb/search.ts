// Finding a text in the logs of sessions: in every string of an event but its kind, its time and its ids. Where a field was too
// long for the log, the file that holds the whole of it is searched.
//
// Only lines whose bytes may hold the text are parsed (store/sweep.ts).

import { join } from 'node:path'
import { usage } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { wordOf } from '../base/word.js'
import type { Spilled, ToolKind } from '../log/events.js'
import { LONGEST_FIELD } from '../log/write.js'
import { readIfThere, sizeIfThere } from '../store/file.js'
import { parseLine } from '../store/lines.js'
import { sweeper } from '../store/sweep.js'
import { readIfIntact } from '../table/sessions.js'
import { certainPart, patternOf } from './pattern.js'

/** Who speaks in an event, and which kinds of events are theirs. */
export const ROLES = {
  user: ['user_message'],
  assistant: ['assistant_message'],
  reasoning: ['reasoning'],
  tool: ['tool_call', 'tool_result'],
  stderr: ['stderr'],
  event: ['user_event'],
} as const satisfies Record<string, readonly string[]>
export type Role = keyof typeof ROLES

export interface Wanted {
  text: string
  /** The text is a regular expression. */
  regex?: boolean
  caseSensitive?: boolean
  role?: Role
  /** The name of a tool, and a kind of tools. */
  tool?: string
  toolKind?: ToolKind
  /** Milliseconds since 1970: events of these two moments and between them. */
  from?: number
  to?: number
}

/** An event that has the text. */
export interface Hit {
  session_id: string
  name: string | null
  /** The number of its line in the log. */
  seq: number
  ts: string
  type: string
  /** The field that has it, such as `content` or `input.command`; empty for a line that is no event. */
  field: string
  /** The line of the field that has it, cut around it if it is long. */
  text: string
  /** Where in `text` it is. */
  at: number
  length: number
}

type Event = Record<string, unknown>

/** Gives each event that has the text, session by session in the order given, until `take` returns false. Throws usage. */
export function search(ids: readonly string[], wanted: Wanted, take: (hit: Hit) => boolean | undefined): void {
  const { text, regex = false, caseSensitive, from, to } = wanted
  if (from !== undefined && to !== undefined && from > to) throw usage('--from is later than --to')
  const anyCase = !caseSensitive
  const pattern = patternOf(text, { regex, anyCase })
  const part = Buffer.from(certainPart(text, { regex, anyCase }))
  const plain = sweeper([part], { anyCase })
  const spilled = sweeper([part, SPILLED], { anyCase })
  let more = true
  for (const id of ids) {
    if (!more) return
    let name: string | null | undefined
    const sweep = hasSpilled(id) ? spilled : plain
    sweep(paths.inSession(id, 'log.ndjson'), (line, seq) => {
      const hit = hitIn(line, id, pattern, wanted)
      if (!hit) return
      if (name === undefined) name = readIfIntact(id)?.name ?? null
      more = take({ session_id: id, name, seq, ...hit }) !== false
      return more
    })
  }
}

const SPILLED = Buffer.from('"spilled":')

/** Whether texts of the session lie beside its log; the prompt does from a certain length on. */
function hasSpilled(id: string): boolean {
  return sizeIfThere(paths.inSession(id, 'spill')) !== undefined || (sizeIfThere(paths.inSession(id, 'prompt')) ?? 0) > LONGEST_FIELD
}

function hitIn(line: Buffer, id: string, pattern: RegExp, wanted: Wanted): Omit<Hit, 'session_id' | 'name' | 'seq'> | undefined {
  const event = parseLine(line)
  const isEvent = event !== undefined && typeof event.type === 'string'
  const { type, ts } = isEvent ? { type: wordOf(event.type), ts: wordOf(event.ts ?? '') } : { type: 'parse_warning', ts: '' }
  if (!fits(event ?? {}, type, ts, wanted)) return undefined
  const texts = isEvent ? textsOf(event, id) : [{ field: '', text: line.toString() }]
  for (const { field, text } of texts) {
    const found = pattern.exec(text)
    if (found) return { type, ts, field, ...excerpt(text, found.index, found[0].length) }
  }
  return undefined
}

function fits(event: Event, type: string, ts: string, { role, tool, toolKind, from, to }: Wanted): boolean {
  if (role !== undefined && !(ROLES[role] as readonly string[]).includes(type)) return false
  if (tool !== undefined && event.tool !== tool) return false
  if (toolKind !== undefined && event.tool_kind !== toolKind) return false
  if (from === undefined && to === undefined) return true
  const at = Date.parse(ts)
  return at >= (from ?? at) && at <= (to ?? at)
}

/** Fields that say which event it is, not what it says. */
const NAMES_IT = /^(type|ts|seq|offset|spilled|tool_kind|id|.*_id)$/

/** The strings of an event, each with the path of its field, as far as they are asked for. */
function* textsOf(event: Event, id: string): Generator<{ field: string; text: string }> {
  for (const [field, value] of Object.entries(event)) {
    if (NAMES_IT.test(field)) continue
    const whole = typeof value === 'string' ? wholeOf(event.spilled, field, id) : undefined
    if (whole !== undefined) yield { field, text: whole }
    else yield* stringsIn(value, field)
  }
}

function* stringsIn(value: unknown, field: string): Generator<{ field: string; text: string }> {
  if (typeof value === 'string') yield { field, text: value }
  else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) yield* stringsIn(inner, `${field}.${key}`)
  }
}

/** The whole of a field that lies in a file of the session. What an agent may have written there leads nowhere else. */
function wholeOf(spilled: unknown, field: string, id: string): string | undefined {
  const path = (spilled as Record<string, Partial<Spilled> | undefined> | undefined)?.[field]?.path
  if (typeof path !== 'string' || !/^(prompt|spill\/[\w-][\w.-]*)$/.test(path)) return undefined
  return readIfThere(join(paths.session(id), path))
}

/** Characters of a line that are shown. */
const SHOWN = 200

/** The line of the text in which it was found, or of a long one the part around. */
function excerpt(text: string, at: number, length: number): Pick<Hit, 'text' | 'at' | 'length'> {
  const start = at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1
  const stop = text.indexOf('\n', at)
  const end = stop < 0 ? text.length : stop
  const shown = Math.min(length, SHOWN, end - at)
  if (end - start <= SHOWN) return { text: text.slice(start, end), at: at - start, length: shown }
  const first = Math.max(start, Math.min(at - Math.floor((SHOWN - shown) / 2), end - SHOWN))
  const head = first > start ? '...' : ''
  const tail = first + SHOWN < end ? '...' : ''
  // Halves of a character at the cuts.
  const part = text.slice(first, first + SHOWN).replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '\ufffd')
  return { text: `${head}${part}${tail}`, at: head.length + at - first, length: shown }
}
