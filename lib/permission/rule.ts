// A rule as it is written: `tool(param=glob, ...)`, with `only` as its last word if a call may have no other parameters, or the tool
// alone for all it can do. zag-permissions(7) has the syntax.
//
// A rule is kept as its text says: formatRule(parseRule(text)) is the text without needless blanks, and parses to the same.

import { type Fault, quoted, usage } from '../base/exit.js'
import { nearest } from '../base/name.js'
import { BadGlob, braces, readGlob, setEnd, visibly } from './glob.js'

/** A tool and globs, as written, over its parameters: a call fits if each parameter that is named does. */
export interface Rule {
  tool: string
  params: Record<string, string>
  /** Whether a call that has other parameters as well does not fit. */
  only?: true
}

/** What stands in the place of a last parameter to say so. */
const ONLY = 'only'

/** The tools of the common vocabulary whose parameters are known. */
export const KNOWN: Readonly<Record<string, readonly string[]>> = {
  bash: ['command'],
  read: ['path'],
  edit: ['path'],
  search: ['pattern', 'path'],
  fetch: ['url'],
  agent: ['prompt'],
}

/** Reads a rule. Throws usage that names the column of what is wrong with it, and of what can be in no call. */
export function parseRule(text: string): Rule {
  const open = find(text, 0, '(')
  const tool = trimmed(text, 0, open ?? text.length)
  if (tool.text === '') throw wrong(text, 0, 'a rule begins with the name of a tool')
  const name = plain(text, tool)
  const known = Object.keys(KNOWN).find(each => each === name.toLowerCase() && each !== name)
  if (known) throw wrong(text, tool.start, `no tool is called ${quoted(name)} here: did you mean ${known}?`)
  if (open === undefined) return { tool: name, params: {} }
  const params = new Map<string, string>()
  let at = open + 1
  let only = false
  for (let end = open; text[end] !== ')'; at = end + 1) {
    if (only) throw wrong(text, end, `nothing but the ')' may follow '${ONLY}'`)
    end = endOfParameter(text, at)
    only = trimmed(text, at, end).text === ONLY
    if (only) continue
    const { key, glob, column } = parameter(text, at, end, name)
    if (params.has(key)) throw wrong(text, column, `${quoted(key)} is given twice`)
    params.set(key, glob)
  }
  const rest = text.slice(at)
  if (rest.trim() !== '') throw wrong(text, at + rest.length - rest.trimStart().length, "nothing may follow the ')'")
  return { tool: name, params: Object.fromEntries(params), ...(only ? { only } : {}) }
}

/** The rule as text that parses to the same. */
export function formatRule({ tool, params, only }: Rule): string {
  const of = [...Object.entries(params).map(([key, glob]) => `${word(key)}=${glob}`), ...(only ? [ONLY] : [])]
  return of.length === 0 ? word(tool) : `${word(tool)}(${of.join(', ')})`
}

/** Whether a rule names no parameter, or only such as may be anything: it allows all that the tool can do. */
export function isAnything({ tool, params, only }: Rule): boolean {
  const known = Object.hasOwn(KNOWN, tool) ? KNOWN[tool] : undefined
  if (only && !known?.every(key => Object.hasOwn(params, key))) return false
  return Object.entries(params).every(([key, glob]) => {
    const all = key === 'path' && tool !== 'mcp' ? /^\/\*\*+$/ : /^\*+( \*+)*$/
    return all.test(glob)
  })
}

interface Span {
  text: string
  start: number
}

