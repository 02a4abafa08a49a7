// The page of zag help-agent: what is written by hand, then every program from its data. Flags that many programs share are
// told once, under a word that stands for them.

import { EXIT } from '../base/exit.js'
import { CORE } from './agent-core.js'
import { askFlags, callFlags } from './ask.js'
import { type Data, type Flag, type Flags, longName, type Part } from './data.js'
import { aboutUsage, pickExits, pickFlags, pickUsage } from './flags.js'
import { spelling, usageLines } from './help.js'

type Described = Omit<Part, 'run'>

/** Programs for people at a terminal: named, not explained. */
export const FOR_PEOPLE: ReadonlySet<string> = new Set(['zag', 'zag-completion', 'zag-doctor', 'zag-help-agent', 'zag-man'])

/** Flags that are told once, under this heading. */
const SHARED: readonly { word: string; flags: Flags }[] = [
  { word: 'flags of <sessions>', flags: pickFlags },
  { word: 'flags of a new session', flags: askFlags },
  { word: 'flags of its name', flags: callFlags },
]

/** What usages have in full and this page says shortly. */
const SHORTER: readonly (readonly [string, string])[] = [
  ['{ <prompt> | - | --prompt <text> | --file-prompt <path> }', '<prompt>'],
  ['{ <message> | - | --prompt <text> | --file-prompt <path> }', '<message>'],
  [pickUsage, '<sessions>'],
  [pickUsage.slice(2, -2), '<sessions>'],
  [aboutUsage, '[--session <session>] [<sessions>]'],
]

/** Lines are broken at about this width. */
const WIDTH = 160

/** The page, for these programs. */
export function agentPage(programs: readonly Data[]): string {
  const explained = programs.filter(({ name }) => !FOR_PEOPLE.has(name))
  const people = programs.filter(({ name }) => FOR_PEOPLE.has(name) && name !== 'zag')
  return [
    CORE,
    '## Programs',
    '',
    'All take -q/--quiet (no talk on stderr), -d/--debug and --help. Exit codes that mean what the table says are not repeated.',
    '',
    ...explained.flatMap(programLines),
    '',
    ...SHARED.map(({ word, flags }) => `${sentence(word)}: ${flagList(flags)}`).flatMap(folded),
    '',
    ...folded(`For people: ${people.map(({ name, does }) => `${spoken(name)} (${does})`).join('; ')}`),
    '',
  ].join('\n')
}

function programLines(data: Data): string[] {
  const name = spoken(data.name)
  const heading = `### ${name}: ${data.does}`
  if (!('commands' in data)) return [heading, ...partLines(name, data)]
  const told = new Set<string>()
  return [
    heading,
    ...Object.entries(data.commands).flatMap(([word, part]) => {
      const [first, ...rest] = partLines(word === data.default ? `${name} [${word}]` : `${name} ${word}`, part, told)
      return [`${first}   # ${part.does}`, ...rest]
    }),
  ]
}

/** A program or a command of one; what its neighbours have `told` already is left out. */
function partLines(who: string, part: Described, told: Set<string> = new Set()): string[] {
  const usages = usageLines(part, who).map(shorter)
  const { flags, groups } = sorted(part.flags, usages.join())
  const words = [...flags.map(flagText), ...groups].filter(text => !told.has(text))
  for (const text of words) told.add(text)
  const exits = Object.entries(part.exits)
    .filter(([code, means]) => Number(code) < CANNOT_RUN && means !== pickExits[EXIT.none])
    .map(([code, means]) => `${code} ${means}`)
  return [...usages.map(line => `    ${line}`), ...folded([words.join('; '), `Exits: ${exits.join('; ')}.`].filter(Boolean).join('. '))]
}

/** From this exit code on the table of codes says it. */
const CANNOT_RUN = EXIT.cannotRun

function shorter(usage: string): string {
  return SHORTER.reduce((line, [long, short]) => line.replace(`{ ${long} }`, short).replace(long, short), usage)
}

/** The flags that are a part's own, and the words for those that it shares: most of a group is told as the group without the rest. */
function sorted(flags: Flags, usage: string): { flags: [string, Flag][]; groups: string[] } {
  const told = new Set<string>()
  const groups = SHARED.flatMap(({ word, flags: shared }) => {
    const keys = Object.keys(shared)
    const has = keys.filter(key => same(flags[key], shared[key]))
    if (has.length * 2 <= keys.length) return []
    for (const key of has) told.add(key)
    const lacking = keys.filter(key => !Object.hasOwn(flags, key))
    if (lacking.length > 0) return [`${word} but ${lacking.map(key => `--${longName(key)}`).join(', ')}`]
    return shared === pickFlags && usage.includes('<sessions>') ? [] : [word]
  })
  return { flags: Object.entries(flags).filter(([key]) => !told.has(key)), groups }
}

function same(one: Flag | undefined, other: Flag | undefined): boolean {
  return one !== undefined && JSON.stringify(one) === JSON.stringify(other)
}

function flagList(flags: Flags): string {
  return Object.entries(flags).map(flagText).join('; ')
}

function flagText([key, flag]: readonly [string, Flag]): string {
  const note = flag.default === undefined ? '' : ` (default ${flag.default})`
  return `${spelling(key, flag).trim().replace(', ', '/')}${flag.type === 'strings' ? '*' : ''}: ${flag.does}${note}`
}

/** A text as lines, the later ones indented. */
function folded(text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = `  ${word}`
    } else line += line === '' ? word : ` ${word}`
  }
  return [...lines, line]
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** `zag wait` of zag-wait. */
function spoken(program: string): string {
  return program.replace('-', ' ')
}
