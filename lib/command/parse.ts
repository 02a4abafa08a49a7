// From argv to the values that `run` gets. yargs is the parser; all of its settings are here.
//
// It is given argv spelt out, since it knows neither `-pvalue` nor a prompt such as `- fix this`: every flag in its long
// form with its value attached, the operands apart. A word is a flag if it begins with one or two dashes and a letter;
// all else (`-`, `-5`, `- fix this`, the empty word) is an operand or a value. Flags may stand before and after operands.

import { Fault, quoted, usage } from '../base/exit.js'
import { nearest } from '../base/name.js'
import { allFlags, type Family, type Flag, type Flags, longName, type Operands, type Part, type Values } from './data.js'
import { readValue } from './value.js'

/** The values of argv, or what was asked for instead of a run. `who` is the program as messages name it. Throws usage. */
export async function parse(part: Part, argv: readonly string[], who: string): Promise<Values<Flags> | 'help' | 'version'> {
  const flags = allFlags(part.flags)
  const { spelt, operands, after } = spell(flags, argv, who)
  const given = await runYargs(flags, spelt)
  if (given.help) return 'help'
  if (given.version) return 'version'
  const values: Record<string, unknown> = {}
  for (const [key, flag] of Object.entries(flags)) values[key] = meaningOf(flag, longName(key), given[longName(key)])
  const apart = part.afterDashes ? after : undefined
  const words = part.afterDashes ? operands : [...operands, ...(after ?? [])]
  checkCount(words, part.operands, who)
  if (part.afterDashes) checkCount(apart ?? [], part.afterDashes, who)
  return { ...values, operands: words, afterDashes: apart } as Values<Flags>
}

/** The subcommand that argv means, and argv without its word. Throws usage when there is none such. */
export function choose(data: Family, argv: readonly string[]): { part: Part; word: string | undefined; rest: readonly string[] } {
  const known = Object.assign({}, ...Object.values(data.commands).map(part => allFlags(part.flags))) as Flags
  const at = firstOperand(known, argv)
  const word = at < 0 ? undefined : (argv[at] as string)
  if (word !== undefined && Object.hasOwn(data.commands, word)) {
    return { part: data.commands[word] as Part, word, rest: argv.filter((_, i) => i !== at) }
  }
  const part = data.default === undefined ? undefined : data.commands[data.default]
  if (part && (word === undefined || part.operands)) return { part, word: undefined, rest: argv }
  const words = Object.keys(data.commands)
  if (word !== undefined)
    throw usage(`no command ${quoted(word)}: ${guess(nearest(word, words)) ?? `there are ${words.join(', ')}`} (${data.name} --help)`)
  if (argv.some(each => each === '--help' || each === '-h' || each === '--version')) {
    return { part: { ...(data.commands[words[0] as string] as Part), operands: undefined }, word: undefined, rest: argv }
  }
  throw usage(`a command is needed: ${words.join(', ')} (${data.name} --help)`)
}

function firstOperand(flags: Flags, argv: readonly string[]): number {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string
    if (word === '--') return -1
    if (!isFlag(word)) return i
    if (takesNext(flags, word)) i++
  }
  return -1
}

/** Whether a flag as it was typed takes the next word as its value. */
function takesNext(flags: Flags, word: string): boolean {
  if (word.startsWith('--')) return takesValue(flags[keyOfName(flags, word.slice(2)) ?? ''])
  const letters = [...word.slice(1)]
  const first = letters.findIndex(letter => takesValue(flags[keyOfLetter(flags, letter) ?? '']))
  return first >= 0 && first === letters.length - 1
}

interface Spelt {
  spelt: string[]
  operands: string[]
  after: string[] | undefined
}

/** argv as yargs gets it, and the operands. Throws usage for a flag that is not known or lacks its value. */
function spell(flags: Flags, argv: readonly string[], who: string): Spelt {
  const spelt: string[] = []
  const operands: string[] = []
  const words = [...argv]
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--') return { spelt, operands, after: words }
    if (!isFlag(word)) operands.push(word)
    else if (word.startsWith('--')) spelt.push(spellLong(flags, word, words, who))
    else spelt.push(...spellShort(flags, word, words, who))
  }
  return { spelt, operands, after: undefined }
}

function spellLong(flags: Flags, word: string, rest: string[], who: string): string {
  const equals = word.indexOf('=')
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals)
  const key = keyOfName(flags, name)
  if (key === undefined) throw noSuchFlag(flags, `--${name}`, who)
  if (!takesValue(flags[key])) {
    if (equals >= 0) throw usage(`flag '--${name}' takes no value: leave out ${quoted(word.slice(equals))} (${who} --help)`)
    return word
  }
  return equals >= 0 ? word : `${word}=${nextValue(flags, key, rest, who)}`
}

