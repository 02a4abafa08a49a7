// zag-cancel: sessions end, gently first, with all that belongs to them and nothing else.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fixture, lives } from '../help/processes.js'
import { begin, until } from '../help/run.js'
import { seed, selects, ways } from '../help/selection.js'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const { a, b } = seeds
const cancel = (args: string[], more = {}) => zag.go('cancel', args, more)
const said = (id: string, text: string) =>
  until(async () => (await zag.go('events', ['--type', 'assistant_message', id])).stdout.includes(text))

await t.test('every way of naming sessions; what is over shows its state and is 0', async t => {
  const states: Record<string, string> = { [b]: 'failed' }
  await selects(
    t,
    ways(seeds),
    (args, input) => cancel(args, { input }),
    ({ code, stdout }, means) =>
      // They end at the same time: the order of the rows is theirs.
      code === 0 ? means.filter(id => stdout.split('\n').includes(`${id}\t${states[id] ?? 'completed'}`)) : [],
  )
})

t.test('a gentle end: SIGINT first, and the agent may say more', async t => {
  const id = await zag.spawn("trap 'echo bye; exit 7' INT; echo ready; while :; do sleep 0.05; done", ['--tag', 'x'])
  await said(id, 'ready')
  t.same(await cancel(['--tag', 'x', '--reason', 'no longer wanted']), { code: 0, signal: null, stdout: `${id}\tcancelled\n`, stderr: '' })
  t.equal((await zag.go('output', [id])).stdout, 'ready\nbye\n')
  const [ended] = rows((await zag.go('events', [id, '--type', 'session_ended'])).stdout)
  t.match(ended, { success: false, status: 'cancelled', reason: 'no longer wanted', exit_code: 7 })
  t.match(rows((await cancel(['--json', id])).stdout), [{ session_id: id, status: 'cancelled', reason: 'no longer wanted' }])
})

t.test('--grace: an agent that forks, ignores INT and TERM, and has a child in a session of its own', async t => {
  const pids = join(zag.home, 'pids')
  const stubborn = "trap '' INT TERM"
  const script = [
    stubborn,
    `echo $$ >>${pids}`,
    `sh -c "${stubborn}; echo \\$\\$ >>${pids}; sleep 300" &`,
    `setsid sh -c 'echo $$ >>${pids}; exec sleep 300' &`,
  ]
  const other = begin(fixture('gentle'), [], { home: zag.home })
  const id = await zag.spawn([...script, `until [ "$(wc -l <${pids})" = 3 ]; do sleep 0.02; done; echo ready; wait; sleep 300`].join('\n'))
  await said(id, 'ready')
  const all = readFileSync(pids, 'utf8').trim().split('\n').map(Number)
  t.equal(all.filter(lives).length, 3)
  t.match(await cancel([id, '--grace', '0.1s']), { code: 0, stdout: `${id}\tcancelled\n`, stderr: '' })
  t.same(all.filter(lives), [], 'nothing of it lives')
  t.ok(lives(Number(other.child.pid)), 'and what is not of it does')
  other.child.kill('SIGKILL')
  await other.ended
})

t.test('--grace 0 is SIGKILL at once; several at once', async t => {
  const ids = await Promise.all([1, 2].map(() => zag.spawn("trap '' INT TERM; echo ready; while :; do sleep 0.05; done")))
  for (const id of ids) await said(id, 'ready')
  const { code, stdout } = await cancel(['--grace', '0', ...ids])
  t.equal(code, 0)
  t.same(stdout.trim().split('\n').sort(), ids.map(id => `${id}\tcancelled`).sort())
})

t.test('a killed runner is no way out', async t => {
  const id = await zag.spawn('echo ready; exec sleep 300')
  await said(id, 'ready')
  const [row] = rows((await zag.go('ps', ['show', '--json', id])).stdout)
  process.kill(Number(row?.runner_pid), 'SIGKILL')
  t.match(await cancel([id]), { code: 0, stdout: new RegExp(`^${id}\t(dead|cancelled)\n$`) })
  t.notOk(lives(Number(row?.pid)))
})

t.test('a stopped runner is ended in its place', async t => {
  const id = await zag.spawn('echo ready; exec sleep 300')
  await said(id, 'ready')
  const [row] = rows((await zag.go('ps', ['show', '--json', id])).stdout)
  process.kill(Number(row?.runner_pid), 'SIGSTOP')
  t.match(await cancel(['--grace', '0', id]), { code: 0, stdout: `${id}\tcancelled\n` })
  t.notOk(lives(Number(row?.pid)))
})

t.test('what a session started ends with it, and with --only it does not', async t => {
  const a = await zag.spawn('echo ready; exec sleep 300', ['--name', 'top'])
  const below = { env: { ZAG_SESSION_ID: a } }
  const done = (await zag.over('true', [], below)).session_id
  const b = await zag.spawn('exec sleep 300', [], below)
  const c = await zag.spawn('exec sleep 300', [], { env: { ZAG_SESSION_ID: b } })
  const waits = await zag.spawn('true', ['--depends-on', c], { env: { ZAG_SESSION_ID: b } })
  t.match(await cancel(['--only', b]), { code: 0, stdout: `${b}\tcancelled\n`, stderr: '' })
  t.same((await zag.go('status', [a, c, waits])).stdout.match(/running|queued/g), ['running', 'running', 'queued'])
  const { code, stdout } = await cancel(['--json', '--reason', 'enough', 'top'])
  t.equal(code, 0)
  const ended = rows(stdout).sort((x, y) => (x.session_id < y.session_id ? -1 : 1))
  t.match(
    ended,
    [a, c, waits].map(session_id => ({ session_id, status: 'cancelled', reason: 'enough' })),
    'all that is ended is told, and nothing else',
  )
  t.equal((await zag.go('status', [done])).stdout, 'completed\n')
})

t.test('2 and 3: never everything by silence', async t => {
  t.match(await cancel([]), { code: 2, stdout: '', stderr: /^zag-cancel: which sessions\?/ })
  t.match(await cancel(['--grace', 'x', a]), { code: 2, stderr: /'--grace': 'x' is no duration/ })
  t.match(await cancel([a, 'nobody']), { code: 3, stdout: '', stderr: /no session 'nobody'/ })
})
