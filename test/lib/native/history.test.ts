import t from 'tap'
import type { LogEvent, NewEvent } from '../../../lib/log/events.js'
import { CUT_OFF, messagesOf } from '../../../lib/native/history.js'

const messages = (...events: NewEvent[]) => messagesOf(events as LogEvent[])
const user = (content: string): NewEvent => ({ type: 'user_message', content, from: 'prompt' })
const said = (content: string): NewEvent => ({ type: 'assistant_message', content })
const call = (tool_id: string, input: unknown = {}): NewEvent => ({ type: 'tool_call', tool_id, tool: 'bash', tool_kind: 'shell', input })
const result = (tool_id: string, output: string): NewEvent => ({
  type: 'tool_result',
  tool_id,
  tool: 'bash',
  tool_kind: 'shell',
  success: true,
  output,
})
const roles = (list: ReturnType<typeof messages>) => list.map(({ role }) => role)

t.test('what was said, and done in between', async t => {
  t.same(messages(user('do it'), said('I call.'), call('a', { command: 'ls' }), result('a', 'README'), said('done')), [
    { role: 'user', content: 'do it' },
    {
      role: 'assistant',
      content: [
        { type: 'text', text: 'I call.' },
        { type: 'tool-call', toolCallId: 'a', toolName: 'bash', input: { command: 'ls' } },
      ],
    },
    { role: 'tool', content: [{ type: 'tool-result', toolCallId: 'a', toolName: 'bash', output: { type: 'text', value: 'README' } }] },
    { role: 'assistant', content: [{ type: 'text', text: 'done' }] },
  ])
})

t.test('calls at once are one step, one after the other are two, whenever their results came', async t => {
  t.same(roles(messages(user('x'), call('a'), call('b'), result('b', '2'), result('a', '1'))), ['user', 'assistant', 'tool'])
  t.same(roles(messages(user('x'), call('a'), result('a', '1'), call('b'), result('b', '2'))), [
    'user',
    'assistant',
    'tool',
    'assistant',
    'tool',
  ])
  t.same(roles(messages(user('x'), call('a'), call('b'), result('a', '1'), call('c'), result('b', '2'), result('c', '3'))), [
    'user',
    'assistant',
    'tool',
  ])
})

t.test('a call without a result has one that says so, wherever it was cut off', async t => {
  const failure = { type: 'error-text', value: CUT_OFF }
  for (const then of [[], [user('go on')], [said('well')]])
    t.match(messages(user('x'), call('a'), call('b'), result('b', '2'), ...then)[2], {
      role: 'tool',
      content: [
        { toolCallId: 'a', output: failure },
        { toolCallId: 'b', output: { value: '2' } },
      ],
    })
})

t.test('a failure, and an input that was none', async t => {
  const failed: NewEvent = { type: 'tool_result', tool_id: 'a', tool: 'bash', tool_kind: 'shell', success: false, error: 'exit code 1' }
  t.match(messages(user('x'), call('a', 'no json'), failed), [
    {},
    { content: [{ input: { unreadable: 'no json' } }] },
    { content: [{ output: { type: 'error-text', value: 'exit code 1' } }] },
  ])
})
