// opencode: what is on its command line and in its configuration, and what its output comes to. The fixtures are what the program printed.

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { opencode } from '../../../lib/provider/opencode.js'
import type { Exit, Reader, Task, Wishes } from '../../../lib/provider/provider.js'
import { TOP } from '../../help/run.js'
import { rows, Zag } from '../../help/sessions.js'

const fixture = (name: string) => join(TOP, 'test/fixtures/opencode', `${name}.ndjson`)
const linesOf = (name: string) =>
  readFileSync(fixture(name), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => Buffer.from(line))
const line = (fields: object) => Buffer.from(JSON.stringify(fields))
const fresh = () => opencode.reader({ line: () => undefined, kept: () => undefined })
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
  return { events, verdict: reader.verdict(exit) }
}
const said = (content: string) => ({ type: 'assistant_message', content })
const spent = (input_tokens: number, output_tokens: number, cost_usd: number, cache_read_tokens = 0) => ({
  type: 'usage',
  input_tokens,
  output_tokens,
  cache_read_tokens,
  cache_write_tokens: 0,
  cost_usd,
})
/** What each step of the later fixtures spent: 1000 in with 300 from the cache, 50 out with 20 for thoughts. */
const STEP = spent(700, 50, 0.00083, 300)
const ended = (stop_reason: string) => ({ type: 'turn_ended', stop_reason })
const shell = (tool_id: string, command: string, description: string) => ({
  type: 'tool_call',
  tool_id,
  tool: 'bash',
  tool_kind: 'shell',
  input: { command, description },
})
const came = (tool_id: string, of: { output: string } | { error: string }) => ({
  type: 'tool_result',
  tool_id,
  tool: 'bash',
  tool_kind: 'shell',
  success: 'output' in of,
  ...of,
})

t.test('a text', async t => {
  t.same(read('text'), {
    events: ['step_start', said('FAKE-OK hello from the fake model'), spent(7680, 9, 0.007698), ended('stop')],
    verdict: { success: true, result: 'FAKE-OK hello from the fake model', conversation: 'ses_e047a34adffeWNuH8XyxPyewwo' },
  })
})

const MADE = ['echo made-by-agent > /tmp/work/made.txt', 'scripted command'] as const

t.test('a tool: each step says what it spent', async t => {
  const id = 'call_034fba558759e241e2'
  t.same(read('tool').events, [
    'step_start',
    said('I will run a command.'),
    shell(id, ...MADE),
    came(id, { output: '(no output)' }),
    spent(7690, 51, 0.007792),
    'step_start',
    said('FAKE-OK shell step done'),
    spent(7779, 7, 0.007793),
    ended('stop'),
  ])
  t.match(read('tool').verdict, { success: true, result: 'FAKE-OK shell step done' })
})

t.test('a command that fails, and thoughts', async t => {
  const { events } = read('exit-code')
  t.match(events[3], { type: 'tool_result', tool: 'bash', success: false, error: 'out\nerr\n' })
  t.same(read('reasoning').events, [
    'step_start',
    { type: 'reasoning', content: 'thinking hard' },
    said('thought about it'),
    STEP,
    ended('stop'),
  ])
})

t.test('a tool that nobody allowed: it exits with 0, and failed', async t => {
  const id = 'call_ba740b588ff72af709'
  const reason = 'The user rejected permission to use this specific tool call.'
  t.same(read('tool-denied'), {
    events: [
      'step_start',
      said('I will run a command.'),
      shell(id, ...MADE),
      { type: 'permission', tool: 'bash', granted: false, by: 'deny', reason },
      came(id, { error: reason }),
      spent(7690, 51, 0.007792),
    ],
    verdict: {
      success: false,
      error: "it may not use 'bash' and gave up: allow that in its permissions, or give --auto-approve",
      result: 'I will run a command.',
      conversation: 'ses_e047a2352ffeklF0IQaxi1Hdko',
    },
  })
})

t.test('a tool that a rule of its own forbids: the model is told, and goes on', async t => {
  const { events, verdict } = read('forbidden')
  t.match(events[3], {
    type: 'permission',
    tool: 'bash',
    granted: false,
    by: 'deny',
    reason: /^The user has specified a rule which prevents/,
  })
  t.match(verdict, { success: true, result: /^after tool: / })
})

