#!/usr/bin/env node
import { EXIT, Fault, quoted, usage } from '../lib/base/exit.js'
import { shortId } from '../lib/base/id.js'
import { formatDuration } from '../lib/base/time.js'
import { command } from '../lib/command/command.js'
import { dollars } from '../lib/command/event.js'
import { pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import { field, type Output } from '../lib/command/output.js'
import { printTable } from '../lib/command/table.js'
import { pick } from '../lib/session/pick.js'
import { replaceFile, sizeIfThere, writeNew } from '../lib/store/file.js'
import { graphOf } from '../lib/verb/graph.js'
import {
  type Branch,
  type Spread,
  type Stats,
  type Summary,
  statsOf,
  summaryOf,
  type Totals,
  totalsOf,
  treeOf,
} from '../lib/verb/summary.js'
import { svgOf, timelineOf } from '../lib/verb/timeline.js'

export default command(import.meta, {
  name: 'zag-summary',
  does: 'say what sessions did: tools, files, turns, tokens, cost and time',
  usage: [`[--tree] [--stats] [--json] ${pickUsage}`, `[--tree] { --timeline | --svg <path> [--force] | --dot } ${pickUsage}`],
  flags: {
    ...pickFlags,
    tree: { type: 'boolean', does: 'all that descends from them as well, each under the session that started it' },
    stats: { type: 'boolean', does: 'how time, tokens and cost are spread, by provider, model and state' },
    timeline: { type: 'boolean', does: 'draw when each was at work' },
    svg: { type: 'string', value: 'path', does: 'draw it as an SVG picture into this file' },
    dot: { type: 'boolean', does: 'write them and what they have to do with each other as a graph for Graphviz' },
    force: { type: 'boolean', does: 'with --svg: replace the file if it is there' },
    json: { type: 'boolean', does: 'one object: sessions, totals, and with --stats stats' },
  },
  operands: { name: 'session' },
  exits: {
    ...pickExits,
    [EXIT.ok]: 'printed',
    [EXIT.notNow]: 'nothing to draw: none of them has begun',
    [EXIT.system]: 'the file for --svg is there already, or the system refused: file, disk or permission',
  },
  examples: [
    ['zag-summary --tag review', 'a line each, and the totals'],
    ['zag-summary --latest', 'one session with its tools and files'],
    ['zag-summary --tag review --timeline', 'which of them were at work when'],
    ['zag-summary --tree --latest', 'one with all that descends from it, and what that came to together'],
    ['zag-summary --tree --dot --latest >tree.dot', 'the same as a graph: dot -Tsvg tree.dot'],
  ],
  async run({ tree, stats, timeline, svg, dot, force, json, ...which }, { stdin, out }) {
    const forms = [timeline && '--timeline', svg !== undefined && '--svg', dot && '--dot', (json || stats) && '--json or --stats'].filter(
      Boolean,
    )
    if (forms.length > 1) throw usage(`${forms[0]} or ${forms[1]}, not both`)
    if (force && svg === undefined) throw usage('--force goes with --svg')
    const ids = await pick(which, stdin)
    if (svg !== undefined) checkFree(svg, force)
    if (dot) return out.text(await graphOf(ids, tree))
    const branches = tree ? await treeOf(ids) : undefined
    const all: Summary[] = branches?.map(({ row }) => row) ?? []
    if (!branches) for (const id of ids) all.push(await summaryOf(id))
    if (timeline) return printTimeline(all, out)
    if (svg !== undefined) return draw(all, svg, force, out)
    const totals = totalsOf(all)
    if (json) return out.value({ sessions: all, totals, stats: stats ? statsOf(all) : undefined })
    if (stats) printTable(out, STATS, statsOf(all).map(statCells))
    else if (branches) printBranches(branches, totals, out)
    else if (all.length === 1) printOne(all[0] as Summary, out)
    else printTable(out, HEADING, [...all.map(cells(out.isTerminal)), totalCells(totals)])
  },
})

const HEADING = ['ID', 'STATE', 'PROVIDER', 'MODEL', 'RUNS', 'TURNS', 'TOOLS', 'FAILED', 'FILES', 'IN', 'OUT', 'COST', 'TIME', 'NAME']
const STATS = ['PROVIDER', 'MODEL', 'STATE', 'SESSIONS', 'TIME MIN', 'MEDIAN', 'P90', 'MAX', 'TOKENS MIN', 'MEDIAN', 'P90', 'MAX'].concat([
  'COST MIN',
  'MEDIAN',
  'P90',
  'MAX',
])

type Numbers = Pick<Summary, 'runs' | 'turns' | 'tools' | 'files' | 'usage' | 'cost_usd' | 'duration_ms'>

function cells(short: boolean): (one: Summary) => unknown[] {
  return one => [short ? shortId(one.session_id) : one.session_id, one.status, one.provider, one.model, ...numbers(one), one.name]
}

/** The tree, what each of those that were asked for came to with all below it, where that is not all there is, and the totals. */
function printBranches(branches: readonly Branch[], totals: Totals, out: Output): void {
  const cellsOf = cells(out.isTerminal)
  const rows = branches.map(({ row, lines }) => cellsOf(row).map((cell, at) => (at === 0 ? `${lines}${cell}` : cell)))
  const roots = branches.flatMap(({ row }) => (row.tree && row.tree.sessions < totals.sessions ? [{ row, sum: row.tree }] : []))
  const sums = roots.map(({ row, sum }) => totalCells(sum, `tree of ${out.isTerminal ? shortId(row.session_id) : row.session_id}`))
  printTable(out, HEADING, [...rows, ...sums, totalCells(totals)])
}

function numbers({ runs, turns, tools, files, usage: told, cost_usd, duration_ms }: Numbers): unknown[] {
  const sum = (of: 'calls' | 'failed') => tools.reduce((total, tool) => total + tool[of], 0)
  const tokens = [told?.input_tokens, told?.output_tokens]
  return [runs, turns, sum('calls'), sum('failed'), files.length, ...tokens, dollars(cost_usd), formatDuration(duration_ms)]
}

function totalCells(totals: Totals, what = 'total'): unknown[] {
  const states = Object.entries(totals.states).map(([state, count]) => `${count} ${state}`)
  return [what, states.join(', '), undefined, undefined, ...numbers(totals), `${totals.sessions} sessions`]
}

function statCells({ provider, model, state, sessions, duration_ms, tokens, cost_usd }: Stats): unknown[] {
  const four = (spread: Spread | undefined, form: (value: number) => unknown) =>
    (['min', 'median', 'p90', 'max'] as const).map(key => spread && form(spread[key]))
  return [provider, model, state, sessions, ...four(duration_ms, formatDuration), ...four(tokens, n => n), ...four(cost_usd, dollars)]
}

/** A key and a value a line; a line each for tools and files. */
function printOne({ tools, files, changed = [], usage: told, cost_usd, duration_ms, ...rest }: Summary, out: Output): void {
  const values = { ...rest, ...told, cost_usd, duration: formatDuration(duration_ms) }
  for (const [key, value] of Object.entries(values)) if (value !== undefined && value !== null) out.line(`${key}\t${field(value)}`)
  for (const { tool, tool_kind, calls, failed } of tools) out.line(`tool\t${field(tool)}\t${tool_kind}\t${calls} calls\t${failed} failed`)
  for (const path of files) out.line(`file\t${field(path)}`)
  for (const path of changed) out.line(`changed\t${field(path)}`)
}

function printTimeline(all: readonly Summary[], out: Output): void {
  const drawn = timelineOf(all, out.columns) ?? notBegun()
  for (const { label, blanks, bar, duration, state } of drawn.bars) {
    const paint = state === 'completed' ? out.paint.green : state === 'failed' || state === 'dead' ? out.paint.red : out.paint.yellow
    const rest = ' '.repeat(Math.max(0, drawn.width - blanks - bar.length))
    out.line(`${label} |${' '.repeat(blanks)}${paint(bar)}${rest}| ${duration}`)
  }
  out.line(`${drawn.from} to ${drawn.to}   ${drawn.legend}`)
}

function notBegun(): never {
  throw new Fault('none of the sessions has begun: there is nothing to draw', EXIT.notNow)
}

function checkFree(path: string, force: boolean): void {
  if (!force && sizeIfThere(path) !== undefined) throw new Fault(`${quoted(path)} is there already: --force replaces it`, EXIT.system)
}

function draw(all: readonly Summary[], path: string, force: boolean, out: Output): void {
  const picture = svgOf(all) ?? notBegun()
  if (force) replaceFile(path, picture)
  else writeNew(path, picture)
  out.line(path)
}
