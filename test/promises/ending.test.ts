// Whoever ends a session, and however badly its agent behaves: nothing of it stays alive, and nothing else is touched.

import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, rmdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { identify } from '../../lib/process/identity.js'
import { lives, stateOf } from '../help/processes.js'
import { removeInUse, until } from '../help/run.js'
import { kill, pause, Scene } from './scene.js'
import { checkGone, ready, stubborn } from './stubborn.js'

/** A process that has nothing to do with zag, though its environment looks much like that of an agent. */
async function bystander(scene: Scene, env: NodeJS.ProcessEnv = {}): Promise<ChildProcess> {
  const child = spawn('sleep', [scene.nap], { detached: true, stdio: 'ignore', env: { ...process.env, ...env } })
  scene.bystanders.add(child.pid as number)
  await until(() => lives(child.pid as number))
  return child
}

/** Neighbours of a session that must outlive it: another session, and processes that nearly carry its mark. */
async function neighbours(t: Test, scene: Scene, id: string): Promise<() => Promise<void>> {
  const mark = `${id}.1`
  const looks = [
    { ZAG_PROCESS_ID: `${mark}0` },
    { ZAG_PROCESS_ID: '', NOTE: `ZAG_PROCESS_ID=${mark}` },
    { ZAG_SESSION_ID: id, ZAG_PROCESS_ID: `x${mark}` },
  ]
  const near = await Promise.all(looks.map(look => bystander(scene, look)))
  const other = await scene.spawn(`echo $$; exec sleep ${scene.nap}`)
  const agent = Number(await until(() => scene.said(other) || undefined))
  scene.bystanders.add(agent).add(scene.owner(other)?.pid as number)
  return async () => {
    t.same(
      near.filter(({ pid }) => !lives(pid as number)),
      [],
      'look-alikes live',
    )
    t.ok(lives(agent), 'the agent of another session lives')
    t.equal(await scene.ask('status', other), 'running')
  }
}

t.test('cancel of an agent that resists', async t => {
  const scene = new Scene(t)
  const id = await scene.spawn(stubborn(scene))
  const pids = await ready(scene, id)
  const checkOthers = await neighbours(t, scene, id)
  t.strictSame(await scene.zag('cancel', ['--grace', '300ms', '--reason', 'enough', id]), {
    code: 0,
    signal: null,
    stdout: `${id}\tcancelled\n`,
    stderr: '',
  })
  checkGone(t, scene, pids)
  await checkOthers()
  t.match(scene.events(id, 'session_ended'), [{ status: 'cancelled', success: false, signal: 'SIGKILL', reason: 'enough' }])
})

t.test('cancel without grace, twice at once', async t => {
  const scene = new Scene(t)
  const id = await scene.spawn(stubborn(scene))
  const pids = await ready(scene, id)
  const began = performance.now()
  const both = await Promise.all([scene.zag('cancel', ['--grace', '0', id]), scene.zag('ps', ['kill', id])])
  for (const { code, stdout } of both) t.strictSame({ code, stdout }, { code: 0, stdout: `${id}\tcancelled\n` })
  t.ok(performance.now() - began < 4000, 'it did not wait')
  checkGone(t, scene, pids)
  t.equal(scene.events(id, 'session_ended').length, 1)
  t.match(await scene.zag('cancel', [id]), { code: 0, stdout: `${id}\tcancelled\n`, stderr: '' }, 'ended already is fine')
})

t.test('a second cancel with a shorter grace hurries the first; the gentler steps stay', async t => {
  const scene = new Scene(t)
  const id = await scene.spawn(`trap '' INT; trap 'echo TERM; sleep 0.1; exit 7' TERM; echo ready; while :; do sleep 0.05; done`)
  await until(() => scene.said(id) === 'ready')
  const first = scene.begin('cancel', ['--grace', '60s', id])
  await until(() => scene.read('sessions', id, 'end-request')?.includes('60000'))
  t.equal((await scene.zag('cancel', ['--grace', '1s', id])).code, 0)
  t.equal((await first.ended).code, 0)
  t.equal(scene.said(id), 'ready\nTERM', 'TERM came before KILL')
  t.match(scene.events(id, 'session_ended'), [{ status: 'cancelled', exit_code: 7 }])
})

