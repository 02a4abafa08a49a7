// zag-gc: what is old and over goes whole; what runs, or is young, stays.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { paths } from '../../lib/base/paths.js'
import { addRule, groupRules, onceRules } from '../../lib/permission/rules.js'
import { myself } from '../../lib/process/identity.js'
import { Asking } from '../help/relays.js'
import { until, zagHome } from '../help/run.js'
import { seed, selects, ways } from '../help/selection.js'
import { Zag } from '../help/sessions.js'
import { end, started, writeInto } from '../help/written.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const { a, b, c } = seeds
const gc = (args: string[], more = {}) => zag.go('gc', args, more)
const files = () =>
  readdirSync(zagHome(zag.home), { recursive: true })
    .filter(name => !String(name).startsWith('processes'))
    .sort()

await t.test('every way of narrowing; a dry run changes nothing', async t => {
  const before = files()
  await selects(
    t,
    ways(seeds).filter(({ args }) => !args.includes('--state') || args.includes('--all')),
    (args, input) => gc(['--older-than', '0', ...args], { input }),
    ({ stdout }) => stdout.split('\n').filter(Boolean),
  )
  t.same(files(), before)
})

await t.test('only what is older than --older-than, by default a week', async t => {
  t.same(await gc([]), {
    code: 0,
    signal: null,
    stdout: '',
    stderr: 'zag-gc: would remove 0 sessions (0 bytes); 3 stay (--force removes)\n',
  })
  t.match(await gc(['--older-than', '1h']), { code: 0, stdout: '' })
  t.match(await gc(['--older-than', '0s']), {
    code: 0,
    stdout: `${a}\n${b}\n${c}\n`,
    stderr: /^zag-gc: would remove 3 sessions \(\d+ bytes\); 0 stay \(--force removes\)\n$/,
  })
  t.same(await gc(['-q', '--state', 'failed', '--older-than=0']), { code: 0, signal: null, stdout: `${b}\n`, stderr: '' })
  t.match(await gc(['--force']), { code: 0, stdout: '', stderr: /^zag-gc: removed 0 sessions/ })
  t.equal(zag.ids().length, 3)
})

await t.test('--json', async t => {
  const { code, stdout, stderr } = await gc(['--json', '--older-than', '0', a])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const said = JSON.parse(stdout)
  t.match(said, { sessions: [a], kept: 0, remains: [], removed: false })
  t.ok(said.bytes > 100)
})

await t.test('--force removes it with all that pointed to it', async t => {
  t.match(await gc(['--force', '--older-than', '0', '--tag', 'red']), {
    code: 0,
    stdout: `${a}\n${b}\n`,
    stderr: /^zag-gc: removed 2 sessions \(\d+ bytes\); 0 stay\n$/,
  })
  t.same(zag.ids(), [c])
  for (const id of [a, b]) {
    t.same(
      files().filter(name => String(name).includes(id) && !String(name).includes('parent')),
      [],
    )
    t.match(await zag.go('status', [id]), { code: 3 })
  }
  t.equal((await zag.go('ps', ['-a', '-q'])).stdout, `${c}\n`)
  t.match(await zag.go('status', ['--tag', 'red']), { code: 3 })
  t.match(await zag.go('status', ['alpha']), { code: 0, stdout: 'completed\n' }, 'the other of that name is still there')
  t.match(JSON.parse((await gc(['--force', '--json', '--older-than', '0', c])).stdout), { sessions: [c], removed: true })
})

await t.test('never what runs', async t => {
  const gate = zag.gate()
  const id = await zag.spawn(gate.script)
  t.match(await gc(['--force', '--older-than', '0']), { code: 0, stdout: '', stderr: /removed 0 sessions .*; 1 stay\n$/ })
  t.match(await gc(['--force', '--older-than', '0', id]), { code: 0, stdout: '' })
  t.match(await zag.go('status', [id]), { stdout: 'running\n' })
  gate.open()
  t.match(await zag.go('wait', [id]), { code: 0 })
  t.match(await gc(['--force', '--older-than', '0']), { code: 0, stdout: `${id}\n` })
})

