// Gemini CLI, once for each turn: `gemini -o stream-json`, whose lines were found by running versions 0.40 to 0.61.
//
// It has no flag for what goes before its own rules, for MCP servers or for a number of turns: GEMINI_SYSTEM_MD takes all of its rules
// away, and settings from a file of ours count only if root owns that file, where they put those of the machine out of force.
// A run that is killed in its first second may leave ~/.gemini/projects.json.lock, for which the next one waits 13 s: it looks no
// different from that of one at work, so it is left to gemini. What it thinks is not in its output.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { quoted, usage } from '../base/exit.js'
import { wordOf } from '../base/word.js'
import type { NewEvent, ToolKind } from '../log/events.js'
import { type Account, accountReader, oneLine, readerOver } from './account.js'
import { acpReader, type UsageFields } from './acp-reader.js'
import { Calls, fieldsOf, type Line, status, textOf } from './fields.js'
import { geminiTable } from './gemini-calls.js'
import { askAgent, findAgent } from './program.js'
import {
  type Driver,
  type Exit,
  type Limit,
  type Past,
  type Provider,
  type Reader,
  STALL,
  type Task,
  type Verdict,
  type Wire,
} from './provider.js'

/** What it reads of stdin; the rest is cut off without a word on stdout. */
const LONGEST = 8 * 1024 * 1024

const KINDS: Record<string, ToolKind> = {
  run_shell_command: 'shell',
  read_file: 'file_read',
  read_many_files: 'file_read',
  read_mcp_resource: 'file_read',
  write_file: 'file_write',
  replace: 'file_edit',
  list_directory: 'search',
  glob: 'search',
  grep_search: 'search',
  google_web_search: 'web',
  web_fetch: 'web',
  invoke_agent: 'sub_agent',
}

const PROGRAM = { command: 'gemini', package: '@google/gemini-cli', least: '0.40.0' }

export const gemini: Provider = {
  name: 'gemini',
  does: 'Gemini CLI',
  prompt: 'text',
  can: new Set(['model', 'add_dir', 'plan', 'auto_approve', 'resume']),
  // Names of its own, which follow its releases.
  sizes: { small: 'flash-lite', medium: 'flash', large: 'pro' },
  stall: STALL,
  marks: /^GEMINI_(CLI|SESSION_ID|PROJECT_DIR|PLANS_DIR|CWD)$/,
  state({ GEMINI_CLI_HOME: own }) {
    const folder = join(own || '~', '.gemini')
    return { write: [folder], read: [join(folder, 'settings.json')] }
  },
  find: () => findAgent(PROGRAM),
  ask: path => askAgent(PROGRAM, path),
  check({ prompt, flags: { addDir = [] } }) {
    checkLength(literal(String(prompt)))
    const split = addDir.find(folder => folder.includes(','))
    if (split !== undefined) throw usage(`--add-dir ${quoted(split)}: gemini takes no folder with a comma in its name`)
  },
  launch: task => ({
    argv: ['gemini', '-o', 'stream-json', ...wordsFor(task, task.flags.autoApprove, task.resumed ? task.conversation : undefined)],
    stdin: promptFor(task),
    env: environmentFor(task),
  }),
  reader: () => readerOf(new Telling()),
  live: {
    // What it may use it is told when it asks.
    start: task => ({ argv: ['gemini', '--acp', ...wordsFor(task)], env: environmentFor(task) }),
    reader: liveReader,
    driver: liveDriver,
  },
}

// Without the second process it starts for itself, signals reach it, and it takes half the memory. A batch must not open browsers.
const ENV = { GEMINI_CLI_NO_RELAUNCH: 'true', NO_BROWSER: 'true' }

/**
 * As it starts, a copy of it clears up: what it takes for broken is also a conversation that another copy has only just begun, which could
 * not be gone on with then. So it is not to clear up, unless the user's own settings say that it is.
 */
const DEFAULTS = { general: { sessionRetention: { enabled: false } } }

/** Where it looks for settings of the machine. */
const OF_MACHINE = process.platform === 'darwin' ? '/Library/Application Support/GeminiCli/settings.json' : '/etc/gemini-cli/settings.json'

function environmentFor({ env, keep }: Task): Record<string, string> {
  const { GEMINI_CLI_SYSTEM_SETTINGS_PATH: settings = OF_MACHINE, GEMINI_CLI_SYSTEM_DEFAULTS_PATH: theirs } = env
  // A machine has one file of defaults: one that is there stays in force.
  if (theirs || existsSync(join(dirname(settings), 'system-defaults.json'))) return ENV
  return { ...ENV, GEMINI_CLI_SYSTEM_DEFAULTS_PATH: keep('defaults.json', JSON.stringify(DEFAULTS)) }
}

function wordsFor({ model, flags }: Task, autoApprove = false, resume?: string): string[] {
  const { addDir = [], plan } = flags
  const mode = plan ? 'plan' : autoApprove ? 'yolo' : undefined
  return [
    // Whoever starts it in a folder says with that that it may work there.
    '--skip-trust',
    ...(model ? ['--model', model] : []),
    ...(resume ? ['--resume', resume] : []),
    ...(mode ? ['--approval-mode', mode] : []),
    ...addDir.flatMap(folder => ['--include-directories', folder]),
  ]
}

