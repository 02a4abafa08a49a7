// Which rules allow a call, and which refuses it. A call may have several parts, the commands of a shell line or the files of a list:
// to be allowed, each part needs a rule; to be refused, one part is enough.

import type { Call, Place } from './call.js'
import { literally, matches, onlyText, type Piece, readGlob, textOf } from './glob.js'
import { everyCommand } from './inside.js'
import { leaving } from './leave.js'
import { fits, type Meant, mayFit, meant } from './path.js'
import { type Reaching, reaching } from './reach.js'
import { formatRule, isAnything, type Rule } from './rule.js'
import { simpleCommands, simpleOnes } from './shell.js'

/** A part of a call, and the rule that allows it or why none does. */
export interface Part<R extends Rule = Rule> {
  /** a simple command in normal form, or what was asked for */
  part: string
  rule?: R
  why?: string
}

/** How a call stands to allow rules. */
export interface Coverage<R extends Rule = Rule> {
  /** whether all of it is allowed */
  allowed: boolean
  parts: Part<R>[]
  /** the rules it takes, each once */
  rules: R[]
}

/** Which of the rules allow each part of a call; where several do, the first. */
export function covers<R extends Rule>(rules: readonly R[], call: Call, place: Place): Coverage<R> {
  const own = rules.filter(({ tool }) => tool === call.tool)
  // Where an agent told no line, who knows what it runs.
  const isTold = call.tool !== 'bash' || call.params.command !== undefined
  const whole = isTold ? own.find(({ params, only }) => !only && Object.keys(params).length === 0) : undefined
  if (whole) return { allowed: true, parts: [{ part: describe(call), rule: whole }], rules: [whole] }
  const each = eachOf(call)
  const parts = (each ?? [tooMany(call)]).flatMap(single => {
    // What is left of too many says nothing of what they have.
    const fit = each ? own : []
    return call.tool === 'bash' ? ofShell(fit, single, place) : [ofSingle(fit, single, place)]
  })
  const used = new Set(parts.flatMap(({ rule }) => (rule ? [rule] : [])))
  return { allowed: parts.every(({ rule }) => rule), parts, rules: [...used] }
}

/** The first rule that refuses a call, or what may be one. */
export function refuses<R extends Rule>(rules: readonly R[], call: Call, place: Place): R | undefined {
  const own = rules.filter(({ tool }) => tool === call.tool)
  if (own.length === 0) return undefined
  const each = eachOf(call)
  // Nobody looks through so many: one of them may be what is refused.
  return each ? own.find(rule => each.some(single => mayMean(rule, single, place))) : own[0]
}

/** What a call is about, for people: its command, or its parameters. */
function describe({ tool, params }: Call): string {
  const { command } = params
  if (tool === 'bash' && typeof command === 'string') return command
  return formatRule({ tool, params: Object.fromEntries(Object.entries(params).map(([key, value]) => [key, spelt(value) ?? ''])) })
}

/** A call with lists in it is one call for each of what is in them; too many are one that no rule with parameters knows. */
export function singles(call: Call): Call[] {
  return eachOf(call) ?? [tooMany(call)]
}

const tooMany = (call: Call): Call => ({ ...call, params: {} })

function eachOf(call: Call): Call[] | undefined {
  let all: Record<string, unknown>[] = [{}]
  for (const [key, value] of Object.entries(call.params)) {
    const values = Array.isArray(value) ? (value.length === 0 ? [undefined] : value) : [value]
    all = all.flatMap(params => values.map(each => Object.fromEntries([...Object.entries(params), [key, each]])))
    if (all.length > MOST_SINGLES) return undefined
  }
  return all.map(params => ({ ...call, params }))
}

const MOST_SINGLES = 1000

/** A value of a parameter as the text that globs are matched against. */
export function asText(value: unknown): string | undefined {
  if (value === undefined) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}

const spelt = (value: unknown) => {
  const text = asText(value)
  return text === undefined ? undefined : literally(text)
}

/** Whether a parameter is a path, for globs that know parts. */
function isPath(tool: string, key: string): boolean {
  return key === 'path' && (tool === 'read' || tool === 'edit' || tool === 'search')
}

function ofSingle<R extends Rule>(rules: readonly R[], call: Call, place: Place): Part<R> {
  const part = describe(call)
  const rule = rules.find(each => fitsAll(each, call, place))
  if (rule) return { part, rule }
  const why = pathsOf(call, place).find(({ why }) => why)?.why ?? besides(rules, call, place)
  return { part, why: why ?? 'no rule allows it' }
}

