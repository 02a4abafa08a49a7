// When sessions were at work, drawn: as lines of text for a terminal, and as an SVG picture that needs nothing else.
//
// Names come from users and agents: in the picture they are text, whatever is in them.

import { visible } from '../base/exit.js'
import { shortId } from '../base/id.js'
import { formatDuration, timestamp } from '../base/time.js'
import type { State } from '../session/state.js'
import { extentOf, type Summary, spansOf } from './summary.js'

/** A character a state for the bar, and a colour for the picture. */
const LOOKS: Record<State, { char: string; colour: string }> = {
  queued: { char: '.', colour: '#9e9e9e' },
  running: { char: '>', colour: '#1e88e5' },
  idle: { char: '~', colour: '#90caf9' },
  waiting: { char: '?', colour: '#fdd835' },
  limited: { char: 'z', colour: '#8e24aa' },
  completed: { char: '=', colour: '#43a047' },
  failed: { char: 'x', colour: '#e53935' },
  cancelled: { char: '-', colour: '#fb8c00' },
  dead: { char: '!', colour: '#6d4c41' },
}

const looksOf = (state: string) => LOOKS[state as State] ?? LOOKS.queued

/** A session's line: its label, the bar with blanks before it, and how long it took. */
export interface Bar {
  label: string
  blanks: number
  bar: string
  duration: string
  state: string
}

export interface Timeline {
  bars: Bar[]
  /** When the first began and the last ended. */
  from: string
  to: string
  /** How wide the bars are together. */
  width: number
  /** Which character stands for which state, of those that occur. */
  legend: string
}

const LABEL = 24
const DURATION = 8

/** The lines for a terminal of so many columns; nothing if none of the sessions has begun. */
export function timelineOf(all: readonly Summary[], columns: number): Timeline | undefined {
  const spans = spansOf(all)
  if (spans.length === 0) return undefined
  const { from, to } = extentOf(spans)
  const labels = spans.map(({ session }) => visible(labelOf(session)))
  // Not by Math.max(...), which takes no hundred thousand arguments.
  const labelWidth = labels.reduce((widest, label) => Math.min(LABEL, Math.max(widest, label.length)), 0)
  const width = Math.max(10, columns - labelWidth - DURATION - 4)
  const column = (moment: number) => Math.round(((moment - from) / Math.max(1, to - from)) * width)
  const bars = spans.map(({ session, ...span }, at) => {
    const blanks = Math.min(width - 1, column(span.from))
    const bar = looksOf(session.status).char.repeat(Math.max(1, column(span.to) - blanks))
    const label = (labels[at] as string).slice(0, labelWidth).padEnd(labelWidth)
    return { label, blanks, bar, duration: formatDuration(span.to - span.from), state: session.status }
  })
  const states = [...new Set(spans.map(({ session }) => session.status))]
  const legend = states.map(state => `${looksOf(state).char} ${state}`).join('   ')
  return { bars, from: timestamp(from), to: timestamp(to), width, legend }
}

const labelOf = ({ session_id, name }: Summary) => (name ? `${shortId(session_id)} ${name}` : shortId(session_id))

const ROW = 22
const TOP = 40
const NAMES = 220
const BARS = 720
const TIMES = 90

/** The picture; nothing if none of the sessions has begun. */
export function svgOf(all: readonly Summary[]): string | undefined {
  const spans = spansOf(all)
  if (spans.length === 0) return undefined
  const { from, to } = extentOf(spans)
  const x = (moment: number) => NAMES + ((moment - from) / Math.max(1, to - from)) * BARS
  const rows = spans.flatMap(({ session, ...span }, at) => {
    const y = TOP + at * ROW
    const wide = Math.max(2, x(span.to) - x(span.from))
    const title = `${labelOf(session)}: ${session.status}, ${timestamp(span.from)} to ${timestamp(span.to)}`
    return [
      `<text x="${NAMES - 8}" y="${y + 15}" text-anchor="end">${escaped(cut(labelOf(session), 30))}</text>`,
      `<rect x="${x(span.from).toFixed(1)}" y="${y + 3}" width="${wide.toFixed(1)}" height="${ROW - 6}" rx="2" fill="${looksOf(session.status).colour}"><title>${escaped(title)}</title></rect>`,
      `<text x="${NAMES + BARS + 8}" y="${y + 15}">${formatDuration(span.to - span.from)}</text>`,
    ]
  })
  const states = [...new Set(spans.map(({ session }) => session.status))]
  const bottom = TOP + spans.length * ROW + 20
  const legend = states.map(
    (state, at) =>
      `<rect x="${NAMES + at * 100}" y="${bottom - 10}" width="10" height="10" fill="${looksOf(state).colour}"/><text x="${NAMES + at * 100 + 15}" y="${bottom}">${escaped(state)}</text>`,
  )
  const [width, height] = [NAMES + BARS + TIMES, bottom + 16]
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    '<rect width="100%" height="100%" fill="#ffffff"/>',
    `<text x="${NAMES}" y="24">${timestamp(from)}</text><text x="${NAMES + BARS}" y="24" text-anchor="end">${timestamp(to)}</text>`,
    ...rows,
    ...legend,
    '</svg>',
  ].join('\n')}\n`
}

function cut(text: string, most: number): string {
  const characters = [...text]
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : text
}

/** A text as XML can hold it: characters that it cannot are shown as U+FFFD. */
function escaped(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what XML does not allow
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu, '\ufffd')
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      .replace(/"/g, '&quot;')
  )
}
