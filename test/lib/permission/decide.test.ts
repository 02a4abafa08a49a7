// The order of decision, for every pair of sources, and what becomes of once-rules.

import t from 'tap'
import { conclude, decide, type OnceKeeper, type OnceRule, type Sources, settle } from '../../../lib/permission/decide.js'
import { parseRule } from '../../../lib/permission/rule.js'

const PLACE = { root: '/', cwd: '/' }
const bash = (command: string) => ({ tool: 'bash', tool_kind: 'shell' as const, params: { command } })
const NONE: Sources = { deny: [], never: [], always: [], allow: [], once: [], auto: false }
const once = (text: string, id: string | number = 0): OnceRule => ({ ...parseRule(text), once: id })

t.test('every pair of sources: the one that comes first decides', async t => {
  const rule = [parseRule('bash(command=git *)')]
  const order: [keyof Sources | 'ask', Partial<Sources>, boolean | undefined, string | undefined][] = [
    ['deny', { deny: rule }, false, 'deny'],
    ['never', { never: rule }, false, 'deny'],
    ['always', { always: rule }, true, 'rule'],
    ['allow', { allow: rule }, true, 'rule'],
    ['once', { once: [once('bash(command=git *)')] }, true, 'once'],
    ['auto', { auto: true }, true, 'auto'],
    ['ask', {}, undefined, undefined],
  ]
  for (const [a, first, granted, by] of order) {
    for (const [b, second] of order.slice(order.findIndex(([name]) => name === a))) {
      for (const sources of [
        { ...NONE, ...first, ...second },
        { ...NONE, ...second, ...first },
      ]) {
        const verdict = decide(bash('git status'), PLACE, sources)
        t.match(verdict, { granted, by }, `${a} and ${b}`)
        t.equal(verdict.once.length, by === 'once' ? 1 : 0, `${a} and ${b}: once-rules`)
        t.equal(verdict.rule, by === undefined || by === 'auto' ? undefined : 'bash(command=git *)')
      }
    }
  }
})

t.test('the parts of a line may be allowed by different rules', async t => {
  const line = bash('git status | tee x; rm y')
  const sources = {
    ...NONE,
    always: [parseRule('bash(command=git *)')],
    allow: [parseRule('bash(command=tee *)')],
    once: [once('bash(command=rm *)', 'r')],
  }
  const verdict = decide(line, PLACE, sources)
  t.match(verdict, { granted: true, by: 'once', rule: 'bash(command=git *) and bash(command=tee *) and bash(command=rm *)' })
  t.same(
    verdict.once.map(rule => rule.once),
    ['r'],
  )
  t.match(decide(line, PLACE, { ...sources, once: [] }), { granted: undefined, reason: 'rm y: no rule allows it' })
  t.match(decide(line, PLACE, { ...sources, once: [], auto: true }), { granted: true, by: 'auto', once: [] })
  t.match(decide(line, PLACE, { ...sources, deny: [parseRule('bash(command=tee *)')] }), { granted: false, by: 'deny', reason: /tee/ })
  t.match(decide(bash('git status'), PLACE, sources), { granted: true, by: 'rule', once: [] }, 'a once-rule that is not needed stays')
})

t.test('lists are several calls, and an empty one is none that is allowed', async t => {
  const edit = (path: unknown) => ({ tool: 'edit', tool_kind: 'file_edit' as const, params: { path } })
  const allow = [parseRule('edit(path=a/*)'), parseRule('edit(path=b/*)')]
  t.equal(decide(edit(['a/x', 'b/x']), PLACE, { ...NONE, allow }).granted, true)
  t.equal(decide(edit(['a/x', 'c/x']), PLACE, { ...NONE, allow }).granted, undefined)
  t.equal(decide(edit(['a/x', 'c/x']), PLACE, { ...NONE, auto: true, deny: [parseRule('edit(path=c/*)')] }).granted, false)
  for (const path of [[], undefined, null, 1, {}]) t.equal(decide(edit(path), PLACE, { ...NONE, allow }).granted, undefined, String(path))
  t.equal(decide({ ...edit('a/x'), tool: 'read' }, PLACE, { ...NONE, allow }).granted, undefined, 'another tool')
})

