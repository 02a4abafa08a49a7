// Codex that lives on: what its lines become, zag's side of the talk, and sessions with a stand-in. The lines in
// test/fixtures/codex/live-*.ndjson were printed by the program itself, version 0.169.0.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test as TapTest } from 'tap'
import { codex } from '../../../lib/provider/codex.js'
import { codexLive } from '../../../lib/provider/codex-live.js'
import type { Exit, Past, Task } from '../../../lib/provider/provider.js'
import { PROGRAMS, TOP, until } from '../../help/run.js'
import { rows, Zag } from '../../help/sessions.js'
import { NO, wireWith, YES } from '../../help/wire.js'

const FIXTURES = join(TOP, 'test/fixtures/codex')
const none: Past = { line: () => undefined, kept: () => undefined }
const livesOn: Exit = { code: null, signal: null, livesOn: true }
const lines = (...all: (string | object)[]) => all.map(line => Buffer.from(typeof line === 'string' ? line : JSON.stringify(line)))

type Fields = Record<string, unknown>

/** What is printed before the first turn of a fixture, and then in each. */
function turnsOf(name: string): Buffer[][] {
  const turns: Buffer[][] = [[]]
  for (const line of readFileSync(join(FIXTURES, `${name}.ndjson`), 'utf8')
    .split('\n')
    .slice(0, -1)) {
    if (line.includes('"result":{"turn":')) turns.push([])
    turns.at(-1)?.push(Buffer.from(line))
  }
  return turns
}

const after = (printed: Buffer[]): Past => ({ line: is => printed.toReversed().find(is), kept: () => undefined })

/** The events of a turn and its verdict; the events are the same whether the lines come together or one by one. */
function read(t: TapTest, all: Buffer[], past = none, exit = livesOn) {
  const [whole, single] = [codexLive.reader(past), codexLive.reader(past)]
  const events: Fields[] = [...whole.out(all), ...(whole.end?.() ?? [])].map(event => ({ ...event }))
  t.same([...all.flatMap(line => single.out([line])), ...(single.end?.() ?? [])], events, 'line by line')
  return { all: events, events: events.filter(({ type }) => type !== 'provider_status'), verdict: whole.verdict(exit), reader: whole }
}

/** A turn of a fixture, by its number. */
function play(t: TapTest, name: string, turn: number) {
  const turns = turnsOf(name)
  return read(t, turns[turn] ?? [], after(turns.slice(0, turn).flat()))
}

const said = (content: string) => ({ type: 'assistant_message', content })
const used = (input_tokens: number, output_tokens: number) => ({
  type: 'usage',
  input_tokens,
  output_tokens,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
})

t.test('a command and a change that were allowed', async t => {
  const shell = { tool_id: 'call_f792640dd8d6a0b470', tool: 'command_execution', tool_kind: 'shell' }
  const first = play(t, 'live-allowed', 1)
  t.same(first.events, [
    said('I will run a command.'),
    { type: 'tool_call', ...shell, input: { command: "/bin/bash -lc 'echo made-by-agent > /tmp/work/made.txt'" } },
    { type: 'tool_result', ...shell, success: true, output: '', exit_code: 0 },
    said('FAKE-OK shell step done'),
    used(19556, 50),
  ])
  t.same(first.verdict, { success: true, result: 'FAKE-OK shell step done', conversation: '01a1fb85-57ff-71b1-a6dc-d7c6909f369d' })
  t.equal(first.reader.through, true)
  const second = play(t, 'live-allowed', 2)
  const edit = { tool: 'file_change', tool_kind: 'file_edit' }
  const change = { path: '/tmp/work/note.txt', kind: { type: 'add' }, diff: 'written-by-agent\n' }
  t.match(second.events, [
    { type: 'tool_call', ...edit, input: { changes: [change] } },
    { type: 'tool_result', ...edit, success: true },
    said('FAKE-OK write step done'),
    used(39565 - 19556, 103 - 50),
  ])
  t.notOk(
    second.all.some(({ message }) => /diff|delta/i.test(String(message))),
    'no pieces',
  )
})

