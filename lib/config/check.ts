// A tree of TOML held against the keys: what is wrong with it, by line, and its plain value once nothing is.

import { Fault, quoted } from '../base/exit.js'
import { nearest } from '../base/name.js'
import { parseDuration } from '../base/time.js'
import { BUILTIN_PROVIDERS, type Key, type Known, type Shape, withoutNul } from './keys.js'
import type { Entry, Table } from './toml.js'

export interface Problem {
  line: number
  message: string
}

/** How a file is read: the names of providers that there are, and for a project's file where its homeOnly keys belong and whether it was accepted. */
export interface Reading {
  known: Known
  belongs?: string
  trusted?: boolean
}

type Plain = string | boolean | number | Plain[] | { [key: string]: Plain }

/** Everything that is wrong, the first line first; empty when the tree fits. */
export function problemsOf(table: Table, shape: Shape, reading: Reading): Problem[] {
  const found = [...inValue({ line: 1, value: table }, shape, [], reading)]
  return found.sort((a, b) => a.line - b.line)
}

/** The tree as plain values, tables without prototype; a table of fixed keys has all its tables. Only for a tree without problems. */
export function plain(value: Entry['value'], shape: Shape): Plain {
  if (Array.isArray(value)) return value.map(entry => plain(entry.value, shape))
  if (shape.kind === 'time') return durationOf(value) ?? 0
  if (!(value instanceof Map)) return typeof value === 'string' ? value : (value.flag ?? value.number ?? value.what)
  const object: { [key: string]: Plain } = Object.create(null)
  if (shape.kind === 'names')
    for (const [name, entry] of value)
      object[name] = plain(entry.value, (BUILTIN_PROVIDERS.has(name) && shape.ofBuiltin?.(name)) || shape.each)
  if (shape.kind !== 'keys') return object
  for (const [key, inner] of Object.entries(shape.keys)) {
    const isTable = inner.kind === 'keys' || inner.kind === 'names'
    const given = value.get(key)?.value ?? (isTable ? new Map() : undefined)
    if (given !== undefined) object[key] = plain(given, inner)
  }
  return object
}

function* inValue(entry: Entry, shape: Shape, path: string[], reading: Reading): Generator<Problem> {
  const { line, value } = entry
  const say = (words: string) => ({ line, message: `${named(path)} ${words}` })
  if (shape.kind === 'text' || shape.kind === 'choice') {
    if (typeof value !== 'string') yield say(`must be a string, not ${whatIs(value)}`)
    else yield* asProblem(shape.kind === 'text' ? shape.check?.(value) : unlessOneOf(value, shape.of), say)
  } else if (shape.kind === 'flag') {
    if (whatIs(value) !== 'a boolean') yield say(`must be true or false, not ${whatIs(value)}`)
  } else if (shape.kind === 'count') {
    if (!(numberOf(value) >= 1 && Number.isSafeInteger(numberOf(value)))) yield say('must be a whole number, 1 or more')
  } else if (shape.kind === 'amount') {
    if (!(numberOf(value) >= 0 && Number.isFinite(numberOf(value)))) yield say('must be a number, 0 or more')
  } else if (shape.kind === 'time') {
    if (durationOf(value) === undefined) yield say("must be a duration, such as '2s' or '500ms'")
  } else if (shape.kind === 'words' || shape.kind === 'list') {
    if (!Array.isArray(value)) yield say(`must be an array of strings, not ${whatIs(value)}`)
    else yield* shape.kind === 'words' ? inProgram(value, line, path) : inWords(value, path, shape.check)
  } else if (!(value instanceof Map)) {
    yield say(`must be a table, not ${whatIs(value)}`)
  } else if (shape.kind === 'keys') {
    yield* inKeys(value, shape, path, reading)
    for (const key of shape.required ?? []) if (!value.has(key)) yield say(`has no '${key}': give one`)
  } else {
    for (const [name, inner] of value) yield* inNamed(name, inner, shape, path, reading)
  }
}

