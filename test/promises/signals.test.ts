// What ends a session that is none of zag's own commands: Ctrl-C, a terminal that is closed, the end of the agent itself.

import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, existsSync } from 'node:fs'
import t from 'tap'
import { environment, until } from '../help/run.js'
import { kill, pause, programPath, Scene } from './scene.js'
import { checkGone, ready, stubborn } from './stubborn.js'

const SCRIPT = '/usr/bin/script'

t.test('cancel of an exec from another shell', async t => {
  const scene = new Scene(t)
  const running = scene.begin('exec', ['-p', 'sh', '--name', 'here', stubborn(scene)])
  const id = await until(() => scene.list('sessions')[0])
  const pids = await ready(scene, id)
  t.match(await scene.zag('cancel', ['--grace', '100ms', 'here']), { code: 0, stdout: `${id}\tcancelled\n` })
  t.match(await running.ended, { code: 1, stderr: `zag-exec: session ${id} cancelled\n` })
  checkGone(t, scene, pids)
})

/** Starts a program in a process group of its own, as a shell does with a job. */
function job(scene: Scene, program: string, args: string[]): { child: ChildProcess; ended: Promise<number | string> } {
  const child = spawn(programPath(program), args, {
    cwd: scene.home,
    env: environment({ home: scene.home }),
    stdio: 'ignore',
    detached: true,
  })
  const ended = new Promise<number | string>(done => child.on('close', (code, signal) => done(code ?? String(signal))))
  return { child, ended }
}

t.test('Ctrl-C, and Ctrl-C again when that does not help', async t => {
  const scene = new Scene(t)
  const gentle = job(scene, 'exec', ['-p', 'sh', `echo ready; sleep ${scene.nap}`])
  const first = await until(() => scene.list('sessions')[0])
  await until(() => scene.said(first) === 'ready')
  process.kill(-(gentle.child.pid as number), 'SIGINT')
  t.equal(await gentle.ended, 130)
  t.same(scene.leftovers(), [])
  t.match(scene.events(first, 'session_ended'), [{ status: 'cancelled', reason: 'the runner got SIGINT' }])
  const rough = job(scene, 'exec', ['-p', 'sh', stubborn(scene)])
  const second = await until(() => scene.list('sessions').find(id => id !== first))
  const pids = await ready(scene, second)
  process.kill(-(rough.child.pid as number), 'SIGINT')
  await pause(100)
  process.kill(-(rough.child.pid as number), 'SIGINT')
  t.equal(await rough.ended, 130)
  checkGone(t, scene, pids)
})

t.test('hang-up: an exec ends with its terminal, a spawned session outlives it', async t => {
  const scene = new Scene(t)
  const running = job(scene, 'exec', ['-p', 'sh', `echo ready; sleep ${scene.nap}`])
  const id = await until(() => scene.list('sessions')[0])
  await until(() => scene.said(id) === 'ready')
  process.kill(-(running.child.pid as number), 'SIGHUP')
  t.equal(await running.ended, 129)
  t.same(scene.leftovers(), [])
  const spawned = await scene.spawn('echo one; sleep 0.5; echo two')
  await until(() => scene.said(spawned) === 'one')
  kill(scene.owner(spawned)?.pid, 'SIGHUP')
  t.equal((await scene.zag('wait', [spawned])).code, 0)
  t.equal(scene.said(spawned), 'one\ntwo')
})

t.test('a session outlives the terminal that it was spawned on', { skip: !existsSync(SCRIPT) && 'script(1) is not installed' }, async t => {
  const scene = new Scene(t)
  const command = `zag-spawn -p sh 'echo one; until [ -e go ]; do sleep 0.05; done; echo two'; exec sleep ${scene.nap}`
  const terminal = scene.begin(SCRIPT, ['-q', '-e', '-c', command, '/dev/null'])
  const id = await until(() => /[0-9a-f-]{36}/.exec(terminal.stdout)?.[0])
  await until(() => scene.said(id) === 'one')
  // Its end of the terminal is closed with it: all that is on it gets a hang-up.
  terminal.child.kill('SIGKILL')
  await terminal.ended
  await until(() => scene.leftovers().length > 0)
  appendFileSync(`${scene.home}/go`, '')
  t.equal((await scene.zag('wait', ['--timeout', '10s', id])).code, 0)
  t.equal(await scene.ask('output', id), 'one\ntwo')
})

t.test('children that outlast their agent are ended with it, unless they are to be kept', async t => {
  const scene = new Scene(t)
  const script = `(trap '' TERM; exec sleep ${scene.nap}) & echo ready`
  const ended = await scene.spawn(script)
  t.equal((await scene.zag('wait', [ended])).code, 0)
  t.same(scene.leftovers(), [])
  const kept = await scene.spawn(script, '--keep-children')
  t.equal((await scene.zag('wait', [kept])).code, 0)
  await until(() => scene.leftovers().length === 1)
})
