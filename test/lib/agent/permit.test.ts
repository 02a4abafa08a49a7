// Questions that could not be put on record: whoever asked is refused, and nobody else is asked in vain.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { askPermission } from '../../../lib/agent/permit.js'
import { EXIT, Fault } from '../../../lib/base/exit.js'
import { paths } from '../../../lib/base/paths.js'
import type { NewEvent } from '../../../lib/log/events.js'
import type { OnceRule } from '../../../lib/permission/decide.js'
import * as relays from '../../../lib/permission/relay.js'
import * as rules from '../../../lib/permission/rules.js'

const { answerOf, answerRelay, openRelays } = relays
const { addRule, groupRules } = rules

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

t.test('a once-rule is used up by the call that it let through, and by no other', async t => {
  /** The code with somebody who does `meanwhile` whenever rules are about to answer a relay. */
  const racing = async (meanwhile: (id: string) => void) => {
    const answering = {
      ...relays,
      answerRelay: (id: string, reply: relays.Reply) => {
        meanwhile(id)
        return answerRelay(id, reply)
      },
    }
    const cover = await t.mockImport<typeof import('../../../lib/permission/cover.js')>('../../../lib/permission/cover.js', {
      '../../../lib/permission/relay.js': answering,
    })
    const permit = await t.mockImport<typeof import('../../../lib/agent/permit.js')>('../../../lib/agent/permit.js', {
      '../../../lib/permission/relay.js': answering,
      '../../../lib/permission/cover.js': cover,
    })
    return { ...cover, ...permit }
  }
  const person = (id: string) => void answerRelay(id, { approved: true, by: 'person' })
  const rule = 'bash(command=rm *)'
  const left = (group: string) => groupRules(group).filter(({ kind }) => kind === 'once').length

  const opening = await racing(person)
  // It comes while the question is opened, and before rules answer a person does.
  const log = (event: NewEvent) => void (event.type === 'relay' && addRule('a', rule, 'once', 'person'))
  t.match(await opening.askPermission({ group: 'a', place, ask: true }, question, { log }), { granted: true, by: 'person' })
  t.equal(left('a'), 1, 'asked: the rule is there still')
  t.match(await askPermission({ group: 'a', place }, question), { granted: true, by: 'once' })
  t.equal(left('a'), 0)

  const adding = await racing(person)
  const asked = askPermission({ group: 'b', place, ask: true }, question)
  addRule('b', rule, 'once', 'person')
  t.same(adding.coverOpenRelays('b'), [])
  t.match(await asked, { granted: true, by: 'person' })
  t.equal(left('b'), 1, 'added: the rule is there still')

  // Whoever adds a rule answers what is open, at the moment when whoever opens it looks once more.
  const { coverOpenRelays } = await racing(() => {})
  const both = await racing(() => void coverOpenRelays('c'))
  const twice = (event: NewEvent) => {
    if (event.type !== 'relay') return
    addRule('c', rule, 'once', 'person')
    addRule('c', rule, 'once', 'person')
  }
  t.match(await both.askPermission({ group: 'c', place, ask: true }, question, { log: twice }), { granted: true, by: 'once' })
  t.equal(left('c'), 1, 'one question, one rule')

  // One who waits while the rule is held by another's question gets it when that one did not need it.
  const waiting: Promise<unknown>[] = []
  const held = await racing(id => {
    if (waiting.length > 0) return
    waiting.push(askPermission({ group: 'd', place, ask: true }, question))
    person(id)
  })
  const once = (event: NewEvent) => void (event.type === 'relay' && addRule('d', rule, 'once', 'person'))
  t.match(await held.askPermission({ group: 'd', place, ask: true }, question, { log: once }), { granted: true, by: 'person' })
  t.match(await Promise.all(waiting), [{ granted: true, by: 'once', rule }])
  t.equal(left('d'), 0)
  t.same(openRelays(), [])
})

t.test('who finds a once-rule taken by one that lacks another, and puts it back, gets it', async t => {
  const both = { ...question, params: { command: 'rm x; cp x y' } }
  const rm = addRule('e', 'bash(command=rm *)', 'once', 'person')
  const cp = addRule('e', 'bash(command=cp *)', 'once', 'person')
  const waiting: Promise<unknown>[] = []
  const { askPermission: ask } = await t.mockImport<typeof import('../../../lib/agent/permit.js')>('../../../lib/agent/permit.js', {
    '../../../lib/permission/rules.js': {
      ...rules,
      onceRules: (group: string) => {
        const keeper = rules.onceRules(group)
        return {
          ...keeper,
          // Just before, somebody else has the second, and another wants the first.
          take(rule: OnceRule) {
            if (rule.once === cp.id) {
              keeper.take(rule)
              waiting.push(askPermission({ group, place, ask: true }, question))
            }
            return keeper.take(rule)
          },
        }
      },
    },
  })
  t.match(await ask({ group: 'e', place }, both), { granted: false, by: 'deny' })
  t.equal(waiting.length, 1)
  const open = openRelays()
  t.same(open, [], 'nobody waits for what is free')
  for (const { relay_id } of open) answerRelay(relay_id, { approved: false, by: 'person' })
  t.match(await Promise.all(waiting), [{ granted: true, by: 'once', rule: rm.rule }])
})
