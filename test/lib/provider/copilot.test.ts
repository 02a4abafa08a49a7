// GitHub Copilot CLI: how it is started, and what its output comes to. The lines are those of version 1.0.102.

import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { NewEvent } from '../../../lib/log/events.js'
import { copilot } from '../../../lib/provider/copilot.js'
import type { Exit, Task, Wishes } from '../../../lib/provider/provider.js'
import { rows, Zag } from '../../help/sessions.js'

const FIXTURES = join(import.meta.dirname, '../../fixtures/copilot')
const well = { code: 0, signal: null }
const failed = { code: 1, signal: null }

const linesOf = (name: string) =>
  readFileSync(join(FIXTURES, `${name}.ndjson`), 'utf8')
    .split('\n')
    .map(line => Buffer.from(line))
const asLines = (...lines: object[]) => lines.map(line => Buffer.from(JSON.stringify(line)))

/** What the agent wrote of what it used, by the end of the run and of those before. */
type Files = Record<string, string | undefined>
const used = (input: number, output: number, read = 0, write = 0) =>
  JSON.stringify({
    modelMetrics: { m: { usage: { inputTokens: input, outputTokens: output, cacheReadTokens: read, cacheWriteTokens: write } } },
  })

/** All events of some lines, with those that were held back, and the verdict. */
function read(lines: Buffer[], exit: Exit = well, files: Files = {}) {
  const reader = copilot.reader({ line: () => undefined, kept: name => files[name] })
  const events = [...reader.out(lines), ...(reader.end?.() ?? [])]
  return { events, told: events.filter(({ type }) => type !== 'provider_status'), verdict: reader.verdict(exit), through: reader.through }
}

/** The events of a transcript but for status, and its verdict; the same whether it is read in one go or line by line. */
function transcript(t: Test, name: string, exit?: Exit, files?: Files) {
  const { events, told, verdict } = read(linesOf(name), exit, files)
  const reader = copilot.reader({ line: () => undefined, kept: name => files?.[name] })
  t.same([...linesOf(name).flatMap(line => reader.out([line])), ...(reader.end?.() ?? [])], events, 'line by line')
  t.same(reader.verdict(exit ?? well), verdict)
  return { told, verdict }
}

const text = (content: string, message_id: string): NewEvent => ({ type: 'assistant_message', content, message_id })

t.test('text', async t => {
  const { told, verdict } = transcript(t, 'text', well, { 'used.json': used(100, 12, 40, 7), 'used-before.json': '' })
  t.same(told, [
    text('FAKE-OK hello from the fake model', '65488202-7037-475b-8cd0-9f7e00919ef7'),
    { type: 'usage', input_tokens: 53, output_tokens: 12, cache_read_tokens: 40, cache_write_tokens: 7 },
  ])
  t.same(verdict, { success: true, result: 'FAKE-OK hello from the fake model', conversation: '5816e9be-0f73-4ba9-8899-dc3b72859088' })
})

t.test('what else it says is status: parts of what comes whole, and the prompt, aside', async t => {
  const { events, through } = read(linesOf('text'))
  const messages = events.flatMap(event => (event.type === 'provider_status' ? [event.message] : []))
  t.match(messages, [
    'session.skills_loaded',
    'session.mcp_servers_loaded',
    'session.tools_updated',
    'user.message',
    'assistant.turn_start',
  ])
  t.equal(messages.at(-1), 'result')
  t.notOk(messages.some(message => /delta|message_start/.test(message)))
  t.notMatch(JSON.stringify(events), 'SAY_HELLO')
  t.ok(through, 'it said its last word')
  t.notOk(read(linesOf('text').slice(0, -2)).through)
})

t.test('a tool', async t => {
  const { told, verdict } = transcript(t, 'tool')
  const tool = { tool_id: 'call_7d64e620318330ae90', tool: 'bash', tool_kind: 'shell' }
  t.same(told, [
    text('I will run a command.', '870bb573-9057-4bad-81fe-fa45ab49f09a'),
    { type: 'tool_call', ...tool, input: { command: 'echo made-by-agent > /tmp/work/made.txt', description: 'scripted command' } },
    { type: 'tool_result', ...tool, success: true, output: '\n<shellId: 0 completed with exit code 0>' },
    text('FAKE-OK shell step done', 'b951ea4a-fd3d-40cc-935b-de4ddb470576'),
  ])
  t.match(verdict, { success: true, result: 'FAKE-OK shell step done' })
})

