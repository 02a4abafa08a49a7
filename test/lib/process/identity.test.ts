import { spawn } from 'node:child_process'
import t from 'tap'
import { identify, isAlive, isElsewhere, myself } from '../../../lib/process/identity.js'
import { parseStat } from '../../../lib/process/linux.js'
import { start, stateOf, until } from '../../help/processes.js'

t.test('this process has one identity', async t => {
  t.same(myself(), identify(process.pid))
  t.equal(myself(), myself(), 'it is asked for once')
  t.match(myself(), { pid: process.pid, start: /^\d+$/, boot: /^[0-9a-f-]{36}$/, host: /./ })
  t.equal(isAlive(myself()), true)
  t.equal(isElsewhere(myself()), false)
})

t.test('a pid without its start time or boot means nothing', async t => {
  t.equal(isAlive({ ...myself(), start: '1' }), false)
  t.equal(isAlive({ ...myself(), boot: '00000000-0000-0000-0000-000000000000' }), false)
})

t.test('an ended process is dead, and has no identity', async t => {
  const { child, pid } = await start(t, 'gentle')
  const identity = identify(pid)
  t.ok(identity && isAlive(identity))
  child.kill('SIGKILL')
  await until(() => stateOf(pid) === '', 'it is reaped')
  t.equal(identity && isAlive(identity), false)
  t.equal(identify(pid), undefined)
})

t.test('a zombie has an identity and is dead', async t => {
  const { others } = await start(t, 'unreaped')
  const [zombie] = others
  await until(() => stateOf(zombie as number) === 'Z', 'it is a zombie')
  const identity = identify(zombie as number)
  t.ok(identity)
  t.equal(identity && isAlive(identity), false)
})

t.test('numbers that mean no process or many', async t => {
  for (const pid of [0, -1, 1.5, Number.NaN, 2 ** 40]) {
    t.equal(identify(pid), undefined, `identify ${pid}`)
    t.equal(isAlive({ ...myself(), pid }), false, `isAlive ${pid}`)
  }
})

t.test('of another host nothing is judged', async t => {
  const stranger = { ...myself(), host: 'another.example', start: '1' }
  t.equal(isElsewhere(stranger), true)
  t.equal(isAlive(stranger), true)
})

t.test("another user's process counts as existing", { skip: process.getuid?.() !== 0 && 'only root can be somebody else' }, async t => {
  const child = spawn('sleep', ['300'], { stdio: 'ignore', uid: 65534 })
  const pid = child.pid as number
  const identity = identify(pid)
  t.ok(identity)
  process.seteuid?.(65533)
  t.teardown(() => {
    process.seteuid?.(0)
    child.kill('SIGKILL')
  })
  t.throws(() => process.kill(pid, 0), { code: 'EPERM' })
  t.equal(identity && isAlive(identity), true)
  t.equal(identity && isAlive({ ...identity, start: '1' }), false)
})

t.test('a process whose name looks like the rest of the line', async t => {
  const tail = 'S 7 8 9 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654 2 3'
  t.same(parseStat(5, `5 (a) Z 1 1 (b) ${tail}`), { pid: 5, ppid: 7, pgid: 8, sid: 9, start: '987654', state: 'S' })
  t.equal(parseStat(5, ''), undefined)
})