t.test('what was refused: the log has that from whoever answered', async t => {
  t.match(play(t, 'live-denied', 1).events, [
    said('I will run a command.'),
    { type: 'tool_call', tool: 'command_execution' },
    { type: 'tool_result', tool: 'command_execution', success: false, error: 'declined' },
    said('FAKE-OK shell step done'),
    used(19551, 50),
  ])
  const { events, verdict } = play(t, 'live-denied', 2)
  t.match(events[1], { type: 'tool_result', tool: 'file_change', success: false, error: 'declined' })
  t.equal(verdict.success, true)
  const turn = { threadId: 'T', turnId: 'U' }
  const begun = { id: 3, result: { turn: { id: 'U' } } }
  const item = { type: 'commandExecution', id: 'c', command: 'x', status: 'declined', aggregatedOutput: null, exitCode: null }
  t.match(
    read(t, lines(begun, { method: 'item/completed', params: { ...turn, item } })).events,
    [{ type: 'tool_call' }, { type: 'permission', granted: false, by: 'deny' }, { type: 'tool_result' }],
    'refused without a question',
  )
})

t.test('one that was interrupted, and a limit', async t => {
  const first = play(t, 'live-interrupted', 1)
  t.same(first.events, [said('partial answer')], 'what it had said')
  t.match(first.verdict, { success: false, error: 'the turn was interrupted', limit: undefined })
  t.match(play(t, 'live-interrupted', 2).verdict, {
    success: false,
    error: /^You’ve hit your usage limit/,
    limit: { message: /^You’ve hit/, resetAt: Number },
  })
})

t.test('MCP: its calls, and what its servers ask', async t => {
  const tool = { tool: 'mcp__notes__bash', tool_kind: 'other' }
  t.match(play(t, 'live-mcp', 1).events, [
    { type: 'tool_call', ...tool, input: { command: 'hello' } },
    { type: 'tool_result', ...tool, success: true, output: { content: [{ text: 'ran hello' }] } },
    said('it gave: Wall time: 0.0078 seconds\nOutput:\nran hello'),
    { type: 'usage', input_tokens: 2000, output_tokens: 100, cache_read_tokens: 400 },
  ])
  const { all } = play(t, 'live-mcp', 2)
  t.equal(all.filter(({ message }) => message === 'mcpServer/elicitation/request').length, 2)
})

/** A turn that was begun, with what is told in it. */
const told = (...all: [string, object][]) =>
  lines(
    { id: 3, result: { turn: { id: 'U' } } },
    ...all.map(([method, params]) => ({ method, params: { threadId: 'T', turnId: 'U', ...params } })),
  )
const failed = (error: object) => ['turn/completed', { turn: { id: 'U', status: 'failed', error } }] as [string, object]

t.test('limits by the kind of an error, and when they are over by what was told of them', async t => {
  const limits = (primary: object, secondary: object | null = null): [string, object] => [
    'account/rateLimits/updated',
    { turnId: undefined, rateLimits: { primary, secondary } },
  ]
  const limitOf = (...all: [string, object][]) => read(t, told(...all)).verdict.limit
  const error = { message: 'Enough.', codexErrorInfo: 'usageLimitExceeded' }
  t.same(limitOf(failed(error)), { message: 'Enough.' })
  t.same(limitOf(failed({ ...error, codexErrorInfo: { responseTooManyFailedAttempts: { httpStatusCode: 429 } } })), { message: 'Enough.' })
  t.equal(limitOf(failed({ ...error, codexErrorInfo: { responseTooManyFailedAttempts: { httpStatusCode: 500 } } })), undefined)
  t.equal(limitOf(failed({ ...error, codexErrorInfo: 'unauthorized' })), undefined)
  const full = { usedPercent: 100, resetsAt: 2_000_000_000 }
  t.match(limitOf(limits(full, { usedPercent: 20, resetsAt: 3_000_000_000 }), failed(error)), { resetAt: 2_000_000_000_000 })
  t.match(limitOf(limits(full, { usedPercent: 100, resetsAt: 3_000_000_000 }), failed(error)), { resetAt: 3_000_000_000_000 })
  t.same(limitOf(limits({ usedPercent: 99, resetsAt: 1 }), failed(error)), { message: 'Enough.' })
})

