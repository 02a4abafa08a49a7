// zag-deny: relays are answered once, from anywhere, by id, by session or by rule; and rules that are added answer what else they cover.

import { join } from 'node:path'
import t from 'tap'
import { addRule } from '../../lib/permission/rules.js'
import { Asking } from '../help/relays.js'
import { Zag } from '../help/sessions.js'

const zag = new Zag(t)
const asking = new Asking(zag)
const deny = (args: string[], more = {}) => zag.go('deny', args, more)
const silent = { code: 0, signal: null, stdout: '', stderr: '' }

t.test('0: silent, and the agent is told why not', async t => {
  const {
    id,
    relays: [first = '', second = ''],
  } = await asking.session(['one', 'two'])
  t.same(await deny([first, '--reason', 'it is frozen']), silent)
  t.same(await deny([second]), silent)
  t.match(await asking.answers(id), [
    { relay_id: first, approved: false, by: 'person', reason: 'it is frozen' },
    { relay_id: second, approved: false, by: 'person' },
  ])
})

t.test('2 and 3: nothing is done', async t => {
  t.match(await deny([]), { code: 2, stderr: /^zag-deny: which relays\? .*\n$/ })
  t.match(await deny(['ffff']), { code: 3, stdout: '', stderr: "zag-deny: no relay 'ffff': see zag relay\n" })
  const { relays } = await asking.session(['here'])
  t.match(await deny([...relays, '--always=read']), { code: 2, stderr: "zag-deny: the rule 'read' does not cover 'here'\n" })
  t.same(await deny(['--all']), silent)
  t.match(await deny(['--all']), { code: 3, stderr: /no open relay is meant/ })
})

t.test('4: answered before', async t => {
  const {
    relays: [first = ''],
  } = await asking.session(['one'])
  await zag.go('approve', [first])
  t.match(await deny([first, '--always']), {
    code: 4,
    stdout: '',
    stderr: `zag-deny: relay '${first}' was answered before: approved by a person; no rule is added for it\n`,
  })
  t.same((await asking.session(['one'])).relays.length, 1, 'and no rule was added')
  t.same(await deny(['--latest']), silent)
})

t.test('by session: --session --tag --name --parent --state --all --root', async t => {
  for (const way of [
    ['--tag', 'mine'],
    ['--name', 'me'],
    ['--session', 'me'],
    ['--all', '--state', 'waiting'],
    ['-r', '.', '--all'],
  ]) {
    const { id } = await asking.session(['x'], ['--name', 'me', '--tag', 'mine'])
    t.same(await deny(way), silent, way.join(' '))
    t.match(await asking.answers(id), [{ approved: false }])
  }
})

t.test('--matching', async t => {
  const { id } = await asking.session(['rm x', 'ls'])
  t.same(await deny(['--matching', 'bash(command=rm *)']), silent)
  t.same(
    (await asking.open()).map(({ what }) => what),
    ['ls'],
  )
  await zag.go('approve', ['--all'])
  t.equal((await asking.answers(id)).length, 2)
})

t.test('--always: a rule that refuses what is open and what is to come', async t => {
  const {
    id,
    relays: [first = ''],
  } = await asking.session(['curl x'])
  const { id: b } = await asking.session(['ls; curl x', 'ls'])
  t.match(await deny([first, '--always', '--reason', 'no network']), {
    code: 0,
    stdout: '',
    stderr: /^zag-deny: never in group .*: bash\(command=curl x\)\n$/,
  })
  t.match(await asking.answers(id), [{ approved: false, by: 'person', reason: 'no network' }])
  t.same(
    (await asking.open()).map(({ what }) => what),
    ['ls'],
  )
  t.match(await deny(['--all', '--always=bash(command=ls)']), { code: 0, stderr: /: bash\(command=ls\)\n$/ })
  t.match(await asking.answers(b), [
    { approved: false, by: 'rule', rule: 'bash(command=curl x)', reason: 'the rule bash(command=curl x) refuses it' },
    { by: 'person' },
  ])
})

t.test('--always where a rule allows it already: that is overruled, and where it is not clear what is meant nothing is done', async t => {
  process.env.ZAG_HOME = join(zag.home, '.zag')
  const {
    relays: [one = ''],
  } = await asking.session(['wget x'])
  const {
    relays: [two = ''],
  } = await asking.session(['wget x; wget y'])
  const [{ group = '' } = {}] = (await asking.open()) as { group?: string }[]
  // As if whoever added it was killed before it answered what is open.
  const { id } = addRule(group, 'bash(command=wget *)', 'always', 'person')
  t.match(await deny([two, '--always']), {
    code: 2,
    stderr: "zag-deny: rules allow each part of 'wget x; wget y': answer it without --always, or give --always=RULE\n",
  })
  t.match(await deny([one, '--always']), { code: 0, stderr: /^zag-deny: never in group .*: bash\(command=wget x\)\n$/ })
  t.match(await zag.go('allow', ['check', '--group', group, '--', 'wget x']), { code: 1, stdout: /bash\(command=wget x\)/ })
  t.same(await asking.open(), [], 'and it answers what else is open')
  await zag.go('allow', ['remove', '--group', group, id])
})

t.test('an agent does not answer for itself', async t => {
  const {
    id,
    relays: [own = ''],
  } = await asking.session(['x y'])
  t.match(await deny([own], { env: { ZAG_SESSION_ID: id } }), { code: 4, stderr: /^zag-deny: relay .* is not for session/ })
  t.same(await deny([own]), silent)
})
