// opencode in its one-shot mode: `opencode run --format json` prints an object a line, each with a part of the conversation.
//
// Sources: the program, 1.18.33, and what it printed. No line of it is surely the last: it summarises a conversation that became
// too long in a step of its own, which ends like an answer, and goes on. So it is through when its process is.
// Its tokens are those of one step: input without what the cache had, output without the reasoning.

import { join } from 'node:path'
import { usage } from '../base/exit.js'
import type { NewEvent, ToolKind } from '../log/events.js'
import { type Account, accountReader, oneLine } from './account.js'
import { acpReader } from './acp-reader.js'
import { Calls, fieldsOf, type Line, status, textOf } from './fields.js'
import { mcpServers } from './mcp.js'
import { opencodeTable } from './opencode-calls.js'
import { askAgent, findAgent } from './program.js'
import { type Exit, type Provider, type Reader, STALL, type Task } from './provider.js'

const KINDS: Record<string, ToolKind> = {
  bash: 'shell',
  read: 'file_read',
  write: 'file_write',
  edit: 'file_edit',
  multiedit: 'file_edit',
  patch: 'file_edit',
  apply_patch: 'file_edit',
  glob: 'search',
  grep: 'search',
  list: 'search',
  lsp: 'search',
  codesearch: 'search',
  webfetch: 'web',
  websearch: 'web',
  task: 'sub_agent',
}

const PROGRAM = { command: 'opencode', package: 'opencode-ai', least: '1.18.0' }

/** Its store is one file for all, made by whoever comes first; another that comes while that is done, or while it is opened, may fail of it. */
const COLLIDES = /^(?:Failed query:\s+(?:CREATE|ALTER)\b|database is locked$)/m

