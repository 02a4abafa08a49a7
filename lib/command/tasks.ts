// The tasks of a batch, one a line: a text is the prompt, a JSON object has the program's flags as keys. A line that is wrong
// is told by its number and keeps none of the others.

import { isUtf8 } from 'node:buffer'
import { Fault, quoted, usage } from '../base/exit.js'
import { nearest } from '../base/name.js'
import { type Flag, type Flags, longName } from './data.js'
import { contentOf } from './input.js'
import { readValue } from './value.js'

/** A line of more bytes is refused: a task that long belongs into a file. */
export const LONGEST = 8 * 1024 * 1024

export type Format = 'text' | 'json'

/** One line: the values of flags that it gives, under their names in camelCase, or what is wrong with it. */
export interface Task {
  /** The number of the line, from 1. */
  row: number
  values: Record<string, unknown> | Fault
}

/** The tasks of these lines. Blank lines are passed over. Without a format, a line that begins with `{` is JSON. */
export async function* tasksOf(lines: AsyncIterable<Buffer>, format: Format | undefined, flags: Flags): AsyncGenerator<Task> {
  let row = 0
  for await (const line of lines) {
    row += 1
    if (!isBlank(line)) yield { row, values: valuesOrFault(line, format, flags) }
  }
}

const isBlank = (line: Buffer) => line.length < 1000 && line.toString().trim() === ''

function valuesOrFault(bytes: Buffer, format: Format | undefined, flags: Flags): Record<string, unknown> | Fault {
  try {
    const wrong = bytes.length > LONGEST ? `has more than ${LONGEST} bytes` : isUtf8(bytes) ? undefined : 'is not UTF-8'
    if (wrong) throw usage(`the line ${wrong}: put its prompt into a file and give file_prompt`)
    const line = bytes.toString()
    return (format ?? (line.trimStart().startsWith('{') ? 'json' : 'text')) === 'text' ? { prompt: line } : valuesIn(line, flags)
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
}

function valuesIn(line: string, flags: Flags): Record<string, unknown> {
  const keys = new Map(Object.entries(flags).map(([key, flag]) => [keyOf(key), { key, flag }]))
  const values: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(objectIn(line))) {
    const known = keys.get(name)
    if (!known) {
      const [near] = nearest(name, [...keys.keys()])
      throw usage(`no key ${quoted(name)}: ${near ? `did you mean ${near}?` : 'keys are the long flags of zag spawn, with _ for -'}`)
    }
    if (value !== null) values[known.key] = meaningOf(known.flag, name, value)
  }
  return withPrompt(values)
}

/** A file that a row names for its prompt is read here: if it is not there, the row is wrong and not the home. */
function withPrompt({ filePrompt, ...values }: Record<string, unknown>): Record<string, unknown> {
  if (typeof filePrompt !== 'string') return values
  if (values.prompt !== undefined) throw usage('one prompt, please: prompt or file_prompt')
  return { ...values, prompt: contentOf(filePrompt, 'the prompt') }
}

/** `filePrompt` as it is spelt in a row: `file_prompt`. */
const keyOf = (key: string) => longName(key).replaceAll('-', '_')

function objectIn(line: string): object {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw usage('it is not JSON: give --each-format text for prompts that begin with {')
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw usage('it is no JSON object: write {"prompt": "..."}')
}

function meaningOf(flag: Flag, name: string, value: unknown): unknown {
  const wrong = (wanted: string) => usage(`${quoted(name)} must be ${wanted}, not ${Array.isArray(value) ? 'an array' : typeof value}`)
  if (flag.type === 'boolean') {
    if (typeof value !== 'boolean') throw wrong('true or false')
    return value
  }
  if (flag.type === 'optional' && (typeof value === 'boolean' || value === '')) return value === false ? undefined : true
  if (flag.type === 'strings') {
    const words = [value].flat()
    if (!words.every(word => typeof word === 'string')) throw wrong('a string or an array of strings')
    return words
  }
  if (flag.json && typeof value === 'object' && !Array.isArray(value)) return JSON.stringify(value)
  const isNumber = typeof value === 'number' && !['string', 'optional', 'choice'].includes(flag.type)
  if (typeof value !== 'string' && !isNumber)
    throw wrong(
      flag.type === 'number'
        ? 'a number'
        : flag.type === 'optional'
          ? 'a string or true'
          : flag.json
            ? 'a string or an object'
            : 'a string',
    )
  try {
    return readValue(flag, String(value))
  } catch (error) {
    throw error instanceof Fault ? usage(`${quoted(name)}: ${error.message}`) : error
  }
}

/** What a task is asked for with: the flags of the command line, over them its own. Lists are added to. */
export function over<T extends object>(common: T, own: Partial<T>): T {
  const both: T = { ...common }
  for (const [key, value] of Object.entries(own) as [keyof T, T[keyof T]][]) {
    const before = both[key]
    both[key] = Array.isArray(before) && Array.isArray(value) ? ([...before, ...value] as T[keyof T]) : value
  }
  return both
}
