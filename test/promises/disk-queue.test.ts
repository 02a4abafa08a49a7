// Sessions that wait and batches on a disk that is full, or may not be written for a while: nothing is lost, nothing runs twice.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { until } from '../help/run.js'
import * as played from '../help/written.js'
import { noDisk, onDisk } from './on-disk.js'

const KIB = 1024

t.test('a disk that fills while a batch runs', { skip: noDisk }, async t => {
  const { scene, leave } = onDisk(t)
  // What the scripts write themselves is on another disk.
  const beside = mkdtempSync(join(tmpdir(), 'zag-beside-'))
  t.teardown(() => rmSync(beside, { recursive: true }))
  const script = (n: number) => `echo ${n} >>${beside}/ran; until [ -e ${beside}/go ]; do sleep 0.02; done; echo ${n}`
  const input = [0, 1, 2, 3, 4].map(script).join('\n')
  const { code, stdout } = await scene.zag('spawn', ['-p', 'sh', '--each', '--slots', '2'], { input })
  t.equal(code, 0)
  const ids = stdout.trim().split('\n')
  const ran = () => readFileSync(join(beside, 'ran'), 'utf8').trim().split('\n')
  await until(() => ids.slice(0, 2).every(id => scene.events(id, 'session_started').length === 1))
  leave(0)
  writeFileSync(join(beside, 'go'), '')
  const refused = await scene.zag('spawn', ['-p', 'sh', '--each', '--slots', '2'], { input: 'echo a\necho b\n' })
  t.match(refused, {
    code: 5,
    stdout: '',
    stderr: /^zag-spawn: row 1: cannot [^\n]*no space left on device[^\n]*; neither this row nor any after it was started\n$/,
  })
  t.match(await scene.zag('wait', ['--all', '--timeout', '2s']), { signal: null, stderr: /^$|not over after/ })
  t.match(await scene.zag('ps', ['-a', '-q']), { code: 0, stderr: '' })
  t.same(scene.list('sessions').sort(), [...ids].sort(), 'no half session')
  leave(512 * KIB)
  t.match(await scene.zag('wait', ['--all', '--timeout', '20s']), { stderr: '' })
  for (const id of ids) t.equal(scene.events(id, 'session_ended').length, 1)
  t.equal(new Set(ran()).size, ran().length, 'nothing ran twice')
  t.equal(await scene.ask('status', ids[4] as string), 'completed', 'what was not begun when the disk was full was done afterwards')
  t.same(scene.leftovers(), [])
  await until(() => scene.leftovers({ all: true }).length === 0)
})

t.test('a home that is read-only for a while', { skip: noDisk }, async t => {
  const { scene, remount } = onDisk(t)
  played.writeInto(t, scene.home)
  const [id, other] = [played.started(), played.started()]
  const waits = await scene.spawn('echo done', '--depends-on', id)
  const slot = await scene.spawn('echo slot', '--depends-on', id, '--slots', '1')
  const fails = await scene.spawn('true', '--depends-on', other)
  played.end(id)
  rmSync(scene.path('sessions', other), { recursive: true })
  await remount('ro')
  t.match(await scene.zag('status', [waits, slot, fails]), { code: 0, stdout: /^(.*\tqueued\n){3}$/, stderr: '' })
  t.match(await scene.zag('ps', []), { code: 0, stdout: /^(.*\tqueued\t.*\n){3}$/, stderr: '' })
  t.match(await scene.zag('wait', ['--timeout', '300ms', waits]), { code: 124, stdout: '' })
  t.match(await scene.zag('cancel', [fails]), { code: 1, stdout: '', stderr: /^zag-cancel: cannot [^\n]*read-only file system\n$/ })
  const refused = await scene.zag('spawn', ['-p', 'sh', '--depends-on', waits, 'true'])
  t.match(refused, { code: 5, stdout: '', stderr: /^zag-spawn: cannot [^\n]*read-only file system\n$/ })
  await remount('rw')
  t.match(await scene.zag('wait', [waits, slot, '--timeout', '20s']), { code: 0, stderr: '' })
  t.match(await scene.zag('wait', [fails, '--timeout', '20s']), { code: 1, stdout: /was removed\n$/ })
  await until(() => scene.leftovers({ all: true }).length === 0)
})