t.test('a tool that was refused', async t => {
  const { told, verdict } = transcript(t, 'tool-denied')
  t.match(told, [
    { type: 'assistant_message' },
    { type: 'tool_call', tool: 'bash' },
    { type: 'permission', tool: 'bash', granted: false, by: 'deny', reason: /^Permission denied because no interactive/ },
    { type: 'tool_result', tool: 'bash', tool_kind: 'shell', success: false, error: /^Permission denied/ },
    { type: 'assistant_message' },
  ])
  t.match(verdict, { success: true })
})

t.test('reasoning is told once', async t => {
  const message = { type: 'assistant.message', data: { messageId: 'm', content: 'so', reasoningText: 'as' } }
  const alone = { type: 'assistant.reasoning', data: { content: 'as' } }
  t.same(read(asLines({ type: 'assistant.reasoning_delta', data: { deltaContent: 'a' } }, message, alone)).told, [
    { type: 'reasoning', content: 'as' },
    text('so', 'm'),
  ])
  t.same(read(asLines(alone)).told, [{ type: 'reasoning', content: 'as' }])
})

t.test('what a helper of it says is status', async t => {
  const lines = [
    { type: 'assistant.message', agentId: 'h', data: { content: 'helped' } },
    { type: 'assistant.message_delta', agentId: 'h', data: { deltaContent: 'helped' } },
    { type: 'session.error', agentId: 'h', data: { errorType: 'rate_limit', message: 'slow' } },
    { type: 'session.background_tasks_changed', agentId: 'h', data: {} },
    { type: 'assistant.message', data: { content: 'done', messageId: 'm' } },
    { type: 'result', exitCode: 0 },
  ]
  const { told, events, verdict } = read(asLines(...lines))
  t.same(told, [text('done', 'm')])
  t.match(events, [{ message: 'sub-agent assistant.message' }])
  t.same(verdict, { success: true, result: 'done', conversation: undefined })
})

t.test('usage: what the sums over the conversation grew by', async t => {
  const spent = (files: Files) => read(asLines({ type: 'result', exitCode: 0 }), well, files).told
  const two = JSON.stringify({
    modelMetrics: { ...JSON.parse(used(300, 30, 100)).modelMetrics, n: { usage: { inputTokens: 5, outputTokens: 'x' } } },
  })
  t.same(spent({ 'used.json': two, 'used-before.json': used(200, 20, 80) }), [
    { type: 'usage', input_tokens: 85, output_tokens: 10, cache_read_tokens: 20, cache_write_tokens: 0 },
  ])
  for (const nothing of [{}, { 'used.json': '' }, { 'used.json': '{"modelMe' }, { 'used.json': '7' }, { 'used.json': used(0, 0) }])
    t.same(spent(nothing), [], JSON.stringify(nothing))
  t.same(read(asLines({ type: 'x' }), well, { 'used.json': used(1, 1) }).told, [], 'nor of one that did not end')
})

