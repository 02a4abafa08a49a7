// Two hundred processes that each start a session, all at the same moment: nothing is lost and nothing is there twice.

import t from 'tap'
import { Scene } from './scene.js'

const COUNT = 200

t.test(`${COUNT} spawns at once`, async t => {
  const scene = new Scene(t)
  const started = Array.from({ length: COUNT }, (_, n) =>
    scene.begin('spawn', ['-p', 'sh', '--tag', 'storm', '--name', `n${n}`, `echo ${n}`], { timeout: 90_000 }),
  )
  const ended = await Promise.all(started.map(each => each.ended))
  t.same(
    ended.filter(({ code, stderr }) => code !== 0 || stderr !== ''),
    [],
    'each says nothing but its id',
  )
  const ids = ended.map(({ stdout }) => stdout.trim())
  t.equal(new Set(ids).size, COUNT, 'all ids differ')

  const waited = await scene.zag('wait', ['--tag', 'storm', '--timeout', '60s'], { timeout: 90_000 })
  t.equal(waited.code, 0)
  t.same(lines(waited.stdout).map(first).sort(), [...ids].sort(), 'each ends once')
  t.same(lines(await scene.ask('ps', '-a', '-q')).sort(), [...ids].sort(), 'each is listed once')
  t.equal(await scene.ask('ps', '-q'), '', 'none runs')
  t.same(
    ids.filter(id => scene.events(id, 'session_started').length !== 1 || scene.events(id, 'session_ended').length !== 1),
    [],
    'each log has one start and one end',
  )
  const results: { session_id: string; name: string; status: string; result: string }[] = JSON.parse(
    await scene.ask('collect', '--tag', 'storm', '--json'),
  )
  t.equal(results.length, COUNT)
  t.same(
    results.filter(
      ({ session_id, name, status, result }) =>
        status !== 'completed' || `n${result.trim()}` !== name || ids[Number(result)] !== session_id,
    ),
    [],
    'each has its own result',
  )
  t.equal(scene.list('aside').length, 0, 'nothing is left half made')
  t.equal(await scene.ask('status', '--name', 'n77'), 'completed', 'each is found by its name')
})

const lines = (text: string) => text.split('\n').filter(Boolean)
const first = (line: string) => line.split('\t')[0]
