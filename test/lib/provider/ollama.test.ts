// Ollama: where its server is, and sessions with one of ours on loopback that speaks as docs.ollama.com says.

import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { ollama, serverOf } from '../../../lib/provider/ollama.js'
import type { Exit, Task } from '../../../lib/provider/provider.js'
import { until } from '../../help/run.js'
import { rows, Zag } from '../../help/sessions.js'

interface Asked {
  path: string
  key: string | undefined
  model: string
  stream: boolean
  messages: { role: string; content: string }[]
}

const asked: Asked[] = []
/** What a request left behind when its connection was closed in the middle of an answer. */
const closed: string[] = []

const said = (content: string, more: object = {}) => ({ message: { role: 'assistant', content, ...more }, done: false })
const done = (done_reason: string) => ({ ...said(''), done: true, done_reason, prompt_eval_count: 12, eval_count: 3, total_duration: 5 })

/** What each model does: lines, or the status and the text of a refusal. */
const ANSWERS: Record<string, (object | string)[] | [number, string, Record<string, string>?]> = {
  plain: [said('hel'), said('lo'), done('stop')],
  thinks: [said('', { thinking: 'hm' }), said('', { thinking: 'm' }), said('so'), done('stop')],
  long: [said('cut'), done('length')],
  silent: [done('stop')],
  caller: [said('', { tool_calls: [{ function: { name: 'f', arguments: {} } }] }), done('stop')],
  unlucky: [said('half'), { error: 'the runner\nhas died' }],
  cut: [said('half')],
  odd: ['<html>no</html>'],
  gone: [404, '{"error":"model \'gone\' not found"}'],
  broken: [500, 'no JSON'],
  empty: [502, ''],
  limited: [429, '{"error":"you have reached your hourly usage limit"}', { 'retry-after': '60' }],
  busy: [429, '{"error":"too many requests"}'],
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url?.endsWith('/api/version')) return void response.end('{"version":"0.40.12"}')
  let body = ''
  for await (const chunk of request) body += chunk
  const { model, stream, messages } = JSON.parse(body)
  asked.push({ path: `${request.method} ${request.url}`, key: request.headers.authorization, model, stream, messages })
  if (model === 'endless') {
    response.write(`${JSON.stringify(said('so far'))}\n`)
    response.on('close', () => closed.push(model))
    return
  }
  const [first, ...rest] = ANSWERS[model] ?? [said(`${messages.length} messages`), done('stop')]
  if (typeof first === 'number') return void response.writeHead(first, rest[1] as Record<string, string>).end(rest[0])
  // The pieces in which it arrives are no lines.
  const text = [first, ...rest].map(line => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('')
  response.write(text.slice(0, 20))
  setImmediate(() => response.end(text.slice(20, model === 'plain' ? -1 : undefined)))
}

const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
await once(server, 'listening')
t.teardown(() => server.close())
const { port } = server.address() as AddressInfo

const zag = new Zag(t)
const env = { OLLAMA_HOST: `127.0.0.1:${port}`, OLLAMA_API_KEY: undefined }
const exec = (model: string, args: string[] = [], more = {}) =>
  zag.go('exec', ['-p', 'ollama', '-m', model, '-o', 'json', ...args], { env: { ...env, ...more } })
/** A session that is over: its row, its events but zag's own, and what it said on stderr. */
const turn = async (model: string, args: string[] = ['hi'], more = {}) => {
  const { code, stdout } = await exec(model, args, more)
  const [row] = rows(stdout)
  const log = rows(readFileSync(zag.file(String(row?.session_id), 'log.ndjson'), 'utf8'))
  const events = log.filter(({ type }) => !/^session_|^user_message$/.test(String(type)))
  return { code, row, error: log.at(-1)?.error, events: events.map(({ ts, session_id, offset, ...event }) => event as object) }
}
const text = (content: string) => ({ type: 'assistant_message', content })
const SPENT = { type: 'usage', input_tokens: 12, output_tokens: 3 }
const status = (message: string, done_reason: string) => ({
  type: 'provider_status',
  message,
  data: { done_reason, prompt_eval_count: 12, eval_count: 3, total_duration: 5 },
})
const ended = (stop_reason: string) => ({ type: 'turn_ended', stop_reason, success: true })

t.test('a text: one message of its pieces', async t => {
  const { code, row, events } = await turn('plain')
  t.match({ code, row }, { code: 0, row: { status: 'completed', result: 'hello' } })
  t.same(events, [text('hello'), SPENT, status('done', 'stop'), ended('stop')])
  t.same(asked.at(-1), {
    path: 'POST /api/chat',
    key: undefined,
    model: 'plain',
    stream: true,
    messages: [{ role: 'user', content: 'hi' }],
  })
})

