// Gemini CLI: how it is started, and what its output comes to. The lines are those of version 0.61.0.

import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { NewEvent } from '../../../lib/log/events.js'
import { gemini } from '../../../lib/provider/gemini.js'
import type { Exit, Task } from '../../../lib/provider/provider.js'
import { rows, Zag } from '../../help/sessions.js'

const FIXTURES = join(import.meta.dirname, '../../fixtures/gemini')
const well = { code: 0, signal: null }
const killed = { code: null, signal: 'SIGKILL' }

const linesOf = (name: string) =>
  readFileSync(join(FIXTURES, `${name}.ndjson`), 'utf8')
    .split('\n')
    .map(line => Buffer.from(line))

/** All events of some lines, with those that were held back, and the verdict. */
function read(lines: Buffer[], exit: Exit) {
  const reader = gemini.reader({ line: () => undefined, kept: () => undefined })
  const events = [...reader.out(lines), ...(reader.end?.() ?? [])]
  return { events, verdict: reader.verdict(exit), through: reader.through }
}

/** The events of a transcript but for status, and its verdict; the same whether it is read in one go or line by line. */
function transcript(t: Test, name: string, exit: Exit = well) {
  const { events, verdict } = read(linesOf(name), exit)
  const reader = gemini.reader({ line: () => undefined, kept: () => undefined })
  const singly = [...linesOf(name).flatMap(line => reader.out([line])), ...(reader.end?.() ?? [])]
  t.same(singly, events, 'line by line')
  t.same(reader.verdict(exit), verdict)
  return { events: events.filter(({ type }) => type !== 'provider_status'), verdict }
}

const text = (content: string): NewEvent => ({ type: 'assistant_message', content })

t.test('text: the pieces of a message are one', async t => {
  const { events, verdict } = transcript(t, 'text')
  t.same(events, [text('FAKE-OK hello from the fake model'), { type: 'usage', input_tokens: 8036, output_tokens: 9, cache_read_tokens: 0 }])
  t.same(verdict, { success: true, result: 'FAKE-OK hello from the fake model', conversation: 'ee9859d1-4c53-46bc-b71c-0225c5c8843d' })
})

t.test('what is left of the lines is status, the prompt aside', async t => {
  const { events, through } = read(linesOf('text'), well)
  t.match(
    events.filter(({ type }) => type === 'provider_status'),
    [
      { message: 'init', data: { model: 'gemini-2.5-flash' } },
      { message: 'message of user', data: { content: undefined } },
      { message: 'result' },
    ],
  )
  t.ok(through, 'it said its last word')
  t.notOk(read(linesOf('sigterm'), well).through)
})

t.test('a tool', async t => {
  const { events, verdict } = transcript(t, 'tool')
  const tool = { tool_id: 'run_shell_command__call_04a7059c451ec28272', tool: 'run_shell_command', tool_kind: 'shell' }
  t.same(events, [
    text('I will run a command.'),
    { type: 'tool_call', ...tool, input: { command: 'echo made-by-agent > /tmp/work/made.txt', description: 'scripted command' } },
    { type: 'tool_result', ...tool, success: true, output: '' },
    text('FAKE-OK shell step done'),
    { type: 'usage', input_tokens: 24_094, output_tokens: 56, cache_read_tokens: 0 },
  ])
  t.match(verdict, { success: true, result: 'FAKE-OK shell step done' })
})

t.test('a tool that was not approved is not offered, and refused to a model that calls it all the same', async t => {
  const { events, verdict } = transcript(t, 'tool-denied')
  t.match(events, [
    { content: /^FAKE: tool not offered; offered: .* invoke_agent$/ },
    { type: 'usage', input_tokens: 8045, output_tokens: 36 },
  ])
  t.match(verdict, { success: true })
  const refused = (tool: string, type: string) =>
    read(
      [
        { type: 'tool_use', tool_name: tool, tool_id: '1', parameters: {} },
        { type: 'tool_result', tool_id: '1', status: 'error', output: 'shown', error: { type, message: 'told' } },
      ].map(line => Buffer.from(JSON.stringify(line))),
      well,
    ).events.slice(1)
  const result = { type: 'tool_result', tool_id: '1', success: false, error: 'told' }
  const permission = { type: 'permission', granted: false, by: 'deny', reason: 'told' }
  t.same(refused('write_file', 'tool_not_registered'), [
    { ...permission, tool: 'write_file' },
    { ...result, tool: 'write_file', tool_kind: 'file_write' },
  ])
  t.match(refused('glob', 'policy_violation'), [permission, result])
  t.same(refused('made_up', 'tool_not_registered'), [{ ...result, tool: 'made_up', tool_kind: 'other' }])
  t.match(refused('replace', 'edit_no_occurrence_found'), [{ ...result, tool_kind: 'file_edit' }])
})