t.test('what went wrong, in its words', async t => {
  const errorOf = (all: Buffer[], exit?: Exit) => read(t, all, none, exit).verdict.error
  t.match(errorOf(told(failed({ message: 'unexpected status 401 Unauthorized' }))), /^unexpected status 401 .*\(run 'codex login'/)
  t.equal(errorOf(told(['error', { error: { message: 'Bad luck.' }, willRetry: false }], failed({}))), 'Bad luck.')
  t.equal(errorOf(lines({ id: 3, error: { code: -32600, message: 'Input exceeds the maximum' } })), 'Input exceeds the maximum')
  t.equal(errorOf(lines({ id: 3, error: {} })), 'it refused and did not say why')
  t.equal(errorOf(told(), { code: 7, signal: null, stderr: 'Ouch\n' }), 'no end reported (exit code 7): Ouch')
})

t.test('a network that is not there', async t => {
  const reader = codexLive.reader(none)
  reader.out(told(['error', { error: { message: 'Reconnecting... waiting for network' }, willRetry: true }]))
  t.match(reader, { waiting: true, through: false })
  reader.out(told(['account/rateLimits/updated', { turnId: undefined }]))
  t.equal(reader.waiting, true, 'that is none of its work')
  reader.out(told(['item/started', { item: {} }]))
  t.equal(reader.waiting, false)
})

t.test('tokens: a sum that is told again counts once, and what is of another thread or turn not at all', async t => {
  const sum = (total: number, last: number, more = {}): [string, object] => [
    'thread/tokenUsage/updated',
    { ...more, tokenUsage: { total: { inputTokens: total, outputTokens: total }, last: { inputTokens: last, outputTokens: last } } },
  ]
  const tokens = (all: [string, object][], past?: Past) =>
    read(t, told(...all), past).events.map(({ type, input_tokens }) => (type === 'usage' ? input_tokens : type))
  t.same(tokens([sum(100, 100), sum(100, 100), sum(150, 50)]), [150])
  t.same(tokens([sum(500, 20)]), [20], 'a thread that was gone on with')
  const before = told(sum(480, 80), sum(7, 7, { threadId: 'other' })).slice(1)
  t.same(tokens([sum(500, 20)], after(before)), [20])
  t.same(tokens([sum(480, 80)], after(before)), [], 'it failed before it used any')
  t.same(tokens([sum(500, 20, { turnId: 'other', threadId: 'other' })]), [])
  t.same(tokens([sum(100, 100), ['item/started', {}], sum(150, 50)]), [150])
})

t.test('an agent of its own does not end its turn', async t => {
  const other = { turnId: 'V', threadId: 'W' }
  const item = { type: 'agentMessage', id: 'm', text: 'inner' }
  const over = { turn: { id: 'V', status: 'completed' } }
  const { all, events, reader } = read(
    t,
    told(
      ['item/agentMessage/delta', { ...other, delta: 'x' }],
      ['item/completed', { ...other, item }],
      ['turn/completed', { ...over, turnId: undefined }],
    ),
  )
  t.same(events, [])
  t.same(
    all.map(({ message }) => message),
    ['answer', 'item/completed', 'turn/completed'],
  )
  t.equal(reader.through, false)
  const spawned = {
    type: 'collabAgentToolCall',
    id: 'c',
    tool: 'spawnAgent',
    prompt: 'SAY sub',
    receiverThreadIds: ['W'],
    agentsStates: { W: {} },
  }
  t.match(read(t, told(['item/completed', { item: { ...spawned, status: 'completed' } }])).events, [
    { type: 'tool_call', tool: 'spawn_agent', tool_kind: 'sub_agent', input: { prompt: 'SAY sub', receiver_thread_ids: ['W'] } },
    { type: 'tool_result', success: true, output: { W: {} } },
  ])
})

t.test('nothing is lost and nothing throws', async t => {
  const thought = (fields: object): [string, object] => [
    'item/completed',
    { item: { type: 'reasoning', id: 'r', summary: [], content: [], ...fields } },
  ]
  t.match(read(t, told(thought({ summary: ['I think.', 'More.'] }), thought({ content: ['raw'] }), thought({}))).all.slice(1), [
    { type: 'reasoning', content: 'I think.\nMore.' },
    { type: 'reasoning', content: 'raw' },
    { type: 'provider_status', message: 'reasoning completed' },
  ])
  const picture = { type: 'imageView', id: 'i', path: '/a.png' }
  t.match(read(t, told(['item/completed', { item: picture }])).events[0], {
    tool: 'image_view',
    tool_kind: 'file_read',
    input: { path: '/a.png' },
  })
  const odd = [
    'no JSON',
    '[]',
    {},
    { method: 5 },
    { id: 9, result: 'x' },
    { method: 'new/thing' },
    { method: 'warning', params: { message: 'w\nx' } },
  ]
  const odder = [
    { method: 'item/completed' },
    { method: 'turn/completed', params: { turn: 5 } },
    { method: 'thread/tokenUsage/updated', params: 5 },
  ]
  const { all, verdict } = read(t, lines(...odd, ...odder, { method: 'error' }, { method: 'account/rateLimits/updated' }))
  t.match(all[6], { type: 'provider_status', message: 'w x' })
  t.same(
    all.slice(0, 2).map(({ type }) => type),
    ['parse_warning', 'parse_warning'],
  )
  t.notOk(all.slice(2).some(({ type }) => type !== 'provider_status'))
  t.equal(verdict.success, false)
})

const task: Task = {
  session: 'ID',
  run: 1,
  root: '/',
  cwd: '/',
  promptFile: '/prompt',
  resumed: false,
  flags: {},
  env: {},
  kept: () => undefined,
  keep: name => `/kept/${name}`,
}
const QUIET = ['-c', 'check_for_update_on_startup=false', '-c', 'analytics.enabled=false']

t.test('the command', async t => {
  t.same(codexLive.start(task), { argv: ['codex', 'app-server', ...QUIET], env: {} })
  const mcpConfig = join(t.testdir(), 'mcp.json')
  writeFileSync(mcpConfig, '{"mcpServers":{"web":{"url":"https://x/mcp","headers":{"Authorization":"Bearer k"}}}}')
  t.match(codexLive.start({ ...task, model: 'm', flags: { addDir: ['/a b'], mcpConfig, systemPrompt: 'x' } }), {
    argv: ['codex', 'app-server', ...QUIET, '-c', /^mcp_servers\.web=/],
    env: { CODEX_MCP_HEADER_1_1: 'Bearer k' },
  })
  t.equal(codex.live, codexLive)
})

/** A talk, with what was sent and what was asked. */
async function talk(more: Partial<Task> = {}, wire = wireWith()) {
  const driver = await codexLive.driver({ ...task, ...more }, wire)
  const ask = async (method: string, params: object = {}) => {
    driver.take({ id: 'q', method, params })
    await new Promise(setImmediate)
    return wire.sent.findLast(({ id }) => id === 'q')
  }
  return { ...wire, driver, ask }
}

/** Begins a talk as the program does; what thread/start or thread/resume was told. */
async function begun(more: Partial<Task> = {}) {
  const { driver, sent } = await talk(more)
  const opened = driver.open()
  driver.take({ id: 1, result: {} })
  await new Promise(setImmediate)
  driver.take({ id: 2, result: { thread: { id: 'T' } } })
  return { driver, sent, id: await opened, start: sent[2] as { method: string; params: object } }
}

t.test('how a conversation begins and goes on', async t => {
  const { driver, sent, id } = await begun()
  t.equal(id, 'T')
  driver.prompt('do it')
  t.match(sent, [
    { id: 1, method: 'initialize', params: { clientInfo: { name: 'zag' } } },
    { method: 'initialized' },
    { id: 2, method: 'thread/start', params: { approvalPolicy: 'untrusted', sandbox: undefined, cwd: undefined } },
    { id: 3, method: 'turn/start', params: { threadId: 'T', input: [{ type: 'text', text: 'do it' }] } },
  ])
  driver.take({ id: 3, error: { message: 'no' } })
  const startOf = async (more: Partial<Task>) => (await begun(more)).start
  t.match(await startOf({ model: 'm', flags: { autoApprove: true, systemPrompt: 'Be brief.' } }), {
    params: { approvalPolicy: 'untrusted', sandbox: 'danger-full-access', model: 'm', developerInstructions: 'Be brief.' },
  })
  t.match(await startOf({ decided: true }), { params: { approvalPolicy: 'untrusted', sandbox: 'danger-full-access' } })
  t.match(await startOf({ flags: { plan: true, autoApprove: true } }), { params: { approvalPolicy: 'never', sandbox: 'read-only' } })
  t.match(await startOf({ resumed: true, conversation: 'OLD' }), { method: 'thread/resume', params: { threadId: 'OLD' } })
  t.match(await startOf({ resumed: true }), { method: 'thread/start' })
})

t.test('--add-dir: folders besides those of the user, also where that cannot be asked', async t => {
  const config = (writable_roots: unknown) => ({ result: { config: { sandbox_workspace_write: { writable_roots } } } })
  for (const [answer, all] of [
    [config(['/mine', '/a b']), ['/mine', '/a b', '/more']],
    [config(null), ['/a b', '/more']],
    [{ error: { code: -32601, message: 'no such method' } }, ['/a b', '/more']],
  ] as const) {
    const { driver, sent } = await talk({ flags: { addDir: ['/a b', '/more'] } })
    const opened = driver.open()
    driver.take({ id: 1, result: {} })
    await new Promise(setImmediate)
    t.match(sent.at(-1), { id: 2, method: 'config/read' })
    driver.take({ id: 2, ...answer })
    await new Promise(setImmediate)
    const { params } = sent.at(-1) as { params: Fields }
    t.same(params.config, { 'sandbox_workspace_write.writable_roots': all })
    driver.take({ id: 3, result: { thread: { id: 'T' } } })
    t.equal(await opened, 'T')
  }
})

t.test('a conversation that cannot begin', async t => {
  const refused = async (error: object) => {
    const { driver } = await talk()
    const opened = driver.open()
    driver.take({ id: 1, error })
    await opened
  }
  await t.rejects(refused({ message: 'no' }), { message: 'no' })
  await t.rejects(refused({}), { message: 'it refused and did not say why' })
  const wrapped =
    'error creating thread: Fatal error: Failed to initialize session: required MCP servers failed to initialize: bad: handshaking with MCP server failed: Send message error Transport [a::B<c::D>] error: Broken pipe (os error 32)'
  await t.rejects(refused({ message: wrapped }), {
    message: 'required MCP servers failed to initialize: bad: handshaking with MCP server failed: Broken pipe (os error 32)',
  })
  const { driver } = await talk()
  const opened = driver.open()
  driver.take({ id: 1, result: {} })
  await new Promise(setImmediate)
  driver.take({ id: 2, result: {} })
  await t.rejects(opened, { message: 'it told no thread' })
  driver.take({ id: 99, result: {} })
})

t.test('what it is told when it asks', async t => {
  const COMMAND = 'item/commandExecution/requestApproval'
  const CHANGE = 'item/fileChange/requestApproval'
  const MORE = 'item/permissions/requestApproval'
  const MCP = 'mcpServer/elicitation/request'
  const _meta = { codex_approval_kind: 'mcp_tool_call', tool_name: 'echo', tool_params: { text: 'x' } }
  const call = { serverName: 'notes', message: 'Allow it?', _meta }
  const { driver, asked, ask, later } = await talk()
  t.same(await ask(COMMAND, { itemId: 'i', command: "/bin/bash -lc 'rm -r x'" }), { id: 'q', result: { decision: 'decline' } })
  const item = { type: 'fileChange', id: 'c', changes: [{ path: '/a' }, { path: '/b', kind: { type: 'update', move_path: '/c' } }] }
  driver.take({ method: 'item/started', params: { item } })
  t.same(await ask(CHANGE, { itemId: 'c' }), { id: 'q', result: { decision: 'decline' } })
  driver.take({ method: 'item/completed', params: { item } })
  await ask(CHANGE, { itemId: 'c' })
  t.same(await ask(MORE, { permissions: { network: true } }), { id: 'q', result: { permissions: {}, scope: 'turn' } })
  t.match(await ask(MCP, call), { result: { action: 'decline', content: null } })
  t.same(
    asked.map(({ tool, params, tool_id }) => [tool, params, tool_id]),
    [
      ['bash', { command: 'rm -r x' }, 'i'],
      ['edit', { path: ['/a', '/b', '/c'] }, 'c'],
      ['edit', {}, 'c'],
      ['permissions', { network: true }, undefined],
      ['mcp', { text: 'x', server: 'notes', tool: 'echo' }, undefined],
    ],
  )
  t.equal(later.length, 5)
  t.match(await ask(MCP, { serverName: 'notes', message: 'Your name?' }), { result: { action: 'decline' } })
  t.match(await ask('item/tool/requestUserInput'), { id: 'q', error: { code: -32601, message: 'zag has no item/tool/requestUserInput' } })
  t.equal(asked.length, 5, 'which are no permissions')

  const yes = await talk({}, wireWith(YES))
  t.match(await yes.ask(COMMAND, { command: 'x' }), { result: { decision: 'accept' } })
  t.match(await yes.ask(CHANGE), { result: { decision: 'accept' } })
  t.match(await yes.ask(MORE, { permissions: { network: true } }), { result: { permissions: { network: true } } })
  t.match(await yes.ask(MCP, call), { result: { action: 'accept', content: {} } })
  t.match(await yes.ask(MCP, { message: 'Your name?' }), { result: { action: 'decline' } })
  t.equal(yes.asked.length, 4)
})

t.test('the reason of a refusal goes into the turn, or is left for later', async t => {
  const { driver, sent, later } = await talk({}, wireWith(NO))
  const opened = driver.open()
  driver.take({ id: 1, result: {} })
  await new Promise(setImmediate)
  driver.take({ id: 2, result: { thread: { id: 'T' } } })
  await opened
  const asks = { id: 'q', method: 'item/commandExecution/requestApproval', params: { turnId: 'turn', command: 'x' } }
  driver.take(asks)
  await new Promise(setImmediate)
  const [steer] = sent.filter(({ method }) => method === 'turn/steer')
  const text = 'You were not allowed bash(command=x): not today\nDo without it, or say what you could not do.'
  t.match(steer, { id: /^aside-/, params: { threadId: 'T', expectedTurnId: 'turn', input: [{ type: 'text', text }] } })
  t.match(sent.at(-1), { id: 'q', result: { decision: 'decline' } })
  t.same(later, [])
  driver.take({ id: steer?.id, error: { message: 'no active turn to steer' } })
  await new Promise(setImmediate)
  t.same(later, [NO])
})

t.test('a question that was taken back', async t => {
  const { driver, signals } = await talk({}, wireWith(new Promise(() => {})))
  driver.take({ id: 'q', method: 'item/commandExecution/requestApproval', params: { command: 'x' } })
  driver.take({ method: 'serverRequest/resolved', params: { requestId: 'q' } })
  t.equal(signals[0]?.aborted, true)
})

t.test('sessions that live on', async t => {
  const zag = new Zag(t)
  const argv = join(zag.home, 'argv')
  const env = { PATH: `${PROGRAMS}:${FIXTURES}:${process.env.PATH}`, ARGV: argv }
  let number = 0
  /** A session with a store of its own, and what it answers. */
  const session = async (prompt: string, ...flags: string[]) => {
    number += 1
    const mine = { env: { ...env, THREADS: join(zag.home, `threads-${number}`) } }
    const { stdout, stderr, code } = await zag.go('spawn', ['-p', 'codex', '-I', '--no-ask', ...flags, prompt], mine)
    if (code !== 0) throw new Error(stderr)
    const id = stdout.trim()
    const events = async (...types: string[]) => rows((await zag.go('events', [id, ...types.flatMap(type => ['--type', type])])).stdout)
    const tell = (text: string, ...more: string[]) => zag.go('input', ['--session', id, ...more, text], mine)
    const end = async () => {
      t.match(await zag.go('input', ['--session', id, '--end']), { code: 0 })
      return zag.go('wait', [id])
    }
    return { id, events, tell, end }
  }

  const { id, events, tell, end } = await session('say one')
  t.match(await tell('run rm x'), { code: 0, stdout: /^decline\n?$/ })
  t.match(await tell('count'), { stdout: /^3 here, \{"method":"thread\/start"/ }, 'three turns in one process')
  t.match(await tell('ask new/question'), { stdout: /"code":-32601/ }, 'nothing hangs')
  t.match(await events('permission'), [{ tool: 'bash', granted: false, by: 'deny' }])
  t.match(await events('tool_call', 'tool_result'), [{ tool_id: 'call-2' }, { tool_id: 'call-2', success: false, error: 'declined' }])
  const [started] = await events('session_started')
  process.kill(Number(started?.pid), 'SIGKILL')
  t.match(await tell('recall'), { code: 0, stdout: /^say one\n?$/ })
  t.match(await tell('count'), { stdout: /^2 here, \{"method":"thread\/resume","threadId":"01a1ff57-dbb1-7921-af34-e55d514b9384"/ })
  t.match(await tell('die'), { code: 1, stderr: /no end reported \(exit code 7\)/ })
  t.match(await tell('say after'), { code: 0, stdout: /^after\n?$/ })
  t.match(await end(), { code: 0, stdout: `${id}\tcompleted\n` })
  const { sessions } = JSON.parse((await zag.go('summary', ['--json', id])).stdout)
  t.match(sessions[0], { turns: 8, runs: 1, granted: 0, denied: 1 })
  t.match(readFileSync(argv, 'utf8'), /^app-server\n-c\n/)

  const allowed = await session('run ls', '-a')
  t.match(await allowed.tell('say x'), { code: 0 })
  t.match(await allowed.events('permission'), [{ granted: true, by: 'auto' }])
  t.match(await allowed.events('tool_result'), [{ success: true, output: 'ran', exit_code: 0 }])
  t.match(await allowed.events('usage'), Array(2).fill({ input_tokens: 90, output_tokens: 5, cache_read_tokens: 10 }))
  t.match(await allowed.end(), { code: 0 })

  const limited = await session('say first')
  t.match(await limited.tell('limit'), { code: 0 }, 'it goes on with the turn')
  t.match(await limited.events('usage_limit_hit', 'usage_limit_resumed'), [{ error: 'Enough. Try again in 1s.', reset_at: String }, {}])
  await limited.end()

  const waiting = await session('wait', '--stall', '0.5')
  t.match(await zag.go('wait', [waiting.id]), { code: 1 })
  t.match(await waiting.events('session_ended'), [{ reason: 'stalled', error: 'its agent only waited for 0.5s' }])
  const cancelled = await session('wait')
  await until(async () => (await cancelled.events('provider_status')).some(({ message }) => /Reconnecting/.test(String(message))))
  t.match(await zag.go('cancel', [cancelled.id]), { code: 0 })
  const [begun] = await cancelled.events('session_started')
  t.throws(() => process.kill(Number(begun?.pid), 0), { code: 'ESRCH' })
})
