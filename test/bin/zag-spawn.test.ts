// zag-spawn: a session in the background, with all that can be said of it; and the prompt, which reaches the agent unchanged.

import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { takesPermissions } from '../help/permissions.js'
import { lives } from '../help/processes.js'
import { repository } from '../help/repository.js'
import { begin, until, zagHome } from '../help/run.js'
import { rows, several, Zag } from '../help/sessions.js'

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n$/
const zag = new Zag(t, { project: { '.git': {}, deep: {} } })
const deep = realpathSync(join(zag.home, 'project/deep'))
const spawn = (args: string[], more = {}) => zag.go('spawn', args, more)
const wait = (id: string) => zag.go('wait', ['-q', id])
const output = async (id: string) => {
  await wait(id)
  return (await zag.go('output', [id])).stdout
}
const json = (id: string) => JSON.parse(readFileSync(zag.file(id, 'session.json'), 'utf8'))

t.test('the bare id, and then hi', async t => {
  const { code, stdout, stderr } = await spawn(['-p', 'sh', 'echo hi'])
  t.match({ code, stderr, stdout }, { code: 0, stderr: '', stdout: ID })
  t.match(await zag.sh(`zag wait ${stdout.trim()} >&2 && zag output ${stdout.trim()}`), { code: 0, stdout: 'hi\n' })
})

t.test('by pipe, by name, by tag, by the last eight characters', async t => {
  const script = [
    'zag spawn -p sh --name n --tag t "echo hi" | zag wait -',
    'sid=$(zag spawn -p sh --name n --tag t "echo hi")',
    'short=$(printf %s "$sid" | tail -c 8)',
    'zag wait n && zag wait --tag t && zag wait "$short"',
    'zag output --name n; zag output --tag t; zag output "$short"',
  ].join('\n')
  const { code, stdout, stderr } = await zag.sh(script)
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const [piped, named, first, second, short, ...said] = stdout.trim().split('\n')
  for (const line of [piped, named, first, second, short]) t.match(line, /^[0-9a-f-]{36}\tcompleted$/)
  t.same(said, ['hi', 'hi', 'hi', 'hi'])
})

t.test('--json', async t => {
  const { stdout } = await spawn(['--json', '-p', 'sh', 'echo hi'])
  const [row] = rows(stdout)
  t.match(row, { session_id: String, pid: Number, interactive: false })
  t.equal(row?.log_path, zag.file(String(row?.session_id), 'log.ndjson'))
  await wait(String(row?.session_id))
  t.ok(existsSync(String(row?.log_path)))
})

t.test('--json-schema: the session is over only when a result fits or none came', async t => {
  const twice = 'echo run >>fits; [ "$(wc -l <fits)" -lt 3 ] || echo 1'
  const [fits, never] = (await Promise.all([
    spawn(['-p', 'sh', '--json-schema', '{"type":"number"}', twice]),
    spawn(['-p', 'sh', '--json-schema', '{"type":"number"}', 'echo []']),
  ])) as [{ stdout: string }, { stdout: string }]
  t.match(await wait(fits.stdout.trim()), { code: 0, stdout: /\tcompleted\n$/ })
  t.equal((await zag.go('output', [fits.stdout.trim()])).stdout, '1\n')
  t.match(await zag.go('wait', ['--json', never.stdout.trim()]), { code: 1, stdout: /"reason":"schema"/ })
})

t.test('the prompt from --prompt, --file-prompt and stdin; flags before and after', async t => {
  writeFileSync(join(zag.home, 'prompt'), 'echo "$0"; cat')
  const [one, two, three] = await Promise.all([
    spawn(['--prompt', 'echo one', '-p', 'sh']),
    spawn(['--file-prompt', 'prompt', '--provider=sh']),
    spawn(['-', '-psh'], { input: 'echo three\n' }),
  ])
  t.equal(await output(one.stdout.trim()), 'one\n')
  t.equal(await output(two.stdout.trim()), `${zag.file(two.stdout.trim(), 'prompt')}\n`, 'stdin of the script is at its end')
  t.equal(await output(three.stdout.trim()), 'three\n')
})

