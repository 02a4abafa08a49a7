// zag-permit: what hooks of agents are told, whose rules count, and what becomes of a question that nobody waits for any more.

import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { answerOf, answerRelay, openRelays } from '../../lib/permission/relay.js'
import { addRule } from '../../lib/permission/rules.js'
import { begin, type Options, until, zagHome } from '../help/run.js'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t, { project: { '.git': {}, src: { 'a.txt': 'one\n' }, other: { '.git': {} } }, outside: { 'b.txt': 'b\n' } })
process.env.ZAG_HOME = zagHome(zag.home)
const project = join(zag.home, 'project')
const file = join(project, 'src/a.txt')

type More = Omit<Options, 'home'>

const permit = (told: unknown, args: readonly string[] = [], more: More = {}) =>
  zag.go('permit', args, { cwd: project, input: typeof told === 'string' ? told : JSON.stringify(told), ...more })

const bash = (command: string) => ({ tool: 'bash', params: { command } })

/** What Claude Code tells before a call, or after it with `response`. */
const told = (tool_name: string, tool_input: object, session_id = 'a', response?: object) => ({
  session_id,
  cwd: project,
  hook_event_name: response ? 'PostToolUse' : 'PreToolUse',
  tool_name,
  tool_input,
  tool_response: response,
})
const hook = (call: object, args: readonly string[] = [], more: More = {}) => permit(call, ['--format', 'claude-hook', ...args], more)
const decisionIn = (stdout: string) => JSON.parse(stdout).hookSpecificOutput

/** Starts one that asks, and gives its relay. */
async function asking(call: object, args: readonly string[], more: More = {}) {
  const before = new Set(openRelays().map(({ relay_id }) => relay_id))
  const running = begin('zag-permit', args, { home: zag.home, cwd: project, ...more })
  running.child.stdin.end(JSON.stringify(call))
  const relay = await until(() => openRelays().find(({ relay_id }) => !before.has(relay_id)))
  return { running, relay }
}

addRule(project, 'bash(command=git status*)', 'always', 'person')
addRule(project, 'bash(command=rm *)', 'never', 'person')

t.test('json: 0 and allow, 1 and deny, 1 and ask where nobody decides', async t => {
  t.match(await permit(bash('git status -s')), {
    code: 0,
    stdout: /^\{"decision":"allow","by":"rule","rule":"bash\(command=git status\*\)"\}\n$/,
    stderr: '',
  })
  const denied = await permit(bash('git status; rm x'), ['--format', 'json'])
  t.match(denied, { code: 1, stderr: '' })
  t.match(JSON.parse(denied.stdout), { decision: 'deny', by: 'deny', rule: 'bash(command=rm *)', reason: /refuses it/ })
  t.match(await permit({ ...bash('ls'), tool_kind: 'shell', tool_id: 'x', raw: { a: 1 } }), { code: 1, stdout: '{"decision":"ask"}\n' })
  const nobody = await permit(bash('ls'), ['--no-ask'])
  t.match(nobody, { code: 1 })
  t.match(JSON.parse(nobody.stdout), { decision: 'deny', reason: /nobody can be asked/ })
})

t.test('the project is that of the folder, or of --root; --group has rules of its own', async t => {
  const home = { cwd: zag.home }
  t.match(await permit(bash('git status'), [], home), { code: 1, stdout: /ask/ })
  t.match(await permit(bash('git status'), ['--root', 'project/src'], home), { code: 0 })
  t.match(await permit(bash('git status'), ['--group', 'other']), { code: 1, stdout: /ask/ })
  t.match(await permit(bash('git status'), ['--group', project], home), { code: 0 })
})