/** `-p sh`, `-psh`, `-p=sh`, and letters without a value together: `-aq`. */
function spellShort(flags: Flags, word: string, rest: string[], who: string): string[] {
  const spelt: string[] = []
  for (let i = 1; i < word.length; i++) {
    const key = keyOfLetter(flags, word[i] as string)
    if (key === undefined) throw noSuchFlag(flags, i === 1 ? word : `-${word[i]}`, who)
    if (takesValue(flags[key])) {
      const attached = word.slice(i + 1)
      spelt.push(`--${longName(key)}=${attached ? attached.replace(/^=/, '') : nextValue(flags, key, rest, who)}`)
      return spelt
    }
    spelt.push(`--${longName(key)}`)
  }
  return spelt
}

/** Takes the value of a flag from the words after it. */
function nextValue(flags: Flags, key: string, rest: string[], who: string): string {
  const next = rest[0]
  const name = `--${longName(key)}`
  const place = `<${placeholder(key, flags[key] as Flag)}>`
  if (next === undefined || next === '--') throw usage(`flag '${name}' needs a ${place} (${who} --help)`)
  if (isFlag(next)) throw usage(`flag '${name}' needs a ${place}: write ${name}=${quoted(next)} if that is it (${who} --help)`)
  return rest.shift() as string
}

/** What stands for a flag's value in help and messages. */
export function placeholder(key: string, flag: Flag): string {
  const byType = {
    boolean: '',
    string: longName(key),
    strings: longName(key),
    number: 'n',
    time: 'time',
    moment: 'moment',
    size: 'size',
    choice: '',
  }
  return flag.value ?? (flag.type === 'choice' ? (flag.choices ?? []).join('|') : byType[flag.type])
}

function isFlag(word: string): boolean {
  return /^--?[A-Za-z_]/.test(word)
}

function takesValue(flag: Flag | undefined): boolean {
  return flag !== undefined && flag.type !== 'boolean'
}

function keyOfName(flags: Flags, name: string): string | undefined {
  return Object.keys(flags).find(key => longName(key) === name)
}

function keyOfLetter(flags: Flags, letter: string): string | undefined {
  return Object.keys(flags).find(key => flags[key]?.short === letter)
}

function noSuchFlag(flags: Flags, typed: string, who: string): Fault {
  const names = Object.keys(flags).map(longName)
  const near = typed.replace(/^--?/, '').length > 1 ? nearest(typed.replace(/^--?|=.*$/gs, ''), names) : []
  const hint = guess(near.map(name => `--${name}`))
  return usage(`no flag ${quoted(typed)}${hint ? `: ${hint}` : ''} (${who} --help)`)
}

function guess(near: string[]): string | undefined {
  return near.length > 0 ? `did you mean ${near.join(' or ')}?` : undefined
}

/** What yargs makes of the flags, under their long names: true, a text, or an array of texts when given more than once. */
async function runYargs(flags: Flags, spelt: string[]): Promise<Record<string, unknown>> {
  const { default: yargs } = await import('yargs')
  // help and version first: yargs complains of options that have these names while it has its own.
  const parser = yargs([], '/').help(false).version(false).locale('en').exitProcess(false).parserConfiguration(SETTINGS)
  for (const [key, flag] of Object.entries(flags)) parser.option(longName(key), { type: flag.type === 'boolean' ? 'boolean' : 'string' })
  return parser
    .strictOptions()
    .fail((message, error) => {
      throw error ?? usage(message.toLowerCase())
    })
    .parseSync(spelt)
}

/** What yargs does unless told otherwise, and no user of these programs expects. */
const SETTINGS = {
  'boolean-negation': false,
  'camel-case-expansion': false,
  'dot-notation': false,
  'duplicate-arguments-array': true,
  'parse-numbers': false,
  'parse-positional-numbers': false,
  'short-option-groups': false,
} as const

function meaningOf(flag: Flag, name: string, given: unknown): unknown {
  if (flag.type === 'boolean') return given === true
  if (flag.type === 'strings') return given === undefined ? [] : [given].flat()
  if (Array.isArray(given)) throw usage(`flag '--${name}' is given twice: give it once`)
  const text = given ?? flag.default
  if (text === undefined) return undefined
  try {
    return readValue(flag, String(text))
  } catch (error) {
    throw error instanceof Fault ? usage(`flag '--${name}': ${error.message}`) : error
  }
}

function checkCount(words: readonly string[], wanted: Operands | undefined, who: string): void {
  const max = wanted ? (wanted.max ?? Number.POSITIVE_INFINITY) : 0
  if (wanted && words.length < (wanted.min ?? 0)) throw usage(`a <${wanted.name}> is needed (${who} --help)`)
  if (words.length <= max) return
  const extra = quoted(words[max] as string)
  throw usage(
    `${extra} is one word too many: ${max === 0 ? 'no operand is' : `at most ${max} ${max === 1 ? 'is' : 'are'}`} taken (${who} --help)`,
  )
}