t.test('a timeout ends as firmly', async t => {
  const scene = new Scene(t)
  // An agent that answers INT, so that the ladder of 5 s need not be waited for; its children do not, but for KILL.
  const id = await scene.spawn(
    `${stubborn(scene)
      .replace('INT TERM', 'TERM')
      .replace(/while[^\n]*/, `sleep ${scene.nap}`)}`,
    '--timeout',
    '1s',
  )
  const pids = await ready(scene, id)
  const checkOthers = await neighbours(t, scene, id)
  // A cancel with less patience while the time is over already.
  await until(() => scene.events(id).length > 0 && Date.now() - Date.parse(String(scene.events(id)[0]?.ts)) > 1100)
  const { code, stdout } = await scene.zag('cancel', ['--grace', '200ms', id])
  t.equal(code, 0)
  t.match(stdout, /\tfailed\n/, 'the timeout came first')
  checkGone(t, scene, pids)
  await checkOthers()
  t.match(scene.events(id, 'session_ended'), [{ status: 'failed', reason: 'timeout', error: 'not done after 1.0s' }])
  t.equal((await scene.zag('wait', [id])).code, 1)
})

t.test('cancel while it starts', async t => {
  const scene = new Scene(t)
  for (const wait of [0, 15, 30, 45, 60, 80]) {
    const id = await scene.spawn(`echo ready; sleep ${scene.nap}`)
    await pause(wait)
    const { code, stdout } = await scene.zag('cancel', ['--grace', '2s', id])
    t.strictSame({ code, stdout }, { code: 0, stdout: `${id}\tcancelled\n` }, `${wait} ms after the spawn`)
    t.equal(scene.events(id, 'session_ended').length, 1)
  }
  t.same(scene.leftovers(), [])
})

t.test('cancel of a session whose runner is stopped', async t => {
  const scene = new Scene(t)
  const id = await scene.spawn(stubborn(scene))
  const pids = await ready(scene, id)
  const runner = scene.owner(id)?.pid as number
  kill(runner, 'SIGSTOP')
  await until(() => stateOf(runner) === 'T')
  const { code, stdout } = await scene.zag('cancel', ['--grace', '0', id])
  t.strictSame({ code, stdout }, { code: 0, stdout: `${id}\tcancelled\n` })
  checkGone(t, scene, pids)
})

t.test('processes that have the recorded numbers, but are others', async t => {
  const scene = new Scene(t)
  const id = await scene.spawn(`echo ready; exec sleep ${scene.nap}`)
  await until(() => scene.said(id) === 'ready')
  const [started] = scene.events(id, 'session_started')
  const stranger = await bystander(scene)
  const runner = scene.owner(id)
  kill(runner?.pid)
  kill(started?.pid as number)
  await until(() => !lives(runner?.pid as number))
  const line = { ...started, pid: stranger.pid, pid_start: '1' }
  appendFileSync(scene.path('sessions', id, 'log.ndjson'), `${JSON.stringify(line)}\n`)
  t.equal(await scene.ask('status', id), 'dead', 'of an agent')
  t.ok(lives(stranger.pid as number))
  const other = await scene.spawn('echo ready')
  await scene.zag('wait', [other])
  const owner = { role: 'run', run: 2, ...identify(stranger.pid as number), start: '1' }
  appendFileSync(scene.path('sessions', other, `owner.${(scene.owner(other)?.claim ?? 0) + 1}`), JSON.stringify(owner))
  t.match(await scene.zag('cancel', ['--grace', '0', other]), { code: 0, stdout: `${other}\tcompleted\n` }, 'of a runner')
  t.ok(lives(stranger.pid as number), 'the stranger lives')
})

t.test('nothing goes on of a session whose folder was removed', { timeout: 120_000 }, async t => {
  for (const flags of [[], ['--slots', '1']]) {
    const scene = new Scene(t)
    const start = async (...more: string[]) => {
      const id = await scene.spawn(`echo $$; exec sleep ${scene.nap}`, ...more)
      return { id, pid: Number(await until(() => scene.said(id) || undefined)) }
    }
    const [one, other] = [await start(...flags), await start()]
    await removeInUse(scene.path('sessions', one.id))
    await until(() => !lives(one.pid), 30_000)
    t.match(await scene.ask('status', other.id), /^(running|idle)$/, 'another does')
    t.notOk(existsSync(scene.path('sessions', one.id)), 'and it is not made again')
    await removeInUse(scene.path())
    await until(() => scene.leftovers({ all: true }).length === 0, 30_000)
    t.notOk(existsSync(scene.path('sessions')), 'nor is the home')
  }
})

t.test('a request that cannot be read ends nobody, nor the supervisor', async t => {
  const scene = new Scene(t)
  const id = await scene.spawn(`echo $$; exec sleep ${scene.nap}`)
  const pid = Number(await until(() => scene.said(id) || undefined))
  const request = scene.path('sessions', id, 'end-request')
  mkdirSync(request)
  const runner = scene.owner(id)?.pid as number
  process.kill(runner, 'SIGUSR2')
  process.kill(runner, 'SIGUSR2')
  t.equal(await scene.ask('status', id), 'running')
  t.ok(lives(pid) && lives(runner))
  rmdirSync(request)
  t.match(await scene.zag('cancel', ['--grace', '0', id]), { code: 0 })
  checkGone(t, scene, [pid])
})
