// Codex: what its lines become, its limits and words, and how it is started. The lines in test/fixtures/codex were printed by
// the program itself, version 0.169.0, but for those that stand here.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test as TapTest } from 'tap'
import { codex } from '../../../lib/provider/codex.js'
import { limitIn } from '../../../lib/provider/codex-words.js'
import type { Exit, Past, Task } from '../../../lib/provider/provider.js'
import { PROGRAMS, TOP } from '../../help/run.js'
import { type Row, rows, Zag } from '../../help/sessions.js'

const FIXTURES = join(TOP, 'test/fixtures/codex')
const none: Past = { line: () => undefined, kept: () => undefined }
const well: Exit = { code: 0, signal: null }
const ill: Exit = { code: 1, signal: null }

const linesOf = (name: string) =>
  lines(
    ...readFileSync(join(FIXTURES, `${name}.ndjson`), 'utf8')
      .split('\n')
      .slice(0, -1),
  )
const lines = (...all: (string | object)[]) => all.map(line => Buffer.from(typeof line === 'string' ? line : JSON.stringify(line)))

/** The events of lines and the verdict; the events are the same whether the lines come together or one by one. */
function read(t: TapTest, all: Buffer[], exit: Exit, past = none) {
  const [whole, single] = [codex.reader(past), codex.reader(past)]
  const events = whole.out(all)
  t.same(
    all.flatMap(line => single.out([line])),
    events,
    'line by line',
  )
  t.same(single.verdict(exit), whole.verdict(exit))
  return { events: events.filter(({ type }) => type !== 'provider_status'), all: events, verdict: whole.verdict(exit) }
}

/** What the fixture comes to. */
const play = (t: TapTest, name: string, exit = well) => read(t, linesOf(name), exit)

const done = (input_tokens: number, output_tokens: number, cache_read_tokens = 0, cache_write_tokens = 0) => [
  { type: 'usage', input_tokens, output_tokens, cache_read_tokens, cache_write_tokens },
  { type: 'turn_ended', stop_reason: 'completed' },
]
const said = (content: string) => ({ type: 'assistant_message', content })

t.test('a text', async t => {
  const { events, all, verdict } = play(t, 'text')
  t.same(events, [said('FAKE-OK hello from the fake model'), ...done(9523, 9)])
  t.same(verdict, { success: true, result: 'FAKE-OK hello from the fake model', conversation: '01a1fb85-4c31-74e3-94ad-44bad974c38a' })
  t.match(all[0], { type: 'provider_status', message: 'thread.started', data: { thread_id: String } })
  t.match(all[1], { type: 'provider_status', message: 'turn.started' })
})

t.test('a command, and one that fails', async t => {
  const tool = { tool_id: 'item_1', tool: 'command_execution', tool_kind: 'shell' }
  const command = "/bin/bash -lc 'echo made-by-agent > /tmp/work/made.txt'"
  t.same(play(t, 'tool').events, [
    said('I will run a command.'),
    { type: 'tool_call', ...tool, input: { command } },
    { type: 'tool_result', ...tool, success: true, output: '', exit_code: 0 },
    said('FAKE-OK shell step done'),
    ...done(19200, 50),
  ])
  t.match(play(t, 'tool-failed').events[2], { type: 'tool_result', ...tool, success: false, error: 'no\n', exit_code: 3 })
  const failed = { type: 'command_execution', id: 'item_1', command: 'x', aggregated_output: '', exit_code: 7, status: 'failed' }
  const [call, result] = codex.reader(none).out(lines({ type: 'item.completed', item: failed }))
  t.match([call, result], [{ type: 'tool_call' }, { success: false, error: 'exit code 7' }], 'one that nothing was said of before')
})

t.test('a change of files, and what was stopped in silence', async t => {
  const tool = { tool_id: 'item_0', tool: 'file_change', tool_kind: 'file_edit' }
  const changes = [{ path: '/tmp/work/note.txt', kind: 'add' }]
  t.same(play(t, 'file-change').events, [
    { type: 'tool_call', ...tool, input: { changes } },
    { type: 'tool_result', ...tool, success: true, output: changes },
    said('FAKE-OK write step done'),
    ...done(19169, 53),
  ])
  const { events, verdict } = play(t, 'tool-denied')
  t.same(events, [said('FAKE-OK write step done'), ...done(19180, 53)], 'the sandbox leaves no item')
  t.equal(verdict.success, true)
})