function* inKeys(table: Table, shape: Shape & { kind: 'keys' }, path: string[], reading: Reading): Generator<Problem> {
  for (const [name, entry] of table) {
    const at = [...path, name]
    const key: Key | undefined = Object.hasOwn(shape.keys, name) ? shape.keys[name] : undefined
    if (!key) yield unknown(entry.line, at, Object.keys(shape.keys))
    else if (key.homeOnly && reading.belongs && !(key.onTrust && reading.trusted)) {
      yield { line: entry.line, message: notOfProject(at, key.homeOnly, reading.belongs, key.onTrust) }
    } else yield* inValue(entry, key, at, reading)
  }
}

function* inNamed(name: string, entry: Entry, shape: Shape & { kind: 'names' }, path: string[], reading: Reading): Generator<Problem> {
  const at = [...path, name]
  const { builtin, configured } = reading.known
  if (shape.among && !builtin.has(name) && !configured.has(name)) {
    yield unknown(entry.line, at, [...builtin, ...configured])
    return
  }
  if (shape.ofBuiltin && reading.belongs && builtin.has(name)) {
    yield { line: entry.line, message: notOfProject(at, 'changes a provider that zag has', reading.belongs) }
    return
  }
  const wrong = shape.name?.(name, reading.known, entry.value instanceof Map ? [...entry.value.keys()] : [])
  if (wrong) yield { line: entry.line, message: `${named(at)} ${wrong}` }
  else yield* inValue(entry, (builtin.has(name) && shape.ofBuiltin?.(name)) || shape.each, at, reading)
}

function notOfProject(path: string[], why: string, belongs: string, onTrust = false): string {
  const orTrust = onTrust ? ", or let 'zag trust' accept this very file" : ''
  return `${named(path)} ${why}, which a project may not: put it into ${quoted(belongs)}${orTrust}`
}

function* inWords(words: Entry[], path: string[], check: (text: string) => string | undefined): Generator<Problem> {
  for (const word of words) {
    const say = (text: string) => ({ line: word.line, message: `${named(path)} ${text}` })
    if (typeof word.value !== 'string') yield say(`must be an array of strings, but holds ${whatIs(word.value)}`)
    else yield* asProblem(check(word.value), say)
  }
}

function* inProgram(words: Entry[], line: number, path: string[]): Generator<Problem> {
  yield* inWords(words, path, withoutNul)
  if (words.length === 0 || words[0]?.value === '') yield { line, message: `${named(path)} names no program: give one` }
}

function unknown(line: number, path: string[], keys: string[]): Problem {
  const [near] = nearest(path.at(-1) ?? '', keys)
  const above = path.slice(0, -1)
  const way = near ? `did you mean ${named([...above, near])}?` : `there ${keys.length === 1 ? 'is' : 'are'} ${keys.join(', ')}`
  return { line, message: `no key ${named(path)}: ${way}` }
}

function numberOf(value: Entry['value']): number {
  return typeof value === 'object' && 'number' in value ? (value.number ?? Number.NaN) : Number.NaN
}

/** Milliseconds of a text such as `2s`; nothing for what is no duration. */
function durationOf(value: Entry['value']): number | undefined {
  if (typeof value !== 'string') return undefined
  try {
    return parseDuration(value)
  } catch (error) {
    if (error instanceof Fault) return undefined
    throw error
  }
}

function unlessOneOf(value: string, of: readonly string[]): string | undefined {
  return of.includes(value) ? undefined : `must be ${of.map(word => `'${word}'`).join(' or ')}, not ${quoted(value)}`
}

function* asProblem(words: string | undefined, say: (words: string) => Problem): Generator<Problem> {
  if (words !== undefined) yield say(words)
}

function named(path: string[]): string {
  return quoted(path.join('.'))
}

function whatIs(value: Entry['value']): string {
  if (typeof value === 'string') return 'a string'
  if (value instanceof Map) return 'a table'
  return Array.isArray(value) ? 'an array' : value.what
}
