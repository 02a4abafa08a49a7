// Codex CLI of OpenAI, once for each turn: `codex exec --json`, whose lines were found by running versions 0.100 and 0.169.
//
// What it counts of tokens is the sum over a thread: a turn is what that grew by. Its ids of items begin anew with each run. Only
// sentences tell of limits, with a moment in the zone of the machine. Without a network it waits for ever, and says so each minute.
// A thread is gone on with by its UUID alone: with any other word it would begin a new one and not say so.

import { isUtf8 } from 'node:buffer'
import { quoted, usage } from '../base/exit.js'
import { parseDuration } from '../base/time.js'
import type { NewEvent, ToolKind } from '../log/events.js'
import { parseLine } from '../store/lines.js'
import { type Account, accountReader, oneLine } from './account.js'
import { Calls, fieldsOf, type Line, listOf, status, textOf } from './fields.js'
import { type McpServer, mcpServers } from './mcp.js'
import { findAgent } from './program.js'
import { type Limit, type Past, type Provider, type Reader, STALL, type Task } from './provider.js'

/** It refuses a longer prompt, in characters. */
const LONGEST_PROMPT = 1024 * 1024
/** One word of an argv ends at 128 KiB on Linux, its terminator included. */
const LONGEST_WORD = 128 * 1024 - 1

export const codex: Provider = {
  name: 'codex',
  does: 'Codex CLI',
  prompt: 'text',
  can: new Set(['model', 'system_prompt', 'add_dir', 'mcp_config', 'plan', 'auto_approve', 'resume']),
  sizes: { small: 'gpt-6-luna', medium: 'gpt-6.1-sol', large: 'gpt-6-astra' },
  stall: STALL,
  // CODEX_SANDBOX and CODEX_SANDBOX_NETWORK_DISABLED are as true of what an agent starts in there, and stay.
  marks:
    /^CODEX_(THREAD_ID|SESSION_ID|TOOL_CALL_ID|CI|VERSION|PERMISSION_PROFILE|MANAGED_(BY_[A-Z_]+|PACKAGE_ROOT)|APPLY_PATCH_PRESERVE_LINE_ENDINGS|MCP_HEADER_\d+_\d+)$/,
  find: () => findAgent({ command: 'codex', package: '@openai/codex', least: '0.100.0' }),
  check({ prompt, flags: { systemPrompt, mcpConfig } = {} }) {
    checkPrompt(prompt)
    promptSetting(systemPrompt)
    for (const [name, server] of serversIn(mcpConfig)) checkServer(name, server)
  },
  launch(task) {
    const servers = serversIn(task.flags.mcpConfig).map(([name, server], at) => settingOf(name, server, at + 1, task))
    const settings = [...QUIET, promptSetting(task.flags.systemPrompt), ...servers.map(({ word }) => word)].filter(
      word => word !== undefined,
    )
    return {
      argv: [...COMMAND, ...wordsFor(task), ...settings.flatMap(word => ['-c', word]), ...threadOf(task), '-'],
      stdin: task.promptFile,
      env: Object.assign({}, ...servers.map(({ env }) => env)),
    }
  },
  reader: past => readerOf(new Telling(past)),
}

const COMMAND = ['codex', 'exec', '--json', '--skip-git-repo-check'] as const

/** A batch of fifty must not look for updates and report itself fifty times. Plugins and apps stay: they are the user's tools. */
const QUIET = ['check_for_update_on_startup=false', 'analytics.enabled=false']

/** They stand before the word `resume`, which takes but some of them after it. */
function wordsFor({ model, flags: { addDir = [], plan, autoApprove } }: Task): string[] {
  // With neither, the sandbox is what the user's config.toml says, else it writes nothing: nobody is there to approve it. To ask
  // for workspace-write would take away what is set there.
  const unasked = autoApprove ? ['--dangerously-bypass-approvals-and-sandbox'] : []
  return [...(model ? ['-m', model] : []), ...addDir.flatMap(folder => ['--add-dir', folder]), ...(plan ? ['-s', 'read-only'] : unasked)]
}

const threadOf = ({ resumed, conversation }: Task) => (resumed && conversation ? ['resume', conversation] : [])

function checkPrompt(prompt: Buffer): void {
  if (!isUtf8(prompt)) throw usage('the prompt is no UTF-8, which codex does not take')
  let characters = 0
  // The bytes that begin one.
  for (const byte of prompt) if ((byte & 0xc0) !== 0x80) characters += 1
  if (characters > LONGEST_PROMPT) throw usage(`the prompt has ${characters} characters, and codex takes ${LONGEST_PROMPT} at most`)
}

