// Claude Code: a process for each turn, `claude -p` with the prompt on stdin, which prints a JSON object a line. Source of the format: the
// program itself (2.1.197; 2.1.0 is the oldest that was tried).
//
// A process can give several results: what runs in the background when the first is given, a command or another agent, may wake the
// model again. Each round has an `init` and a `result`; the last counts. Cost and tokens in them are those of the process so far.
// What its sub-agents say is no answer, but what they do with tools is done.

import { readFileSync } from 'node:fs'
import { usage } from '../base/exit.js'
import type { NewEvent } from '../log/events.js'
import { type Account, accountReader, oneLine } from './account.js'
import { Blocks, describe } from './claude-transcript.js'
import { fieldsOf, type Line, listOf, status, textOf } from './fields.js'
import { mcpServers } from './mcp.js'
import { askVersion, findAgent } from './program.js'
import { type Limit, type Provider, type Reader, STALL, type Task } from './provider.js'

/** It refuses a longer prompt on stdin, in UTF-16 units. */
const LONGEST_PROMPT = 10 * 1024 * 1024

export const claude: Provider = {
  name: 'claude',
  does: 'Claude Code, by Anthropic',
  prompt: 'text',
  can: new Set(['model', 'system_prompt', 'add_dir', 'mcp_config', 'max_turns', 'plan', 'auto_approve', 'resume', 'cost']),
  sizes: { small: 'haiku', medium: 'sonnet', large: 'opus' },
  stall: STALL,
  // Not what users set to configure it, which begins with CLAUDE_CODE_ as well.
  marks: /^(CLAUDECODE|CLAUDE_EFFORT|CLAUDE_PROJECT_DIR|AI_AGENT|CLAUDE_CODE_(ENTRYPOINT|EXECPATH|SESSION_ID|CHILD_SESSION))$/,
  find: () => findAgent({ command: 'claude', package: '@anthropic-ai/claude-code', least: '2.1.0' }),
  version: askVersion,
  check({ prompt, flags }) {
    // It would end well and have said nothing.
    if (prompt.length > 0 && String(prompt).trim() === '') throw usage("the prompt is blank: provider 'claude' does nothing with it")
    if (prompt.length >= LONGEST_PROMPT && String(prompt).length >= LONGEST_PROMPT)
      throw usage(`the prompt has ${prompt.length} bytes, and provider 'claude' takes less than 10 MiB: name files for it to read`)
    if (flags.mcpConfig !== undefined) mcpServers(flags.mcpConfig)
  },
  launch: task => ({ argv: ['claude', ...FORMAT, ...wordsOf(task)], stdin: promptOf(task), env: environmentOf(task) }),
  reader,
}

const FORMAT = ['-p', '--output-format', 'stream-json', '--verbose']

function wordsOf(task: Task): string[] {
  const { model, resumed, conversation, flags } = task
  const { systemPrompt, addDir = [], mcpConfig, maxTurns, plan } = flags
  return [
    ...(resumed && conversation !== undefined ? ['--resume', conversation] : []),
    ...(model === undefined ? [] : ['--model', model]),
    // Its own prompt says how its tools are used, and stays: what the user wants comes last in it. As a file others do not see it in ps.
    ...(systemPrompt === undefined ? [] : ['--append-system-prompt-file', task.keep('system-prompt', systemPrompt)]),
    ...addDir.flatMap(folder => ['--add-dir', folder]),
    ...(mcpConfig === undefined ? [] : ['--mcp-config', withTypes(task, mcpConfig)]),
    ...(maxTurns === undefined ? [] : ['--max-turns', String(maxTurns)]),
    ...(plan ? ['--permission-mode', 'plan'] : []),
    ...(approvesAll(task) ? ['--dangerously-skip-permissions'] : []),
  ]
}

/** Given both it would skip the permissions and write: a plan changes nothing. */
const approvesAll = ({ flags: { autoApprove, plan } }: Task) => autoApprove === true && !plan

function environmentOf(task: Task): Record<string, string> {
  return {
    // Fifty at once must not all replace their own program. What else it sends home is for the user to say.
    DISABLE_AUTOUPDATER: '1',
    // Without it, it does not skip permissions as root.
    ...(approvesAll(task) && process.getuid?.() === 0 ? { IS_SANDBOX: '1' } : {}),
  }
}

