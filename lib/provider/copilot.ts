// GitHub Copilot CLI, once for each turn: `copilot --output-format json`, whose lines were found by running versions 1.0.89 to 1.0.102;
// the kinds of its lines and errors stand in copilot-sdk/generated/session-events.d.ts of the package that it unpacks.
//
// It tells its id of a conversation in its last line, so the id is chosen here, and one that was killed can go on. What it used it
// writes into a file, as a sum over the conversation. It has no number of turns: continuations of its autopilot are something else.
// It puts stars in place of the text of its key wherever that stands in its output, be it the name of a member.

import { dirname, join } from 'node:path'
import { usage } from '../base/exit.js'
import { wordOf } from '../base/word.js'
import type { NewEvent, ToolKind } from '../log/events.js'
import { type Account, accountReader, oneLine, readerOver } from './account.js'
import { copilotLive } from './copilot-live.js'
import { Calls, fieldsOf, type Line, status, textOf } from './fields.js'
import { type McpServer, mcpServers } from './mcp.js'
import { askAgent, findAgent } from './program.js'
import { type Past, type Provider, type Reader, STALL, type Task } from './provider.js'

const KINDS: Record<string, ToolKind> = {
  bash: 'shell',
  read_bash: 'shell',
  write_bash: 'shell',
  stop_bash: 'shell',
  list_bash: 'shell',
  view: 'file_read',
  create: 'file_write',
  edit: 'file_edit',
  str_replace_editor: 'file_edit',
  apply_patch: 'file_edit',
  rg: 'search',
  grep: 'search',
  glob: 'search',
  task: 'sub_agent',
  read_agent: 'sub_agent',
  list_agents: 'sub_agent',
  write_agent: 'sub_agent',
  web_fetch: 'web',
  web_search: 'web',
}

/** Private files: what it used in the conversation by the end of the run that is read, and by the end of those before. */
const USED = 'used.json'
const USED_BEFORE = 'used-before.json'

const PROGRAM = { command: 'copilot', package: '@github/copilot', least: '1.0.89' }

export const copilot: Provider = {
  name: 'copilot',
  does: 'GitHub Copilot CLI',
  prompt: 'text',
  can: new Set(['model', 'system_prompt', 'add_dir', 'mcp_config', 'plan', 'auto_approve', 'resume']),
  stall: STALL,
  marks: /^COPILOT_(CLI|AGENT_SESSION_ID|CLI_BINARY_VERSION|CLI_RESOLVED_DIST_DIR|LOADER_PID)$/,
  state({ COPILOT_HOME: own }) {
    const folder = own || '~/.copilot'
    return { write: [folder], read: [join(folder, 'mcp-config.json')] }
  },
  find: () => findAgent(PROGRAM),
  ask: path => askAgent(PROGRAM, path),
  check({ prompt, flags: { mcpConfig } }) {
    if (/^\s*\/compact(\s|$)/.test(prompt.toString('utf8', 0, 4096)))
      throw usage('a prompt that begins with /compact is a command to copilot: begin it with another word')
    if (mcpConfig !== undefined) mcpServers(mcpConfig)
  },
  ownConversation: true,
  launch: task => ({ argv: ['copilot', ...wordsFor(task)], stdin: task.promptFile, remade: instructions(task) }),
  reader: past => readerOf(new Telling(past)),
  live: copilotLive(task => ({ argv: ['copilot', '--acp', '--no-auto-update', ...sharedWords(task)], remade: instructions(task) })),
}

function wordsFor(task: Task): string[] {
  const { resumed, conversation, flags } = task
  const { mcpConfig, autoApprove } = flags
  return [
    // A newer version that it fetched would be another program than the one that was found.
    ...['--output-format', 'json', '--no-auto-update', '--usage-output-file', usedFile(task)],
    ...(resumed && conversation ? [`--resume=${conversation}`] : ['--session-id', idFor(task)]),
    // With --allow-all-tools alone it would still be refused what is elsewhere on the disk or the net.
    ...(autoApprove ? ['--allow-all'] : []),
    ...sharedWords(task),
    ...(mcpConfig ? ['--additional-mcp-config', `@${task.keep('mcp.json', mcpText(mcpServers(mcpConfig)))}`] : []),
  ]
}

/** What it is told in the same words however it is run. */
function sharedWords({ model, flags: { addDir = [], plan } }: Task): string[] {
  return [...(model ? ['--model', model] : []), ...(plan ? ['--plan'] : []), ...addDir.flatMap(folder => ['--add-dir', folder])]
}

/** The id of the conversation that a run begins: that of the session. One that tries again begins another, and one that goes on where no id was told, the first. */
function idFor({ session, run, resumed }: Task): string {
  return run === 1 || resumed ? session : `${session.slice(0, -4)}${(run % 0x10000).toString(16).padStart(4, '0')}`
}

