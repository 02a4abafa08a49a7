// What a log comes to in numbers: runs, turns, tools with their failures, files changed, tokens, questions. One pass over it.

import type { EventOf, LogEvent, ToolKind } from './events.js'
import { amountOf, type Usage, UsageSum } from './fold.js'
import { readKinds } from './read.js'

/** How often a tool was called, and how often that failed. */
export interface ToolTally {
  tool: string
  tool_kind: ToolKind
  calls: number
  failed: number
}

/** Times in RFC 3339, durations in milliseconds, cost in US dollars. */
export interface Tally {
  runs: number
  /** As often as a turn ended, by its supervisor or else by the agent; where nobody says so, how often it spoke. */
  turns: number
  tools: ToolTally[]
  /** Files that tools wrote or edited without failing, each once, as the agent named them. */
  files: string[]
  usage?: Usage
  cost_usd?: number
  relays: number
  granted: number
  denied: number
  started_at?: string
  ended_at?: string
  /** The time of all runs that ended. */
  run_ms: number
}

const TYPES = [
  'session_started',
  'assistant_message',
  'tool_call',
  'tool_result',
  'usage',
  'relay',
  'permission',
  'turn_ended',
  'session_ended',
]

/** The numbers of a session's log. */
export function tallyOf(id: string): Tally {
  const counts: Record<string, number> = {}
  const tools = new Tools()
  const usage = new UsageSum()
  const turns = new Turns()
  const tally = { granted: 0, denied: 0, run_ms: 0, started_at: undefined as string | undefined, ended_at: undefined as string | undefined }
  const take = (event: LogEvent) => {
    if (event.type === 'session_started') {
      tally.started_at ??= event.ts
      tally.ended_at = undefined
      turns.runBegan()
    } else if (event.type === 'session_ended') {
      tally.ended_at = event.ts
      tally.run_ms += amountOf(event.duration_ms)
    } else if (event.type === 'permission') tally[event.granted ? 'granted' : 'denied'] += 1
    else if (event.type === 'turn_ended') turns.ended(event)
    else if (event.type === 'usage') usage.add(event)
    else if (event.type === 'tool_call') tools.called(event)
    else if (event.type === 'tool_result') tools.answered(event)
  }
  readKinds(id, TYPES, (type, line, event) => {
    counts[type] = (counts[type] ?? 0) + 1
    // What is only counted need not be parsed: of a long log that is most of it.
    if (type !== 'assistant_message' && !(type === 'tool_result' && succeeded(line))) take(event())
  })
  const { session_started: runs = 0, turn_ended, assistant_message: spoke = 0, relay: relays = 0 } = counts
  return {
    runs,
    turns: turn_ended === undefined ? spoke : turns.count,
    tools: tools.all(),
    files: tools.files(),
    ...usage.sum(),
    relays,
    ...tally,
  }
}

const SUCCESS = Buffer.from('"success":true')
const BRACE = '{'.charCodeAt(0)

/** Whether a tool's result is a success by its bytes: before any brace but the first, the field is that of the event itself. */
function succeeded(line: Buffer): boolean {
  const at = line.indexOf(SUCCESS)
  if (at < 0) return false
  const brace = line.indexOf(BRACE, 1)
  return brace < 0 || at < brace
}

/** Turns that ended, each once: of a session that lives on, the agent may say so and its supervisor does, with the number of the turn. */
class Turns {
  #count = 0
  /** How often the agent said so since. */
  #told = 0

  ended({ turn }: EventOf<'turn_ended'>): void {
    if (turn === undefined) {
      this.#told += 1
      return
    }
    this.#count += 1
    this.#told = 0
  }

  /** What only the agent said of the run before counts. */
  runBegan(): void {
    this.#count += this.#told
    this.#told = 0
  }

  get count(): number {
    return this.#count + this.#told
  }
}

/** Calls and results as they come. */
class Tools {
  #byName = new Map<string, ToolTally>()
  /** The paths of each change that did not fail. */
  #changes = new Set<string[]>()
  /** The paths of the latest call of an id: some agents begin to count anew with each run. */
  #latest = new Map<string, string[]>()

  called({ tool, tool_kind, tool_id, input }: EventOf<'tool_call'>): void {
    this.#of(tool, tool_kind).calls += 1
    const paths = tool_kind === 'file_write' || tool_kind === 'file_edit' ? pathsIn(input) : []
    this.#changes.add(paths)
    if (tool_id !== undefined) this.#latest.set(tool_id, paths)
  }

  answered({ tool, tool_kind, tool_id, success }: EventOf<'tool_result'>): void {
    if (success) return
    this.#of(tool, tool_kind).failed += 1
    const paths = tool_id === undefined ? undefined : this.#latest.get(tool_id)
    if (paths) this.#changes.delete(paths)
  }

  /** The most used first. */
  all(): ToolTally[] {
    return [...this.#byName.values()].sort((a, b) => b.calls - a.calls)
  }

  files(): string[] {
    return [...new Set([...this.#changes].flat())].sort()
  }

  #of(tool: string, tool_kind: ToolKind): ToolTally {
    const key = JSON.stringify([tool, tool_kind])
    const known = this.#byName.get(key) ?? { tool, tool_kind, calls: 0, failed: 0 }
    this.#byName.set(key, known)
    return known
  }
}

/** The fields in which agents name the files of a call; `changes` may be a list of objects or an object by path. */
const PATH_FIELDS = [
  'path',
  'file_path',
  'filePath',
  'absolute_path',
  'filename',
  'notebook_path',
  'paths',
  'files',
  'locations',
  'changes',
]

function pathsIn(input: unknown): string[] {
  // A patch that names its files itself.
  if (typeof input === 'string') return [...input.matchAll(/^\*\*\* (?:Add|Update|Delete) File: (.+)$/gm)].map(([, path]) => path as string)
  if (typeof input !== 'object' || input === null) return []
  const fields = input as Record<string, unknown>
  for (const field of PATH_FIELDS) {
    const value = fields[field]
    const paths = Array.isArray(value) ? value.flatMap(each => (typeof each === 'string' ? [each] : pathsIn(each))) : pathsOf(value)
    if (paths.length > 0) return paths
  }
  return []
}

function pathsOf(value: unknown): string[] {
  if (typeof value === 'string' && value !== '') return [value]
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}