t.test('a limit, with its end if it was told', async t => {
  const message = 'Rate limit reached. Please try again in 1s.'
  t.same(read('error-429', ill), {
    events: [message],
    verdict: {
      success: false,
      error: 'Rate limit reached. Please try again in 1s (HTTP 429)',
      limit: { message, resetAt: 1_795_221_225_551 },
      result: undefined,
      conversation: 'ses_e047a1b84ffesMdlTsq18SB2B8',
    },
  })
  const reset = (responseHeaders?: object, timestamp: unknown = 1000) => {
    const reader = fresh()
    reader.out([line({ type: 'error', timestamp, error: { name: 'APIError', data: { message, statusCode: 429, responseHeaders } } })])
    return reader.verdict(ill).limit?.resetAt
  }
  t.equal(reset({ 'retry-after-ms': '2500', 'retry-after': '9' }), 3500)
  t.equal(reset({ 'retry-after': 'Sat, 21 Nov 2026 00:33:44 GMT' }), 1_795_221_224_000)
  t.same(new Set([reset({ 'retry-after': 'soon' }), reset({}), reset(), reset({ 'retry-after': '1' }, 'now')]), new Set([undefined]))
})

t.test('errors of the API: their words, with a way out where there is one', async t => {
  const error = (name: string, stderr?: string) => read(name, { ...ill, stderr }).verdict.error
  t.equal(error('error-401'), "Incorrect API key provided (HTTP 401): log in with 'opencode auth login'")
  t.equal(
    error('bad-model'),
    "The model 'no-such-model' does not exist or you do not have access to it (HTTP 404): 'opencode models' lists those it knows",
  )
  t.equal(error('error-500'), 'The server had an error (HTTP 500)')
  t.match(read('error-500', ill).verdict, { success: false, limit: undefined, result: undefined })
})

t.test('a model that it does not know: its log says so, its line does not', async t => {
  const log = readFileSync(join(TOP, 'test/fixtures/opencode/unknown-model.stderr'), 'utf8')
  const error = (stderr?: string) => read('unknown-model', { ...ill, stderr }).verdict.error
  t.equal(error(log), "Model not found: fake/nope: 'opencode models' lists those it knows")
  t.equal(error(), 'Unexpected server error. Check server logs for details')
  t.equal(error('ref=err_1 error="other"'), 'Unexpected server error. Check server logs for details')
})

t.test('a conversation that is too long: it is summarised on the way, and exits with 1', async t => {
  const { events, verdict } = read('overflow', ill)
  t.equal(events.filter(event => typeof event === 'object' && event.type === 'assistant_message').length, 2)
  t.equal(events.filter(event => event === 'text').length, 1, 'what it tells the model itself is no answer')
  t.match(verdict, { success: false, error: "This model's maximum context length is 1000 tokens", result: /^you said / })
})

t.test('an answer that was cut off, an empty one, and one that ended otherwise', async t => {
  t.same(read('length').events.slice(-1), [ended('length')])
  t.match(read('length').verdict, { success: true, result: 'cut of' })
  t.match(read('empty').verdict, { success: true, result: undefined })
  const reader = fresh()
  reader.out([...linesOf('text').slice(0, 2), line({ type: 'step_finish', part: { reason: 'other' } })])
  t.match(reader.verdict(well), { success: false, error: "the answer ended with 'other'" })
})

t.test('no step is surely the last: only one that nothing follows', async t => {
  const reader = fresh()
  reader.out(linesOf('text'))
  t.equal(reader.through, undefined)
  reader.out(linesOf('tool').slice(0, 1))
  t.match(reader.verdict({ code: null, signal: 'SIGTERM' }), { success: false, error: 'no end reported (ended by SIGTERM)' })
})

t.test('interrupted: it says nothing', async t => {
  const killed: Exit = { code: null, signal: 'SIGINT' }
  const { events, verdict } = read('sigint', killed)
  t.same(events, ['step_start', said('I will run a command.')])
  t.match(verdict, { success: false, error: 'no end reported (ended by SIGINT)', conversation: /^ses_\w+$/ })
  t.match(fresh().verdict(killed), { success: false, error: 'no end reported (ended by SIGINT)', conversation: undefined })
})

