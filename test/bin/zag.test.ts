// The dispatcher: which program a line of words means, and how it ends.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { begin, environment, PROGRAMS, run, until } from '../help/run.js'
import { Zag } from '../help/sessions.js'

const home = t.testdir()
const path = join(home, 'path')
mkdirSync(path)
const zag = (args: string[], more = {}) => run('zag', args, { home, env: { PATH: `${path}:${environment({ home }).PATH}` }, ...more })

/** A program on PATH that is not ours. */
function extension(word: string, script: string, mode = 0o755): void {
  writeFileSync(join(path, `zag-${word}`), `#!/bin/sh\n${script}\n`)
  chmodSync(join(path, `zag-${word}`), mode)
}

t.test('alone it lists the programs', async t => {
  const listed = await zag([])
  t.match(listed, { code: 0, stderr: '', stdout: /^ {2}wait +block until sessions end$/m })
  t.notMatch(listed.stdout, '\x1b')
  for (const words of [['--help'], ['-h'], ['help']]) t.same(await zag(words), listed)
  t.match(await zag(['--version']), { code: 0, stdout: /^zag \d+\.\d+\.\d+\n$/, stderr: '' })
})

t.test('zag wait is zag-wait', async t => {
  for (const words of [['--help'], ['--version'], ['--tiemout'], ['nobody'], []])
    t.same(await zag(['wait', ...words]), await run('zag-wait', words, { home }))
  t.same(await zag(['help', 'wait']), await run('zag-wait', ['--help'], { home }))
})

t.test('flags before the program are handed on to it, with their values', async t => {
  extension('show', 'for word; do printf "[%s]" "$word"; done')
  const shows = async (words: string[], want: string) => t.same(await zag(words), { code: 0, signal: null, stdout: want, stderr: '' })
  await shows(['show', '-p', 'sh', 'x'], '[-p][sh][x]')
  await shows(['-p', 'sh', 'show', 'x'], '[-p][sh][x]')
  await shows(['-psh', '--json', '-aq', 'show'], '[-psh][--json][-aq]')
  await shows(['--root=.', '-m', 'show', 'show', '--', '-x'], '[--root=.][-m][show][--][-x]')
  await shows(['--add-dir', 'a b', '--size', 'large', '-d', 'show', '', '$(x)'], '[--add-dir][a b][--size][large][-d][][$(x)]')
})

t.test('flags with values of any program of ours may stand before its word', async t => {
  const own = new Zag(t)
  t.same(await own.go('zag', ['-d', '--timeout', '5m', '-p', 'sh', 'exec', 'echo x']), { code: 0, signal: null, stdout: 'x\n', stderr: '' })
  const { stdout } = await own.go('zag', ['--name', 'a b', '-p', 'sh', '--tag', 'spawn', 'spawn', 'echo y'])
  t.match(await own.go('zag', ['--timeout', '20s', 'wait', 'a b']), { code: 0, stdout: `${stdout.trim()}\tcompleted\n`, stderr: '' })
  t.equal((await own.go('zag', ['--tag', 'spawn', 'output'])).stdout, 'y\n')
  t.match(await own.go('zag', ['--timeout']), { code: 2, stdout: '', stderr: /^zag: no program is named: zag --timeout <program>/ })
})

t.test('no such program: 2, with the nearest', async t => {
  t.same(await zag(['wiat']), { code: 2, signal: null, stdout: '', stderr: "zag: no program 'wiat': did you mean wait? (zag --help)\n" })
  extension('evil', 'echo ran')
  for (const word of ['../path/zag-evil', './evil', 'evil/', `${path}/zag-evil`, 'a b', '', '..', 'e\nvil', '-', 'wait;ls', 'EVIL']) {
    t.match(await zag([word]), { code: 2, stdout: '', stderr: /^zag: no program '.*\n$/ }, JSON.stringify(word))
  }
  t.same(await zag(['--json']), {
    code: 2,
    signal: null,
    stdout: '',
    stderr: 'zag: no program is named: zag --json <program> (zag --help)\n',
  })
  extension('closed', 'echo ran', 0o644)
  t.match(await zag(['closed']), { code: 2, stdout: '' }, 'a file that cannot be executed is no program')
})

t.test('a program on PATH ends as it ends', async t => {
  extension('seven', 'cat; echo talk >&2; exit 7')
  t.same(await zag(['seven'], { input: 'given' }), { code: 7, signal: null, stdout: 'given', stderr: 'talk\n' })
  extension('killed', 'kill -KILL $$')
  t.match(await zag(['killed']), { code: null, signal: 'SIGKILL' })
  extension('wait', 'echo not ours')
  t.notMatch((await zag(['wait', '--version'])).stdout, 'not ours', 'ours go first')
  writeFileSync(join(path, 'zag-lost'), '#!/no/such/interpreter\n')
  chmodSync(join(path, 'zag-lost'), 0o755)
  t.match(await zag(['lost']), { code: 126, stderr: /^zag: cannot run '.*zag-lost': .*\n$/ })
})

t.test('signals reach a program on PATH', async t => {
  extension('traps', 'trap "echo int; exit 3" INT; trap "echo term; exit 4" TERM; echo ready; while :; do sleep 0.05; done')
  for (const [signal, code, said] of [
    ['SIGINT', 3, 'int'],
    ['SIGTERM', 4, 'term'],
  ] as const) {
    const running = begin('zag', ['traps'], { home, env: { PATH: `${path}:${environment({ home }).PATH}` } })
    await until(() => running.stdout.includes('ready'))
    running.child.kill(signal)
    t.match(await running.ended, { code, stdout: `ready\n${said}\n` })
  }
})

t.test('it needs neither the folder it is in nor a PATH', async t => {
  mkdirSync(join(home, 'gone'))
  const gone = await run(
    '/bin/sh',
    ['-c', `cd "$1" && rmdir "$1" && exec "$2" wait --nosuch`, 'sh', join(home, 'gone'), join(PROGRAMS, 'zag')],
    { home },
  )
  t.match(gone, { code: 2, stderr: /^zag-wait: no flag '--nosuch'/ })
  t.match(await run(process.execPath, [join(PROGRAMS, 'zag'), 'nosuch'], { home, env: { PATH: undefined } }), { code: 2, stdout: '' })
})
