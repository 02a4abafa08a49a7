// Claude Code: what is on its command line, and what its output comes to. The fixtures are what the program printed.

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { claude } from '../../../lib/provider/claude.js'
import type { Exit, Reader, Task, Wishes } from '../../../lib/provider/provider.js'
import { TOP } from '../../help/run.js'
import { rows, Zag } from '../../help/sessions.js'

const fixture = (name: string) => join(TOP, 'test/fixtures/claude', `${name}.ndjson`)
const linesOf = (name: string) =>
  readFileSync(fixture(name), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => Buffer.from(line))
const line = (fields: object) => Buffer.from(JSON.stringify(fields))
const fresh = () => claude.reader({ line: () => undefined, kept: () => undefined })
const well: Exit = { code: 0, signal: null }
const ill: Exit = { code: 1, signal: null }

/** Events as told: of a status only what it is, of other ids nothing. */
const told = (events: ReturnType<Reader['out']>) =>
  events.map(event => {
    if (event.type === 'provider_status') return event.message
    const { message_id, ...rest } = event as typeof event & { message_id?: string }
    return rest
  })
const read = (name: string, exit: Exit = well) => {
  const reader = fresh()
  const events = told(reader.out(linesOf(name)))
  return { events, through: reader.through, verdict: reader.verdict(exit) }
}
const said = (content: string) => ({ type: 'assistant_message', content })
const spent = (input: number, output: number, cost_usd: number, [cache_read_tokens, cache_write_tokens] = [0, 0]) => ({
  type: 'usage',
  input_tokens: input,
  output_tokens: output,
  cache_read_tokens,
  cache_write_tokens,
  cost_usd,
})
const ended = (stop_reason: string) => ({ type: 'turn_ended', stop_reason })
const call = (tool_id: string, tool: string, tool_kind: string, input: object) => ({ type: 'tool_call', tool_id, tool, tool_kind, input })
const gave = (tool_id: string, tool: string, tool_kind: string, output: string) => ({
  type: 'tool_result',
  tool_id,
  tool,
  tool_kind,
  success: true,
  output,
})
const failed = (tool_id: string, tool: string, tool_kind: string, error: string) => ({
  type: 'tool_result',
  tool_id,
  tool,
  tool_kind,
  success: false,
  error,
})

t.test('a text', async t => {
  t.same(read('text'), {
    events: ['system init', said('FAKE-OK hello from the fake model'), spent(18_992, 9, 0.09518499999999999), ended('end_turn')],
    through: true,
    verdict: { success: true, result: 'FAKE-OK hello from the fake model', conversation: '06743021-4ab2-471d-9e49-fb49c0248da3' },
  })
})

const MADE = { command: 'echo made-by-agent > /tmp/work/made.txt', description: 'scripted command' }

t.test('a tool', async t => {
  const id = 'toolu_d08eb8443bdb4837f4'
  t.same(read('tool').events, [
    'system init',
    said('I will run a command.'),
    call(id, 'Bash', 'shell', MADE),
    { ...gave(id, 'Bash', 'shell', '(Bash completed with no output)'), details: { stdout: '', stderr: '' } },
    said('FAKE-OK shell step done'),
    spent(38_105, 53, 0.19185),
    ended('end_turn'),
  ])
  t.match(read('tool').verdict, { success: true, result: 'FAKE-OK shell step done' })
})

t.test('thoughts, and a command that fails', async t => {
  t.same(read('thinking').events, [
    'system init',
    'system thinking_tokens',
    { type: 'reasoning', content: 'hmm' },
    said('I look'),
    call('toolu_265_0', 'Bash', 'shell', { command: 'echo err >&2; exit 3' }),
    failed('toolu_265_0', 'Bash', 'shell', 'Exit code 3\nerr'),
    said('done'),
    spent(200, 22, 0.0016675000000000001, [60, 14]),
    ended('end_turn'),
  ])
})

