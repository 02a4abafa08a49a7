// What agents print, read without trust: any field may be missing or of another type than their manual says.

import type { NewEvent, ToolKind } from '../log/events.js'

export type Line = Record<string, unknown>

/** A line that has no other meaning here. */
export function status(message: string, data: unknown): NewEvent {
  return { type: 'provider_status', message, data }
}

/** A value as an object, without asking what is in it. */
export function fieldsOf(value: unknown): Line {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Line) : {}
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function listOf(value: unknown): Line[] {
  return Array.isArray(value) ? value.map(fieldsOf) : []
}

/** An agent's own id of a conversation that may become a word of a command: no option, and nothing that no word can hold. */
export function isConversation(id: unknown): id is string {
  return typeof id === 'string' && id.length <= 200 && /^[^-\p{Cc}][^\p{Cc}]*$/u.test(id)
}

/** The calls of a conversation, so that a result can be told the tool it belongs to. */
export class Calls {
  #kinds: Readonly<Record<string, ToolKind>>
  #tools = new Map<string, string>()

  constructor(kinds: Readonly<Record<string, ToolKind>>) {
    this.#kinds = kinds
  }

  call(tool_id: string | undefined, tool: string, input: unknown): NewEvent {
    if (tool_id !== undefined) this.#tools.set(tool_id, tool)
    return { type: 'tool_call', tool_id, tool, tool_kind: this.#kindOf(tool), input }
  }

  result(tool_id: string | undefined, success: boolean, output: unknown): NewEvent {
    const tool = this.#tools.get(tool_id ?? '') ?? 'unknown'
    const error = success ? undefined : typeof output === 'string' ? output : JSON.stringify(output)
    return { type: 'tool_result', tool_id, tool, tool_kind: this.#kindOf(tool), success, ...(success ? { output } : { error }) }
  }

  #kindOf(tool: string): ToolKind {
    return Object.hasOwn(this.#kinds, tool) ? (this.#kinds[tool] as ToolKind) : 'other'
  }
}