/** The file with the prompt. One that begins with `/word` would be taken for a command of its own, and the model never asked. */
function promptOf({ promptFile, keep }: Task): string {
  const prompt = readFileSync(promptFile, 'utf8')
  return prompt.startsWith('/') ? keep('prompt', `\n${prompt}`) : promptFile
}

/** The configuration of MCP servers. One with a `url` and no `type` would be left out without a word. */
function withTypes({ keep }: Task, path: string): string {
  const remote = Object.entries(mcpServers(path)).flatMap(([name, server]) => ('url' in server ? [{ name, type: server.transport }] : []))
  const given = fieldsOf(JSON.parse(readFileSync(path, 'utf8')))
  const untyped = remote.filter(({ name }) => serverIn(given, name).type === undefined)
  for (const { name, type } of untyped) serverIn(given, name).type = type
  return untyped.length === 0 ? path : keep('mcp.json', JSON.stringify(given))
}

const serverIn = (config: Line, name: string) => fieldsOf(fieldsOf(config.mcpServers)[name])

function reader(): Reader {
  const stream = new Stream()
  const account = accountReader((line, said) => stream.take(line, said))
  return {
    ...account,
    get through() {
      return account.through === true && !stream.isAtWork
    },
  }
}

const HINTS: Record<string, string> = {
  authentication_failed: "run 'claude' and log in there with /login, or set ANTHROPIC_API_KEY",
  model_not_found: 'a model is haiku, sonnet, opus or a full name',
}
const NO_CONVERSATION = /^No conversation found/
const GONE = 'it looks for them by the folder it works in, and drops them after some weeks'
/** How older versions begin where newer ones give the status. */
const LIMITED = /^API Error: 429\b/

/** What was spent: our word for it, and that of the program, which counts by model. */
const COUNTS = [
  ['input_tokens', 'inputTokens'],
  ['output_tokens', 'outputTokens'],
  ['cache_read_tokens', 'cacheReadInputTokens'],
  ['cache_write_tokens', 'cacheCreationInputTokens'],
] as const

class Stream {
  #blocks = new Blocks()
  #rounds = { begun: 0, ended: 0 }
  /** What runs beside the conversation, by id. */
  #tasks = new Set<string>()
  #isWoken = false
  /** The kind of the latest error of the API. */
  #kind: string | undefined
  /** What was said of the latest limit that was met. */
  #rejected: Line = {}
  /** What calls that failed were told, by their id. */
  #refusals = new Map<string, string>()
  #denied = new Set<string>()
  #spent = new Map<string, number>()

  /** Something will wake it, or has. */
  get isAtWork(): boolean {
    return this.#tasks.size > 0 || this.#isWoken || this.#rounds.begun > this.#rounds.ended
  }

  take(line: Line, account: Account): NewEvent[] {
    const events = this.#eventsOf(line, account)
    return events.length > 0 ? events : [status(describe(line), line)]
  }