t.test('a usage limit', async t => {
  const { told, verdict } = transcript(t, 'error-429', failed)
  t.same(told, [])
  t.same(verdict, {
    success: false,
    error: '429 The usage limit has been reached',
    result: undefined,
    conversation: 'daaa198d-ff40-41bc-8351-a9689dd16c4f',
    limit: { message: '429 The usage limit has been reached' },
  })
  const end = { type: 'result', exitCode: 1 }
  const error = (data: object) => ({ type: 'session.error', timestamp: '2026-11-21T17:00:00.000Z', data: { message: 'no\nmore', ...data } })
  const weekly = error({ errorType: 'rate_limit', errorCode: 'user_weekly_rate_limited' })
  const wait = { type: 'auto_mode_switch.requested', data: { retryAfterSeconds: 90 } }
  t.same(read(asLines(wait, weekly, end), failed).verdict.limit, {
    message: 'no more',
    scope: 'user_weekly_rate_limited',
    resetAt: Date.parse('2026-11-21T17:01:30.000Z'),
  })
  t.match(read(asLines(error({ errorType: 'quota', errorCode: 'quota_exceeded' }), end), failed).verdict.limit, { scope: 'quota_exceeded' })
  t.equal(read(asLines(error({ errorType: 'quota', errorCode: 'billing_not_configured' }), end), failed).verdict.limit, undefined)
  const recovered = [weekly, { type: 'assistant.message', data: { content: 'ok' } }, { type: 'result', exitCode: 0 }]
  t.match(read(asLines(...recovered)).verdict, { success: true, result: 'ok', limit: undefined }, 'it went on by itself')
})

t.test('errors in its own words, with what to do', async t => {
  t.match(transcript(t, 'error-401', failed).verdict, {
    success: false,
    error: /^Authentication failed with provider at .* Check your COPILOT_PROVIDER_API_KEY, .*BEARER_TOKEN\.$/,
    limit: undefined,
  })
  t.match(transcript(t, 'bad-model', failed).verdict, {
    success: false,
    error: /^Model 'no-such-model' not found on provider at .*HTTP 404/,
  })
  const login = { type: 'session.error', data: { errorType: 'authentication', message: 'Bad credentials.' } }
  t.match(read(asLines(login, { type: 'result', exitCode: 1 }), failed).verdict, {
    error: "Bad credentials; log in with 'copilot login', or set COPILOT_GITHUB_TOKEN",
  })
})

t.test('it could not begin: the first line on stderr says why', async t => {
  const said = (...stderr: string[]) => read([], { ...failed, stderr: `\n${stderr.join('\n')}\n` }).verdict.error
  t.equal(
    said('Error: No authentication information found.', '', 'To authenticate, you can use', "  • Run 'gh auth login'"),
    "no end reported (exit code 1): Error: No authentication information found; log in with 'copilot login', or set COPILOT_GITHUB_TOKEN",
  )
  t.equal(
    said("Error: No session, task, or name matched 'x'.", 'To resume'),
    "no end reported (exit code 1): Error: No session, task, or name matched 'x'.",
  )
})

t.test('exit code 0 is no success: interrupted, no end, an end that says otherwise', async t => {
  const { told, verdict } = transcript(t, 'sigint', { code: null, signal: 'SIGINT' })
  t.match(told, [{ type: 'tool_call', tool: 'bash' }])
  t.match(verdict, { success: false, error: /^interrupted \(user_initiated\)/, conversation: '5a9df36a-42c4-448c-9b0c-86648473410a' })
  t.match(read(linesOf('text').slice(0, -2)).verdict, { success: false, error: 'no end reported (exit code 0)' })
  t.match(transcript(t, 'text', failed).verdict, { success: false, error: /reported success, but exit code 1/ })
  t.match(read(asLines({ type: 'result', exitCode: 3 })).verdict, { success: false, error: 'it ended with 3 (exit code 0)' })
})

t.test('a message whose end was not seen is not lost', async t => {
  const delta = (deltaContent: string, messageId = 'm') => ({ type: 'assistant.message_delta', data: { messageId, deltaContent } })
  const killed = { code: null, signal: 'SIGKILL' }
  const { told, verdict } = read(asLines(delta('be', 'before'), delta('be'), delta('gun')), killed)
  t.same(told, [text('begun', 'm')])
  t.match(verdict, { success: false, result: 'begun', error: 'no end reported (ended by SIGKILL)' })
  const torn = read([...asLines(delta('begun')), Buffer.from('{"type":"ass')], killed)
  t.match(torn.told, [text('begun', 'm'), { type: 'parse_warning', raw: '{"type":"ass' }])
})

