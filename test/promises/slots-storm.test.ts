// Two hundred processes that each want a slot at the same moment: one server gives them out, and each runs once.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { until } from '../help/run.js'
import { Scene } from './scene.js'

const COUNT = 200
const SLOTS = 4

t.test(`${COUNT} spawns at once, ${SLOTS} slots`, { timeout: 120_000 }, async t => {
  const scene = new Scene(t)
  mkdirSync(join(scene.home, 'at'))
  const script = (n: number) => `cd ${scene.home}; : >at/${n}; ls at | wc -l >>counts; echo ${n} >>ran; rm at/${n}`
  const started = Array.from({ length: COUNT }, (_, n) =>
    scene.begin('spawn', ['-p', 'sh', '--slots', `${SLOTS}`, '--tag', 's', script(n)], { timeout: 100_000 }),
  )
  const ended = await Promise.all(started.map(each => each.ended))
  t.same(
    ended.filter(({ code, stderr }) => code !== 0 || stderr !== ''),
    [],
  )
  t.match(await scene.zag('wait', ['--tag', 's'], { timeout: 60_000 }), { code: 0 })
  const lines = (name: string) => readFileSync(join(scene.home, name), 'utf8').trim().split('\n').map(Number)
  t.ok(Math.max(...lines('counts')) <= SLOTS, `${Math.max(...lines('counts'))} at once`)
  t.same(
    lines('ran').sort((a, b) => a - b),
    Array.from({ length: COUNT }, (_, n) => n),
  )
  await until(() => scene.leftovers({ all: true }).length === 0)
  t.same(scene.list('queue'), [])
})
