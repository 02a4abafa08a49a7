// The generated parts of a page, from a program's data. --help (lib/command/help.ts) prints the same data.

import { allFlags, type Data, type Flag, type Part } from '../../lib/command/data.js'
import { exitsOf, meaning, spelling, usageLines } from '../../lib/command/help.js'
import { argument, display, prose, sentence } from './roff.js'
import { synopsisLines } from './synopsis.js'

type Described = Omit<Part, 'run'>
type FlagRow = readonly [spelt: string, means: string]

/** Every part that can stand between marks, in the order of a page. */
export const PARTS = ['synopsis', 'options', 'exits', 'examples', 'programs'] as const
export type PartName = (typeof PARTS)[number]

/** The lines of a part. `all` are the programs that there are. Empty when there is nothing to say. */
export function linesOf(part: PartName, data: Data, all: readonly Data[]): string[] {
  return { synopsis, options, exits, examples, programs: () => programs(all) }[part](data)
}

function synopsis(data: Data): string[] {
  const lines = partsOf(data).flatMap(([word, part]) =>
    usageLines(part, '').map(usage => (word ? `${wordUsage(data, word)} ${usage}` : usage)),
  )
  return ['.Sh SYNOPSIS', ...lines.flatMap(usage => [`.Nm ${data.name}`, ...synopsisLines(usage.trim())])]
}

function wordUsage(data: Data, word: string): string {
  return 'commands' in data && data.default === word ? `[${word}]` : word
}

function options(data: Data): string[] {
  const tables = partsOf(data).map(([word, part]) => [word, flagsOf(part)] as const)
  const [first] = tables
  if (!first) return []
  if (first[0] === undefined) return ['.Sh OPTIONS', ...flagList(first[1])]
  const common = first[1].filter(row => tables.every(([, rows]) => rows.some(other => same(row, other))))
  const own = tables.map(([word, rows]) => [word, rows.filter(row => !common.some(other => same(row, other)))] as const)
  return [
    '.Sh OPTIONS',
    ...own.flatMap(([word, rows]) => [`.Ss ${data.name} ${word}`, ...prose(sentence(doesOf(data, word))), ...flagList(rows)]),
    '.Ss Of every command',
    ...flagList(common),
  ]
}

function flagsOf(part: Described): FlagRow[] {
  return Object.entries(allFlags(part.flags)).map(([key, flag]: [string, Flag]) => [spelling(key, flag).trim(), meaning(flag)] as const)
}

function flagList(rows: readonly FlagRow[]): string[] {
  if (rows.length === 0) return []
  return ['.Bl -tag -width Ds', ...rows.flatMap(([spelt, means]) => [itemOf(spelt), ...prose(sentence(means))]), '.El']
}

/** `-t, --timeout <time>` as the head of an item. */
function itemOf(spelt: string): string {
  const [, letter, rest] = /^(?:(-[^-]), )?(.*)$/.exec(spelt) as RegExpExecArray
  const long = synopsisLines(rest as string)
    .map(line => line.slice(1))
    .join(' ')
  return `.It ${letter ? `Fl ${argument(letter.slice(1))} , ` : ''}${long}`
}

function exits(data: Data): string[] {
  const byCode = new Map<number, Map<string, string[]>>()
  const parts = partsOf(data)
  for (const [word, part] of parts) {
    for (const [code, means] of exitsOf(part)) {
      const meanings = byCode.get(code) ?? new Map<string, string[]>()
      meanings.set(means, [...(meanings.get(means) ?? []), word ?? ''])
      byCode.set(code, meanings)
    }
  }
  const items = [...byCode]
    .sort(([a], [b]) => a - b)
    .flatMap(([code, meanings]) => {
      const texts = [...meanings].map(([means, words]) =>
        words.length === parts.length ? sentence(means) : `${sentence(`of ${words.join(', ')}: ${means}`)}`,
      )
      return [`.It ${code}`, ...texts.flatMap(prose)]
    })
  return ['.Sh EXIT STATUS', '.Bl -tag -width Ds', ...items, '.El']
}

function examples(data: Data): string[] {
  const all = partsOf(data).flatMap(([, part]) => part.examples)
  if (all.length === 0) return []
  return [
    '.Sh EXAMPLES',
    ...all.flatMap(([line, does], at) => [...(at > 0 ? ['.Pp'] : []), ...prose(sentence(does).replace(/\.$/, ':')), ...display(line)]),
  ]
}

function programs(all: readonly Data[]): string[] {
  const others = all.filter(({ name }) => name !== 'zag')
  return ['.Bl -tag -width zag-providers', ...others.flatMap(({ name, does }) => [`.It Xr ${name} 1`, ...prose(sentence(does))]), '.El']
}

/** The whole program, or each of its commands with its word. */
function partsOf(data: Data): [word: string | undefined, part: Described][] {
  return 'commands' in data ? Object.entries(data.commands) : [[undefined, data]]
}

function doesOf(data: Data, word: string | undefined): string {
  return 'commands' in data && word !== undefined ? (data.commands[word]?.does ?? '') : data.does
}

function same(a: FlagRow, b: FlagRow): boolean {
  return a[0] === b[0] && a[1] === b[1]
}