export const opencode: Provider = {
  name: 'opencode',
  does: 'opencode, with the models of any vendor',
  prompt: 'text',
  can: new Set(['model', 'system_prompt', 'add_dir', 'mcp_config', 'max_turns', 'plan', 'auto_approve', 'resume', 'cost']),
  stall: STALL,
  collides: COLLIDES,
  marks: /^OPENCODE(?:_PID)?$/,
  // Its settings are elsewhere, and stay as read-only as all else.
  state: ({ XDG_DATA_HOME, XDG_STATE_HOME, XDG_CACHE_HOME }) => ({
    write: [XDG_DATA_HOME || '~/.local/share', XDG_STATE_HOME || '~/.local/state', XDG_CACHE_HOME || '~/.cache'].map(folder =>
      join(folder, 'opencode'),
    ),
    read: [],
  }),
  find: () => findAgent(PROGRAM),
  ask: path => askAgent(PROGRAM, path),
  check({ model, flags }) {
    if (flags.mcpConfig !== undefined) mcpServers(flags.mcpConfig)
    // Of any other it says no more than "Unexpected server error".
    if (model !== undefined && !/^[^/]+\/./.test(model))
      throw usage(`opencode has no model '${model}': write it as PROVIDER/MODEL; 'opencode models' lists those it knows`)
  },
  launch: task => ({
    argv: argvOf(task),
    stdin: task.promptFile,
    // What replaces the program is for its user to ask for, not for fifty of a batch at once.
    env: { OPENCODE_DISABLE_AUTOUPDATE: '1' },
    remade: configuration(task, wishes(task)),
  }),
  reader,
  live: {
    start: task => ({
      argv: ['opencode', 'acp', '--print-logs', '--log-level', 'ERROR', '--cwd', task.cwd],
      env: { OPENCODE_DISABLE_AUTOUPDATE: '1' },
      remade: { ...configuration(task, liveWishes(task)), OPENCODE_PERMISSION: asking(task) },
    }),
    reader: past => acpReader(past),
    driver: async (task, wire) =>
      (await import('./acp-talk.js')).acpDriver(task, wire, { serversByConfig: true, commands: /^\s*\//, calls: opencodeTable }),
  },
}

/** It is to ask before it acts, and where rules or people decide before it fetches something, unless the user said otherwise. */
function asking({ env: { OPENCODE_PERMISSION: theirs = '' }, decided }: Task): string {
  const told = theirs === '' ? {} : parsedRules(theirs)
  const fetching = decided ? { webfetch: 'ask' } : {}
  return JSON.stringify({ bash: 'ask', edit: 'ask', ...fetching, ...(typeof told === 'string' ? { '*': told } : fieldsOf(told)) })
}

function parsedRules(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw usage(`OPENCODE_PERMISSION is no JSON: ${error instanceof Error ? error.message : error}`)
  }
}

function argvOf({ cwd, model, resumed, conversation, flags }: Task): [string, ...string[]] {
  // Errors in its own log, on stderr, say more than its lines do, also why it is silent. It takes $PWD for its folder unless told.
  const argv: [string, ...string[]] = ['opencode', 'run', '--format', 'json', '--thinking', '--print-logs', '--log-level', 'ERROR']
  argv.push('--dir', cwd)
  // Without a title it has a model make one, in a request that it does not account for; an empty one is the prompt's beginning.
  if (resumed && conversation !== undefined) argv.push('--session', conversation)
  else argv.push('--title', '')
  if (model !== undefined) argv.push('-m', model)
  const agent = agentOf(flags)
  if (agent !== undefined) argv.push('--agent', agent)
  if (flags.autoApprove) argv.push('--auto')
  return argv
}

/** Steps are counted for one of its agents, so with --max-turns it is not the user's own choice but the one it has by default. */
function agentOf({ plan, maxTurns }: Task['flags']): string | undefined {
  if (plan) return 'plan'
  return maxTurns === undefined ? undefined : 'build'
}

/** What it is to do otherwise in this session, as configuration; of an agent that was turned off it would take another without a word. */
function wishes({ flags, keep }: Task): Line {
  const { systemPrompt, addDir = [], mcpConfig, maxTurns, plan } = flags
  const agent = agentOf(flags)
  const own = {
    ...(maxTurns ? { steps: maxTurns } : {}),
    // The agent that plans edits nothing, but it would run any command.
    ...(plan ? { permission: { edit: 'deny', bash: 'deny' } } : {}),
  }
  const outside = Object.fromEntries(addDir.map(path => [`${path.replace(/\/$/, '')}/*`, 'allow']))
  return {
    ...(systemPrompt === undefined ? {} : { instructions: [keep('system-prompt.md', systemPrompt)] }),
    ...(agent === undefined ? {} : { agent: { [agent]: { disable: false, mode: 'primary', ...own } } }),
    ...(addDir.length > 0 ? { permission: { external_directory: outside } } : {}),
    ...(mcpConfig === undefined ? {} : { mcp: serversOf(mcpConfig) }),
  }
}

/** The same for one that lives on, which is told on its command line neither its agent nor the model. */
function liveWishes(task: Task): Line {
  const agent = agentOf(task.flags)
  return { ...wishes(task), ...(agent === undefined ? {} : { default_agent: agent }) }
}

function serversOf(path: string): Line {
  const servers = Object.entries(mcpServers(path)).map(([name, server]) => {
    if ('url' in server) return [name, { type: 'remote', url: server.url, headers: server.headers, enabled: true }]
    return [name, { type: 'local', command: [server.command, ...server.args], environment: server.env, enabled: true }]
  })
  return Object.fromEntries(servers)
}

const VARIABLE = 'OPENCODE_CONFIG_CONTENT'
/** What the variable was before, in the comment that one made here begins with: what runs inside the agent has it too. */
const BEFORE = /^\/\/zag ([\w+/=]*)\n/

/** The variable that goes before all files of configuration but those of an administrator, with what the user has in it already. */
function configuration(task: Task, ours: Line): Record<string, string> {
  const found = task.env[VARIABLE] ?? ''
  const around = BEFORE.exec(found)?.[1]
  const theirs = around === undefined ? found : Buffer.from(around, 'base64').toString()
  // Of one started inside of another's session nothing but what the user had is left.
  if (Object.keys(ours).length === 0) return around === undefined ? {} : { [VARIABLE]: theirs }
  const text = `//zag ${Buffer.from(theirs).toString('base64')}\n${merged(theirs === '' ? {} : parse(theirs), ours)}`
  // A variable with its name and a NUL byte ends at 128 KiB on Linux.
  if (Buffer.byteLength(text) > 127 * 1024) throw usage(`too much for one variable of opencode: make --mcp-config or ${VARIABLE} smaller`)
  return { [VARIABLE]: text }
}

/** It is JSON with comments, and commas before a closing bracket. */
function parse(text: string): Line {
  const bare = outsideStrings(outsideStrings(text, /\/\/[^\n]*|\/\*[\s\S]*?\*\//), /,(?=\s*[}\]])/)
  try {
    return fieldsOf(JSON.parse(bare))
  } catch (error) {
    const why = error instanceof Error ? error.message : error
    throw usage(`${VARIABLE} is no JSON that could be added to: ${why}`)
  }
}

/** The text without what fits where no string is. */
function outsideStrings(text: string, what: RegExp): string {
  return text.replace(new RegExp(`("(?:\\\\.|[^"\\\\])*")|${what.source}`, 'g'), (_, string?: string) => string ?? '')
}

/** Ours laid over theirs, as JSON in which what they wrote is as it was: there {env:NAME} and {file:PATH} stand for something. */
function merged(theirs: unknown, ours: unknown): string {
  if (ours === undefined) return JSON.stringify(theirs)
  if (Array.isArray(ours)) return `[${[...(Array.isArray(theirs) ? theirs.map(each => JSON.stringify(each)) : []), ...ours.map(literal)]}]`
  if (typeof ours !== 'object' || ours === null) return literal(ours)
  // A permission may be one word for all.
  const before: Line = typeof theirs === 'string' ? { '*': theirs } : fieldsOf(theirs)
  const own: Line = fieldsOf(ours)
  return `{${[...new Set([...Object.keys(before), ...Object.keys(own)])].map(key => `${literal(key)}:${merged(before[key], own[key])}`)}}`
}

/** A value as JSON in which nothing stands for something else. */
function literal(value: unknown): string {
  return JSON.stringify(value).replace(/\{(?=env:|file:)/g, '\\u007b')
}

function reader(): Reader {
  const told = new Told()
  const { each, out, verdict } = accountReader((line, account) => told.take(line, account))
  return { each, out, verdict: exit => told.explained(verdict, exit) }
}

/** It says so of what nobody allowed, and of what a rule of its configuration forbids. */
const REJECTED = /^The user rejected permission\b/
const FORBIDDEN = /^The user has specified a rule which prevents you\b/

const NO_STORE =
  'its store was in use, as happens when copies of it start at once: try again, or set [providers.opencode] stagger in config.toml'

/** What it told so far. */
class Told {
  #calls = new Calls(KINDS)
  #account: Account | undefined
  /** What was said in this step. */
  #said: string | undefined
  /** The tool that was not allowed in this step. */
  #rejected: string | undefined
  /** An error that is not undone by what follows: it exits with 1 for it. */
  #failed = false
  /** The name of an error in its own log. */
  #ref: string | undefined

  take(line: Line, account: Account): NewEvent[] {
    this.#account = account
    const part = fieldsOf(line.part)
    const session = textOf(line.sessionID)
    if (session !== undefined && /^\w{1,200}$/.test(session)) account.conversation = session
    if (line.type === 'step_start') return this.#begin(account)
    if (line.type === 'text') return this.#text(part, account)
    if (line.type === 'reasoning' && textOf(part.text))
      return [{ type: 'reasoning', content: String(part.text), message_id: textOf(part.messageID) }]
    if (line.type === 'tool_use') return this.#tool(part)
    if (line.type === 'step_finish') return this.#finish(part, account)
    return line.type === 'error' ? this.#error(line, account) : []
  }

  /** The verdict, in the words of its log where its line has none. */
  explained(verdict: Reader['verdict'], exit: Exit): ReturnType<Reader['verdict']> {
    const logged = this.#ref === undefined ? undefined : wordsOf(exit.stderr ?? '', this.#ref)
    if (logged !== undefined && this.#account) this.#account.error = hinted(logged)
    if (this.#account === undefined && COLLIDES.test(exit.stderr ?? '')) return { success: false, error: NO_STORE }
    return verdict(exit)
  }

  #begin(account: Account): NewEvent[] {
    account.success = undefined
    if (!this.#failed) account.error = undefined
    this.#said = undefined
    this.#rejected = undefined
    return []
  }

  #text(part: Line, account: Account): NewEvent[] {
    const content = textOf(part.text)
    // What it tells the model itself, as after a summary.
    if (content === undefined || part.synthetic === true) return []
    this.#said = content
    account.result = content
    return [{ type: 'assistant_message', content, message_id: textOf(part.messageID) }]
  }

  #tool(part: Line): NewEvent[] {
    const [tool, id, state] = [textOf(part.tool) ?? 'unknown', textOf(part.callID), fieldsOf(part.state)]
    const call = this.#calls.call(id, tool, state.input)
    const exit = fieldsOf(state.metadata).exit
    if (state.status === 'completed') return [call, this.#calls.result(id, exit === undefined || exit === null || exit === 0, state.output)]
    const error = textOf(state.error) ?? 'it failed'
    const result = this.#calls.result(id, false, error)
    if (!REJECTED.test(error) && !FORBIDDEN.test(error)) return [call, result]
    if (REJECTED.test(error)) this.#rejected = tool
    return [call, { type: 'permission', tool, granted: false, by: 'deny', reason: oneLine(error) }, result]
  }

  #finish(part: Line, account: Account): NewEvent[] {
    const reason = textOf(part.reason) ?? 'unknown'
    const spent = usageOf(part)
    if (reason === 'tool-calls' || reason === 'unknown') {
      if (this.#rejected !== undefined) this.#endRejected(this.#rejected, account)
      return [spent]
    }
    account.result = this.#said
    const isEnd = reason === 'stop' || reason === 'length'
    if (isEnd && !this.#failed) account.success = true
    if (!isEnd) account.error ??= `the answer ended with '${reason}'`
    return [spent, { type: 'turn_ended', stop_reason: reason }]
  }

  /** There it ends, says nothing more and exits with 0. */
  #endRejected(tool: string, account: Account): void {
    if (!this.#failed) account.error = `it may not use '${tool}' and gave up: allow that in its permissions, or give --auto-approve`
  }

  #error(line: Line, account: Account): NewEvent[] {
    const error = fieldsOf(line.error)
    const data = fieldsOf(error.data)
    const words = oneLine(textOf(data.message) ?? textOf(error.name) ?? 'it failed')
    this.#failed = true
    this.#ref = textOf(data.ref)
    account.success = undefined
    account.error = hinted(words, data.statusCode, error.name)
    if (data.statusCode === 429) account.limit = { message: words, resetAt: overAt(fieldsOf(data.responseHeaders), line.timestamp) }
    return [status(words, error)]
  }
}

function usageOf({ tokens, cost }: Line): NewEvent {
  const { input, output, reasoning, cache } = fieldsOf(tokens)
  const { read, write } = fieldsOf(cache)
  const spoken = countOf(output)
  return {
    type: 'usage',
    input_tokens: countOf(input),
    output_tokens: spoken === undefined ? undefined : spoken + (countOf(reasoning) ?? 0),
    cache_read_tokens: countOf(read),
    cache_write_tokens: countOf(write),
    cost_usd: countOf(cost),
  }
}

const countOf = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined)

/** An error with the way out, where there is one. */
function hinted(words: string, code?: unknown, name?: unknown): string {
  const bare = words.replace(/\.$/, '')
  const error = typeof code === 'number' && !words.includes(String(code)) ? `${bare} (HTTP ${code})` : bare
  if (code === 401 || code === 403 || name === 'ProviderAuthError') return `${error}: log in with 'opencode auth login'`
  if (/\bmodel not found|\bmodel\b.*\bnot (?:found|exist)/i.test(words)) return `${error}: 'opencode models' lists those it knows`
  return error
}

/** When a limit is over, by the headers of the answer that told of it. */
function overAt(headers: Line, told: unknown): number | undefined {
  const now = countOf(told)
  const [ms, after] = [headers['retry-after-ms'], headers['retry-after']].map(value => textOf(value) ?? '')
  if (now === undefined) return undefined
  if (/^[\d.]+$/.test(ms ?? '')) return now + Number(ms)
  if (/^[\d.]+$/.test(after ?? '')) return now + Number(after) * 1000
  const date = Date.parse(after ?? '')
  return Number.isNaN(date) ? undefined : date
}

/** What its log says of the error with this name. */
function wordsOf(stderr: string, ref: string): string | undefined {
  const line = stderr.split('\n').find(each => each.includes(`ref=${ref} `)) ?? ''
  const [, quoted] = / error="((?:\\.|[^"\\])*)"/.exec(line) ?? []
  if (quoted === undefined) return undefined
  return oneLine(quoted.replace(/\\n.*/, '').replace(/\\(.)/g, '$1')).replace(/^\w*Error: /, '')
}
