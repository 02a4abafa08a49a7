// zag-relay: what is asked is listed, followed, and answered on a terminal.

import { existsSync } from 'node:fs'
import t from 'tap'
import { Asking, onTerminal } from '../help/relays.js'
import { begin, until } from '../help/run.js'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const asking = new Asking(zag)
const relay = (args: string[] = [], more = {}) => zag.go('relay', args, more)
const noScript = !existsSync('/usr/bin/script') && 'script(1) is not installed'

t.test('0: nothing is asked', async t => {
  t.same(await relay(), { code: 0, signal: null, stdout: '', stderr: '' })
})

t.test('2: --ask without a terminal, and what does not go together', async t => {
  t.match(await relay(['--ask']), { code: 2, stdout: '', stderr: /^zag-relay: --ask needs a terminal: .*zag approve.*\n$/ })
  t.match(await relay(['--ask', '--json']), { code: 2, stderr: /--ask or --json/ })
  t.match(await relay(['--matching', 'bash(command=']), { code: 2, stderr: /./ })
})

t.test('rows, and every way of naming them', async t => {
  const command = 'rm -rf "$x"\n\u001b[31mred\u202etxt'
  const {
    id: a,
    relays: [first = ''],
  } = await asking.session(['git status'], ['--name', 'one', '--tag', 'red'])
  const {
    id: b,
    relays: [second = '', third = ''],
  } = await asking.session([command, { tool: 'read', params: { path: 'a.txt' } }], ['--tag', 'red', '--tag', 'blue'])
  const { stdout } = await relay()
  t.match(
    stdout,
    new RegExp(
      `^${first}\t${a}\tsh\t[0-9.]+s\tbash\tgit status\n${second}\t${b}\tsh\t.*\tbash\trm -rf "\\$x"\\\\u000a\\\\u001b\\[31mred\\\\u202etxt\n`,
    ),
  )
  t.match(rows((await relay(['--json'])).stdout), [
    {
      relay_id: first,
      session_id: a,
      name: 'one',
      provider: 'sh',
      tool: 'bash',
      tool_kind: 'shell',
      params: { command: 'git status' },
      what: 'git status',
      age_ms: Number,
      opener: undefined,
    },
    { relay_id: second, params: { command }, what: command },
    { relay_id: third, tool: 'read', what: 'a.txt' },
  ])
  t.equal((await zag.go('status', [a])).stdout, 'waiting\n')
  t.match((await zag.go('ps')).stdout, new RegExp(`${a}\twaiting\t`))
  for (const [args, means] of [
    [[first], [first]],
    [[first.slice(-8)], [first]],
    [
      [second.slice(0, 23), first],
      [first, second],
    ],
    [['--session', 'one'], [first]],
    [
      ['--session', b, first],
      [first, second, third],
    ],
    [
      ['--tag', 'red'],
      [first, second, third],
    ],
    [
      ['--tag', 'blue', '--tag', 'red'],
      [second, third],
    ],
    [['--name', 'one'], [first]],
    [['--latest'], [second, third]],
    [['--all'], [first, second, third]],
    [
      ['--all', '--state', 'waiting'],
      [first, second, third],
    ],
    [
      ['--root', zag.home],
      [first, second, third],
    ],
    [['-r', '/'], []],
    [['--matching', 'read'], [third]],
    [['--matching', 'bash(command=git *)', '--tag', 'red'], [first]],
    [['--matching', 'bash(command=git *)', '--session', b], []],
    [['--tag', 'nobody'], []],
  ] as const) {
    const ended = await relay(['--json', ...args])
    t.same({ code: ended.code, ids: rows(ended.stdout).map(row => row.relay_id) }, { code: 0, ids: means }, args.join(' '), { ended })
  }
  t.same((await asking.open(['--parent', a])).length, 0)
  const lines = await relay(['--json', '-'], { input: `${third.slice(-6)}\n${JSON.stringify({ relay_id: first })}\n` })
  t.same(
    rows(lines.stdout).map(row => row.relay_id),
    [first, third],
  )
  t.match(await relay(['nothing']), { code: 3, stderr: "zag-relay: no relay 'nothing': see zag relay\n" })
  t.match(await relay(['ffff']), { code: 3 })
  t.match(await relay([first.slice(0, 4)]), { code: 3, stderr: /fits 3 relays: .*: give more of the id\n$/ })
  t.match(await relay(['--session', 'nobody']), { code: 3, stderr: /no session 'nobody'/ })
  t.match(await relay(['-'], { input: '' }), { code: 3, stderr: /stdin has no relay/ })
  t.match(await relay(['-'], { input: '{"a":1}\n' }), { code: 2, stderr: /no relay_id/ })
  await zag.go('approve', [first])
  t.match(await relay([first]), { code: 4, stdout: '', stderr: `zag-relay: relay '${first}' was answered before: approved by a person\n` })
  await zag.go('cancel', [b, '--grace', '0'])
  t.match(
    await relay([second]),
    { code: 4, stderr: /was answered before: the (session has ended|agent that asked is gone)\n$/ },
    'cancel closes what it asked',
  )
  t.same(await asking.open(), [])
})