t.test('a system prompt, a key, a path of the server', async t => {
  const { code } = await turn('plain', ['-s', 'be brief', 'hi'], { OLLAMA_HOST: `http://localhost:${port}/below/`, OLLAMA_API_KEY: 'k' })
  t.equal(code, 0)
  t.match(asked.at(-1), { path: 'POST /below/api/chat', key: 'Bearer k', messages: [{ role: 'system', content: 'be brief' }, {}] })
})

t.test('thoughts, an answer that was cut off, none, and tools that it does not have', async t => {
  t.same((await turn('thinks')).events.slice(0, 2), [{ type: 'reasoning', content: 'hmm' }, text('so')])
  const long = await turn('long')
  t.match(long.row, { status: 'completed', result: 'cut' })
  t.same(long.events.slice(2), [
    status('the answer was cut off: it is as long as the model or the server allows', 'length'),
    ended('length'),
  ])
  t.match((await turn('silent')).row, { status: 'completed', result: null })
  t.match((await turn('caller')).events[0], { type: 'provider_status', message: 'it wants to use tools, and has none' })
})

t.test('it goes on with the conversation, also after an answer that was broken off', async t => {
  const { row } = await turn('count', ['-s', 'sys', 'one'])
  const id = String(row?.session_id)
  const { stdout } = await zag.go('input', ['--session', id, 'two'], { env })
  t.equal(stdout, '4 messages')
  t.same(asked.at(-1)?.messages, [
    { role: 'system', content: 'sys' },
    { role: 'user', content: 'one' },
    { role: 'assistant', content: '2 messages' },
    { role: 'user', content: 'two' },
  ])
  const half = await turn('unlucky', ['first'])
  await zag.go('input', ['--session', String(half.row?.session_id), 'second'], { env })
  t.same(
    asked.at(-1)?.messages.map(({ content }) => content),
    ['first', 'half', 'second'],
  )
})

t.test('what was told and not answered is not told twice', async t => {
  const { row } = await turn('broken', ['same'])
  await zag.go('input', ['--session', String(row?.session_id), 'same'], { env })
  t.same(
    asked.at(-1)?.messages.map(({ content }) => content),
    ['same'],
  )
})

t.test('errors: its words, with a way out where there is one', async t => {
  const error = async (model: string, more = {}) => {
    const { code, error, events } = await turn(model, ['hi'], more)
    t.match({ code, last: events.at(-1) }, { code: 1, last: { type: 'turn_ended', stop_reason: 'error', success: false } }, model)
    return error
  }
  t.equal(await error('gone'), "model 'gone' not found: get it with 'ollama pull gone'")
  t.equal(await error('broken'), 'no JSON (HTTP 500)')
  t.equal(await error('empty'), 'it said nothing (HTTP 502)')
  t.equal(await error('unlucky'), 'the runner has died')
  t.equal(await error('cut'), 'the server ended the answer in the middle')
  t.equal(await error('odd'), `it does not speak as Ollama does at http://127.0.0.1:${port}: <html>no</html>`)
  t.equal(
    await error('plain', { OLLAMA_HOST: '127.0.0.1:1' }),
    "no Ollama server answers at http://127.0.0.1:1 (ECONNREFUSED): start it with 'ollama serve', or set OLLAMA_HOST",
  )
  t.match(await error('plain', { OLLAMA_HOST: 'a b' }), /^no Ollama server answers at http:\/\/a b:11434 \(ERR_INVALID_URL\): /)
  t.match((await turn('unlucky')).row, { status: 'failed', result: 'half' })
})

t.test('a limit, with its end if it was told', async t => {
  const limit = async (model: string) => {
    const { events } = await turn(model, ['--on-limit', 'fail', 'hi'])
    return (events.find(event => 'limit' in event) as { limit?: { resetAt?: number } } | undefined)?.limit
  }
  t.match(await limit('limited'), { message: 'you have reached your hourly usage limit', resetAt: Number })
  t.same(await limit('busy'), { message: 'too many requests' })
  const { error } = await turn('limited', ['--on-limit', 'fail', 'hi'])
  t.match(error, /you have reached your hourly usage limit/)
})

t.test('cancelled: at once, and what it had said is there; the server is left', async t => {
  const spawned = await zag.go('spawn', ['-p', 'ollama', '-m', 'endless', 'hi'], { env })
  const id = spawned.stdout.trim()
  await until(() => asked.some(({ model }) => model === 'endless'))
  const conversation = zag.file(id, 'agent/conversation.json')
  await until(() => existsSync(conversation))
  await zag.go('cancel', [id])
  t.same(await until(() => closed.length > 0 && closed), ['endless'])
  const log = readFileSync(zag.file(id, 'log.ndjson'), 'utf8')
  t.match(rows(log).at(-1), { status: 'cancelled', signal: 'SIGINT' })
})

