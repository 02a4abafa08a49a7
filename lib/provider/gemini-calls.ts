// What Gemini CLI asks for. It tells no input at all: the title of a shell's call is its command, whole (getDisplayTitle in its
// source, 0.40 to 0.61), files are in locations and diffs, and the title of a server's tool has both names. Of a page that it fetches
// it tells a shortened prompt, which is nothing to decide by.

import { wordOf } from '../base/word.js'
import type { Call } from '../permission/call.js'
import { bash, mcp } from './calls.js'
import { fieldsOf, type Line, listOf, textOf } from './fields.js'

export function geminiTable(asked: Line, { kind, title = '', content }: Line): Call | undefined {
  if (kind === 'execute' && asked.rawInput === undefined && textOf(title)) return bash(title)
  const [, tool, server] = /^(.+) \((.+) MCP Server\)$/s.exec(wordOf(title)) ?? []
  return kind !== 'execute' && tool !== undefined ? mcp(server, tool, inputIn(content)) : undefined
}

/** The input of a server's tool, which is told as text unless it is long. */
function inputIn(content: unknown): unknown {
  const [text] = listOf(content).flatMap(part => textOf(fieldsOf(part.content).text) ?? [])
  try {
    return JSON.parse(text ?? '{}')
  } catch {
    // It was left out for its length: then no rule about a parameter fits.
    return {}
  }
}
