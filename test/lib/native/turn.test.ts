import type { ModelMessage } from 'ai'
import t from 'tap'
import type { Answer } from '../../../lib/native/answer.js'
import { TurnFailed } from '../../../lib/native/failure.js'
import type { Model } from '../../../lib/native/model.js'
import { NOTHING } from '../../../lib/native/price.js'
import type { Workshop } from '../../../lib/native/toolbox.js'
import { type Client, Turn } from '../../../lib/native/turn.js'

const said = (text: string, more: Partial<Answer> = {}): Answer => ({
  text,
  content: [{ type: 'text', text }],
  calls: [],
  finish: 'stop',
  spent: { ...NOTHING, inputTokens: 100 },
  ...more,
})
const calls = (...commands: string[]): Answer => {
  const all = commands.map((command, n) => ({ id: `${n}`, name: 'bash', input: { command } }))
  const content = all.map(({ id, name, input }) => ({ type: 'tool-call' as const, toolCallId: id, toolName: name, input }))
  return said('', { content, calls: all, finish: 'tool-calls' })
}

/** A turn of a model that answers so, in this order; what is asked for by a function is made when its time comes. */
function turnOf(answers: (Answer | Error | (() => Answer))[], messages: ModelMessage[] = [], limits = {}) {
  const told: string[] = []
  const model = {
    name: 'm1',
    looksIntoResults: false,
    async ask() {
      const next = answers.shift()
      if (next instanceof Error || next === undefined) throw next ?? new Error('it was asked too often')
      return typeof next === 'function' ? next() : next
    },
  } as unknown as Model
  const client: Client = {
    text() {},
    thought() {},
    status: message => told.push(message),
    announce() {},
    refusal: () => new Promise(() => {}),
    done() {},
  }
  return { told, messages, turn: new Turn(model, messages, {} as Workshop, client, limits) }
}

t.test('interrupted while somebody is asked: each call has a result', async t => {
  const abort = new AbortController()
  const { turn, messages } = turnOf([calls('ls', 'pwd')])
  const playing = turn.play('do it', abort.signal)
  setImmediate(() => abort.abort())
  t.equal(await playing, 'cancelled')
  t.match(messages, [
    { role: 'user' },
    { role: 'assistant' },
    { role: 'tool', content: [{ output: { type: 'error-text' } }, { output: { type: 'error-text' } }] },
  ])
})

t.test('what a model cannot look at is left out, once', async t => {
  const refused = () => new TurnFailed({ message: 'no pictures (HTTP 400)', status: 400, passing: false })
  const picture = (): ModelMessage[] => [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'a.png:' },
        { type: 'file', data: 'AAAA', mediaType: 'image/png' },
      ],
    },
  ]
  const { turn, messages, told } = turnOf([refused(), said('fine')], picture())
  t.equal(await turn.play('go on', new AbortController().signal), 'end_turn')
  t.same(messages[0]?.content, [
    { type: 'text', text: 'a.png:' },
    { type: 'text', text: '(left out: the endpoint did not take it)' },
  ])
  t.same(told, ['no pictures (HTTP 400): asked again without pictures and documents'])
  const again = turnOf([refused(), refused()], picture())
  await t.rejects(again.turn.play('go on', new AbortController().signal), { message: 'no pictures (HTTP 400)' })
  const without = turnOf([refused()])
  await t.rejects(without.turn.play('go on', new AbortController().signal), { message: 'no pictures (HTTP 400)' })
})

t.test('a context that is known is not overrun', async t => {
  const { turn } = turnOf([said('', { spent: { ...NOTHING, inputTokens: 900, outputTokens: 200 }, content: [] })], [], { context: 1000 })
  await t.rejects(turn.play('x', new AbortController().signal), {
    message: /no longer fits into the context of 'm1': about 11\d\d tokens of 1000/,
  })
})

t.test('how an answer ended', async t => {
  for (const [finish, stop] of [
    ['stop', 'end_turn'],
    ['length', 'max_tokens'],
    ['content-filter', 'refusal'],
  ] as const)
    t.equal(await turnOf([said('so', { finish })]).turn.play('x', new AbortController().signal), stop)
})