t.test('what is said of it is kept', async t => {
  const flags = ['--name', 'it is "mine"', '--description', 'what it is for', '--tag', 'x', '--tag', 'y', '--tag', 'x', '--group', 'g']
  const id = await zag.spawn(
    'env; pwd',
    [...flags, '-r', deep, '--env', 'A=1 = 2', '--env', 'B=', '-a', '--timeout', '1m', '--stall', '2m', '--on-limit', 'wait'],
    {
      env: { ZAG_GROUP: 'other', ZAG_PROVIDER: 'none' },
    },
  )
  t.match(json(id), {
    name: 'it is "mine"',
    description: 'what it is for',
    tags: ['x', 'y'],
    group: 'g',
    root: realpathSync(join(zag.home, 'project')),
    cwd: deep,
    env: { A: '1 = 2', B: '' },
    timeout_ms: 60_000,
    stall_ms: 120_000,
    on_limit: 'wait',
    provider: 'sh',
  })
  const lines = (await output(id)).split('\n')
  for (const line of [
    'A=1 = 2',
    'B=',
    `ZAG_SESSION_ID=${id}`,
    'ZAG_SESSION_NAME=it is "mine"',
    'ZAG_GROUP=g',
    'ZAG_PROVIDER=sh',
    `ZAG_ROOT=${realpathSync(join(zag.home, 'project'))}`,
    `ZAG_HOME=${zagHome(zag.home)}`,
    deep,
  ])
    t.ok(lines.includes(line), line)
  t.match(
    lines.find(line => line.startsWith('ZAG_PROCESS_ID=')),
    id,
  )
  t.notOk(lines.some(line => line.startsWith('ZAG_PARENT_SESSION_ID=')))
})

t.test('the group is that of the environment, else the project', async t => {
  const [given, project] = await Promise.all([
    zag.spawn('true', [], { env: { ZAG_GROUP: 'from outside' }, cwd: deep }),
    zag.spawn('true', [], { cwd: deep }),
  ])
  t.equal(json(given).group, 'from outside')
  t.equal(json(project).group, realpathSync(join(zag.home, 'project')))
})

t.test('--env is checked', async t => {
  await several(['A', '=b', '1A=b', 'A B=c', 'ZAG_SESSION_ID=x', 'ZAG_HOME=/'], async word =>
    t.match(await spawn(['-p', 'sh', '--env', word, 'true']), { code: 2, stdout: '', stderr: /^zag-spawn: --env .*\n$/ }, word),
  )
})

t.test('names and tags are checked: a name could be a path, and then it stays a name', async t => {
  await several(['--name=', '--name=a\nb', `--tag=${'x'.repeat(201)}`, '--tag=\u001b[31m', '--group='], async flag =>
    t.match(await spawn(['-p', 'sh', flag, 'true']), { code: 2, stdout: '', stderr: /^zag-spawn: .*(name|tag|group).*\n$/ }),
  )
  const id = await zag.spawn('true', ['--name', '../../../etc', '--tag', '..', '--tag', '.'])
  t.equal((await zag.go('wait', ['../../../etc'])).stdout, `${id}\tcompleted\n`)
  t.equal((await zag.go('status', ['--tag', '..', '--tag', '.'])).stdout, 'completed\n')
})

t.test('what sh has not is refused with flag and provider', async t => {
  const flags = [
    '--model=m',
    '--size=small',
    '--system-prompt=s',
    '-s=s',
    '--add-dir=.',
    '--file=f',
    '--mcp-config=c',
    '--max-turns=2',
    '--plan',
  ]
  await several(flags, async flag => {
    const long = flag === '-s=s' ? '--system-prompt' : flag.replace(/=.*/, '')
    const stderr = `zag-spawn: provider 'sh' has no ${long}: leave it out, or choose another provider\n`
    t.same(await spawn(['-p', 'sh', flag, 'true']), { code: 2, signal: null, stdout: '', stderr })
  })
})

