// zag-approve: relays are answered once, from anywhere, by id, by session or by rule; and rules that are added answer what else they cover.

import t from 'tap'
import { Asking } from '../help/relays.js'
import { until } from '../help/run.js'
import { Zag } from '../help/sessions.js'

const zag = new Zag(t)
const asking = new Asking(zag)
const approve = (args: string[], more = {}) => zag.go('approve', args, more)
const silent = { code: 0, signal: null, stdout: '', stderr: '' }

t.test('0: silent, and the agent goes on', async t => {
  const {
    id,
    relays: [first = '', second = ''],
  } = await asking.session(['one', 'two'])
  t.same(await approve([first.slice(-8)]), silent)
  t.equal((await zag.go('status', [id])).stdout, 'waiting\n', 'for the other')
  t.same(await approve(['--reason', 'go on', second.slice(0, 30)]), silent)
  t.match(await asking.answers(id), [
    { relay_id: first, approved: true, by: 'person', session_id: id },
    { relay_id: second, approved: true, by: 'person', reason: 'go on' },
  ])
})

t.test('2 and 3: nothing is done', async t => {
  const {
    relays: [first = ''],
  } = await asking.session(['here'])
  t.match(await approve([]), { code: 2, stderr: /^zag-approve: which relays\? .*\n$/ })
  t.match(await approve([first, 'ffff']), { code: 3, stdout: '', stderr: "zag-approve: no relay 'ffff': see zag relay\n" })
  t.match(await approve([first, '--session', 'nobody']), { code: 3, stderr: /no session 'nobody'/ })
  t.match(await approve(['--matching', 'read']), { code: 3, stderr: /no open relay is meant/ })
  t.match(await approve([first, '--always=bash(command=']), { code: 2, stderr: /./ })
  t.match(await approve([first, '--always=read']), { code: 2, stderr: "zag-approve: the rule 'read' does not cover 'here'\n" })
  t.match(await approve(['--tag', 'nobody']), { code: 3 })
  t.equal((await asking.open([first])).length, 1)
  t.same(await approve(['--all']), silent)
})

t.test('4: answered before, expired, or nobody waits any more; the others are answered', async t => {
  const {
    relays: [first = '', second = '', late = ''],
  } = await asking.session(['one', 'two', { command: 'late', timeout: 1000 }])
  await approve([first])
  await until(async () => (await asking.open()).every(({ relay_id }) => relay_id !== late))
  const ended = await approve([first, second, late])
  t.match(ended, { code: 4, stdout: '' })
  t.same(
    ended.stderr.split('\n').sort(),
    [
      '',
      `zag-approve: relay '${first}' was answered before: approved by a person`,
      `zag-approve: relay '${late}' was answered before: denied, because nobody answered in time`,
    ].sort(),
  )
  t.match(await approve([second]), { code: 4 })
  const outside = asking.outside(['gone'])
  const [open] = await until(async () => (await asking.open()).length === 1 && asking.open())
  outside.child.kill('SIGKILL')
  await outside.ended
  t.match(await approve([String(open?.relay_id)]), { code: 4, stderr: /: the agent that asked is gone\n$/ })
})

t.test('every way of naming sessions', async t => {
  const project = zag.home
  const { id: parent } = await asking.session(['parent'], ['--name', 'top'])
  const ways = [
    (id: string) => ['--session', id],
    () => ['--tag', 'mine'],
    () => ['--name', 'me'],
    () => ['--latest'],
    (id: string) => ['--session', id, '--state', 'waiting'],
    (id: string) => ['--session', id, '--root', project],
    () => ['--parent', parent],
  ]
  for (const way of ways) {
    const child = await zag.spawn(asking.script(['x']), ['--name', 'me', '--tag', 'mine'], { env: { ZAG_SESSION_ID: parent } })
    await until(async () => (await asking.open()).some(({ session_id }) => session_id === child))
    t.same(await approve(way(child)), silent, way(child).join(' '))
    t.match(await asking.answers(child), [{ approved: true }])
  }
  t.same(
    (await asking.open()).map(({ session_id }) => session_id),
    [parent],
  )
  t.same(await approve(['-'], { input: `${JSON.stringify((await asking.open())[0])}\n` }), silent)
})

t.test('--matching: all whose call a rule covers', async t => {
  const {
    relays: [one = '', , three = ''],
  } = await asking.session(['git status', 'git push', 'git status -s', 'git status; rm x'])
  t.same(await approve(['--matching', 'bash(command=git status*)']), silent)
  const open = await asking.open()
  t.same(
    open.map(({ what }) => what),
    ['git push', 'git status; rm x'],
  )
  t.match(await approve([one, three]), { code: 4 })
  t.same(await approve(['--all']), silent)
})

