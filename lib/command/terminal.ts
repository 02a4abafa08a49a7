// What is known of a terminal behind a descriptor, and the only place with colour.
//
// node:tty brings node:net with it (1.2 ms), so it is asked only about character devices.

import { fstatSync } from 'node:fs'

/** Whether the descriptor is a terminal. */
export function isTerminal(fd: number): boolean {
  try {
    if (!fstatSync(fd).isCharacterDevice()) return false
  } catch {
    // A closed descriptor is no terminal.
    return false
  }
  return process.getBuiltinModule('node:tty').isatty(fd)
}

/** The width to write for: the terminal's up to 100 columns, 80 where there is none. */
export function columns(fd: number): number {
  if (!isTerminal(fd)) return 80
  const { WriteStream } = process.getBuiltinModule('node:tty')
  const stream = fd === 1 ? process.stdout : fd === 2 ? process.stderr : new WriteStream(fd)
  return Math.max(20, Math.min(100, stream.columns || 80))
}

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  italic: [3, 23],
  underline: [4, 24],
  cyan: [36, 39],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
} as const

export type Paint = Record<keyof typeof CODES, (text: string) => string>

/** Colours for a descriptor; they do nothing unless it is a terminal and NO_COLOR is unset. */
export function paint(fd: number): Paint {
  const on = !process.env.NO_COLOR && process.env.TERM !== 'dumb' && isTerminal(fd)
  const entries = Object.entries(CODES).map(([name, [start, end]]) => [
    name,
    (text: string) => (on ? `\x1b[${start}m${text}\x1b[${end}m` : text),
  ])
  return Object.fromEntries(entries) as Paint
}
