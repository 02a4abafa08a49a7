// What sessions did, in numbers: each by itself, all together, and how the numbers are spread.

import { isAbsolute, relative } from 'node:path'
import { UsageSum } from '../log/fold.js'
import { type Tally, type ToolTally, tallyOf } from '../log/tally.js'
import { settle } from '../run/settle.js'
import { type Row, rowOf } from '../session/row.js'
import { descendantsOf, inTreeOrder } from '../session/tree.js'
import { readIfIntact } from '../table/sessions.js'
import { rootOfAgent } from '../worktree/place.js'

/** The row of a session with its numbers. `duration_ms` is the time of all its runs, until now if it is not over. */
export interface Summary extends Row, Omit<Tally, 'run_ms'> {
  duration_ms: number
  /** Of a session with a worktree: what differs there from the commit it began with. */
  changed?: string[]
}

/** The summary of a session. A dead one is ended on the way. */
export async function summaryOf(id: string): Promise<Summary> {
  const status = await settle(id)
  const session = readIfIntact(id)
  const { run_ms, ...tally } = tallyOf(id)
  const running = status.over || !status.started ? 0 : Date.now() - Date.parse(status.started.ts)
  const files = tally.files.map(path => within(session && rootOfAgent(session), path))
  const changed = session?.worktree && (await (await import('../worktree/patch.js')).changedIn(session.worktree))
  return { ...rowOf(status, session), ...tally, files, changed, duration_ms: run_ms + Math.max(0, running) }
}

/** A path below the project without the project; others as they are. */
function within(root: string | undefined, path: string): string {
  if (root === undefined || !isAbsolute(path)) return path
  const short = relative(root, path)
  return short === '' || short.startsWith('..') ? path : short
}

/** A summary in a tree: whose child it is, how far below the top of its tree; of one that was asked for the totals of all its tree. */
export interface Grown extends Summary {
  parent_id: string | null
  depth: number
  tree?: Totals
}

export interface Branch {
  row: Grown
  lines: string
}

/** The summaries of sessions and of all that descends from them, in the order of their trees. */
export async function treeOf(ids: readonly string[]): Promise<Branch[]> {
  const all: (Summary & { parent_id: string | null })[] = []
  for (const id of [...ids, ...[...descendantsOf(ids).keys()].sort()])
    all.push({ ...(await summaryOf(id)), parent_id: readIfIntact(id)?.parent ?? null })
  const placed = inTreeOrder(
    all,
    ({ session_id }) => session_id,
    ({ parent_id }) => parent_id ?? undefined,
  )
  const asked = new Set(ids)
  return placed.map(({ one, depth, lines }, at) => {
    if (!asked.has(one.session_id)) return { row: { ...one, depth }, lines }
    const after = placed.slice(at + 1)
    const end = after.findIndex(next => next.depth <= depth)
    const tree = totalsOf([one, ...(end < 0 ? after : after.slice(0, end)).map(next => next.one)])
    return { row: { ...one, depth, tree }, lines }
  })
}

export interface Totals extends Pick<Tally, 'runs' | 'turns' | 'tools' | 'files' | 'usage' | 'cost_usd' | 'relays' | 'granted' | 'denied'> {
  sessions: number
  /** How many are in which state. */
  states: Record<string, number>
  /** The time of all runs, and from the first start to the last end, or to now. */
  duration_ms: number
  elapsed_ms: number
}

/** The numbers of all together. */
export function totalsOf(all: readonly Summary[]): Totals {
  const sum = (of: (one: Summary) => number) => all.reduce((total, one) => total + of(one), 0)
  const usage = new UsageSum()
  for (const one of all) if (one.usage) usage.add({ ...one.usage, cost_usd: one.cost_usd })
  const { from, to } = extentOf(spansOf(all))
  return {
    sessions: all.length,
    states: countBy(all, ({ status }) => status),
    runs: sum(({ runs }) => runs),
    turns: sum(({ turns }) => turns),
    tools: mergeTools(all.flatMap(({ tools }) => tools)),
    files: [...new Set(all.flatMap(({ files }) => files))].sort(),
    ...usage.sum(),
    relays: sum(({ relays }) => relays),
    granted: sum(({ granted }) => granted),
    denied: sum(({ denied }) => denied),
    duration_ms: sum(({ duration_ms }) => duration_ms),
    elapsed_ms: Math.max(0, to - from),
  }
}

