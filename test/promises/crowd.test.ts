// More programs wait at once than the system has watchers for: those that get none come round by themselves.

import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { pause, Scene, watches } from './scene.js'

const WAITS = 150

t.test(`${WAITS} waits at once`, async t => {
  const scene = new Scene(t)
  const id = await scene.spawn('until [ -e go ]; do sleep 0.2; done')
  const waits = Array.from({ length: WAITS }, () => scene.begin('wait', [id], { timeout: 60_000 }))
  // Until no more get a watcher: a limit of 128 is shared with all else that this user runs.
  for (let before = -1, now = 0; now === 0 || now > before; ) {
    await pause(500)
    before = now
    now = waits.filter(({ child }) => watches(child.pid)).length
    t.comment(`${now} watch`)
  }
  appendFileSync(join(scene.home, 'go'), '')
  const ended = await Promise.all(waits.map(wait => wait.ended))
  t.same(
    ended.filter(({ code, stdout, stderr }) => code !== 0 || stdout !== `${id}\tcompleted\n` || stderr !== ''),
    [],
  )
})
