// What a program says of itself: the one description that parsing, --help, the manual and the compiler share.
//
// Flags are keyed in camelCase and spelt with dashes on the command line: olderThan is --older-than. What `run` gets
// follows from the data, so a misspelt flag does not compile.

import type { Input } from './input.js'
import type { Output, Talk } from './output.js'

/**
 * What a flag's value is: `number` a non-negative integer, `time` milliseconds from a duration, `moment` milliseconds
 * since 1970, `size` bytes (64k, 1M), `choice` one of `choices`, `strings` a list to which each repetition adds one,
 * `optional` a text that may be left out (then `true`): it is only taken where it is attached, as in --worktree=NAME or -wNAME.
 */
export type FlagType = 'boolean' | 'string' | 'strings' | 'optional' | 'number' | 'time' | 'moment' | 'size' | 'choice'

export interface Flag {
  type: FlagType
  /** what it does, lower case, without a full stop */
  does: string
  /** one letter */
  short?: string
  /** the placeholder in help, without the brackets; made from the type when missing */
  value?: string
  /** what counts when the flag is not given, written as a user would */
  default?: string | number
  choices?: readonly string[]
  /** bounds of a number */
  min?: number
  max?: number
  /** a text that is JSON where it begins with `{`: in a row of --each it may be an object itself */
  json?: boolean
}

export type Flags = Readonly<Record<string, Flag>>

export interface Operands {
  /** the placeholder in messages, without the brackets */
  name: string
  min?: number
  max?: number
}

/** What `run` gets for one flag. */
export type Value<F extends Flag> = F['type'] extends 'boolean'
  ? boolean
  : F['type'] extends 'strings'
    ? string[]
    : F['type'] extends 'optional'
      ? string | true | undefined
      : F extends { default: string | number }
        ? Given<F>
        : Given<F> | undefined

type Given<F extends Flag> = F['type'] extends 'number' | 'time' | 'moment' | 'size'
  ? number
  : F['type'] extends 'choice'
    ? F extends { choices: readonly (infer C)[] }
      ? C
      : string
    : string

/** What `run` gets: its flags and words. */
export type Values<F extends Flags> = { -readonly [K in keyof F]: Value<F[K]> } & {
  operands: string[]
  /** the words after `--` when the data has `afterDashes` and `--` was given; else `--` just ends the flags */
  afterDashes: string[] | undefined
}

export interface Context {
  stdin: Input
  out: Output
  err: Talk
}

/** One thing a program does: the whole of it, or one of its subcommands. Without `operands` it takes none. */
export interface Part<F extends Flags = Flags> {
  does: string
  /** lines of the synopsis, without the program's name */
  usage: readonly string[]
  flags: F
  operands?: Operands
  afterDashes?: Operands
  /** the codes it can end with; those of every program (help.ts, exitsOf) need no mention */
  exits: Readonly<Record<number, string>>
  /** a command line and what it does */
  examples: readonly (readonly [string, string])[]
  /** flags and words are left as they are, in `operands`: only for the dispatcher */
  raw?: true
  /** Does it, and returns the exit code; nothing means 0. */
  // biome-ignore lint/suspicious/noConfusingVoidType: a run without a return is one that succeeds
  run(values: Values<F>, context: Context): Promise<number | void> | number | void
}

export interface Program<F extends Flags = Flags> extends Part<F> {
  name: string
}

/** A program with subcommands: `zag-ps list`. */
export interface Family<C extends Record<string, Flags> = Record<string, Flags>> {
  name: string
  does: string
  commands: { [K in keyof C]: Part<C[K]> }
  /** the subcommand that is meant when none is named */
  default?: keyof C & string
}

/** The data of any program as those who only read it see it: `run` is not for them to call. */
export type Data =
  | Omit<Program, 'run'>
  | { name: string; does: string; commands: Readonly<Record<string, Omit<Part, 'run'>>>; default?: string }

/** `olderThan` as it is typed: `older-than`. */
export function longName(key: string): string {
  return key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
}

/** Whether a flag cannot do without a value, and so takes the next word if none is attached. */
export function takesValue(flag: Flag | undefined): boolean {
  return flag !== undefined && flag.type !== 'boolean' && flag.type !== 'optional'
}

/** What stands for a flag's value in help and messages. */
export function placeholder(key: string, flag: Flag): string {
  const byType = {
    boolean: '',
    string: longName(key),
    strings: longName(key),
    optional: longName(key),
    number: 'n',
    time: 'time',
    moment: 'moment',
    size: 'size',
    choice: '',
  }
  return flag.value ?? (flag.type === 'choice' ? (flag.choices ?? []).join('|') : byType[flag.type])
}

/** The flags of a part, then those that every program has. A program's own flag or letter goes before a common one. */
export function allFlags(own: Flags): Flags {
  const taken = new Set(Object.values(own).map(flag => flag.short))
  const common = Object.entries(commonFlags).filter(([key]) => !Object.hasOwn(own, key))
  return { ...own, ...Object.fromEntries(common.map(([key, flag]) => [key, taken.has(flag.short) ? { ...flag, short: undefined } : flag])) }
}

const commonFlags: Flags = {
  quiet: { type: 'boolean', short: 'q', does: 'say nothing on stderr but errors' },
  debug: { type: 'boolean', short: 'd', does: 'say where an error came from, as ZAG_DEBUG=1' },
  help: { type: 'boolean', short: 'h', does: 'show this help' },
  version: { type: 'boolean', does: 'show the version' },
}
