// What agents say in the Agent Client Protocol, and what that comes to: the lines of five agents, as they were printed.
//
// claude and codex speak it through adapters; gemini, opencode and copilot by themselves.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { NewEvent } from '../../../lib/log/events.js'
import { acpReader } from '../../../lib/provider/acp-reader.js'
import type { Exit, Past } from '../../../lib/provider/provider.js'

const FIXTURES = join(import.meta.dirname, '../../fixtures/acp')
const AGENTS = ['claude', 'codex', 'gemini', 'opencode', 'copilot'] as const
const livesOn: Exit = { code: null, signal: null, livesOn: true }
const nothing: Past = { line: () => undefined, kept: () => undefined }

const linesOf = (name: string) =>
  readFileSync(join(FIXTURES, `${name}.ndjson`), 'utf8')
    .split('\n')
    .map(line => Buffer.from(line))

const line = (message: object) => Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }))
const update = (fields: object) => line({ method: 'session/update', params: { sessionId: 's', update: fields } })
const piece = (text: string, more: object = {}) =>
  update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text }, ...more })
const answer = (result: object) => line({ id: 3, result })

function read(lines: Buffer[], past = nothing, exit = livesOn) {
  const reader = acpReader(past)
  const all = [...reader.out(lines), ...(reader.end?.() ?? [])]
  const events = all.filter(({ type }) => type !== 'provider_status')
  return { all, events, verdict: reader.verdict(exit), through: reader.through }
}

/** The same whether it is read in one go or line by line. */
function transcript(t: Test, name: string) {
  const { all, ...rest } = read(linesOf(name))
  const reader = acpReader(nothing)
  const singly = [...linesOf(name).flatMap(line => reader.out([line])), ...(reader.end?.() ?? [])]
  t.same(singly, all, `${name}: line by line`)
  t.same(reader.verdict(livesOn), rest.verdict)
  t.ok(rest.through, 'its turn is over')
  return rest
}

/** The kinds of events, and what was said. */
const outline = (events: NewEvent[]) => events.map(event => (event.type === 'assistant_message' ? event.content : event.type))

t.test('a tool that is allowed: told once, with its result', async t => {
  for (const agent of AGENTS) {
    const { events, verdict } = transcript(t, `${agent}-permission-allowed`)
    const edits = agent === 'codex'
    const whole = [
      ...(edits ? [] : ['I will run a command.']),
      'tool_call',
      'tool_result',
      `FAKE-OK ${edits ? 'write' : 'shell'} step done`,
    ]
    // One tells its tokens in a way of its own.
    t.same(outline(events), agent === 'gemini' ? whole : [...whole, 'usage'], agent)
    t.match(verdict, { success: true, result: /^FAKE-OK/, conversation: /./ })
    const tool = agent === 'claude' ? 'Bash' : edits ? 'edit' : 'execute'
    const [call, result] = events.filter(({ type }) => type.startsWith('tool_'))
    t.match(call, { tool, tool_kind: edits ? 'file_edit' : 'shell', tool_id: /./ })
    t.match(result, { tool, success: true, tool_id: call?.type === 'tool_call' ? call.tool_id : '' })
  }
})

t.test('a tool that is denied', async t => {
  for (const agent of AGENTS) {
    const { events, verdict } = transcript(t, `${agent}-permission-denied`)
    t.equal(events.filter(({ type }) => type === 'tool_call').length, 1, agent)
    t.notOk(events.some(event => event.type === 'tool_result' && event.success))
    if (agent === 'opencode') t.match(verdict, { success: false, result: /^I will run/, error: /^it may not use 'execute' and gave up/ })
    else if (agent === 'codex') t.match(verdict, { success: false, error: 'the agent stopped: cancelled' })
    else t.match(verdict, { success: true })
  }
})

t.test('cancelled', async t => {
  for (const agent of AGENTS) {
    const { verdict } = transcript(t, `${agent}-cancel`)
    t.match(verdict, { success: false, error: 'the agent stopped: cancelled', limit: undefined }, agent)
  }
})

t.test('a limit', async t => {
  const words = {
    claude: /Request rejected \(429\)/,
    codex: /You’ve hit your usage limit\./,
    gemini: 'You have exhausted your daily quota on this model.',
    opencode: /Rate limit reached\./,
  }
  for (const [agent, error] of Object.entries(words)) {
    t.match(transcript(t, `${agent}-error-429`).verdict, { success: false, error, limit: { message: error } }, agent)
  }
  t.match(transcript(t, 'copilot-error-429').verdict, { success: true, result: 'Error: 429 The usage limit has been reached' }, 'as text')
})