await t.test('--keep-last: the newest of the choice stay', async t => {
  const ids: string[] = []
  for (const tag of ['k', 'k', 'other', 'k']) ids.push((await zag.over('echo x', ['--tag', tag])).session_id)
  const [one, two, other, three] = ids as [string, string, string, string]
  const old = ['--older-than', '0']
  t.match(await gc([...old, '--keep-last', '1', '--tag', 'k']), { stdout: `${one}\n${two}\n`, stderr: /would remove 2 .*; 1 stay/ })
  t.match(await gc([...old, '--keep-last=2', three, one, two]), { stdout: `${one}\n` }, 'newest by when they were made')
  t.match(await gc([...old, '--keep-last', '9', '--all']), { stdout: '', stderr: /would remove 0 .*; 4 stay/ })
  t.match(await gc([...old, '--keep-last', '0', '--tag', 'k', '-q']), { stdout: `${one}\n${two}\n${three}\n` })
  t.match(await gc(['--force', ...old, '--keep-last', '2']), { stdout: `${one}\n${two}\n`, stderr: /removed 2 sessions/ })
  t.same(zag.ids(), [other, three])
  t.match(await gc(['--force', ...old]), { stdout: `${other}\n${three}\n` })
})

await t.test('--keep-logs: what the agent wrote goes; it is listed, read and collected as before', async t => {
  const source = (await zag.over('echo of another', ['--tag', 'source'])).session_id
  const piped = await zag.go('pipe', ['-p', 'sh', '--name', 'piped', '--as-tag', 'logs', source, '--', 'cat; echo warn >&2'])
  t.equal(piped.code, 0)
  const id = zag.ids().at(-1) as string
  const long = `${'# a long prompt\n'.repeat(20_000)}echo done`
  const { session_id: wordy } = JSON.parse((await zag.go('exec', ['-p', 'sh', '-o', 'json', '--tag', 'logs', '-'], { input: long })).stdout)
  const look = async () => {
    const all = await Promise.all([
      zag.go('events', ['--tag', 'logs']),
      zag.go('search', ['--tag', 'logs', 'another']),
      zag.go('search', ['--tag', 'logs', 'long prompt', '-c']),
      zag.go('collect', ['--tag', 'logs', '--json']),
      zag.go('output', ['--tag', 'logs']),
      zag.go('ps', ['-a', '--json', '--tag', 'logs']),
      zag.go('status', ['--tag', 'logs']),
    ])
    return all.map(({ code, stdout }) => ({ code, stdout }))
  }
  const before = await look()
  const args = ['--keep-logs', '--older-than', '0', '--tag', 'logs']
  const dry = JSON.parse((await gc([...args, '--json'])).stdout)
  t.match(dry, { sessions: [id, wordy], kept: 0, removed: false, logs_kept: true })
  const sizes = ['stdout', 'stderr', 'stdin', 'prompt'].map(name => readFileSync(zag.file(id, name)).length)
  const context = readdirSync(zag.file(id, 'context')).map(name => readFileSync(join(zag.file(id, 'context'), name)).length)
  const sum = [...sizes, ...context, readFileSync(zag.file(wordy, 'stdout')).length].reduce((a, b) => a + b, 0)
  t.equal(dry.bytes, sum)
  t.match(await gc(['--force', ...args]), {
    code: 0,
    stdout: `${id}\n${wordy}\n`,
    stderr: `zag-gc: removed all but the logs of 2 sessions (${sum} bytes); 0 stay\n`,
  })
  t.same(readdirSync(zag.file(id, '.')).sort(), ['log.ndjson', 'owner.1', 'result', 'session.json'])
  t.ok(existsSync(zag.file(wordy, 'prompt')), 'the log refers to it')
  t.same(await look(), before)
  t.match(JSON.parse(readFileSync(zag.file(id, 'session.json'), 'utf8')), { stripped_at: String, tags: ['logs'] })
  t.match(await gc([...args]), { stdout: '', stderr: /would remove all but the logs of 0 sessions \(0 bytes\); 2 stay/ }, 'nothing more')
  for (const one of [id, wordy])
    t.match(await zag.go('retry', [one]), { code: 5, stderr: /was stripped to its log by zag gc --keep-logs: what it was asked is gone/ })
  t.match(await zag.go('doctor', []), { code: 0 }, 'and doctor has nothing to say of it')
  t.match(await gc(['--force', '--older-than', '0']), { stdout: `${source}\n${id}\n${wordy}\n` }, 'later it can go whole')
})

