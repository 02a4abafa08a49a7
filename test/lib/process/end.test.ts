import t from 'tap'
import { endAll, endGroupLeftovers, endOne } from '../../../lib/process/end.js'
import { identify, myself } from '../../../lib/process/identity.js'
import { lives, start, stateOf, until } from '../../help/processes.js'

const mark = () => `test-${process.pid}-${Math.random().toString(36).slice(2)}.1`
const startOf = (pid: number) => identify(pid)?.start

t.test('an agent that forks, ignores signals and hides its children is gone; bystanders live', async t => {
  const own = mark()
  const near = await start(t, 'gentle', { ZAG_PROCESS_ID: `${own}0` })
  const far = await start(t, 'gentle')
  const { pid, others } = await start(t, 'stubborn', { ZAG_PROCESS_ID: own })
  t.same(await endAll({ pid, start: startOf(pid), mark: own }, { grace: 100 }), { signal: 'SIGKILL', left: [] })
  t.same([pid, ...others].filter(lives), [])
  t.equal(others.length, 4)
  t.ok(lives(near.pid) && lives(far.pid))
})

t.test('an agent that ends on the first signal costs no grace', async t => {
  const own = mark()
  const { pid } = await start(t, 'gentle', { ZAG_PROCESS_ID: own })
  const began = performance.now()
  t.same(await endAll({ pid, start: startOf(pid), mark: own }, { grace: 60_000 }), { signal: 'SIGINT', left: [] })
  t.comment(`${(performance.now() - began).toFixed(1)} ms`)
  t.notOk(lives(pid))
})

t.test('the ladder may begin with TERM', async t => {
  const own = mark()
  const { pid } = await start(t, 'gentle', { ZAG_PROCESS_ID: own })
  t.same(await endAll({ pid, start: startOf(pid), mark: own }, { grace: 60_000, first: 'SIGTERM' }), { signal: 'SIGTERM', left: [] })
})

t.test('without grace it is KILL at once', async t => {
  const own = mark()
  const { pid, child } = await start(t, 'gentle', { ZAG_PROCESS_ID: own })
  t.same(await endAll({ pid, start: startOf(pid), mark: own }, { grace: 0 }), { signal: 'SIGKILL', left: [] })
  await until(() => child.signalCode !== null, 'the exit is seen')
  t.equal(child.signalCode, 'SIGKILL')
})

t.test('nothing there is nothing sent', async t => {
  t.same(await endAll({ mark: mark() }, { grace: 60_000 }), { signal: undefined, left: [] })
})

t.test('a process that has the number of the agent is never signalled', async t => {
  const { pid, others } = await start(t, 'stubborn')
  const target = { pid, start: '1', mark: mark() }
  t.same(await endAll(target, { grace: 0 }), { signal: undefined, left: [] })
  t.same(await endAll({ ...target, start: undefined }, { grace: 0 }), { signal: undefined, left: [] })
  t.same(await endGroupLeftovers(pid, '1', target.mark, 0), { signal: undefined, left: [] })
  t.equal(await endOne({ ...myself(), pid, start: '1' }), true)
  t.same(
    [pid, ...others].filter(each => !lives(each)),
    [],
  )
})

t.test('processes of another host are refused', async t => {
  const { pid } = await start(t, 'gentle')
  const target = { pid, start: startOf(pid), mark: mark(), host: 'another.example' }
  await t.rejects(endAll(target, { grace: 0 }), { message: "its processes are on host 'another.example': end it there", exit: 4 })
  await t.rejects(endOne({ ...myself(), pid, host: 'another.example' }), { name: 'Fault', message: /another\.example/, exit: 4 })
  t.ok(lives(pid))
})

t.test('a stopped agent is woken to end', async t => {
  const own = mark()
  const { pid, child } = await start(t, 'gentle', { ZAG_PROCESS_ID: own })
  child.kill('SIGSTOP')
  await until(() => stateOf(pid) === 'T', 'it is stopped')
  t.same(await endAll({ pid, start: startOf(pid), mark: own }, { grace: 60_000 }), { signal: 'SIGINT', left: [] })
})

t.test('a shorter grace speeds up what has begun', async t => {
  const own = mark()
  const { pid } = await start(t, 'stubborn', { ZAG_PROCESS_ID: own })
  let grace = 60_000
  const ended = endAll({ pid, start: startOf(pid), mark: own }, { grace: () => grace })
  grace = 50
  t.same(await ended, { signal: 'SIGKILL', left: [] })
})

t.test('hurry ends the patience', async t => {
  const own = mark()
  const { pid } = await start(t, 'stubborn', { ZAG_PROCESS_ID: own })
  const hurry = new AbortController()
  const ended = endAll({ pid, start: startOf(pid), mark: own }, { grace: 60_000, hurry: hurry.signal })
  hurry.abort()
  t.same(await ended, { signal: 'SIGKILL', left: [] })
})

t.test('successors that are started in answer to a signal end too', async t => {
  // On a busy machine the first may not get to answer in so little time.
  for (let grace = 150; ; grace *= 3) {
    const own = mark()
    const { pid, others } = await start(t, 'hydra', { ZAG_PROCESS_ID: own })
    t.same((await endAll({ pid, start: startOf(pid), mark: own }, { grace, first: 'SIGTERM' })).left, [])
    t.same(others.filter(lives), [])
    if (others.length > 1 || grace > 10_000) return t.ok(others.length > 1, `${others.length} generations`)
  }
})

t.test('runners of other sessions live on', async t => {
  const own = mark()
  const { pid, others } = await start(t, 'nested-runner', { ZAG_PROCESS_ID: own })
  t.same(await endAll({ pid, start: startOf(pid), mark: own }, { grace: 0 }), { signal: 'SIGKILL', left: [] })
  t.notOk(lives(pid))
  t.same(others.filter(lives), others)
})

t.test('what an agent leaves in its group', async t => {
  const own = mark()
  const { pid, others, child } = await start(t, 'orphans', { ZAG_PROCESS_ID: own })
  const before = startOf(pid)
  child.stdin?.end('\n')
  await until(() => stateOf(pid) === '', 'the agent is gone')
  t.same(await endGroupLeftovers(pid, before, own, 50), { signal: 'SIGKILL', left: [] })
  t.same(others.filter(lives), [])
  t.same(await endGroupLeftovers(pid, before, own, 50), { left: [] })
})

t.test('one process and nothing below it', async t => {
  const { pid, others } = await start(t, 'stubborn')
  const identity = identify(pid)
  t.equal(identity && (await endOne(identity)), true)
  t.notOk(lives(pid))
  t.same(others.filter(lives), others)
  t.equal(await endOne(myself()), false, 'this process does not end itself')
})

t.test('no number reaches a group or everybody by mistake', async t => {
  for (const pid of [0, 1, -1, Number.NaN]) {
    t.same(await endAll({ pid, start: '1', mark: mark() }, { grace: 0 }), { signal: undefined, left: [] }, `${pid}`)
    t.same(await endGroupLeftovers(pid, undefined, mark(), 0), { left: [] }, `group ${pid}`)
  }
})
