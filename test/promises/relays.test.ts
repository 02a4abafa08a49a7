// Nobody is asked what nobody waits for, and nobody waits for what was answered: whatever is killed.

import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lives } from '../help/processes.js'
import { Asking, onTerminal } from '../help/relays.js'
import { begin, until, zagHome } from '../help/run.js'
import { rows, Zag } from '../help/sessions.js'

const noScript = !existsSync('/usr/bin/script') && 'script(1) is not installed'
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

t.test('approve, deny and exec --ask answer one relay at the same moment: exactly one of them counts', { skip: noScript }, async t => {
  const script = join(zag.home, 'asks.sh')
  writeFileSync(script, asking.script(['the same']))
  for (const type of ['y', 'n', 'y']) {
    const at = onTerminal(zag, `zag-exec -p sh --file-prompt '${script}'`)
    await at.sees('| the same')
    await at.sees('[q]uit? ')
    const [{ relay_id: relay = '', session_id: id = '' } = {}] = await asking.open()
    // They have all begun when they are told which.
    const others = ['approve', 'deny', 'approve', 'deny'].map(word => ({ word, ...begin(`zag-${word}`, ['-'], { home: zag.home }) }))
    for (const { child } of others) child.stdin.end(`${relay}\n`)
    at.type(type)
    const ended = await Promise.all(others.map(async ({ word, ended }) => ({ word, ...(await ended) })))
    t.match(await at.ended, { code: 0 })
    const won = ended.filter(({ code }) => code === 0).map(({ word }) => word === 'approve')
    for (const { code, stderr } of ended.filter(({ code }) => code !== 0)) {
      t.equal(code, 4)
      t.match(stderr, /^zag-(?:approve|deny): relay '.*' was answered before: (?:approved|denied) by a person\n$/)
    }
    if (!at.stdout.includes('answered meanwhile')) won.push(type === 'y')
    t.equal(won.length, 1, `${won.length} of five`)
    t.match(await asking.answers(id), [{ relay_id: relay, approved: won[0], by: 'person' }], 'and the agent is told what the one said')
  }
})
