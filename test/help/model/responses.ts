// OpenAI's Responses API: POST /v1/responses.

import { type Line, listOf } from '../../../lib/provider/fields.js'
import { type Api, event, INPUT, newName, type Said, seconds, type Talk, type Turn, textIn, tool, turnOf, USED, waiting } from './talk.js'

const USAGE = {
  input_tokens: INPUT,
  input_tokens_details: { cached_tokens: USED.cached },
  output_tokens: USED.output,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: INPUT + USED.output,
}

export const responses: Api = {
  path: /^(\/v1)?\/responses$/,
  type: 'text/event-stream',

  read: body => ({
    model: String(body.model),
    stream: body.stream === true,
    turns: typeof body.input === 'string' ? [{ from: 'user', text: body.input }] : listOf(body.input).flatMap(turnsIn),
    tools: listOf(body.tools).map(({ name, parameters }) => tool(name, parameters)),
  }),

  stream(said, talk) {
    const response = whole(said, talk)
    const frames = listOf(response.output).flatMap((item, output_index) => frameItem(item, output_index, said))
    return [{ type: 'response.created', response: { ...response, status: 'in_progress', output: [], usage: null } }, ...frames]
      .concat({ type: 'response.completed', response })
      .map((data, sequence_number) => event({ ...data, sequence_number }, data.type))
  },

  whole,

  fail({ status, message, retryAfter, resetsAt }) {
    const type = resetsAt === undefined ? (status < 500 ? 'invalid_request_error' : 'server_error') : 'usage_limit_reached'
    const code = status === 401 ? 'invalid_api_key' : status === 404 ? 'model_not_found' : null
    const limit = resetsAt === undefined ? {} : { plan_type: 'plus', resets_at: resetsAt, resets_in_seconds: resetsAt - seconds() }
    return {
      headers: waiting(retryAfter),
      body: { error: { message, type, param: null, code, ...limit } },
    }
  },
}

function turnsIn({ type, role, content, output }: Line): Turn[] {
  if (/_output$/.test(String(type))) return [{ from: 'tool', text: textIn(output) }]
  return turnOf(role, textIn(content))
}

function frameItem(item: Line, output_index: number, { pieces }: Said): ({ type: string } & Line)[] {
  const at = { output_index, item_id: item.id }
  const empty = item.type === 'message' ? { content: [], status: 'in_progress' } : { arguments: '', status: 'in_progress' }
  const text = pieces.map(delta => ({ type: 'response.output_text.delta', ...at, content_index: 0, delta }))
  const input = { type: 'response.function_call_arguments.done', ...at, arguments: item.arguments }
  return [
    { type: 'response.output_item.added', output_index, item: { ...item, ...empty } },
    ...(item.type === 'message' ? text : [input]),
    { type: 'response.output_item.done', output_index, item },
  ]
}

function whole({ pieces, call }: Said, { model }: Talk): Line {
  const text = { type: 'output_text', text: pieces.join(''), annotations: [] }
  const output: Line[] = []
  if (pieces.length > 0) output.push({ type: 'message', id: newName('msg'), status: 'completed', role: 'assistant', content: [text] })
  if (call) {
    const ids = { id: newName('fc'), call_id: newName('call') }
    output.push({ type: 'function_call', ...ids, status: 'completed', name: call.name, arguments: JSON.stringify(call.input) })
  }
  return { id: newName('resp'), object: 'response', created_at: seconds(), status: 'completed', model, output, usage: USAGE }
}
