import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lives } from '../help/processes.js'
import { begin, until } from '../help/run.js'
import { Zag } from '../help/sessions.js'

const zag = new Zag(t)
const project = join(zag.home, 'project')
mkdirSync(join(project, '.git'), { recursive: true })
const path = (name: string) => join(project, name)
const put = (name: string, text: string) => writeFileSync(path(name), text)
const text = (name: string) => readFileSync(path(name), 'utf8')
const file = (args: string[], more: Parameters<Zag['go']>[2] = {}) => zag.go('file', args, { cwd: project, ...more })
const as = (session: string, name?: string) => ({
  env: { ZAG_SESSION_ID: session, ZAG_SESSION_NAME: name, ZAG_GROUP: 'g', ZAG_ROOT: project },
})
const update = (name: string, old: string, fresh: string) =>
  `*** Begin Patch\n*** Update File: ${name}\n@@\n-${old}\n+${fresh}\n*** End Patch\n`
const OK = { code: 0, stdout: '', stderr: '' }

t.test('read prints files as they are, or lines of them', async t => {
  put('f', 'one\ntwo\nthree\nfour\n')
  writeFileSync(path('bytes'), Buffer.from([0, 255, 10]))
  t.match(await file(['read', 'f', 'f']), { code: 0, stdout: 'one\ntwo\nthree\nfour\n'.repeat(2), stderr: '' })
  for (const [lines, stdout] of [
    ['2-3', 'two\nthree\n'],
    ['4-', 'four\n\n'],
    ['2', 'two\n'],
    ['9', ''],
  ])
    t.match(await file(['read', '--lines', lines as string, 'f']), { code: 0, stdout })
  t.match((await file(['read', 'bytes'])).stdout, /\0/)
  t.match(await file(['read', '--note', 'f']), OK)
  for (const lines of ['0', 'x', '3-2', '-3', '1-2-3', ''])
    t.match(
      await file(['read', '--lines', lines, 'f']),
      { code: 2, stderr: /^zag-file: --lines .* are no lines: give 10-20, 10- or 10\n$/ },
      lines,
    )
  t.match(await file(['read', '--lines', '1', '--note', 'f']), { code: 2, stderr: /--lines or --note, not both/ })
  t.match(await file(['read']), { code: 2, stderr: /path/ })
})

t.test('a session that has not read what another wrote is told, reads again, and is taken', async t => {
  const [a, b] = [await zag.over('true', ['--name', 'first', '--group', 'g']), await zag.over('true', ['--group', 'g'])].map(
    row => row.session_id,
  )
  const [of, other] = [as(a as string, 'first'), as(b as string)]
  put('shared', 'one\n')
  t.match(await file(['check', 'shared'], other), {
    code: 5,
    stdout: '',
    stderr: /^zag-file: 'shared' was not read by session \S+: read it first\n$/,
  })
  t.match(await file(['patch'], { ...other, input: update('shared', 'one', 'two') }), { code: 5, stderr: /was not read by/ })
  for (const who of [of, other]) {
    t.match(await file(['read', 'shared'], who), { code: 0, stdout: 'one\n' })
    t.match(await file(['check', 'shared'], who), OK)
  }
  t.match(await file(['patch'], { ...of, input: update('shared', 'one', 'from the first') }), {
    code: 0,
    stdout: 'updated shared\n',
    stderr: '',
  })
  t.match(await file(['check', 'shared'], of), OK, 'what it wrote, it knows')
  const stale =
    /^zag-file: 'shared' is not as session \S+ read it \S+ ago: 4 bytes then, 15 now, changed at \S+, written by session \S+ \(first\) \S+ ago: read it again\n$/
  t.match(await file(['check', 'shared'], other), { code: 5, stderr: stale })
  t.match(await file(['patch', '-'], { ...other, input: update('shared', 'one', 'two') }), { code: 5, stdout: '', stderr: stale })
  t.equal(text('shared'), 'from the first\n')
  t.match(await file(['read', '--note', 'shared'], other), OK)
  t.match(await file(['patch'], { ...other, input: update('shared', 'from the first', 'from both') }), { code: 0 })
  t.equal(text('shared'), 'from both\n')
  t.match(await file(['check', 'shared', 'f'], of), { code: 5, stderr: /^zag-file: 'shared' is not .*\nzag-file: 'f' was not read .*\n$/ })
  // Named instead of around.
  t.match(await file(['check', '--session', b as string, '--group', 'g', '--root', project, 'shared']), OK)
  t.match(await file(['check', '--session', a as string, '-r', project, 'shared']), { code: 5, stderr: /\(first\) read it/ })
  t.match(await file(['check', '--session', 'nobody', 'shared']), { code: 3, stderr: /no session 'nobody'/ })
  t.match(await file(['check', 'shared']), { code: 5, stderr: /was not read by you/ })
  t.match(await file(['check', '--group', '', 'shared']), { code: 2 })
})

