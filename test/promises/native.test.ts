// zag's own agent against a model that answers by a script, in both ways of speaking that it knows.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { APIS, call, KEY, patch, scene } from '../help/native.js'
import { lives } from '../help/processes.js'
import { until } from '../help/run.js'
import { type Row, rows } from '../help/sessions.js'

const { zag, project, events, of, configure, exec, spawn, input, told, asked } = await scene(t)

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
    const meet = (own: string, other: string) => ({
      command: `touch ${own}; until [ -e ${other} ]; do sleep 0.02; done; echo met ${own}`,
      timeout: 20,
    })
    const { id, stdout } = await exec(
      `CALLS ${JSON.stringify([
        ['bash', meet('a', 'b')],
        ['bash', meet('b', 'a')],
      ])}`,
    )
    t.match(stdout, /met a[\s\S]*met b/)
    t.match(
      of(id, 'tool_call', 'tool_result').map(({ type }) => type),
      ['tool_call', 'tool_call', 'tool_result', 'tool_result'],
    )
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
    t.match(await exec('FAIL 401'), {
      code: 1,
      stderr: new RegExp(`refuses the key in ${name} \\(HTTP 401\\): failed on purpose with 401`),
    })
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
    const prompt = [
      'BROKEN bash {"command": oops',
      call('dance', { with: 'me' }),
      call('bash', { cmd: 'ls' }),
      call('read', { path: 7 }),
    ].join('\n')
    const { id, code, stdout } = await exec(prompt)
    t.equal(code, 0)
    t.match(stdout, /the input of bash is no JSON/)
    t.match(stdout, /there is no tool 'dance': you have bash, read, patch, agent/)
    t.match(stdout, /bash needs 'command'/)
    t.match(stdout, /'path' of read must be of type string/)
    t.match(
      of(id, 'tool_result').map(({ success }) => success),
      [false, false, false, false],
    )
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

  t.test(`${api}: cancelled in its second answer: what was used until then is counted`, async t => {
    configure(api)
    const id = await spawn(`${call('bash', { command: 'echo first' })}\nHANG on`)
    await until(() => existsSync(zag.file(id, 'stdout')) && readFileSync(zag.file(id, 'stdout'), 'utf8').includes('I begi'))
    t.match(await zag.go('cancel', [id]), { code: 0 })
    const [used, ...more] = of(id, 'usage')
    t.same(more, [])
    const one = of((await exec('SAY x')).id, 'usage')[0]
    // Anthropic tells at the beginning of an answer what it has read; the other way of speaking tells all at the end.
    const twice = api === 'anthropic' ? 2 : 1
    t.match(used, { input_tokens: Number(one?.input_tokens) * twice, cache_read_tokens: Number(one?.cache_read_tokens) * twice })
    t.ok(Number(used?.output_tokens) >= Number(one?.output_tokens))
    t.ok(Number(used?.cost_usd) > Number(one?.cost_usd) * (twice - 0.9))
  })

  t.test(`${api}: it is killed, and nobody else: its commands end with its turn`, async t => {
    configure(api)
    const pids = join(zag.home, `killed-${api}`)
    const id = await spawn(call('bash', { command: `echo $$ >${pids}; (setsid sleep 300 & echo $! >>${pids}; wait)` }), ['-a', '-I'])
    const all = await until(() => {
      const all = existsSync(pids) ? readFileSync(pids, 'utf8').split('\n').filter(Boolean).map(Number) : []
      return all.length === 2 && all
    })
    const { pid } = (rows((await zag.go('status', ['--json', id])).stdout) as Row[])[0] as Row
    process.kill(Number(pid), 'SIGKILL')
    await until(() => of(id, 'turn_ended').length > 0)
    for (const each of all) t.notOk(lives(each), `process ${each}`)
    t.match(await input(id, 'SAY still here', '--end'), { code: 0, stdout: 'still here' })
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
