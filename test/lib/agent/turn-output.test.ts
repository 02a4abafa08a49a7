// Following what an agent writes in a turn: whether it said its last word can change.

import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readAnew, TurnOutput } from '../../../lib/agent/turn-output.js'
import { newId } from '../../../lib/base/id.js'
import { paths } from '../../../lib/base/paths.js'
import { LogWriter } from '../../../lib/log/write.js'
import type { Reader } from '../../../lib/provider/provider.js'
import { makeFolder } from '../../../lib/store/file.js'
import { openHome } from '../../../lib/store/home.js'
import { until } from '../../help/run.js'
import { rows } from '../../help/sessions.js'

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

t.test('a reader that breaks fails the turn, tells what it could not read, and reads on', async t => {
  const broken = (): Reader => ({
    each: true,
    out([line]) {
      if (String(line) === 'odd') throw new TypeError('no such field')
      return [{ type: 'assistant_message', content: String(line) }]
    },
    verdict: () => ({ success: true, result: 'said' }),
  })
  const id = newId()
  makeFolder(paths.session(id))
  writeFileSync(paths.inSession(id, 'stdout'), 'one\nodd\ntwo\n')
  for (const since of [undefined, 0]) {
    const log = new LogWriter(id)
    t.teardown(() => log.close())
    const through: boolean[] = []
    const output = new TurnOutput({ id, read: broken, from: { stdout: 0, stderr: 0 }, since }, log, isIt => through.push(isIt), 0)
    t.teardown(() => output.close())
    const events = () => rows(readFileSync(paths.inSession(id, 'log.ndjson'), 'utf8'))
    await until(() => existsSync(paths.inSession(id, 'log.ndjson')) && events().length === 3)
    t.match(events(), [{ content: 'one' }, { type: 'parse_warning', raw: 'odd\n' }, { content: 'two' }])
    if (since === 0) await until(() => through.length === 1)
    t.match(output.finish({ code: 0, signal: null }).verdict, {
      success: false,
      error: 'what it printed could not be read (no such field)',
      result: 'said',
    })
    rmSync(paths.inSession(id, 'log.ndjson'))
  }
})

t.test('what went wrong is one line, whatever its provider makes of it', async t => {
  const id = newId()
  makeFolder(paths.session(id))
  writeFileSync(paths.inSession(id, 'stdout'), '')
  const log = new LogWriter(id)
  t.teardown(() => log.close())
  const read = (): Reader => ({ out: () => [], verdict: () => ({ success: false, error: 'one\r\n  two\nthree' }) })
  const { verdict } = readAnew({ id, read, from: { stdout: 0, stderr: 0 } }, log, { code: 1, signal: null })
  t.equal(verdict.error, 'one two three')
})
