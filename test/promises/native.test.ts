// zag's own agent against a model that answers by a script, in both ways of speaking that it knows.

import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { serveModels } from '../help/model/server.js'
import { lives } from '../help/processes.js'
import { repository } from '../help/repository.js'
import { until } from '../help/run.js'
import { type Row, rows, Zag } from '../help/sessions.js'

const server = await serveModels()
t.teardown(() => server.close())
const zag = new Zag(t)
const project = repository(join(zag.home, 'project'), { 'README.md': 'one\ntwo\nthree\n' }).top
const KEY = 'sk-none-of-your-business'
const env = { OPENAI_API_KEY: KEY, ANTHROPIC_API_KEY: KEY }

const APIS = ['openai', 'anthropic'] as const
const PRICES = 'attempts = 2\ninput_price = 2\noutput_price = 10\ncache_read_price = 0.5'
const configure = (api: (typeof APIS)[number], more = PRICES) =>
  zag.configure(`[providers.native]\napi = "${api}"\nbase_url = "${server.url}/v1"\nmodel = "m1"\n${more}\n`)

const FLAGS = ['-p', 'native', '-r', project]
async function exec(prompt: string, flags: readonly string[] = ['-a']) {
  const before = new Set(zag.ids())
  const ended = await zag.go('exec', [...FLAGS, ...flags, prompt], { env })
  // Its children come after it.
  return { ...ended, id: zag.ids().find(id => !before.has(id)) ?? '' }
}
async function spawn(prompt: string, flags: readonly string[] = ['-a']): Promise<string> {
  const { stdout, stderr, code } = await zag.go('spawn', [...FLAGS, ...flags, prompt], { env })
  if (code !== 0) throw new Error(`zag-spawn: ${code}: ${stderr}`)
  return stdout.trim()
}
const input = (id: string, text: string, ...flags: string[]) => zag.go('input', ['--session', id, ...flags, text], { env })
const events = (id: string) => (existsSync(zag.file(id, 'log.ndjson')) ? rows(readFileSync(zag.file(id, 'log.ndjson'), 'utf8')) : [])
const of = (id: string, ...types: string[]) => events(id).filter(({ type }) => types.includes(String(type)))
const told = (id: string) => of(id, 'provider_status').map(({ message }) => String(message))
const call = (tool: string, fields: object) => `CALL ${tool} ${JSON.stringify(fields)}`
const asked = () => server.requests.filter(({ talk }) => talk !== undefined)
const patch = (...lines: string[]) => call('patch', { patch: ['*** Begin Patch', ...lines, '*** End Patch'].join('\n') })

