// The model server: every API says the same, whole and in a stream; and it fails, hangs and limits as it is told.

import t from 'tap'
import { serveModels } from './server.js'
import { INPUT, USED } from './talk.js'

const server = await serveModels()
t.teardown(() => server.close())

const properties = { command: { type: 'string' }, why: { type: 'string' } }
const schema = { type: 'object', properties, required: ['command', 'why'] }
const wrapped = { type: 'function', function: { name: 'bash', parameters: schema } }

interface Api {
  path: string
  /** Where a streamed answer is asked for, if that is elsewhere. */
  stream?: string
  /** The body that asks this. */
  ask(text: string): object
}

const APIS: Record<string, Api> = {
  messages: {
    path: '/v1/messages',
    ask: content => ({ model: 'm', messages: [{ role: 'user', content }], tools: [{ name: 'bash', input_schema: schema }] }),
  },
  responses: {
    path: '/v1/responses',
    ask: text => ({
      model: 'm',
      input: [{ type: 'message', role: 'user', content: [{ type: 'input_text', text }] }],
      tools: [{ type: 'function', name: 'bash', parameters: schema }],
    }),
  },
  completions: {
    path: '/v1/chat/completions',
    ask: content => ({ model: 'm', messages: [{ role: 'user', content }], tools: [wrapped] }),
  },
  gemini: {
    path: '/v1beta/models/m:generateContent',
    stream: '/v1beta/models/m:streamGenerateContent?alt=sse',
    ask: text => ({
      contents: [{ role: 'user', parts: [{ text }] }],
      tools: [{ functionDeclarations: [{ name: 'bash', parametersJsonSchema: schema }] }],
    }),
  },
  ollama: {
    path: '/api/chat',
    ask: content => ({ model: 'm', messages: [{ role: 'user', content }], tools: [wrapped] }),
  },
}

for (const [name, { path, stream = path, ask }] of Object.entries(APIS)) {
  const post = (to: string, text: string, streamed: boolean, signal?: AbortSignal) =>
    fetch(server.url + to, { method: 'POST', body: JSON.stringify({ ...ask(text), stream: streamed }), signal })
  const whole = (text: string) => post(path, text, false)
  const piecewise = (text: string) => post(stream, text, true)

  t.test(name, async t => {
    t.match(await (await whole('SAY good day')).text(), /"good day"/)
    const streamed = await (await piecewise('<note>SAY no</note>\nmore\nSAY good day')).text()
    t.match(streamed, /"good".*" day"/s, 'in pieces')
    t.match(streamed, new RegExp(`\\b${USED.output}\\b`), 'what was used')
    t.match(streamed, new RegExp(`\\b(${INPUT}|${USED.input})\\b`))
    for (const go of [whole, piecewise]) {
      t.match(await (await go('RUN ls -l')).text(), /bash.*ls -l.*as told/s)
      t.match(await (await go('anything')).text(), /you said/)
      t.match(await go('FAIL 503 7'), { status: 503 })
      t.match(JSON.stringify(await (await go('FAIL 401')).json()), /failed on purpose with 401/)
      const limit = `LIMIT 60 ${go.name}`
      t.equal((await go(limit)).status, 429)
      t.equal((await go(limit)).status, 429)
      t.equal((await go(`LIMIT 0 ${go.name}`)).status, 200, 'a limit that is over')
    }
    const client = new AbortController()
    const hanging = await post(stream, 'HANG', true, client.signal)
    const first = await hanging.body?.getReader().read()
    t.match(Buffer.from(first?.value ?? []).toString(), /I be|message_start|response.created/)
    client.abort()
  })
}

t.test('what is no question to a model', async t => {
  t.match(await (await fetch(`${server.url}/api/version`)).json(), { version: String })
  t.match(await (await fetch(`${server.url}/v1/models`)).json(), { data: [{ id: 'm1' }] })
  t.equal((await fetch(`${server.url}/else`)).status, 404)
  t.match(server.requests.at(-1), { method: 'GET', path: '/else', status: 404, talk: undefined })
  t.match(server.requests[0]?.talk, {
    model: 'm',
    stream: false,
    turns: [{ from: 'user', text: 'SAY good day' }],
    tools: [{ name: 'bash' }],
  })
})
