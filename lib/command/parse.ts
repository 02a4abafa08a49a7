// From argv to the values that `run` gets. yargs is the parser; all of its settings are here, and spell.ts hands it argv.

import { Fault, quoted, usage } from '../base/exit.js'
import { nearest } from '../base/name.js'
import { allFlags, type Family, type Flag, type Flags, longName, type Operands, type Part, type Values } from './data.js'
import { firstOperand, guess, spell } from './spell.js'
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

/** What yargs makes of the flags, under their long names: true, a text, or an array of texts when given more than once. */
async function runYargs(flags: Flags, spelt: string[]): Promise<Record<string, unknown>> {
  const { default: yargs } = await import('yargs')
  const named = (boolean: boolean) =>
    Object.keys(flags)
      .filter(key => (flags[key]?.type === 'boolean') === boolean)
      .map(longName)
  // The working folder may be gone: it is named so that yargs does not ask for it.
  return yargs([], '/')
    .help(false)
    .version(false)
    .locale('en')
    .exitProcess(false)
    .parserConfiguration(SETTINGS)
    .boolean(named(true))
    .string(named(false))
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
  if (flag.type === 'optional' && given === '') return true
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