t.test('what the model was not told of the output of a command is kept beside it', async t => {
  const [, , , short, long] = fresh().out(linesOf('shell')) as { output?: string; details?: { stdout: string; stderr: string } }[]
  t.match(short, { output: 'out\nerr', details: undefined })
  t.match(long?.output, /^<persisted-output>/)
  t.match(long?.details, { stdout: /^1\n2\n3\n/, stderr: '' })
})

t.test('a tool of an MCP server', async t => {
  t.same(read('mcp').events.slice(1, 3), [
    call('toolu_91_0', 'mcp__srv__add', 'other', { a: 1 }),
    gave('toolu_91_0', 'mcp__srv__add', 'other', 'five 1'),
  ])
})

t.test('a tool that was denied: once, with what the model was told, and the turn is a success', async t => {
  const id = 'toolu_e3d935211c684b3f92'
  const why =
    "Output redirection to '/tmp/work/made.txt' was blocked. For security, Claude Code may only write to files in the allowed working directories for this session: '/tmp/work'."
  const { events, verdict } = read('tool-denied')
  t.same(events, [
    'system init',
    said('I will run a command.'),
    call(id, 'Bash', 'shell', MADE),
    failed(id, 'Bash', 'shell', why),
    said('FAKE-OK shell step done'),
    { type: 'permission', tool: 'Bash', granted: false, by: 'deny', reason: why },
    spent(38_148, 53, 0.19206499999999999),
    ended('end_turn'),
  ])
  t.match(verdict, { success: true, result: 'FAKE-OK shell step done' })
  const reader = fresh()
  reader.out(linesOf('tool-denied'))
  t.same(told(reader.out(linesOf('tool-denied').slice(-1))), [ended('end_turn')], 'the next result names it again')
})

t.test('limits: of a subscription, with its end; of a key, without', async t => {
  const message = "You've hit your session limit · resets 1:32am (UTC)"
  t.match(read('error-429-subscription', ill), {
    events: ['system init', 'rate_limit_event', 'assistant', ended('error')],
    verdict: { success: false, error: message, limit: { message, scope: 'five_hour', resetAt: 1_795_224_767_000 } },
  })
  const plain = "API Error: Request rejected (429) · This request would exceed your account's rate limit. Please try again later."
  t.same(read('error-429', ill), {
    events: ['system init', 'assistant', ended('error')],
    through: true,
    verdict: {
      success: false,
      error: plain,
      limit: { message: plain },
      result: undefined,
      conversation: '5d8d5c1e-f61b-456b-b760-dcdee65ee315',
    },
  })
})

t.test('a limit that was met before another failure is none of it', async t => {
  const reader = fresh()
  reader.out(linesOf('error-429-subscription').slice(0, 2))
  reader.out(linesOf('error-500').slice(-2))
  t.match(reader.verdict(ill), { error: /^API Error: 500/, limit: undefined })
  const old = fresh()
  old.out([line({ type: 'result', subtype: 'success', is_error: true, result: 'API Error: 429 {"type":"error"}' })])
  t.match(old.verdict(ill), { limit: { message: /^API Error: 429/, resetAt: undefined } }, 'as 2.1.0 says it')
})

t.test('errors of the API: their words, with a way out where there is one', async t => {
  t.same(read('retry-then-ok').events.slice(0, 3), ['system init', 'system api_retry', said('FAKE-OK after one 429')])
  t.match(read('retry-then-ok').verdict, { success: true, limit: undefined })
  t.same(read('error-500', ill).events, ['system init', 'system api_retry', 'assistant', ended('error')])
  const error = (name: string) => read(name, ill).verdict
  t.match(error('error-500'), {
    success: false,
    error: /^API Error: 500 scripted server_error\. .*\(127\.0\.0\.1:4100\)\.$/,
    limit: undefined,
  })
  const login = "(run 'claude' and log in there with /login, or set ANTHROPIC_API_KEY)"
  t.match(error('no-login').error, `Not logged in · Please run /login ${login}`)
  t.match(error('error-401').error, `Failed to authenticate. API Error: 401 said 401 ${login}`)
  t.match(
    error('bad-model').error,
    /^There's an issue with the selected model \(no-such-model\)\. .* \(a model is haiku, sonnet, opus or a full name\)$/,
  )
  t.equal(error('bad-model').result, undefined, 'an error is no answer')
})