t.test('what is not told, and what is too much to look through, a deny rule refuses', async t => {
  const call = (tool: string, params: Record<string, unknown>) => ({ tool, tool_kind: 'other' as const, params })
  const denied = (asked: ReturnType<typeof call>, rule: string) =>
    decide(asked, PLACE, { ...NONE, auto: true, deny: [parseRule(rule)] }).granted === false
  for (const [tool, key] of [
    ['bash', 'command'],
    ['read', 'path'],
    ['edit', 'path'],
    ['fetch', 'url'],
    ['agent', 'prompt'],
  ] as const) {
    t.ok(denied(call(tool, {}), tool), tool)
    const { granted } = decide(call(tool, {}), PLACE, { ...NONE, allow: [parseRule(tool)] })
    t.equal(granted, tool === 'bash' ? undefined : true, 'the tool alone allows it, but for a line that nobody knows')
    t.ok(denied(call(tool, {}), `${tool}(${key}=x)`), tool)
    t.notOk(denied(call(tool, { [key]: 'y' }), `${tool}(${key}=x)`), tool)
  }
  t.notOk(denied(call('search', { path: '.' }), 'search(pattern=x)'), 'a search need not have a pattern')
  t.notOk(denied(call('mcp', { server: 's', tool: 't' }), 'mcp(server=s, tool=t, force=true)'))
  const many = [...Array(1001).keys()].map(String)
  t.ok(denied(call('mcp', { server: 's', tool: 't', ids: many }), 'mcp(server=s, tool=t)'))
  t.ok(denied(call('edit', { path: many }), 'edit(path=7)'))
})

t.test('a once-rule that another call had first is not counted', async t => {
  const sources = { ...NONE, once: [once('bash(command=a *)', 1), once('bash(command=a *)', 2)] }
  const two = keeper(2)
  const verdict = settle(bash('a x'), PLACE, sources, two)
  t.match(verdict, { granted: true, by: 'once' })
  conclude(verdict, two, true)
  t.same(two.done, ['take 1', 'take 2', 'useUp 2'])
  t.match(settle(bash('a x'), PLACE, { ...sources, auto: true }, keeper()), { granted: true, by: 'auto' })
  t.equal(settle(bash('a x'), PLACE, sources, keeper()).granted, undefined)
})

t.test('of several that a call needs, those it had are put back when one is gone', async t => {
  const sources = { ...NONE, once: [once('bash(command=a *)', 1), once('bash(command=b *)', 2)] }
  const one = keeper(1)
  const without = settle(bash('a x; b x'), PLACE, sources, one)
  t.match(without, { granted: undefined, isBack: true })
  t.equal(conclude(without, one, true), true, 'somebody may have found it taken')
  t.same(one.done, ['take 1', 'take 2', 'putBack 1'])
  const three = keeper(1, 3)
  const verdict = settle(bash('a x; b x'), PLACE, { ...sources, once: [...sources.once, once('bash(command=b x)', 3)] }, three)
  t.equal(verdict.granted, true)
  conclude(verdict, three, false)
  t.same(three.done, ['take 1', 'take 2', 'putBack 1', 'take 1', 'take 3', 'putBack 1', 'putBack 3'])
})

/** One that gives these away, and says what was done. */
function keeper(...free: unknown[]): OnceKeeper & { done: string[] } {
  const done: string[] = []
  const note = (what: string, rule: OnceRule) => void done.push(`${what} ${rule.once}`)
  return {
    done,
    take(rule) {
      note('take', rule)
      return free.includes(rule.once)
    },
    putBack: rule => note('putBack', rule),
    useUp: rule => note('useUp', rule),
  }
}