for (const api of APIS) {
  t.test(`${api}: what it says is the result; its tokens and what they cost are told`, async t => {
    configure(api)
    const { id, ...ended } = await exec('SAY good day to you', ['--no-ask'])
    t.match(ended, { code: 0, stdout: 'good day to you', stderr: '' })
    t.match(of(id, 'assistant_message', 'usage', 'session_ended'), [
      { content: 'good day to you' },
      { input_tokens: 1000, output_tokens: 50, cache_read_tokens: 200, cost_usd: 0.0026 },
      { status: 'completed', exit_code: 0 },
    ])
    const [row] = rows((await zag.go('summary', ['--json', id])).stdout) as Row[]
    t.match(JSON.stringify(row), /0\.0026/)
    const { headers, body } = asked().at(-1) ?? {}
    t.match(JSON.stringify(headers), KEY, 'the endpoint gets the key')
    t.match(JSON.stringify(body), /You are a coding agent in a session of zag/)
    t.notMatch(JSON.stringify(events(id)) + readFileSync(zag.file(id, 'session.json')), KEY, 'and nobody else')
  })

  t.test(`${api}: bash, with its exit code and without the key`, async t => {
    configure(api)
    const { id, stdout, code } = await exec(call('bash', { command: `echo "k=$OPENAI_API_KEY$ANTHROPIC_API_KEY" >&2; pwd; exit 3` }))
    t.equal(code, 0)
    t.equal(stdout.split('\n')[0], `it gave: k=${KEY}`, 'that of the other vendor is none of its own')
    t.match(stdout, `${project}\nexit code 3`)
    t.match(of(id, 'tool_call', 'permission', 'tool_result'), [
      { tool: 'bash', tool_kind: 'shell', input: { command: /pwd/ } },
      { tool: 'bash', granted: true, by: 'auto' },
      { tool: 'bash', success: false, error: /exit code 3/ },
    ])
  })

  t.test(`${api}: two calls at once run at once`, async t => {
    configure(api)
    const meet = (own: string, other: string) => ({ command: `touch ${own}; until [ -e ${other} ]; do sleep 0.02; done; echo met ${own}`, timeout: 20 })
    const { id, stdout } = await exec(`CALLS ${JSON.stringify([['bash', meet('a', 'b')], ['bash', meet('b', 'a')]])}`)
    t.match(stdout, /met a[\s\S]*met b/)
    t.match(of(id, 'tool_call', 'tool_result').map(({ type }) => type), ['tool_call', 'tool_call', 'tool_result', 'tool_result'])
  })

  t.test(`${api}: read and patch, one after the other`, async t => {
    configure(api)
    writeFileSync(join(project, 'numbers'), 'one\ntwo\nthree\n')
    const change = patch('*** Update File: numbers', '@@', ' one', '-two', '+2', ' three', `*** Add File: more-${api}`, '+new')
    const { id, stdout } = await exec([call('read', { path: 'numbers', offset: 2, limit: 1 }), change].join('\n'))
    t.match(stdout, /2\ttwo\n\[… lines 3 to 3 left out: go on with offset 3 …\]/)
    t.match(stdout, `updated numbers\nadded more-${api}`)
    t.equal(readFileSync(join(project, 'numbers'), 'utf8'), 'one\n2\nthree\n')
    t.match(of(id, 'tool_result'), [
      { tool: 'read', tool_kind: 'file_read', success: true },
      { tool: 'patch', tool_kind: 'file_edit', success: true },
    ])
    await exec(patch(`*** Delete File: more-${api}`), ['-a'])
    t.ok(existsSync(join(project, `more-${api}`)), 'another session has not read it')
    t.match(of(zag.ids().at(-1) as string, 'tool_result'), [{ success: false, error: /read/ }])
  })

  t.test(`${api}: a turn that goes on in a new process knows all that was said and done`, async t => {
    configure(api)
    const { id } = await exec(`first\n${call('bash', { command: 'echo once' })}`)
    t.match(await input(id, 'RECALL'), { code: 0, stdout: /^first you said: first/ })
    const { body } = asked().at(-1) ?? {}
    t.match(JSON.stringify(body), /echo once[\s\S]*it gave: once/)
    t.match(await input(id, 'COUNT'), { stdout: '3 messages' })
  })

  t.test(`${api}: what the endpoint has against it`, async t => {
    configure(api)
    const name = api === 'openai' ? 'OPENAI_API_KEY' : 'ANTHROPIC_API_KEY'
    const before = asked().length
    t.match(await exec('FAIL 401'), { code: 1, stderr: new RegExp(`refuses the key in ${name} \\(HTTP 401\\): failed on purpose with 401`) })
    t.equal(asked().length, before + 1, 'a key does not get better')
    t.match(await exec('SAY x', ['-m', 'no-such-model']), { code: 1, stderr: /not the model 'no-such-model' \(HTTP 404\)/ })
    const failed = await exec('FAIL 500')
    t.match(failed, { code: 1, stderr: /failed on purpose with 500 \(HTTP 500\); tried 2 times/ })
    const mended = await exec(`FAILS 1 ${api === 'openai' ? 503 : 529}`)
    t.match(mended, { code: 0, stdout: 'at last' })
    t.match(told(mended.id).join('\n'), /failed on purpose with 5\d\d \(HTTP 5\d\d\): tried again in 1\.0s \(2 of 2\)/)
    const half = await exec(`HALF 1 ${api}`)
    t.match(half, { code: 0, stdout: 'at last' })
    t.match(told(half.id).join('\n'), /the answer of .* broke off: it has no end: tried again/)
  })

  t.test(`${api}: what the model gets wrong is told to it`, async t => {
    configure(api)
    const prompt = ['BROKEN bash {"command": oops', call('dance', { with: 'me' }), call('bash', { cmd: 'ls' }), call('read', { path: 7 })].join('\n')
    const { id, code, stdout } = await exec(prompt)
    t.equal(code, 0)
    t.match(stdout, /the input of bash is no JSON/)
    t.match(stdout, /there is no tool 'dance': you have bash, read, patch, agent/)
    t.match(stdout, /bash needs 'command'/)
    t.match(stdout, /'path' of read must be of type string/)
    t.match(of(id, 'tool_result').map(({ success }) => success), [false, false, false, false])
    t.same(of(id, 'permission'), [], 'nobody is asked')
  })

  t.test(`${api}: cancelled while the model speaks, and while a tool works`, async t => {
    configure(api)
    const speaking = await spawn('HANG on')
    await until(() => existsSync(zag.file(speaking, 'stdout')) && readFileSync(zag.file(speaking, 'stdout'), 'utf8').includes('I begi'))
    t.match(await zag.go('cancel', [speaking]), { code: 0 })
    t.match(of(speaking, 'session_ended'), [{ status: 'cancelled' }])
    const pids = join(zag.home, `pids-${api}`)
    const working = await spawn(call('bash', { command: `echo $$ >${pids}; (sleep 300 & echo $! >>${pids}; wait)` }))
    const [shell, sleeper] = await until(() => {
      const all = existsSync(pids) ? readFileSync(pids, 'utf8').split('\n').filter(Boolean).map(Number) : []
      return all.length === 2 && all
    })
    t.match(await zag.go('cancel', [working]), { code: 0 })
    for (const pid of [shell, sleeper, Number(of(working, 'session_started')[0]?.pid)]) t.notOk(lives(Number(pid)))
    t.match(of(working, 'session_ended'), [{ status: 'cancelled' }])
  })

  t.test(`${api}: killed with a call at work: it goes on from the log, and the model knows that the call was cut off`, async t => {
    configure(api)
    const id = await spawn(call('bash', { command: 'echo begun; sleep 300' }))
    await until(() => of(id, 'permission').length > 0)
    const { runner_pid, pid } = (rows((await zag.go('status', ['--json', id])).stdout) as Row[])[0] as Row
    for (const each of [runner_pid, pid]) process.kill(Number(each), 'SIGKILL')
    t.match(await zag.go('wait', [id]), { code: 1, stdout: /\tdead\t/ })
    t.match(await input(id, 'SAY still here'), { code: 0, stdout: 'still here' })
    t.match(JSON.stringify(asked().at(-1)?.body), /echo begun; sleep 300[\s\S]*it was interrupted/)
  })

  t.test(`${api}: a picture is looked at`, async t => {
    configure(api)
    const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
    writeFileSync(join(project, 'dot.png'), png)
    const { id } = await exec(call('read', { path: 'dot.png' }))
    t.match(JSON.stringify(asked().at(-1)?.body), png.toString('base64'))
    t.notMatch(JSON.stringify(of(id, 'tool_result')), png.toString('base64'), 'it is not in the log')
  })
}

