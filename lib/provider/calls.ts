// Calls of tools in the one vocabulary for all vendors (lib/permission/call.ts): how each is made of what an agent tells. Which of its
// tools is which, a table of each provider says.
//
// What an agent left out is no parameter, so that no glob fits it.

import { posix, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isWithin, realOf } from '../base/within.js'
import type { ToolKind } from '../log/events.js'
import type { Call, Decision, Question } from '../permission/call.js'
import { oneLine } from './account.js'
import { fieldsOf, type Line, listOf, textOf } from './fields.js'

/** A tool of an agent by its name: what a call of it with an input is. */
export type Vocabulary = Readonly<Record<string, (input: Line) => Call>>

/** A call of a tool with an input, by a table; of one that is not in it, the name and the input are kept. */
export function callIn(vocabulary: Vocabulary, tool: string, input: Line): Call {
  if (Object.hasOwn(vocabulary, tool)) return (vocabulary[tool] as Vocabulary[string])(input)
  const splits = splitsOf(tool)
  if (splits.length === 0) return own(tool, input)
  const [servers, tools] = [splits.map(([server]) => server), splits.map(([, name]) => name)]
  return splits.length === 1 ? mcp(servers[0] as string, tools[0] as string, input) : mcp(servers, tools, input)
}

/** The server and the tool in a name such as `mcp__notes__read`. Where one of them has the mark in it that stands between them, nobody knows which: all that it may mean counts. */
function splitsOf(tool: string): [server: string, tool: string][] {
  const [first, ...parts] = tool.split('__')
  if (first !== 'mcp') return []
  const all = parts.slice(1).map((_, at): [string, string] => [parts.slice(0, at + 1).join('__'), parts.slice(at + 1).join('__')])
  return all.filter(([server, name]) => server !== '' && name !== '')
}

/** Whether a refusal is somebody's or a rule's word; else there was nobody to ask, and what to do about that is for the user to hear. */
export function isSaidNo({ granted, rule, relay_id }: Decision): boolean {
  return !granted && (rule !== undefined || relay_id !== undefined)
}

/** What a model is told of a refusal where it is told at once. */
export function refusal(decision: Decision): string {
  if (!isSaidNo(decision)) return 'This is not allowed here, and nobody can be asked. Do without it, or say what you could not do.'
  return `This was not allowed${decision.reason === undefined ? '' : `: ${decision.reason}`}. Do without it, or say what you could not do.`
}

/** A call in a line, for people. */
export function described({ tool, params }: Call): string {
  const about = Object.entries(params).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return oneLine(about.length === 0 ? tool : `${tool}(${about.join(', ')})`)
}

/** What a model is told of a refusal later, when it has been told of it without the reason. */
export function whyNot(question: Question, { reason }: Decision): string {
  return `You were not allowed ${described(question)}${reason === undefined ? '' : `: ${reason}`}\nDo without it, or say what you could not do.`
}

export const bash = (command: unknown): Call => made('bash', 'shell', { command: innerLine(command) })

/** The same in a folder of its own: elsewhere than below the agent's, the line is one that goes there first. */
export function bashIn(folder: unknown, cwd: string, command: unknown): Call {
  const { params, ...call } = bash(command)
  const away = textOf(folder) !== undefined && !isBelow(cwd, resolve(cwd, String(folder)))
  return away && typeof params.command === 'string'
    ? { ...call, params: { command: `cd ${quotedWord(String(folder))} && ${params.command}` } }
    : { ...call, params }
}

function isBelow(folder: string, path: string): boolean {
  try {
    return isWithin(realOf(folder), realOf(path))
  } catch {
    // A link that leads nowhere, or cannot be read, may lead anywhere.
    return false
  }
}

export const read = (path: unknown): Call => made('read', 'file_read', { path })
export const edit = (path: unknown): Call => made('edit', 'file_edit', { path })
export const search = (pattern: unknown, path: unknown): Call => made('search', 'search', { pattern, path })
export const fetch = (url: unknown): Call => made('fetch', 'web', { url })
export const agent = (prompt: unknown): Call => made('agent', 'sub_agent', { prompt })