function promptFor({ promptFile, keep }: Task): string {
  const text = readFileSync(promptFile, 'utf8')
  const safe = literal(text)
  checkLength(safe)
  return safe === text ? promptFile : keep('prompt', safe)
}

/** A prompt that says to the model what is in it: no command of gemini's at its head, and no files in place of words with an @. */
function literal(text: string): string {
  const plain = text.startsWith('/') ? `\n${text}` : text
  return /@\S/.test(plain) ? `${plain.replaceAll('@', '\\@')}\n\nIn this message \\@ stands for @.` : plain
}

function checkLength(text: string): void {
  const length = Buffer.byteLength(text)
  if (length > LONGEST) throw usage(`the prompt has ${length} bytes, and gemini reads no more than ${LONGEST}`)
}

function readerOf(telling: Telling): Reader {
  const lines = accountReader(
    (line, account) => telling.take(line, account),
    () => telling.held(),
  )
  return readerOver(lines, {
    verdict: exit => explained(lines.verdict({ ...exit, stderr: causeIn(exit.stderr) }), exit, telling),
  })
}

async function liveDriver(task: Task, wire: Wire): Promise<Driver> {
  const { acpDriver } = await import('./acp-talk.js')
  const driver = await acpDriver(task, wire, { modelByArgv: true, commands: /^\s*[/$]/, calls: geminiTable })
  return { ...driver, open: () => openLater(task, driver) }
}

const BEGAN = 'began'
const minuteOf = (time: number) => Math.floor(time / 60_000)

/** It stores a conversation under the minute in which it begins, and one that is to go on in that minute it writes over. */
async function openLater(task: Task, driver: Driver): Promise<string | undefined> {
  if (task.resumed && task.conversation !== undefined) {
    const now = Date.now()
    const isTooEarly = minuteOf(now) === minuteOf(Number(task.kept(BEGAN)))
    if (isTooEarly) await new Promise(resolve => setTimeout(resolve, (minuteOf(now) + 1) * 60_000 - now + 100).unref())
    return driver.open()
  }
  const conversation = await driver.open()
  task.keep(BEGAN, String(Date.now()))
  return conversation
}

function liveReader(past: Past): Reader {
  const lines = acpReader(past, { usage: ({ _meta }) => tokensIn(fieldsOf(fieldsOf(fieldsOf(_meta).quota).token_count)) })
  return readerOver(lines, {
    verdict: exit => explained(lines.verdict(exit), exit, { at: Number.NaN, unsaid: false }),
  })
}

/** Of a turn; it does not say what of it came from its cache. */
function tokensIn({ input_tokens, output_tokens }: Line): UsageFields {
  return { input_tokens: countOf(input_tokens), output_tokens: countOf(output_tokens) }
}

/** What the lines of one run tell. */
class Telling {
  readonly #calls = new Calls(KINDS)
  /** A message comes in pieces, and nothing says which is its last. */
  #pieces: string[] = []
  /** It said or did something. */
  #said = false
  /** It went no further because of this, whatever its last line says. */
  #stopped: string | undefined
  #account: Account | undefined
  /** When its last line was written. */
  at = Number.NaN
  /** It takes what it was told out of the conversation when nothing came of that. */
  unsaid = false

  take(line: Line, account: Account): NewEvent[] | undefined {
    this.#account = account
    this.at = Date.parse(wordOf(line.timestamp))
    if (line.type === 'message' && line.role === 'assistant' && typeof line.content === 'string') {
      this.#pieces.push(line.content)
      return line.delta === true ? undefined : this.held()
    }
    return [...this.held(), ...this.#events(line, account)]
  }

  held(): NewEvent[] {
    const content = this.#pieces.join('')
    this.#pieces = []
    if (content === '') return []
    this.#said = true
    if (this.#account) this.#account.result = content
    return [{ type: 'assistant_message', content }]
  }

  #events(line: Line, account: Account): NewEvent[] {
    switch (line.type) {
      case 'init':
        if (isId(line.session_id)) account.conversation = line.session_id
        return [status('init', line)]
      case 'message':
        // The prompt once more, which may be long and is in the log.
        return [status(`message of ${wordOf(line.role)}`, { ...line, content: undefined })]
      case 'tool_use':
        this.#said = true
        return [this.#calls.call(textOf(line.tool_id), textOf(line.tool_name) ?? 'unknown', line.parameters)]
      case 'tool_result':
        return this.#result(line)
      case 'error':
        if (line.severity === 'error' || /^Loop detected/.test(wordOf(line.message)))
          this.#stopped = oneLine(textOf(line.message) ?? 'it stopped')
        return [status(textOf(line.message) ?? 'error', line)]
      case 'result':
        return this.#ended(line, account)
      default:
        return [status(wordOf(line.type ?? 'line'), line)]
    }
  }

  #result(line: Line): NewEvent[] {
    const error = fieldsOf(line.error)
    const well = line.status === 'success'
    const result = this.#calls.result(textOf(line.tool_id), well, (well ? undefined : textOf(error.message)) ?? line.output)
    return well || result.type !== 'tool_result' || !isRefusal(error.type, result.tool)
      ? [result]
      : [{ type: 'permission', tool: result.tool, granted: false, by: 'deny', reason: textOf(error.message) }, result]
  }

  #ended(line: Line, account: Account): NewEvent[] {
    const stats = fieldsOf(line.stats)
    const spent = usageOf(stats)
    const error = this.#stopped ?? wordsOf(fieldsOf(line.error).message)
    const silent = !spent && !this.#said
    this.unsaid = !this.#said && (silent || line.status !== 'success')
    // Of a conversation that is empty by that there is nothing left.
    if (this.unsaid) account.conversation = undefined
    account.success = line.status === 'success' && this.#stopped === undefined && !silent
    if (!account.success) account.error = error ?? (silent ? NOT_ASKED : undefined)
    return [...(spent ? [spent] : []), status('result', line)]
  }
}