t.test('claude-hook: allowed, refused with the reason, and nothing said where no rule decides', async t => {
  const allowed = await hook(told('Bash', { command: 'git status' }))
  t.match(allowed, { code: 0, stderr: '' })
  t.same(decisionIn(allowed.stdout), { hookEventName: 'PreToolUse', permissionDecision: 'allow' })
  const denied = await hook(told('Bash', { command: 'rm x' }))
  t.match(denied, { code: 0, stderr: '' })
  t.match(decisionIn(denied.stdout), { permissionDecision: 'deny', permissionDecisionReason: /the rule bash\(command=rm \*\) refuses it/ })
  t.match(await hook(told('Bash', { command: 'ls' })), { code: 0, stdout: '', stderr: '' })
  t.match(decisionIn((await hook(told('Bash', { command: 'ls' }), ['--no-ask'])).stdout), { permissionDecision: 'deny' })
  const plans = { permission_mode: 'plan' }
  t.match(await hook({ ...told('Bash', { command: 'git status' }), ...plans }, ['--ask']), { code: 0, stdout: '' }, 'one that only plans')
  t.match(decisionIn((await hook({ ...told('Bash', { command: 'rm x' }), ...plans })).stdout), { permissionDecision: 'deny' })
  t.match(await hook({ hook_event_name: 'Stop', session_id: 'a' }), { code: 0, stdout: '', stderr: '' }, 'an event of another kind')
  t.match(await hook({ hook_event_name: 'SomethingNew' }), { code: 0, stdout: '', stderr: '' })
})

t.test('claude-hook: the rules are those of the project it was started in, wherever its commands went', async t => {
  const elsewhere = { ...told('Bash', { command: 'rm x' }), cwd: join(project, 'other') }
  const started = { env: { CLAUDE_PROJECT_DIR: project } }
  t.equal(decisionIn((await hook(elsewhere, [], started)).stdout).permissionDecision, 'deny')
  t.equal((await hook(elsewhere)).stdout, '', 'that of the folder, where it does not tell')
  t.equal((await hook(elsewhere, ['--root', 'other'], started)).stdout, '', 'or the one that is given')
})

t.test('--ask: a relay, answered from outside; --relay-timeout denies', async t => {
  const { running, relay } = await asking(bash('make'), ['--ask'])
  t.match(relay, { tool: 'bash', params: { command: 'make' }, group: project, root: project })
  t.notOk(relay.session_id)
  t.ok(answerRelay(relay.relay_id, { approved: true, by: 'person' }))
  const ended = await running.ended
  t.match(ended, { code: 0, stderr: new RegExp(`asks: zag approve ${relay.relay_id}`) })
  t.match(JSON.parse(ended.stdout), { decision: 'allow', by: 'person', relay_id: relay.relay_id })
  const late = await permit(bash('make'), ['--ask', '--relay-timeout', '50ms', '--quiet'])
  t.match(late, { code: 1, stderr: '' })
  t.match(JSON.parse(late.stdout), { decision: 'deny', by: 'timeout' })
  const of = await asking(told('WebFetch', { url: 'https://x.test/' }), ['--format', 'claude-hook', '--ask'])
  t.match(of.relay, { tool: 'fetch', provider: 'claude' })
  answerRelay(of.relay.relay_id, { approved: false, by: 'person', reason: 'the moon is full' })
  t.match(decisionIn((await of.running.ended).stdout), { permissionDecision: 'deny', permissionDecisionReason: /the moon is full/ })
})

t.test('a question that nobody waits for any more is closed', async t => {
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    const { running, relay } = await asking(bash('make'), ['--ask'])
    running.child.kill(signal)
    t.match(await running.ended, { code, stdout: '' })
    t.match(answerOf(relay.relay_id), { approved: false, by: 'closed' })
  }
  const { running, relay } = await asking(bash('make'), ['--ask'])
  running.child.stdout.destroy()
  t.equal((await running.ended).code, 141, 'a socket that was closed')
  t.match(answerOf(relay.relay_id), { by: 'closed' })
  // The shell tells how it ended, whose pipe has lost its reader by then.
  writeFileSync(join(zag.home, 'call'), JSON.stringify(bash('make')))
  const piped = begin('/bin/sh', ['-c', '{ zag permit --ask < ../call; echo $? > ../code; } | true'], { home: zag.home, cwd: project })
  await piped.ended
  t.equal(readFileSync(join(zag.home, 'code'), 'utf8'), '141\n', 'a pipe')
  t.same(openRelays(), [])
})