/** A call of a server's tool; its own parameters cannot stand in place of the two that say which. */
export const mcp = (server: unknown, tool: unknown, input: unknown): Call => made('mcp', 'other', { ...fieldsOf(input), server, tool })

/** One that the vocabulary has no word for. */
export const own = (tool: string, input: Line, kind: ToolKind = 'other'): Call => made(tool, kind, input)

function made(tool: string, tool_kind: ToolKind, params: Line): Call {
  return { tool, tool_kind, params: Object.fromEntries(Object.entries(params).flatMap(([name, value]) => given(name, value))) }
}

/** A list of one is that one, and an empty one is nothing. */
function given(name: string, value: unknown): [string, unknown][] {
  const sole = Array.isArray(value) && value.length < 2 ? value[0] : value
  return sole === undefined || sole === null || sole === '' ? [] : [[name, sole]]
}

/** What a shell is given to run: a line; of words the line that they make, or that which a shell among them is given. */
export function innerLine(command: unknown): unknown {
  if (Array.isArray(command) && command.every(word => typeof word === 'string')) return inner(command) ?? command.map(quotedWord).join(' ')
  if (typeof command !== 'string') return undefined
  const words = wordsOf(command)
  return (words && inner(words)) ?? command
}

/** The line of exactly `bash -lc 'line'` and its like. */
function inner(words: readonly string[]): string | undefined {
  const [program = '', flag = '', line] = words
  const isShell = words.length === 3 && /^(bash|sh|zsh|dash)$/.test(posix.basename(program)) && /^-l?c$/.test(flag)
  return isShell ? line : undefined
}

const WORD = /(?:'[^']*'|"(?:[^"\\$`]|\\["\\$`])*"|\\[^\n]|[\w@%+=:,./-])+/y
const PART = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\([^\n])|([\w@%+=:,./-]+)/gs

/** The words of a line that is nothing but words, with or without quotes. */
function wordsOf(line: string): string[] | undefined {
  const words: string[] = []
  for (let at = 0; at < line.length; at = WORD.lastIndex) {
    WORD.lastIndex = at
    const [word] = WORD.exec(line) ?? []
    if (word === undefined) return undefined
    words.push(unquoted(word))
    const next = line[WORD.lastIndex]
    if (next === ' ') WORD.lastIndex += 1
    else if (next !== undefined) return undefined
  }
  return words
}

function unquoted(word: string): string {
  return word.replace(PART, (_, single?: string, double?: string, escaped?: string, plain?: string) =>
    double === undefined ? (single ?? escaped ?? plain ?? '') : double.replace(/\\(["\\$`])/g, '$1'),
  )
}

function quotedWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** Names that agents have for the path of a file. */
const PATHS = [
  'path',
  'paths',
  'file_path',
  'filePath',
  'filepath',
  'fileName',
  'file_name',
  'filename',
  'absolute_path',
  'abs_path',
  'target_file',
  'notebook_path',
  'notebookPath',
  'file',
  'uri',
  'directory',
  'directory_path',
  'dir',
  'dir_path',
  'folder',
]
/** The same for one that it gets instead. */
const MOVED = ['source', 'src', 'destination', 'dest', 'from', 'to', 'old_path', 'oldPath', 'new_path', 'newPath', 'move_path', 'movePath']

/** The paths that an input names, also those of the files in a list of them. */
export function pathsIn(input: Line): string[] {
  const named = [...PATHS, ...MOVED].flatMap(name => textsOf(input[name]))
  const { files, changes, edits } = input
  const listed = [files, changes, edits].flatMap(list => listOf(list).flatMap(pathsIn))
  // Some have their changes by path.
  const keyed = [changes].flatMap(table => Object.keys(fieldsOf(table)))
  return [...new Set([...named, ...listed, ...keyed])]
}

function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).flatMap(text => textOf(text) ?? []).map(pathOf)
}

/** A path that is told as the address of a file. */
export function pathOf(text: string): string {
  try {
    return /^file:/i.test(text) ? fileURLToPath(text) : text
  } catch {
    // It is the address of no file here.
    return text
  }
}
