// The conversation of a session as its log has it: what a model is told that goes on with it, in a new process or after a kill.
//
// The log has what was said and done, and not what the model thought. A call without a result was cut off, and the model is told so: an
// endpoint refuses a conversation in which a call has none.

import type { ModelMessage } from 'ai'
import type { LogEvent } from '../log/events.js'
import { readEvents } from '../log/read.js'
import { fieldsOf } from '../provider/fields.js'

export const CUT_OFF = 'it was interrupted: whether it was done, in part or not at all, is not known'

const TYPES = ['session_started', 'user_message', 'assistant_message', 'tool_call', 'tool_result']

/** What was said since the run in which the conversation began. The message that is still to be told is not in it. */
export function historyOf(id: string, sinceRun: number): ModelMessage[] {
  const events: LogEvent[] = []
  readEvents(
    id,
    event => {
      if (event.type === 'session_started' && event.run === sinceRun) events.length = 0
      else events.push(event)
      return true
    },
    { types: TYPES },
  )
  return messagesOf(withoutWaiting(events))
}

/** What is the last in the log, and not answered, is what is told next. A word to go on stands after the message that it is about. */
function withoutWaiting(events: LogEvent[]): LogEvent[] {
  let end = events.length
  const last = events.findLast(({ type }) => type !== 'session_started')
  if (last?.type !== 'user_message') return events
  while (end > 0) {
    const event = events[end - 1]
    if (event?.type === 'user_message' && (event.turn ?? 1) !== (last.turn ?? 1)) break
    if (event?.type !== 'user_message' && event?.type !== 'session_started') break
    end -= 1
    if (event === last && last.from === 'limit') break
  }
  return events.slice(0, end)
}

/** The messages that events stand for. */
export function messagesOf(events: readonly LogEvent[]): ModelMessage[] {
  const talk = new Talk()
  for (const event of events) talk.take(event)
  return talk.messages()
}

type AssistantPart = { type: 'text'; text: string } | { type: 'tool-call'; toolCallId: string; toolName: string; input: unknown }
interface Result {
  type: 'tool-result'
  toolCallId: string
  toolName: string
  output: { type: 'text' | 'error-text'; value: string }
}

class Talk {
  readonly #messages: ModelMessage[] = []
  #said: AssistantPart[] = []
  #results = new Map<string, Result>()

  take(event: LogEvent): void {
    if (event.type === 'user_message') {
      this.#close()
      this.#messages.push({ role: 'user', content: event.content })
    } else if (event.type === 'assistant_message') {
      if (this.#said.some(({ type }) => type === 'tool-call')) this.#close()
      if (event.content !== '') this.#said.push({ type: 'text', text: event.content })
    } else if (event.type === 'tool_call') {
      // Results end a step, but for those of calls that were made in it.
      if (this.#results.size > 0 && this.#isAnswered()) this.#close()
      this.#said.push({ type: 'tool-call', toolCallId: event.tool_id ?? '', toolName: event.tool, input: inputOf(event.input) })
    } else if (event.type === 'tool_result') {
      const { tool_id = '', tool, success, output, error } = event
      const value = success ? textOf(output) : (error ?? 'it failed')
      const result: Result = {
        type: 'tool-result',
        toolCallId: tool_id,
        toolName: tool,
        output: { type: success ? 'text' : 'error-text', value },
      }
      this.#results.set(tool_id, result)
    }
  }

  messages(): ModelMessage[] {
    this.#close()
    return this.#messages
  }

  #calls() {
    return this.#said.filter(part => part.type === 'tool-call')
  }

  #isAnswered(): boolean {
    return this.#calls().every(({ toolCallId }) => this.#results.has(toolCallId))
  }

  #close(): void {
    if (this.#said.length > 0) this.#messages.push({ role: 'assistant', content: this.#said })
    const calls = this.#calls()
    const content = calls.map(({ toolCallId, toolName }) => this.#results.get(toolCallId) ?? cutOff(toolCallId, toolName))
    if (content.length > 0) this.#messages.push({ role: 'tool', content })
    this.#said = []
    this.#results = new Map()
  }
}

/** The result of a call that has none. */
export function cutOff(toolCallId: string, toolName: string): Result {
  return { type: 'tool-result', toolCallId, toolName, output: { type: 'error-text', value: CUT_OFF } }
}

/** What a model called a tool with; some endpoints take back nothing but an object. */
function inputOf(input: unknown): Record<string, unknown> {
  return typeof input === 'object' && input !== null && !Array.isArray(input) ? fieldsOf(input) : { unreadable: String(input) }
}

function textOf(output: unknown): string {
  return typeof output === 'string' ? output : (JSON.stringify(output) ?? '')
}