/** The file for what the run uses, empty; what was in it is moved on, unless a new conversation begins. */
function usedFile({ resumed, kept, keep }: Task): string {
  keep(USED_BEFORE, resumed ? kept(USED) || kept(USED_BEFORE) || '' : '')
  return keep(USED, '')
}

/** Folders where it looks for instructions. A system prompt is a file of them: it goes after the rules that it has of its own. */
const FOLDERS = 'COPILOT_CUSTOM_INSTRUCTIONS_DIRS'

/** Those of the user and one of ours; that of a session around this one is not for this one. */
function instructions({ env, flags: { systemPrompt }, keep }: Task): Record<string, string> {
  const there = env[FOLDERS] ?? ''
  const theirs = there.split(',').filter(folder => folder !== '' && !/\/sessions\/[\da-f-]{36}\/agent$/.test(folder))
  // A new line, lest it take the beginning of the text for a table of settings.
  const own = systemPrompt === undefined ? [] : [dirname(keep('system.instructions.md', `\n${systemPrompt}\n`))]
  if (own.some(folder => folder.includes(','))) throw usage('--system-prompt: copilot takes no folder with a comma, and ZAG_HOME has one')
  const folders = [...theirs, ...own].join(',')
  return folders === there ? {} : { [FOLDERS]: folders }
}

function mcpText(servers: Record<string, McpServer>): string {
  const own = ([name, server]: [string, McpServer]) =>
    'url' in server
      ? [name, { type: server.transport, url: server.url, headers: server.headers, tools: ['*'] }]
      : [name, { type: 'local', ...server, tools: ['*'] }]
  return JSON.stringify({ mcpServers: Object.fromEntries(Object.entries(servers).map(own)) })
}

function readerOf(telling: Telling): Reader {
  const lines = accountReader(
    (line, account) => telling.take(line, account),
    () => telling.held(),
  )
  return readerOver(lines, {
    verdict(exit) {
      // The first line says what is wrong, and the others at length what could be done.
      const said = lines.verdict({ ...exit, stderr: exit.stderr?.trimStart().split('\n')[0] })
      return /No authentication information/.test(said.error ?? '') ? { ...said, error: withLogin(said.error ?? '') } : said
    },
  })
}

/** Of the key of another provider it speaks itself. */
const withLogin = (error: string) =>
  error.includes('COPILOT_') ? error : `${error.replace(/\.$/, '')}; log in with 'copilot login', or set COPILOT_GITHUB_TOKEN`

/** What comes whole later, or says nothing. */
const PARTS = new Set([
  'assistant.message_start',
  'assistant.reasoning_delta',
  'assistant.streaming_delta',
  'assistant.tool_call_delta',
  'session.background_tasks_changed',
  'tool.execution_partial_result',
  'tool.shell_output',
])

/** What the lines of one run tell. */
class Telling {
  readonly #past: Past
  readonly #calls = new Calls(KINDS)
  /** A message that may never be told whole. */
  #begun: { id: string | undefined; text: string } = { id: undefined, text: '' }
  #reasoned: string | undefined
  #aborted: string | undefined
  /** Seconds until a limit is over. */
  #wait = Number.NaN
  #last: Line | undefined
  #account: Account | undefined

  constructor(past: Past) {
    this.#past = past
  }

  take(line: Line, account: Account): NewEvent[] | undefined {
    this.#account = account
    const data = fieldsOf(line.data)
    // What a helper of the agent says is not what the agent says.
    if (line.agentId !== undefined) return PARTS.has(wordOf(line.type)) ? undefined : [status(`sub-agent ${wordOf(line.type)}`, line)]
    switch (line.type) {
      case 'assistant.message_delta':
        return this.#piece(data)
      case 'assistant.message':
        return this.#message(data, account)
      case 'assistant.reasoning':
        return this.#reasoning(textOf(data.content))
      case 'tool.execution_start':
        return [this.#calls.call(textOf(data.toolCallId), textOf(data.toolName) ?? 'unknown', data.arguments)]
      case 'tool.execution_complete':
        return this.#result(data)
      case 'result':
        return this.#ended(line, account)
      default:
        return PARTS.has(wordOf(line.type)) ? undefined : this.#other(line, data, account)
    }
  }

  /** What was said of a message that is not whole, and, when all is over, what was used. */
  held(): NewEvent[] {
    const { id, text } = this.#begun
    this.#begun = { id: undefined, text: '' }
    const last = this.#last
    this.#last = undefined
    const spent = last ? spentIn(this.#past) : undefined
    if (text !== '' && this.#account) this.#account.result = text
    return [
      ...(text === '' ? [] : [{ type: 'assistant_message', content: text, message_id: id } as const]),
      ...(spent ? [spent] : []),
      ...(last ? [status('result', last)] : []),
    ]
  }

  #piece({ messageId, deltaContent }: Line): undefined {
    const id = textOf(messageId)
    const before = this.#begun.id === id ? this.#begun.text : ''
    this.#begun = { id, text: before + (textOf(deltaContent) ?? '') }
  }

  #message(data: Line, account: Account): NewEvent[] {
    this.#begun = { id: undefined, text: '' }
    const content = textOf(data.content)
    const reasoning = this.#reasoning(textOf(data.reasoningText)) ?? []
    if (content === undefined) return [...reasoning, status('assistant.message', data)]
    // It goes on after some errors by itself.
    delete account.error
    delete account.limit
    account.result = content
    return [...reasoning, { type: 'assistant_message', content, message_id: textOf(data.messageId) }]
  }

  /** Told with the message, and once more by itself. */
  #reasoning(content: string | undefined): NewEvent[] | undefined {
    if (content === undefined || content === this.#reasoned) return undefined
    this.#reasoned = content
    return [{ type: 'reasoning', content }]
  }

  #result({ toolCallId, success, result, error: failure }: Line): NewEvent[] {
    const { message, code } = fieldsOf(failure)
    const event = this.#calls.result(textOf(toolCallId), success === true, success === true ? fieldsOf(result).content : message)
    return code === 'denied' && event.type === 'tool_result'
      ? [{ type: 'permission', tool: event.tool, granted: false, by: 'deny', reason: textOf(message) }, event]
      : [event]
  }

