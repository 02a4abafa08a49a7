// zag-completion: its scripts know all that the programs say of themselves, real shells complete with them, and a name with
// code in it is inserted as a word and never run.

import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { catalogue } from '../../lib/command/catalogue.js'
import { allFlags, longName } from '../../lib/command/data.js'
import { PROGRAMS, run, zagHome } from '../help/run.js'
import { Zag } from '../help/sessions.js'

const SHELLS = ['bash', 'zsh', 'fish'] as const
const parts = catalogue().flatMap(data => ('commands' in data ? Object.values(data.commands) : [data]))

/** Where a program is; what needs one that is missing is skipped, and says so. */
const found = (program: string) => ['/usr/bin', '/bin', '/usr/local/bin'].map(folder => join(folder, program)).find(existsSync)
const skip = (program: string) => !found(program) && `${program} is not installed`

async function script(shell: string, home: string): Promise<string> {
  const { code, stdout, stderr } = await run('zag-completion', [shell], { home })
  t.same({ code, stderr }, { code: 0, stderr: '' })
  return stdout
}

/** Tags that a shell could take for something else. */
const ODD = ['$(touch pwned)', '`touch pwned`', "it's", 'x"y', 'a b', 'a&b', '\\n', 'ci:1', 'ci:22', '~', 'é', '-rf', '--force', '*']

/** A home with a session for each of them and one called review. */
async function scene(t: Test): Promise<{ zag: Zag; ids: string[] }> {
  const zag = new Zag(t, { work: { 'notes.txt': '', sub: {} } })
  const tags = ODD.map(tag => `--tag=${tag}`)
  const odd = (await zag.over('true', [...tags, '--name=$(touch pwned)', '--group', 'crew'])).session_id
  const plain = (await zag.over('exit 3', ['--tag', 'review', '--name', 'review one'])).session_id
  return { zag, ids: [odd, plain] }
}

const safe = ODD.filter(tag => !tag.startsWith('-'))

