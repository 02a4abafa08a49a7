// zag-wait: it returns when sessions end, says how each ended, and never hangs on one that is over.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lives } from '../help/processes.js'
import { Asking } from '../help/relays.js'
import { begin, until } from '../help/run.js'
import { seed, selects, ways } from '../help/selection.js'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const { a, b, c } = seeds
const wait = (args: string[], more = {}) => zag.go('wait', args, more)

t.test('0: a line each', async t => {
  t.same(await wait([a]), { code: 0, signal: null, stdout: `${a}\tcompleted\n`, stderr: '' })
  t.same(await wait([a, c]), { code: 0, signal: null, stdout: `${a}\tcompleted\n${c}\tcompleted\n`, stderr: '' })
})

t.test('1: one failed', async t => {
  t.same(await wait([b]), { code: 1, signal: null, stdout: `${b}\tfailed\texit code 3\n`, stderr: '' })
})

t.test('--json', async t => {
  const { stdout } = await wait(['--json', a, b])
  t.match(rows(stdout), [
    { session_id: a, status: 'completed', exit_code: 0, duration_ms: Number },
    { session_id: b, status: 'failed', exit_code: 3, error: 'exit code 3', duration_ms: Number },
  ])
})

t.test('every way of naming sessions', async t => {
  await selects(
    t,
    ways(seeds),
    (args, input) => wait(['--json', ...args], { input }),
    // In the order in which they ended: it is not that in which they were named.
    ({ stdout }, means) => means.filter(id => rows(stdout).some(row => row.session_id === id)),
  )
})

t.test('3 and 2', async t => {
  t.match(await wait(['nobody']), { code: 3, stdout: '', stderr: /no session 'nobody'/ })
  t.match(await wait(['-'], { input: '' }), { code: 3, stdout: '', stderr: /stdin has no session/ })
  t.match(await wait(['--any', '--count', '2', a]), { code: 2, stdout: '', stderr: /--any is --count 1/ })
  t.match(await wait([]), { code: 2, stdout: '', stderr: /which sessions/ })
  t.match(await wait(['--count', '0', a]), { code: 2, stdout: '', stderr: /'--count'/ })
})

t.test('124: time ran out; what ended before is on stdout', async t => {
  const gate = zag.gate()
  const id = await zag.spawn(gate.script)
  t.same(await wait(['--timeout', '100ms', id, a]), {
    code: 124,
    signal: null,
    stdout: `${a}\tcompleted\n`,
    stderr: 'zag-wait: 1 of 2 not over after 0.1s\n',
  })
  t.match(await wait(['-q', '--timeout', '0', id]), { code: 124, stdout: '', stderr: '' })
  gate.open()
  t.match(await wait(['--timeout', '20', id]), { code: 0, stdout: `${id}\tcompleted\n` })
})

t.test('as each ends; --any and --count', async t => {
  const gates = [zag.gate(), zag.gate(), zag.gate()]
  const ids = await Promise.all(gates.map(({ script }, i) => zag.spawn(`${script}; exit ${i}`, ['--tag', 'race'])))
  const all = begin('zag-wait', ['--tag', 'race'], { home: zag.home })
  const any = begin('zag-wait', ['--any', ...ids], { home: zag.home })
  const two = begin('zag-wait', ['--count', '2', ...ids], { home: zag.home })
  gates[2]?.open()
  t.match(await any.ended, { code: 1, stdout: `${ids[2]}\tfailed\texit code 2\n`, stderr: '' })
  await until(() => all.stdout === `${ids[2]}\tfailed\texit code 2\n`)
  gates[0]?.open()
  t.match(await two.ended, { code: 1, stdout: `${ids[2]}\tfailed\texit code 2\n${ids[0]}\tcompleted\n` })
  t.match(await wait(['--any', ids[0] as string, ids[1] as string]), { code: 0, stdout: `${ids[0]}\tcompleted\n` })
  gates[1]?.open()
  t.match(await all.ended, { code: 1, stderr: '', stdout: new RegExp(`^${ids[2]}.*\n${ids[0]}.*\n${ids[1]}.*\n$`) })
})

t.test('a tag is looked up again until nothing of it is left', async t => {
  const [first, second] = [zag.gate(), zag.gate()]
  const one = await zag.spawn(first.script, ['--tag', 'grows'])
  const waiting = begin('zag-wait', ['--tag', 'grows'], { home: zag.home })
  const two = await zag.spawn(second.script, ['--tag', 'grows'])
  first.open()
  await until(() => waiting.stdout === `${one}\tcompleted\n`)
  second.open()
  t.match(await waiting.ended, { code: 0, stdout: `${one}\tcompleted\n${two}\tcompleted\n` })
})