t.test('-I: several prompts in one life', async t => {
  configure('openai')
  const id = await spawn('SAY first', ['-I'])
  t.match(await input(id, 'RECALL'), { code: 0, stdout: 'first you said: SAY first' })
  t.match(await input(id, 'FAIL 400'), { code: 1, stderr: /failed on purpose with 400 \(HTTP 400\)/ })
  t.match(await input(id, 'COUNT', '--end'), { code: 0, stdout: '4 messages' })
  t.match(await zag.go('wait', [id]), { code: 0 })
  t.equal(of(id, 'session_started').length, 1)
  t.match(of(id, 'turn_ended').map(({ success }) => success), [true, true, false, true])
  t.equal(of(id, 'usage').length, 3)
})

t.test('a limit is waited out: at once if it is short, by zag if it is long', async t => {
  configure('openai')
  const short = await exec('LIMIT 1 short')
  t.match(short, { code: 0, stdout: 'the limit is over' })
  t.match(told(short.id).join('\n'), /The usage limit has been reached \(HTTP 429\): tried again/)
  t.same(of(short.id, 'usage_limit_hit'), [])
  const long = await exec('LIMIT 600 long', ['--on-limit', 'fail'])
  t.match(long, { code: 1, stderr: /usage limit: The usage limit has been reached/ })
  const [hit] = of(long.id, 'usage_limit_hit')
  t.ok(Date.parse(String(hit?.reset_at)) > Date.now() + 500_000, 'when it is over is known')
})

