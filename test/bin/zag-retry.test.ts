// zag-retry: the same again, with all it was asked for; which of several; and nothing at all if one cannot be had.

import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { seed, selects, ways } from '../help/selection.js'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const retry = (args: string[], more = {}) => zag.go('retry', args, more)
const session = (id: string) => JSON.parse(readFileSync(zag.file(id, 'session.json'), 'utf8'))
const again = async (args: string[], more = {}) => {
  const { code, stdout, stderr } = await retry([...args, '--json'], more)
  if (code !== 0) throw new Error(stderr)
  const started = rows(stdout)
  await zag.go('wait', ['-q', '-'], { input: stdout })
  return started
}

await t.test('every way of naming sessions', async t => {
  // What is started bears the same names and tags, so each way is asked for by itself, and what it started is forgotten.
  const known = new Set(zag.ids())
  for (const way of ways(seeds)) {
    await selects(
      t,
      [way],
      (args, input) => retry(['--json', ...args], { input }),
      ({ stdout }) => rows(stdout).map(row => String(row.retried_from)),
    )
    const fresh = zag.ids().filter(id => !known.has(id))
    if (fresh.length === 0) continue
    await zag.go('wait', ['-q', ...fresh])
    await zag.go('gc', ['--force', '-q', '--older-than', '0', ...fresh])
  }
  t.same(zag.ids(), [...known])
})

t.test('all it was asked for: script, context, folder, environment, limits, name, tags, group', async t => {
  const below = join(zag.home, 'project', 'below')
  mkdirSync(join(zag.home, 'project', '.git'), { recursive: true })
  mkdirSync(below)
  const script = 'echo "$PWD $MY"; cat "$ZAG_CONTEXT_DIR"/*; cat; exit 3'
  const flags = [
    '-r',
    below,
    '--env',
    'MY=it\'s "x"',
    '--timeout',
    '1h',
    '--keep-children',
    '--group',
    'g',
    '--description',
    'why',
    '--name',
    'n',
  ]
  const context = await zag.go('pipe', [
    '-p',
    'sh',
    ...flags,
    '--json-schema',
    '{}',
    '--as-tag',
    't',
    '--as-tag',
    'u',
    seeds.a,
    '--',
    script,
  ])
  t.match(context, { code: 1 })
  const [first] = rows((await zag.go('status', ['--json', '--latest'])).stdout)
  const id = String(first?.session_id)
  await zag.go('gc', ['--force', '-q', '--older-than', '0', seeds.c])
  const [row] = await again([id], { env: { MY: 'other' } })
  t.match(row, { retried_from: id, interactive: false })
  const next = String(row?.session_id)
  const [was, is] = [session(id), session(next)]
  t.not(is.id, was.id)
  t.same({ ...is, id: '', created_at: '', retried_from: undefined }, { ...was, id: '', created_at: '', retried_from: undefined })
  t.match(is, { retried_from: id, tags: ['t', 'u'], name: 'n', group: 'g', timeout_ms: 3_600_000, keep_children: true, cwd: below })
  for (const file of ['prompt', 'stdin', 'schema', 'result'])
    t.equal(readFileSync(zag.file(next, file), 'utf8'), readFileSync(zag.file(id, file), 'utf8'), file)
  t.match(readFileSync(zag.file(next, 'result'), 'utf8'), `${below} it's "x"\na\n`)
  t.match(rows((await zag.go('events', ['--type', 'session_started', next])).stdout), [{ retried_from: id, run: 1 }])
  t.equal((await zag.go('status', ['n', '--json'])).stdout.includes(next), true, 'the name means the new one')
  const [twice] = await again([next])
  t.equal(session(String(twice?.session_id)).retried_from, next, 'and again')
})

