// Following what an agent writes in a turn: whether it said its last word can change.

import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { TurnOutput } from '../../../lib/agent/turn-output.js'
import { newId } from '../../../lib/base/id.js'
import { paths } from '../../../lib/base/paths.js'
import { LogWriter } from '../../../lib/log/write.js'
import type { Reader } from '../../../lib/provider/provider.js'
import { makeFolder } from '../../../lib/store/file.js'
import { openHome } from '../../../lib/store/home.js'
import { until } from '../../help/run.js'

process.env.ZAG_HOME = join(t.testdir(), 'home')
openHome()

/** It is through when it last said so. */
function reader(): Reader {
  let last = ''
  return {
    out(lines) {
      last = String(lines.at(-1) ?? last)
      return []
    },
    get through() {
      return last === 'done'
    },
    verdict: () => ({ success: true }),
  }
}

t.test('an agent that goes on after its last word is heard to its end', async t => {
  const id = newId()
  makeFolder(paths.session(id))
  const stdout = paths.inSession(id, 'stdout')
  writeFileSync(stdout, 'done\n')
  const log = new LogWriter(id)
  const told: boolean[] = []
  const output = new TurnOutput({ id, read: reader, from: { stdout: 0, stderr: 0 } }, log, isThrough => told.push(isThrough), 0)
  t.teardown(() => output.close())
  t.teardown(() => log.close())
  await until(() => told.length === 1)
  appendFileSync(stdout, 'and yet\n')
  await until(() => told.length === 2)
  appendFileSync(stdout, 'done\n')
  await until(() => told.length === 3)
  t.same(told, [true, false, true])
})