function ofShell<R extends Rule>(rules: readonly R[], call: Call, place: Place): Part<R>[] {
  const { command } = call.params
  if (typeof command !== 'string') return [{ part: describe(call), why: 'there is no command in it' }]
  const line = simpleOnes(command)
  if ('outside' in line) return [{ part: command, why: line.outside }]
  return line.commands.map(simple => {
    const { text: part } = simple
    const fitting = rules.filter(each => fitsAll(each, { ...call, params: { ...call.params, command: part } }, place))
    if (fitting.length === 0) return { part, why: 'no rule allows it' }
    const options = reaching(simple)
    const { what, words } = leaving(simple, place)
    const spellsAll = ({ params: { command = '' } }: Rule) =>
      spellsOptions(command, part, options) && (!spells(command, what) || words.every(({ text }) => spells(command, text)))
    const rule = fitting.find(each => isAnything(each) || spellsAll(each))
    if (rule) return { part, rule }
    const missing = [...options.map(({ name }) => name), ...words.map(({ text }) => text)]
    return { part, why: `no rule that fits has ${[...new Set(missing)].join(' and ')} in it` }
  })
}

/** Whether a word of a command fits one of a glob for commands that begins with more than a star. */
function spells(glob: string, word: string): boolean {
  return commandGlobs(glob).globs.some(pieces => wordsOf(pieces).some(each => spellsWord(each, word, '')))
}

/** Whether each of these words of a command has one of its own in a glob that fits the command. */
function spellsOptions(glob: string, command: string, options: readonly Reaching[]): boolean {
  const fitting = options.length === 0 ? [] : commandGlobs(glob).globs.filter(pieces => matches(pieces, textOf(command)))
  const isEach = (pieces: readonly Piece[]) => {
    const left = wordsOf(pieces)
    return options.every(({ text, name }) => {
      const at = left.findIndex(each => spellsWord(each, text, name))
      return at >= 0 && left.splice(at, 1).length > 0
    })
  }
  return options.length === 0 || fitting.some(isEach)
}

function spellsWord(pieces: readonly Piece[], word: string, name: string): boolean {
  const [first] = pieces
  return first?.kind === 'text' && first.text.startsWith(name) && matches(pieces, textOf(word))
}

/** The pieces between the blanks that are not in quotes. */
function wordsOf(pieces: readonly Piece[]): Piece[][] {
  const words: Piece[][] = [[]]
  let quoted = ''
  let isEscaped = false
  for (const piece of pieces) {
    if (piece.kind !== 'text') {
      words.at(-1)?.push(piece)
      continue
    }
    for (const c of piece.text) {
      if (c === ' ' && quoted === '' && !isEscaped) words.push([])
      else addText(words.at(-1) ?? [], c)
      if (!isEscaped && c === quoted) quoted = ''
      else if (!isEscaped && quoted === '' && (c === "'" || c === '"')) quoted = c
      isEscaped = !isEscaped && c === '\\' && quoted !== "'"
    }
  }
  return words
}

function addText(word: Piece[], text: string): void {
  const last = word.at(-1)
  if (last?.kind === 'text') last.text += text
  else word.push({ kind: 'text', text })
}

/** What keeps a call from a rule that would fit it, but for its last word. */
function besides(rules: readonly Rule[], call: Call, place: Place): string | undefined {
  const near = rules.find(each => each.only && fitsAll({ ...each, only: undefined }, call, place))
  return near && `it has ${unnamed(near, call).join(' and ')} besides what the rule ${formatRule(near)} names`
}

/** The parameters of a call of which a rule says nothing. */
function unnamed({ params }: Rule, call: Call): string[] {
  return Object.keys(call.params).filter(key => !Object.hasOwn(params, key) && asText(call.params[key]) !== undefined)
}

function fitsAll(rule: Rule, call: Call, place: Place): boolean {
  const { tool, params, only } = rule
  if (only && unnamed(rule, call).length > 0) return false
  return Object.entries(params).every(([key, glob]) => {
    const text = given(call, key)
    if (text === undefined) return false
    if (isPath(tool, key)) return read(glob).some(pieces => fits(pieces, meantBy(text, place), place, tool === 'edit'))
    const globs = tool === 'bash' && key === 'command' ? commandGlobs(glob).globs : read(glob)
    return globs.some(pieces => matches(pieces, textOf(text)))
  })
}

function mayMean(rule: Rule, call: Call, place: Place): boolean {
  const { tool, params, only } = rule
  if (only && unnamed(rule, call).length > 0) return false
  return Object.entries(params).every(([key, glob]) => {
    const text = given(call, key)
    if (tool === 'bash' && key === 'command') {
      const texts = text === undefined ? undefined : everyCommand(text)
      const globs = [...read(glob).flatMap(withoutArguments), ...commandGlobs(glob).globs]
      return !texts || texts.some(each => globs.some(pieces => matches(pieces, each)))
    }
    if (text === undefined) return Object.hasOwn(ALWAYS_THERE, tool) && ALWAYS_THERE[tool] === key
    if (isPath(tool, key)) return read(glob).some(pieces => mayFit(pieces, meantBy(text, place), place))
    return read(glob).some(pieces => matches(pieces, textOf(text)))
  })
}