t.test('a provider of another kind: the prompt with its context, byte for byte; --model', async t => {
  const bin = join(zag.home, 'say')
  writeFileSync(bin, '#!/bin/sh\necho "model $1"; cat\n')
  chmodSync(bin, 0o755)
  zag.configure(`[providers.say]\ncommand = ["${bin}", "{model}"]\n`)
  const { stdout } = await zag.go('pipe', ['-p', 'say', '-m', 'one', '-o', 'json', seeds.b, '--', 'go\u0007 "on"'])
  const { session_id: id, result } = JSON.parse(stdout)
  t.match(result, /^model one\n[\s\S]*<session-result[\s\S]*go. "on"$/)
  const [same] = await again([id])
  t.equal(readFileSync(zag.file(String(same?.session_id), 'result'), 'utf8'), result)
  const [other] = await again([id, '--model', 'two'])
  t.equal(readFileSync(zag.file(String(other?.session_id), 'result'), 'utf8'), result.replace('model one', 'model two'))
  t.match(session(String(other?.session_id)), { model: 'two', flags: { model: 'two' } })
  t.match(await retry([seeds.a, '-m', 'x']), { code: 2, stdout: '', stderr: /provider 'sh' has no --model/ })
  const before = zag.ids()
  writeFileSync(join(zag.home, 'opencode'), '#!/bin/sh\n')
  chmodSync(join(zag.home, 'opencode'), 0o755)
  const env = { PATH: `${zag.home}:${process.env.PATH}` }
  await zag.go('exec', ['-p', 'opencode', '-m', 'a/b', 'x'], { env })
  const models = ['retry', ['--latest', '-m', 'one']] as const
  t.match(await zag.go(...models, { env }), { code: 2, stdout: '', stderr: /opencode has no model 'one'/ }, 'as when it was asked for')
  before.push(...zag.ids().slice(-1))
  chmodSync(bin, 0o644)
  t.match(await retry([seeds.a, id]), { code: 126, stdout: '', stderr: /provider 'say' cannot be used/ })
  rmSync(bin)
  t.match(await retry([seeds.a, id]), { code: 127, stdout: '', stderr: /provider 'say' cannot be used/ })
  t.same(zag.ids(), before, 'nothing was started')
})

t.test('--failed', async t => {
  const tag = ['--tag', 'mixed']
  const ok = (await zag.over('true', tag)).session_id
  t.match(await retry(['--failed', ...tag]), { code: 0, stdout: '', stderr: 'zag-retry: nothing to retry: none of them failed\n' })
  const failed = (await zag.over('exit 1', tag)).session_id
  const gate = zag.gate()
  const cancelled = await zag.spawn(gate.script, tag)
  await zag.go('cancel', [cancelled, '--grace', '0'])
  gate.open()
  const started = await again(['--failed', '--tag', 'mixed', ok])
  t.same(
    started.map(row => row.retried_from),
    [failed, cancelled],
  )
  const { stdout } = await retry([failed])
  t.ok(zag.ids().includes(stdout.trim()), 'without --json the id')
})

t.test('one that is not over: 4, and nothing is started', async t => {
  const gate = zag.gate()
  const id = await zag.spawn(gate.script, ['--tag', 'slow'])
  const before = zag.ids()
  t.match(await retry([seeds.a, id]), { code: 4, stdout: '', stderr: new RegExp(`^zag-retry: session ${id} is running: zag wait`) })
  const passedOver = await retry(['--failed', '--tag', 'slow'])
  t.same(
    passedOver,
    { ...passedOver, code: 0, stdout: '', stderr: 'zag-retry: nothing to retry: none of them failed\n' },
    'it has not failed',
  )
  t.same(zag.ids(), before)
  gate.open()
  await zag.go('wait', [id])
  t.match(await again([id]), [{ retried_from: id }])
})

t.test('2, 3 and 5', async t => {
  t.match(await retry([]), { code: 2, stdout: '', stderr: /which sessions\?/ })
  t.match(await retry(['nobody']), { code: 3, stdout: '', stderr: /no session 'nobody'/ })
  const gone = join(zag.home, 'gone')
  mkdirSync(gone)
  const { session_id: id } = await zag.over('true', ['-r', gone])
  rmSync(gone, { recursive: true })
  t.match(await retry([id]), { code: 2, stdout: '', stderr: /no folder '.*gone'/ })
  mkdirSync(gone)
  rmSync(zag.file(id, 'prompt'))
  t.match(await retry([seeds.b, id]), { code: 5, stdout: '', stderr: /is damaged: its prompt is gone/ })
  t.notOk(existsSync(zag.file(id, 'prompt')))
})