t.test('it could not begin: its own words', async t => {
  const error = (stderr: string) => fresh().verdict({ ...ill, stderr }).error
  t.equal(error('\u001b[91m\u001b[1mError: \u001b[0mSession not found\n'), 'no end reported (exit code 1): Error: Session not found')
  t.match(
    error('Error: Unexpected error\n\nFailed query: \n        CREATE TABLE `workspace` (\n          `id` text\n);\n'),
    /^its store was in use, as happens when copies of it start at once: try again, or set \[providers\.opencode\] stagger in config\.toml$/,
  )
  t.match(error('\u001b[91m\u001b[1mError: \u001b[0mUnexpected error\n\ndatabase is locked\n'), /^its store was in use,/)
})

t.test('line by line gives the same as all at once', async t => {
  for (const name of ['text', 'tool', 'tool-denied', 'error-429', 'overflow', 'unknown-model']) {
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
    { type: 'news', part: 1 },
    { type: 'text' },
    { type: 'text', part: { text: 7 } },
    { type: 'reasoning', part: {} },
    { type: 'tool_use' },
    { type: 'tool_use', part: { tool: 'mine_add', state: { status: 'completed', output: 1 } } },
    { type: 'step_finish', part: { tokens: { input: 'x' } } },
    { type: 'error', sessionID: '--help' },
  ]
  const reader = fresh()
  const events = reader.out([Buffer.from('{"torn'), ...odd.map(line)])
  t.match(events[0], { type: 'parse_warning', raw: '{"torn' })
  const tool = { tool_id: undefined, tool_kind: 'other' }
  const nothing = Object.fromEntries(Object.keys(STEP).map(key => [key, undefined]))
  t.same(told(events).slice(1), [
    'line',
    'news',
    'text',
    'text',
    'reasoning',
    { ...tool, type: 'tool_call', tool: 'unknown', input: undefined },
    { ...tool, type: 'tool_result', tool: 'unknown', success: false, error: 'it failed' },
    { ...tool, type: 'tool_call', tool: 'mine_add', input: undefined },
    { ...tool, type: 'tool_result', tool: 'unknown', success: true, output: 1 },
    { ...nothing, type: 'usage' },
    'it failed',
  ])
  t.match(reader.verdict(well), { success: false, error: 'it failed', conversation: undefined })
})

const folder = t.testdir({
  prompt: 'hello',
  'mcp.json': JSON.stringify({
    mcpServers: {
      a: { command: 'x', args: ['{env:HOME}'], env: { K: 'v' } },
      b: { url: 'http://h/', headers: { Authorization: '{file:/etc/passwd}' } },
    },
  }),
  'broken.json': '{"mcpServers":[]}',
})
const kept = new Map<string, string>()
const task: Task = {
  session: 'ID',
  run: 1,
  root: folder,
  cwd: '/where it is',
  promptFile: join(folder, 'prompt'),
  flags: {},
  env: {},
  resumed: false,
  kept: () => undefined,
  keep(name, text) {
    kept.set(name, text)
    return `/kept/${name}`
  },
}
const launch = (flags: Wishes = {}, more: Partial<Task> = {}) => opencode.launch({ ...task, flags, ...more })
const words = (flags?: Wishes, more?: Partial<Task>) => launch(flags, more).argv.slice(10)

t.test('the command line', async t => {
  t.same(launch(), {
    argv: [
      ...['opencode', 'run', '--format', 'json', '--thinking', '--print-logs', '--log-level', 'ERROR', '--dir', '/where it is'],
      ...['--title', ''],
    ],
    stdin: task.promptFile,
    env: { OPENCODE_DISABLE_AUTOUPDATE: '1' },
    remade: {},
  })
  t.same(words({}, { resumed: true, conversation: 'ses_1' }), ['--session', 'ses_1'])
  t.same(words({}, { resumed: true }), ['--title', ''], 'it never told one: it begins anew')
  t.same(words({}, { conversation: 'ses_1' }), ['--title', ''], 'a first turn that is tried again begins anew')
  t.same(words({ autoApprove: true, plan: true }, { model: 'a/b' }).slice(2), ['-m', 'a/b', '--agent', 'plan', '--auto'])
  t.same(words({ maxTurns: 3 }).slice(2), ['--agent', 'build'])
})

