// The session files of Codex: ~/.codex/sessions/<year>/<month>/<day>/rollout-<time>-<id>.jsonl, a JSON object a line.
//
// Lines are {timestamp, type, payload}; the oldest versions wrote the payload alone, after a first line with the id. What was said
// stands in the file twice, as items of the conversation and as events for whoever watched: the items are taken.

import { wordOf } from '../base/word.js'
import type { NewEvent, ToolKind } from '../log/events.js'
import { usageOf } from './codex-items.js'
import { Calls, fieldsOf, type Line, listOf, status, textOf } from './fields.js'
import type { Scribe } from './transcript.js'

const KINDS: Record<string, ToolKind> = {
  shell: 'shell',
  shell_command: 'shell',
  local_shell: 'shell',
  exec_command: 'shell',
  write_stdin: 'shell',
  'container.exec': 'shell',
  apply_patch: 'file_edit',
  read_file: 'file_read',
  view_image: 'file_read',
  list_dir: 'search',
  grep_files: 'search',
  web_search: 'web',
  spawn_agent: 'sub_agent',
}

const ITEMS = new Set(['message', 'reasoning', 'function_call', 'function_call_output', 'custom_tool_call', 'custom_tool_call_output'])
const TOLD_TWICE = new Set(['user_message', 'agent_message', 'agent_reasoning', 'agent_reasoning_raw_content'])

export const codexTranscript: Scribe = {
  knows: line => (line.type === 'session_meta' && textOf(fieldsOf(line.payload).id) !== undefined) || isOldHead(line),
  reader: () => new CodexReader(),
}

const isOldHead = (line: Line) =>
  line.type === undefined &&
  line.payload === undefined &&
  typeof line.id === 'string' &&
  typeof line.timestamp === 'string' &&
  'instructions' in line

class CodexReader {
  #calls = new Calls(KINDS)
  #about: { native_id?: string; cwd?: string; model?: string } = {}
  #prompted = false
  /** The total of the last usage told; it is told again whenever limits change. */
  #total = ''

  take(line: Line): NewEvent[] {
    const payload = fieldsOf(line.payload)
    if (isOldHead(line)) {
      this.#about.native_id ??= textOf(line.id)
      return [status('session_meta', line)]
    }
    switch (line.type) {
      case 'session_meta':
        this.#about.native_id ??= textOf(payload.id)
        this.#about.cwd ??= textOf(payload.cwd)
        return [status('session_meta', payload)]
      case 'turn_context':
        this.#about.cwd ??= textOf(payload.cwd)
        this.#about.model = textOf(payload.model) ?? this.#about.model
        return [status('turn_context', payload)]
      case 'response_item':
        return this.#item(payload)
      case 'event_msg':
        return this.#told(payload)
      default:
        return ITEMS.has(wordOf(line.type)) && line.payload === undefined
          ? this.#item(line)
          : [status(wordOf(line.type ?? 'unknown line'), line)]
    }
  }

  end() {
    return { events: [], ...this.#about }
  }

  #item(item: Line): NewEvent[] {
    const id = textOf(item.call_id) ?? textOf(item.id)
    switch (item.type) {
      case 'message':
        return this.#message(item)
      case 'reasoning': {
        const content = [...listOf(item.summary), ...listOf(item.content)].map(({ text }) => text).filter(text => typeof text === 'string')
        return content.length > 0 ? [{ type: 'reasoning', content: content.join('\n\n') }] : [status('reasoning', item)]
      }
      case 'function_call':
        return [this.#calls.call(id, textOf(item.name) ?? 'unknown', jsonIn(item.arguments))]
      case 'custom_tool_call':
        return [this.#calls.call(id, textOf(item.name) ?? 'unknown', item.input)]
      case 'local_shell_call':
        return [this.#calls.call(id, 'local_shell', item.action)]
      case 'web_search_call':
        return [this.#calls.call(id, 'web_search', item.action)]
      case 'function_call_output':
      case 'custom_tool_call_output':
      case 'local_shell_call_output':
        return [this.#calls.result(id, ...outcomeOf(item.output))]
      default:
        return [status(wordOf(item.type), item)]
    }
  }

  #message(item: Line): NewEvent[] {
    const content = listOf(item.content)
      .map(({ text }) => text)
      .filter(text => typeof text === 'string')
      .join('\n')
    if (item.role === 'assistant') return [{ type: 'assistant_message', content, message_id: textOf(item.id) }]
    // What the program tells the model of itself and of the folder comes as a user's message too.
    if (item.role !== 'user' || /^\s*(<(environment_context|user_instructions|permissions|turn_aborted)|# AGENTS\.md)/.test(content))
      return [status(`message of ${wordOf(item.role)}`, item)]
    const from = this.#prompted ? 'input' : 'prompt'
    this.#prompted = true
    return [{ type: 'user_message', content, from }]
  }

  #told(event: Line): NewEvent[] {
    const type = wordOf(event.type)
    if (TOLD_TWICE.has(type)) return []
    if (type === 'token_count') return this.#usage(event)
    if (type === 'task_complete' || type === 'turn_complete') return [{ type: 'turn_ended', stop_reason: 'completed' }]
    if (type === 'turn_aborted') return [{ type: 'turn_ended', stop_reason: textOf(event.reason) ?? 'aborted' }]
    return [status(type, event)]
  }

  #usage(event: Line): NewEvent[] {
    const info = fieldsOf(event.info)
    const last = fieldsOf(info.last_token_usage)
    const total = JSON.stringify(info.total_token_usage ?? null)
    if (typeof last.input_tokens !== 'number' || total === this.#total) return [status('token_count', event)]
    this.#total = total
    return [usageOf(last)]
  }
}

/** Arguments are JSON in a string; what is none is kept as it is. */
function jsonIn(text: unknown): unknown {
  if (typeof text !== 'string') return text
  try {
    return JSON.parse(text)
  } catch {
    // No JSON: a tool that takes plain text.
    return text
  }
}

/** Whether a tool succeeded, by the exit code that its output tells in one of several ways; and its output. */
function outcomeOf(output: unknown): [success: boolean, output: unknown] {
  const whole = fieldsOf(typeof output === 'string' ? jsonIn(output) : output)
  const text = whole.output ?? whole.content ?? output
  const told =
    fieldsOf(whole.metadata).exit_code ?? /^(?:Process exited with code|Exit code:) (\d+)/m.exec(typeof text === 'string' ? text : '')?.[1]
  return [told === undefined ? whole.success !== false : Number(told) === 0, text]
}
