// Agents that speak the Agent Client Protocol: one process that is talked with, whatever it says, and however it ends.
//
// The agent is a small one of ours, test/fixtures/acp-agent, which does what its prompt says.

import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lives } from '../help/processes.js'
import { repository } from '../help/repository.js'
import { TOP, until } from '../help/run.js'
import { type Row, rows, Zag } from '../help/sessions.js'

const AGENT = join(TOP, 'test/fixtures/acp-agent')

const zag = new Zag(t)
const project = repository(join(zag.home, 'project'), { 'README.md': 'read me\n' }).top
let stores = 0
const store = () => join(zag.home, `store-${++stores}`)

/** Runs it in the foreground; its row comes with its events, and its end. */
async function exec(prompt: string, flags: string[] = [], env: string[] = []) {
  const variables = [`ACP_STORE=${store()}`, ...env].flatMap(pair => ['--env', pair])
  const ended = await zag.go('exec', ['-p', 'acp', '--agent', AGENT, '-r', project, '--no-ask', ...variables, ...flags, prompt])
  return { ...ended, id: zag.ids().at(-1) as string }
}

async function spawn(prompt: string, flags: string[] = []): Promise<string> {
  const { stdout, stderr, code } = await zag.go('spawn', ['-p', 'acp', '--agent', AGENT, '-r', project, '--no-ask', ...flags, prompt])
  if (code !== 0) throw new Error(`zag-spawn: ${code}: ${stderr}`)
  return stdout.trim()
}

const eventsOf = (id: string) => rows(readFileSync(zag.file(id, 'log.ndjson'), 'utf8'))
const of = (id: string, ...types: string[]) => eventsOf(id).filter(({ type }) => types.includes(String(type)))
const said = (id: string) => of(id, 'assistant_message').map(({ content }) => content)
const rowOf = async (id: string) => rows((await zag.go('status', ['--json', id])).stdout)[0] as Row
const status = async (id: string) => (await rowOf(id)).status
const input = (id: string, text: string, ...flags: string[]) => zag.go('input', ['--session', id, ...flags, text])
/** The lines that the agent printed. */
const printed = (id: string) => rows(readFileSync(zag.file(id, 'stdout'), 'utf8')) as { method?: string; id?: number }[]

t.test('what it says is put together, and is the result; its tokens are told', async t => {
  const { id, ...ended } = await exec('say one two three four five')
  t.match(ended, { code: 0, stdout: 'one two three four five', stderr: '' })
  t.same(said(id), ['one two three four five'])
  t.match(of(id, 'usage'), [{ input_tokens: 10, output_tokens: 1 }])
  t.match(of(id, 'session_ended'), [{ status: 'completed', exit_code: 0 }])
  t.equal((await rowOf(id)).native_id ?? 'conversation-1', 'conversation-1')
})

t.test('a prompt of several lines, and one of a megabyte', async t => {
  t.match(await exec('say one\nsay two'), { code: 0, stdout: 'onetwo' })
  const long = 'ü'.repeat(600_000)
  writeFileSync(join(zag.home, 'long'), `count\nsay x\nnothing ${long}`)
  const { code, stdout } = await zag.go('exec', ['-p', 'acp', '--agent', AGENT, '--file-prompt', join(zag.home, 'long')])
  t.match({ code, stdout }, { code: 0, stdout: '1x' })
})

t.test('it asks: no, unless --auto-approve says yes; chosen by kind, and told where it belongs', async t => {
  const denied = await exec('say before\nask rm -rf /\nsay after')
  t.match(denied, { code: 0, stdout: 'chosen x-1after' })
  const kinds = ['assistant_message', 'tool_call', 'permission', 'tool_result', 'usage', 'session_ended']
  const order = ['assistant_message', 'tool_call', 'permission', 'tool_result', 'assistant_message', 'usage', 'session_ended']
  t.same(
    of(denied.id, ...kinds).map(({ type }) => type),
    order,
  )
  t.match(of(denied.id, 'tool_call', 'permission', 'tool_result'), [
    { tool: 'execute', tool_kind: 'shell', input: { command: 'rm -rf /' }, tool_id: 'call-1' },
    {
      tool: 'bash',
      tool_id: 'call-1',
      granted: false,
      by: 'deny',
      reason: /nobody can be asked about 'bash\(command=rm -rf \/\)': --ask asks/,
    },
    { tool_id: 'call-1', success: false },
  ])
  for (const flag of ['-a', '--auto-approve']) {
    const allowed = await exec('say before\nask rm -rf /\nsay after', [flag])
    t.match(allowed, { code: 0, stdout: 'chosen x-3after' })
    t.same(
      of(allowed.id, ...kinds).map(({ type }) => type),
      order,
    )
    t.match(of(allowed.id, 'permission', 'tool_result'), [
      { granted: true, by: 'auto' },
      { success: true, output: { output: 'chosen x-3' } },
    ])
  }
})