/** So it ends, with success, when a prompt does not fit into the model's window. */
const NOT_ASKED = 'it did not ask the model: the prompt may be larger than the model takes'

const isId = (id: unknown): id is string => typeof id === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)

const countOf = (value: unknown) => (typeof value === 'number' ? value : 0)

/** Tools that were not approved are not even offered: a model that knows them all the same is told that there are none. */
function isRefusal(type: unknown, tool: string): boolean {
  return type === 'policy_violation' || (type === 'tool_not_registered' && Object.hasOwn(KINDS, tool))
}

/** Of one process: a resumed one begins at 0. What it thought is in the total alone. */
function usageOf(stats: Line): NewEvent | undefined {
  const total = countOf(stats.total_tokens)
  const input = countOf(stats.input_tokens)
  const cached = countOf(stats.cached)
  if (total === 0) return undefined
  return { type: 'usage', input_tokens: Math.max(0, input - cached), output_tokens: total - input, cache_read_tokens: cached }
}

/** The words of an error, without what it puts around them. */
function wordsOf(message: unknown): string | undefined {
  const text = textOf(message)
  if (text === undefined) return undefined
  const inner = /^\[API Error: (.*?)\](\n|$)/s.exec(text)?.[1] ?? text
  const { message: words, code, status: name } = fieldsOf(fieldsOf(parsed(inner)).error)
  return oneLine(textOf(words) === undefined ? inner : `${words} (${[code, name].filter(Boolean).join(' ')})`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Plain words.
    return undefined
  }
}

/** What it always writes to stderr, and the rest of an error it threw. */
const NOISE = /^(Warning: 256-color|Ripgrep is not|YOLO mode|\[STARTUP\]|\s+at |\s*[}{\]]|\s+\w+: )|^\s*$/

function causeIn(stderr = ''): string {
  return stderr.split('\n').find(line => !NOISE.test(line)) ?? ''
}

const LIMIT = /exhausted your|quota exceeded|exceeded your current quota|rate limit|resource_exhausted|too many requests/i
const NO_LOGIN = /unauthenticated|permission_denied|api key not valid|GEMINI_API_KEY|auth method|manual authorization/i
const NO_MODEL = /is not found for api version|model .*not found/i

/** A failure with what to do about it, and the limit if it was one. */
function explained(verdict: Verdict, { code, stderr = '' }: Exit, { at, unsaid }: Pick<Telling, 'at' | 'unsaid'>): Verdict {
  const { success, error = '' } = verdict
  if (success) return verdict
  // It exits with the status of the answer, of which a process keeps the last 8 bits.
  if (code === 429 % 256 || LIMIT.test(error))
    return { ...verdict, limit: { ...limitOf(error, stderr, at), ...(unsaid ? { unsaid } : {}) } }
  if (code === 41 || code === 401 % 256 || NO_LOGIN.test(error))
    return { ...verdict, error: hinted(error, "run 'gemini' in a terminal to log in, or set GEMINI_API_KEY") }
  if (NO_MODEL.test(error) || /^ {2}code: 404$/m.test(stderr))
    return { ...verdict, error: hinted(error, 'models that it knows are pro, flash and flash-lite') }
  return verdict
}

const hinted = (error: string, hint: string) => `${error.replace(/\.$/, '')}; ${hint}`

function limitOf(message: string, stderr: string, at: number): Limit {
  const told = /retry (?:after|in) ([\d.]+)s/i.exec(message)?.[1]
  const dumped = /^ {2}retryDelayMs: (\d+)/m.exec(stderr)?.[1]
  const wait = told ? Number(told) * 1000 : Number(dumped ?? Number.NaN)
  const resetAt = Math.ceil(at + wait)
  return { message, ...(/daily|per day/i.test(message) ? { scope: 'daily' } : {}), ...(Number.isNaN(resetAt) ? {} : { resetAt }) }
}