function parameter(text: string, from: number, to: number, tool: string): { key: string; glob: string; column: number } {
  const all = trimmed(text, from, to)
  if (all.text === '') throw wrong(text, from, 'a parameter is missing: write tool(param=glob), or the tool alone')
  const equals = find(text, all.start, '=', to)
  if (equals === undefined) throw unclosed(text, from) ?? wrong(text, all.start, "no '=' in this parameter: write param=glob")
  const name = trimmed(text, from, equals)
  if (name.text === '') throw wrong(text, equals, "the name of a parameter is missing before '='")
  const key = plain(text, name)
  const known = Object.hasOwn(KNOWN, tool) ? KNOWN[tool] : undefined
  if (known && !known.includes(key)) {
    const like = nearest(key, [...known])[0] ?? known.join(' and ')
    throw unclosed(text, from) ?? wrong(text, name.start, `${tool} has no parameter ${quoted(key)}, so nothing fits this: it has ${like}`)
  }
  const value = trimmed(text, equals + 1, to)
  if (known && value.text === '') throw wrong(text, equals + 1, `the glob of ${quoted(key)} is empty, so nothing fits this`)
  try {
    readGlob(value.text)
  } catch (error) {
    if (error instanceof BadGlob) throw wrong(text, value.start + error.at, error.message)
    throw error
  }
  return { key, glob: Array.from(value.text, visibly).join(''), column: name.start }
}

/** Where the parameter that begins at `from` ends: at a comma or the closing parenthesis. */
function endOfParameter(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const c = text[at]
    if (c === '\\') at += 1
    else if (c === ',' || c === ')') return at
    else if (c === '(') throw wrong(text, at, "a '(' within a parameter: write \\( for the character itself")
    else if (c === '{') at = (braces(text, at, closing(text, at))?.end ?? at + 1) - 1
    else if (c === '[') at = setEnd(text, at, closing(text, at)) ?? at
  }
  throw wrong(text, text.length, "the ')' is missing")
}

/** What is wrong with the rule if its parameter ended at a comma that a brace was to hold, which nothing closes. */
function unclosed(text: string, comma: number): Fault | undefined {
  const open: number[] = []
  for (let at = 0; at < closing(text, comma); at++) {
    if (text[at] === '\\') at += 1
    else if (text[at] === '[') at = setEnd(text, at, closing(text, at)) ?? at
    else if (text[at] === '{') open.push(at)
    else if (text[at] === '}') open.pop()
  }
  const [first] = open
  return first === undefined || first >= comma
    ? undefined
    : wrong(text, first, "nothing closes this '{': write \\{ for the character itself")
}

/** The next parenthesis that means one. */
function closing(text: string, from: number): number {
  return find(text, from, ')') ?? text.length
}

function find(text: string, from: number, wanted: string, to = text.length): number | undefined {
  for (let at = from; at < to; at++) {
    if (text[at] === '\\') at += 1
    else if (text[at] === wanted) return at
  }
  return undefined
}

/** Without the blanks at both ends, unless a \ is before them. */
function trimmed(text: string, from: number, to: number): Span {
  let start = from
  let end = to
  while (start < end && /\s/.test(text[start] as string)) start += 1
  while (end > start && /\s/.test(text[end - 1] as string) && !isEscaped(text, start, end - 1)) end -= 1
  return { text: text.slice(start, end), start }
}

function isEscaped(text: string, from: number, at: number): boolean {
  let before = 0
  while (at - before - 1 >= from && text[at - before - 1] === '\\') before += 1
  return before % 2 === 1
}

/** A name, which is no glob: what its escapes mean. */
function plain(text: string, { text: span, start }: Span): string {
  let pieces: ReturnType<typeof readGlob>
  try {
    pieces = readGlob(span)
  } catch (error) {
    if (error instanceof BadGlob) throw wrong(text, start + error.at, error.message)
    throw error
  }
  const bad = /(?<!\\)(?:\\\\)*([\s),=])/.exec(span)
  const [only] = pieces
  const [piece] = only ?? []
  if (bad || pieces.length > 1 || only?.length !== 1 || piece?.kind !== 'text') {
    const at = bad ? bad.index + bad[0].length - 1 : span.search(/[*?[{]/)
    throw wrong(text, start + Math.max(0, at), 'a name has no globs and no blanks: write \\ before a sign that is part of it')
  }
  return piece.text
}

function word(name: string): string {
  return Array.from(name, c => (/[\s\\*?[\]{}(),=]/.test(c) && !/[\n\r\t]/.test(c) ? `\\${c}` : visibly(c))).join('')
}

function wrong(text: string, at: number, message: string): Fault {
  return usage(`rule ${quoted(text)}, column ${at + 1}: ${message}`)
}
