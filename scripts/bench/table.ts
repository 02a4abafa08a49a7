// The rows of the benchmark and the tables they make, in Markdown.

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
  /** zag's figure as a share of the one to reach, and of those of others. */
  share?: number
  peers?: Record<string, number>
  /** The same in each version of Node, by its name. */
  nodes?: Record<string, string>
  /** It could not be measured: not a figure, and none of the run is kept. */
  failed?: true
}

/** All rows as a table. */
export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map(({ what, zag, beside, ratio = '', target = '', met }) => {
    const verdict = met === undefined ? '' : met ? 'yes' : '**no**'
    return [what, zag, beside, ratio, target, verdict]
  })
  return lay(['what', 'zag', 'beside, in the same run', 'ratio', 'to reach', 'reached'], lines)
}

/** What was measured in several versions of Node, side by side. */
export function nodesOf(rows: readonly Row[]): string {
  const several = rows.filter(row => row.nodes)
  const names = Object.keys(several[0]?.nodes ?? {})
  const lines = several.map(({ what, nodes = {}, target = '' }) => [what, ...names.map(name => nodes[name] ?? ''), target])
  return lay(['what', ...names, 'to reach'], lines)
}

function lay(head: string[], lines: string[][]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...lines].map(cells => (cells[column] ?? '').length)))
  const line = (cells: string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`
  return [head, widths.map(width => '-'.repeat(width)), ...lines].map(line).join('')
}

/** Milliseconds for people. */
export function ms(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`
}

export const times = (value: number) => `${value.toFixed(2)} x`

/** A peer that is not installed here has its place in the table all the same. */
export const ABSENT = 'absent'

/** What went wrong, short enough for a cell. */
export const lineOf = (text: string) => (text.split('\n')[0] ?? '').slice(0, 120).replaceAll('|', '/')

/** The row of what could not be measured. */
export const failure = (what: string, error: unknown): Row => ({
  what,
  zag: `failed: ${lineOf(error instanceof Error ? error.message : String(error))}`,
  beside: '',
  failed: true,
})