t.test('turns that are used up', async t => {
  const { events, verdict } = read('max-turns', ill)
  t.same(events.slice(-2), [spent(19_001, 46, 0.096155), ended('max_turns')])
  t.match(verdict, { success: false, error: 'Reached maximum number of turns (1)', result: 'I will run a command.' })
})

t.test('interrupted: in an answer it exits with 0, in a command with 1; a signal it does not see leaves no end', async t => {
  const answer = read('interrupted')
  t.same(answer.events, ['system init', said('a'.repeat(32)), 'user text', ended('interrupted')])
  t.match(answer.verdict, { success: false, error: 'interrupted (exit code 0)' })
  const command = read('sigint', ill)
  t.same(command.events.slice(-3), ['user text', spent(18_993, 28, 0.095665), ended('interrupted')])
  t.match(command.verdict, { success: false, error: 'interrupted' })
  const { through, verdict } = read('sigterm', { code: 143, signal: null })
  t.equal(through, false)
  t.match(verdict, { success: false, error: 'no end reported (exit code 143)', conversation: '1edef770-1d4c-49cf-8fa6-a25d77775860' })
})

t.test('a conversation that is not there: the one of the session stays what it was', async t => {
  const { verdict } = read('resume-gone', ill)
  t.match(verdict.error, /^No conversation found with session ID: 872e950f-\S+ \(it looks for them by the folder it works in, and .*\)$/)
  t.equal(verdict.conversation, undefined)
})

t.test('a sub-agent: what it does is done, what it says is no answer, what it costs is counted', async t => {
  const prompt = '@@[{"text":"sub runs","tools":[{"name":"Bash","input":{"command":"echo sub"}}]},{"text":"sub answer"}]@@'
  const { events, verdict } = read('sub-agent')
  t.match(events, [
    'system init',
    said('delegating'),
    call('toolu_65_0', 'Agent', 'sub_agent', { description: 'd', prompt, subagent_type: 'general-purpose' }),
    'system task_started',
    'sub-agent user',
    'system task_progress',
    call('toolu_66_0', 'Bash', 'shell', { command: 'echo sub' }),
    gave('toolu_66_0', 'Bash', 'shell', 'sub'),
    'system task_updated',
    'system task_notification',
    { type: 'tool_result', tool: 'Agent', tool_kind: 'sub_agent', output: /^sub answer\n/ },
    said('main answer'),
    spent(400, 44, 0.0033350000000000003, [120, 28]),
    ended('end_turn'),
  ])
  t.equal(verdict.result, 'main answer')
})

t.test('a command left running: the process is not through before it was told of its end, and the last result counts', async t => {
  const reader = fresh()
  const through = linesOf('background-command').map(one => {
    const types = reader.out([one]).map(({ type }) => type)
    return [types.at(-1), reader.through]
  })
  t.same(
    through.filter(([type]) => type === 'turn_ended'),
    [
      ['turn_ended', false],
      ['turn_ended', true],
    ],
  )
  t.same(
    through.slice(0, -1).filter(([, is]) => is),
    [],
    'not between them either',
  )
  const { events, verdict } = read('background-command')
  t.match(
    events.filter(event => typeof event === 'object' && event.type === 'usage'),
    [spent(200, 22, 0.0016675000000000001, [60, 14]), spent(100, 11, 0.0008337499999999999, [30, 7])],
    'each what it added',
  )
  t.match(verdict, { success: true, result: 'saw it' })
})

t.test('a command that it ends itself: nothing comes after that', async t => {
  const [init, call, started, answer, text, result] = linesOf('background-command')
  const reader = fresh()
  reader.out([init, call, started, answer, text, result].flatMap(one => one ?? []))
  t.equal(reader.through, false)
  reader.out([line({ type: 'system', subtype: 'task_notification', task_id: 'b729vbbyj', status: 'stopped' })])
  t.equal(reader.through, true)
})

