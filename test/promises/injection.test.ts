// Names and all other words of a command line are never run, never lead out of the home, and no message hands them to a terminal raw.

import t from 'tap'
import { Scene } from './scene.js'
import { CONTROL, checkNothingRan, files, LOUD, NASTY } from './words.js'

/** A name of a test that its report can hold. */
const plain = (text: string) => text.slice(0, 80).replace(/[^ -~]/g, '?')

t.test('names, tags, groups and descriptions', async t => {
  const scene = new Scene(t)
  const every = NASTY.map(word => `--tag=${word}`)
  const ids = await Promise.all(NASTY.map(word => scene.spawn('echo fine', `--name=${word}`, `--group=${word}`, `--description=${word}`)))
  const tagged = await scene.spawn('echo fine', ...every)
  t.match(await scene.zag('wait', ['--all']), { code: 0, stderr: '' })
  const named = await scene.zag('status', ['-'], { input: NASTY.map(word => `${word}\n`).join('') })
  t.strictSame(
    named,
    { code: 0, signal: null, stdout: ids.map(id => `${id}\tcompleted\n`).join(''), stderr: '' },
    'each is found by its name',
  )
  t.match(await scene.zag('ps', ['-a', '-q', ...every]), { code: 0, stdout: `${tagged}\n` }, 'and by its tags')
  checkNothingRan(t, scene)
  const strange = files(scene).filter(path => !/^\.zag(\/[A-Za-z0-9%_.+-]+)*$/.test(path) || /(^|\/)\.\.?(\/|$)/.test(path))
  t.same(strange, [], 'all names of files are plain')
  const all = [
    ['ps', '-a'],
    ['collect', '--all'],
    ['ps', 'show', '--all'],
    ['status', '--all', '--json'],
  ] as const
  for (const { code, stdout, stderr } of await Promise.all(all.map(([program, ...args]) => scene.zag(program, args)))) {
    t.strictSame({ code, stderr }, { code: 0, stderr: '' })
    t.notMatch(stdout, CONTROL)
  }
  t.match(await scene.zag('collect', ['--all', '--into', 'into']), { code: 0, stderr: '' })
  const into = files(scene).filter(path => path.startsWith('into/'))
  t.same(
    into.filter(path => /^into\/(\.|.*\/)/.test(path)),
    [],
    'files of results lie in their folder',
  )
  t.equal(into.length, NASTY.length + 2)
})

t.test('what a shell is to evaluate', async t => {
  const scene = new Scene(t)
  for (const word of [...NASTY.slice(0, 4), "it's", '\\', '$(touch pwned)\'"`', '"quoted"']) {
    const id = await scene.spawn('true', `--name=${word}`)
    const script = 'words=$(zag-env --shell "$0"); eval "$words"; printf %s "$ZAG_SESSION_NAME"'
    t.strictSame(await scene.begin('/bin/sh', ['-c', script, id]).ended, { code: 0, signal: null, stdout: word, stderr: '' })
  }
  checkNothingRan(t, scene)
})

t.test('words that can be no name', async t => {
  const scene = new Scene(t)
  const id = await scene.spawn('true', '--name', 'one')
  await scene.zag('wait', [id])
  const words = [...LOUD, '', 'x'.repeat(201), `$(touch pwned)${'x'.repeat(100_000)}`]
  for (const [at, word] of words.entries()) {
    const flag = ['name', 'tag', 'group'][at % 3]
    const { code, stdout, stderr } = await scene.zag('spawn', ['-p', 'sh', `--${flag}=${word}`, 'true'])
    t.strictSame({ code, stdout }, { code: 2, stdout: '' }, plain(`${flag} ${JSON.stringify(word)}`))
    t.match(stderr, /^zag-spawn: [^\n]{1,400}\n$/, 'one line, not longer than it must be')
    t.notMatch(stderr.trimEnd(), CONTROL)
  }
  t.same(scene.list('sessions'), [id])
  checkNothingRan(t, scene)
})

t.test('words that name no session, provider, flag or value', async t => {
  const scene = new Scene(t)
  await scene.spawn('true')
  const asked: [string, (word: string) => string[], number][] = [
    ['status', word => [word], 3],
    ['wait', word => ['--name', word], 3],
    ['ps', word => ['show', '--tag', word], 3],
    ['cancel', word => ['--grace', word, '--all'], 2],
    ['events', word => ['--type', word, '--all'], 2],
    ['spawn', word => ['-p', word, 'true'], 127],
    ['log', word => ['--level', word, '--all', 'hello'], 2],
    ['collect', word => [`--x${word}`, '--all'], 2],
  ]
  // Two programs a word, each program more than once: all with all would take a minute.
  for (const [at, word] of [...LOUD, '$(touch pwned)', '../../etc', 'x'.repeat(100_000)].entries()) {
    for (const [program, argsFor, wanted] of [asked[at % 8], asked[(at + 4) % 8], asked[(at + 5) % 8]] as typeof asked) {
      const { code, stdout, stderr } = await scene.zag(program, argsFor(word))
      const what = plain(`${program} ${JSON.stringify(argsFor(word))}`)
      t.strictSame({ code, stdout }, { code: wanted, stdout: '' }, what)
      t.match(stderr, /^zag-[a-z]+[^\n]{1,800}\n$/, what)
      t.notMatch(stderr.trimEnd(), CONTROL, what)
    }
  }
  checkNothingRan(t, scene)
})
