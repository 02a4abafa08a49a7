// --help, from the same data that parsing and the manual use.

import { allFlags, type Data, type Flag, longName, type Part, placeholder } from './data.js'

type Described = Omit<Part, 'run'>

/** Codes that every program can end with, whatever it does. */
const COMMON_EXITS: Readonly<Record<number, string>> = {
  2: 'wrong usage; nothing was done',
  5: 'the system refused: file, disk or permission',
  70: 'a bug in zag',
}

/** All codes of a part, lowest first. */
export function exitsOf(part: Described): [number, string][] {
  const all: Record<number, string> = { ...COMMON_EXITS, ...part.exits }
  return Object.entries(all).map(([code, meaning]) => [Number(code), meaning])
}

/** How a flag is written: `-t, --timeout <time>`, `-w, --worktree[=<name>]`; without a letter it is indented as if it had one. */
export function spelling(key: string, flag: Flag): string {
  return `${flag.short ? `-${flag.short}, ` : '    '}--${longName(key)}${placeOf(flag, placeholder(key, flag))}`
}

function placeOf(flag: Flag, value: string): string {
  if (value === '') return ''
  if (flag.type === 'optional') return `[=<${value}>]`
  return flag.type === 'choice' && !flag.value ? ` {${value}}` : ` <${value}>`
}

/** What a flag does, with its default and that it may be repeated. */
export function meaning(flag: Flag): string {
  const notes = [flag.type === 'strings' && 'may be repeated', flag.default !== undefined && `default ${flag.default}`].filter(Boolean)
  return notes.length > 0 ? `${flag.does} (${notes.join('; ')})` : flag.does
}

/** The help of a program, or of one of its commands, for this width. */
export function helpText(data: Data, word: string | undefined, width: number): string {
  const part = 'commands' in data ? (word === undefined ? undefined : data.commands[word]) : data
  const who = word === undefined ? data.name : `${data.name} ${word}`
  const sections = part ? partHelp(part, who, width) : familyHelp(data as Extract<Data, { commands: unknown }>, width)
  const page = data.name.replace(/^zag-/, '')
  return `${[...sections, `More: zag man ${page}`].join('\n\n')}\n`
}

function partHelp(part: Described, who: string, width: number): string[] {
  const flags = Object.entries(allFlags(part.flags)).map(([key, flag]) => [spelling(key, flag), meaning(flag)] as const)
  const exits = exitsOf(part).map(([code, means]) => [String(code), means] as const)
  return [
    fold(`${who}: ${part.does}`, width, 0),
    section(
      'Usage',
      usageLines(part, who).map(line => fold(`  ${line}`, width, 6)),
    ),
    section('Flags', table(flags, width)),
    section('Exit codes', table(exits, width)),
    ...(part.examples.length > 0 ? [section('Examples', exampleLines(part, width))] : []),
  ]
}

function familyHelp(data: Extract<Data, { commands: unknown }>, width: number): string[] {
  const parts = Object.entries(data.commands)
  const usages = parts.flatMap(([word, part]) => usageLines(part, `${data.name} ${word === data.default ? `[${word}]` : word}`))
  const words = parts.map(([word, part]) => [word, part.does] as const)
  return [
    fold(`${data.name}: ${data.does}`, width, 0),
    section(
      'Usage',
      usages.map(line => fold(`  ${line}`, width, 6)),
    ),
    section('Commands', table(words, width)),
    `Flags of a command: ${data.name} <command> --help`,
    section(
      'Examples',
      parts.flatMap(([, part]) => exampleLines(part, width)),
    ),
  ]
}

/** The lines of the synopsis with the program's name. */
export function usageLines(part: Described, who: string): string[] {
  return (part.usage.length > 0 ? part.usage : ['']).map(line => `${who} ${line}`.trimEnd())
}

function exampleLines(part: Described, width: number): string[] {
  return part.examples.flatMap(([line, does]) => [`  ${line}`, fold(`      ${does}`, width, 6)])
}

function section(title: string, lines: readonly string[]): string {
  return [`${title}:`, ...lines].join('\n')
}

/** Two columns; what is too long for the first one stands on a line of its own. */
function table(rows: readonly (readonly [string, string])[], width: number): string[] {
  const first = Math.min(30, Math.max(...rows.map(([left]) => left.length)))
  return rows.flatMap(([left, right]) => {
    const text = fold(`${' '.repeat(first + 4)}${right}`, width, first + 4)
    return left.length > first ? [`  ${left}`, text] : [`  ${left.padEnd(first)}${text.slice(first + 2)}`]
  })
}

/** Text broken at blanks, the lines after the first indented. What has no blank is never cut. */
function fold(text: string, width: number, indent: number): string {
  const lead = /^ */.exec(text)?.[0] ?? ''
  const lines: string[] = []
  let line = lead
  for (const word of text.trim().split(' ')) {
    const empty = line.trim() === ''
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line)
      line = ' '.repeat(indent) + word
    } else line += empty ? word : ` ${word}`
  }
  return [...lines, line].join('\n')
}