function countBy<T>(all: readonly T[], key: (one: T) => string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const one of all) counts[key(one)] = (counts[key(one)] ?? 0) + 1
  return counts
}

function mergeTools(all: readonly ToolTally[]): ToolTally[] {
  const merged = new Map<string, ToolTally>()
  for (const { tool, tool_kind, calls, failed } of all) {
    const key = JSON.stringify([tool, tool_kind])
    const sum = merged.get(key) ?? { tool, tool_kind, calls: 0, failed: 0 }
    merged.set(key, { ...sum, calls: sum.calls + calls, failed: sum.failed + failed })
  }
  return [...merged.values()].sort((a, b) => b.calls - a.calls)
}

/** When a session was at work, in milliseconds since 1970. */
export interface Span {
  session: Summary
  from: number
  to: number
}

/** The spans of the sessions that have begun, in the order given; of those not over, until now. */
export function spansOf(all: readonly Summary[], now: number = Date.now()): Span[] {
  return all.flatMap(session => {
    if (session.started_at === undefined) return []
    const from = Date.parse(session.started_at)
    return [{ session, from, to: Math.max(from, session.ended_at === undefined ? now : Date.parse(session.ended_at)) }]
  })
}

/** From the first beginning to the last end; of no spans, from infinity to its opposite. */
export function extentOf(spans: readonly Span[]): { from: number; to: number } {
  // Not by Math.min(...), which takes no hundred thousand arguments.
  return spans.reduce((sum, { from, to }) => ({ from: Math.min(sum.from, from), to: Math.max(sum.to, to) }), {
    from: Number.POSITIVE_INFINITY,
    to: Number.NEGATIVE_INFINITY,
  })
}

/** How numbers are spread; the median and p90 are numbers that occur. */
export interface Spread {
  min: number
  median: number
  p90: number
  max: number
}

export interface Stats {
  provider: string
  model: string | null
  state: string
  sessions: number
  duration_ms: Spread
  /** Of those sessions that told any. */
  tokens?: Spread
  cost_usd?: Spread
}

/** The spreads over all sessions and over those alike in provider, model and state, the largest group first. */
export function statsOf(all: readonly Summary[]): Stats[] {
  const groups = new Map<string, Summary[]>()
  for (const one of all) {
    const key = JSON.stringify([one.provider, one.model, one.status])
    const group = groups.get(key)
    if (group) group.push(one)
    else groups.set(key, [one])
  }
  const alike = [...groups.values()].sort((a, b) => b.length - a.length)
  const named = alike.map(group => {
    const [{ provider, model, status }] = group as [Summary]
    return { provider, model, state: status, ...spreads(group) }
  })
  return [{ provider: 'all', model: null, state: 'all', ...spreads(all) }, ...named]
}

function spreads(group: readonly Summary[]): Pick<Stats, 'sessions' | 'duration_ms' | 'tokens' | 'cost_usd'> {
  const told = (of: (one: Summary) => number | undefined) => spreadOf(group.map(of).filter(value => value !== undefined))
  return {
    sessions: group.length,
    duration_ms: told(({ duration_ms }) => duration_ms) ?? { min: 0, median: 0, p90: 0, max: 0 },
    tokens: told(({ usage }) => usage && usage.input_tokens + usage.output_tokens),
    cost_usd: told(({ cost_usd }) => cost_usd),
  }
}

/** Nothing for no numbers. */
export function spreadOf(numbers: readonly number[]): Spread | undefined {
  const sorted = [...numbers].sort((a, b) => a - b)
  const at = (part: number) => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] as number
  return sorted.length === 0 ? undefined : { min: at(0), median: at(0.5), p90: at(0.9), max: at(1) }
}
