// The numbers and pictures of very many sessions: what a large home has, without the home.

import t from 'tap'
import type { Output } from '../../../lib/command/output.js'
import { printTable } from '../../../lib/command/table.js'
import { type Summary, statsOf, totalsOf } from '../../../lib/verb/summary.js'
import { svgOf, timelineOf } from '../../../lib/verb/timeline.js'

const one: Summary = {
  session_id: '01234567-89ab-7cde-8f01-23456789abcd',
  name: 'a',
  status: 'completed',
  provider: 'sh',
  model: null,
  error: null,
  runs: 1,
  turns: 1,
  tools: [],
  files: [],
  relays: 0,
  granted: 0,
  denied: 0,
  started_at: '2026-01-01T00:00:00.000Z',
  ended_at: '2026-01-01T00:00:01.000Z',
  duration_ms: 1000,
}

const many = (count: number) => new Array<Summary>(count).fill(one)

t.test('a timeline of more sessions than a function takes arguments', t => {
  const all = many(200_000)
  const { bars } = timelineOf([...all, { ...one, name: 'longer' }], 80) ?? { bars: [] }
  t.equal(bars.length, 200_001)
  t.equal(bars[0]?.label.length, bars.at(-1)?.label.length)
  t.match(bars.at(-1)?.label, /longer$/)
  t.ok((svgOf(all) ?? '').length > 200_000 * 100)
  t.end()
})

t.test('a table of as many on a terminal', t => {
  const lines: string[] = []
  const out = { isTerminal: true, line: (text: string) => lines.push(text), paint: { bold: (text: string) => text } } as unknown as Output
  printTable(out, ['A', 'B'], [...many(200_000).map(({ name, provider }) => [name, provider]), ['wider', 'x']])
  t.same([lines.length, lines[1], lines.at(-1)], [200_002, 'a      sh', 'wider  x'])
  t.end()
})

// A copy of the group for each of its sessions would take minutes.
t.test('numbers of as many', { timeout: 30_000 }, t => {
  const all = many(500_000)
  t.match(statsOf([...all, { ...one, status: 'failed' }]), [
    { sessions: 500_001 },
    { state: 'completed', sessions: 500_000 },
    { state: 'failed', sessions: 1 },
  ])
  t.match(totalsOf(all), { sessions: 500_000, states: { completed: 500_000 }, elapsed_ms: 1000 })
  t.end()
})
