// The rules of a group on disk, and that a once-rule is used once.

import { existsSync } from 'node:fs'
import t from 'tap'
import type { OnceRule } from '../../../lib/permission/decide.js'
import { parseRule } from '../../../lib/permission/rule.js'
import { addRule, groupRules, groupSources, isSessionOnceUsed, onceRules, removeRule } from '../../../lib/permission/rules.js'

t.beforeEach(t => {
  process.env.ZAG_HOME = t.testdir()
})

t.test('a group without rules has none, and no folder is made to say so', async t => {
  t.same(groupRules('/a/b'), [])
  t.notOk(existsSync(`${process.env.ZAG_HOME}/groups`))
})

t.test('rules are added once, listed in their order, and removed by text or id', async t => {
  const first = addRule('/a', ' bash( command = ls * )', 'always', 'person')
  t.match(first, { rule: 'bash(command=ls *)', kind: 'always', by: 'person', added: true })
  t.match(addRule('/a', 'bash(command=ls *)', 'always', 'x'), { id: first.id, by: 'person', added: false })
  const never = addRule('/a', 'bash(command=ls *)', 'never', 'person')
  t.same(
    groupRules('/a').map(({ kind }) => kind),
    ['always', 'never'],
  )
  t.same(groupRules('/b'), [], 'of another group')
  t.match(groupSources('/a'), { always: [{ tool: 'bash', params: { command: 'ls *' } }], never: [{ tool: 'bash' }], once: [] })
  t.same(removeRule('/a', 'bash(command=nothing)'), [])
  t.same(
    removeRule('/a', 'bash(command=ls *)', 'always').map(({ id }) => id),
    [first.id],
  )
  t.same(
    removeRule('/a', never.id).map(({ id }) => id),
    [never.id],
  )
  t.same(groupRules('/a'), [])
  t.match(addRule('/a', 'bash(command=ls *)', 'always', 'x'), { added: true }, 'and can be added again')
})

t.test('a once-rule is good for one call each time it is added', async t => {
  const one = addRule('/a', 'bash(command=ls *)', 'once', 'person')
  const two = addRule('/a', 'bash(command=ls *)', 'once', 'person')
  t.not(one.id, two.id)
  const { take, putBack, useUp } = onceRules('/a')
  const [first, second] = groupSources('/a').once as [OnceRule, OnceRule]
  const left = () => groupSources('/a').once.map(({ once }) => once)
  t.equal(take(first), true)
  t.equal(take(first), false)
  t.same(left(), [two.id])
  putBack(first)
  t.same(left(), [one.id, two.id])
  t.equal(take(first), true, 'it is there again')
  useUp(first)
  t.same(left(), [two.id])
  t.equal(take(first), false, 'who read it before does not have it')
  t.equal(take(second), true)
})

t.test('a once-rule of a session too', async t => {
  process.env.ZAG_HOME = t.testdir({ sessions: { s: {} } })
  t.equal(isSessionOnceUsed('s', 0), false)
  const { take, putBack, useUp } = onceRules('/a', 's')
  const rule = (once: number): OnceRule => ({ ...parseRule('read'), once })
  t.equal(take(rule(0)), true)
  t.equal(take(rule(0)), false)
  t.equal(take(rule(1)), true)
  useUp(rule(0))
  putBack(rule(1))
  t.equal(isSessionOnceUsed('s', 0), true)
  t.equal(isSessionOnceUsed('s', 1), false)
  t.equal(onceRules('/a').take(rule(1)), false, 'who is no session has none')
})
