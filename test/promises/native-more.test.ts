// zag's own agent: its life, its limits, its tools and its configuration, in whichever way of speaking.

import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { APIS, call, scene } from '../help/native.js'
import { lives } from '../help/processes.js'
import { until } from '../help/run.js'
import { type Row, rows } from '../help/sessions.js'

const { server, zag, project, env, of, configure, exec, spawn, input, told, asked } = await scene(t)

t.test('-I: several prompts in one life', async t => {
  configure('openai')
  const id = await spawn('SAY first', ['-I'])
  t.match(await input(id, 'RECALL'), { code: 0, stdout: 'first you said: SAY first' })
  t.match(await input(id, 'FAIL 400'), { code: 1, stderr: /failed on purpose with 400 \(HTTP 400\)/ })
  t.match(await input(id, 'COUNT', '--end'), { code: 0, stdout: '4 messages' })
  t.match(await zag.go('wait', [id]), { code: 0 })
  t.equal(of(id, 'session_started').length, 1)
  t.match(
    of(id, 'turn_ended').map(({ success }) => success),
    [true, true, false, true],
  )
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
  t.match(await exec('LOOP bash {"command":"echo same"}'), {
    code: 1,
    stderr: /the model made the same calls 5 times in a row, with the same results/,
  })
  t.match(await exec('LOOP dance {"n":1}'), {
    code: 1,
    stderr: /5 times in a row the model called what cannot be called, the last time: there is no tool 'dance'/,
  })
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
  const prompt = [
    call('bash', { command: `sleep 300 >/dev/null 2>&1 & echo $! >${pids}` }),
    call('bash', { command: `kill -0 $(cat ${pids}) && echo alive` }),
  ]
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

t.test('it asks, and a rule that comes answers; the next one is not asked', async t => {
  configure('anthropic')
  const id = await spawn(call('bash', { command: 'echo by a rule' }), [])
  await until(() => of(id, 'relay').length > 0)
  t.match(of(id, 'relay'), [{ tool: 'bash', tool_kind: 'shell', params: { command: 'echo by a rule' } }])
  t.equal((await zag.go('status', [id])).stdout, 'waiting\n')
  t.match(await zag.go('allow', ['add', 'bash(command=echo *)'], { cwd: project }), { code: 0 })
  t.match(await zag.go('wait', [id]), { code: 0 })
  t.match((await zag.go('output', [id])).stdout, /it gave: by a rule/)
  const next = await exec(call('bash', { command: 'echo again' }), [])
  t.match(next.stdout, /it gave: again/)
  t.same(of(next.id, 'relay'), [])
  t.match(of(next.id, 'permission'), [{ granted: true, by: 'rule' }])
  t.match(await zag.go('allow', ['remove', 'bash(command=echo *)'], { cwd: project }), { code: 0 })
})

t.test('what is missing or wrong is told before there is a session', async t => {
  const before = zag.ids()
  zag.configure('')
  const go = (flags: string[], variables = {}) => zag.go('exec', ['-p', 'native', ...flags, 'SAY x'], { env: variables })
  t.match(await go(['-m', 'm1']), {
    code: 127,
    stderr: /'native' cannot be used: OPENAI_API_KEY is not set, and no endpoint is named: set OPENAI_API_KEY/,
  })
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