t.test('patch: of stdin or a file, all files or none, a row each', async t => {
  put('p', 'one\n')
  put('q', 'one\n')
  await file(['read', '--note', 'p', 'q'])
  const lines = ['*** Begin Patch', '*** Update File: p', '*** Move to: sub/p', '-one', '+1', '*** Delete File: q', '*** Add File: r', '+x']
  put('patch', [...lines, '*** Update File: q', '-two', '*** End Patch'].join('\n'))
  t.match(await file(['patch', 'patch']), {
    code: 1,
    stdout: '',
    stderr: /^zag-file: the patch does not fit: 'q' \(line 9 of the patch\): there is no such file to update\n$/,
  })
  t.same([text('p'), text('q'), existsSync(path('r')), existsSync(path('sub'))], ['one\n', 'one\n', false, false])
  put('patch', [...lines, '*** End Patch'].join('\n'))
  const { code, stdout } = await file(['patch', '--json', 'patch'])
  t.equal(code, 0)
  t.same(
    stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line)),
    [
      { path: 'sub/p', did: 'moved', from: 'p' },
      { path: 'q', did: 'deleted' },
      { path: 'r', did: 'added' },
    ],
    'in the order of the patch',
  )
  t.match(
    await file(['patch'], { input: '*** Begin Patch\n*** Add File: a\u001b[2J\n+x\n*** End Patch' }),
    { code: 0, stdout: /^added a\\u001b\[2J\n$/ },
    'names are shown, and do nothing to a terminal',
  )
  t.match(await file(['patch'], { input: 'hello' }), { code: 2, stderr: /^zag-file: no patch, line 1: a patch begins with/ })
  t.match(await file(['patch', 'nowhere']), { code: 2, stderr: /no file 'nowhere'/ })
  t.match(await file(['patch'], { input: '*** Begin Patch\n*** Add File: ../out\n+x\n*** End Patch' }), {
    code: 5,
    stderr: /is not in the project/,
  })
  t.notOk(existsSync(join(zag.home, 'out')))
  t.match(await file(['patch', '--root', join(zag.home)], { input: '*** Begin Patch\n*** Add File: ../out\n+x\n*** End Patch' }), {
    code: 0,
  })
})

t.test('what is no file of the project is 5 and one line', async t => {
  symlinkSync('/etc', path('etc'))
  spawnSync('mkfifo', [path('pipe')])
  put('huge', '')
  truncateSync(path('huge'), 2 ** 30)
  for (const [name, words] of [
    ['/etc/passwd', /is not in the project/],
    ['etc/passwd', /is not in the project/],
    ['../../x', /is not in the project/],
    ['/dev/zero', /is not in the project/],
    ['.', /is a folder/],
    ['pipe', /device, pipe or socket/],
    ['huge', /too large: 1073741824 bytes, 67108864 at most/],
    ['none', /no such file/],
  ] as const)
    t.match(await file(['read', name]), { code: 5, stdout: '', stderr: words }, name)
  t.match(await file(['read', '']), { code: 2 })
})

t.test('lock: the words as given, its exit code, and one at a time', async t => {
  put('l', '')
  t.match(await file(['lock', 'l', '--', 'printf', '%s|', '$HOME', 'a b', '--', '*']), { code: 0, stdout: '$HOME|a b|--|*|', stderr: '' })
  t.match(await file(['lock', 'l', 'not-yet', '--', 'sh', '-c', 'cat; exit 7'], { input: 'in' }), { code: 7, stdout: 'in' })
  t.match(await file(['lock', 'l', '--', 'sh', '-c', 'kill -KILL $$']), { code: 137 })
  t.match(await file(['lock', 'l', '--', 'no-such-command']), { code: 127, stderr: /'no-such-command' was not found/ })
  put('plain', '')
  chmodSync(path('plain'), 0o644)
  t.match(await file(['lock', 'l', '--', './plain']), { code: 126 })
  for (const words of [['l'], ['l', '--'], ['--', 'true']]) t.match(await file(['lock', ...words]), { code: 2 }, words.join(' '))
  t.match(await file(['lock', '../l', '--', 'true']), { code: 5 })
  const groups = join(zag.home, '.zag/groups')
  const locks = readdirSync(groups, { recursive: true }).filter(name => /locks\/./.test(String(name)))
  t.same(locks, [], 'nothing of them is left')
})