t.test('--context and --context-bytes', async t => {
  const [from, long] = await Promise.all([zag.over('printf gave', ['--name', 'first']), zag.over('head -c 9000 /dev/zero | tr "\\0" x')])
  const id = await zag.spawn('cat', ['--context', 'first', '--context', long.session_id, '--context-bytes', '1k'])
  const text = await output(id)
  t.match(text, `<session-result index="1" session="${from.session_id}" name="first">\ngave\n</session-result>`)
  t.match(text, /<session-result index="2"[^>]*>\nx{512}\n\[\.\.\. 7976 bytes left out; the whole is in .*\/result \.\.\.\]\nx{512}\n</)
  t.match(await spawn(['-p', 'sh', '--context', 'nobody', 'cat']), {
    code: 3,
    stdout: '',
    stderr: "zag-spawn: no session 'nobody': see zag ps --all\n",
  })
  const gate = zag.gate()
  const running = await zag.spawn(gate.script)
  t.match(await spawn(['-p', 'sh', '--context', running, 'cat']), { code: 4, stdout: '', stderr: /session .* is running: / })
  gate.open()
  await wait(running)
})

t.test('--keep-children, and without it nothing is left', async t => {
  const [keep, leave] = [join(zag.home, 'kept'), join(zag.home, 'left')]
  const script = (path: string) => `sleep 300 >/dev/null 2>&1 & echo $! >${path}`
  await Promise.all([zag.spawn(script(keep), ['--keep-children']).then(wait), zag.spawn(script(leave)).then(wait)])
  const [kept, left] = [keep, leave].map(path => Number(readFileSync(path, 'utf8'))) as [number, number]
  t.ok(lives(kept), 'it lives on')
  t.notOk(lives(left), 'it was ended')
  process.kill(kept, 'SIGKILL')
})

t.test('--retries: again when it fails, as runs of one session', async t => {
  const id = await zag.spawn('echo x >>tries; echo "try $(wc -l <tries)"; [ "$(wc -l <tries)" = 2 ]', ['--retries', '1'])
  t.match(await zag.go('wait', ['--json', id]), { code: 0, stdout: /"status":"completed"/ })
  t.equal(await output(id), 'try 2\n')
  const ended = rows((await zag.go('events', [id, '--type', 'session_ended'])).stdout)
  t.match(ended, [
    { run: 1, status: 'failed', exit_code: 1 },
    { run: 2, status: 'completed' },
  ])
  t.match(await spawn(['-p', 'sh', '--retries', '1', '-I', 'true']), { code: 2, stdout: '', stderr: /--retries .* give one of the two/ })
  t.match(await spawn(['-p', 'sh', '--retries', '1001', 'true']), { code: 2, stdout: '' })
})

t.test('--interactive: it lives on; the prompt may be left out, and only there', async t => {
  const [row] = rows((await spawn(['-p', 'sh', '-I', '--json'])).stdout)
  t.match(row, { session_id: String, interactive: true })
  const id = String(row?.session_id)
  t.match(rows((await zag.go('status', ['--json', id])).stdout), [{ status: 'running', runner_pid: Number }])
  const other = (await spawn(['-p', 'sh', '--interactive', 'echo here'])).stdout.trim()
  await until(async () => (await zag.go('events', [other, '--type', 'turn_ended'])).stdout !== '')
  t.match(await zag.go('cancel', [id, other]), { code: 0, stdout: /cancelled\n.*cancelled\n/ })
  t.equal(await output(other), 'here\n')
  t.match(await spawn(['-p', 'sh', '--json']), { code: 2, stdout: '', stderr: /no prompt/ })
  t.match(await spawn(['-p', 'sh', '-I', ' ']), { code: 2, stdout: '', stderr: /the prompt is empty/ })
})