t.test('in a session: its own rules and its log, and it waits', async t => {
  const gate = zag.gate()
  const id = await zag.spawn(gate.script, ['--root', project])
  const session = JSON.parse(readFileSync(zag.file(id, 'session.json'), 'utf8'))
  const permissions = { allow: ['bash(command=make *)'], deny: ['bash(command=git status -x)'], ask: true, live: true }
  writeFileSync(zag.file(id, 'session.json'), JSON.stringify({ ...session, permissions }))
  const more = { env: { ZAG_SESSION_ID: id } }
  const events = async () => rows((await zag.go('events', ['--type', 'relay', '--type', 'permission', id])).stdout)
  t.match(await permit(bash('make all'), [], more), { code: 0, stdout: /"by":"rule"/ })
  t.match(await permit(bash('git status -x'), [], more), { code: 1, stdout: /"deny"/ })
  t.match(await permit(bash('git status'), [], more), { code: 0 }, 'and those of its group')
  const { running, relay } = await asking(told('Bash', { command: 'ls' }), ['--format', 'claude-hook'], more)
  t.match(relay, { session_id: id, group: project })
  t.ok(existsSync(zag.file(id, `relays/${relay.relay_id}`)), 'the mark of one that waits')
  t.equal((await zag.go('status', [id])).stdout, 'waiting\n')
  answerRelay(relay.relay_id, { approved: true, by: 'person' })
  t.match(decisionIn((await running.ended).stdout), { permissionDecision: 'allow' })
  t.notOk(existsSync(zag.file(id, `relays/${relay.relay_id}`)))
  t.match(await permit(bash('ls'), ['--no-ask'], more), { code: 1, stdout: /nobody can be asked/ })
  t.match(await events(), [
    { type: 'permission', granted: true, by: 'rule' },
    { type: 'permission', granted: false, by: 'deny' },
    { type: 'permission', granted: true },
    { type: 'relay', relay_id: relay.relay_id, tool: 'bash', params: { command: 'ls' } },
    { type: 'permission', granted: true, by: 'person', relay_id: relay.relay_id },
    { type: 'permission', granted: false },
  ])
  // An agent that asks by itself what is to be asked is not asked twice about it, and one that plans is allowed nothing.
  writeFileSync(zag.file(id, 'session.json'), JSON.stringify({ ...session, permissions, provider: 'claude' }))
  t.match(await hook(told('Bash', { command: 'ls' }), [], more), { code: 0, stdout: '' })
  writeFileSync(zag.file(id, 'session.json'), JSON.stringify({ ...session, permissions: { live: true }, provider: 'claude' }))
  t.match(await permit(bash('ls'), ['--ask'], more), { code: 1, stdout: /nobody can be asked/ }, 'a session that asks nobody')
  t.match(await hook(told('Bash', { command: 'ls' }), ['--ask'], more), { code: 0, stdout: '' })
  writeFileSync(zag.file(id, 'session.json'), JSON.stringify({ ...session, permissions, flags: { plan: true } }))
  t.match(await hook(told('Bash', { command: 'make x' }), [], more), { code: 0, stdout: '' })
  t.match(decisionIn((await hook(told('Bash', { command: 'rm x' }), [], more)).stdout), { permissionDecision: 'deny' })
  writeFileSync(zag.file(id, 'session.json'), JSON.stringify(session))
  gate.open()
})

t.test('3: the session was removed; a hook refuses then, as an agent goes on where its hook fails', async t => {
  const more = { env: { ZAG_SESSION_ID: 'gone' } }
  t.match(await permit(bash('git status'), [], more), { code: 3, stdout: '', stderr: /no session of this home: 'gone'/ })
  t.match(decisionIn((await hook(told('Bash', { command: 'git status' }), [], more)).stdout), {
    permissionDecision: 'deny',
    permissionDecisionReason: /cannot decide: .*'gone'/,
  })
})