  #other(line: Line, data: Line, account: Account): NewEvent[] {
    if (line.type === 'abort') this.#aborted = `interrupted (${textOf(data.reason) ?? 'no reason given'})`
    if (line.type === 'auto_mode_switch.requested' && typeof data.retryAfterSeconds === 'number') this.#wait = data.retryAfterSeconds
    if (line.type === 'session.error') this.#failed(line, data, account)
    // The prompt once more, twice: it may be long and is in the log.
    if (line.type === 'user.message') return [status('user.message', { ...data, content: undefined, transformedContent: undefined })]
    return [status(wordOf(line.type ?? 'line'), line)]
  }

  #failed(line: Line, data: Line, account: Account): void {
    const message = oneLine(textOf(data.message) ?? 'error')
    account.error = data.errorType === 'authentication' ? withLogin(message) : message
    const isLimit = data.errorType === 'rate_limit' || (data.errorType === 'quota' && data.errorCode !== 'billing_not_configured')
    if (!isLimit) return
    const resetAt = Date.parse(wordOf(line.timestamp)) + this.#wait * 1000
    const scope = textOf(data.errorCode)
    account.limit = { message, ...(scope ? { scope } : {}), ...(Number.isNaN(resetAt) ? {} : { resetAt }) }
  }

  #ended(line: Line, account: Account): undefined {
    const id = member(line, 'sessionId')
    if (typeof id === 'string' && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id)) account.conversation = id
    const code = member(line, 'exitCode')
    account.error ??= this.#aborted
    // Where it cannot be read, that of the process is all there is.
    account.success = (code ?? 0) === 0 && account.error === undefined
    if (!account.success) account.error ??= `it ended with ${wordOf(code)}`
    // Kept until all is over: only then is there the file with what was used.
    this.#last = line
  }
}

/** A member of the last line, also if a part of its name stands in stars. */
function member(line: Line, name: string): unknown {
  if (name in line) return line[name]
  const fits = (key: string) => key.includes('*') && new RegExp(`^${key.replace(/\*+/g, '.*').replace(/[^\w.*]/g, '\\$&')}$`).test(name)
  const key = Object.keys(line).find(fits)
  return key === undefined ? undefined : line[key]
}

const COUNTS = ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens'] as const
type Used = Record<(typeof COUNTS)[number], number>

/** What the run used: what the sums grew by. Nothing if it told none, as one that was killed. */
function spentIn({ kept }: Past): NewEvent | undefined {
  const now = usedIn(kept(USED))
  const before = usedIn(kept(USED_BEFORE))
  if (!now) return undefined
  const [input, output, read, write] = COUNTS.map(count => Math.max(0, now[count] - (before?.[count] ?? 0))) as [
    number,
    number,
    number,
    number,
  ]
  if (input + output === 0) return undefined
  // It counts what a cache gave or took as input too; the log does not.
  const input_tokens = Math.max(0, input - read - write)
  return { type: 'usage', input_tokens, output_tokens: output, cache_read_tokens: read, cache_write_tokens: write }
}

/** The sums over all models. */
function usedIn(text: string | undefined): Used | undefined {
  if (!text) return undefined
  try {
    const models = Object.values(fieldsOf(fieldsOf(JSON.parse(text)).modelMetrics)).map(model => fieldsOf(fieldsOf(model).usage))
    const sum = (count: string) => models.reduce((all, used) => all + (typeof used[count] === 'number' ? used[count] : 0), 0)
    return Object.fromEntries(COUNTS.map(count => [count, sum(count)])) as Used
  } catch {
    // Half of it, of one that was ended while it wrote.
    return undefined
  }
}
