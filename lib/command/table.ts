// Rows of cells as text: columns that line up on a terminal, tabs elsewhere.

import { field, type Output } from './output.js'

/** Prints a heading and rows for people on a terminal; for a pipe rows with tabs and no heading. */
export function printTable(out: Output, heading: string[], rows: unknown[][]): void {
  const cells = rows.map(row => row.map(field))
  if (!out.isTerminal) {
    for (const row of cells) out.line(row.join('\t'))
    return
  }
  if (rows.length === 0) return
  // Not by Math.max(...), which takes no hundred thousand arguments.
  const widths = heading.map((title, at) => cells.reduce((widest, row) => Math.max(widest, (row[at] ?? '').length), title.length))
  const line = (row: string[]) => row.map((cell, at) => cell.padEnd(at === row.length - 1 ? 0 : (widths[at] ?? 0))).join('  ')
  out.line(out.paint.bold(line(heading)))
  for (const row of cells) out.line(line(row))
}