t.test('a graph: what depended on another does so again, and gets what that says now', async t => {
  const mended = join(zag.home, 'mended')
  const first = await zag.spawn(`[ -e '${mended}' ] && echo better`, ['--tag', 'graph'])
  const second = await zag.spawn('cat', ['--tag', 'graph', '--depends-on', first, '--inject-context'])
  t.match(await zag.go('wait', ['--tag', 'graph']), { code: 1 })
  writeFileSync(mended, '')
  const [one, two] = (await retry(['--failed', '--tag', 'graph'])).stdout.split('\n')
  t.match(await zag.go('wait', [one ?? '', two ?? '']), { code: 0 })
  t.match((await zag.go('output', [two ?? ''])).stdout, new RegExp(`session="${one}"[^]*better`))
  t.match(await zag.go('status', [second]), { stdout: 'failed\n' }, 'the old ones stay as they were')
})

t.test('--inject-context: what was given then, though its source is gone; the sources again only where one is started with it', async t => {
  zag.configure('[providers.hears]\ncommand = ["cat"]\n')
  const said = join(zag.home, 'said')
  const says = async (text: string, name: string) => {
    writeFileSync(said + name, text)
    return zag.spawn(`cat '${said}${name}'`, ['--name', name])
  }
  const [gone, stays] = [await says('old words', 'gone'), await says('other words', 'stays')]
  const both = ['--depends-on', gone, '--depends-on', stays, '--inject-context']
  const script = await zag.spawn('cat; ls "$ZAG_CONTEXT_DIR"', both)
  const text = (await zag.go('spawn', ['-p', 'hears', ...both, 'the task'])).stdout.trim()
  t.match(await zag.go('wait', [script, text]), { code: 0 })
  const output = async (id: string | undefined) => (await zag.go('output', [id ?? ''])).stdout
  for (const name of ['gone', 'stays']) writeFileSync(said + name, `new ${name}`)
  const [newStays, newScript, newText] = await again([stays, script, text])
  t.match(
    await output(newText?.session_id),
    /^Results[\s\S]*>\nold words\n[\s\S]*>\nnew stays\n[\s\S]*\n\nthe task$/,
    'one of several: all of them anew',
  )
  t.match(await output(newText?.session_id), new RegExp(`session="${newStays?.session_id}"`))
  t.match(await output(newScript?.session_id), /1-gone.txt\n2-stays.txt\n$/)
  await zag.go('gc', ['--force', '-q', '--older-than', '0', gone])
  const alone = await again([script, text])
  for (const [n, was] of [script, text].entries()) t.equal(await output(alone[n]?.session_id), await output(was))
  for (const { session_id } of alone) t.notOk('context_of' in session(session_id))
  const twice = await again([String(alone[1]?.session_id)])
  t.equal(await output(twice[0]?.session_id), await output(text), 'and again')
})

t.test('--inject-context: one that was never given anything gets it when it starts', async t => {
  const gate = zag.gate()
  const source = await zag.spawn(`${gate.script}; echo late`)
  const waits = await zag.spawn('cat', ['--depends-on', source, '--inject-context'])
  await zag.go('cancel', [waits])
  gate.open()
  await zag.go('wait', [source])
  const [row] = await again([waits])
  t.match((await zag.go('output', [String(row?.session_id)])).stdout, new RegExp(`session="${source}"[^]*late`))
})

t.test('in a sandbox, one that would have to wait: 4, and nothing is started', async t => {
  const first = await zag.spawn('true', ['--tag', 'chain'])
  await zag.spawn('true', ['--tag', 'chain', '--depends-on', first])
  t.match(await zag.go('wait', ['--tag', 'chain']), { code: 0 })
  const before = zag.ids()
  const inside = { env: { ZAG_SANDBOX: '1' } }
  t.match(await retry(['--tag', 'chain'], inside), { code: 4, stdout: '', stderr: /would be started outside of this sandbox/ })
  t.same(zag.ids(), before)
  t.match(await again([first], inside), [{ retried_from: first }], 'what need not wait is started')
})

t.test('--json: pid is null as long as one waits', async t => {
  const slow = join(zag.home, 'slow')
  const gate = zag.gate()
  const first = await zag.spawn(`[ ! -e '${slow}' ] || { ${gate.script}; }`, ['--tag', 'late'])
  await zag.spawn('true', ['--tag', 'late', '--depends-on', first])
  t.match(await zag.go('wait', ['--tag', 'late']), { code: 0 })
  writeFileSync(slow, '')
  const { stdout } = await retry(['--json', '--tag', 'late'])
  t.match(rows(stdout), [{ pid: Number }, {}])
  t.equal(rows(stdout)[1]?.pid, null)
  gate.open()
  t.match(await zag.go('wait', ['-'], { input: stdout }), { code: 0 })
})
