// zag-man: which page a word means, and that it is shown by whatever there is to show it. man is a fake here, that says
// what it was asked for; what the real one makes of a page is tried where it is installed.

import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { begin, type Ended, PROGRAMS, run, TOP, until } from '../help/run.js'

const MAN = join(TOP, 'man')

/** A folder that is all of PATH: node, and programs with these scripts. */
function onPath(t: Test, programs: Record<string, string> = {}): { home: string; env: { PATH: string } } {
  const home = t.testdir({ bin: {} })
  symlinkSync(process.execPath, join(home, 'bin/node'))
  for (const [name, script] of Object.entries(programs)) writeFileSync(join(home, 'bin', name), script, { mode: 0o755 })
  return { home, env: { PATH: join(home, 'bin') } }
}

const SAYS = '#!/bin/sh\nfor word; do printf "%s|" "$word"; done; echo\n'
const man = (args: string[], options: { home: string; env?: Record<string, string>; input?: string }): Promise<Ended> =>
  run('zag-man', args, options)
const wellSaid = (stdout: string) => ({ code: 0, signal: null, stdout, stderr: '' })

t.test('which page a word means', async t => {
  const home = t.testdir()
  const MEANT: [string[], string][] = [
    [[], 'zag.1'],
    [['zag'], 'zag.1'],
    [['wait'], 'zag-wait.1'],
    [['zag-wait'], 'zag-wait.1'],
    [['log'], 'zag-log.1'],
    [['zag-log'], 'zag-log.1'],
    [['5', 'zag-log'], 'zag-log.5'],
    [['5', 'log'], 'zag-log.5'],
    [['log.5'], 'zag-log.5'],
    [['1', 'log'], 'zag-log.1'],
    [['session'], 'zag-session.1'],
    [['7', 'session'], 'zag-session.7'],
    [['config'], 'zag-config.5'],
  ]
  for (const [words, page] of MEANT) t.same(await man(['--path', ...words], { home }), wellSaid(`${join(MAN, page)}\n`), words.join(' '))
})

t.test('what means none is 2, with the nearest', async t => {
  const home = t.testdir({ 'zag-thing.1': '' })
  const REFUSED: [string[], string][] = [
    [['wiat'], "no page 'wiat': did you mean wait? zag man --list shows all"],
    [['zag-wiat'], "no page 'zag-wiat': did you mean wait? zag man --list shows all"],
    [['5', 'wait'], "no page 'wait' in section 5: there is zag-wait(1)"],
    [['5', 'xyzzy'], "no page 'xyzzy' in section 5: zag man --list shows all"],
    [['log', '5'], "'log' is no section: write zag man 5 log"],
    [['--list', 'log'], '--list takes no page'],
  ]
  for (const [words, says] of REFUSED)
    t.same(await man(words, { home }), { code: 2, signal: null, stdout: '', stderr: `zag-man: ${says}\n` })
  t.match(await man(['1', '2', '3'], { home }), { code: 2, stdout: '' })
})