t.test('a tag of one project: neither waited for nor judged in others, nor what comes later there', async t => {
  const [here, there] = ['here', 'there'].map(name => join(zag.home, name)) as [string, string]
  for (const folder of [here, there]) mkdirSync(join(folder, '.git'), { recursive: true })
  const [gate, other] = [zag.gate(), zag.gate()]
  const tag = ['--tag', 'both']
  await zag.over('exit 1', [...tag, '-r', there])
  const runs = await zag.spawn(other.script, [...tag, '-r', there])
  const first = (await zag.over('true', [...tag, '-r', here])).session_id
  const only = { code: 0, signal: null, stdout: `${first}\tcompleted\n`, stderr: '' }
  t.same(await wait([...tag, '-r', here, '--timeout', '30']), only)
  const second = await zag.spawn(gate.script, [...tag, '-r', here])
  const waiting = begin('zag-wait', [...tag, '-r', here, '--timeout', '60'], { home: zag.home })
  await until(() => waiting.stdout === `${first}\tcompleted\n`)
  await zag.over('exit 2', [...tag, '-r', there])
  const gate3 = zag.gate()
  const third = await zag.spawn(gate3.script, [...tag, '-r', here])
  gate.open()
  await until(() => waiting.stdout.includes(second))
  gate3.open()
  t.match(await waiting.ended, { code: 0, stdout: `${first}\tcompleted\n${second}\tcompleted\n${third}\tcompleted\n`, stderr: '' })
  other.open()
  t.match(await wait([runs]), { code: 0 })
})

t.test('the signal that ended it', async t => {
  const { session_id } = await zag.over('kill -9 $$')
  t.match(rows((await wait(['--json', session_id])).stdout), [{ signal: 'SIGKILL', status: 'failed' }])
})

t.test('a cancelled one is 1', async t => {
  const id = await zag.spawn('exec sleep 300')
  const waiting = begin('zag-wait', [id], { home: zag.home })
  await zag.go('cancel', [id])
  t.match(await waiting.ended, { code: 1, stdout: `${id}\tcancelled\n`, stderr: '' })
})

t.test('a runner that was killed is found by who waits', async t => {
  const id = await zag.spawn('echo said; exec sleep 300')
  await until(async () => (await zag.go('events', [id, '--type', 'assistant_message'])).stdout !== '')
  const waiting = begin('zag-wait', ['--json', id], { home: zag.home })
  const [row] = rows((await zag.go('ps', ['show', '--json', id])).stdout)
  process.kill(Number(row?.runner_pid), 'SIGKILL')
  const began = Date.now()
  t.match(await waiting.ended, { code: 1, stdout: /"status":"dead","provider":"sh".*"error":"its runner is gone"/ })
  t.ok(Date.now() - began < 10_000)
  t.notOk(lives(Number(row?.pid)), 'its agent was ended')
  t.equal((await zag.go('status', [id])).stdout, 'dead\n')
  t.equal((await zag.go('output', [id])).stdout, 'said\n')
})

t.test('one that asks: told once, with how to answer; --fail-on-relay is 1', async t => {
  const asking = new Asking(zag)
  const { id, relays } = await asking.session(['rm \u001b[31mx'], ['--name', 'asks'])
  const [first = ''] = relays
  const told = `zag-wait: session ${id.slice(-8)} asks (sh) waits for an answer: bash: rm \\u001b[31mx (zag approve ${first.slice(-8)}, or zag deny ${first.slice(-8)})\n`
  t.same(await wait(['--fail-on-relay', id, a]), { code: 1, signal: null, stdout: `${a}\tcompleted\n`, stderr: told })
  t.same(await wait(['--fail-on-relay', '-q', id]), { code: 1, signal: null, stdout: '', stderr: '' })
  t.match(await wait(['--timeout', '200ms', id, c]), {
    code: 124,
    stderr: new RegExp(`^${told.replace(/[[\]()\\]/g, '\\$&')}zag-wait: 1 of 2 not over`),
  })
  const waiting = begin('zag-wait', [id], { home: zag.home })
  await until(() => waiting.stderr === told)
  await zag.go('approve', [first])
  t.same(await waiting.ended, { code: 0, signal: null, stdout: `${id}\tcompleted\n`, stderr: told })
  const gate = zag.gate()
  const later = await zag.spawn(`${gate.script}; ${asking.script(['later'])}`)
  const failing = begin('zag-wait', ['--fail-on-relay', later], { home: zag.home })
  const quiet = begin('zag-wait', ['-q', later], { home: zag.home })
  gate.open()
  t.match(await failing.ended, { code: 1, stdout: '', stderr: /bash: later \(zag approve/ }, 'also one that asks while it is waited for')
  await zag.go('deny', ['--session', later])
  t.same(await quiet.ended, { code: 0, signal: null, stdout: `${later}\tcompleted\n`, stderr: '' })
})