t.test('while one has the lock others wait or are told who has it; what it runs may write', async t => {
  put('w', 'one\n')
  await file(['read', '--note', 'w'])
  const held = begin('zag-file', ['lock', 'w', '--', 'sh', '-c', 'echo held; cat >/dev/null; zag-file patch'], {
    home: zag.home,
    cwd: project,
  })
  await until(() => held.stdout === 'held\n')
  const busy = /^zag-file: '.*\/w' is locked by process \d+, a person outside of all sessions, for .*: try again later\n$/
  t.match(await file(['lock', '--timeout', '100ms', 'w', '--', 'echo', 'no']), { code: 4, stdout: '', stderr: busy })
  t.match(await file(['patch', '--timeout', '100ms'], { input: update('w', 'one', 'two') }), { code: 4, stdout: '', stderr: busy })
  t.match(await file(['read', 'w']), { code: 0, stdout: 'one\n' }, 'reading needs no lock')
  const waiting = begin('zag-file', ['lock', 'w', '--', 'cat', 'w'], { home: zag.home, cwd: project })
  waiting.child.stdin.end()
  held.child.stdin.end()
  t.match(await held.ended, { code: 2, stderr: /no patch/ }, 'the patch was read from what was left of stdin')
  t.match(await waiting.ended, { code: 0, stdout: 'one\n' })
  put('the patch', update('w', 'one', 'from within'))
  t.match(await file(['lock', 'w', '--', 'zag-file', 'patch', 'the patch']), { code: 0, stdout: 'updated w\n' })
  t.equal(text('w'), 'from within\n')
})

t.test('a signal is passed on; a lock whose holder was killed is free', async t => {
  put('s', '')
  const script = 'trap "exit 9" TERM; echo $$; while :; do sleep 0.02; done'
  const polite = begin('zag-file', ['lock', 's', '--', 'sh', '-c', script], { home: zag.home, cwd: project })
  const pid = Number(await until(() => polite.stdout.trim() || undefined))
  polite.child.kill('SIGTERM')
  t.match(await polite.ended, { code: 9 })
  t.notOk(lives(pid))
  const rude = begin('zag-file', ['lock', 's', '--', 'sh', '-c', 'echo $$; exec sleep 600'], { home: zag.home, cwd: project })
  const left = Number(await until(() => rude.stdout.trim() || undefined))
  rude.child.kill('SIGKILL')
  await until(() => rude.child.signalCode)
  t.match(await file(['lock', 's', '--', 'echo', 'free']), { code: 0, stdout: 'free\n' })
  process.kill(left, 'SIGKILL')
  await rude.ended
})

t.test('gc forgets what sessions have read that are no more', async t => {
  put('g', 'one\n')
  const { session_id } = await zag.over('true', ['--group', 'g'])
  await file(['read', '--note', 'g'], as(session_id))
  await file(['read', '--note', '--group', 'g', 'g'])
  const rows = () =>
    readdirSync(table)
      .map(name => readFileSync(join(table, name), 'utf8'))
      .join('')
  const table = join(zag.home, '.zag/groups/g/filetimes')
  t.match(rows(), new RegExp(`"id":"${session_id}:`))
  t.match(await zag.go('gc', ['--force', '--older-than', '0']), { code: 0 })
  t.notMatch(rows(), session_id)
  t.match(await file(['check', '--group', 'g', 'g']), OK)
})

t.test('fifty at once patch one file: no line is lost', { timeout: 240_000 }, async t => {
  put('many', 'top\nbottom\n')
  await file(['read', '--note', 'many'])
  const all = Array.from({ length: 50 }, (_, n) => `line ${n}`)
  const patch = (line: string) => `*** Begin Patch\n*** Update File: many\n@@ top\n+${line}\n*** End Patch`
  const ended = await Promise.all(all.map(line => file(['patch', '--timeout', '3m'], { input: patch(line), timeout: 200_000 })))
  for (const end of ended) t.match(end, { code: 0, stderr: '' })
  const lines = text('many').split('\n')
  t.same([lines[0], ...lines.slice(-2)], ['top', 'bottom', ''])
  t.same(lines.slice(1, -2).sort(), all.sort())
})