t.test('--always: shown, added, and good for what is open and what is to come, in the whole group', async t => {
  const {
    id: a,
    relays: [first = ''],
  } = await asking.session(['npm test'])
  const { id: b } = await asking.session(['npm test --verbose', 'npm publish'])
  const { id: other } = await asking.session(['npm test'], ['--group', 'another'])
  const ended = await approve([first, '--always'])
  t.match(ended, { code: 0, stdout: '', stderr: /^zag-approve: always in group .*: bash\(command=npm test.*\)\n$/ })
  t.match(await asking.answers(a), [{ approved: true, by: 'person' }])
  t.same(
    (await asking.open()).map(({ what, session_id }) => [what, session_id]),
    [
      ['npm publish', b],
      ['npm test', other],
    ],
  )
  t.match(await approve(['--all', '--always=bash(command=npm *)']), { code: 0, stderr: /group another: bash\(command=npm \*\)\n/ })
  t.match(await asking.answers(other), [{ approved: true }])
  t.same(await approve([...(await asking.session(['npm run x'])).relays, '--always']), silent, 'no rule twice')
  const quiet = await asking.session(['make x'])
  t.same(await approve([...quiet.relays, '--always', '-q']), silent)
})

t.test('--always of what no narrow rule covers is 2', async t => {
  const { relays } = await asking.session(['echo $(date)'])
  t.match(await approve([...relays, '--always']), { code: 2, stderr: /no rule but 'bash' alone covers .*--always=RULE\n$/ })
  t.match(await approve([...relays, '--always=bash']), { code: 0, stderr: /: bash\nzag-approve: the rule 'bash' allows anything .*\n$/ })
})

t.test('an agent does not answer for itself, nor for its kin', async t => {
  const {
    id,
    relays: [own = ''],
  } = await asking.session(['rm x'])
  const inside = (session: string, args: string[]) => approve(args, { env: { ZAG_SESSION_ID: session } })
  const refused = {
    code: 4,
    stdout: '',
    stderr: /^zag-approve: relay [0-9a-f]{8} is not for session [0-9a-f]{8} to answer: an agent does not decide for itself.*\n$/,
  }
  t.match(await inside(id, [own]), refused)
  t.match(await inside(id, ['--all', '--always']), refused)
  const child = (await zag.over('true', [], { env: { ZAG_SESSION_ID: id } })).session_id
  t.match(await inside(child, [own]), refused, 'nor what it started')
  const kin = await zag.spawn(asking.script(['rm y']), [], { env: { ZAG_SESSION_ID: id } })
  const [theirs] = await until(async () => {
    const found = (await asking.open()).filter(({ session_id }) => session_id === kin)
    return found.length === 1 && found
  })
  t.match(await inside(id, [String(theirs?.relay_id)]), refused)
  const stranger = (await zag.over('true')).session_id
  t.same(await inside(stranger, ['--all']), silent)
  t.match(await asking.answers(id), [{ approved: true, answerer: stranger }])
})

t.test('nor for its kin when a session between them is removed', async t => {
  const from = (session: string) => ({ env: { ZAG_SESSION_ID: session } })
  const top = (await zag.over('true')).session_id
  const between = (await zag.over('true', [], from(top))).session_id
  const id = await zag.spawn(asking.script(['rm z']), [], from(between))
  const other = (await zag.over('true', [], from(top))).session_id
  const [{ relay_id: relay } = { relay_id: '' }] = await until(async () => {
    const found = (await asking.open()).filter(({ session_id }) => session_id === id)
    return found.length === 1 && found
  })
  t.match(await zag.go('session', ['delete', between]), { code: 0 })
  for (const session of [top, other, id]) t.match(await approve([relay], from(session)), { code: 4, stderr: /is not for session/ })
  t.match(await zag.go('session', ['delete', top]), { code: 0 })
  t.match(await approve([relay], from(other)), { code: 4, stderr: /is not for session/ }, 'nor when the top of them is')
  t.same(await approve([relay], from((await zag.over('true')).session_id)), silent)
})

t.test('20 at once: one has 0 and all others 4', { timeout: 120_000 }, async t => {
  const {
    id,
    relays: [relay = ''],
  } = await asking.session(['once'])
  const { stdout } = await zag.sh(
    `for i in 1 2 3 4 5 6 7 8 9 10; do (zag-approve ${relay} 2>/dev/null; echo $?) & (zag-deny ${relay} 2>/dev/null; echo $?) & done; wait`,
  )
  t.same(stdout.split('\n').filter(Boolean).sort(), ['0', ...Array.from({ length: 19 }, () => '4')])
  t.equal((await asking.answers(id)).length, 1)
})