t.test('--max-turns: in the last it answers without tools', async t => {
  configure('openai')
  const answered = await exec([1, 2, 3].map(n => call('bash', { command: `echo ${n}` })).join('\n'), ['-a', '--max-turns', '2'])
  t.match(answered, { code: 0, stdout: /you said: This is your last turn, and your tools are gone/ })
  t.equal(of(answered.id, 'tool_call').length, 1)
  t.match(asked().at(-1)?.body, { tool_choice: 'none' })
  for (const api of APIS) {
    configure(api)
    const obstinate = await exec(`LOOP bash {"command":"echo x >>${api}"}`, ['-a', '--max-turns', '2'])
    t.match(obstinate, { code: 1, stderr: /it did not answer within 2 turns: give it more with --max-turns/ })
    t.equal(readFileSync(join(project, api), 'utf8'), 'x\n')
  }
})

t.test('a model that gets nowhere is stopped', async t => {
  configure('openai')
  t.match(await exec('LOOP bash {"command":"echo same"}'), { code: 1, stderr: /the model made the same calls 5 times in a row, with the same results/ })
  t.match(await exec('LOOP dance {"n":1}'), { code: 1, stderr: /5 times in a row the model called what cannot be called, the last time: there is no tool 'dance'/ })
  t.match(await exec('EMPTY'), { code: 0, stdout: /you said: You answered nothing/ })
  t.match(await exec('EMPTY always'), { code: 1, stderr: /the model answered nothing, 3 times in a row/ })
})

t.test('agent: a child of its kind, and of another; its result, its failure, and its end with its parent', async t => {
  configure('openai')
  const { id, stdout } = await exec(call('agent', { prompt: 'SAY from the child', name: 'helper' }))
  t.equal(stdout, 'it gave: from the child')
  const [child] = rows((await zag.go('session', ['list', '--parent', id, '--json'])).stdout.replace(/^\[|\]$/gm, '')) as unknown as Row[][]
  t.match(JSON.stringify(child), /"helper"/)
  t.match(of(id, 'tool_call'), [{ tool: 'agent', tool_kind: 'sub_agent', input: { name: 'helper' } }])
  const failing = await exec(call('agent', { prompt: 'echo so far; exit 3', provider: 'sh' }))
  t.match(failing.stdout, /session .* failed: exit code 3\nso far/)
  const parent = await spawn(call('agent', { prompt: 'sleep 300', provider: 'sh', name: 'sleeper' }))
  const sleeper = await until(async () => {
    const found = await zag.go('status', ['--json', 'sleeper'])
    const row = found.code === 0 ? (rows(found.stdout)[0] as Row) : undefined
    return row?.status === 'running' && row
  })
  t.match(await zag.go('cancel', [parent]), { code: 0 })
  t.match(await zag.go('wait', [sleeper.session_id]), { code: 1 })
  t.match(of(sleeper.session_id, 'session_ended'), [{ status: 'cancelled' }])
  t.notOk(lives(Number(sleeper.pid)))
})

t.test('bash: its end, and what is too long', async t => {
  configure('openai')
  const late = await exec(call('bash', { command: 'echo before; (trap "" TERM; sleep 300) & wait', timeout: 1 }))
  t.match(late.stdout, /before\nit was ended: not done after 1\.0s/)
  const { id, stdout } = await exec(call('bash', { command: 'seq 100000' }))
  const [, path = ''] = /\[… \d+ bytes left out; all \d+ are in (\S+) …\]/.exec(stdout) ?? []
  t.equal(readFileSync(path, 'utf8').split('\n').length, 100_001)
  t.ok(path.startsWith(zag.file(id, 'agent/output')))
  t.ok(stdout.length < 40_000)
  t.match(stdout, /99999\n100000\nexit code 0/)
  t.match(await input(id, call('read', { path, offset: 50_000, limit: 1 })), { stdout: /50000\t50000/ })
})

t.test('bash: what it left in the background lasts as long as the session, or longer if that is wanted', async t => {
  configure('openai')
  const pids = join(zag.home, 'background')
  const prompt = [call('bash', { command: `sleep 300 >/dev/null 2>&1 & echo $! >${pids}` }), call('bash', { command: `kill -0 $(cat ${pids}) && echo alive` })]
  for (const [flags, left] of [
    [['-a'], false],
    [['-a', '--keep-children'], true],
  ] as const) {
    t.match((await exec(prompt.join('\n'), flags)).stdout, /alive/)
    const pid = Number(readFileSync(pids, 'utf8'))
    t.equal(lives(pid), left)
    if (left) process.kill(pid, 'SIGKILL')
  }
})

