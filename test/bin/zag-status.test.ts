// zag-status: the state of each session; and how sessions are named, which is one function and tried here in full.

import { randomUUID } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { removeInUse, until, zagHome } from '../help/run.js'
import { seed, selects, ways } from '../help/selection.js'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const { a, b, c } = seeds
const status = (args: string[], more = {}) => zag.go('status', args, more)

t.test('one session is a bare word, several are id and word', async t => {
  t.same(await status([a]), { code: 0, signal: null, stdout: 'completed\n', stderr: '' })
  t.same(await status([a, b, '-q']), { code: 0, signal: null, stdout: `${a}\tcompleted\n${b}\tfailed\n`, stderr: '' })
})

t.test('in a script', async t => {
  const script = '[ "$(zag status "$SID")" = completed ] && echo yes'
  t.same(await zag.sh(script, { env: { SID: a } }), { code: 0, signal: null, stdout: 'yes\n', stderr: '' })
})

t.test('--json is a row a session', async t => {
  const { code, stdout, stderr } = await status(['--json', a, b])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const [first, second] = rows(stdout)
  t.match(first, { session_id: a, name: 'alpha', status: 'completed', provider: 'sh', model: null, error: null, exit_code: 0 })
  t.match(second, { session_id: b, name: null, status: 'failed', error: 'exit code 3', exit_code: 3 })
  t.type(first?.duration_ms, 'number')
  t.notOk(first && 'runner_pid' in first, 'nothing of it runs')
})

t.test('--exit-code: 0, 1 and 4', async t => {
  t.match(await status(['--exit-code', a, c]), { code: 0, stderr: '' })
  t.match(await status([a, '--exit-code', b]), { code: 1, stdout: `${a}\tcompleted\n${b}\tfailed\n`, stderr: '' })
  const gate = zag.gate()
  const id = await zag.spawn(gate.script)
  t.match(await status(['--exit-code', b, id]), { code: 4, stdout: `${b}\tfailed\n${id}\trunning\n`, stderr: '' })
  t.match(await status([id]), { code: 0, stdout: 'running\n' }, 'without it the answer is only on stdout')
  t.match(rows((await status(['--json', id])).stdout), [{ status: 'running', error: null, runner_pid: Number }])
  gate.open()
  await until(async () => (await status([id])).stdout === 'completed\n')
  t.match(await status(['--exit-code', '--state', 'completed', id]), { code: 0, stdout: 'completed\n' })
  // What follows speaks of the seeds alone.
  await removeInUse(join(zagHome(zag.home), 'sessions', id))
})

t.test('every way of naming sessions', async t => {
  await selects(
    t,
    ways(seeds),
    (args, input) => status(['--json', ...args], { input }),
    ({ stdout }) => rows(stdout).map(row => row.session_id),
  )
})

t.test('flags before and after operands, as text too', async t => {
  for (const args of [
    ['--json', a, '--tag', 'blue'],
    [a, '--tag', 'blue', '--json'],
    ['--tag=blue', '--json', '--', a],
  ])
    t.equal(rows((await status(args)).stdout).length, 3, args.join(' '))
})

t.test('what names nothing is 3 and says so', async t => {
  const says = async (args: string[], stderr: string | RegExp, more = {}) =>
    t.match(await status(args, more), { code: 3, stdout: '', stderr })
  await says(['kx7'], "zag-status: no session 'kx7': see zag ps --all\n")
  await says(['../..'], /no session '\.\.\/\.\.'/)
  await says([randomUUID()], /no session '/)
  await says([a.slice(-3)], /no session '/)
  await says(['x'.repeat(100_000)], /^zag-status: no session 'x+\.\.\.x+': see zag ps --all\n$/)
  await says(['--name', 'nobody'], "zag-status: no session named 'nobody'\n")
  await says(['--tag', 'nobody', '--tag', 'red'], "zag-status: no session with tag 'nobody' and with tag 'red'\n")
  await says(['-'], "zag-status: stdin has no session: '-' reads ids or rows with session_id, a line each\n")
  await says(['-'], /no session 'line two'/, { input: `${a}\nline two\n` })
  await says(['--latest'], /no session/, { env: { ZAG_HOME: join(zag.home, 'fresh') } })
})

t.test('an ambiguous part lists the candidates', async t => {
  const twin = `00000000${a.slice(8)}`
  const folder = (id: string) => join(zagHome(zag.home), 'sessions', id)
  cpSync(folder(a), folder(twin), { recursive: true })
  writeFileSync(zag.file(twin, 'session.json'), readFileSync(zag.file(a, 'session.json'), 'utf8').replace(a, twin))
  const end = join(zagHome(zag.home), 'index/end', a.slice(-2))
  mkdirSync(end, { recursive: true })
  cpSync(join(end, a), join(end, twin))
  const { code, stdout, stderr } = await status([a.slice(-8)])
  t.match({ code, stdout }, { code: 3, stdout: '' })
  t.match(stderr, /^zag-status: '[0-9a-f]{8}' fits 2 sessions: .*: give more of the id\n$/)
  for (const id of [a, twin]) t.match(stderr, id)
  t.match(stderr, "'alpha'", 'with their names')
  t.match(await status([a]), { code: 0, stdout: 'completed\n' }, 'the whole id is not ambiguous')
  rmSync(folder(twin), { recursive: true })
})

t.test('wrong usage is 2 and does nothing', async t => {
  const says = async (args: string[], stderr: string | RegExp, more = {}) =>
    t.match(await status(args, more), { code: 2, stdout: '', stderr })
  await says([], 'zag-status: which sessions? name some, or give --tag, --latest or --all\n')
  await says(['--state', 'failed'], /^zag-status: which sessions\?/)
  await says(['--all', '--state', 'done'], /^zag-status: 'done' is no state: queued, running, .*dead\n$/)
  await says(['--all', '-r', 'nowhere'], "zag-status: no folder 'nowhere': give one that exists\n")
  await says(['--lastest'], /no flag '--lastest': did you mean --latest\?/)
  await says(['-', '-'], /stdin can be read once/, { input: a })
  await says(['-'], /row 2 .*no session_id/, { input: `{"session_id":"${a}"}\n{"id":1}\n` })
  await says(['-'], /row 2 is no JSON object: 'nonsense'/, { input: `{"session_id":"${a}"}\nnonsense\n` })
})