t.test('usage: what came from the cache is no input, what was thought is output, nothing is nothing', async t => {
  const spent = (stats: object) =>
    read([Buffer.from(JSON.stringify({ type: 'result', status: 'success', stats }))], well).events.filter(({ type }) => type === 'usage')
  t.same(spent({ total_tokens: 112, input_tokens: 100, output_tokens: 7, cached: 40, input: 60 }), [
    { type: 'usage', input_tokens: 60, output_tokens: 12, cache_read_tokens: 40 },
  ])
  t.same(spent({ total_tokens: 0, input_tokens: 0 }), [])
  t.same(spent({ total_tokens: 'x' }), [])
})

t.test('a usage limit', async t => {
  const { events, verdict } = transcript(t, 'error-429', { code: 173, signal: null })
  t.same(events, [])
  t.match(verdict, {
    success: false,
    error: 'You have exhausted your daily quota on this model.',
    limit: { message: 'You have exhausted your daily quota on this model.', scope: 'daily', resetAt: undefined, unsaid: true },
    conversation: undefined,
  })
  t.match(transcript(t, 'error-429', killed).verdict, { limit: { scope: 'daily' } }, 'its end was not seen')
  const limited = (message: string, stderr = '') => {
    const line = { type: 'result', timestamp: '2026-11-21T17:14:18.092Z', status: 'error', error: { message } }
    return read([Buffer.from(JSON.stringify(line))], { code: 173, signal: null, stderr }).verdict.limit
  }
  const at = (ms: number) => Date.parse('2026-11-21T17:14:18.092Z') + ms
  t.same(limited('[API Error: You exceeded your current quota\nSuggested retry after 3600s.]\nPlease wait'), {
    message: 'You exceeded your current quota Suggested retry after 3600s.',
    resetAt: at(3_600_000),
    unsaid: true,
  })
  t.match(limited('[API Error: Please retry in 1846.5s.]'), { resetAt: at(1_846_500) })
  t.match(limited('[API Error: Slow down]', '{\n  retryDelayMs: 700000,\n  status: 429\n}\n'), {
    message: 'Slow down',
    resetAt: at(700_000),
  })
  t.match(limited('[API Error: Slow down]', '{\n  retryDelayMs: undefined,\n  status: 429\n}\n'), { resetAt: undefined })
})

t.test('what it was told is out of the conversation when nothing came of it but an error', async t => {
  const [init, prompt, ...rest] = linesOf('error-429')
  const conversation = 'e34aeb03-d749-45c8-a15e-4540721a8711'
  const call = { type: 'tool_use', tool_name: 'glob', tool_id: '1', parameters: {} }
  for (const worked of [call, { type: 'message', role: 'assistant', content: 'a', delta: true }]) {
    const lines = [init, prompt, Buffer.from(JSON.stringify(worked)), ...rest] as Buffer[]
    t.match(read(lines, { code: 173, signal: null }).verdict, { conversation, limit: { unsaid: undefined } })
  }
  t.match(read([init, prompt] as Buffer[], killed).verdict, { conversation }, 'one that was killed can go on')
})

t.test('errors in its own words, with what to do', async t => {
  t.match(transcript(t, 'error-401', { code: 145, signal: null }).verdict, {
    success: false,
    error: "scripted auth (401 UNAUTHENTICATED); run 'gemini' in a terminal to log in, or set GEMINI_API_KEY",
    limit: undefined,
  })
  t.match(transcript(t, 'bad-model', { code: 1, signal: null, stderr: '    at main (x.js:1:1) {\n  code: 404\n}\n' }).verdict, {
    success: false,
    error: 'scripted bad_model; models that it knows are pro, flash and flash-lite',
  })
  t.match(transcript(t, 'bad-model', { code: 244, signal: null }).verdict, {
    success: false,
    error: 'scripted bad_model',
    limit: undefined,
  })
})

t.test('it could not begin: stderr says why', async t => {
  const said = (code: number, ...stderr: string[]) => read([], { code, signal: null, stderr: `${stderr.join('\n')}\n` }).verdict.error
  t.equal(
    said(41, 'When using Gemini API, you must specify the GEMINI_API_KEY environment variable.', 'Update your environment'),
    'no end reported (exit code 41): When using Gemini API, you must specify the GEMINI_API_KEY environment variable' +
      "; run 'gemini' in a terminal to log in, or set GEMINI_API_KEY",
  )
  t.equal(
    said(42, 'Warning: 256-color support not detected.', 'Error resuming session: Invalid session identifier "x".', '  Searched for'),
    'no end reported (exit code 42): Error resuming session: Invalid session identifier "x".',
  )
  t.match(said(55, '\u001b[31mGemini CLI is not running in a trusted directory.\u001b[0m'), /55\): Gemini CLI is not running in a trusted/)
  t.equal(said(53), 'no end reported (exit code 53)')
})

