// TOML text as a tree that remembers its lines. The parser is loaded when the first file is read, not before.
// Tables are Maps, so no key, `__proto__` included, means anything but itself.

import type { AST } from 'toml-eslint-parser'

export type Table = Map<string, Entry>
/** A value and the line (from 1) on which it, or the table it is, first appears. */
export interface Entry {
  line: number
  value: string | Table | Entry[] | Other
}
/** What is no text, by its name in a message. */
export interface Other {
  what: 'a number' | 'a boolean' | 'a date'
  /** of a boolean */
  flag?: boolean
  /** of a number */
  number?: number
}

/** A syntax error: line and column count from 1, the message is lower case. */
export class NotToml extends Error {
  constructor(
    readonly line: number,
    readonly column: number,
    message: string,
  ) {
    super(message)
  }
}

/** The tree of a TOML text. Throws NotToml. */
export async function parse(text: string): Promise<Table> {
  const { ParseError, parseTOML } = await import('toml-eslint-parser')
  try {
    const root: Table = new Map()
    for (const node of parseTOML(text, { tomlVersion: '1.0' }).body[0].body) {
      if (node.type === 'TOMLKeyValue') put(root, node)
      else putTable(root, node)
    }
    return root
  } catch (error) {
    // The parser recurses: a file of brackets alone is its limit, not a bug.
    if (error instanceof RangeError) throw new NotToml(1, 1, 'arrays and tables are nested too deeply')
    if (!(error instanceof ParseError)) throw error
    throw new NotToml(error.lineNumber, error.column + 1, error.message.charAt(0).toLowerCase() + error.message.slice(1))
  }
}

function put(table: Table, node: AST.TOMLKeyValue): void {
  const line = node.loc.start.line
  const [last, above] = split(node.key)
  tableAt(table, above, line).set(last, entryOf(node.value, line))
}

function putTable(root: Table, node: AST.TOMLTable): void {
  const line = node.loc.start.line
  const [last, above] = split(node.key)
  const parent = tableAt(root, above, line)
  if (node.kind === 'standard') {
    const table = tableAt(parent, [last], line)
    for (const pair of node.body) put(table, pair)
    return
  }
  const table: Table = new Map()
  for (const pair of node.body) put(table, pair)
  const before = parent.get(last)
  if (before && Array.isArray(before.value)) before.value.push({ line, value: table })
  else parent.set(last, { line, value: [{ line, value: table }] })
}

/** The table below `keys`, made where it is not there yet. Below an array of tables it is the last of them. */
function tableAt(table: Table, keys: string[], line: number): Table {
  let at = table
  for (const key of keys) {
    const entry = at.get(key)
    const inner = Array.isArray(entry?.value) ? entry.value.at(-1)?.value : entry?.value
    if (inner instanceof Map) {
      at = inner
      continue
    }
    const made: Table = new Map()
    at.set(key, { line, value: made })
    at = made
  }
  return at
}

function split(key: AST.TOMLKey): [last: string, above: string[]] {
  const names = key.keys.map(part => (part.type === 'TOMLBare' ? part.name : part.value))
  return [names.pop() ?? '', names]
}

function entryOf(node: AST.TOMLContentNode, line: number): Entry {
  if (node.type === 'TOMLArray') return { line, value: node.elements.map(element => entryOf(element, element.loc.start.line)) }
  if (node.type === 'TOMLInlineTable') {
    const table: Table = new Map()
    for (const pair of node.body) put(table, pair)
    return { line, value: table }
  }
  if (node.kind === 'string') return { line, value: node.value }
  if (node.kind === 'integer' || node.kind === 'float') return { line, value: { what: 'a number', number: Number(node.value) } }
  if (node.kind === 'boolean') return { line, value: { what: 'a boolean', flag: node.value } }
  return { line, value: { what: 'a date' } }
}
