// OpenAI's Chat Completions API: POST /v1/chat/completions.

import { fieldsOf, type Line, listOf } from '../../../lib/provider/fields.js'
import { type Api, event, INPUT, newName, type Said, seconds, type Talk, textIn, tool, turnOf, USED, waiting } from './talk.js'

const USAGE = {
  prompt_tokens: INPUT,
  completion_tokens: USED.output,
  total_tokens: INPUT + USED.output,
  prompt_tokens_details: { cached_tokens: USED.cached },
}

export const completions: Api = {
  path: /^\/v1\/chat\/completions$/,
  type: 'text/event-stream',

  read: body => ({
    model: String(body.model),
    stream: body.stream === true,
    turns: listOf(body.messages).flatMap(({ role, content }) => turnOf(role, textIn(content))),
    tools: listOf(body.tools).map(({ function: of }) => tool(fieldsOf(of).name, fieldsOf(of).parameters)),
  }),

  stream(said, talk) {
    const fixed = { ...head(talk), object: 'chat.completion.chunk' }
    const chunk = (delta: Line, finish_reason: string | null = null) => event({ ...fixed, choices: [{ index: 0, delta, finish_reason }] })
    return [
      chunk({ role: 'assistant', content: '' }),
      ...said.pieces.map(content => chunk({ content })),
      ...calls(said).map((call, index) => chunk({ tool_calls: [{ index, ...call }] })),
      chunk({}, reason(said)),
      event({ ...fixed, choices: [], usage: USAGE }),
      'data: [DONE]\n\n',
    ]
  },

  whole(said, talk) {
    const content = said.pieces.length > 0 ? said.pieces.join('') : null
    const message = { role: 'assistant', content, ...(said.call ? { tool_calls: calls(said) } : {}) }
    return { ...head(talk), object: 'chat.completion', choices: [{ index: 0, message, finish_reason: reason(said) }], usage: USAGE }
  },

  fail({ status, message, retryAfter, resetsAt }) {
    const after = resetsAt === undefined ? retryAfter : Math.max(1, resetsAt - seconds())
    const type = status === 429 ? 'requests' : status < 500 ? 'invalid_request_error' : 'server_error'
    const codes: Record<number, string> = { 401: 'invalid_api_key', 404: 'model_not_found', 429: 'rate_limit_exceeded' }
    return {
      headers: waiting(after),
      body: { error: { message, type, param: null, code: codes[status] ?? null } },
    }
  },
}

function calls({ call, more = [] }: Said): Line[] {
  if (!call) return []
  return [call, ...more].map(({ name, input, broken }) => ({
    id: newName('call'),
    type: 'function',
    function: { name, arguments: broken ?? JSON.stringify(input) },
  }))
}

const head = ({ model }: Talk) => ({ id: newName('chatcmpl'), created: seconds(), model })
const reason = ({ call }: Said) => (call ? 'tool_calls' : 'stop')
