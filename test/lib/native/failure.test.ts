import { APICallError } from 'ai'
import t from 'tap'
import { BrokenOff, failureOf } from '../../../lib/native/failure.js'

const endpoint = { api: 'openai', url: 'http://user:secret@host:1/v1', keyName: 'MY_KEY' } as const
const refused = (statusCode: number, responseBody: string, responseHeaders: Record<string, string> = {}) =>
  new APICallError({ message: 'said so', url: endpoint.url, requestBodyValues: {}, statusCode, responseBody, responseHeaders })
const failure = (error: unknown, key: string | undefined = 'sk-1') => failureOf(error, endpoint, key, 'm1')
const words = (message: string) => JSON.stringify({ error: { message } })

t.test('a key that is missing or wrong: its variable, and never the key itself', async t => {
  t.match(failure(refused(401, words('bad key sk-1'))), {
    message: 'http://host:1/v1 refuses the key in MY_KEY (HTTP 401): bad key …',
    passing: false,
  })
  t.match(
    failureOf(refused(401, words('who?')), endpoint, undefined, 'm1').message,
    'http://host:1/v1 wants a key, and MY_KEY is not set (HTTP 401): who?',
  )
})

t.test('what passes, and when', async t => {
  for (const status of [408, 429, 500, 502, 503, 504, 529]) t.equal(failure(refused(status, '')).passing, true, `${status}`)
  for (const status of [400, 401, 403, 404, 413, 422]) t.equal(failure(refused(status, '')).passing, false, `${status}`)
  const after = (headers: Record<string, string>) => (failure(refused(429, words('slow down'), headers)).resetAt ?? 0) - Date.now()
  t.ok(Math.abs(after({ 'retry-after': '30' }) - 30_000) < 5_000)
  t.ok(Math.abs(after({ 'retry-after-ms': '2500' }) - 2_500) < 2_400)
  t.ok(Math.abs(after({ 'retry-after': new Date(Date.now() + 90_000).toUTCString() }) - 90_000) < 5_000)
  const reset = String(Math.round(Date.now() / 1000) + 3600)
  t.ok(
    Math.abs(after({ 'anthropic-ratelimit-unified-status': 'rejected', 'anthropic-ratelimit-unified-reset': reset }) - 3_600_000) < 5_000,
  )
  t.equal(failure(refused(429, words('slow down'))).resetAt, undefined)
})

t.test('a conversation that is too long', async t => {
  for (const text of [
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    'prompt is too long: 208310 tokens > 200000 maximum',
    'the request exceeds the available context size',
    'Input is too long for requested model.',
  ])
    t.match(
      failure(refused(400, words(text))).message,
      /^the conversation no longer fits into the context of 'm1': .*: begin a new session/,
      text,
    )
  t.notMatch(failure(refused(400, words('unknown field'))).message, /no longer fits/)
})

t.test('words of any kind', async t => {
  t.equal(failure(refused(400, '<html><h1>Bad   Gateway</h1></html>')).message, 'Bad Gateway (HTTP 400)')
  t.equal(failure(refused(400, JSON.stringify({ detail: 'no such field' }))).message, 'no such field (HTTP 400)')
  t.equal(failure(refused(400, '')).message, 'said so (HTTP 400)')
})

t.test('no answer, and one that broke off', async t => {
  const reset = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
  t.match(failure(reset), { message: 'http://host:1/v1 cannot be reached, or broke off (ECONNRESET)', passing: true })
  t.match(failure(new Error('fetch failed', { cause: reset })), { message: /ECONNRESET/, passing: true })
  t.match(failure(Object.assign(new Error('x'), { code: 'CERT_HAS_EXPIRED' })), { passing: false })
  t.match(failure(new BrokenOff('it has no end')), { message: 'the answer of http://host:1/v1 broke off: it has no end', passing: true })
})
