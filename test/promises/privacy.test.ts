// Nobody but the user can read what zag keeps, whatever the umask is.

import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../help/run.js'
import { Scene } from './scene.js'

const SCRIPT = `umask "$0"
id=$(zag-spawn -p sh --name one --tag tag 'echo out; echo err >&2; touch made') && zag-wait $id >wait
zag-exec -p sh --context one 'cat' >exec
head -c 400000 /dev/zero | tr '\\0' x | zag-log --session one -
zag-spawn -p sh 'kill -9 $PPID; sleep 1' | zag-wait - >dead
zag-spawn -p sh 'sleep 300' | zag-cancel --grace 0 - >cancelled
zag-gc -q --force --older-than 7d >gc
zag-doctor --repair >doctor
umask`

for (const umask of ['000', '077']) {
  t.test(`under umask ${umask}`, async t => {
    const scene = new Scene(t)
    const { stderr, stdout } = await run('/bin/sh', ['-c', SCRIPT, umask], { home: scene.home })
    t.equal(stderr, '')
    t.equal(stdout.trim(), `0${umask}`)
    const wrong = readdirSync(scene.path(), { recursive: true, withFileTypes: true })
      .map(entry => ({ path: join(entry.parentPath, entry.name), wanted: entry.isDirectory() ? 0o700 : 0o600 }))
      .map(({ path, wanted }) => ({ path, wanted, mode: lstatSync(path).mode & 0o7777 }))
      .filter(({ mode, wanted }) => mode !== wanted)
      .map(({ path, mode }) => `${path} ${mode.toString(8)}`)
    t.same(wrong, [])
    t.equal(lstatSync(scene.path()).mode & 0o7777, 0o700)
    t.equal(scene.list('sessions').length, 4)
  })
}
