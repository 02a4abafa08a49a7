// Whatever is killed -9, and whenever: a session whose id was printed is known, has its log, reaches a final state by one
// end, and what its agent had said is in the log and in the result once and in order.

import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { lives } from '../help/processes.js'
import { until } from '../help/run.js'
import { dice, kill, pause, Scene } from './scene.js'

/** Prints numbered lines without end, fifty at a time. */
const CHATTER = 'i=0; while :; do n=$((i + 50)); while [ $i -lt $n ]; do i=$((i + 1)); echo "line $i"; done; sleep 0.02; done'
/** Prints two hundred lines in a moment. */
const BRIEF = 'i=0; while [ $i -lt 200 ]; do i=$((i + 1)); echo "line $i"; done'

const inParallel = <T>(count: number, work: (n: number) => Promise<T>) => Promise.all(Array.from({ length: count }, (_, n) => work(n)))

/** What must be true of a session that is over, whatever happened to it. */
async function checkOver(t: Test, scene: Scene, id: string, states: string[]): Promise<string> {
  const state = await scene.ask('status', id)
  t.ok(states.includes(state), `${id} is ${state}`)
  t.equal(scene.events(id, 'session_ended').length, 1, 'one end')
  t.equal(scene.events(id).at(-1)?.type, 'session_ended', 'the end is last')
  t.ok(scene.events(id, 'session_started').length <= 1, 'at most one start')
  const printed = scene.read('sessions', id, 'stdout') ?? ''
  t.equal(scene.said(id), printed.replace(/\n$/, ''), 'the log has what was printed, once and in order')
  t.equal(scene.read('sessions', id, 'result') ?? '', printed, 'so has the result')
  const lines = printed.split('\n').slice(0, -1)
  t.ok(
    lines.every((line, at) => line === `line ${at + 1}`),
    'no line is missing',
  )
  t.ok(scene.list('events').includes(`${id}.ended`), 'the marker is there')
  return state
}

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

/** A session whose runner is dead and whose agent takes half a second to end. */
async function orphan(scene: Scene): Promise<string> {
  const id = await scene.spawn(`trap '' INT TERM; echo "line 1"; sleep ${scene.nap}; sleep ${scene.nap}`)
  await until(() => scene.said(id) === 'line 1')
  kill(scene.owner(id)?.pid)
  return id
}

t.test('many finders at once write one end, and none of them speaks before it is written', async t => {
  const scene = new Scene(t)
  const id = await orphan(scene)
  const answers = { status: 'dead\n', output: 'line 1\n', wait: `${id}\tdead\tits runner is gone\n` }
  const finders = Object.entries({ ...answers }).flatMap(answer => [answer, answer])
  const said = await Promise.all(finders.map(([program]) => scene.zag(program, [id])))
  t.strictSame(
    said.map(({ stdout }) => stdout),
    finders.map(([, answer]) => answer),
  )
  await checkOver(t, scene, id, ['dead'])
  t.same(scene.leftovers(), [])
})

t.test('looking at a session without pause while it ends finds no dead one', async t => {
  const scene = new Scene(t)
  const look = 'for n in 1 2 3 4 5 6 7 8 9 10 11 12; do zag-status --all; done; zag-wait --all'
  const ids = await inParallel(8, n => scene.spawn(`sleep 0.${n}; ${BRIEF}`))
  const looking = await Promise.all([1, 2, 3].map(() => scene.begin('/bin/sh', ['-c', look]).ended))
  for (const { stdout, stderr } of looking) {
    t.equal(stderr, '')
    t.notMatch(stdout, 'dead')
  }
  for (const id of ids) await checkOver(t, scene, id, ['completed'])
})

t.test('finders killed in the middle: the next takes over', async t => {
  const scene = new Scene(t)
  const random = dice(t)
  await inParallel(4, async () => {
    const id = await orphan(scene)
    for (let finder = 0; finder < 3; finder++) {
      const finding = scene.begin('status', [id])
      await pause(60 + random() * 600)
      finding.child.kill('SIGKILL')
      await finding.ended
    }
    await checkOver(t, scene, id, ['dead'])
  })
  t.same(scene.leftovers(), [])
})

t.test('the end is in the log, but the one who wrote it died before the row and the marker', async t => {
  const scene = new Scene(t)
  const id = await scene.spawn('echo "line 1"')
  await scene.zag('wait', [id])
  const journal = scene.read('processes', 'journal.ndjson') ?? ''
  const rows = journal.split('\n').filter(row => row && !row.includes('ended_at'))
  writeFileSync(scene.path('processes', 'journal.ndjson'), `${rows.join('\n')}\n`)
  rmSync(scene.path('events', `${id}.ended`))
  await until(() => !lives(scene.owner(id)?.pid ?? 0))
  t.equal((await scene.zag('wait', ['--timeout', '5s', id])).code, 0)
  await checkOver(t, scene, id, ['completed'])
  t.match(scene.read('processes', 'journal.ndjson'), '"ended_at"', 'the row is mended')
  t.equal(await scene.ask('ps', '-q'), '')
})

t.test('an agent whose runner is dead does not end itself by looking', async t => {
  const scene = new Scene(t)
  const id = await scene.spawn(
    'kill -9 $PPID; until [ -s zag-status ]; do zag-status $ZAG_SESSION_ID >zag-status; sleep 0.05; done; sleep 300',
  )
  const seen = await until(() => scene.read('..', 'zag-status') || undefined)
  t.equal(seen, 'dead\n')
  t.equal(scene.events(id, 'session_ended').length, 0, 'it is not over as long as it runs')
  t.equal(await scene.ask('status', id), 'dead')
  t.same(scene.leftovers(), [])
})

t.test('compactors of the process table killed at any point', async t => {
  const scene = new Scene(t)
  const random = dice(t)
  const ids = await inParallel(4, () => scene.spawn('echo "line 1"'))
  await scene.zag('wait', ids)
  for (let round = 0; round < 5; round++) {
    appendFileSync(scene.path('processes', 'journal.ndjson'), foreignRows(round, 2500))
    const folding = scene.begin('gc', ['--force', '--older-than', '1d'])
    await pause(60 + random() * 150)
    folding.child.kill('SIGKILL')
    await folding.ended
    t.same((await scene.ask('ps', '-a', '-q')).split('\n').sort(), [...ids].sort(), 'all are listed, none twice')
  }
  t.equal((await scene.zag('gc', ['--force', '--older-than', '1d'], { timeout: 20_000 })).code, 0)
  t.same((await scene.ask('ps', '-a', '-q')).split('\n').sort(), [...ids].sort())
})

/** Rows of sessions that are over and gone, so that the journal is long enough to be folded. */
function foreignRows(round: number, count: number): string {
  const row = (n: number) => ({
    id: `01900000-0000-7000-8000-${String(round * 10_000 + n).padStart(12, '0')}`,
    rev: 6,
    provider: 'sh',
    root: '/',
    status: 'completed',
    created_at: '2026-01-01T00:00:00.000Z',
    ended_at: '2026-01-01T00:00:01.000Z',
  })
  return Array.from({ length: count }, (_, n) => `${JSON.stringify(row(n))}\n`).join('')
}