t.test('stars in place of its key', async t => {
  const end = (line: object) => read(asLines({ type: 'result', ...line })).verdict
  const id = '5816e9be-0f73-4ba9-8899-dc3b72859088'
  t.same(end({ 'e******itCode': 0, 'se******': id }), { success: true, result: undefined, conversation: id })
  t.match(end({ '******C******': 1 }), { success: false, error: 'it ended with 1 (exit code 0)' })
  t.match(
    end({ sessionId: '5816e9be-******-8899-dc3b72859088' }),
    { success: true, conversation: undefined },
    'the exit code is left to go by',
  )
})

t.test('lines it never wrote', async t => {
  const odd = [{}, { type: 7 }, { type: 'news', data: 7 }, { type: 'assistant.message', data: { content: 7 } }, { type: 'session.error' }]
  const { told, events, verdict } = read([...asLines(...odd), Buffer.from('text')])
  t.same(events.length, 6)
  t.match(told, [{ type: 'parse_warning', raw: 'text' }])
  t.match(verdict, { success: false, error: 'error' })
})

const kept: Record<string, string> = {}
const SESSION = '01a1ff27-26ee-703e-aa10-1267f28e66b3'
const task: Task = {
  session: SESSION,
  run: 1,
  root: '/root',
  cwd: '/root',
  promptFile: '/prompt',
  resumed: false,
  flags: {},
  env: {},
  keep(name, content) {
    kept[name] = content
    return `/kept/${name}`
  },
  kept: name => kept[name],
}

t.test('argv', async t => {
  const always = ['copilot', '--output-format', 'json', '--no-auto-update', '--usage-output-file', '/kept/used.json']
  const first = [...always, '--session-id', SESSION]
  const argv = (more: Partial<Task>) => copilot.launch({ ...task, ...more }).argv
  const asked = (flags: Wishes) => argv({ flags })
  t.same(copilot.launch(task), { argv: first, stdin: '/prompt', remade: {} })
  t.same(argv({ model: 'm' }), [...first, '--model', 'm'])
  t.same(argv({ run: 2, resumed: true, conversation: 'c' }), [...always, '--resume=c'])
  t.same(argv({ run: 2, resumed: true }), first, 'it was killed before it told its id')
  t.same(
    argv({ run: 11, conversation: 'c' }),
    [...always, '--session-id', '01a1ff27-26ee-703e-aa10-1267f28e000b'],
    'one more try is a new start',
  )
  t.same(asked({ autoApprove: true }), [...first, '--allow-all'])
  t.same(asked({ plan: true, autoApprove: true }), [...first, '--allow-all', '--plan'])
  t.same(asked({ addDir: ['/a b', '/c'] }), [...first, '--add-dir', '/a b', '--add-dir', '/c'])
})

t.test('what was used before is kept for the next run, as long as it goes on', async t => {
  const files = (more: Partial<Task>, before: Record<string, string>) => {
    Object.assign(kept, { 'used.json': '', 'used-before.json': '' }, before)
    copilot.launch({ ...task, ...more })
    return [kept['used-before.json'], kept['used.json']]
  }
  t.same(files({ resumed: true }, { 'used.json': 'one' }), ['one', ''])
  t.same(files({ resumed: true }, { 'used-before.json': 'one' }), ['one', ''], 'the last run told nothing')
  t.same(files({}, { 'used.json': 'one', 'used-before.json': 'two' }), ['', ''])
})

t.test('a system prompt is a file of instructions, beside those of the user and not of a session around', async t => {
  const folders = (there: string | undefined, flags: Wishes = { systemPrompt: '---\nBe brief.' }, more = {}) =>
    copilot.launch({ ...task, env: { COPILOT_CUSTOM_INSTRUCTIONS_DIRS: there }, flags, ...more }).remade?.COPILOT_CUSTOM_INSTRUCTIONS_DIRS
  t.equal(folders(undefined), '/kept')
  t.equal(kept['system.instructions.md'], '\n---\nBe brief.\n')
  t.equal(folders('/theirs,/too'), '/theirs,/too,/kept')
  const around = `/home/.zag/sessions/${SESSION}/agent`
  t.equal(folders(`/theirs,${around}`), '/theirs,/kept')
  t.equal(folders(`/theirs,${around}`, {}), '/theirs')
  t.equal(folders(around, {}), '')
  t.equal(folders('/theirs', {}), undefined, 'it stays as it is')
  t.throws(() => folders('', undefined, { keep: () => '/a,b/system.instructions.md' }), { exit: 2, message: /no folder with a comma/ })
})