t.test('--file: fenced after the prompt, for an agent that reads text', async t => {
  zag.configure('[providers.reads]\ncommand = ["cat"]\n')
  writeFileSync(join(zag.home, 'notes'), 'some </attached-file> notes')
  const id = (await spawn(['-p', 'reads', '--file', 'notes', 'look'])).stdout.trim()
  await wait(id)
  t.match(
    await output(id),
    /^look\n\nFiles that go with it follow[^\n]*\n\n<attached-file path=".*\/notes" escaped="true">\nsome <\\\/attached-file> notes\n<\/attached-file>$/,
  )
  t.match(await spawn(['-p', 'reads', '--file', 'nowhere', 'look']), { code: 5, stdout: '', stderr: /cannot read the file 'nowhere'/ })
  zag.configure('')
})

t.test('a child session: parent, and provider and group inherited', async t => {
  const child = 'zag spawn "true" >child; zag wait -q "$(cat child)" >/dev/null; cat child'
  const id = await zag.spawn(child, ['--group', 'family'], { cwd: deep })
  const inner = (await output(id)).trim()
  t.match(json(inner), { parent: id, group: 'family', provider: 'sh' })
  t.match((await zag.go('events', [inner])).stdout.split('\n')[0], `"parent_id":"${id}"`)
  t.equal((await zag.go('status', ['--json', '--parent', id])).stdout.includes(inner), true)
})

t.test('--depends-on, --after-any, --inject-context', async t => {
  const gate = zag.gate()
  const [good, bad] = [await zag.spawn(`${gate.script}; echo good`, ['--name', 'good']), await zag.spawn(`${gate.script}; exit 2`)]
  const { code, stdout } = await spawn(['--json', '-p', 'sh', '--depends-on', 'good', '--inject-context', 'cat'])
  t.equal(code, 0)
  const [row] = rows(stdout)
  t.match(row, { session_id: String, pid: null, log_path: String, interactive: false }, 'it has no process')
  const needs = String(row?.session_id)
  const both = await zag.spawn('true', ['--depends-on', good.slice(-8), '--depends-on', bad, '--depends-on', good])
  const any = await zag.spawn('cat', [
    '--depends-on',
    bad,
    '--context',
    (await zag.over('echo older')).session_id,
    '--after-any',
    '--inject-context',
  ])
  t.match(json(both), { depends_on: [good, bad], flags: {} })
  t.match(json(any), { depends_on: [bad], after_any: true, flags: { afterAny: true, injectContext: true } })
  t.equal((await zag.go('status', [needs])).stdout, 'queued\n')
  gate.open()
  t.match(await zag.go('wait', [needs, any]), { code: 0 })
  t.match(await zag.go('wait', [both]), { code: 1, stdout: /failed\tsession .*, on which it depends, is failed\n$/ })
  t.match(await output(needs), /name="good">\ngood\n</)
  t.match(await output(any), /index="1"[^>]*>\nolder\n[\s\S]*index="2"[^>]* state="failed">\n\(no result: exit code 2\)\n/)
  const late = await spawn(['--json', '-p', 'sh', '--depends-on', good, 'true'])
  t.match(rows(late.stdout), [{ pid: Number }], 'what need not wait has a runner at once')
  await wait(String(rows(late.stdout)[0]?.session_id))
})

t.test('a dependency that is not there is 3, and nothing is made', async t => {
  const before = zag.ids().length
  const at = (...args: string[]) => spawn(['-p', 'sh', ...args, 'true'])
  t.match(await at('--depends-on', 'nobody'), { code: 3, stdout: '', stderr: "zag-spawn: no session 'nobody': see zag ps --all\n" })
  t.match(await at('--after-any'), {
    code: 2,
    stdout: '',
    stderr: /^zag-spawn: --after-any goes with --depends-on: name the sessions .*\n$/,
  })
  t.match(await at('--inject-context'), { code: 2, stdout: '', stderr: /^zag-spawn: --inject-context goes with --depends-on/ })
  t.match(await at('--slots', '0'), { code: 2, stdout: '', stderr: /flag '--slots': '0' is no number of 1 or more/ })
  const input = 'echo a\necho b\n'
  t.match(await spawn(['-p', 'sh', '--each', '--depends-on', 'nobody'], { input }), {
    code: 3,
    stdout: '',
    stderr: "zag-spawn: no session 'nobody': see zag ps --all\n",
  })
  t.match(await spawn(['--each', '-p', 'sh', 'true'], { input }), { code: 2, stdout: '', stderr: /--each reads the prompts from stdin/ })
  t.match(await spawn(['--each-format', 'text', '-p', 'sh', 'true']), { code: 2, stdout: '', stderr: /--each-format goes with --each/ })
  t.match(await spawn(['--each', '--each-format', 'xml', '-p', 'sh']), { code: 2, stdout: '', stderr: /no 'xml': write text, json/ })
  t.match(await spawn(['--each', '-p', 'sh', '--depends-on', '-'], { input: `${zag.ids()[0]}\n` }), {
    code: 2,
    stdout: '',
    stderr: /stdin/,
  })
  t.equal(zag.ids().length, before)
})