await t.test('a session on which one that is not over depends stays', async t => {
  writeInto(t, zag.home)
  const first = (await zag.over('echo x')).session_id
  const next = started({ depends_on: [first] })
  t.match(await gc(['--force', '--older-than', '0']), { stdout: '', stderr: /; 2 stay/ })
  t.match(await gc(['--force', '--older-than', '0', '--keep-logs']), { stdout: '' }, 'as it is')
  end(next)
  t.match(await gc(['--force', '--older-than', '0']), { stdout: `${first}\n${next}\n` })
})

await t.test('answers to relays: old ones, and those of sessions that are gone', async t => {
  const asking = new Asking(zag)
  const { id } = await asking.session(['x'])
  const outside = asking.outside(['y'])
  await until(async () => (await asking.open()).length === 2)
  await zag.go('approve', ['--all'])
  await outside.ended
  await asking.answers(id)
  const folder = join(zagHome(zag.home), 'relays', 'answered')
  t.match(JSON.parse((await gc(['--json', '--force'])).stdout), { answers: 0 })
  t.equal(readdirSync(folder).length, 2)
  await zag.go('session', ['delete', id])
  t.match(await gc([]), { stderr: /would remove 0 sessions \(0 bytes\), 1 answers to relays; / })
  t.match(JSON.parse((await gc(['--json', '--force'])).stdout), { answers: 1 })
  t.equal(readdirSync(folder).length, 1)
  t.match(JSON.parse((await gc(['--json', '--force', '--older-than', '0', '--keep-last', '99'])).stdout), { answers: 1 })
  t.same(readdirSync(folder), [])
})

await t.test('marks of once-rules that were used up, and of locks whose holders died: old ones', async t => {
  process.env.ZAG_HOME = zagHome(zag.home)
  const rule = (group: string) => addRule(group, 'bash(command=x)', 'once', 'person')
  const use = (group: string, id: string) => onceRules(group).take({ tool: 'bash', params: {}, once: id })
  const long = `/${'long/'.repeat(100)}`
  const [mine, odd, young, kept] = [rule('g'), rule(long), rule('g'), rule('g')]
  for (const [group, { id }] of [
    ['g', mine],
    [long, odd],
    ['g', young],
  ] as const)
    use(group, id)
  const [used, elsewhere, fresh] = [paths.inGroup('g', 'once'), paths.inGroup(long, 'once'), paths.inGroup('g', 'once')]
  const marks = [join(used, mine.id), join(elsewhere, odd.id)]
  const old = new Date(Date.now() - 30 * 86_400_000)
  for (const path of marks) utimesSync(path, old, old)
  const locks = paths.inGroup('g', 'locks')
  mkdirSync(locks)
  const claims = {
    'a.1': { ...myself(), start: '1', since: 1 },
    'a.2': { ...myself(), since: 1 },
    'b.1': { ...myself(), start: '1', since: Date.now() },
  }
  for (const [name, claim] of Object.entries(claims)) writeFileSync(join(locks, name), JSON.stringify(claim))
  writeFileSync(join(locks, 'c.1'), '{"torn')
  t.match(await gc([]), { stderr: /would remove 0 sessions \(0 bytes\), 3 marks of rules and locks; / })
  t.match(JSON.parse((await gc(['--json'])).stdout), { marks: 3, remains: [] })
  t.ok(marks.every(existsSync))
  t.equal(readdirSync(locks).length, 4, 'a dry run')
  t.match(JSON.parse((await gc(['--json', '--force', '--keep-last', '99'])).stdout), { marks: 3 })
  t.notOk(marks.some(existsSync))
  t.same(readdirSync(locks).sort(), ['a.1', 'a.2', 'b.1'], 'those of one that somebody holds, and a young one')
  t.same(readdirSync(fresh), [young.id])
  t.same(
    groupRules('g').map(({ id }) => id),
    [kept.id],
    'what was used up does not come back',
  )
  t.same(groupRules(long), [])
  t.match(
    JSON.parse((await gc(['--json', '--force', '--older-than', '0', '--keep-last', '99'])).stdout),
    { marks: 0 },
    'not within a minute',
  )
})