t.test('MCP servers, and what it cannot be started with', async t => {
  const mcpConfig = join(
    t.testdir({
      mcp: '{"mcpServers":{"a":{"command":"c","args":["x"],"env":{"K":"v"}},"b":{"url":"http://h/","headers":{"H":"v"}},"s":{"url":"http://h/","type":"sse"}}}',
    }),
    'mcp',
  )
  t.same(copilot.launch({ ...task, flags: { mcpConfig } }).argv.slice(-2), ['--additional-mcp-config', '@/kept/mcp.json'])
  t.same(JSON.parse(kept['mcp.json'] ?? ''), {
    mcpServers: {
      a: { type: 'local', command: 'c', args: ['x'], env: { K: 'v' }, tools: ['*'] },
      b: { type: 'http', url: 'http://h/', headers: { H: 'v' }, tools: ['*'] },
      s: { type: 'sse', url: 'http://h/', headers: {}, tools: ['*'] },
    },
  })
  const check = (prompt: string, flags: Wishes = {}) => copilot.check?.({ prompt: Buffer.from(prompt), flags })
  check('/etc/hosts', { mcpConfig })
  check('/compactor')
  for (const command of ['/compact', ' /compact now', '/compact\n'])
    t.throws(() => check(command), { exit: 2, message: /begin it with another/ })
  t.throws(() => check('x', { mcpConfig: '/no/such' }), { exit: 5, message: /cannot read '\/no\/such'/ })
})

t.test('what it can, what it leaves to others, and what it marks', async t => {
  t.same([...copilot.can], ['model', 'system_prompt', 'add_dir', 'mcp_config', 'plan', 'auto_approve', 'resume'])
  t.match(copilot, { prompt: 'text', stall: 1_800_000 })
  for (const mark of ['COPILOT_CLI', 'COPILOT_AGENT_SESSION_ID', 'COPILOT_LOADER_PID']) t.match(mark, copilot.marks)
  for (const users of ['COPILOT_MODEL', 'COPILOT_GITHUB_TOKEN', 'COPILOT_HOME', 'COPILOT_CLI_VERSION', 'COPILOT_PROVIDER_BASE_URL'])
    t.notMatch(users, copilot.marks)
})

t.test('a session: what each turn used, by sums over the conversation', async t => {
  const zag = new Zag(t, { bin: {}, sums: { 1: used(100, 10, 40), 2: used(250, 30, 60) } })
  // It writes the next sum where it is told to, and writes down what it was given.
  const fake = `#!/bin/sh
cd ${zag.home}
echo "$*" >>seen
while [ "$1" != --usage-output-file ]; do shift; done
cat sums/$(wc -l <seen) >"$2"
cat ${FIXTURES}/text.ndjson
`
  writeFileSync(join(zag.home, 'bin/copilot'), fake)
  chmodSync(join(zag.home, 'bin/copilot'), 0o755)
  const env = { PATH: `${join(zag.home, 'bin')}:${process.env.PATH}` }
  const [row] = rows((await zag.go('exec', ['-p', 'copilot', '-o', 'json', 'first'], { env })).stdout)
  const id = String(row?.session_id)
  t.match(await zag.go('input', ['--session', id, 'second'], { env }), { code: 0 })
  t.match(rows((await zag.go('events', ['--type', 'usage', id])).stdout), [
    { input_tokens: 60, output_tokens: 10, cache_read_tokens: 40 },
    { input_tokens: 130, output_tokens: 20, cache_read_tokens: 20 },
  ])
  t.match(
    readFileSync(join(zag.home, 'seen'), 'utf8'),
    new RegExp(` --session-id ${id}\n.* --resume=5816e9be-0f73-4ba9-8899-dc3b72859088\n`),
  )
})
