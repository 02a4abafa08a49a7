// The results that are kept, in scripts/bench/results: figures.md and its chart.

import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chartOf } from './chart.js'
import { nodesOf, type Row, tableOf } from './table.js'

const RESULTS = join(import.meta.dirname, '../../scripts/bench/results')

/** Writes both files; `about` says on what was measured. Gives the folder. */
export function keep(rows: readonly Row[], about: string): string {
  const missed = rows.filter(({ met }) => met === false).length
  const set = rows.filter(({ met }) => met !== undefined).length
  const several = nodesOf(rows)
  const text = [
    '# Figures\n',
    'Written by `npm run bench`, which measures all of this anew.\n',
    `${about}\n`,
    `${set - missed} of the ${set} figures with something to reach reach it. Rows in which zag falls short, or loses to others, stand here as well.\n`,
    '![Each figure as a share of what was to be reached, and of what others take](figures.svg)\n',
    tableOf(rows),
    '## Versions of Node\n',
    'The time of the whole process, and how many times as long as `node -e 0` in the same version.\n',
    several,
  ].join('\n')
  put('figures.md', text)
  put('figures.svg', chartOf(rows))
  return RESULTS
}

function put(name: string, text: string): void {
  mkdirSync(RESULTS, { recursive: true })
  const aside = join(RESULTS, `${name}.new`)
  writeFileSync(aside, text)
  renameSync(aside, join(RESULTS, name))
}