t.test('exit 0 is no success: no end, no answer, nothing asked', async t => {
  const { events, verdict } = transcript(t, 'sigterm')
  t.match(events, [{ type: 'tool_call', tool: 'run_shell_command' }])
  t.match(verdict, { success: false, error: 'no end reported (exit code 0)', conversation: 'd98d91f3-d8c9-4bb4-8529-e1ba6f0595cb' })
  t.match(transcript(t, 'over-window').verdict, {
    success: false,
    error: /^it did not ask the model: the prompt may be larger/,
    conversation: undefined,
  })
  t.match(transcript(t, 'empty-answer').verdict, { success: false, error: /^The model returned an empty response .*\(exit code 0\)$/ })
  const looped = [
    { type: 'message', role: 'assistant', content: 'a', delta: true },
    { type: 'error', severity: 'warning', message: 'Loop detected, stopping execution' },
    { type: 'result', status: 'success', stats: {} },
  ]
  t.match(
    read(
      looped.map(line => Buffer.from(JSON.stringify(line))),
      well,
    ).verdict,
    { success: false, error: /^Loop detected/, result: 'a' },
  )
  t.match(transcript(t, 'text', { code: 1, signal: null }).verdict, { success: false, error: /reported success, but exit code 1/ })
})

t.test('a message whose end was not seen is not lost, whatever came last', async t => {
  const lines = linesOf('text').slice(0, 4)
  const reader = gemini.reader({ line: () => undefined, kept: () => undefined })
  t.match(reader.out(lines), [{ message: 'init' }, { message: 'message of user' }])
  t.same(reader.end?.(), [text('FAKE-OK hello from the fake mode')])
  t.match(reader.verdict(killed), { success: false, result: 'FAKE-OK hello from the fake mode' })
  const torn = read([...lines, Buffer.from('{"type":"mess')], killed)
  t.match(torn.events.slice(2), [text('FAKE-OK hello from the fake mode'), { type: 'parse_warning', raw: '{"type":"mess' }])
})

t.test('lines it never wrote', async t => {
  const odd = ['{}', '{"type":"news","x":1}', '{"type":"message","role":"assistant","content":7}', '{"type":"init","session_id":"--help"}']
  const { events, verdict } = read(
    [...odd, '{"type":"tool_result"}', '{"type":"result","stats":[]}'].map(line => Buffer.from(line)),
    well,
  )
  t.match(
    events.map(({ type }) => type),
    ['provider_status', 'provider_status', 'provider_status', 'provider_status', 'tool_result', 'provider_status'],
  )
  t.match(verdict, { success: false, conversation: undefined })
})

const folder = t.testdir({ prompt: 'a prompt' })
const kept: Record<string, string> = {}
const task: Task = {
  session: 'ID',
  run: 1,
  root: '/root',
  cwd: '/root',
  promptFile: join(folder, 'prompt'),
  resumed: false,
  flags: {},
  env: {},
  kept: () => undefined,
  keep(name, content) {
    kept[name] = content
    return `/kept/${name}`
  },
}

t.test('argv', async t => {
  const always = ['gemini', '-o', 'stream-json', '--skip-trust']
  const argv = (more: Partial<Task>) => gemini.launch({ ...task, ...more }).argv
  const theirs = { GEMINI_CLI_SYSTEM_DEFAULTS_PATH: '/theirs' }
  const env = { GEMINI_CLI_NO_RELAUNCH: 'true', NO_BROWSER: 'true' }
  t.same(gemini.launch({ ...task, env: theirs }), { argv: always, stdin: task.promptFile, env })
  // A machine may have a file of its own.
  const none = { GEMINI_CLI_SYSTEM_SETTINGS_PATH: join(folder, 'settings.json') }
  for (const launched of [gemini.launch({ ...task, env: none }), gemini.live?.start({ ...task, env: none })])
    t.same(launched?.env, { ...env, GEMINI_CLI_SYSTEM_DEFAULTS_PATH: '/kept/defaults.json' })
  t.same(JSON.parse(kept['defaults.json'] ?? ''), { general: { sessionRetention: { enabled: false } } }, 'copies leave each other alone')
  t.same(argv({ model: 'pro' }), [...always, '--model', 'pro'])
  t.same(argv({ resumed: true, conversation: 'c' }), [...always, '--resume', 'c'])
  t.same(argv({ resumed: true }), always, 'it died before it told its id')
  t.same(argv({ conversation: 'c' }), always)
  t.same(argv({ flags: { autoApprove: true } }), [...always, '--approval-mode', 'yolo'])
  t.same(argv({ flags: { plan: true, autoApprove: true } }), [...always, '--approval-mode', 'plan'])
  t.same(argv({ flags: { addDir: ['/a b', '/c'] } }), [...always, '--include-directories', '/a b', '--include-directories', '/c'])
})

