// wait never hangs on what is over, unknown, dead, gone or nobody's: a table of cases, each with a deadline.

import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { newId } from '../../lib/base/id.js'
import { lives } from '../help/processes.js'
import { until } from '../help/run.js'
import { kill, Scene, watches } from './scene.js'

const DEADLINE = { timeout: 10_000 }

/** A session that runs until the test writes the file `go`. */
const untilGo = (scene: Scene, ...flags: string[]) => scene.spawn('until [ -e go ]; do sleep 0.05; done', ...flags)
const go = (scene: Scene) => appendFileSync(join(scene.home, 'go'), '')

t.test('what is over', async t => {
  const scene = new Scene(t)
  const good = await scene.spawn('true')
  const bad = await scene.spawn('exit 9')
  await scene.zag('wait', ['--all'])
  t.strictSame(await scene.zag('wait', [good], DEADLINE), { code: 0, signal: null, stdout: `${good}\tcompleted\n`, stderr: '' })
  t.match(await scene.zag('wait', [bad, good], DEADLINE), { code: 1, stdout: new RegExp(`${bad}\tfailed\texit code 9\n`) })
  t.match(await scene.zag('wait', ['--any', good, bad], DEADLINE), { stdout: /^[^\n]*\n$/ }, '--any gives one')
  rmSync(scene.path('events'), { recursive: true })
  t.match(await scene.zag('wait', [good], DEADLINE), { code: 0 }, 'without a folder of markers')
})

t.test('what there is not', async t => {
  const scene = new Scene(t)
  const ask = async (...args: string[]) => (await scene.zag('wait', args, DEADLINE)).code
  t.equal(await ask(newId()), 3, 'no home')
  t.equal(await ask('--tag', 'x'), 3)
  await scene.zag('exec', ['-p', 'sh', 'true'])
  t.equal(await ask(newId()), 3, 'no session')
  t.equal(await ask('--tag', 'x'), 3)
  t.equal(await ask('-'), 3, 'stdin without ids')
  t.equal(await ask(), 2)
  mkdirSync(scene.path('sessions', newId()))
  t.equal(await ask('--all'), 0, 'a folder that is no session')
})

/** A session as it is when its starter died before its runner was there. */
function neverStarted(scene: Scene, like: string, owner: object | undefined): string {
  const id = newId()
  mkdirSync(scene.path('sessions', id))
  const session = JSON.parse(readFileSync(scene.path('sessions', like, 'session.json'), 'utf8'))
  writeFileSync(scene.path('sessions', id, 'session.json'), JSON.stringify({ ...session, id }))
  writeFileSync(scene.path('sessions', id, 'log.ndjson'), '')
  if (owner) writeFileSync(scene.path('sessions', id, 'owner.1'), JSON.stringify(owner))
  return id
}

t.test('what never began, or lost its log', async t => {
  const scene = new Scene(t)
  const over = await scene.spawn('true')
  await scene.zag('wait', [over])
  const dead = { role: 'spawn', run: 1, pid: process.pid, start: '1', boot: 'another', host: hostname() }
  for (const owner of [dead, { ...dead, role: 'close' }, undefined]) {
    const id = neverStarted(scene, over, owner)
    const { code, stdout } = await scene.zag('wait', [id], DEADLINE)
    t.strictSame([code, stdout], [1, `${id}\tdead\tit was never started\n`], `owner ${owner?.role}`)
  }
  rmSync(scene.path('sessions', over, 'log.ndjson'))
  t.equal((await scene.zag('wait', [over], DEADLINE)).code, 1, 'a log that was removed')
})

t.test('a runner that died with its agent, and one that dies while it is waited for', async t => {
  const scene = new Scene(t)
  const id = await scene.spawn(`echo ready; exec sleep ${scene.nap}`)
  await until(() => scene.said(id) === 'ready')
  const waits = [scene.begin('wait', [id], DEADLINE), scene.begin('wait', ['--json', id], DEADLINE), scene.begin('listen', [id], DEADLINE)]
  kill(scene.events(id, 'session_started')[0]?.pid as number, 'SIGSTOP')
  kill(scene.owner(id)?.pid)
  const [plain, json, listen] = await Promise.all(waits.map(({ ended }) => ended))
  t.strictSame([plain?.code, plain?.stdout], [1, `${id}\tdead\tits runner is gone\n`])
  t.match(JSON.parse(json?.stdout ?? ''), { session_id: id, status: 'dead' })
  t.match(listen, { code: 0, stdout: /session_ended/ })
  t.same(scene.leftovers(), [])
})

t.test('a session that is removed while it is waited for', async t => {
  const scene = new Scene(t)
  const id = await untilGo(scene)
  const waiting = scene.begin('wait', [id], DEADLINE)
  await until(() => watches(waiting.child.pid))
  renameSync(scene.path('sessions', id), join(scene.home, 'away'))
  t.match(await waiting.ended, { code: 1, stdout: `${id}\tdead` })
  go(scene)
})

t.test('a tag that gets more sessions meanwhile, and --count', async t => {
  const scene = new Scene(t)
  const first = await untilGo(scene, '--tag', 'group')
  const waiting = scene.begin('wait', ['--tag', 'group'], DEADLINE)
  const two = scene.begin('wait', ['--tag', 'group', '--count', '2'], DEADLINE)
  await until(() => lives(waiting.child.pid as number))
  const second = await scene.spawn('true', '--tag', 'group')
  const third = await scene.spawn('false', '--tag', 'group')
  const { stdout, code } = await two.ended
  t.strictSame(
    [
      code,
      stdout
        .split('\n')
        .map(line => line.slice(0, 36))
        .sort(),
    ],
    [1, ['', second, third].sort()],
  )
  go(scene)
  const all = await waiting.ended
  t.equal(all.code, 1)
  t.strictSame(
    all.stdout
      .split('\n')
      .map(line => line.slice(0, 36))
      .sort(),
    ['', first, second, third].sort(),
  )
})

t.test('what is not over when the time is', async t => {
  const scene = new Scene(t)
  const id = await untilGo(scene)
  const over = await scene.spawn('true')
  t.match(await scene.zag('wait', ['--timeout', '300ms', id], DEADLINE), {
    code: 124,
    stdout: '',
    stderr: 'zag-wait: 1 of 1 not over after 0.3s\n',
  })
  t.match(await scene.zag('wait', ['--timeout', '0', id], DEADLINE), { code: 124, stdout: '' })
  t.match(await scene.zag('wait', ['--any', '--timeout', '5s', id, over], DEADLINE), { code: 0, stdout: `${over}\tcompleted\n` })
  go(scene)
  t.equal((await scene.zag('wait', [id], DEADLINE)).code, 0)
})

t.test('a session of another machine: nothing is judged', async t => {
  const scene = new Scene(t)
  const over = await scene.spawn('true')
  await scene.zag('wait', [over])
  const id = neverStarted(scene, over, { role: 'run', run: 1, pid: 1, start: '1', boot: 'far', host: 'far.example' })
  t.equal(await scene.ask('status', id), 'running')
  t.match(await scene.zag('wait', ['--timeout', '1500ms', id], DEADLINE), { code: 124, stdout: '' })
  t.match(await scene.zag('cancel', [id], DEADLINE), { code: 1, stderr: /another machine, far\.example[^\n]*\n$/ })
  t.equal(scene.read('sessions', id, 'log.ndjson'), '')
})
