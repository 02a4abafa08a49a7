// The rows of the benchmark and how they are printed: Markdown, one section a part.

/** One line of the table. Values are text with their unit. */
export interface Row {
  what: string
  zag: string
  /** What it is measured against in the same run. */
  beside: string
  ratio?: string
  /** The figure to reach, and whether it was. */
  target?: string
  met?: boolean
}

export function print(rows: readonly Row[]): void {
  const lines = rows.map(({ what, zag, beside, ratio = '', target = '', met }) => {
    const verdict = met === undefined ? '' : met ? 'yes' : '**no**'
    return [what, zag, beside, ratio, target, verdict]
  })
  const head = ['what', 'zag', 'beside, in the same run', 'ratio', 'to reach', 'reached']
  const all = [head, head.map(() => '---'), ...lines]
  const widths = head.map((_, column) => Math.max(...all.map(cells => (cells[column] ?? '').length)))
  for (const cells of all)
    console.log(
      `| ${cells.map((cell, column) => (cell === '---' ? '-'.repeat(widths[column] ?? 3) : cell.padEnd(widths[column] ?? 0))).join(' | ')} |`,
    )
}

/** Milliseconds for people. */
export function ms(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`
}

export const times = (value: number) => `${value.toFixed(2)} x`

/** A peer that is not installed here has its place in the table all the same. */
export const ABSENT = 'absent'