t.test('MCP servers: a call, one that was refused, one that failed', async t => {
  const tool = { tool_id: 'item_0', tool: 'mcp__notes__echo', tool_kind: 'other' }
  const output = { content: [{ type: 'text', text: '{"t":"x"} undefined ' }], structured_content: null }
  t.same(play(t, 'mcp').events.slice(0, 2), [
    { type: 'tool_call', ...tool, input: { t: 'x' } },
    { type: 'tool_result', ...tool, success: true, output },
  ])
  const error = 'MCP tool call requires approval, but approval policy is never'
  t.same(play(t, 'mcp-denied').events.slice(0, 3), [
    { type: 'tool_call', ...tool, input: { t: 'x' } },
    { type: 'permission', tool: tool.tool, granted: false, by: 'deny', reason: error },
    { type: 'tool_result', ...tool, success: false, error },
  ])
  t.match(play(t, 'mcp-failed').events[1], { type: 'tool_result', tool: 'mcp__notes__bad', success: false, error: 'it broke' })
})

t.test('a search, an agent of its own, a list of tasks, thoughts', async t => {
  t.match(play(t, 'web-search').events, [
    { type: 'tool_call', tool: 'web_search', tool_kind: 'web', input: { query: 'cats' } },
    { type: 'tool_result', tool: 'web_search', success: true },
    said('found'),
  ])
  const started = play(t, 'sub-agent')
  t.match(started.events, [
    { type: 'tool_call', tool: 'spawn_agent', tool_kind: 'sub_agent', input: { prompt: 'SAY sub' } },
    { type: 'tool_result', tool: 'spawn_agent', success: true },
  ])
  t.match(started.all[1], { type: 'provider_status', message: /^Model metadata for `no-such` not found/ }, 'an item that is a warning')
  t.match(play(t, 'reasoning').events, [{ type: 'reasoning', content: 'I think.\nMore.' }, said('thought')])
  const list = (when: string, completed: boolean) => ({
    type: `item.${when}`,
    item: { id: 'item_0', type: 'todo_list', items: [{ text: 'one', completed }] },
  })
  t.match(read(t, lines(list('started', false), list('updated', true), list('completed', true)), ill).all, [
    { type: 'tool_call', tool: 'todo_list', input: { items: [{ text: 'one', completed: false }] } },
    { type: 'provider_status', message: 'item.updated' },
    { type: 'tool_result', tool: 'todo_list', success: true, output: [{ completed: true }] },
  ])
})

t.test('nothing is lost and nothing throws', async t => {
  const odd = ['no JSON', '[]', {}, { type: 'item.completed' }, { type: 'item.completed', item: { id: 'i', type: 'new' } }]
  const odder = [{ type: 'error' }, { type: 'thread.started' }, { type: 'item.started', item: { type: 'web_search' } }]
  const { all, verdict } = read(t, lines(...odd, ...odder, { type: 'item.completed', item: { type: 'agent_message', text: 5 } }), ill)
  t.same(
    all.map(({ type }) => type),
    ['parse_warning', 'parse_warning', ...Array(7).fill('provider_status')],
  )
  t.same(verdict, { success: false, result: undefined, conversation: undefined, error: 'no end reported (exit code 1)' })
  const declined = { id: 'i', type: 'command_execution', command: 'x', aggregated_output: '', exit_code: null, status: 'declined' }
  t.match(read(t, lines({ type: 'item.completed', item: declined }), ill).events, [
    { type: 'tool_call' },
    { type: 'permission', tool: 'command_execution', granted: false },
    { type: 'tool_result', success: false, error: 'declined' },
  ])
  const id = '--last'
  t.equal(
    read(t, lines({ type: 'thread.started', thread_id: id }), ill).verdict.conversation,
    undefined,
    'what is no UUID would begin a new one',
  )
})

t.test('it said nothing, or did not come to an end', async t => {
  t.match(play(t, 'silent').verdict, { success: true, result: undefined })
  t.equal(play(t, 'silent', ill).verdict.error, 'the agent reported success, but exit code 1')
  const { events, verdict } = play(t, 'sigint', ill)
  t.match(events, [{ type: 'tool_call', tool: 'command_execution' }])
  t.match(verdict, { success: false, error: 'no end reported (exit code 1)', conversation: '01a1fb85-5533-70c2-ac54-c9a808ce3300' })
  const errorOf = (stderr: string) => read(t, [], { ...ill, stderr }).verdict.error
  t.equal(
    errorOf('Error: no rollout found\n\nStack backtrace:\n   0: <unknown>\n'),
    'no end reported (exit code 1): Error: no rollout found',
  )
  const wrapped =
    'Error: s: Transport [a::B<c::D>] error: Client error: one: Transport [a::B<c::D>] error: Client error: no way, when (code 1)\n'
  t.equal(errorOf(wrapped), 'no end reported (exit code 1): no MCP server: no way, when (code 1)')
})