/** No call is without these: where an agent does not tell them, they may be anything. */
const ALWAYS_THERE: Partial<Record<string, string>> = { read: 'path', edit: 'path', fetch: 'url', agent: 'prompt' }

/** A search that names no path looks through the folder the agent is in. */
function given({ tool, params }: Call, key: string): string | undefined {
  const text = Object.hasOwn(params, key) ? asText(params[key]) : undefined
  return text === undefined && tool === 'search' && key === 'path' ? '.' : text
}

function pathsOf({ tool, params }: Call, place: Place): Meant[] {
  return Object.entries(params).flatMap(([key, value]) => (isPath(tool, key) ? [meantBy(asText(value) ?? '', place)] : []))
}

const meantBy = (path: string, place: Place) => meant(path, place)

const globsRead = new Map<string, Piece[][]>()

function read(glob: string): Piece[][] {
  return remembered(globsRead, glob, readGlob)
}

const MOST_REMEMBERED = 1000

function remembered<V>(known: Map<string, V>, key: string, make: (key: string) => V): V {
  const before = known.get(key)
  if (before !== undefined) return before
  if (known.size >= MOST_REMEMBERED) known.clear()
  const made = make(key)
  known.set(key, made)
  return made
}

interface CommandGlobs {
  globs: Piece[][]
  /** why no command in normal form can fit, if that is so for all alternatives */
  never?: string
}

const commandsRead = new Map<string, CommandGlobs>()

/** Why no call can fit a rule, if that is so. What is no simple command is nothing that allow rules know; deny rules see more. */
export function neverFits({ tool, params }: Rule, as: 'allow' | 'deny'): string | undefined {
  for (const [key, glob] of Object.entries(params)) {
    const never = tool === 'bash' && key === 'command' && as === 'allow' ? commandGlobs(glob).never : undefined
    if (never !== undefined) return never
    if (isPath(tool, key) && read(glob).every(isNoPath)) return 'no path has a part .. behind another, or ends with a slash'
  }
  return undefined
}

function isNoPath(pieces: readonly Piece[]): boolean {
  const shown = pieces.map(piece => (piece.kind === 'text' ? piece.text : '*')).join('')
  return (
    /[^/]\/$/.test(shown) ||
    shown
      .replace(/^(?:\.{1,2}\/)+/, '')
      .split('/')
      .slice(1)
      .includes('..')
  )
}

/** The globs of a command, written as commands are in normal form: `git commit -m "x *"` fits what was quoted otherwise. */
function commandGlobs(glob: string): CommandGlobs {
  return remembered(commandsRead, glob, key => {
    const each = read(key).map(normalGlob)
    const never = each.every(found => typeof found === 'string') ? (each[0] as string) : undefined
    return { globs: each.flatMap(found => (typeof found === 'string' ? [] : withoutArguments(found))), never }
  })
}

/** ` *` at the end means with arguments or without. */
function withoutArguments(pieces: Piece[]): Piece[][] {
  const last = pieces.at(-1)
  const before = pieces.at(-2)
  if (last?.kind !== 'star' || before?.kind !== 'text' || !before.text.endsWith(' ')) return [pieces]
  return [pieces, [...pieces.slice(0, -2), { kind: 'text', text: before.text.slice(0, -1) }]]
}

/** What stands for the pieces that are no text while a glob is read as a command: characters of which it has none. */
const PLACE = 0xf0000

/** A glob in normal form, as it is if it is no whole command, or why no simple command fits it. */
function normalGlob(pieces: Piece[]): Piece[] | string {
  const special = pieces.filter(piece => piece.kind !== 'text')
  const line = pieces.map(piece => (piece.kind === 'text' ? piece.text : String.fromCodePoint(PLACE + special.indexOf(piece)))).join('')
  if (special.length === 0 || !/[\u{f0000}-\u{ffffd}]/u.test(onlyTexts(pieces))) {
    const found = simpleCommands(line)
    if ('outside' in found) return /^it (?:is no whole|cannot)/.test(found.outside) ? pieces : found.outside
    if (found.commands.length > 1) return 'each command of a line is looked up by itself'
    const normal = Array.from(found.commands[0] ?? '').map(
      (c): Piece => special[(c.codePointAt(0) ?? 0) - PLACE] ?? { kind: 'text', text: c },
    )
    return special.length === 0 ? [{ kind: 'text', text: found.commands[0] ?? '' }] : normal
  }
  return pieces
}

function onlyTexts(pieces: readonly Piece[]): string {
  return onlyText(pieces.filter(piece => piece.kind === 'text')) ?? ''
}
