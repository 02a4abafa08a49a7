// Whoever finds a session without its runner puts it right, once: however many look, when they are killed themselves, and not
// while all is well. The process table survives those that fold it.

import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { lives } from '../help/processes.js'
import { until } from '../help/run.js'
import { BRIEF, checkOver, inParallel } from './over.js'
import { dice, kill, pause, Scene } from './scene.js'

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
  const look = 'for n in 1 2 3 4 5 6 7 8; do zag-status --all; done; zag-wait --all'
  // Long logs, so that a look takes long enough for an end to fall into it.
  const note = `${JSON.stringify({ type: 'user_event', level: 'info', message: 'note' })}\n`.repeat(150_000)
  const ids = await inParallel(3, n => scene.spawn(`until [ -e go ]; do sleep 0.05; done; sleep 0.${n}; ${BRIEF}`))
  await until(() => ids.every(id => scene.events(id, 'session_started').length === 1))
  for (const id of ids) appendFileSync(scene.path('sessions', id, 'log.ndjson'), note)
  writeFileSync(scene.path('..', 'go'), '')
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