t.test('--plan goes before --auto-approve: an agent that does not plan by itself changes nothing either', async t => {
  const bin = join(zag.home, 'bin')
  mkdirSync(bin)
  symlinkSync(AGENT, join(bin, 'copilot'))
  const args = ['-p', 'copilot', '-r', project, '-I', '--plan', '-a', '--env', `ACP_STORE=${store()}`, 'ask x']
  const { stdout } = await zag.go('spawn', args, { env: { PATH: `${bin}:${process.env.PATH}` } })
  const id = stdout.trim()
  t.match(await input(id, 'recall', '--end'), { code: 0, stdout: 'ask x' })
  t.same(said(id)[0], 'chosen x-1')
  t.match(of(id, 'permission'), [{ granted: false, by: 'deny', reason: /'bash\(command=x\)': --plan only looks/ }])
})

t.test('files: those of the project, and no others, also not through a link', async t => {
  const outside = join(zag.home, 'outside')
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret'), 'secret')
  writeFileSync(join(project, 'notes'), 'notes\nof mine\n')
  symlinkSync(outside, join(project, 'way-out'))
  symlinkSync(join(outside, 'secret'), join(project, 'link'))
  symlinkSync(join(outside, 'to-be-made'), join(project, 'dangling'))
  symlinkSync(join(project, 'notes'), join(project, 'inner'))
  t.match(await exec(`read ${project}/notes`), { code: 0, stdout: 'notes\nof mine\n' })
  t.match(await exec(`read ${project}/inner`), { code: 0, stdout: 'notes\nof mine\n' })
  t.match(await exec(`write ${project}/made by the agent`), { code: 0, stdout: 'written' })
  t.equal(readFileSync(join(project, 'made'), 'utf8'), 'by the agent')
  // Agents look for these words, or the number, to know that they may make the file.
  t.match(await exec(`read ${project}/none`), { stdout: /^error: \{"code":-32002,"message":"Resource not found: / })
  const reads = [
    `${outside}/secret`,
    ...['../outside/secret', 'way-out/secret', 'link', 'dangling'].map(name => `${project}/${name}`),
    '/etc/passwd',
  ]
  const writes = ['way-out/made', 'way-out/secret', 'link', 'dangling', '../made'].map(name => `${project}/${name}`)
  const orders = [...reads.map(path => `read ${path}`), ...writes.map(path => `write ${path} pwned`)]
  const { stdout } = await exec(orders.join('\nsay |\n'))
  const answers = stdout.split('|')
  t.equal(answers.length, orders.length)
  for (const [n, answer] of answers.entries()) t.match(answer, /^error: .*(is not in the project|cannot look at)/, `${orders[n]}`)
  t.equal(readFileSync(join(outside, 'secret'), 'utf8'), 'secret')
  for (const name of ['outside/made', 'outside/to-be-made', 'made']) t.notOk(existsSync(join(zag.home, name)), name)
})

t.test('files: what another session wrote has to be read before it is written over', async t => {
  const shared = join(project, 'shared')
  writeFileSync(shared, 'one')
  const second = await spawn(`read ${shared}`, ['-I', '--name', 'second'])
  await until(() => said(second).length > 0)
  const [unread] = (await exec(`write ${shared} by the first`)).stdout.split('\n')
  t.match(unread, /^error: .*'.*shared' was not read by session [^ ]+: read it first/)
  t.equal(readFileSync(shared, 'utf8'), 'one')
  t.match(await exec(`read ${shared}\nwrite ${shared} by the first`, ['--name', 'first']), { code: 0, stdout: 'onewritten' })
  const { stdout } = await input(second, `write ${shared} by the second\nsay |\nread ${shared}\nsay |\nwrite ${shared} by both`)
  const [refused, read, written] = stdout.trim().split('|')
  t.match(
    refused,
    /^error: .*'.*shared' is not as session \S+ \(second\) read it .*, written by session \S+ \(first\) .* ago: read it again/,
  )
  t.same([read, written], ['by the first', 'written'])
  t.equal(readFileSync(shared, 'utf8'), 'by both')
  // What is there already counts as written: some agents write a file and then tell.
  t.match(await exec(`write ${shared} by both\nwrite ${shared} by me`), { code: 0, stdout: 'writtenwritten' })
  await zag.go('cancel', [second])
})

t.test(
  'files: what another session wrote while a question was open is not written over, also if the agent reads it just before',
  async t => {
    const shared = join(project, 'waited-for')
    writeFileSync(shared, 'one')
    const flags = ['-p', 'acp', '--agent', AGENT, '-r', project, '-I', '--ask', '--name', 'waiting']
    const { stdout } = await zag.go('spawn', [
      ...flags,
      `read ${shared}\nagain ${shared} mine\nsay |\nread ${shared}\nagain ${shared} both`,
    ])
    const id = stdout.trim()
    const open = () =>
      until(async () => rows((await zag.go('relay', ['--json', '--session', id])).stdout)[0]?.relay_id as string | undefined)
    const first = await open()
    t.match(await exec(`read ${shared}\nwrite ${shared} theirs`), { code: 0, stdout: 'onewritten' })
    t.match(await zag.go('approve', [first]), { code: 0 })
    // Nobody else has written meanwhile.
    await until(async () => (await open()) !== first)
    t.match(await zag.go('approve', [await open()]), { code: 0 })
    await until(() => /written$/.test(said(id).join('')))
    t.match(said(id).join(''), /^oneerror: .*'.*waited-for' is not as session \S+ \(waiting\) read it .*: read it again.*\|theirswritten$/)
    t.equal(readFileSync(shared, 'utf8'), 'both')
    await zag.go('cancel', [id])
  },
)

t.test('what cannot be talked with: the reason, and no process', async t => {
  t.match(await exec('say x', [], ['ACP_ODD=version']), {
    code: 1,
    stderr: /it speaks version 2 of the Agent Client Protocol, and zag speaks version 1/,
  })
  t.match(await exec('say x', [], ['ACP_ODD=dies']), {
    code: 1,
    stderr: /cannot be talked with: it ended before it could be told anything \(exit code 7\): no key: log in first/,
  })
  const nonsense = await exec('say x', [], ['ACP_ODD=nonsense'])
  t.match(nonsense, {
    code: 1,
    stderr: /did not begin the conversation within 5\.0s; what it printed is no message: 'Welcome to the agent!'/,
  })
  t.match(of(nonsense.id, 'parse_warning'), [{ raw: 'Welcome to the agent!' }, { raw: 'Press any key' }])
  for (const odd of ['null', 'empty'])
    t.match(await exec('say x', [], [`ACP_ODD=${odd}`]), {
      code: 1,
      stderr: /cannot be talked with: its answer to 'initialize' says no version of the protocol/,
    })
  for (const odd of ['null-session', 'empty-session'])
    t.match(await exec('say x', [], [`ACP_ODD=${odd}`]), {
      code: 1,
      stderr: /cannot be talked with: its answer to 'session\/new' names no conversation/,
    })
  const silent = await exec('say x', ['--stall', '1s'], ['ACP_ODD=silent'])
  t.match(silent, { code: 1, stderr: /wrote nothing for 1.0s/ })
  t.match(of(silent.id, 'session_ended'), [{ status: 'failed', reason: 'stalled' }])
})

t.test('an answer to the prompt that is none: the turn has failed at once', async t => {
  for (const answer of ['{"result":{}}', '{"result":null}', '{"result":{"stopReason":7}}', '{"error":null}', '{}']) {
    const ended = await exec(`say so far\nanswer ${answer}`)
    t.match(ended, { code: 1, stdout: 'so far', stderr: /failed: its answer to the prompt does not say why the turn ended/ }, answer)
    t.same(said(ended.id), ['so far'])
  }
})

t.test('it dies, or falls silent, in mid-turn: what it said until then is there', async t => {
  const died = await exec('say so far\ndie')
  t.match(died, { code: 1, stdout: 'so far', stderr: /no end reported \(exit code 3\)/ })
  t.same(said(died.id), ['so far'])
  const hung = await exec('say so far\nhang', ['--stall', '1s'])
  t.match(hung, { code: 1, stdout: 'so far', stderr: /wrote nothing for 1.0s/ })
  t.same(said(hung.id), ['so far'])
  const failed = await exec('say so far\nfail no such thing')
  t.match(failed, { code: 1, stdout: 'so far', stderr: /no such thing/ })
  t.same(said(failed.id), ['so far'])
})

t.test('a limit: it goes on in a new process, and knows what it was told', async t => {
  zag.configure('[limits]\nfallback = "1ms"\n')
  const { id, ...ended } = await exec('say first\nlimit')
  t.match(ended, { code: 0, stdout: '' })
  t.match(of(id, 'session_ended'), [{ reason: 'limit', error: 'usage limit: You have used up what you may use' }, { status: 'completed' }])
  t.match(of(id, 'user_message'), [{ content: 'say first\nlimit' }, { content: 'Continue', from: 'limit' }])
  t.same(said(id), ['first'], 'what was told again is no news')
  t.match(of(id, 'session_started'), [{ run: 1 }, { run: 2, resumed: true }])
})

t.test('opencode could not begin beside its copies: it is started again, and told once', async t => {
  const busy = `printf 'Error: Unexpected error\\n\\ndatabase is locked\\n' >&2; exit 1`
  writeFileSync(join(zag.home, 'opencode'), `#!/bin/sh\nmkdir "$FIRST" 2>/dev/null && { ${busy}; }\nexec '${AGENT}'\n`, { mode: 0o755 })
  const env = { PATH: `${zag.home}:${process.env.PATH}` }
  const flags = (name: string) => [
    '-p',
    'opencode',
    '-r',
    project,
    '--env',
    `FIRST=${join(zag.home, name)}`,
    '--env',
    `ACP_STORE=${store()}`,
  ]
  const asking = await zag.go('exec', [...flags('asking'), '--ask', 'count'], { env })
  t.match(asking, { code: 0, stdout: '1' })
  const living = (await zag.go('spawn', [...flags('living'), '-I', 'count'], { env })).stdout.trim()
  t.match(await input(living, 'count', '--end'), { code: 0, stdout: '2' })
  t.match(await zag.go('wait', [living]), { code: 0 })
  t.match(of(living, 'session_ended'), [{ run: 1, status: 'completed' }])
  t.match(
    of(living, 'turn_ended').filter(({ success }) => success !== undefined),
    [
      { turn: 1, success: true },
      { turn: 2, success: true },
    ],
  )
  for (const id of [zag.ids().at(-2) as string, living]) {
    const again = of(id, 'provider_status').filter(({ message }) =>
      /^the agent could not begin beside others of its kind/.test(String(message)),
    )
    t.equal(again.length, 1)
  }
})

t.test('-I: a limit is waited out in the same process', async t => {
  const id = await spawn('say first\nlimit', ['-I', '--env', `ACP_STORE=${store()}`])
  t.match(await input(id, 'count'), { code: 0, stdout: '3' })
  t.match(of(id, 'session_started'), [{ run: 1 }])
  t.match(of(id, 'usage_limit_hit', 'usage_limit_resumed', 'turn_ended'), [
    { type: 'usage_limit_hit' },
    { type: 'usage_limit_resumed' },
    { turn: 1, success: true },
    { turn: 2, success: true },
  ])
  t.match(await zag.go('input', ['--session', id, '--end']), { code: 0 })
  t.match(await zag.go('wait', [id]), { code: 0 })
})

t.test('-I: turns in one process; the end of its stdin ends it', async t => {
  const id = await spawn('say first', ['-I', '--env', `ACP_STORE=${store()}`])
  t.match(await input(id, 'count'), { code: 0, stdout: '2' })
  t.match(await input(id, 'ask x\nrecall'), { code: 0, stdout: 'chosen x-1say first' })
  t.match(await input(id, 'fail on purpose'), { code: 1, stderr: /on purpose/ })
  t.match(await input(id, 'count'), { code: 0, stdout: '5' })
  const { pid } = await rowOf(id)
  const [started] = of(id, 'session_started')
  t.ok(lives(Number(pid ?? started?.pid)))
  t.match(await input(id, 'say the last', '--end'), { code: 0, stdout: 'the last' })
  t.match(await zag.go('wait', [id]), { code: 0 })
  t.match(of(id, 'session_ended'), [{ status: 'completed', reason: 'end' }])
  t.notOk(lives(Number(pid ?? started?.pid)))
  t.match(
    of(id, 'turn_ended').map(({ turn, success }) => [turn, success]),
    [1, 2, 3, 4, 5, 6].map(turn => [turn, turn !== 4]),
  )
  t.match(
    of(id, 'usage').map(({ output_tokens }) => output_tokens),
    [1, 2, 3, 5, 6],
  )
  t.equal(printed(id).filter(({ id: of }) => of === 0).length, 1, 'one process')
})

t.test('-I: one that died is started anew and goes on; what it tells again is not told again', async t => {
  const id = await spawn('say first', ['-I', '--env', `ACP_STORE=${store()}`])
  t.match(await input(id, 'die'), { code: 1, stderr: /exit code 3/ })
  t.match(await input(id, 'count\nrecall'), { code: 0, stdout: '1say first' })
  t.same(said(id), ['first', '1say first'])
  t.ok(
    printed(id).some(line => JSON.stringify(line).includes('told be')),
    'it did tell it',
  )
  t.match(await zag.go('cancel', [id]), { code: 0 })
  t.equal(await status(id), 'cancelled')
})

t.test('a session that is over goes on by session/load', async t => {
  const { id } = await exec('say first')
  t.match(await input(id, 'recall'), { code: 0, stdout: 'say first' })
  t.same(said(id), ['first', 'say first'])
  t.match(
    of(id, 'usage').map(({ output_tokens }) => output_tokens),
    [1, 1],
  )
  const forgets = await exec('say first', [], ['ACP_ODD=forgets'])
  t.match(await input(forgets.id, 'recall'), { code: 1, stderr: /it cannot go on with a conversation: it offers neither/ })
})

t.test('cancelled in mid-turn: nothing of it is left', async t => {
  const id = await spawn('say begun\nhang', ['--env', `ACP_STORE=${store()}`])
  await until(() => existsSync(zag.file(id, 'stdout')) && printed(id).some(line => JSON.stringify(line).includes('begun')))
  const [started] = await until(() => of(id, 'session_started').length > 0 && of(id, 'session_started'))
  t.match(await zag.go('cancel', [id]), { code: 0 })
  t.notOk(lives(Number(started?.pid)))
  t.same(said(id), ['begun'])
  t.match(of(id, 'session_ended'), [{ status: 'cancelled' }])
})

t.test('its runner is killed while it works: dead, the agent gone, the log whole and nothing twice', async t => {
  for (const flags of [[], ['-I']]) {
    const id = await spawn('say before\nask x\nsay after\nhang', [...flags, '--env', `ACP_STORE=${store()}`])
    await until(() => existsSync(zag.file(id, 'stdout')) && printed(id).some(line => JSON.stringify(line).includes('after')))
    const { runner_pid } = await rowOf(id)
    process.kill(Number(runner_pid), 'SIGKILL')
    t.match(await zag.go('wait', [id]), { code: 1, stdout: /\tdead\t/ })
    t.notOk(lives(Number(of(id, 'session_started')[0]?.pid)))
    t.same(said(id), ['before', 'chosen x-1after'])
    t.match(await zag.go('output', [id]), { code: 0, stdout: 'chosen x-1after' })
    for (const type of ['tool_call', 'permission', 'tool_result', 'session_ended']) t.equal(of(id, type).length, 1, type)
    t.match(await input(id, 'begun'), { code: 0, stdout: /"sessionId":"conversation-1"/ })
    t.equal(said(id).length, 3, 'it goes on, and nothing is told again')
  }
})

t.test('a line of ten megabytes', async t => {
  const { id, code } = await exec('flood 10000000')
  t.equal(code, 0)
  t.equal(readFileSync(zag.file(id, 'result'), 'utf8'), 'x'.repeat(10_000_000))
  t.equal(said(id).length, 1)
})

t.test('--mcp-config and --model reach it', async t => {
  const servers = {
    here: { command: 'server', args: ['-x'], env: { KEY: 'value' } },
    there: { url: 'http://127.0.0.1:1/', headers: { a: 'b' } },
  }
  writeFileSync(join(project, 'mcp.json'), JSON.stringify({ mcpServers: servers }))
  const { stdout } = await exec('begun', ['--mcp-config', join(project, 'mcp.json'), '--model', 'm-1'])
  t.same(JSON.parse(stdout), {
    cwd: project,
    model: 'm-1',
    mcpServers: [
      { name: 'here', command: 'server', args: ['-x'], env: [{ name: 'KEY', value: 'value' }] },
      { type: 'http', name: 'there', url: 'http://127.0.0.1:1/', headers: [{ name: 'a', value: 'b' }] },
    ],
  })
  writeFileSync(join(project, 'bad.json'), '{')
  t.match(await exec('begun', ['--mcp-config', join(project, 'bad.json')]), { code: 2, stderr: /bad\.json/ })
})

t.test('what is missing or wrong is told before there is a session', async t => {
  const before = zag.ids()
  t.match(await zag.go('exec', ['-p', 'acp', 'say x']), { code: 2, stderr: /needs --agent/ })
  t.match(await zag.go('exec', ['-p', 'acp', '--agent', 'no-such-agent --acp', 'say x']), {
    code: 127,
    stderr: /'no-such-agent', was not found/,
  })
  t.match(await zag.go('exec', ['-p', 'acp', '--agent', join(project, 'notes'), 'say x']), { code: 126, stderr: /may not be executed/ })
  t.match(await zag.go('exec', ['-p', 'sh', '--agent', AGENT, 'true']), { code: 2, stderr: /agent/ })
  t.same(zag.ids(), before)
})
