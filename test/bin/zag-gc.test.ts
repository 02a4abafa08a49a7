// zag-gc: what is old and over goes whole; what runs, or is young, stays.

import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { myself } from '../../lib/process/identity.js'
import { zagHome } from '../help/run.js'
import { seed, selects, ways } from '../help/selection.js'
import { Zag } from '../help/sessions.js'

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

await t.test('remains of a crash', async t => {
  const lost = '01a00000-0000-7000-8000-000000000000'
  const marker = join(zagHome(zag.home), 'events', `${lost}.ended`)
  writeFileSync(marker, '{}')
  t.match(await gc([]), { stderr: /would remove 0 sessions \(0 bytes\), and 1 remains of crashes; 0 stay/ })
  t.ok(existsSync(marker))
  t.match(JSON.parse((await gc(['--json', '--force'])).stdout), { remains: [marker], removed: true })
  t.notOk(existsSync(marker))
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
  t.match(await gc(['--older-than', 'x']), { code: 2, stdout: '', stderr: /'--older-than': 'x' is no duration/ })
  t.match(await gc(['nobody']), { code: 3, stdout: '', stderr: /no session 'nobody'/ })
  t.match(await gc(['--tag', 'nobody']), { code: 3, stdout: '', stderr: /no session with tag 'nobody'/ })
})