t.test('--each: a session for each line, with its own flags over those of the command line', async t => {
  const task = {
    prompt: 'echo "{\\"n\\": $A$B, \\"at\\": \\"$PWD\\"}"',
    name: 'third',
    tag: ['x', 'y'],
    env: ['A=1'],
    timeout: '1m',
    stall: '0',
    on_limit: 'fail',
    root: deep,
    slots: 2,
    keep_children: true,
    auto_approve: false,
    group: 'own',
    description: 'a "row"',
    depends_on: 'second',
    after_any: true,
    json_schema: { type: 'object', required: ['n'] },
  }
  const lines = ['echo first', '', JSON.stringify({ prompt: 'exit 1', name: 'second' }), JSON.stringify(task), '{ echo braces; }']
  const more = ['--each', '-p', 'sh', '--tag', 'rows', '--env', 'B=2', '-a', '--slots', '1']
  const { code, stdout, stderr } = await spawn([...more, '--json'], { input: lines.join('\n') })
  t.equal(code, 2)
  t.match(stderr, /^zag-spawn: row 5: it is not JSON: give --each-format text for prompts that begin with \{\n$/)
  const [first, second, third] = rows(stdout).map(({ session_id }) => session_id) as [string, string, string]
  t.equal(rows(stdout).length, 3)
  await zag.go('wait', ['--tag', 'rows'])
  t.equal((await zag.go('status', [first, second, third])).stdout.match(/\w+$/gm)?.join(), 'completed,failed,completed')
  t.match(json(first), { tags: ['rows'], env: { B: '2' }, slots: 1, flags: { autoApprove: true } })
  t.match(json(third), {
    name: 'third',
    tags: ['rows', 'x', 'y'],
    env: { B: '2', A: '1' },
    timeout_ms: 60_000,
    stall_ms: 0,
    on_limit: 'fail',
    cwd: deep,
    slots: 2,
    keep_children: true,
    group: 'own',
    depends_on: [second],
    after_any: true,
  })
  t.notOk('autoApprove' in json(third).flags)
  t.same(JSON.parse((await zag.go('output', [third])).stdout), { n: 12, at: deep })
  t.same(JSON.parse(readFileSync(zag.file(third, 'schema'), 'utf8')), task.json_schema)
  const braces = await spawn(['--each', '--each-format', 'text', '-p', 'sh'], { input: lines[4] })
  t.equal(await output(braces.stdout.trim()), 'braces\n')
  t.ok(json(braces.stdout.trim()).slots >= 1, 'as many at once as there are processors')
  t.match(await spawn(['--each', '--each-format', 'json', '-p', 'sh'], { input: 'echo hi' }), {
    code: 2,
    stdout: '',
    stderr: /^zag-spawn: row 1: it is not JSON/,
  })
})

t.test('--each: what is wrong is told by its number, and keeps none of the others', async t => {
  zag.configure('[providers.reads]\ncommand = ["cat"]\n')
  const before = zag.ids().length
  const wrong: [string, RegExp][] = [
    ['{"prompt":"true","depends_on":["nobody"]}', /^no session 'nobody': see zag ps --all$/],
    ['{"prompt":"true","model":"m"}', /^provider 'sh' has no --model/],
    ['{"prompt":"true","provider":"sj"}', /^no provider 'sj': did you mean sh\?$/],
    ['{"prompt":"true","promt":"x"}', /^no key 'promt': did you mean prompt\?$/],
    ['{"prompt":"true","timeout":"soon"}', /^'timeout': 'soon' is no duration/],
    ['{"prompt":"true","tag":{}}', /^'tag' must be a string or an array of strings, not object$/],
    ['{"prompt":"true","name":"a\\nb"}', /^name 'a\\u000ab' has a control character/],
    ['{"prompt":"true","root":"/nowhere"}', /^no folder '\/nowhere'/],
    ['{"file_prompt":"nowhere"}', /^cannot read the prompt from 'nowhere': no such file or directory$/],
    ['{"prompt":"true","json_schema":"/nonexistent"}', /^cannot read the schema from '\/nonexistent': no such file or directory$/],
    ['{"prompt":"true","provider":"reads","file":"/nonexistent"}', /^cannot read the file '\/nonexistent' that goes with it: no such/],
    ['{"prompt":"true","json_schema":[]}', /^'json_schema' must be a string or an object, not an array$/],
    ['{"prompt":"true","json_schema":{"type":"no"}}', /^the schema is none: '\/type'/],
    ['{"prompt":" "}', /^the prompt is empty/],
    ['{"name":"n"}', /^no prompt: /],
    [`"${'x'.repeat(10 << 20)}"`, /^the line has more than 8388608 bytes: put its prompt into a file and give file_prompt$/],
  ]
  const input = ['echo begin', ...wrong.map(([line]) => line), 'echo end'].join('\n')
  const { code, stdout, stderr } = await spawn(['--each', '-p', 'sh', '--tag', 'w'], { input })
  t.equal(code, 3, 'the code is that of the first')
  const said = stderr.trim().split('\n')
  t.equal(said.length, wrong.length)
  for (const [n, [, message]] of wrong.entries()) {
    const [, row, text] = /^zag-spawn: row (\d+): (.*)$/.exec(said[n] as string) ?? []
    t.equal(Number(row), n + 2)
    t.match(text, message)
  }
  t.equal(zag.ids().length, before + 2)
  t.match(await zag.sh('zag wait --tag w >&2; zag output --tag w', { input: stdout }), { code: 0, stdout: 'begin\nend\n' })
})

t.test('--each: no lines, a reader that goes away, rows as they are accepted', async t => {
  t.same(await spawn(['--each', '-p', 'sh'], { input: '' }), { code: 0, signal: null, stdout: '', stderr: '' })
  const { stdout, stderr } = await zag.sh('yes true | head -n 500 | zag spawn --each -p sh --tag gone | head -n 1')
  t.match(stdout, ID)
  t.equal(stderr, '')
  const running = begin('zag-spawn', ['--each', '-p', 'sh'], { home: zag.home })
  running.child.stdin.write('echo now\n')
  t.match(await until(() => /\n$/.test(running.stdout) && running.stdout), ID, 'before the next line is there')
  running.child.stdin.end()
  t.match(await running.ended, { code: 0 })
})

t.test('126 and 127', async t => {
  writeFileSync(join(zag.home, 'plain'), '')
  chmodSync(join(zag.home, 'plain'), 0o644)
  zag.configure(`[providers.gone]\ncommand = ["no-such-agent"]\n[providers.plain]\ncommand = ["${join(zag.home, 'plain')}"]\n`)
  const says = async (args: string[], code: number, stderr: RegExp) => t.match(await spawn(args), { code, stdout: '', stderr })
  const before = zag.ids().length
  await says(['-p', 'gone', 'x'], 127, /^zag-spawn: provider 'gone' cannot be used: 'no-such-agent' was not found: install it, .*\n$/)
  await says(['-p', 'plain', 'x'], 126, /^zag-spawn: provider 'plain' cannot be used: '.*plain' may not be executed: .*\n$/)
  await says(
    ['-p', 'acp', '--agent', 'no-such-agent --acp', 'x'],
    127,
    /^zag-spawn: the program of --agent, 'no-such-agent', was not found\n$/,
  )
  await says(['-p', 'acp', 'x'], 2, /^zag-spawn: provider 'acp' needs --agent: .*\n$/)
  await says(['-p', 'sh', '--agent', 'x', 'x'], 2, /^zag-spawn: provider 'sh' has no --agent: .*\n$/)
  await says(['-p', 'sj', 'x'], 127, /^zag-spawn: no provider 'sj': did you mean sh\?\n$/)
  await says(
    ['-p', 'native', 'x'],
    127,
    /^zag-spawn: provider 'native' cannot be used: OPENAI_API_KEY is not set, and no endpoint is named: .*\n$/,
  )
  await says(['x'], 127, /no provider given and no agent found: give --provider/)
  t.equal(zag.ids().length, before, 'nothing was made')
})

t.test('wrong usage is 2 and makes nothing', async t => {
  const before = zag.ids().length
  const wrong: [string[], RegExp][] = [
    [[], /^zag-spawn: no prompt: /],
    [['echo', 'hi'], /one prompt, not 2 words: put it in quotes \('hi' is the second\)/],
    [['a', '--prompt', 'b'], /one prompt, please/],
    [[' \n'], /the prompt is empty/],
    [['-'], /the prompt is empty/],
    [['-r', 'nowhere', 'true'], /no folder 'nowhere'/],
    [['--stall', 'soon', 'true'], /flag '--stall': 'soon' is no duration/],
    [['--on-limit', 'ask', 'true'], /flag '--on-limit': no 'ask': write wait, fail/],
    [['--timeout', '0', 'true'], /--timeout 0 leaves no time/],
    [['--timeout', 'soon', 'true'], /flag '--timeout': 'soon' is no duration/],
    [['--size', 'big', 'true'], /flag '--size': no 'big'/],
    [['--max-turns', '0', 'true'], /flag '--max-turns': '0' is no number of 1 or more/],
  ]
  await several(wrong, async ([args, stderr]) =>
    t.match(await spawn(['-p', 'sh', ...args]), { code: 2, stdout: '', stderr }, args.join(' ')),
  )
  t.match(await spawn(['-p', 'sh', '--file-prompt', 'nowhere']), {
    code: 5,
    stderr: /cannot read the prompt from 'nowhere': no such file or directory\n$/,
  })
  t.equal(zag.ids().length, before)
})

t.test('it outlives the shell that started it', async t => {
  const gate = zag.gate()
  const { stdout } = await zag.sh(`(zag spawn -p sh '${gate.script}; echo still' &) | cat`)
  gate.open()
  t.equal(await output(stdout.trim()), 'still\n')
})

t.test('a home that is not ours, or none at all', async t => {
  mkdirSync(join(zag.home, 'strange'))
  writeFileSync(join(zag.home, 'strange/letter'), '')
  const home = (path: string) => spawn(['-p', 'sh', 'true'], { env: { ZAG_HOME: join(zag.home, path) } })
  t.match(await home('strange'), { code: 5, stdout: '', stderr: /'.*strange' is no home of zag: it holds 'letter'; set ZAG_HOME/ })
  t.match(await home('strange/letter'), { code: 5, stdout: '', stderr: /'.*letter' is not a folder: set ZAG_HOME/ })
  const { code, stdout } = await home('new/one')
  t.match({ code, stdout }, { code: 0, stdout: ID })
  await until(
    async () => (await zag.go('status', [stdout.trim()], { env: { ZAG_HOME: join(zag.home, 'new/one') } })).stdout === 'completed\n',
  )
})

// All else about them is in test/promises.
t.test('--worktree and --sandbox: the session is apart, or there is none', async t => {
  const apart = new Zag(t)
  const { top: cwd, branches } = repository(join(apart.home, 'repo'))
  const { stdout } = await apart.go('spawn', ['-p', 'sh', '--worktree=mine', 'pwd'], { cwd })
  t.match(await apart.go('wait', [stdout.trim()]), { code: 0 })
  t.match((await apart.go('output', [stdout.trim()])).stdout, /\/worktrees\/repo-[0-9a-f]{12}\/mine\n$/)
  t.match(await apart.go('spawn', ['-p', 'sh', '-wmine', 'true'], { cwd }), {
    code: 2,
    stdout: '',
    stderr: /branch 'zag\/mine' is there already/,
  })
  t.match(await apart.go('spawn', ['-p', 'sh', '--sandbox=none', '-w', 'true'], { cwd }), {
    code: 2,
    stdout: '',
    stderr: /no sandbox 'none'/,
  })
  t.match(await apart.go('spawn', ['-p', 'sh', '--sandbox-net', 'off', 'true'], { cwd }), {
    code: 2,
    stdout: '',
    stderr: /goes with --sandbox/,
  })
  t.same(branches(), ['zag/mine'])
  t.equal(apart.ids().length, 1)
})

t.test('what the agent may: rules that can be read, and an agent that asks', async t => {
  await takesPermissions(t, zag, (...flags) => zag.go('spawn', [...flags, 'say x']))
  await zag.go('wait', zag.ids().slice(-2))
})

t.test('--max-depth and --max-children: inherited, never raised, and nothing is left of what was refused', async t => {
  const zag = new Zag(t)
  const spawn = (args: string[], parent?: string) => zag.go('spawn', ['-p', 'sh', ...args], { env: { ZAG_SESSION_ID: parent } })
  const limits = (id: string) => {
    const { max_depth, max_children, limited_by } = JSON.parse(readFileSync(zag.file(id, 'session.json'), 'utf8'))
    return [max_depth, max_children, limited_by?.depth ?? id, limited_by?.children ?? id]
  }
  const made = async (args: string[], parent?: string) => (await spawn(args, parent)).stdout.trim()
  const usual = await made(['true'])
  t.same(limits(usual), [5, 100, usual, usual])
  const top = await made(['--max-depth', '2', '--max-children', '3', '--name', 'top', 'true'])
  const below = await made(['true'], top)
  t.same(limits(below), [1, 3, top, top])
  const narrow = await made(['--max-depth', '0', '--max-children', '1', 'true'], top)
  t.same(limits(narrow), [0, 1, narrow, narrow])
  const refused = async (args: string[], parent: string, stderr: RegExp) => {
    const before = zag.ids()
    t.match(await spawn(args, parent), { code: 4, stdout: '', stderr })
    t.same(zag.ids(), before)
  }
  await refused(['--max-depth', '2', 'true'], top, /^zag-spawn: --max-depth 2 is more than session \S+ leaves, .*: 1 at the most\n$/)
  await refused(['--max-children', '4', 'true'], below, /^zag-spawn: --max-children 4 is more than .*: 3 at the most\n$/)
  const deepest = await made(['true'], below)
  await refused(['true'], deepest, /^zag-spawn: session \S+ is as deep as sessions may nest: --max-depth 2 of session \S+ top: .*\n$/)
  await refused(['-w', 'true'], narrow, /--max-depth 0 of session/)
  const none = await made(['--max-children', '0', 'true'])
  await refused(['true'], none, /has 0 living children and may have no more: --max-children 0 of session/)
  const each = await zag.go('spawn', ['-p', 'sh', '--each'], { env: { ZAG_SESSION_ID: none }, input: 'true\n' })
  t.match(each, { code: 4, stdout: '', stderr: /^zag-spawn: row 1: .* may have no more/ })
  const retried = await zag.go('retry', [top], { env: { ZAG_SESSION_ID: below } })
  t.same(limits(retried.stdout.trim()), [0, 3, top, top], 'what was asked for once is had as far as there is leave')
  const outside = await zag.go('retry', [top])
  t.same(limits(outside.stdout.trim()).slice(0, 2), [2, 3])
  zag.configure('max_depth = 1\nmax_children = 7\n')
  const configured = await made(['true'])
  t.same(limits(configured).slice(0, 2), [1, 7])
  t.same(limits(await made(['true'], top)), [1, 3, top, top], 'inside of a session the configuration says nothing')
  await refused(['true'], await made(['true'], configured), /max_depth = 1 held when session \S+ was started/)
})