t.test('read: what is none of its business, or no text', async t => {
  configure('openai')
  mkdirSync(join(zag.home, 'other'), { recursive: true })
  writeFileSync(join(zag.home, 'other/secret'), 'secret')
  symlinkSync(join(zag.home, 'other/secret'), join(project, 'way-out'))
  writeFileSync(join(project, 'binary'), Buffer.from([1, 0, 2]))
  const paths = ['../other/secret', 'way-out', join(zag.home, 'other/secret'), 'binary', 'not-there', '.']
  const { stdout } = await exec(`CALLS ${JSON.stringify(paths.map(path => ['read', { path }]))}`)
  t.notMatch(stdout, /\tsecret/)
  for (const path of paths.slice(0, 3)) t.match(stdout, `'${path}' is not in ${project}`)
  t.match(stdout, /'binary' is no text \(3 bytes\)/)
  t.match(stdout, /there is no 'not-there'/)
  t.match(stdout, /README\.md/)
  const more = await exec(call('read', { path: join(zag.home, 'other/secret') }), ['-a', '--add-dir', join(zag.home, 'other')])
  t.match(more.stdout, /1\tsecret/)
})

t.test('refused: the model is told, and goes on', async t => {
  configure('openai')
  const { id, stdout } = await exec(call('bash', { command: 'touch made' }), ['--deny', 'bash(command=touch*)', '-a'])
  t.match(stdout, /it gave: This was not allowed: the rule bash\(command=touch\*\) refuses it/)
  t.notOk(existsSync(join(project, 'made')))
  t.match(of(id, 'permission'), [{ granted: false, by: 'deny' }])
})

t.test('what is missing or wrong is told before there is a session', async t => {
  const before = zag.ids()
  zag.configure('')
  const go = (flags: string[], variables = {}) => zag.go('exec', ['-p', 'native', ...flags, 'SAY x'], { env: variables })
  t.match(await go(['-m', 'm1']), { code: 127, stderr: /'native' cannot be used: OPENAI_API_KEY is not set, and no endpoint is named: set OPENAI_API_KEY/ })
  t.match(await go([], env), { code: 2, stderr: /needs a model: give --model/ })
  t.match(await go(['-m', 'm1', '--base-url', 'here']), { code: 2, stderr: /--base-url 'here' is no address/ })
  t.match(await go(['-m', 'm1', '--mcp-config', 'x.json'], env), { code: 2, stderr: /has no --mcp-config/ })
  t.match(await zag.go('exec', ['-p', 'sh', '--base-url', 'http://localhost/', 'true']), { code: 2, stderr: /'sh' has no --base-url/ })
  t.match(await go(['--size', 'small'], env), { code: 2, stderr: /set \[models\.native\] small/ })
  for (const [line, why] of [
    ['api = "mine"', /must be 'openai' or 'anthropic'/],
    ['base_url = "here"', /no address/],
    ['key_env = "a b"', /no name of a variable/],
    ['input_price = -1', /must be a number, 0 or more/],
    ['key = "sk"', /no key 'providers\.native\.key'/],
  ] as const) {
    zag.configure(`[providers.native]\n${line}\n`)
    t.match(await go(['-m', 'm1'], env), { code: 2, stderr: why })
  }
  t.same(zag.ids(), before)
  t.ok(readdirSync(zag.home).length > 0)
})

t.test('--base-url and --system-prompt reach the model; an endpoint that is down', async t => {
  zag.configure('[providers.native]\nattempts = 1\n')
  const away = ['-m', 'm2', '--base-url', `${server.url}/v1/`, '-s', 'Speak low German.']
  t.match(await exec('SAY moin', away), { code: 0, stdout: 'moin' })
  t.match(asked().at(-1)?.talk, { model: 'm2' })
  t.match(JSON.stringify(asked().at(-1)?.body), /Speak low German/)
  t.match(await exec('SAY x', ['-m', 'm2', '--base-url', 'http://127.0.0.1:9/v1']), {
    code: 1,
    stderr: /http:\/\/127\.0\.0\.1:9\/v1 cannot be reached, or broke off \(ECONNREFUSED\)/,
  })
})