t.test('files: what others wrote since it was read is refused until it is read again', async t => {
  const reads = (who: string) =>
    hook(told('Read', { file_path: file }, who, { type: 'text', file: { content: readFileSync(file, 'utf8'), startLine: 1 } }))
  const edits = (who: string, response?: object) =>
    hook(told('Edit', { file_path: file, old_string: 'one', new_string: 'two' }, who, response))
  const why = async (who: string) => {
    const { stdout } = await edits(who)
    return stdout === '' ? '' : decisionIn(stdout).permissionDecisionReason
  }
  t.match(await why('B'), /a\.txt' was not read by session B \(claude\): read it first/)
  t.match(await reads('A'), { code: 0, stdout: '', stderr: '' })
  await reads('B')
  t.equal(await why('A'), '')
  t.equal(await why('B'), '')
  writeFileSync(file, 'two\n')
  t.match(await edits('A', {}), { code: 0, stdout: '', stderr: '' })
  t.equal(await why('A'), '', 'who wrote it knows it')
  t.match(await why('B'), /is not as session B .*written by session A .*read it again$/)
  await reads('B')
  t.equal(await why('B'), '')
  // It was shown something that is not there any more.
  writeFileSync(file, 'three\n')
  await hook(told('Read', { file_path: file }, 'B', { type: 'text', file: { content: 'two\n', startLine: 1 } }))
  t.match(await why('B'), /read it again$/)
  const other = (file_path: string) => hook(told('Write', { file_path, content: 'x' }, 'B'))
  t.match(await other(join(project, 'new')), { code: 0, stdout: '' }, 'one that is still to be made')
  t.match(await other(join(zag.home, 'outside/b.txt')), { code: 0, stdout: '' }, 'one outside of the project')
  t.match(await hook(told('Read', { file_path: join(project, 'gone') }, 'B', {})), { code: 0, stdout: '', stderr: '' })
  addRule(project, 'edit', 'always', 'person')
  t.match(await why('C'), /was not read by/, 'whatever allows it')
})

t.test('--install and --uninstall: beside what is there', async t => {
  const path = join(project, '.claude/settings.json')
  const settings = () => JSON.parse(readFileSync(path, 'utf8'))
  const first = await zag.go('permit', ['--install', 'claude'], { cwd: join(project, 'src') })
  t.match(first, { code: 0, stdout: '', stderr: /wrote PreToolUse Bash\|.*: zag permit --format claude-hook\n/ })
  t.match(settings().hooks, {
    PreToolUse: [{ matcher: /Bash/ }, { matcher: 'mcp__.*' }, { matcher: /Read/ }],
    PostToolUse: [{ matcher: /Read.*Edit/ }],
  })
  t.match(await zag.go('permit', ['--uninstall', 'claude', '--root', project]), { code: 0, stderr: /took away/ })
  t.notOk(existsSync(join(project, '.claude')), 'neither the file nor the folder was there')
  mkdirSync(join(project, '.claude'))

  const own = {
    model: 'm',
    hooks: {
      PreToolUse: [{ matcher: 'Bash', hooks: [{ type: 'command', command: 'mine' }] }],
      Stop: [{ hooks: [{ type: 'command', command: 'zag-permit-of-mine' }] }],
      Empty: [],
    },
    env: { A: '1' },
  }
  const before = `${JSON.stringify(own, null, '\t')}\n`
  writeFileSync(path, before)
  chmodSync(path, 0o640)
  t.match(await zag.go('permit', ['--install', 'claude', '-r', project]), { code: 0 })
  const after = readFileSync(path, 'utf8')
  t.match(settings(), { ...own, hooks: { ...own.hooks, PreToolUse: [own.hooks.PreToolUse[0], {}, {}, {}] } })
  t.equal(settings().hooks.PreToolUse.length, 4)
  t.equal(statSync(path).mode & 0o777, 0o640)
  t.match(await zag.go('permit', ['--install', 'claude', '-r', project]), { code: 0, stderr: /stays as it is/ })
  t.equal(readFileSync(path, 'utf8'), after, 'twice is once')
  const asks = await zag.go('permit', ['--install', 'claude', '-r', project, '--ask', '--relay-timeout', '2d', '--group', "a 'b"])
  t.match(asks, { code: 0, stderr: /'--group=a '\\''b' --ask --relay-timeout=172800000ms/ })
  t.equal(settings().hooks.PreToolUse.length, 4, 'other flags take the place of the old ones')
  t.ok(settings().hooks.PreToolUse[1].hooks[0].timeout > 172_800, 'it is waited for so long')
  t.match(await zag.go('permit', ['--uninstall', 'claude', '-r', project]), { code: 0 })
  t.equal(readFileSync(path, 'utf8'), before, 'exactly what was there')
  t.match(await zag.go('permit', ['--uninstall', 'claude', '-r', project]), { code: 0, stderr: /stays as it is/ })

  const install = (...more: string[]) => zag.go('permit', ['--install', 'claude', '-r', project, ...more])
  const uninstall = () => zag.go('permit', ['--uninstall', 'claude', '-r', project])
  const texts = [
    '{}',
    '{ "model": "m", "permissions": {"allow": ["Bash(ls)", "Read"]} }',
    '{\r\n   "model": "m",\r\n   "a": [1, 2]\r\n}',
    '{"hooks": {}}\n\n',
  ]
  for (const text of texts) {
    writeFileSync(path, text)
    await install()
    t.match(await install('--ask'), { code: 0, stderr: /is changed/ })
    await uninstall()
    t.equal(readFileSync(path, 'utf8'), text, 'byte for byte, also after the flags were changed')
  }
  const changed: [string, string][] = [
    ['{"model": "m"}', '{\n  "model": "n"\n}'],
    ['{\r\n   "model": "m"\r\n}', '{\r\n   "model": "n"\r\n}'],
  ]
  for (const [text, wanted] of changed) {
    writeFileSync(path, text)
    await install()
    writeFileSync(path, readFileSync(path, 'utf8').replace('"m"', '"n"'))
    await uninstall()
    t.equal(readFileSync(path, 'utf8'), wanted, 'what was changed meanwhile stays, in the lines it has')
  }
  // As another user has it who did not put them there.
  rmSync(path)
  await install()
  rmSync(join(zagHome(zag.home), 'hooks'), { recursive: true })
  t.match(await install('--ask'), { code: 0 })
  t.match(await uninstall(), { code: 0 })
  t.same(settings(), {}, 'whose file it is nobody knows')

  for (const text of ['{"a": 1,}', '[]', '{"hooks": []}', '{"hooks": {"PreToolUse": [1]}}', '']) {
    writeFileSync(path, text)
    for (const flag of ['--install', '--uninstall']) {
      t.match(await zag.go('permit', [flag, 'claude', '-r', project]), { code: 5, stdout: '', stderr: /left as it is/ }, text)
    }
    t.equal(readFileSync(path, 'utf8'), text)
  }
})

t.test('10 MB on stdin; more than 64 MiB are refused', async t => {
  t.match(await permit('x'.repeat((64 << 20) + 1)), { code: 2, stdout: '', stderr: 'zag-permit: stdin has more than 67108864 bytes\n' })
  const content = 'x'.repeat(10 << 20)
  t.match(await hook(told('Write', { file_path: join(project, 'large'), content }), ['--no-ask']), {
    code: 0,
    stdout: '{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"allow"}}\n',
  })
  t.match(await permit(content), { code: 2, stdout: '', stderr: /^zag-permit: stdin is no JSON: 'x{80}\.\.\.x{77}'\n$/ })
})

t.test('2', async t => {
  for (const [input, why] of [
    ['', /stdin is no JSON: it is empty/],
    ['{"tool": ', /stdin is no JSON/],
    ['[]', /no JSON object/],
    ['{}', /no 'tool'/],
    ['{"tool": 1}', /no 'tool'/],
    ['{"tool": "bash", "params": []}', /'params' is no object/],
    ['{"tool": "bash", "tool_kind": "x"}', /no tool_kind 'x'/],
    ['{"tool": "bash", "tool_id": 1}', /'tool_id' is no text/],
  ] as const) {
    t.match(await permit(input), { code: 2, stdout: '', stderr: why }, input)
  }
  t.match(await hook({ tool_name: 'Bash' }), { code: 2, stdout: '', stderr: /no hook of Claude Code: no 'hook_event_name'/ })
  t.match(await hook({ hook_event_name: 'PreToolUse' }), { code: 2, stdout: '', stderr: /no 'tool_name'/ })
  for (const args of [
    ['--ask', '--no-ask'],
    ['--relay-timeout', '1s'],
    ['--ask', '--relay-timeout', '0'],
    ['--format', 'xml'],
    ['--install', 'other'],
    ['--install', 'claude', '--uninstall', 'claude'],
    ['--uninstall', 'claude', '--ask'],
    ['--install', 'claude', '--no-ask'],
    ['--root', '/nowhere'],
    ['--group', ''],
    ['x'],
  ]) {
    t.match(await permit(bash('ls'), args), { code: 2, stdout: '' }, args.join(' '))
  }
})

t.test('5: the rules cannot be read', async t => {
  mkdirSync(join(zag.home, 'broken'))
  writeFileSync(join(zag.home, 'broken/groups'), '')
  const more = { env: { ZAG_HOME: join(zag.home, 'broken') } }
  t.match(await permit(bash('git status'), [], more), { code: 5, stdout: '', stderr: /cannot read/ })
  const refused = await hook(told('Bash', { command: 'git status' }), [], more)
  t.match(refused, { code: 0 })
  t.match(decisionIn(refused.stdout), { permissionDecision: 'deny', permissionDecisionReason: /cannot decide/ })
})
