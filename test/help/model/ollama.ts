// The API of a local Ollama: POST /api/chat, which streams lines of JSON unless told not to.

import { fieldsOf, type Line, listOf } from '../../../lib/provider/fields.js'
import { type Api, INPUT, type Said, type Talk, textIn, tool, turnOf, USED, waiting } from './talk.js'

export const ollama: Api = {
  path: /^\/api\/chat$/,
  type: 'application/x-ndjson',

  read: body => ({
    model: String(body.model),
    stream: body.stream !== false,
    turns: listOf(body.messages).flatMap(({ role, content }) => turnOf(role, textIn(content))),
    tools: listOf(body.tools).map(({ function: of }) => tool(fieldsOf(of).name, fieldsOf(of).parameters)),
  }),

  stream(said, talk) {
    const lines = [...said.pieces.map(content => ({ content })), ...calls(said).map(call => ({ content: '', tool_calls: [call] }))]
    return [...lines.map(message => chunk(talk, message)), { ...chunk(talk, { content: '' }), ...END }].map(
      line => `${JSON.stringify(line)}\n`,
    )
  },

  whole(said, talk) {
    const message = { content: said.pieces.join(''), ...(said.call ? { tool_calls: calls(said) } : {}) }
    return { ...chunk(talk, message), ...END }
  },

  fail: ({ message, retryAfter }) => ({
    headers: waiting(retryAfter),
    body: { error: message },
  }),
}

const END = { done: true, done_reason: 'stop', total_duration: 2_000_000, prompt_eval_count: INPUT, eval_count: USED.output }

function calls({ call }: Said): Line[] {
  return call ? [{ function: { name: call.name, arguments: call.input } }] : []
}

function chunk({ model }: Talk, message: Line): Line {
  return { model, created_at: new Date().toISOString(), message: { role: 'assistant', ...message }, done: false }
}