t.test('a word never becomes a path or a flag', async t => {
  const options = onPath(t, { man: SAYS })
  for (const word of [
    '../../../etc/passwd',
    join(MAN, 'zag.1'),
    './zag.1',
    'zag.1/',
    '../man/zag',
    '',
    '-P',
    '$(id)',
    'wait\nx',
    '.*',
    'wait.1.',
  ]) {
    t.match(await man(['--', word], options), { code: 2, stdout: '', stderr: /^zag-man: no page '.*\n$/ }, word)
  }
})

t.test('--list names every page', async t => {
  const { code, stdout, stderr } = await man(['--list'], { home: t.testdir() })
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const lines = stdout.split('\n').filter(Boolean)
  for (const line of lines) t.match(line, /^zag[a-z-]*\([157]\)\t[a-z][^\\]+$/)
  t.same(lines.map(line => line.replace(/\((.)\)\t.*/, '.$1')).sort(), readdirSync(MAN).sort())
  t.equal(lines[0]?.split('\t')[0], 'zag(1)', 'the tour comes first')
})

t.test('man is given the page, in any place, and the code is its own', async t => {
  const options = onPath(t, { man: SAYS, mandoc: '#!/bin/sh\necho not me\n' })
  t.same(await man(['wait'], options), wellSaid(`${join(MAN, 'zag-wait.1')}|\n`))
  const reads = onPath(t, { man: '#!/bin/sh\nread line; echo "$line"; exit 1\n' })
  t.same(await man(['wait'], { ...reads, input: 'from stdin\n' }), { code: 1, signal: null, stdout: 'from stdin\n', stderr: '' })
  t.match(await man([], onPath(t, { man: '#!/bin/sh\necho said >&2; exit 16\n' })), { code: 16, stdout: '', stderr: 'said\n' })
  t.match(await man([], onPath(t, { man: '#!/bin/sh\nkill -TERM $$\n' })), { code: 143, stdout: '' })
})

t.test('mandoc takes the place of man; in a pipe its text is plain', async t => {
  const script = '#!/bin/sh\nfor word; do printf "%s|" "$word"; done\nprintf "N\\bNA\\bAME _\\bx é\\bé\\n"; exit 3\n'
  t.match(await man(['ps'], onPath(t, { mandoc: script })), { code: 3, stdout: `${join(MAN, 'zag-ps.1')}|NAME x é\n`, stderr: '' })
})

t.test('neither is 127, one that cannot be run 126', async t => {
  const nothing = onPath(t)
  t.same(await man(['wait'], nothing), {
    code: 127,
    signal: null,
    stdout: '',
    stderr: `zag-man: neither man nor mandoc is on PATH: the page is '${join(MAN, 'zag-wait.1')}'; 'zag wait --help' shows the options\n`,
  })
  t.match(await man(['7', 'session'], nothing), { code: 127, stderr: /the page is '.*zag-session.7'\n$/ })
  t.match(await man(['--path', 'session'], nothing), { code: 0 })
  const broken = onPath(t, { man: '#!/no/such/interpreter\n' })
  t.match(await man([], broken), { code: 126, stdout: '', stderr: /^zag-man: cannot run '.*\/bin\/man': / })
})

t.test('an interrupt is for the pager', async t => {
  const options = onPath(t, { man: "#!/bin/sh\ntrap 'echo interrupted; exit 0' INT\necho $$\nread line\n" })
  const running = begin('zag-man', [], options)
  const pid = await until(() => Number(running.stdout.trim()) || undefined)
  running.child.kill('SIGINT')
  process.kill(pid, 'SIGINT')
  running.child.stdin.end()
  t.match(await running.ended, { code: 0, stdout: /interrupted\n$/ })
})

t.test('an installation without pages says so', async t => {
  const top = t.testdir()
  cpSync(join(TOP, 'dist'), join(top, 'dist'), { recursive: true, filter: path => basename(path) !== 'scripts' })
  cpSync(join(TOP, 'package.json'), join(top, 'package.json'))
  const own = join(top, 'dist/bin/zag-man')
  for (const args of [[], ['--list'], ['wait']]) {
    t.match(await run(own, args, { home: top }), {
      code: 5,
      stdout: '',
      stderr: `zag-man: no pages in '${join(top, 'man')}': install zag again; zag --help shows the programs\n`,
    })
  }
  mkdirSync(join(top, 'man'))
  cpSync(join(MAN, 'zag-wait.1'), join(top, 'man/zag-wait.1'))
  t.match(
    await run(own, ['--list'], { home: top }),
    { code: 0, stdout: /^zag-wait\(1\)\tblock until sessions end\n$/ },
    'the pages are those of this installation',
  )
  rmSync(join(top, 'man'), { recursive: true })
})

for (const program of ['man', 'mandoc']) {
  const path = ['/usr/bin', '/bin'].map(folder => join(folder, program)).find(existsSync)
  t.test(`the real ${program}`, { skip: !path && 'it is not installed' }, async t => {
    const home = t.testdir()
    const script =
      program === 'man'
        ? 'zag-man 7 session'
        : `mkdir bin; ln -s "${path}" "${process.execPath}" bin; PATH=$PWD/bin exec ${PROGRAMS}/zag-man 7 session`
    const { code, stdout } = await run('/bin/sh', ['-c', script], { home, env: { LANG: 'C.UTF-8' } })
    t.equal(code, 0)
    t.match(stdout, /^ZAG-SESSION\(7\)/)
    t.match(stdout, /^NAME$/m)
    for (const bytes of ['\b', '\x1b']) t.notOk(stdout.includes(bytes), 'the text is plain')
  })
}
