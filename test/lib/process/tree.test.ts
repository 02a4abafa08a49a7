import { spawn } from 'node:child_process'
import t from 'tap'
import { identify, myself } from '../../../lib/process/identity.js'
import { valueIn } from '../../../lib/process/linux.js'
import { parseEntries, parseEnvironments, wordIn } from '../../../lib/process/macos.js'
import { belonging, belongs, snapshot } from '../../../lib/process/tree.js'
import { start, stateOf, until } from '../../help/processes.js'

const mark = () => `test-${process.pid}-${Math.random().toString(36).slice(2)}.1`
const pids = (entries: { pid: number }[]) => entries.map(each => each.pid).sort((a, b) => a - b)
const sorted = (numbers: number[]) => [...numbers].sort((a, b) => a - b)

t.test('a snapshot holds this process and its parent', async t => {
  const all = snapshot()
  const self = all.find(entry => entry.pid === process.pid)
  t.match(self, { ppid: process.ppid, start: myself().start, state: 'R' })
  t.ok(all.some(entry => entry.pid === process.ppid))
})

t.test('group, descendants, sessions of their own, and what has no environment', async t => {
  const own = mark()
  const { pid, others } = await start(t, 'stubborn', { ZAG_PROCESS_ID: own })
  const found = belonging({ pid, start: identify(pid)?.start, mark: own })
  const sleeper = found.processes.filter(entry => entry.ppid === pid && !others.includes(entry.pid))
  t.same(pids(found.processes), sorted([pid, ...others, ...pids(sleeper)]))
  t.equal(found.group, pid)
})

t.test('with another start time only the mark counts', async t => {
  const own = mark()
  const { pid, others } = await start(t, 'stubborn', { ZAG_PROCESS_ID: own })
  t.same(belongs({ pid, start: '1', mark: mark() }), [])
  t.same(belongs({ pid, start: identify(pid)?.start, boot: 'an earlier one', mark: mark() }), [])
  t.same(belongs({ pid, mark: mark() }), [])
  const { processes, group } = belonging({ pid, start: '1', mark: own })
  t.equal(group, undefined, 'no signal to the group')
  for (const other of others)
    t.ok(
      processes.some(entry => entry.pid === other),
      'found by the mark, or below what has it',
    )
})

t.test('a mark is compared whole', async t => {
  const own = mark()
  const { pid } = await start(t, 'gentle', { ZAG_PROCESS_ID: own })
  for (const near of [own.slice(0, -1), `${own}0`, `${own}.runner`, '', own.toUpperCase()]) t.same(belongs({ mark: near }), [], near)
  t.same(pids(belongs({ mark: own })), [pid])
})

t.test('runners of other sessions and what is below them are left out', async t => {
  const own = mark()
  const { pid, others } = await start(t, 'nested-runner', { ZAG_PROCESS_ID: own })
  const found = belonging({ pid, start: identify(pid)?.start, mark: own })
  t.same(pids(found.processes), [pid])
  t.equal(others.length, 2)
  t.equal(found.group, pid)
})

t.test('this process and those above it never belong', async t => {
  const parent = identify(process.ppid)
  const found = belonging({ pid: process.ppid, start: parent?.start, mark: mark() })
  t.notOk(pids(found.processes).includes(process.pid))
  t.notOk(pids(found.processes).includes(process.ppid))
  t.equal(found.group, undefined)
  t.same(belongs({ pid: 1, start: identify(1)?.start, mark: mark() }), [], 'nor does all that init has')
})

t.test('zombies are not there', async t => {
  const own = mark()
  const { pid, others } = await start(t, 'unreaped', { ZAG_PROCESS_ID: own })
  await until(() => stateOf(others[0] as number) === 'Z', 'it is a zombie')
  t.same(pids(belongs({ pid, start: identify(pid)?.start, mark: own })), [pid])
})

t.test('a group whose leader is gone', async t => {
  const own = mark()
  const { pid, others, child } = await start(t, 'orphans', { ZAG_PROCESS_ID: own })
  const leader = identify(pid)?.start
  child.stdin?.end('\n')
  await until(() => stateOf(pid) === '', 'the leader is gone')
  t.same(pids(belongs({ pid, start: leader, mark: own })), sorted(others), 'ours by the mark of a member')
  t.equal(belonging({ pid, start: leader, mark: own }).group, pid)
  t.same(belongs({ pid, start: leader, mark: mark() }), [], 'may be a later group of that number')
  t.same(pids(belongs({ pid, start: leader, mark: mark(), watched: true })), sorted(others), 'unless it was watched')
})

t.test('the first of two equal variables counts, and only whole names', async t => {
  const environment = Buffer.from('A=1\0XZAG_PROCESS_ID=no\0B=ZAG_PROCESS_ID=no\0ZAG_PROCESS_ID=yes=1\0ZAG_PROCESS_ID=late\0')
  t.equal(valueIn(environment, 'ZAG_PROCESS_ID'), 'yes=1')
  t.equal(valueIn(environment, 'ZAG_PROCESS'), undefined)
  t.equal(valueIn(Buffer.from('A=without end'), 'A'), 'without end')
  t.equal(valueIn(Buffer.from('A=\0'), 'A'), '')
})

t.test('the texts of ps', async t => {
  const text = '  501     1   501 Ss   Fri Nov 21 07:45:00 2026\n    7 501 501 Z    Fri Nov  1 07:45:00 2026    \n\n'
  t.same(parseEntries(text), [
    { pid: 501, ppid: 1, pgid: 501, state: 'S', start: 'Fri Nov 21 07:45:00 2026' },
    { pid: 7, ppid: 501, pgid: 501, state: 'Z', start: 'Fri Nov 1 07:45:00 2026' },
  ])
  const words = parseEnvironments('  501 sh -c ZAG_PROCESS_ID=argument HOME=/ ZAG_PROCESS_ID=own A=b\n').get(501) ?? ''
  t.equal(wordIn(words, 'ZAG_PROCESS_ID'), 'own')
  t.equal(wordIn(words, 'ZAG_PROCESS'), undefined)
})

t.test('the ps of this machine is read as well', { skip: process.platform !== 'linux' && 'the other way is in use' }, async t => {
  const { macos } = await import('../../../lib/process/macos.js')
  const child = spawn('sleep', ['300'], { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  const pid = child.pid as number
  t.match(macos.entryOf(pid), { pid, ppid: process.pid, start: /\d\d:\d\d:\d\d \d{4}$/ })
  t.ok(macos.entries().some(entry => entry.pid === pid))
})
