// Nobody is asked what nobody waits for, and nobody waits for what was answered: whatever is killed.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lives } from '../help/processes.js'
import { Asking } from '../help/relays.js'
import { until, zagHome } from '../help/run.js'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const asking = new Asking(zag)
const left = () => readdirSync(join(zagHome(zag.home), 'relays')).filter(name => name.endsWith('.json'))

t.test('kill -9 of everything with two relays open, then the same again', async t => {
  const { id, relays } = await asking.session(['one', 'two'])
  const [row] = rows((await zag.go('ps', ['show', '--json', id])).stdout)
  for (const pid of [row?.runner_pid, row?.pid]) process.kill(Number(pid), 'SIGKILL')
  await until(() => !lives(Number(row?.runner_pid)) && !lives(Number(row?.pid)))
  t.same(await asking.open(), [])
  t.equal((await zag.go('status', [id])).stdout, 'dead\n')
  t.match(await zag.go('approve', relays), { code: 4 })
  const again = (await zag.go('retry', [id])).stdout.trim()
  const open = await until(async () => {
    const found = await asking.open()
    return found.length === 2 && found
  })
  t.same([...new Set(open.map(({ session_id }) => session_id))], [again])
  t.match(await zag.go('approve', ['--all']), { code: 0, stderr: '' })
  t.match(await asking.answers(again), [{ approved: true }, { approved: true }])
  t.same(left(), [])
  for (const each of [id, again]) t.notOk(existsSync(zag.file(each, 'relays')))
})

t.test('the runner alone is killed: whoever looks ends the agent, and its relays with it', async t => {
  const { id, relays } = await asking.session(['one'])
  const [row] = rows((await zag.go('ps', ['show', '--json', id])).stdout)
  process.kill(Number(row?.runner_pid), 'SIGKILL')
  await until(() => !lives(Number(row?.runner_pid)))
  t.match(await zag.go('wait', [id]), { code: 1, stdout: `${id}\tdead\tits runner is gone\n` })
  t.same(await asking.open(), [])
  t.match(await zag.go('approve', relays), { code: 4 })
  t.same(left(), [])
})

t.test('cancel of a session that waits', async t => {
  const { id, relays } = await asking.session(['one', 'two'])
  t.match(await zag.go('cancel', [id]), { code: 0, stdout: `${id}\tcancelled\n` })
  t.same(await asking.open(), [])
  t.match(await zag.go('deny', relays), { code: 4 })
  t.same(left(), [])
})
