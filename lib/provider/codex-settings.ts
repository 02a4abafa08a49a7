// The settings of Codex that zag gives for one run: words for its -c, each a key and a value of TOML.
//
// An argv can be read by everybody on the machine: keys and tokens go by a private file or a variable.

import { quoted, usage } from '../base/exit.js'
import { type McpServer, mcpServers } from './mcp.js'
import type { Task } from './provider.js'

/** One word of an argv ends at 128 KiB on Linux, its terminator included. */
const LONGEST_WORD = 128 * 1024 - 1

/** A batch of fifty must not look for updates and report itself fifty times. Plugins and apps stay: they are the user's tools. */
const QUIET = ['check_for_update_on_startup=false', 'analytics.enabled=false']

/** What goes with every run of the task: -c and its words, and the variables that they name. */
export function settingsFor(task: Task, ...more: (string | undefined)[]): { words: string[]; env: Record<string, string> } {
  const servers = serversIn(task.flags.mcpConfig).map(([name, server], at) => settingOf(name, server, at + 1, task))
  const settings = [...QUIET, ...more, ...servers.map(({ word }) => word)].filter(word => word !== undefined)
  return { words: settings.flatMap(word => ['-c', word]), env: Object.assign({}, ...servers.map(({ env }) => env)) }
}

/** Throws usage for servers that Codex could not be told of. */
export function checkServers(mcpConfig: string | undefined): void {
  for (const [name, server] of serversIn(mcpConfig)) checkServer(name, server)
}

/** The system prompt as a setting. */
export function promptSetting(text: string | undefined): string | undefined {
  return text === undefined ? undefined : setting('--system-prompt', 'developer_instructions', toml(text))
}

/** A setting as a word of the argv. Throws usage if it is too long for a word. */
function setting(flag: string, key: string, value: string): string {
  const word = `${key}=${value}`
  const bytes = Buffer.byteLength(word)
  if (bytes > LONGEST_WORD) throw usage(`${flag} makes a word of ${bytes} bytes for codex, and a word of a command holds ${LONGEST_WORD}`)
  return word
}

type Toml = string | boolean | Toml[] | { [key: string]: Toml }

/** A value as TOML 1.0. Its strings are those of JSON, but that DEL is escaped and half a surrogate pair is nothing. */
function toml(value: Toml): string {
  if (Array.isArray(value)) return `[${value.map(toml).join(', ')}]`
  if (typeof value === 'object') {
    const pairs = Object.entries(value).map(([key, item]) => `${toml(key)} = ${toml(item)}`)
    return `{${pairs.join(', ')}}`
  }
  if (typeof value === 'boolean') return String(value)
  return JSON.stringify(value.replace(/\p{Surrogate}/gu, '\ufffd')).replaceAll('\u007f', '\\u007f')
}

const serversIn = (path: string | undefined) => (path === undefined ? [] : Object.entries(mcpServers(path)))

function checkServer(name: string, server: McpServer): void {
  if ('url' in server) {
    if (server.transport === 'sse') throw usage(`--mcp-config: server ${quoted(name)} speaks sse, and codex speaks http and stdio alone`)
    return
  }
  const odd = Object.keys(server.env).find(variable => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable))
  if (odd !== undefined) throw usage(`--mcp-config: server ${quoted(name)}: ${quoted(odd)} is no name for a variable`)
}

/** A server as a setting. Keys and tokens are not in it, for everybody on the machine can read an argv. */
function settingOf(name: string, server: McpServer, number: number, { keep }: Task): { word: string; env: Record<string, string> } {
  checkServer(name, server)
  // Without `required` one that does not start is left out, and nothing says so.
  const word = (value: Record<string, Toml>) => setting('--mcp-config', `mcp_servers.${name}`, toml({ ...value, required: true }))
  if ('command' in server) {
    const { command, args, env } = server
    if (Object.keys(env).length === 0) return { word: word({ command, args }), env: {} }
    const script = Object.entries(env).map(([variable, text]) => `export ${variable}='${text.replaceAll("'", "'\\''")}'\n`)
    const file = keep(`mcp-${name}.sh`, `${script.join('')}exec "$@"\n`)
    return { word: word({ command: '/bin/sh', args: [file, command, ...args] }), env: {} }
  }
  const headers = Object.entries(server.headers).map(([header, text], at) => ({
    header,
    text,
    variable: `CODEX_MCP_HEADER_${number}_${at + 1}`,
  }))
  const env_http_headers = Object.fromEntries(headers.map(({ header, variable }) => [header, variable]))
  return {
    word: word({ url: server.url, ...(headers.length > 0 ? { env_http_headers } : {}) }),
    env: Object.fromEntries(headers.map(({ variable, text }) => [variable, text])),
  }
}
