// The rules of a group on disk, and that a once-rule is used once.

import { existsSync } from 'node:fs'
import t from 'tap'
import { addRule, groupRules, groupSources, isSessionOnceUsed, removeRule, sessionOnce, useOnce } from '../../../lib/permission/rules.js'

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
  t.equal(useOnce('/a', one.id), true)
  t.equal(useOnce('/a', one.id), false)
  t.same(
    groupSources('/a').once.map(({ once }) => once),
    [two.id],
  )
})

t.test('a once-rule of a session too', async t => {
  process.env.ZAG_HOME = t.testdir({ sessions: { s: {} } })
  t.equal(isSessionOnceUsed('s', 0), false)
  t.equal(sessionOnce('s', 0), true)
  t.equal(sessionOnce('s', 0), false)
  t.equal(sessionOnce('s', 1), true)
  t.equal(isSessionOnceUsed('s', 0), true)
})