/** The variable with its configuration: what it begins with, and what it says. */
const configured = (flags: Wishes, env: Record<string, string> = {}) => {
  const text = launch(flags, { env }).remade?.OPENCODE_CONFIG_CONTENT ?? ''
  const [head = '', ...rest] = text.split('\n')
  return { text, head, rest: rest.join('\n'), says: rest.length > 0 ? JSON.parse(rest.join('\n')) : undefined }
}

/** Of its own it would run any command. */
const PLANS = { disable: false, mode: 'primary', permission: { edit: 'deny', bash: 'deny' } }

t.test('its configuration', async t => {
  t.same(configured({ systemPrompt: 'be brief' }).says, { instructions: ['/kept/system-prompt.md'] })
  t.equal(kept.get('system-prompt.md'), 'be brief')
  t.same(configured({ addDir: ['/a', '/b/'] }).says, { permission: { external_directory: { '/a/*': 'allow', '/b/*': 'allow' } } })
  t.same(configured({ maxTurns: 3 }).says, { agent: { build: { disable: false, mode: 'primary', steps: 3 } } })
  t.same(configured({ plan: true }).says, { agent: { plan: PLANS } })
  const { rest, says } = configured({ mcpConfig: join(folder, 'mcp.json') })
  t.same(says.mcp, {
    a: { type: 'local', command: ['x', '{env:HOME}'], environment: { K: 'v' }, enabled: true },
    b: { type: 'remote', url: 'http://h/', headers: { Authorization: '{file:/etc/passwd}' }, enabled: true },
  })
  t.notMatch(rest, /\{(?:env|file):/, 'nothing in it stands for something else')
})

t.test('what the user has in the variable stays, and stands for what it did', async t => {
  const theirs = `{ // "mine"
    "permission": "ask", /* , } */
    "instructions": ["{file:./x}", "a // b"],
    "agent": { "build": { "steps": 9, "prompt": "say \\"{env:WORD}\\"" } },
  }`
  const { rest, says } = configured({ addDir: ['/a'], maxTurns: 3, systemPrompt: 'x' }, { OPENCODE_CONFIG_CONTENT: theirs })
  t.same(says, {
    permission: { '*': 'ask', external_directory: { '/a/*': 'allow' } },
    instructions: ['{file:./x}', 'a // b', '/kept/system-prompt.md'],
    agent: { build: { steps: 3, prompt: 'say "{env:WORD}"', disable: false, mode: 'primary' } },
  })
  t.ok(rest.includes('{env:WORD}') && rest.includes('{file:./x}'))
  t.same(launch({}, { env: { OPENCODE_CONFIG_CONTENT: theirs } }).remade, {}, 'without a wish it is left alone')
  t.throws(() => configured({ plan: true }, { OPENCODE_CONFIG_CONTENT: '{"a":' }), {
    exit: 2,
    message: /^OPENCODE_CONFIG_CONTENT is no JSON that could be added to: /,
  })
  const much = JSON.stringify({ username: 'x'.repeat(100_000) })
  t.throws(() => configured({ plan: true }, { OPENCODE_CONFIG_CONTENT: much }), { exit: 2, message: /too much for one variable/ })
})

t.test('started from inside of another, it has nothing of that one', async t => {
  const outer = configured({ systemPrompt: 'outer' }, { OPENCODE_CONFIG_CONTENT: '{"username":"é"}' }).text
  t.same(configured({ plan: true }, { OPENCODE_CONFIG_CONTENT: outer }).says, {
    username: 'é',
    agent: { plan: PLANS },
  })
  t.same(launch({}, { env: { OPENCODE_CONFIG_CONTENT: outer } }).remade, { OPENCODE_CONFIG_CONTENT: '{"username":"é"}' })
  const alone = configured({ systemPrompt: 'outer' }).text
  t.same(launch({}, { env: { OPENCODE_CONFIG_CONTENT: alone } }).remade, { OPENCODE_CONFIG_CONTENT: '' })
})

t.test('what it cannot be started with', async t => {
  const check = (model?: string, flags: Wishes = {}) => opencode.check?.({ prompt: Buffer.from('x'), model, flags })
  check()
  check('a/b/c', {})
  for (const model of ['gpt', '/gpt', 'a/'])
    t.throws(() => check(model), {
      exit: 2,
      message: `opencode has no model '${model}': write it as PROVIDER/MODEL; 'opencode models' lists those it knows`,
    })
  t.throws(() => check('a/b', { mcpConfig: join(folder, 'broken.json') }), { exit: 2, message: /it has no 'mcpServers'/ })
})

t.test('what it can, and what it leaves in the environment', async t => {
  t.same([...opencode.can].sort(), [
    'add_dir',
    'auto_approve',
    'cost',
    'max_turns',
    'mcp_config',
    'model',
    'plan',
    'resume',
    'system_prompt',
  ])
  for (const mark of ['OPENCODE', 'OPENCODE_PID']) t.match(mark, opencode.marks)
  for (const setting of ['OPENCODE_CONFIG', 'OPENCODE_CONFIG_CONTENT', 'OPENCODE_PERMISSION', 'OPENCODE_API_KEY'])
    t.notMatch(setting, opencode.marks)
})

t.test('a session: what it says while it works, and in the next turn by its own id', async t => {
  const zag = new Zag(t, { bin: {} })
  mkdirSync(join(zag.home, 'work'))
  // It prints what the program printed, and writes down what it was given.
  const fake = `#!/bin/sh\nprintf '%s\\n' "$*" "$OPENCODE_CONFIG_CONTENT" "$(cat)" >>${join(zag.home, 'seen')}\ncat ${fixture('tool')}\n`
  writeFileSync(join(zag.home, 'bin/opencode'), fake)
  chmodSync(join(zag.home, 'bin/opencode'), 0o755)
  const PATH = `${join(zag.home, 'bin')}:${process.env.PATH}`
  const flags = ['-p', 'opencode', '--plan', '--env', 'OPENCODE_CONFIG_CONTENT={"username":"me"}']
  const [row] = rows((await zag.go('exec', [...flags, '-o', 'json', 'first thing'], { env: { PATH }, cwd: join(zag.home, 'work') })).stdout)
  t.match(row, { status: 'completed', result: 'FAKE-OK shell step done' })
  const id = String(row?.session_id)
  t.match(await zag.go('input', ['--session', id, 'second thing'], { env: { PATH } }), { code: 0 })
  const seen = readFileSync(join(zag.home, 'seen'), 'utf8').split('\n')
  t.match(seen[0], new RegExp(` --dir ${join(zag.home, 'work')} --title  --agent plan$`))
  t.match(seen[2], /^\{"username":"me","agent":\{"plan"/)
  t.equal(seen[3], 'first thing')
  t.match(seen[4], / --session ses_e047a2b1bffemSuiLmoS1szRJ9 --agent plan$/)
  t.equal(seen[7], 'second thing')
})

t.test('one that lives on is to ask, unless its user said otherwise', async t => {
  const rules = (theirs?: string) =>
    JSON.parse(
      String(
        opencode.live?.start({ ...task, env: theirs === undefined ? {} : { OPENCODE_PERMISSION: theirs } }).remade?.OPENCODE_PERMISSION,
      ),
    )
  t.same(rules(), { bash: 'ask', edit: 'ask' })
  t.same(rules('{"bash":{"git *":"allow"},"webfetch":"deny"}'), { bash: { 'git *': 'allow' }, edit: 'ask', webfetch: 'deny' })
  t.same(rules('"deny"'), { bash: 'ask', edit: 'ask', '*': 'deny' })
  t.match(opencode.live?.start({ ...task, decided: true, env: {} }).remade, { OPENCODE_PERMISSION: /"webfetch":"ask"/ }, 'rules decide')
  t.throws(() => rules('{'), { exit: 2, message: /OPENCODE_PERMISSION is no JSON/ })
})
