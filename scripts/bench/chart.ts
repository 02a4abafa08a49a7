// The chart of the figures: what zag takes as a share of what was to be reached, and as a share of what others take that do the same.
//
// Drawn by hand: it is bars and words. A bar is never told by its colour alone; its figure stands beside it.

import type { Row } from './table.js'

interface Bar {
  label: string
  value: number
  text: string
  good: boolean
}

interface Panel {
  title: string
  bars: Bar[]
  /** Where on its width a value is, from 0 to 1. */
  at(value: number): number
  /** Where bars begin, and the values that have a line. */
  from: number
  lines: number[]
}

const WIDTH = 940
const LABELS = 500
const FIGURES = 70
const LINE = 20
const HEAD = 58
const PLOT = WIDTH - LABELS - FIGURES

type Colours = Record<'page' | 'ink' | 'soft' | 'rule' | 'good' | 'bad', string>

/** Written out for each class: not every program that draws SVG knows variables. */
function colours({ page, ink, soft, rule, good, bad }: Colours): string {
  return `.page { fill: ${page} } .rule { stroke: ${rule} } .mark { stroke: ${ink} } .good { fill: ${good} } .bad { fill: ${bad} } text { fill: ${ink} } .soft { fill: ${soft}; stroke: ${page} }`
}

const STYLE = `
  text { font: 12px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif }
  .title { font-weight: 600; font-size: 14px } .mark { stroke-dasharray: 3 3 }
  .soft { font-size: 11px; stroke-width: 3px; paint-order: stroke }
  ${colours({ page: '#fff', ink: '#1f2328', soft: '#59636e', rule: '#d1d9e0', good: '#1a7f5a', bad: '#c4532d' })}
  @media (prefers-color-scheme: dark) {
    ${colours({ page: '#0d1117', ink: '#f0f6fc', soft: '#9198a1', rule: '#3d444d', good: '#3fb68b', bad: '#f0855f' })}
  }`

/** The chart as SVG, light or dark as whoever looks has it. */
export function chartOf(rows: readonly Row[]): string {
  let top = 16
  const parts: string[] = []
  for (const panel of [reached(rows), beside(rows)].filter(({ bars }) => bars.length > 0)) {
    parts.push(...drawn(panel, top))
    top += HEAD + panel.bars.length * LINE + 28
  }
  const page = `<rect class="page" width="${WIDTH}" height="${top}" rx="6"/>`
  const size = `viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}"`
  const title = '<title>Figures of zag, as shares of what was to be reached and of what others take</title>'
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">\n${title}\n<style>${STYLE}\n</style>\n${[page, ...parts].join('\n')}\n</svg>\n`
}

function reached(rows: readonly Row[]): Panel {
  const bars = rows.flatMap(({ what, share, met }) =>
    share === undefined || !Number.isFinite(share) ? [] : [{ label: what, value: share, text: times(share), good: met === true }],
  )
  const most = Math.max(2, ...bars.map(({ value }) => Math.ceil(value)))
  const lines = Array.from({ length: most + 1 }, (_, at) => at)
  return { title: 'What zag takes : what was to be reached. At 1 it is reached.', bars, at: value => value / most, from: 0, lines }
}

/** On a scale on which twice and half as much are as far from the same. */
function beside(rows: readonly Row[]): Panel {
  const bars = rows.flatMap(({ what, peers = {} }) =>
    Object.entries(peers)
      .filter(([, value]) => Number.isFinite(value) && value > 0)
      .map(([name, value]) => ({ label: `${what}: ${name}`, value, text: times(value), good: value <= 1 })),
  )
  const powers = bars.map(({ value }) => Math.log10(value))
  const [low, high] = [Math.floor(Math.min(-1, ...powers)), Math.ceil(Math.max(1, ...powers))]
  const at = (value: number) => (Math.log10(value) - low) / (high - low)
  const lines = Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step))
  return { title: 'What zag takes : what others take for the same. Left of 1 zag takes less.', bars, at, from: 1, lines }
}

function drawn({ title, bars, at, from, lines }: Panel, top: number): string[] {
  const x = (value: number) => Math.round((LABELS + at(value) * PLOT) * 10) / 10
  const first = top + HEAD
  const bottom = first + bars.length * LINE
  const rules = lines.flatMap(value => [
    `<line class="${value === 1 ? 'mark' : 'rule'}" x1="${x(value)}" x2="${x(value)}" y1="${first - 6}" y2="${bottom}"/>`,
    `<text class="soft" text-anchor="middle" x="${x(value)}" y="${first - 12}">${value}</text>`,
  ])
  const shapes = bars.flatMap(({ label, value, text, good }, row) => {
    const y = first + row * LINE
    const [left, right] = [Math.min(x(from), x(value)), Math.max(x(from), x(value))]
    const shape = `x="${left}" y="${y + 3}" width="${Math.max(1.5, right - left).toFixed(1)}" height="${LINE - 7}" rx="2"`
    return [
      `<text text-anchor="end" x="${LABELS - 10}" y="${y + 14}">${escaped(label)}</text>`,
      `<rect class="${good ? 'good' : 'bad'}" ${shape}/>`,
      `<text class="soft" x="${right + 5}" y="${y + 14}">${text}</text>`,
    ]
  })
  return [`<text class="title" x="16" y="${top + 18}">${escaped(title)}</text>`, ...rules, ...shapes]
}

const times = (value: number) => `${value < 0.1 ? value.toFixed(3) : value < 10 ? value.toFixed(2) : value.toFixed(1)} x`

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