t.test('the scripts have every program, command, flag and choice, and no syntax error', async t => {
  const home = t.testdir()
  for (const shell of SHELLS) {
    const text = await script(shell, home)
    const missing = (words: string[]) => words.filter(word => !text.includes(word))
    t.same(missing(catalogue().map(({ name }) => name)), [], shell)
    for (const data of catalogue()) if ('commands' in data) t.same(missing(Object.keys(data.commands)), [], data.name)
    for (const { flags } of parts) {
      const all = Object.entries(allFlags(flags))
      t.same(missing(all.map(([key]) => longName(key))), [], shell)
      t.same(missing(all.flatMap(([, { choices = [] }]) => [...choices])), [], shell)
      // What a flag does; brackets, colons and quotes are written otherwise there.
      if (shell !== 'bash') t.same(missing(all.map(([, { does }]) => does).filter(does => !/['[\]:\\]/.test(does))), [], shell)
    }
    const path = found(shell)
    writeFileSync(join(home, shell), text)
    if (path) t.match(await run(path, ['-n', join(home, shell)], { home }), { code: 0, stdout: '', stderr: '' }, `${shell} -n`)
  }
  t.notOk(existsSync(zagHome(home)), 'and make no home')
})

t.test('shellcheck has nothing to say', { skip: skip('shellcheck') }, async t => {
  const home = t.testdir()
  const input = await script('bash', home)
  t.match(await run(found('shellcheck') as string, ['-s', 'bash', '-'], { home, input }), { code: 0, stdout: '', stderr: '' })
})

t.test('the words there are', async t => {
  const { zag, ids } = await scene(t)
  const words = async (...args: string[]) => {
    const { code, stdout, stderr } = await zag.go('completion', ['words', ...args])
    t.same({ code, stderr }, { code: 0, stderr: '' }, args.join(' '))
    return stdout.split('\n').filter(Boolean)
  }
  const [odd, plain] = ids.map(id => id.slice(-8)) as [string, string]
  t.same(
    (await words('session')).slice(0, 2),
    [`${plain}\treview one, failed, sh`, `${odd}\t$(touch pwned), completed, sh`],
    'newest first',
  )
  t.same((await words('session', plain.slice(0, 6)))[0], `${plain}\treview one, failed, sh`)
  t.same(await words('session', 'rev'), ['review one'], 'and names')
  t.same((await words('tag')).sort(), [...safe, 'review'].sort(), 'none that would be taken for a flag')
  t.same(await words('tag', 'ci'), ['ci:1', 'ci:22'])
  t.same(await words('name', 'r'), ['review one'])
  t.same(await words('group', 'c'), ['crew'])
  t.same(await words('state', 'c'), ['completed', 'cancelled'])
  t.same(await words('state', 'running,d'), ['running,dead'])
  t.same(await words('event', 'session_ended,session_r'), ['session_ended,session_result'])
  t.same(await words('page', 'hom'), ['home'])
  t.same(await words('provider', 's'), ['sh\tthe prompt is a POSIX shell script'])
  zag.configure('[providers.mine]\ncommand = ["cat"]\n')
  t.ok((await words('provider')).some(line => line.startsWith('mine')))
})

t.test('long names are found again; what is no name of ours is passed over', async t => {
  const zag = new Zag(t)
  const long = `${'é'.repeat(99)} x`
  await zag.over('true', ['--tag', long])
  for (const stray of ['%zz', '.hidden', 'a%2', '%61']) writeFileSync(join(zagHome(zag.home), 'index/tag', stray), '', { flag: 'wx' })
  t.same((await zag.go('completion', ['words', 'tag'])).stdout, `${long}\n`)
})

t.test('a session that is damaged still has its id', async t => {
  const zag = new Zag(t)
  const { session_id } = await zag.over('true')
  writeFileSync(zag.file(session_id, 'session.json'), '{')
  t.match(await zag.go('completion', ['words', 'session']), { code: 0, stdout: `${session_id.slice(-8)}\n`, stderr: '' })
})

t.test('without a home there are no words, and none is made', async t => {
  const home = t.testdir()
  for (const kind of ['session', 'tag', 'name', 'group'])
    t.same(await run('zag-completion', ['words', kind], { home }), { code: 0, signal: null, stdout: '', stderr: '' })
  t.same(readdirSync(home), [])
})

t.test('what cannot be is one line', async t => {
  const home = t.testdir({ file: '', '.zag': { 'config.toml': 'nonsense = 1\n' } })
  const go = (args: string[], env = {}) => run('zag-completion', args, { home, env })
  t.match(await go([]), { code: 2, stderr: /^zag-completion: a command is needed: bash, zsh, fish, words/ })
  t.match(await go(['tcsh']), { code: 2, stdout: '', stderr: /^zag-completion: no command 'tcsh'.*\n$/ })
  t.match(await go(['words']), { code: 2, stdout: '', stderr: /^zag-completion: a <what> is needed.*\n$/ })
  t.match(await go(['words', 'sesion']), { code: 2, stdout: '', stderr: "zag-completion: no 'sesion': did you mean session?\n" })
  t.match(await go(['words', 'provider']), { code: 2, stdout: '', stderr: /^zag-completion: .*nonsense.*\n$/ })
  t.match(await go(['words', 'tag'], { ZAG_HOME: join(home, 'file') }), {
    code: 5,
    stdout: '',
    stderr: /^zag-completion: '.*' is not a folder/,
  })
})

/** The words before the cursor, as a shell splits them, and what is offered there. */
const LINES: [words: string[], offered: string[]][] = [
  [
    ['zag', 'wa'],
    ['wait', 'watch'],
  ],
  [
    ['zag', 'help', 'wa'],
    ['wait', 'watch'],
  ],
  [['zag', 'ps', 'sto'], ['stop']],
  [['zag-session', 'del'], ['delete']],
  [['zag', 'wait', '--time'], ['--timeout']],
  [['zag', '-p', 'sh', 'exec', '--siz'], ['--size']],
  [
    ['zag', 'exec', '--size', ''],
    ['large', 'medium', 'small'],
  ],
  [['zag', 'exec', '-qm', 'x', '-p', 'sh'], ['sh']],
  [['zag', 'output', '--tag', 're'], ['review']],
  [['zag', '--timeout', '5m', 'wait', '--tag', 're'], ['review']],
  [['zag', 'wait', '--state', 'running,fa'], ['running,failed']],
  [['zag', 'watch', '--on', 'session_r'], ['session_result']],
  [['zag', 'exec', '--file-prompt', 'no'], ['notes.txt']],
  [['zag', 'session', 'import', 'no'], ['notes.txt']],
  [['zag', 'watch', 'x', '--', 'cat', 'no'], ['notes.txt']],
  [['zag', 'pipe', 'x', '--', 're'], []],
  [['zag', 'man', 'hom'], ['home']],
  [['zag', 'log', '--level', 'wa'], ['warn']],
]

/** For bash: words as readline hands them over, and what it is to insert for each of those offered. */
const QUOTED: [words: string[], inserted: string[]][] = [
  [['zag', 'output', '--tag', 'ci', ':', '2'], ['22']],
  [
    ['zag', 'output', '--tag', '=', 'ci', ':', ''],
    ['1', '22'],
  ],
  [['zag', 'output', '--tag', '='], safe.map(bashWord)],
  [['zag', 'output', '--tag=re'], ['--tag=review']],
  [['zag', 'output', '--tag', '\\$'], ['\\$\\(touch\\ pwned\\)']],
  [['zag', 'output', '--tag', 'a\\ '], ['a\\ b']],
  [['zag', 'output', '--tag', '"$'], ['\\$(touch pwned)']],
  [['zag', 'output', '--tag', '"x'], ['x\\"y']],
  [['zag', 'output', '--tag', "'$"], ['$(touch pwned)']],
  [['zag', 'output', '--tag', "'i"], ["it'\\''s"]],
  [['zag', 'wait', 'rev'], ['review\\ one']],
]

function bashWord(text: string): string {
  return text.replace(/[^\w:é]/g, '\\$&')
}

const quotedForSh = (words: string[]) => words.map(word => `'${word.replace(/'/g, "'\\''")}'`).join(' ')

t.test('bash', { skip: skip('bash') }, async t => {
  const { zag, ids } = await scene(t)
  const lines = [...LINES, ...QUOTED, [['zag', 'wait', (ids[1] as string).slice(-8, -2)], [(ids[1] as string).slice(-8)]] as const]
  const calls = lines.map(([words]) => `drive ${quotedForSh([...words])}`)
  const program = [
    'eval "$(zag completion bash)"',
    `drive() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=(); _zag; printf '%s\\001' "\${COMPREPLY[@]}"; echo; }`,
    ...calls,
    'complete -p zag zag-wait >&2',
  ]
  const { code, stdout, stderr } = await run(found('bash') as string, ['--norc', '-c', program.join('\n')], {
    home: zag.home,
    cwd: join(zag.home, 'work'),
    env: { LANG: 'C.UTF-8' },
  })
  t.match({ code, stderr }, { code: 0, stderr: /^complete .*-F _zag zag\ncomplete .*-F _zag zag-wait\n$/ })
  const answers = stdout.split('\n').map(line => line.split('\x01').filter(Boolean))
  for (const [at, [words, wanted]] of lines.entries()) {
    const offered = [...(answers[at] ?? [])].sort()
    const want = wanted.includes('review') ? wanted : [...wanted, ...(words.at(-1) === '=' ? ['review'] : [])]
    t.same(offered, [...want].sort(), words.join(' '))
  }
  t.same(readdirSync(join(zag.home, 'work')).sort(), ['notes.txt', 'sub'], 'nothing was run')
})

t.test('bash puts together what it took apart by the line itself', { skip: skip('bash') }, async t => {
  const { zag } = await scene(t)
  const program = [
    'eval "$(zag completion bash)"',
    'COMP_LINE="zag  output  --tag ci:2 more" COMP_POINT=23',
    'COMP_WORDS=(zag output --tag ci : 2 more) COMP_CWORD=5',
    `_zag; echo "\${COMPREPLY[@]}"`,
    'COMP_LINE="zag output : r" COMP_POINT=14 COMP_WORDS=(zag output : r) COMP_CWORD=3',
    `_zag; echo "\${COMPREPLY[@]}"`,
  ]
  t.same(await run(found('bash') as string, ['--norc', '-c', program.join('\n')], { home: zag.home, env: { LANG: 'C.UTF-8' } }), {
    code: 0,
    signal: null,
    stdout: '22\nreview\\ one\n',
    stderr: '',
  })
})

t.test('fish', { skip: skip('fish') }, async t => {
  const { zag, ids } = await scene(t)
  const short = (ids[1] as string).slice(-8)
  const lines = [
    ...LINES,
    [['zag-wait', short.slice(0, 6)], [short]] as const,
    [
      ['zag-output', '--tag', 'ci'],
      ['ci:1', 'ci:22'],
    ] as const,
    [['zag', 'output', '--tag', "'$"], ['$(touch pwned)']] as const,
    [['zag', 'output', '--tag=re'], ['--tag=review']] as const,
  ]
  const program = ['zag completion fish | source', ...lines.flatMap(([words]) => [`complete -C ${fishWord(words.join(' '))}`, 'echo =='])]
  const { code, stdout, stderr } = await run(found('fish') as string, ['--no-config', '-c', program.join('\n')], {
    home: zag.home,
    cwd: join(zag.home, 'work'),
    env: { LANG: 'C.UTF-8' },
    timeout: 100_000,
  })
  t.same({ code, stderr }, { code: 0, stderr: '' })
  const answers = stdout.split('==\n').map(block => block.split('\n').filter(Boolean))
  for (const [at, [words, wanted]] of lines.entries()) {
    const offered = (answers[at] ?? []).map(line => line.split('\t')[0])
    t.same(offered.sort(), [...wanted].sort(), words.join(' '))
  }
  t.match(stdout, new RegExp(`^${short}\treview one, failed, sh$`, 'm'), 'with what is said of it')
  t.match(stdout, /^--timeout\tgive up after this long/m)
  t.same(readdirSync(join(zag.home, 'work')).sort(), ['notes.txt', 'sub'], 'nothing was run')
})

function fishWord(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`
}

/** Types a line and a tab into an interactive zsh, and says what stands on the line then. */
const TYPED = `
zmodload zsh/zpty
zpty z zsh -f -i
typeset -g heard
zpty -w z ". ./setup"
zpty -r z heard '*ready-now*'
for line; do
  zpty -w -n z "$line"$'\\t\\x18'
  zpty -r z heard '*<<end>>*'
done
zpty -d z
cat seen
`
const SETUP = `
PS1= PS2=
unsetopt zle_bracketed_paste
autoload -U compinit
compinit -u -D
eval "$(zag completion zsh)"
bindkey '^I' complete-word
report() { print -r -- "$BUFFER" >>seen; BUFFER=; print "<<e""nd>>"; }
zle -N report
bindkey '^X' report
print "ready-""now"
`

t.test('zsh', { skip: skip('zsh') }, async t => {
  const { zag, ids } = await scene(t)
  const short = (ids[1] as string).slice(-8)
  const one = LINES.filter(([words, wanted]) => wanted.length === 1 && !words.includes('-qm')).map(
    ([words, [word]]) => [words.join(' '), [...words.slice(0, -1), word].join(' ')] as [string, string],
  )
  const lines: [typed: string, completed: string][] = [
    ...one,
    [`zag-wait ${short.slice(0, 6)}`, `zag-wait ${short}`],
    ['zag output --tag ci:2', 'zag output --tag ci:22'],
    ['zag output --tag=re', 'zag output --tag=review'],
    ['zag output --tag \\$', 'zag output --tag \\$\\(touch\\ pwned\\)'],
    ["zag output --tag '$", "zag output --tag '$(touch pwned)'"],
    ['zag wait rev', 'zag wait review\\ one'],
  ]
  writeFileSync(join(zag.home, 'work/setup'), SETUP)
  const { code, stdout, stderr } = await run(found('zsh') as string, ['-f', '-c', TYPED, 'zsh', ...lines.map(([typed]) => typed)], {
    home: zag.home,
    cwd: join(zag.home, 'work'),
    env: { LANG: 'C.UTF-8', TERM: 'dumb', PATH: `${PROGRAMS}:/usr/bin:/bin:${process.env.PATH}` },
    timeout: 100_000,
  })
  t.same({ code, stderr }, { code: 0, stderr: '' })
  const seen = stdout.split('\n')
  for (const [at, [typed, completed]] of lines.entries()) t.equal((seen[at] ?? '').replace(/[ =]$/, ''), completed, typed)
  t.same(readdirSync(join(zag.home, 'work')).sort(), ['notes.txt', 'seen', 'setup', 'sub'], 'nothing was run')
})

t.test('a press of the key makes no home', { skip: skip('bash') }, async t => {
  const home = t.testdir()
  const program = `eval "$(zag completion bash)"; COMP_WORDS=(zag wait '') COMP_CWORD=2; _zag; echo "\${#COMPREPLY[@]}"`
  t.same(await run(found('bash') as string, ['-c', program], { home }), { code: 0, signal: null, stdout: '0\n', stderr: '' })
  t.notOk(existsSync(zagHome(home)))
})