t.test('what the program cannot read is no answer', async t => {
  const { stdout } = await zag.go('spawn', ['-p', 'ollama', '-m', 'count', 'hi'], { env })
  const id = stdout.trim()
  await zag.go('wait', [id])
  writeFileSync(zag.file(id, 'agent/conversation.json'), '{')
  t.match(await zag.go('input', ['--session', id, 'more'], { env }), { code: 1, stderr: /no end reported \(exit code \d+\)/ })
})

t.test('whether it can be used, with the version that the server says', async t => {
  const before = { ...process.env }
  t.teardown(() => Object.assign(process.env, before))
  const folder = t.testdir({ bin: { ollama: '' }, empty: {} })
  chmodSync(join(folder, 'bin/ollama'), 0o755)
  process.env.PATH = join(folder, 'empty')
  delete process.env.OLLAMA_HOST
  t.match(ollama.find(), { why: "'ollama' was not found, and OLLAMA_HOST is not set", install: /^install it from ollama\.com, or set/ })
  process.env.OLLAMA_HOST = env.OLLAMA_HOST
  t.same(ollama.find(), { path: `http://127.0.0.1:${port}` })
  t.match(await ollama.ask?.('any'), { path: 'any', version: '0.40.12' })
  process.env.PATH = join(folder, 'bin')
  t.same(ollama.find(), { path: join(folder, 'bin/ollama') })
  process.env.OLLAMA_HOST = '127.0.0.1:1'
  t.same(await ollama.ask?.('any'), { path: 'any', version: undefined })
})

t.test('the forms of OLLAMA_HOST', async t => {
  for (const [set, server] of [
    ['', 'http://127.0.0.1:11434'],
    [' "10.0.0.1" ', 'http://10.0.0.1:11434'],
    ['box', 'http://box:11434'],
    ['box:80', 'http://box:80'],
    [':8080', 'http://127.0.0.1:8080'],
    ['0.0.0.0', 'http://127.0.0.1:11434'],
    ['0.0.0.0:1', 'http://127.0.0.1:1'],
    ['[::]:1', 'http://[::1]:1'],
    ['::1', 'http://[::1]:11434'],
    ['[fe80::1]', 'http://[fe80::1]:11434'],
    ['http://box', 'http://box:80'],
    ['https://box', 'https://box:443'],
    ['https://box:8443/a/b/', 'https://box:8443/a/b'],
    ['box:65536', 'http://box:11434'],
    ['box:x', 'http://box:11434'],
    ['http://box:0099', 'http://box:99'],
    ['ollama.com', 'https://ollama.com:443'],
  ] as const)
    t.equal(serverOf({ OLLAMA_HOST: set }), server, set)
  t.equal(serverOf({}), 'http://127.0.0.1:11434')
})

t.test('how it is started, and what it can', async t => {
  const kept = new Map<string, string>()
  const task: Task = {
    session: 'ID',
    run: 1,
    root: '/',
    cwd: '/',
    model: 'm',
    promptFile: '/prompt',
    flags: { systemPrompt: 's' },
    env: {},
    resumed: true,
    keep(name, content) {
      kept.set(name, content)
      return join('/kept', name)
    },
    kept: () => undefined,
  }
  const { argv, stdin } = ollama.launch(task)
  t.same([argv[0], argv[1]?.endsWith('/dist/lib/zag-ollama.js'), argv[2], stdin], [process.execPath, true, '/kept/ollama.json', '/prompt'])
  t.same(JSON.parse(kept.get('ollama.json') ?? ''), { session: 'ID', model: 'm', system: 's', resumed: true })
  t.same([...ollama.can].sort(), ['auto_approve', 'model', 'resume', 'system_prompt'])
  t.throws(() => ollama.check?.({ prompt: Buffer.from('x'), flags: {} }), { exit: 2, message: /^ollama needs a model: give --model/ })
  ollama.check?.({ prompt: Buffer.from('x'), model: 'm', flags: {} })
})

t.test('what it said and how it ended: both have to be a success', async t => {
  const verdict = (exit: Exit, ...lines: string[]) => {
    const reader = ollama.reader({ line: () => undefined, kept: () => undefined })
    for (const line of lines) reader.out([Buffer.from(line)])
    return { ...reader.verdict(exit), through: reader.through }
  }
  const end = '{"type":"turn_ended","stop_reason":"stop","success":true,"session_id":"ID"}'
  const message = '{"type":"assistant_message","content":"a"}'
  t.same(verdict({ code: 0, signal: null }, message, end), { success: true, result: 'a', conversation: 'ID', through: true })
  t.match(verdict({ code: 3, signal: null }, message, end), { success: false, error: 'the agent reported success, but exit code 3' })
  t.match(verdict({ code: 0, signal: null }, message), { success: false, error: 'no end reported (exit code 0)', through: false })
  t.match(verdict({ code: null, signal: 'SIGINT' }), { success: false, error: 'no end reported (ended by SIGINT)' })
})