t.test('an agent left running: its result comes when a second round has begun', async t => {
  const { events, verdict } = read('background-agent')
  t.match(verdict, { success: true, result: 'main later' })
  const usage = events.filter(event => typeof event === 'object' && event.type === 'usage') as { input_tokens: number; cost_usd: number }[]
  t.equal(
    usage.reduce((sum, { input_tokens }) => sum + input_tokens, 0),
    500,
  )
  t.ok(Math.abs(usage.reduce((sum, { cost_usd }) => sum + cost_usd, 0) - 0.00416875) < 1e-9)
  t.equal(events.filter(event => typeof event === 'object' && event.type === 'assistant_message').length, 3)
  const reader = fresh()
  reader.out(linesOf('background-agent').slice(0, -1))
  t.equal(reader.through, false)
})

t.test('line by line gives the same as all at once', async t => {
  for (const name of ['text', 'tool-denied', 'sub-agent', 'background-agent', 'error-429-subscription']) {
    const [whole, single] = [fresh(), fresh()]
    t.same(
      linesOf(name).flatMap(one => single.out([one])),
      whole.out(linesOf(name)),
      name,
    )
    t.same(single.verdict(well), whole.verdict(well))
  }
})

t.test('what it does not know is kept, and harms nothing', async t => {
  const odd = [
    {},
    { type: 'news', x: 1 },
    { type: 'system' },
    { type: 'assistant' },
    { type: 'assistant', message: { content: 'text' } },
    { type: 'assistant', message: { content: [{ type: 'text' }, null, { type: 'server_tool_use' }] } },
    { type: 'user', message: { content: [{ type: 'image' }, { type: 'tool_result' }] } },
    { type: 'rate_limit_event', rate_limit_info: 'x' },
  ]
  const reader = fresh()
  const events = reader.out([Buffer.from('{"torn'), ...odd.map(line)])
  t.same(told(events).slice(1), [
    'unknown line',
    'news',
    'system',
    'assistant',
    'assistant',
    'assistant text',
    'assistant undefined',
    'assistant server_tool_use',
    'user image',
    { type: 'tool_result', tool_id: undefined, tool: 'unknown', tool_kind: 'other', success: true, output: undefined },
    'rate_limit_event',
  ])
  t.match(events[0], { type: 'parse_warning', raw: '{"torn' })
  t.same(told(reader.out([line({ type: 'result', modelUsage: [], permission_denials: 'x' })])), [ended('error')])
  t.match(reader.verdict(well), { success: false, error: 'the agent ended with undefined (exit code 0)' })
})

const folder = t.testdir({
  plain: 'hello',
  slash: '/word of it',
  'typed.json': '{"mcpServers":{"a":{"command":"x"},"b":{"type":"sse","url":"http://h/"}}}',
  'untyped.json': '{"mcpServers":{"a":{"command":"x"},"b":{"url":"http://h/","timeout":5},"c":{"type":"http","url":"http://h/"}},"more":1}',
  'broken.json': '{"mcpServers":[]}',
})
const kept = new Map<string, string>()
const task: Task = {
  session: 'ID',
  run: 1,
  root: folder,
  cwd: folder,
  promptFile: join(folder, 'plain'),
  flags: {},
  env: {},
  resumed: false,
  kept: () => undefined,
  keep(name, text) {
    kept.set(name, text)
    return `/kept/${name}`
  },
}
const launch = (flags: Wishes = {}, more: Partial<Task> = {}) => claude.launch({ ...task, flags, ...more })
const words = (flags?: Wishes, more?: Partial<Task>) => launch(flags, more).argv.slice(5)

