// Whatever is killed -9, and whenever: a session whose id was printed is known, has its log, reaches a final state by one
// end, and what its agent had said is in the log and in the result once and in order.

import t from 'tap'
import { until } from '../help/run.js'
import { BRIEF, checkOver, inParallel } from './over.js'
import { dice, kill, pause, Scene } from './scene.js'

/** Prints numbered lines without end, fifty at a time. */
const CHATTER = 'i=0; while :; do n=$((i + 50)); while [ $i -lt $n ]; do i=$((i + 1)); echo "line $i"; done; sleep 0.02; done'
t.test('runner killed while its agent goes on printing', async t => {
  const scene = new Scene(t)
  const random = dice(t)
  await inParallel(5, async () => {
    const id = await scene.spawn(CHATTER)
    const waiting = scene.begin('wait', [id])
    await pause(random() * 500)
    const runner = scene.owner(id)?.pid
    kill(runner)
    const killed = performance.now()
    const { code, stdout } = await waiting.ended
    const took = performance.now() - killed
    t.ok(took < 3000, `wait returned ${took.toFixed()} ms after the kill`)
    t.equal(code, 1)
    t.match(stdout, `${id}\tdead\t`)
    await checkOver(t, scene, id, ['dead'])
    t.equal((await scene.zag('output', [id])).stdout, scene.read('sessions', id, 'stdout') ?? '')
  })
  t.same(scene.leftovers(), [], 'nothing of the agents is left')
})

t.test('runner killed at any point of a short life', async t => {
  const scene = new Scene(t)
  const random = dice(t)
  const states: string[] = []
  for (let round = 0; round < 4; round++) {
    await inParallel(6, async () => {
      const id = await scene.spawn(BRIEF)
      await pause(random() * 160)
      kill(scene.owner(id)?.pid)
      const { code } = await scene.zag('wait', ['--timeout', '10s', id])
      t.ok(code === 0 || code === 1, 'wait ends')
      states.push(await checkOver(t, scene, id, ['dead', 'completed']))
    })
  }
  t.comment(`${states.filter(state => state === 'dead').length} of ${states.length} died`)
  t.equal((await scene.ask('ps', '-q')).length, 0, 'none is listed as running')
  t.same(scene.leftovers(), [])
})

t.test('runner killed right after it started its agent, before it could log that', async t => {
  const scene = new Scene(t)
  const id = await scene.spawn(`echo "line 1"; kill -9 $PPID; echo "line 2"; sleep ${scene.nap}`)
  const { code } = await scene.zag('wait', ['--timeout', '10s', id])
  t.equal(code, 1)
  await checkOver(t, scene, id, ['dead'])
  t.same(scene.leftovers(), [])
})

t.test('spawner killed at any point', async t => {
  const scene = new Scene(t)
  const random = dice(t)
  const printed: string[] = []
  for (let round = 0; round < 4; round++) {
    await inParallel(6, async () => {
      const spawning = scene.begin('spawn', ['-p', 'sh', 'echo "line 1"'])
      await pause(20 + random() * 200)
      spawning.child.kill('SIGKILL')
      const id = (await spawning.ended).stdout.trim()
      if (id) printed.push(id)
    })
  }
  const made = scene.list('sessions')
  t.comment(`${made.length} made, ${printed.length} told`)
  if (made.length > 0) await scene.zag('wait', ['--all', '--timeout', '15s'])
  for (const id of made) await checkOver(t, scene, id, ['completed', 'dead'])
  const listed = (await scene.ask('ps', '-a', '-q')).split('\n').filter(Boolean)
  t.equal(new Set(listed).size, listed.length, 'none twice')
  for (const id of printed) {
    t.ok(listed.includes(id), 'what was told is listed')
    t.equal(await scene.ask('status', id), 'completed', 'and was done')
  }
  await until(() => scene.leftovers({ all: true }).length === 0)
})
