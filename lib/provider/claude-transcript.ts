// The session files of Claude Code: ~/.claude/projects/<folder>/<id>.jsonl, a JSON object a line.
//
// An answer of the model is spread over several lines of one message id, each with the usage known by then; only the last counts.
// Lines of side chains are what sub-agents said, and lines marked as meta what the program told the model: both are kept as status.

import { wordOf } from '../base/word.js'
import type { NewEvent, ToolKind } from '../log/events.js'
import { Calls, fieldsOf, type Line, listOf, status, textOf } from './fields.js'
import type { Scribe } from './transcript.js'

const KINDS: Record<string, ToolKind> = {
  Bash: 'shell',
  BashOutput: 'shell',
  KillShell: 'shell',
  PowerShell: 'shell',
  Read: 'file_read',
  Write: 'file_write',
  Edit: 'file_edit',
  MultiEdit: 'file_edit',
  NotebookEdit: 'notebook',
  NotebookRead: 'notebook',
  Glob: 'search',
  Grep: 'search',
  LS: 'search',
  Task: 'sub_agent',
  Agent: 'sub_agent',
  WebFetch: 'web',
  WebSearch: 'web',
}

/** What messages are made of, here as in what the program prints while it works: blocks, and each is an event. */
export class Blocks {
  #calls = new Calls(KINDS)

  /** A block of an answer of the model. */
  ofAnswer(block: Line, message_id: string | undefined): NewEvent {
    if (block.type === 'text' && typeof block.text === 'string') return { type: 'assistant_message', content: block.text, message_id }
    if (block.type === 'thinking' && textOf(block.thinking)) return { type: 'reasoning', content: String(block.thinking), message_id }
    if (block.type === 'tool_use') return this.#calls.call(textOf(block.id), textOf(block.name) ?? 'unknown', block.input)
    return status(`assistant ${wordOf(block.type)}`, block)
  }

  /** What came of a call; `details` is what the program knows of it and the model was not told. */
  result(block: Line, details: unknown): NewEvent {
    const output = outputOf(block.content)
    const event = this.#calls.result(textOf(block.tool_use_id), block.is_error !== true, output)
    const { stdout, stderr } = fieldsOf(details)
    // Of a command whose output is long the model was given a part.
    const isMore = typeof stdout === 'string' && typeof stderr === 'string' && (stderr !== '' || stdout !== output)
    return isMore ? { ...event, ...{ details: { stdout, stderr } } } : event
  }
}

export const claudeTranscript: Scribe = {
  knows: line => typeof line.sessionId === 'string' && (line.type === 'user' || line.type === 'assistant') && line.message !== undefined,
  reader: () => new ClaudeReader(),
}

class ClaudeReader {
  #blocks = new Blocks()
  #about: { native_id?: string; cwd?: string; model?: string } = {}
  #prompted = false
  /** The usage of the answer that may have more lines. */
  #usage: { id: string | undefined; fields: Line } | undefined

  take(line: Line): NewEvent[] {
    if (!claudeTranscript.knows(line)) return [status(describe(line), line)]
    this.#about.native_id = textOf(line.sessionId)
    this.#about.cwd ??= textOf(line.cwd)
    if (line.isSidechain === true) return [status('side chain', line)]
    if (line.isMeta === true || line.isApiErrorMessage === true) return [status(line.isMeta ? 'meta' : 'api error', line)]
    const message = fieldsOf(line.message)
    return line.type === 'user' ? this.#user(message, line.toolUseResult) : this.#assistant(message)
  }

  end() {
    return { events: this.#spent(), ...this.#about }
  }

  #user({ content }: Line, details: unknown): NewEvent[] {
    if (typeof content === 'string') return this.#said(content)
    return listOf(content).flatMap(block => {
      if (block.type === 'tool_result') return [this.#blocks.result(block, details)]
      const text = block.type === 'text' ? textOf(block.text) : undefined
      return text === undefined ? [status(`user ${wordOf(block.type)}`, block)] : this.#said(text)
    })
  }

  #said(content: string): NewEvent[] {
    const from = this.#prompted ? 'input' : 'prompt'
    this.#prompted = true
    return [{ type: 'user_message', content, from }]
  }

  #assistant(message: Line): NewEvent[] {
    const message_id = textOf(message.id)
    const model = textOf(message.model)
    // What the program made up itself bears a name in angle brackets.
    if (model !== undefined && !model.startsWith('<')) this.#about.model = model
    const spent = this.#usage && this.#usage.id !== message_id ? this.#spent() : []
    if (message.usage !== undefined) this.#usage = { id: message_id, fields: fieldsOf(message.usage) }
    const blocks = typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : listOf(message.content)
    return [...spent, ...blocks.map(block => this.#blocks.ofAnswer(block, message_id))]
  }

  #spent(): NewEvent[] {
    if (!this.#usage) return []
    const { fields } = this.#usage
    this.#usage = undefined
    const count = (key: string) => (typeof fields[key] === 'number' ? fields[key] : undefined)
    return [
      {
        type: 'usage',
        input_tokens: count('input_tokens'),
        output_tokens: count('output_tokens'),
        cache_read_tokens: count('cache_read_input_tokens'),
        cache_write_tokens: count('cache_creation_input_tokens'),
      },
    ]
  }
}

/** A line by its type, for which there is no other word. */
export function describe(line: Line): string {
  return [line.type, line.subtype].filter(word => typeof word === 'string').join(' ') || 'unknown line'
}

/** The text of a result, or what it is if there is more than text in it. */
function outputOf(content: unknown): unknown {
  if (!Array.isArray(content)) return content
  const blocks = listOf(content)
  return blocks.every(({ type, text }) => type === 'text' && typeof text === 'string') ? blocks.map(({ text }) => text).join('\n') : content
}
