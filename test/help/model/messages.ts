// Anthropic's Messages API: POST /v1/messages.

import { type Line, listOf } from '../../../lib/provider/fields.js'
import { plain } from './script.js'
import { type Api, event, newName, type Said, type Talk, type Turn, textIn, tool, turnOf, USED, waiting } from './talk.js'

const USAGE = { input_tokens: USED.input, cache_read_input_tokens: USED.cached, cache_creation_input_tokens: 0, output_tokens: USED.output }

const ERRORS: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  529: 'overloaded_error',
}

export const messages: Api = {
  path: /^\/v1\/messages$/,
  type: 'text/event-stream',

  read: body => ({
    model: String(body.model),
    stream: body.stream === true,
    turns: listOf(body.messages).flatMap(turnsIn),
    tools: listOf(body.tools).map(({ name, input_schema }) => tool(name, input_schema)),
  }),

  stream(said, talk) {
    const frames = blocks(said).flatMap((block, index) => {
      const { start, deltas } = inPieces(block, said)
      return [
        event({ type: 'content_block_start', index, content_block: start }, 'content_block_start'),
        ...deltas.map(delta => event({ type: 'content_block_delta', index, delta }, 'content_block_delta')),
        event({ type: 'content_block_stop', index }, 'content_block_stop'),
      ]
    })
    const message = { ...whole(said, talk), content: [], stop_reason: null, usage: { ...USAGE, output_tokens: 1 } }
    return [
      event({ type: 'message_start', message }, 'message_start'),
      ...frames,
      event({ type: 'message_delta', delta: { stop_reason: reason(said), stop_sequence: null }, usage: USAGE }, 'message_delta'),
      event({ type: 'message_stop' }, 'message_stop'),
    ]
  },

  whole,

  fail({ status, message, retryAfter, resetsAt }) {
    const limit = resetsAt === undefined ? {} : unified(resetsAt)
    return {
      headers: { ...waiting(retryAfter), ...limit },
      body: { type: 'error', error: { type: ERRORS[status] ?? 'api_error', message }, request_id: newName('req') },
    }
  },
}

/** What a subscription is told of its limits. */
function unified(resetsAt: number): Record<string, string> {
  const of = 'anthropic-ratelimit-unified'
  return {
    [`${of}-status`]: 'rejected',
    [`${of}-reset`]: String(resetsAt),
    [`${of}-representative-claim`]: 'five_hour',
    [`${of}-5h-status`]: 'rejected',
    [`${of}-5h-reset`]: String(resetsAt),
    [`${of}-5h-utilization`]: '1',
    [`${of}-overage-status`]: 'rejected',
  }
}

/** Results of tools come in messages of the user, beside other text. */
function turnsIn({ role, content }: Line): Turn[] {
  const results = listOf(content).filter(({ type }) => type === 'tool_result')
  if (results.length === 0) return turnOf(role, textIn(content))
  const beside = plain(textIn(listOf(content).filter(({ type }) => type === 'text')))
  const told = results.map(result => ({ from: 'tool' as const, text: textIn(result.content) }))
  return beside === '' ? told : [...told, ...turnOf(role, beside)]
}

function blocks({ pieces, call, more = [] }: Said): Line[] {
  const said = pieces.length > 0 ? [{ type: 'text', text: pieces.join('') }] : []
  const calls = call ? [call, ...more] : []
  return [...said, ...calls.map(({ name, input, broken }) => ({ type: 'tool_use', id: newName('toolu'), name, input: broken ?? input }))]
}

function inPieces(block: Line, { pieces }: Said): { start: Line; deltas: Line[] } {
  if (block.type === 'text') return { start: { type: 'text', text: '' }, deltas: pieces.map(text => ({ type: 'text_delta', text })) }
  const input = typeof block.input === 'string' ? block.input : JSON.stringify(block.input)
  return { start: { ...block, input: {} }, deltas: [{ type: 'input_json_delta', partial_json: input }] }
}

function whole(said: Said, { model }: Talk): Line {
  const fixed = { id: newName('msg'), type: 'message', role: 'assistant', model, stop_sequence: null }
  return { ...fixed, content: blocks(said), stop_reason: reason(said), usage: USAGE }
}

const reason = ({ call }: Said) => (call ? 'tool_use' : 'end_turn')