await t.test('remains of a crash', async t => {
  const lost = '01a00000-0000-7000-8000-000000000000'
  const marker = join(zagHome(zag.home), 'events', `${lost}.ended`)
  writeFileSync(marker, '{}')
  t.match(await gc([]), { stderr: /would remove 0 sessions \(0 bytes\), 1 remains of crashes; 0 stay/ })
  t.ok(existsSync(marker))
  t.match(JSON.parse((await gc(['--json', '--force'])).stdout), { remains: [marker], removed: true })
  t.notOk(existsSync(marker))
})

await t.test('what a kill left half written goes once it is old, in the folders of sessions too', async t => {
  const at = (...parts: string[]) => join(zagHome(zag.home), ...parts)
  const { session_id: id } = await zag.over('echo x')
  // No process has such a number.
  const [old, young, busy] = ['.99999999-1-a.tmp', '.99999999-2-a.tmp', `.${process.pid}-1-a.tmp`]
  const folders = [at('events'), at('server'), at('groups', 'g', 'once'), at('sessions', id), at('sessions', id, 'turns', '2')]
  const before = new Date(Date.now() - 700_000)
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true })
    for (const name of [old, young, busy]) writeFileSync(join(folder, name), '')
    for (const name of [old, busy]) utimesSync(join(folder, name), before, before)
  }
  const left = () => folders.map(folder => [old, young, busy].filter(name => existsSync(join(folder, name))))
  t.match(await gc([]), { code: 0, stderr: /would remove 0 sessions/ })
  t.strictSame(new Set(left().flat()), new Set([old, young, busy]), 'a dry run removes nothing')
  t.match(await gc(['--force']), { code: 0 })
  t.same(
    left(),
    folders.map(() => [young, busy]),
  )
  for (const folder of folders) for (const name of [young, busy]) rmSync(join(folder, name))
})

await t.test('locks of who was killed', async t => {
  const at = (...parts: string[]) => join(zagHome(zag.home), ...parts)
  const held = [at('sessions', '01a00000-0000-7000-8000-000000000001.lock'), at('processes', 'other.lock')]
  const dead = [at('sessions', '01a00000-0000-7000-8000-000000000002.lock'), at('processes', 'fold.lock')]
  for (const lock of [...held, ...dead]) mkdirSync(lock)
  const holder = at('processes', 'fold.holder')
  writeFileSync(holder, '{}')
  const before = new Date(Date.now() - 120_000)
  for (const path of [holder, ...dead]) utimesSync(path, before, before)
  t.same(JSON.parse((await gc(['--json', '--force'])).stdout).remains.sort(), [holder, ...dead].sort())
  t.same([...held, ...dead, holder].filter(existsSync), held)
  for (const lock of held) rmSync(lock, { recursive: true })
})

await t.test('a folder made aside stays while it is fresh, or while its maker lives', async t => {
  const aside = (name: string, owner?: object) => {
    const path = join(zagHome(zag.home), 'aside', name)
    mkdirSync(path)
    writeFileSync(join(path, 'prompt'), 'x')
    if (owner) writeFileSync(join(path, 'owner.1'), JSON.stringify({ role: 'spawn', run: 1, ...owner }))
    return path
  }
  const dead = { ...myself(), start: '1' }
  const id = (n: number) => `01a00000-0000-7000-8000-00000000000${n}`
  const young = [aside(id(1)), aside(id(2), dead), aside(`${id(3)}.gone`)]
  const made = aside(id(4), myself())
  const old = [aside(id(5)), aside(id(6), dead), aside(`${id(7)}.gone`)]
  const before = new Date(Date.now() - 120_000)
  for (const path of [made, ...old]) utimesSync(path, before, before)
  t.same(JSON.parse((await gc(['--json', '--force'])).stdout).remains.sort(), old)
  t.same([...young, made, ...old].filter(existsSync), [...young, made])
})

t.test('an empty home, 2 and 3', async t => {
  t.match(await gc(['--force'], { env: { ZAG_HOME: join(zag.home, 'fresh') } }), { code: 0, stdout: '' })
  t.match(await gc(['--keep-last', 'x']), { code: 2, stdout: '', stderr: /'--keep-last': 'x' is no number/ })
  t.match(await gc(['--older-than', 'x']), { code: 2, stdout: '', stderr: /'--older-than': 'x' is no duration/ })
  t.match(await gc(['nobody']), { code: 3, stdout: '', stderr: /no session 'nobody'/ })
  t.match(await gc(['--tag', 'nobody']), { code: 3, stdout: '', stderr: /no session with tag 'nobody'/ })
})