t.test('messages: pieces are one until something else follows, and what is not whole is kept', async t => {
  const { events } = read([
    piece('one '),
    piece('two'),
    piece('other', { messageId: 'm-2' }),
    update({ sessionUpdate: 'agent_thought_chunk', content: { type: 'text', text: 'hm' } }),
    piece(''),
    piece('three'),
    piece('an end that was not seen'),
  ])
  t.match(events, [
    { type: 'assistant_message', content: 'one two' },
    { type: 'assistant_message', content: 'other', message_id: 'm-2' },
    { type: 'reasoning', content: 'hm' },
    { type: 'assistant_message', content: 'threean end that was not seen' },
  ])
  t.match(read([piece('x')], nothing, { code: 3, signal: null }).verdict, { success: false, error: 'no end reported (exit code 3)' })
})

t.test('what was said before the conversation was begun, or gone on with, is no part of it', async t => {
  const begins = line({ id: 0, result: { protocolVersion: 1 } })
  const old = [piece('an old answer'), update({ sessionUpdate: 'tool_call', toolCallId: 'c', status: 'completed' })]
  const { events, verdict } = read([begins, ...old, line({ id: 1, result: null }), piece('new'), answer({ stopReason: 'end_turn' })])
  t.same(outline(events), ['new'])
  t.match(verdict, { success: true, result: 'new' })
})

t.test('tokens, and cost as the sum of a conversation', async t => {
  const cost = (amount: number) => update({ sessionUpdate: 'usage_update', cost: { amount, currency: 'USD' } })
  const usage = { inputTokens: 7, outputTokens: 3, cachedReadTokens: 2, totalTokens: 12 }
  const before = cost(0.5)
  const { events } = read([cost(0.75), answer({ stopReason: 'end_turn', usage })], {
    line: is => (is(before) ? before : undefined),
    kept: () => undefined,
  })
  t.match(events, [{ type: 'usage', input_tokens: 7, output_tokens: 3, cache_read_tokens: 2, cost_usd: 0.25 }])
  t.same(read([answer({ stopReason: 'end_turn', usage: {} })]).events, [])
  const others = [Buffer.from('no message: "usage_update" "cost"'), update({ sessionUpdate: 'usage_update', cost: null }), before]
  const after = read([cost(0.75), answer({ stopReason: 'end_turn' })], { line: is => others.find(is), kept: () => undefined })
  t.match(after.events, [{ cost_usd: 0.25 }], 'whatever else it printed')
})

t.test('how it ends', async t => {
  const failed = (error: object) => read([piece('half'), line({ id: 3, error })]).verdict
  t.match(failed({ code: -32000, message: 'Authentication required' }), {
    error: 'Authentication required: log in with the agent itself first',
  })
  t.match(failed({ code: -32603, message: 'Internal error', data: { message: 'more\nwords' } }), { error: 'more words', result: 'half' })
  t.match(failed({ code: -32603, message: 'Internal error', data: { details: 'in another place' } }), { error: 'in another place' })
  t.match(failed({ code: 500 }), { success: false, error: 'error 500', limit: undefined })
  t.match(read([answer({ stopReason: 'max_tokens' })]).verdict, { success: false, error: 'the agent stopped: max_tokens' })
  t.match(read([answer({ stopReason: 'refusal' })]).verdict, { success: false, error: 'the agent stopped: refusal' })
})

t.test('nothing is lost of what makes no sense, and nothing throws', async t => {
  const odd = [
    'text',
    '[]',
    '{}',
    '{"method":7}',
    '{"method":"session/update"}',
    '{"method":"session/update","params":{"update":[]}}',
    '{"method":"session/update","params":{"update":{"sessionUpdate":"agent_message_chunk"}}}',
    '{"method":"session/update","params":{"update":{"sessionUpdate":"tool_call_update","toolCallId":4,"status":"completed","content":7}}}',
    '{"method":"session/request_permission","params":null}',
    '{"method":"terminal/create","id":4,"params":{}}',
    '{"id":4,"error":null}',
    '{"id":5,"result":"text"}',
  ]
  for (const text of odd) t.ok(read([Buffer.from(text)]).all.length > 0, text)
})
