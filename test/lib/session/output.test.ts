// The agent's output becoming events: what a reader holds back until a message is whole is in the log once, whoever wrote it there.

import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newId } from '../../../lib/base/id.js'
import { paths } from '../../../lib/base/paths.js'
import { timestamp } from '../../../lib/base/time.js'
import type { NewEvent } from '../../../lib/log/events.js'
import { LogWriter } from '../../../lib/log/write.js'
import { myself } from '../../../lib/process/identity.js'
import { accountReader } from '../../../lib/provider/account.js'
import { AgentOutput, loggedOffsets } from '../../../lib/session/output.js'
import { openHome } from '../../../lib/store/home.js'
import { create } from '../../../lib/table/sessions.js'

process.env.ZAG_HOME = join(t.testdir(), 'home')
openHome()

const from = { stdout: 0, stderr: 0 }
const OUTPUT = '{"piece":"a"}\n{"piece":"b"}\n{"other":1}\n{"piece":"c"}\n{"piece":"d"}'

function session(): string {
  const id = newId()
  const more = { provider: 'sh', root: '/', cwd: '/', tags: [], group: 'g', depends_on: [], flags: {}, env: {} }
  create({ id, created_at: timestamp(), ...more }, { role: 'run', run: 1, ...myself() }, {})
  return id
}

/** A reader whose messages come in pieces. */
function pieces() {
  let text = ''
  const held = (): NewEvent[] => {
    const content = text
    text = ''
    return content === '' ? [] : [{ type: 'assistant_message', content }]
  }
  return accountReader(({ piece }) => {
    if (piece === undefined) return [...held(), { type: 'provider_status', message: 'other' }]
    text += piece
  }, held)
}

/** Reads the output from its beginning, as far as the log does not have it. */
function read(id: string, atEnd = true): void {
  const output = new AgentOutput(id, new LogWriter(id), pieces(), from, loggedOffsets(id, from))
  if (atEnd) output.end()
  else output.take()
}

const logged = (id: string) =>
  readFileSync(paths.inSession(id, 'log.ndjson'), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
    .map(({ type, content, offset }) => [type, content, offset])

const WHOLE = [
  ['assistant_message', 'ab', undefined],
  ['provider_status', undefined, 40],
  ['assistant_message', 'cd', OUTPUT.length],
]

t.test('a message that nothing follows is in the log at the end, and once', async t => {
  const id = session()
  appendFileSync(paths.inSession(id, 'stdout'), OUTPUT)
  read(id)
  t.same(logged(id), WHOLE)
  read(id)
  t.same(logged(id), WHOLE, 'read anew')
})

t.test('who goes on after one who died in the middle of a message has all of it', async t => {
  for (const had of [13, 20, 41, 55, OUTPUT.length]) {
    const id = session()
    appendFileSync(paths.inSession(id, 'stdout'), OUTPUT.slice(0, had))
    read(id, false)
    appendFileSync(paths.inSession(id, 'stdout'), OUTPUT.slice(had))
    read(id)
    t.same(logged(id), WHOLE, `${had} bytes were there`)
  }
})

t.test('nothing held back, nothing more', async t => {
  const id = session()
  appendFileSync(paths.inSession(id, 'stdout'), '{"other":1}\n')
  read(id)
  read(id)
  t.same(logged(id), [['provider_status', undefined, 12]])
})