  #eventsOf(line: Line, account: Account): NewEvent[] {
    if (line.type === 'result') return this.#result(line, account)
    if (line.type === 'system') this.#note(line, account)
    const limit = fieldsOf(line.rate_limit_info)
    if (limit.status === 'rejected') this.#rejected = limit
    if (line.type !== 'assistant' && line.type !== 'user') return []
    // The text of an error of the API comes again in the result.
    if (line.error !== undefined) this.#kind = textOf(line.error)
    return line.error === undefined ? this.#message(line, account) : []
  }

  /** Rounds and tasks that begin and end. */
  #note(line: Line, account: Account): void {
    const { subtype, session_id, task_id } = line
    // Only here: a result about a conversation that is not there bears an id too.
    if (subtype === 'init') {
      account.conversation = textOf(session_id) ?? account.conversation
      this.#rounds.begun += 1
      this.#isWoken = false
    }
    if (subtype === 'task_started') this.#tasks.add(String(task_id))
    if (subtype === 'task_notification') this.#tasks.delete(String(task_id))
    // One that it stopped itself, because it is about to exit, wakes nobody.
    if (subtype === 'task_notification' && this.#rounds.begun === this.#rounds.ended) this.#isWoken ||= line.status !== 'stopped'
  }

  #message(line: Line, account: Account): NewEvent[] {
    const { id, content } = fieldsOf(line.message)
    const events = listOf(content).map(block => this.#block(block, line, textOf(id)))
    // Its calls have ids of their own; what it says would be taken for the answer.
    const isOfSub = typeof line.parent_tool_use_id === 'string'
    if (isOfSub) return events.map(event => (isTalk(event) ? status(`sub-agent ${line.type}`, line) : event))
    for (const event of events) if (event.type === 'assistant_message') account.result = event.content
    return events
  }

  #block(block: Line, line: Line, message_id: string | undefined): NewEvent {
    if (line.type === 'assistant') return this.#blocks.ofAnswer(block, message_id)
    if (block.type !== 'tool_result') return status(`user ${block.type}`, block)
    const event = this.#blocks.result(block, line.tool_use_result)
    if (event.type === 'tool_result' && event.error !== undefined) this.#refusals.set(event.tool_id ?? '', oneLine(event.error))
    return event
  }

  #result(line: Line, account: Account): NewEvent[] {
    this.#rounds.ended += 1
    account.success = line.subtype === 'success' && line.is_error !== true
    if (account.success) account.result = textOf(line.result) ?? account.result
    account.error = account.success ? undefined : this.#errorOf(line)
    account.limit = account.success ? undefined : this.#limitOf(line)
    return [...this.#denials(line), ...this.#spentSince(line), { type: 'turn_ended', stop_reason: stopOf(line) }]
  }

  #errorOf({ subtype, terminal_reason, result, errors }: Line): string {
    if (isInterrupted(terminal_reason)) return 'interrupted'
    const told = Array.isArray(errors) ? errors.map(String).join('; ') : ''
    const error = oneLine(textOf(result) ?? (told || `the agent ended with ${subtype}`))
    const hint = NO_CONVERSATION.test(error) ? GONE : HINTS[this.#kind ?? '']
    return hint === undefined ? error : `${error} (${hint})`
  }

  #limitOf({ api_error_status, result }: Line): Limit | undefined {
    const message = oneLine(textOf(result) ?? 'usage limit')
    if (api_error_status !== 429 && this.#kind !== 'rate_limit' && !LIMITED.test(message)) return undefined
    const { rateLimitType, resetsAt } = this.#rejected
    return {
      message,
      ...(textOf(rateLimitType) === undefined ? {} : { scope: String(rateLimitType) }),
      ...(typeof resetsAt === 'number' ? { resetAt: resetsAt * 1000 } : {}),
    }
  }

  /** Calls that were refused, each once, however many results name them. */
  #denials({ permission_denials }: Line): NewEvent[] {
    const fresh = listOf(permission_denials).filter(({ tool_use_id }) => !this.#denied.has(String(tool_use_id)))
    for (const { tool_use_id } of fresh) this.#denied.add(String(tool_use_id))
    return fresh.map(({ tool_name, tool_use_id }) => {
      const reason = this.#refusals.get(String(tool_use_id))
      return { type: 'permission', tool: textOf(tool_name) ?? 'unknown', granted: false, by: 'deny', ...(reason ? { reason } : {}) }
    })
  }

  /** Usage since the result before. By model, because the usage of the result itself leaves out sub-agents. */
  #spentSince({ modelUsage, total_cost_usd }: Line): NewEvent[] {
    const models = Object.values(fieldsOf(modelUsage)).map(fieldsOf)
    const total = new Map<string, number>(COUNTS.map(([name, key]) => [name, models.reduce((sum, model) => sum + countOf(model[key]), 0)]))
    total.set('cost_usd', countOf(total_cost_usd))
    const since = [...total].map(([name, count]) => [name, count - (this.#spent.get(name) ?? 0)] as const)
    this.#spent = total
    return since.some(([, count]) => count > 0) ? [{ type: 'usage', ...Object.fromEntries(since) }] : []
  }
}

/** Of one that failed, the model's own reason to stop says nothing, and the subtype may be `success`. */
function stopOf({ subtype, is_error, stop_reason, terminal_reason }: Line): string {
  if (isInterrupted(terminal_reason)) return 'interrupted'
  if (subtype === 'success') return is_error === true ? 'error' : (textOf(stop_reason) ?? 'end_turn')
  return textOf(subtype)?.replace(/^error_/, '') ?? 'error'
}

const isInterrupted = (reason: unknown) => textOf(reason)?.startsWith('aborted') === true
const isTalk = ({ type }: NewEvent) => type !== 'tool_call' && type !== 'tool_result'
const countOf = (value: unknown) => (typeof value === 'number' ? value : 0)
