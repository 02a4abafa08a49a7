// Copilot as an agent that lives on: what it says of its work in the protocol, of what went wrong, and of what it used.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { acp } from '../../../lib/provider/acp.js'
import { copilot } from '../../../lib/provider/copilot.js'
import type { Live, Past } from '../../../lib/provider/provider.js'
import { TOP } from '../../help/run.js'

const live = copilot.live as Live
const nothing: Past = { line: () => undefined, kept: () => undefined }
const living = { code: null, signal: null, livesOn: true }

const linesOf = (name: string) =>
  readFileSync(join(TOP, `test/fixtures/acp/copilot-${name}.ndjson`), 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => Buffer.from(line))

function read(lines: Buffer[], past = nothing) {
  const reader = live.reader(past)
  const events = [...reader.out(lines), ...(reader.end?.() ?? [])]
  return { events, verdict: reader.verdict(living) }
}

t.test('a limit comes as its answer', async t => {
  const { verdict } = read(linesOf('error-429'))
  t.match(verdict, { success: false, error: /^429 /, limit: { message: /^429 The usage limit/ }, result: undefined })
})

t.test('what went wrong is one line, without what would move a terminal', async t => {
  const text = 'Error: it broke\n\u001b[31mhere'
  const piece = { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } }
  const lines = [
    { method: 'session/update', params: { sessionId: 's', update: piece } },
    { id: 3, result: { stopReason: 'end_turn' } },
  ]
  t.equal(read(lines.map(line => Buffer.from(JSON.stringify(line)))).verdict.error, 'it broke here')
})

const RETRY = 'Info: Request failed due to a transient API error. Retrying...'
/** The lines of a turn in which it says this, in pieces. */
const saying = (...texts: string[]) =>
  [
    ...texts.map(text => ({
      method: 'session/update',
      params: { sessionId: 's', update: { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } } },
    })),
    { id: 3, result: { stopReason: 'end_turn' } },
  ].map(line => Buffer.from(JSON.stringify(line)))

t.test('that it tried again is no part of what went wrong, and no failure if it went well then', async t => {
  t.match(read(saying(RETRY, RETRY, 'Error: Authentication failed (HTTP 401).\n  Check your key.')).verdict, {
    success: false,
    error: 'Authentication failed (HTTP 401). Check your key.',
  })
  t.match(read(saying(RETRY)).verdict, { success: false, error: /^Request failed/ })
  t.match(read(saying(RETRY, 'All is well.')).verdict, { success: true })
})

t.test('as -p acp: known by the name it gives itself, and by that alone', async t => {
  const verdict = (name: string) => {
    const [began = Buffer.alloc(0)] = linesOf('error-429')
    const named = Buffer.from(String(began).replace('"name":"Copilot"', `"name":"${name}"`))
    const reader = (acp.live as Live).reader({ ...nothing, line: is => (is(named) ? named : undefined) })
    reader.out(saying(RETRY, 'Error: 429 The usage limit has been reached'))
    return reader.verdict(living)
  }
  t.match(verdict('Copilot'), { success: false, error: /^429 /, limit: { message: /^429 / } })
  t.match(verdict('Copilot-like'), { success: true })
})

t.test('a refused tool ends its turn', async t => {
  t.match(read(linesOf('permission-denied')).verdict, { success: false, error: /Operation cancelled by user/ })
  t.match(read(linesOf('permission-allowed')).verdict, { success: true, result: /FAKE-OK/ })
})

t.test('tokens: what the sum over the conversation grew by', async t => {
  const lines = linesOf('permission-allowed')
  const usage = (past: Past) => read(lines, past).events.filter(({ type }) => type === 'usage')
  const [first] = usage(nothing)
  t.match(first, { input_tokens: 22273, output_tokens: 57 })
  const before = Buffer.from('{"id":1,"result":{"stopReason":"end_turn","usage":{"inputTokens":22000,"outputTokens":50}}}')
  t.match(usage({ ...nothing, line: is => (is(before) ? before : undefined) }), [{ input_tokens: 273, output_tokens: 7 }])
  const others = ['no message: "stopReason" "usage"', '{"params":{"stopReason":"x","usage":7}}'].map(text => Buffer.from(text))
  t.match(usage({ ...nothing, line: is => [...others, before].find(is) }), [{ input_tokens: 273 }], 'whatever else it printed')
})