t.test('the command line', async t => {
  t.same(launch(), {
    argv: ['claude', '-p', '--output-format', 'stream-json', '--verbose'],
    stdin: task.promptFile,
    env: { DISABLE_AUTOUPDATER: '1' },
  })
  t.same(words({}, { resumed: true, conversation: 'c' }), ['--resume', 'c'])
  t.same(words({}, { resumed: true }), [], 'it never told one: it begins anew')
  t.same(words({}, { conversation: 'c' }), [], 'a first turn that is tried again begins anew')
  t.same(words({}, { model: 'opus' }), ['--model', 'opus'])
  t.same(words({ addDir: ['/a', '/b'], maxTurns: 3, plan: true }), [
    '--add-dir',
    '/a',
    '--add-dir',
    '/b',
    '--max-turns',
    '3',
    '--permission-mode',
    'plan',
  ])
  t.same(words({ systemPrompt: '--be brief' }), ['--append-system-prompt-file', '/kept/system-prompt'])
  t.equal(kept.get('system-prompt'), '--be brief')
})

t.test('--auto-approve: as root too, but no plan writes', async t => {
  const asked = process.getuid
  t.teardown(() => Object.assign(process, { getuid: asked }))
  Object.assign(process, { getuid: () => 0 })
  t.match(launch({ autoApprove: true }), { argv: { 5: '--dangerously-skip-permissions' }, env: { IS_SANDBOX: '1' } })
  t.match(launch({ autoApprove: true, plan: true }), { argv: { 6: 'plan', 7: undefined }, env: { IS_SANDBOX: undefined } })
  Object.assign(process, { getuid: () => 1000 })
  t.match(launch({ autoApprove: true }), { argv: { 5: '--dangerously-skip-permissions' }, env: { IS_SANDBOX: undefined } })
})

t.test('a prompt that begins with /word is no command of its own', async t => {
  t.equal(launch({}, { promptFile: join(folder, 'slash') }).stdin, '/kept/prompt')
  t.equal(kept.get('prompt'), '\n/word of it')
})

t.test('MCP servers: the file as it is, or with the types without which it would leave some out', async t => {
  t.same(words({ mcpConfig: join(folder, 'typed.json') }), ['--mcp-config', join(folder, 'typed.json')])
  t.same(words({ mcpConfig: join(folder, 'untyped.json') }), ['--mcp-config', '/kept/mcp.json'])
  t.same(JSON.parse(kept.get('mcp.json') ?? ''), {
    mcpServers: { a: { command: 'x' }, b: { url: 'http://h/', timeout: 5, type: 'http' }, c: { type: 'http', url: 'http://h/' } },
    more: 1,
  })
})

t.test('what it cannot be started with', async t => {
  const check = (prompt: string | Buffer, flags: Wishes = {}) => claude.check?.({ prompt: Buffer.from(prompt), flags })
  check('x')
  check('')
  t.throws(() => check(' \n'), { exit: 2, message: /the prompt is blank/ })
  const limit = 10 * 1024 * 1024
  check(Buffer.alloc(limit - 1, 'x'))
  check('é'.repeat(limit / 2))
  t.throws(() => check(Buffer.alloc(limit, 'x')), { exit: 2, message: /has 10485760 bytes, and provider 'claude' takes less than 10 MiB/ })
  t.throws(() => check('x', { mcpConfig: join(folder, 'broken.json') }), { exit: 2, message: /it has no 'mcpServers'/ })
  t.throws(() => check('x', { mcpConfig: join(folder, 'nothing') }), { exit: 5, message: /cannot read/ })
})

t.test('what it can, and what it leaves in the environment', async t => {
  t.same([...claude.can].sort(), ['add_dir', 'auto_approve', 'cost', 'max_turns', 'mcp_config', 'model', 'plan', 'resume', 'system_prompt'])
  const marks = ['CLAUDECODE', 'CLAUDE_EFFORT', 'AI_AGENT', 'CLAUDE_CODE_ENTRYPOINT', 'CLAUDE_CODE_SESSION_ID', 'CLAUDE_CODE_CHILD_SESSION']
  for (const mark of marks) t.match(mark, claude.marks)
  const settings = [
    'ANTHROPIC_API_KEY',
    'CLAUDE_CONFIG_DIR',
    'CLAUDE_CODE_OAUTH_TOKEN',
    'CLAUDE_CODE_MAX_RETRIES',
    'CLAUDE_CODE_USE_BEDROCK',
  ]
  for (const setting of settings) t.notMatch(setting, claude.marks, 'what a user sets stays')
})