t.test('--follow: those that are open and each new one, 130 and 143', async t => {
  const {
    relays: [first = ''],
  } = await asking.session(['one'])
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const following = begin('zag-relay', ['--follow', '--json'], { home: zag.home })
    await until(() => following.stdout.includes(first))
    const {
      relays: [second = ''],
    } = await asking.session([`two ${signal}`])
    await until(() => following.stdout.includes(second))
    following.child.kill(signal)
    t.match(await following.ended, { code, stderr: '' })
    t.match(rows(following.stdout), [{ relay_id: first }, { relay_id: second, what: `two ${signal}` }])
    await zag.go('deny', [second])
  }
  const text = begin('zag-relay', ['-f', '--matching', 'bash(command=one)'], { home: zag.home })
  await until(() => text.stdout.endsWith('\tbash\tone\n'))
  text.child.kill('SIGINT')
  await text.ended
  await zag.go('deny', ['--all'])
})

t.test('--ask: one by one', { skip: noScript }, async t => {
  const asked = ['git status -s', 'rm \u001b[31mx\nls', 'make all', 'curl x', 'echo $(date)', 'left']
  const { id, relays } = await asking.session(asked.slice(0, 1))
  const more = await asking.session(asked.slice(1), ['--name', 'second'])
  const [, , , , fifth = '', last = ''] = [...relays, ...more.relays]
  const at = onTerminal(zag, 'zag-relay --ask')
  await at.sees('wants to use bash:')
  await at.sees('| git status -s')
  await at.sees('[q]uit? ')
  at.type('what')
  await at.sees('[q]uit? ')
  at.type('y')
  await at.sees('  | rm \\u001b[31mx\r\n  | ls')
  t.notMatch(at.stdout, '\u001b[31m', 'no control character of it reaches the terminal')
  await at.sees('[q]uit? ')
  at.type('r')
  await at.sees('why not? ')
  at.type('too much')
  await at.sees('| make all')
  at.type('a')
  await at.sees('always: bash(command=make all)')
  at.type('y')
  await at.sees('| curl x')
  at.type('a')
  await at.sees('always: bash(command=curl x)')
  at.type('e')
  await at.sees('rule: ')
  at.type('bash(command=wget)')
  await at.sees('does not cover')
  await at.sees('[q]uit? ')
  at.type('n')
  await at.sees('| echo $(date)')
  at.type('a')
  await at.sees('no narrow rule')
  at.type('n')
  await at.sees('[q]uit? ')
  at.type('s')
  await at.sees('| left')
  await at.sees('[q]uit? ')
  at.type('q')
  t.match(await at.ended, { code: 0 })
  t.match(await asking.answers(id), [{ approved: true, by: 'person' }])
  t.same(
    (await asking.open()).map(({ relay_id }) => relay_id),
    [fifth, last],
  )
  await zag.go('deny', ['--all'])
  t.match(
    (await asking.answers(more.id))
      .map(({ approved, reason }) => ({ approved, reason }))
      .sort((a, b) => Number(a.approved) - Number(b.approved)),
    [{ approved: false, reason: 'too much' }, { approved: false }, { approved: false }, { approved: false }, { approved: true }],
  )
})

t.test('--ask: somebody else answers first', { skip: noScript }, async t => {
  const {
    relays: [first = '', second = ''],
  } = await asking.session(['first', 'second'])
  const at = onTerminal(zag, 'zag-relay --ask')
  await at.sees('| first')
  await at.sees('[q]uit? ')
  t.match(await zag.go('deny', [first, '--reason', 'not\u0007now']), { code: 0 })
  await at.sees('answered meanwhile: denied by a person: not\\u0007now')
  await at.sees('| second')
  await at.sees('[q]uit? ')
  at.type('y')
  await Promise.race([at.sees('once more, please'), at.ended]).catch(() => {})
  if (/once more/.test(at.stdout)) at.type('y')
  t.match(await at.ended, { code: 0 })
  t.match(await zag.go('approve', [second]), { code: 4, stderr: /approved by a person\n$/ })
})

t.test('--ask: one that came while another was looked at', { skip: noScript }, async t => {
  await asking.session(['early'])
  const at = onTerminal(zag, 'zag-relay --ask')
  await at.sees('| early')
  await at.sees('[q]uit? ')
  await asking.session(['came later'])
  at.type('n')
  await at.sees('| came later')
  await at.sees('[q]uit? ')
  at.type('n')
  t.match(await at.ended, { code: 0 })
})

t.test('--ask: who stops it with Ctrl-Z and comes back is asked again', { skip: noScript }, async t => {
  const { id } = await asking.session(['stopped at'])
  // A shell with job control, as people have it: it runs on when its job is stopped, and fg has it go on.
  const at = onTerminal(zag, `bash -c 'set -m; zag-relay --ask; echo "stopped: $?"; fg; echo "over: $?"'`)
  await at.sees('| stopped at')
  await at.sees('[q]uit? ')
  at.child.stdin.write('\u001a')
  await at.sees('stopped: 148')
  await at.sees('[q]uit? ')
  at.type('y')
  await at.sees('over: 0')
  t.match(await at.ended, { code: 0 })
  t.match(await asking.answers(id), [{ approved: true, by: 'person' }])
})

t.test('--ask --follow goes on with new ones, and ends by signal', { skip: noScript }, async t => {
  const at = onTerminal(zag, 'exec zag-relay --ask --follow')
  const { id } = await asking.session(['now'])
  await at.sees('| now')
  await at.sees('[q]uit? ')
  at.type('y')
  t.match(await asking.answers(id), [{ approved: true }])
  const { id: next } = await asking.session(['then'])
  await at.sees('| then')
  at.child.stdin.write('\u0003')
  t.match(await at.ended, { code: 130 })
  await zag.go('cancel', [next, '--grace', '0'])
})
