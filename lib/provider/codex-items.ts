// The items that a turn of Codex is made of, as events, and the tokens it tells: one way for all that prints them.
//
// Their fields and types are those of `codex exec --json`; who has others (app-server) puts them so first.

import { wordOf } from '../base/word.js'
import type { NewEvent, ToolKind } from '../log/events.js'
import { Calls, fieldsOf, type Line, listOf, textOf } from './fields.js'

const KINDS: Record<string, ToolKind> = {
  command_execution: 'shell',
  file_change: 'file_edit',
  web_search: 'web',
  spawn_agent: 'sub_agent',
  send_input: 'sub_agent',
  wait: 'sub_agent',
  close_agent: 'sub_agent',
  resume_agent: 'sub_agent',
  send_message: 'sub_agent',
  followup_task: 'sub_agent',
  interrupt_agent: 'sub_agent',
  list_agents: 'sub_agent',
  image_view: 'file_read',
}

/** The items that are calls of tools. */
export class CodexCalls {
  readonly #calls = new Calls(KINDS)
  readonly #open = new Set<string>()

  /** A call when it starts, and its result when it is over. Of an item that was `asked` about, the log has who refused it. */
  events(when: 'started' | 'completed', item: Line, asked = false): NewEvent[] {
    const id = textOf(item.id)
    const call = callOf(item)
    if (id === undefined || !call) return []
    const called = this.#open.has(id) ? [] : [this.#calls.call(id, call.tool, call.input)]
    this.#open.add(id)
    if (when === 'started') return called
    this.#open.delete(id)
    const { success, output, denied } = outcomeOf(item)
    const refused =
      denied && !asked ? [{ type: 'permission', tool: call.tool, granted: false, by: 'deny', reason: wordOf(output) } as const] : []
    const result = this.#calls.result(id, success, output)
    return [...called, ...refused, typeof item.exit_code === 'number' ? Object.assign(result, { exit_code: item.exit_code }) : result]
  }
}

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
  if (type === 'image_view') return { tool: type, input: { path: item.path } }
  if (type === 'mcp_tool_call') return { tool: `mcp__${wordOf(item.server)}__${wordOf(tool)}`, input: item.arguments }
  if (type === 'collab_tool_call') return { tool: wordOf(tool), input: { prompt, receiver_thread_ids } }
  return undefined
}

function outcomeOf(item: Line): { success: boolean; output: unknown; denied: boolean } {
  const { exit_code, aggregated_output, result } = item
  const success = !/^(failed|declined|interrupted)$/.test(wordOf(item.status))
  const output = aggregated_output ?? result ?? item.changes ?? item.agents_states ?? item.items ?? item.action
  if (success) return { success, output, denied: false }
  const said = listOf(fieldsOf(result).content).map(({ text }) => textOf(text) ?? '')
  const error = textOf(fieldsOf(item.error).message) ?? textOf(aggregated_output) ?? textOf(said.join('\n'))
  const denied = item.status === 'declined' || /\bapproval\b/.test(textOf(fieldsOf(item.error).message) ?? '')
  return { success, denied, output: error ?? (typeof exit_code === 'number' ? `exit code ${exit_code}` : wordOf(item.status)) }
}