function promptSetting(text: string | undefined): string | undefined {
  return text === undefined ? undefined : setting('--system-prompt', 'developer_instructions', toml(text))
}

/** A setting as a word of the argv, the one way there is to give it for a run. Throws usage if it is too long for a word. */
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

function readerOf(telling: Telling): Reader {
  const lines = accountReader((line, account) => telling.take(line, account))
  return {
    ...lines,
    get through() {
      return lines.through
    },
    get waiting() {
      return telling.waiting
    },
    verdict: exit => lines.verdict({ ...exit, stderr: causeIn(exit.stderr) }),
  }
}

/** What it wrote to stderr without the names of its own types, in which it wraps what an MCP server failed of. */
function causeIn(stderr = ''): string {
  return stderr.replace(/^Stack backtrace:[\s\S]*/m, '').replace(/^.*\] error: Client error: /gm, 'no MCP server: ')
}

const KINDS: Record<string, ToolKind> = {
  command_execution: 'shell',
  file_change: 'file_edit',
  web_search: 'web',
  spawn_agent: 'sub_agent',
  send_input: 'sub_agent',
  wait: 'sub_agent',
  close_agent: 'sub_agent',
}

/** What the lines of one run tell. */
class Telling {
  readonly #past: Past
  readonly #calls = new Calls(KINDS)
  readonly #open = new Set<string>()
  #thread: string | undefined
  /** Its last line said that it tries to reach the model again. */
  waiting = false

  constructor(past: Past) {
    this.#past = past
  }