t.test('argv of one that lives on: it is asked, and its conversation is no word of it', async t => {
  const start = (more: Partial<Task>) => gemini.live?.start({ ...task, ...more }).argv
  const always = ['gemini', '--acp', '--skip-trust']
  t.same(start({ resumed: true, conversation: 'c', flags: { autoApprove: true } }), always)
  t.same(start({ model: 'pro', flags: { plan: true } }), [...always, '--model', 'pro', '--approval-mode', 'plan'])
})

t.test('a prompt is what is said to the model, not a command or a file', async t => {
  const given = (text: string) => {
    writeFileSync(task.promptFile, text)
    const { stdin } = gemini.launch(task)
    return stdin === task.promptFile ? text : kept[stdin.slice('/kept/'.length)]
  }
  for (const plain of ['text', ' /init', 'a @ b', 'a@', '']) t.equal(given(plain), plain)
  t.equal(given('/init'), '\n/init')
  t.equal(given('see @a.txt, \\@b'), 'see \\@a.txt, \\\\@b\n\nIn this message \\@ stands for @.')
})

t.test('what it cannot be started with', async t => {
  const check = (prompt: Buffer, flags = {}) => gemini.check?.({ prompt, flags })
  const most = Buffer.alloc(8 * 1024 * 1024, 'x')
  check(most, { addDir: ['/a', '/b c'] })
  t.throws(() => check(Buffer.concat([most, Buffer.from('x')])), { exit: 2, message: /has 8388609 bytes, and gemini reads/ })
  t.throws(() => check(most, { addDir: ['/a', '/b,c'] }), { exit: 2, message: /'\/b,c': gemini takes no folder with a comma/ })
})

t.test('what it can, what it leaves to others, and what it marks', async t => {
  t.same([...gemini.can], ['model', 'add_dir', 'plan', 'auto_approve', 'resume'])
  t.match(gemini, { prompt: 'text', stall: 1_800_000, sizes: { small: 'flash-lite', medium: 'flash', large: 'pro' } })
  t.match('GEMINI_CLI', gemini.marks)
  for (const users of ['GEMINI_API_KEY', 'GEMINI_CLI_HOME', 'GEMINI_CLI_TRUST_WORKSPACE', 'GOOGLE_GEMINI_BASE_URL', 'GEMINI_MODEL'])
    t.notMatch(users, gemini.marks)
})

t.test('a session: after a limit it is told again what it forgot, and in the next turn it goes on', async t => {
  const zag = new Zag(t, { bin: {} })
  zag.configure('[limits]\nfallback = "1s"\n')
  // It fails of a limit first, and writes down what it was given.
  const seen = join(zag.home, 'seen')
  const answer = `if [ -e ${seen}.1 ]; then cat ${FIXTURES}/tool.ndjson; else touch ${seen}.1; cat ${FIXTURES}/error-429.ndjson; exit 173; fi`
  writeFileSync(join(zag.home, 'bin/gemini'), `#!/bin/sh\nprintf '%s\\n' "$*" "$(cat)" >>${seen}\n${answer}\n`)
  chmodSync(join(zag.home, 'bin/gemini'), 0o755)
  const env = { PATH: `${join(zag.home, 'bin')}:${process.env.PATH}` }
  const [row] = rows((await zag.go('exec', ['-p', 'gemini', '-o', 'json', 'first @thing'], { env })).stdout)
  t.match(row, { status: 'completed', result: 'FAKE-OK shell step done' })
  t.match(await zag.go('input', ['--session', String(row?.session_id), 'second thing'], { env }), { code: 0 })
  const first = ['-o stream-json --skip-trust', 'first \\@thing', '', 'In this message \\@ stands for @.']
  const resumed = '-o stream-json --skip-trust --resume e0425fdd-adf2-4853-af88-d56994eed8d4'
  t.same(readFileSync(seen, 'utf8').trim().split('\n'), [...first, ...first, resumed, 'second thing'])
})
