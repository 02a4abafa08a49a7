// argv spelt out for yargs, which knows neither `-pvalue` nor a prompt such as `- fix this`.
//
// Every flag gets its long form with its value attached, and the operands are kept apart. A word is a flag if it begins
// with one or two dashes and a letter; all else (`-`, `-5`, `- fix this`, the empty word) is an operand or a value. Flags may
// stand before and after operands. `who` is the program as messages name it.

import { type Fault, quoted, usage } from '../base/exit.js'
import { nearest } from '../base/name.js'
import { type Flag, type Flags, longName, placeholder, takesValue } from './data.js'

/** Where the first word is that is neither a flag nor its value; -1 if there is none before `--`. */
export function firstOperand(flags: Flags, argv: readonly string[]): number {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string
    if (word === '--') return -1
    if (!isFlag(flags, word)) return i
    if (takesNext(flags, word)) i++
  }
  return -1
}

/** Whether a flag as it was typed takes the next word as its value. */
function takesNext(flags: Flags, word: string): boolean {
  if (word.startsWith('--')) return takesValue(flags[keyOfName(flags, word.slice(2)) ?? ''])
  const letters = [...word.slice(1)]
  const flagOf = (letter: string) => flags[keyOfLetter(flags, letter) ?? '']
  const first = letters.findIndex(letter => takesValue(flagOf(letter)) || mayTakeValue(flagOf(letter)))
  return first >= 0 && first === letters.length - 1 && takesValue(flagOf(letters[first] as string))
}

export interface Spelt {
  spelt: string[]
  operands: string[]
  after: string[] | undefined
}

/** argv as yargs gets it, and the operands. Throws usage for a flag that is not known or lacks its value. */
export function spell(flags: Flags, argv: readonly string[], who: string): Spelt {
  const spelt: string[] = []
  const operands: string[] = []
  const words = [...argv]
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '--') return { spelt, operands, after: words }
    if (!isFlag(flags, word)) operands.push(word)
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
  if (mayTakeValue(flags[key])) return equals < 0 ? word : attached(name, notEmpty(flags, key, word.slice(equals + 1), who))
  if (!takesValue(flags[key])) {
    if (equals >= 0) throw usage(`flag '--${name}' takes no value: leave out ${quoted(word.slice(equals))} (${who} --help)`)
    return word
  }
  return attached(name, equals >= 0 ? word.slice(equals + 1) : nextValue(flags, key, rest, who))
}

/** `-p sh`, `-psh`, `-p=sh`, and letters without a value together: `-aq`. What follows a letter whose value is optional is that value. */
function spellShort(flags: Flags, word: string, rest: string[], who: string): string[] {
  const spelt: string[] = []
  for (let i = 1; i < word.length; i++) {
    const key = keyOfLetter(flags, word[i] as string)
    if (key === undefined) throw noSuchFlag(flags, i === 1 ? word : `-${word[i]}`, who)
    if (mayTakeValue(flags[key]) && i + 1 < word.length) {
      spelt.push(attached(longName(key), notEmpty(flags, key, word.slice(i + 1).replace(/^=/, ''), who)))
      return spelt
    }
    if (takesValue(flags[key])) {
      const value = word.slice(i + 1)
      spelt.push(attached(longName(key), value ? value.replace(/^=/, '') : nextValue(flags, key, rest, who)))
      return spelt
    }
    spelt.push(`--${longName(key)}`)
  }
  return spelt
}

/** In quotes, because yargs takes one pair away from a value that has some of its own. */
function attached(name: string, value: string): string {
  return `--${name}="${value}"`
}

/** Takes the value of a flag from the words after it. */
function nextValue(flags: Flags, key: string, rest: string[], who: string): string {
  const next = rest[0]
  const name = `--${longName(key)}`
  const place = `<${placeholder(key, flags[key] as Flag)}>`
  if (next === undefined || next === '--') throw usage(`flag '${name}' needs a ${place} (${who} --help)`)
  if (isFlag(flags, next)) throw usage(`flag '${name}' needs a ${place}: write ${name}=${quoted(next)} if that is it (${who} --help)`)
  return rest.shift() as string
}

/** A dash and a digit are a number, unless a flag has that digit. */
function isFlag(flags: Flags, word: string): boolean {
  return /^--?[A-Za-z_]/.test(word) || (/^-\d/.test(word) && keyOfLetter(flags, word[1] as string) !== undefined)
}

function mayTakeValue(flag: Flag | undefined): boolean {
  return flag?.type === 'optional'
}

/** An optional value that was begun: empty, it would mean the same as none, which nobody writes on purpose. */
function notEmpty(flags: Flags, key: string, value: string, who: string): string {
  if (value !== '') return value
  throw usage(
    `flag '--${longName(key)}' has no <${placeholder(key, flags[key] as Flag)}> after its '=': give one or leave both out (${who} --help)`,
  )
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

/** What was meant, as a question; nothing without a candidate. */
export function guess(near: string[]): string | undefined {
  return near.length > 0 ? `did you mean ${near.join(' or ')}?` : undefined
}