  take(line: Line, account: Account): NewEvent[] {
    const message = oneLine(textOf(line.message) ?? textOf(fieldsOf(line.error).message) ?? '')
    this.waiting = line.type === 'error' && /^Reconnecting\b/.test(message)
    switch (line.type) {
      case 'thread.started':
        this.#thread = textOf(line.thread_id)
        if (this.#thread !== undefined && UUID.test(this.#thread)) account.conversation = this.#thread
        return []
      case 'turn.completed':
        account.success = true
        return [usageOf(fieldsOf(line.usage), this.#usageBefore()), { type: 'turn_ended', stop_reason: 'completed' }]
      case 'turn.failed':
        Object.assign(account, { success: false, error: explained(message) || account.error, limit: limitIn(message) })
        return [{ type: 'turn_ended', stop_reason: 'failed', error: message || undefined }]
      case 'error':
        if (!this.waiting) account.error = explained(message) || account.error
        return [status(message || 'error', line)]
      default:
        return this.#item(String(line.type), fieldsOf(line.item), account)
    }
  }

  #item(when: string, item: Line, account: Account): NewEvent[] {
    const { type, text } = item
    if (type === 'error') return [status(oneLine(textOf(item.message) ?? 'error'), item)]
    if (type === 'agent_message' || type === 'reasoning') {
      if (when !== 'item.completed' || typeof text !== 'string') return []
      if (type === 'reasoning') return [{ type, content: text }]
      account.result = text
      return [{ type: 'assistant_message', content: text }]
    }
    return this.#tool(when, item)
  }

  /** A call when it starts, and its result when it is over; what changes meanwhile is neither. */
  #tool(when: string, item: Line): NewEvent[] {
    const id = textOf(item.id)
    const call = callOf(item)
    if (id === undefined || !call || !/^item\.(started|completed)$/.test(when)) return []
    const called = this.#open.has(id) ? [] : [this.#calls.call(id, call.tool, call.input)]
    this.#open.add(id)
    if (when === 'item.started') return called
    this.#open.delete(id)
    const { success, output, denied } = outcomeOf(item)
    const refused = denied ? [{ type: 'permission', tool: call.tool, granted: false, by: 'deny', reason: String(output) } as const] : []
    const result = this.#calls.result(id, success, output)
    return [...called, ...refused, typeof item.exit_code === 'number' ? Object.assign(result, { exit_code: item.exit_code }) : result]
  }

  /** The sum that the last turn of this thread which was completed told. */
  #usageBefore(): Line {
    let usage: Line | undefined
    const found = this.#past.line(bytes => {
      if (!HEADS.test(bytes.subarray(0, 32).toString('latin1'))) return false
      const line = parseLine(bytes) ?? {}
      if (line.type === 'turn.completed') usage ??= fieldsOf(line.usage)
      else if (line.thread_id === this.#thread && usage) return true
      else usage = undefined
      return false
    })
    return found && usage ? usage : {}
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const HEADS = /^\{"type":"(turn\.completed|thread\.started)"/

/** The tokens since an earlier sum. Those of a cache are counted as input too; the log has them apart. */
export function usageOf(sum: Line, before: Line = {}): NewEvent {
  const count = (key: string) => (typeof sum[key] === 'number' ? Math.max(0, sum[key] - Number(before[key] ?? 0)) : undefined)
  const cache_read_tokens = count('cached_input_tokens') ?? 0
  const cache_write_tokens = count('cache_write_input_tokens')
  const input = count('input_tokens')
  return {
    type: 'usage',
    input_tokens: input === undefined ? undefined : Math.max(0, input - cache_read_tokens - (cache_write_tokens ?? 0)),
    output_tokens: count('output_tokens'),
    cache_read_tokens,
    cache_write_tokens,
  }
}

/** What an item calls, if it is a call. */
function callOf(item: Line): { tool: string; input: unknown } | undefined {
  const { type, tool, command, changes, query, action, items, prompt, receiver_thread_ids } = item
  if (type === 'command_execution') return { tool: type, input: { command } }
  if (type === 'file_change') return { tool: type, input: { changes } }
  if (type === 'web_search') return { tool: type, input: { query, action } }
  if (type === 'todo_list') return { tool: type, input: { items } }
  if (type === 'mcp_tool_call') return { tool: `mcp__${item.server}__${tool}`, input: item.arguments }
  if (type === 'collab_tool_call') return { tool: String(tool), input: { prompt, receiver_thread_ids } }
  return undefined
}

function outcomeOf(item: Line): { success: boolean; output: unknown; denied: boolean } {
  const { exit_code, aggregated_output, result } = item
  const success = item.status !== 'failed' && item.status !== 'declined'
  const output = aggregated_output ?? result ?? item.changes ?? item.agents_states ?? item.items ?? item.action
  if (success) return { success, output, denied: false }
  const said = listOf(fieldsOf(result).content).map(({ text }) => textOf(text) ?? '')
  const error = textOf(fieldsOf(item.error).message) ?? textOf(aggregated_output) ?? textOf(said.join('\n'))
  const denied = item.status === 'declined' || /\bapproval\b/.test(textOf(fieldsOf(item.error).message) ?? '')
  return { success, denied, output: error ?? (typeof exit_code === 'number' ? `exit code ${exit_code}` : String(item.status)) }
}

/** Its words on what went wrong, with what to do about it where they do not say. */
function explained(message: string): string {
  if (/401 Unauthorized|^Missing environment variable/.test(message))
    return `${message} (run 'codex login', or set CODEX_API_KEY or what your model provider reads its key from)`
  if (/\bmodel\b.* (does not exist|not supported)/.test(message)) return `${message} ('codex debug models' lists those it knows)`
  return message
}

/** The limit that a turn failed of, if that is what its message says. */
export function limitIn(message: string, now = Date.now()): Limit | undefined {
  if (!/hit your usage limit|quota exceeded|\b429\b|rate limit|out of credits|hit your spend cap/i.test(message)) return undefined
  const scope = /usage limit for (.+?)\. /.exec(message)?.[1]
  const resetAt = resetIn(message, now)
  return { message, ...(scope ? { scope } : {}), ...(resetAt === undefined ? {} : { resetAt }) }
}

const MOMENT = /try again at (?:([A-Z][a-z]{2}) (\d{1,2})[a-z]{2}, (\d{4}) )?(\d{1,2}):(\d\d) ([AP])M/i
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** When a limit is over: at the end of the minute that it names, of whose seconds it says nothing, on this day if it names none. */
function resetIn(message: string, now: number): number | undefined {
  const wait = /try again in ((?:\d+(?:\.\d+)?(?:ms|[smhd]))+)/i.exec(message)?.[1]
  if (wait) return now + parseDuration(wait)
  const [found, month = '', day, year, hour, minute, half] = MOMENT.exec(message) ?? []
  if (!found) return undefined
  const hours = (Number(hour) % 12) + (half?.toUpperCase() === 'P' ? 12 : 0)
  const at = (y: number, m: number, d: number) => new Date(y, m, d, hours, Number(minute) + 1).getTime()
  const today = new Date(now)
  if (year !== undefined) return MONTHS.includes(month) ? at(Number(year), MONTHS.indexOf(month), Number(day)) : undefined
  const [y, m, d] = [today.getFullYear(), today.getMonth(), today.getDate()]
  return at(y, m, d) > now ? at(y, m, d) : at(y, m, d + 1)
}