t.test('with zag: started, resumed, told limits and missing programs', async t => {
  const zag = new Zag(t)
  const bin = join(zag.home, 'bin')
  mkdirSync(bin)
  // It answers as Claude Code does, keeps what it was given, and says how it is called when it is asked for its version.
  const program = `#!/bin/sh
[ "$1" = --version ] && { echo '2.1.197 (Claude Code)'; exit; }
{ printf '%s ' "$@"; echo; cat; echo; env; } >>"$HOME/told"
cat "$HOME/says"
`
  writeFileSync(join(bin, 'claude'), program)
  chmodSync(join(bin, 'claude'), 0o755)
  const env = { PATH: `${bin}:/usr/bin:/bin:${join(TOP, 'dist/bin')}` }
  const says = (name: string) => writeFileSync(join(zag.home, 'says'), readFileSync(fixture(name)))
  const go = (word: string, args: string[], more = {}) => zag.go(word, args, { env: { ...env, ...more } })

  says('tool')
  const { code, stdout } = await go('exec', ['-p', 'claude', '-o', 'json', '--size', 'small', '/a prompt'], {
    CLAUDECODE: '1',
    CLAUDE_CONFIG_DIR: '/c',
  })
  const [row] = rows(stdout)
  t.equal(code, 0)
  t.match(row, { status: 'completed', model: 'haiku', result: 'FAKE-OK shell step done', cost_usd: 0.19185 })
  t.match(row?.usage, { input_tokens: 38_105, output_tokens: 53, cache_read_tokens: 0, cache_write_tokens: 0 })
  const told = readFileSync(join(zag.home, 'told'), 'utf8')
  t.match(told, '-p --output-format stream-json --verbose --model haiku \n\n/a prompt\n')
  t.match(told, /^CLAUDE_CONFIG_DIR=\/c$/m)
  t.notMatch(told, /^CLAUDECODE=/m, 'one inside another starts clean')

  says('text')
  const answer = await go('input', ['--session', String(row?.session_id), 'more'])
  t.match(answer, { code: 0, stdout: 'FAKE-OK hello from the fake model' })
  t.match(readFileSync(join(zag.home, 'told'), 'utf8'), '--resume e828529b-b7f5-4961-9f4f-1d010a8596ba --model haiku \nmore\n')

  const talk = { sessionId: '872e950f-8a0e-4b7b-9d6a-0d5f6f3b9c11', cwd: zag.home, timestamp: '2026-01-02T00:00:00Z' }
  writeFileSync(join(zag.home, 'talk.jsonl'), `${JSON.stringify({ ...talk, type: 'user', message: { role: 'user', content: 'hi' } })}\n`)
  const { stdout: imported } = await go('session', ['import', join(zag.home, 'talk.jsonl')])
  t.match(await go('input', ['--session', imported.trim(), 'go on']), { code: 0 })
  t.match(readFileSync(join(zag.home, 'told'), 'utf8'), `--resume ${talk.sessionId} \ngo on\n`, 'also one that was held without zag')

  says('error-429-subscription')
  const limited = await go('exec', ['-p', 'claude', '--on-limit', 'fail', 'x'])
  t.match(limited, { code: 1, stdout: '', stderr: /usage limit: You've hit your session limit/ })

  const list = rows((await go('providers', ['--json'])).stdout)
  t.match(
    list.find(({ provider }) => provider === 'claude'),
    { usable: true, path: join(bin, 'claude'), version: '2.1.197' },
  )
  const missing = await go('exec', ['-p', 'claude', 'x'], { PATH: '/usr/bin:/bin' })
  t.match(missing, { code: 127, stderr: /'claude' was not found: npm install -g @anthropic-ai\/claude-code\n$/ })
  t.match(await go('exec', ['-p', 'claude', '--file', join(bin, 'claude'), '--mcp-config', 'none', 'x']), { code: 5, stdout: '' })
})
