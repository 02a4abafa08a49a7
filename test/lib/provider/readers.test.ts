// What providers make of output: text as it is, ndjson as events, and never a loss.

import t from 'tap'
import { acp } from '../../../lib/provider/acp.js'
import { claude } from '../../../lib/provider/claude.js'
import { codex } from '../../../lib/provider/codex.js'
import { copilot } from '../../../lib/provider/copilot.js'
import { gemini } from '../../../lib/provider/gemini.js'
import { ndjsonReader } from '../../../lib/provider/ndjson.js'
import { opencode } from '../../../lib/provider/opencode.js'
import type { Live, Past, Reader } from '../../../lib/provider/provider.js'
import { byExit, textReader } from '../../../lib/provider/text.js'

const lines = (...all: string[]) => all.map(line => Buffer.from(line))
const nothing: Past = { line: () => undefined, kept: () => undefined }
const well = { code: 0, signal: null }

t.test('the exit', async t => {
  t.same(byExit(well), { success: true })
  t.same(byExit({ code: 3, signal: null }), { success: false, error: 'exit code 3' })
  t.same(byExit({ code: null, signal: 'SIGTERM' }), { success: false, error: 'ended by SIGTERM' })
})

t.test('text', async t => {
  const reader = textReader()
  t.same(reader.out([]), [])
  t.same(reader.verdict(well), { success: true }, 'it said nothing')
  t.same(reader.out(lines('one', '', 'two')), [{ type: 'assistant_message', content: 'one\n\ntwo' }])
  t.same(reader.verdict(well), { success: true, result: { stdout: true } })
})

t.test('ndjson: its last message is the result, a handed one goes before it, and a failure stays one', async t => {
  const reader = ndjsonReader()
  t.same(reader.verdict(well).result, undefined)
  reader.out(lines('{"type":"assistant_message","content":"a"}', '{"type":"assistant_message","content":"b"}'))
  t.same(reader.verdict({ code: 2, signal: null }), { success: false, error: 'exit code 2', result: 'b' })
  reader.out(lines('{"type":"session_result","result":"handed"}', '{"type":"assistant_message","content":"c"}'))
  t.same(reader.verdict(well), { success: true, result: 'handed' })
})

t.test('ndjson: the last session_id of any line is its conversation, if it can be a word of a command', async t => {
  const told = (...all: string[]) => {
    const reader = ndjsonReader()
    reader.out(lines(...all))
    return reader.verdict(well).conversation
  }
  t.equal(told('{"type":"usage"}', '{}'), undefined)
  t.equal(told('{"type":"init","session_id":"a"}', '{"type":"usage","session_id":"b c"}', '{"session_id":7}'), 'b c')
  for (const bad of ['--resume', '', 'a\u0000b', 'a\nb', 'x'.repeat(201)])
    t.equal(told(JSON.stringify({ type: 'usage', session_id: bad })), undefined, JSON.stringify(bad))
})

t.test('ndjson: what is no event of a program is kept as it is', async t => {
  const odd = [
    'text',
    '[1]',
    'null',
    '{"type":"session_ended","success":true,"status":"completed"}',
    '{"type":"session_started"}',
    '{"type":"relay"}',
    '{"type":"permission"}',
    '{"type":"unheard_of"}',
    '{"type":"assistant_message","content":1}',
    '{"type":"tool_call"}',
    '{}',
  ]
  const events = ndjsonReader().out(lines(...odd, ''))
  t.same(
    events.map(event => event.type),
    odd.map(() => 'provider_status'),
  )
  t.same(
    events.map(event => (event as { raw?: string }).raw),
    odd,
  )
})

t.test('ndjson: a program does not say when or where an event was', async t => {
  const line = '{"type":"usage","input_tokens":1,"ts":"x","session_id":"y","parent_id":"z","seq":9,"offset":5,"spilled":{},"own":2}'
  t.same(ndjsonReader().out(lines(line)), [{ type: 'usage', input_tokens: 1, own: 2 }])
})

t.test('a value that no text can be made of is no end of the one who reads', async t => {
  const odd = { toString: 0 }
  const all = lines(
    ...[{ type: odd }, { type: 'message', role: odd }, { type: 'assistant', message: { content: [{ type: odd }] } }].map(line =>
      JSON.stringify(line),
    ),
  )
  const readers = [claude, codex, gemini, opencode, copilot].map(provider => provider.reader(nothing))
  for (const reader of [...readers, (codex.live as Live).reader(nothing), (acp.live as Live).reader(nothing), ndjsonReader()]) {
    t.doesNotThrow(() => reader.out(all))
    t.match(reader.verdict(well), { success: Boolean })
  }
})

/** Lines of a turn in which something was said, and that has no end. */
const BROKEN_OFF: Record<string, { read: () => Reader; said: string; lines: object[] }> = {
  claude: {
    read: () => claude.reader(nothing),
    said: 'whole',
    lines: [{ type: 'assistant', message: { id: 'm', content: [{ type: 'text', text: 'whole' }] } }],
  },
  codex: {
    read: () => codex.reader(nothing),
    said: 'whole',
    lines: [{ type: 'item.completed', item: { id: 'i', type: 'agent_message', text: 'whole' } }],
  },
  'codex, living on': {
    read: () => (codex.live as Live).reader(nothing),
    said: 'a part',
    lines: [
      { id: 1, result: { turn: { id: 't' } } },
      { method: 'item/agentMessage/delta', params: { turnId: 't', itemId: 'i', delta: 'a part' } },
    ],
  },
  gemini: {
    read: () => gemini.reader(nothing),
    said: 'a part',
    lines: [{ type: 'message', role: 'assistant', content: 'a part', delta: true }],
  },
  opencode: { read: () => opencode.reader(nothing), said: 'whole', lines: [{ type: 'text', sessionID: 's', part: { text: 'whole' } }] },
  copilot: {
    read: () => copilot.reader(nothing),
    said: 'a part',
    lines: [{ type: 'assistant.message_delta', data: { messageId: 'm', deltaContent: 'a part' } }],
  },
  acp: {
    read: () => (acp.live as Live).reader(nothing),
    said: 'a part',
    lines: [
      {
        method: 'session/update',
        params: { sessionId: 's', update: { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: 'a part' } } },
      },
    ],
  },
  ndjson: { read: ndjsonReader, said: 'whole', lines: [{ type: 'assistant_message', content: 'whole' }] },
}

t.test('what was said last is the result, whoever was killed: the agent, or the one that watched it', async t => {
  for (const [name, { read, said, lines: told }] of Object.entries(BROKEN_OFF)) {
    for (const exit of [
      { code: null, signal: 'SIGKILL' },
      { code: 3, signal: null },
      { code: null, signal: null },
    ]) {
      const reader = read()
      reader.out(lines(...told.map(line => JSON.stringify(line))))
      reader.end?.()
      t.match(reader.verdict(exit), { success: false, result: said }, `${name}: ${exit.signal ?? exit.code}`)
    }
  }
})
