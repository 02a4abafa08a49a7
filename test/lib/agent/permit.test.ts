// Questions that could not be put on record: whoever asked is refused, and nobody else is asked in vain.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { askPermission } from '../../../lib/agent/permit.js'
import { EXIT, Fault } from '../../../lib/base/exit.js'
import { paths } from '../../../lib/base/paths.js'
import type { NewEvent } from '../../../lib/log/events.js'
import { answerOf, answerRelay, openRelays } from '../../../lib/permission/relay.js'

process.env.ZAG_HOME = join(t.testdir(), 'home')
const place = { root: '/', cwd: '/' }
const question = { tool: 'bash', tool_kind: 'shell', params: { command: 'rm x' } } as const

t.test('a question that the log does not take is closed', async t => {
  let id = ''
  const log = (event: NewEvent) => {
    if (event.type !== 'relay') return
    id = event.relay_id
    throw new Fault('no space left on device', EXIT.system)
  }
  await t.rejects(askPermission({ group: 'g', place, ask: true }, question, { log }), /no space/)
  t.same(openRelays(), [])
  t.match(answerOf(id), { approved: false, by: 'closed' })
  t.notOk(existsSync(paths.relay(id)))
  t.notOk(answerRelay(id, { approved: true, by: 'person' }), 'and its answer is there already')
})
