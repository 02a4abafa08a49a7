// The configuration of MCP servers, in the form that most agents share: JSON with `mcpServers`, a table of servers by name.
// Source of the format: the documentation of Claude Code and of the Model Context Protocol.

import { readFileSync } from 'node:fs'
import { quoted, refused, usage } from '../base/exit.js'
import { fieldsOf, type Line, textOf } from './fields.js'

export type McpServer =
  | { command: string; args: string[]; env: Record<string, string> }
  | { url: string; transport: 'http' | 'sse'; headers: Record<string, string> }

/** The servers of a file by name. Throws usage for what is no such file, a Fault (5) for one that cannot be read. */
export function mcpServers(path: string): Record<string, McpServer> {
  const { mcpServers: servers } = parse(path)
  if (typeof servers !== 'object' || servers === null || Array.isArray(servers))
    throw wrong(path, "it has no 'mcpServers', a table of servers")
  return Object.fromEntries(Object.entries(servers).map(([name, server]) => [nameOf(path, name), serverOf(path, name, fieldsOf(server))]))
}

function parse(path: string): Line {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw refused(`cannot read ${quoted(path)}`, error)
  }
  try {
    return fieldsOf(JSON.parse(text))
  } catch {
    throw wrong(path, 'it is no JSON')
  }
}

const wrong = (path: string, what: string) => usage(`--mcp-config ${quoted(path)}: ${what}`)

/** Names become keys of an agent's own configuration. */
function nameOf(path: string, name: string): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(name)) return name
  throw wrong(path, `${quoted(name)} is no name for a server: write letters, digits, _ and -, 64 at most`)
}

function serverOf(path: string, name: string, server: Line): McpServer {
  const bad = (what: string) => wrong(path, `server ${quoted(name)} ${what}`)
  const { command, url, args = [], env = {}, headers = {} } = server
  if ((command === undefined) === (url === undefined))
    throw bad(`has ${url === undefined ? "neither 'command' nor 'url'" : "both 'command' and 'url'"}: give it one of them`)
  if (url === undefined) {
    if (!textOf(command)) throw bad("has a 'command' that is no text: write the program alone, and its words in 'args'")
    if (!Array.isArray(args) || !args.every(isText)) throw bad("has 'args' that are no list of texts")
    if (!isTable(env)) throw bad("has an 'env' that is no table of texts")
    return { command: String(command), args, env }
  }
  // Some agents put variables in place of ${NAME} themselves.
  if (!isText(url) || !(URL.canParse(url) || url.includes('${'))) throw bad("has a 'url' that is none: write it as http://host/path")
  if (!isTable(headers)) throw bad("has 'headers' that are no table of texts")
  return { url, transport: server.type === 'sse' ? 'sse' : 'http', headers }
}

const isText = (value: unknown): value is string => typeof value === 'string'

function isTable(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isText)
}
