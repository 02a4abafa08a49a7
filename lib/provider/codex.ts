// Codex CLI of OpenAI, once for each turn: `codex exec --json`, whose lines were found by running versions 0.100 and 0.169.
//
// What it counts of tokens is the sum over a thread: a turn is what that grew by. Its ids of items begin anew with each run. Only
// sentences tell of limits, with a moment in the zone of the machine. Without a network it waits for ever, and says so each minute.
// A thread is gone on with by its UUID alone: with any other word it would begin a new one and not say so.

import { join } from 'node:path'
import { usage } from '../base/exit.js'
import { wordOf } from '../base/word.js'
import type { NewEvent } from '../log/events.js'
import { parseLine } from '../store/lines.js'
import { type Account, accountReader, oneLine, readerOver } from './account.js'
import { CodexCalls, usageOf } from './codex-items.js'
import { codexLive } from './codex-live.js'
import { checkServers, promptSetting, settingsFor } from './codex-settings.js'
import { causeIn, explained, limitIn } from './codex-words.js'
import { fieldsOf, type Line, status, textOf } from './fields.js'
import { askAgent, findAgent } from './program.js'
import { type Past, type Provider, type Reader, STALL, type Task } from './provider.js'
import { plainSchema } from './schema.js'

/** It refuses a longer prompt, in characters. */
const LONGEST_PROMPT = 1024 * 1024

const PROGRAM = { command: 'codex', package: '@openai/codex', least: '0.100.0' }

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
  state({ CODEX_HOME: own }) {
    const folder = own || '~/.codex'
    return { write: [folder], read: [join(folder, 'config.toml'), join(folder, 'rules')] }
  },
  find: () => findAgent(PROGRAM),
  ask: path => askAgent(PROGRAM, path),
  check({ prompt, flags: { systemPrompt, mcpConfig } = {} }) {
    checkPrompt(prompt)
    promptSetting(systemPrompt)
    checkServers(mcpConfig)
  },
  launch(task) {
    const { words, env } = settingsFor(task, promptSetting(task.flags.systemPrompt))
    return { argv: [...COMMAND, ...wordsFor(task), ...schemaOf(task), ...words, ...threadOf(task), '-'], stdin: task.promptFile, env }
  },
  reader: past => readerOf(new Telling(past)),
  live: codexLive,
}

const COMMAND = ['codex', 'exec', '--json', '--skip-git-repo-check'] as const

/** They stand before the word `resume`, which takes but some of them after it. */
function wordsFor({ model, flags: { addDir = [], plan, autoApprove } }: Task): string[] {
  // With neither, the sandbox is what the user's config.toml says, else it writes nothing: nobody is there to approve it. To ask
  // for workspace-write would take away what is set there.
  const unasked = autoApprove ? ['--dangerously-bypass-approvals-and-sandbox'] : []
  return [...(model ? ['-m', model] : []), ...addDir.flatMap(folder => ['--add-dir', folder]), ...(plan ? ['-s', 'read-only'] : unasked)]
}

function schemaOf({ schema, keep }: Task): string[] {
  const plain = plainSchema(schema, { closed: true })
  return plain === undefined ? [] : ['--output-schema', keep('schema.json', plain)]
}

const threadOf = ({ resumed, conversation }: Task) => (resumed && conversation ? ['resume', conversation] : [])

function checkPrompt(prompt: Buffer): void {
  let characters = 0
  // The bytes that begin one.
  for (const byte of prompt) if ((byte & 0xc0) !== 0x80) characters += 1
  if (characters > LONGEST_PROMPT) throw usage(`the prompt has ${characters} characters, and codex takes ${LONGEST_PROMPT} at most`)
}

function readerOf(telling: Telling): Reader {
  const lines = accountReader((line, account) => telling.take(line, account))
  return readerOver(lines, {
    get waiting() {
      return telling.waiting
    },
    verdict: exit => lines.verdict({ ...exit, stderr: causeIn(exit.stderr) }),
  })
}

/** What the lines of one run tell. */
class Telling {
  readonly #past: Past
  readonly #calls = new CodexCalls()
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
        return this.#item(wordOf(line.type), fieldsOf(line.item), account)
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
    // What changes meanwhile is neither a call nor its result.
    const told = when === 'item.started' ? 'started' : when === 'item.completed' ? 'completed' : undefined
    return told ? this.#calls.events(told, item) : []
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