t.test('what went wrong, in its words, and what to do', async t => {
  const errorOf = (name: string) => play(t, name, ill).verdict
  t.match(errorOf('bad-model'), {
    success: false,
    error: /^The model 'no-such-model' does not exist .*\('codex debug models' lists/,
    limit: undefined,
  })
  t.match(errorOf('no-key').error, /^Missing environment variable: `FAKE_KEY`\. \(run 'codex login', or set CODEX_API_KEY/)
  t.match(errorOf('error-401').error, /^unexpected status 401 .*\(run 'codex login'/)
  t.equal(errorOf('error-500-retries').error, 'We’re currently experiencing high demand, which may cause temporary errors.')
  const { events, all } = play(t, 'error-500-retries', ill)
  t.match(events, [{ type: 'turn_ended', stop_reason: 'failed', error: /high demand/ }])
  t.match(all[2], { type: 'provider_status', message: /^Reconnecting\.\.\. 1\/2/ }, 'a try is not the end')
  const error = { type: 'error', message: 'Out of luck.' }
  t.equal(read(t, lines(error), ill).verdict.error, 'Out of luck.', 'an error that nothing followed')
})

t.test('a network that is not there', async t => {
  const reader = codex.reader(none)
  reader.out(linesOf('no-network').slice(0, 2))
  t.equal(reader.waiting, false)
  reader.out(linesOf('no-network').slice(2))
  t.match(reader, { waiting: true, through: false })
  reader.out(linesOf('text').slice(2))
  t.match(reader, { waiting: false, through: true })
})

t.test('limits', async t => {
  t.match(play(t, 'error-429', ill).verdict, { error: /^You’ve hit your usage limit/, limit: { message: /^You’ve hit/, resetAt: Number } })
  t.match(play(t, 'error-quota', ill).verdict.limit, { message: 'Quota exceeded. Check your plan and billing details.' })
  t.match(play(t, 'error-429-retries', ill).verdict.limit, { message: 'exceeded retry limit, last status: 429 Too Many Requests' })
  t.equal(play(t, 'error-500-retries', ill).verdict.limit, undefined)
  t.same(limitIn("You've hit your usage limit. Try again later."), { message: "You've hit your usage limit. Try again later." })
  t.equal(
    limitIn("You've hit your usage limit for gpt-6.1-sol. Switch to another model now, or try again at 1:00 AM.")?.scope,
    'gpt-6.1-sol',
  )
  t.ok(limitIn('Your workspace is out of credits. Add credits to continue.'))
})

t.test('when a limit is over: the end of a minute on the clock of this place', async t => {
  const before = process.env.TZ
  t.teardown(() => {
    if (before === undefined) delete process.env.TZ
    else process.env.TZ = before
  })
  const now = Date.parse('2026-11-21T17:30:20Z')
  const over = (words: string, zone: string) => {
    process.env.TZ = zone
    const { resetAt } = limitIn(`You’ve hit your usage limit. Upgrade, or try again ${words}.`, now) ?? {}
    return resetAt === undefined ? undefined : new Date(resetAt).toISOString()
  }
  t.equal(over('at 6:12 PM', 'UTC'), '2026-11-21T18:13:00.000Z')
  t.equal(over('at 7:12 PM', 'Europe/Berlin'), '2026-11-21T18:13:00.000Z')
  t.equal(over('at 5:30 PM', 'UTC'), '2026-11-21T17:31:00.000Z', 'the minute that is not over')
  t.equal(over('at 5:29 PM', 'UTC'), '2026-11-22T17:30:00.000Z')
  t.equal(over('at 12:05 AM', 'UTC'), '2026-11-22T00:06:00.000Z')
  t.equal(over('at 12:05 PM', 'America/New_York'), '2026-11-22T17:06:00.000Z', 'past here, so it is of tomorrow')
  t.equal(over('at Nov 22nd, 2026 12:15 AM', 'Pacific/Chatham'), '2026-11-21T10:31:00.000Z')
  const days = {
    '1st': '01',
    '2nd': '02',
    '3rd': '03',
    '4th': '04',
    '11th': '11',
    '12th': '12',
    '13th': '13',
    '21st': '21',
    '23rd': '23',
    '31st': '31',
  }
  for (const [day, number] of Object.entries(days))
    t.equal(over(`at Dec ${day}, 2026 11:59 PM`, 'UTC'), new Date(Date.parse(`2026-12-${number}T23:59:00Z`) + 60_000).toISOString())
  t.equal(over('in 1m30.5s', 'UTC'), '2026-11-21T17:31:50.500Z')
  t.equal(over('in 20S', 'UTC'), '2026-11-21T17:30:40.000Z')
  t.equal(over('in 999999999999d', 'UTC'), undefined, 'no time at all, and nothing throws')
  t.equal(over('at Foo 1st, 2026 1:00 AM', 'UTC'), undefined)
  t.equal(over('later', 'UTC'), undefined)
})

t.test('tokens: what the sum over the thread grew by since the turn before', async t => {
  const thread = linesOf('thread')
  const after = (printed: Buffer[]): Past => ({ line: is => printed.toReversed().find(is), kept: () => undefined })
  const tokens = (all: Buffer[], past: Past) => read(t, all, well, past).events.filter(({ type }) => type === 'usage')
  const once = done(500, 50, 400, 100).slice(0, 1)
  t.same(tokens(thread.slice(0, 4), none), once)
  t.same(tokens(thread.slice(8), after(thread.slice(0, 8))), once, 'a turn that failed between tells no sum')
  t.same(tokens(thread.slice(8), after([...thread.slice(0, 8), ...linesOf('text')])), once, 'nor is one of another thread')
  t.same(tokens(thread.slice(8), after(linesOf('text'))), done(1000, 100, 800, 200).slice(0, 1))
  const old = { type: 'turn.completed', usage: { input_tokens: 1000, cached_input_tokens: 400, output_tokens: 50 } }
  t.match(tokens(lines(old), none), [{ input_tokens: 600, output_tokens: 50, cache_read_tokens: 400, cache_write_tokens: undefined }])
})

const folder = t.testdir({ prompt: 'x' })
const kept: Record<string, string> = {}
const task: Task = {
  session: 'ID',
  run: 1,
  root: '/',
  cwd: '/',
  promptFile: join(folder, 'prompt'),
  resumed: false,
  flags: {},
  env: {},
  kept: () => undefined,
  keep: (name, text) => {
    kept[name] = text
    return `/kept/${name}`
  },
}
const wordsOf = (more: Partial<Task> = {}) => codex.launch({ ...task, ...more }).argv
const HEAD = ['codex', 'exec', '--json', '--skip-git-repo-check']
const QUIET = ['-c', 'check_for_update_on_startup=false', '-c', 'analytics.enabled=false']

t.test('the command', async t => {
  t.same(wordsOf(), [...HEAD, ...QUIET, '-'])
  t.equal(codex.launch(task).stdin, task.promptFile)
  t.same(wordsOf({ resumed: true, conversation: 'UUID' }), [...HEAD, ...QUIET, 'resume', 'UUID', '-'])
  t.same(wordsOf({ resumed: true }), wordsOf(), 'it never told its thread')
  t.same(wordsOf({ conversation: 'UUID' }), wordsOf())
  const flags = { addDir: ['/a b', '/c'], autoApprove: true, systemPrompt: 'Be "brief".\n\\ \u007f é' }
  t.same(wordsOf({ model: 'm', flags, resumed: true, conversation: 'UUID' }), [
    ...HEAD,
    ...['-m', 'm', '--add-dir', '/a b', '--add-dir', '/c', '--dangerously-bypass-approvals-and-sandbox'],
    ...QUIET,
    ...['-c', 'developer_instructions="Be \\"brief\\".\\n\\\\ \\u007f é"', 'resume', 'UUID', '-'],
  ])
  t.same(wordsOf({ flags: { plan: true, autoApprove: true } }), [...HEAD, '-s', 'read-only', ...QUIET, '-'])
  t.same(wordsOf({ flags: { systemPrompt: '\ud800' } }), [...HEAD, ...QUIET, '-c', 'developer_instructions="\ufffd"', '-'])
})

t.test('MCP servers, with no secret in the argv', async t => {
  const mcpConfig = join(folder, 'mcp.json')
  const servers = (mcpServers: object) => writeFileSync(mcpConfig, JSON.stringify({ mcpServers }))
  servers({
    plain: { command: 'npx', args: ['-y', 'a "b"\n$(c)'] },
    keyed: { command: 'node', args: ['s.js'], env: { KEY: "it's $(x)", OTHER: 'o' } },
    web: { url: 'https://x/mcp', headers: { Authorization: 'Bearer k', 'X-Y': 'z' } },
    open: { type: 'http', url: 'https://y/mcp' },
  })
  const { argv, env } = codex.launch({ ...task, flags: { mcpConfig } })
  t.same(
    argv.filter(word => word.startsWith('mcp_servers.')),
    [
      'mcp_servers.plain={"command" = "npx", "args" = ["-y", "a \\"b\\"\\n$(c)"], "required" = true}',
      'mcp_servers.keyed={"command" = "/bin/sh", "args" = ["/kept/mcp-keyed.sh", "node", "s.js"], "required" = true}',
      'mcp_servers.web={"url" = "https://x/mcp", "env_http_headers" = {"Authorization" = "CODEX_MCP_HEADER_3_1", "X-Y" = "CODEX_MCP_HEADER_3_2"}, "required" = true}',
      'mcp_servers.open={"url" = "https://y/mcp", "required" = true}',
    ],
  )
  t.same(kept, { 'mcp-keyed.sh': `export KEY='it'\\''s $(x)'\nexport OTHER='o'\nexec "$@"\n` })
  t.same(env, { CODEX_MCP_HEADER_3_1: 'Bearer k', CODEX_MCP_HEADER_3_2: 'z' })
  const check = () => codex.check?.({ prompt: Buffer.from('x'), flags: { mcpConfig } })
  check()
  servers({ s: { type: 'sse', url: 'https://x' } })
  t.throws(check, { exit: 2, message: /server 's' speaks sse/ })
  servers({ s: { command: 'x', env: { 'A-B': '1' } } })
  t.throws(check, { exit: 2, message: /'A-B' is no name for a variable/ })
  servers({ s: { command: 'x', args: ['x'.repeat(128 * 1024)] } })
  t.throws(() => wordsOf({ flags: { mcpConfig } }), { exit: 2, message: /^--mcp-config makes a word of \d+ bytes/ })
})

t.test('what it cannot take', async t => {
  const check = (prompt: Buffer, systemPrompt?: string) => codex.check?.({ prompt, flags: { systemPrompt } })
  const most = 1024 * 1024
  check(Buffer.from('é'.repeat(most)))
  check(Buffer.from('😀'.repeat(most)))
  t.throws(() => check(Buffer.from('é'.repeat(most + 1))), {
    exit: 2,
    message: 'the prompt has 1048577 characters, and codex takes 1048576 at most',
  })
  check(Buffer.from('x'), 'x'.repeat(131_000))
  t.throws(() => check(Buffer.from('x'), '\n'.repeat(66_000)), { exit: 2, message: /^--system-prompt makes a word of 132025 bytes/ })
  for (const lacking of ['file', 'max_turns', 'cost'] as const) t.notOk(codex.can.has(lacking), lacking)
})

t.test('what it sets for its commands does not reach a nested one, what a user sets does', async t => {
  const set = ['CODEX_THREAD_ID', 'CODEX_SESSION_ID', 'CODEX_CI', 'CODEX_TOOL_CALL_ID', 'CODEX_MANAGED_BY_NPM', 'CODEX_MCP_HEADER_1_12']
  for (const name of set) t.match(name, codex.marks)
  for (const name of ['CODEX_HOME', 'CODEX_API_KEY', 'CODEX_SANDBOX_NETWORK_DISABLED', 'OPENAI_API_KEY']) t.notMatch(name, codex.marks)
})

t.test('in a session', async t => {
  const zag = new Zag(t)
  const argv = join(zag.home, 'argv')
  const env = { PATH: `${PROGRAMS}:${FIXTURES}:${process.env.PATH}`, ARGV: argv }
  const go = (word: string, ...args: string[]) => zag.go(word, args, { env })
  const run = await go('exec', '-p', 'codex', '-o', 'json', 'thread')
  const { session_id, usage } = rows(run.stdout)[0] as Row
  t.match(run, { code: 0, stderr: '' })
  t.match(usage, { input_tokens: 500, output_tokens: 50 })
  t.match(await go('input', '--session', session_id, 'go on'), { code: 0 })
  t.match(readFileSync(argv, 'utf8'), /\nresume\n01a1ff31-14b0-7433-8329-9f42bd333d94\n-\n$/)
  t.match(rows((await go('summary', session_id, '--json')).stdout), [
    { sessions: [{ usage: { input_tokens: 1000, output_tokens: 100 }, runs: 2 }] },
  ])
  t.equal((await go('output', session_id)).stdout, 'said: SAY two\n after 4')
  const limited = await go('exec', '-p', 'codex', '--on-limit', 'fail', 'error-429-far')
  t.match(limited, { code: 1, stderr: /failed: usage limit: You’ve hit your usage limit/ })
  t.match(await go('exec', '-p', 'codex', '--stall', '0.5', 'no-network'), { code: 1, stderr: /its agent only waited for 0\.5s/ })
  t.match(await go('exec', '-p', 'codex', '--max-turns', '3', 'text'), { code: 2, stderr: /provider 'codex' has no --max-turns/ })
})
