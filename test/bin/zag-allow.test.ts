// zag-allow: the rules of a group: listed, added, removed, and tried on a call.

import { mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../help/run.js'

const home = realpathSync(t.testdir({ one: { '.git': {} }, two: { '.git': {} } }))
const one = join(home, 'one')
const two = join(home, 'two')
const allow = (args: string[], { cwd = one, env = {} }: { cwd?: string; env?: Record<string, string | undefined> } = {}) =>
  run('zag-allow', args, { home, cwd, env: { ZAG_GROUP: undefined, ZAG_SESSION_ID: undefined, ...env } })
const rows = (text: string) =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
const listed = async (args: string[] = [], more = {}) =>
  rows((await allow(['list', '--json', ...args], more)).stdout).map(({ kind, rule }) => `${kind} ${rule}`)

t.test('list, add, remove', async t => {
  t.match(await allow([]), { code: 0, stdout: '', stderr: '' }, 'none at first')
  const added = await allow(['add', ' bash( command = git status * )', 'edit(path=src/**)'])
  t.same(added, { code: 0, signal: null, stdout: 'always\tbash(command=git status *)\nalways\tedit(path=src/**)\n', stderr: '' })
  t.match(await allow(['add', 'edit(path=src/**)']), { code: 0, stdout: '', stderr: '' }, 'again')
  t.match(rows((await allow(['add', '--json', 'edit(path=src/**)'])).stdout), [{ added: false, kind: 'always' }])
  t.match(await allow(['add', '--never', 'bash(command=git push *)']), { code: 0, stdout: 'never\tbash(command=git push *)\n' })
  t.match(await allow(['add', '--once', 'bash(command=make *)'], { env: { ZAG_SESSION_ID: 'x' } }), { code: 0 })
  t.match(await allow(['add', '--once', 'bash(command=make *)']), { code: 0, stdout: /make/ }, 'once more')
  t.same(await listed(), [
    'always bash(command=git status *)',
    'always edit(path=src/**)',
    'never bash(command=git push *)',
    'once bash(command=make *)',
    'once bash(command=make *)',
  ])
  const { stdout } = await allow(['list'])
  t.match(stdout.split('\n')[0], /^[0-9a-f-]{36}\talways\tbash\(command=git status \*\)\tperson\t[0-9.]+m?s$/)
  const [row, , , once] = rows((await allow(['list', '--json'])).stdout)
  t.match(row, { id: String, kind: 'always', rule: String, by: 'person', created_at: /^\d{4}-.*Z$/ })
  t.equal(once.by, 'x')
  t.same(await listed([], { cwd: two }), [], 'another project is another group')
  t.match(await allow(['remove', '--never', 'edit(path=src/**)']), { code: 3, stdout: '', stderr: /no rule 'edit/ })
  t.match(await allow(['remove', 'edit(path=src/**)', row.id.slice(-8)]), { code: 0, stdout: '', stderr: '' })
  t.match(rows((await allow(['remove', '--once', '--json', 'bash(command=make *)'])).stdout), [{ kind: 'once' }, { kind: 'once' }])
  t.same(await listed(), ['never bash(command=git push *)'])
  t.match(await allow(['remove', 'edit(path=src/**)', 'bash(command=git push *)']), { code: 3 })
  t.same(await listed(), ['never bash(command=git push *)'], 'none was removed')
})

t.test('whose rules', async t => {
  t.match(await allow(['add', '--group', 'g', 'read']), { code: 0, stderr: /warning|anything/ })
  t.same(await listed([], { env: { ZAG_GROUP: 'g' } }), ['always read'])
  t.same(await listed(['--group=g'], { cwd: two }), ['always read'])
  mkdirSync(join(two, 'deep'))
  await allow(['add', 'read(path=x)'], { cwd: join(two, 'deep') })
  t.same(await listed([], { cwd: two }), ['always read(path=x)'])
  t.match(await allow(['list', '--group', '']), { code: 2 })
  t.match(await allow(['remove', 'read', '--group', 'g', '-q']), { code: 0 })
})

t.test('an agent gives itself no leave', async t => {
  const inside = (words: string) =>
    run('zag-exec', ['-p', 'sh', '-q', words], { home, cwd: two, env: { ZAG_GROUP: undefined, ZAG_SESSION_ID: undefined } })
  await allow(['add', '--never', 'fetch'], { cwd: two })
  const refused = /^zag-allow: the rules of the group '.*two' are not for a session in it to loosen: run it outside\n$/
  t.match(await inside('zag allow add bash 2>&1; echo $?'), { stdout: new RegExp(`${refused.source.slice(0, -1)}4\n$`) })
  t.match(await inside('zag allow remove fetch 2>&1; echo $?'), { stdout: new RegExp(`${refused.source.slice(0, -1)}4\n$`) })
  t.match(await inside('zag allow add --never edit; zag allow add --group other read 2>/dev/null'), {
    stdout: 'never\tedit\nalways\tread\n',
  })
  t.same(await listed([], { cwd: two }), ['always read(path=x)', 'never fetch', 'never edit'])
})

t.test('bad input adds nothing', async t => {
  const bad: [string[], RegExp][] = [
    [['bash(command=a'], /column 15: the '\)' is missing/],
    [['bash(cmd=a)'], /column 6: bash has no parameter 'cmd'/],
    [['bash(command=)'], /column 14: .*empty/],
    [['bash(command=a; b)'], /can never fit: each command/],
    [['bash(command=a > b)'], /can never fit: it redirects to b/],
    [['bash(command=eval *)'], /can never fit: eval/],
    [['edit(path=src/)'], /can never fit: no path/],
    [['edit(path=a/../b)'], /can never fit: no path/],
    [['read', 'x('], /column 3/],
    [['--never', '--once', 'read'], /exclude each other/],
    [[], /<rule> is needed/],
  ]
  for (const [args, message] of bad) {
    const ended = await allow(['add', '--group', 'bad', ...args])
    t.match(ended, { code: 2, stdout: '' }, args.join(' '))
    t.match(ended.stderr, message)
    t.match(ended.stderr, /^zag-allow: [^\n]+\n$/)
  }
  t.same(await listed(['--group', 'bad']), [])
  for (const rule of ['bash', 'bash(command=**)', 'edit(path=/**)']) {
    const { code, stdout, stderr } = await allow(['add', '--group', 'wide', rule])
    t.match({ code, stdout }, { code: 0, stdout: `always\t${rule}\n` })
    t.match(stderr, /^zag-allow: .*allows anything that the tool '(bash|edit)' can do\n$/)
  }
  t.match(await allow(['add', '--never', '--group', 'wide', 'bash', 'bash(command=eval *)']), { code: 0, stderr: '' }, 'a deny rule may')
})

t.test('check', async t => {
  const two = await allow(['check', 'bash(command=git *)', '--', 'git status; rm x'])
  t.same(two, {
    code: 1,
    signal: null,
    stdout: 'allowed\tgit status\tbash(command=git *)\nnot allowed\trm x\tno rule allows it\n',
    stderr: '',
  })
  t.match(await allow(['check', 'bash(command=git *)', 'bash(command=rm x)', '--', 'git status; rm x']), { code: 0 })
  t.match(await allow(['check', 'bash(command=cat *)', '--', 'cat $(rm x)']), {
    code: 1,
    stdout: /not allowed\tcat \$\(rm x\)\t.*substitution/,
  })
  t.same(rows((await allow(['check', '--json', 'bash', '--', 'a > b'])).stdout), [{ part: 'a > b', allowed: true, rule: 'bash' }])
  await allow(['add', '--group', 'c', 'bash(command=git *)', 'edit(path=src/*)'])
  await allow(['add', '--group', 'c', '--never', 'bash(command=git push *)'])
  t.match(await allow(['check', '--group', 'c', '--', 'git log']), { code: 0 })
  t.match(await allow(['check', '--group', 'c', '--', 'git log; git push']), {
    code: 1,
    stdout: /not allowed\tgit log\tbash\(command=git push \*\)\n/,
  })
  t.match(await allow(['check', '--group', 'c', '--tool', 'edit', '--param', 'path=src/x']), {
    code: 0,
    stdout: 'allowed\tedit(path=src/x)\tedit(path=src/*)\n',
  })
  t.match(await allow(['check', '--group', 'c', '--tool', 'edit', '--param', 'path=../x']), { code: 1 })
  t.match(await allow(['check', '--tool', 'mcp', '--param', 'server=s', '--param', 'id=1', 'mcp(server=s, only)']), {
    code: 1,
    stdout: /it has id besides what the rule mcp\(server=s, only\) names/,
  })
  t.match(await allow(['check', 'x(', '--', 'ls']), { code: 2, stderr: /column 3/ })
  t.match(await allow(['check', 'bash']), { code: 2, stderr: /nothing to check/ })
  t.match(await allow(['check', '--', 'a', 'b']), { code: 2, stderr: /one word too many/ })
  t.match(await allow(['check', '--tool', 'edit', '--', 'a']), { code: 2, stderr: /not both/ })
  t.match(await allow(['check', '--tool', 'edit', '--param', 'x']), { code: 2, stderr: /write --param/ })
  t.match(await allow(['check', '--']), { code: 2, stderr: /no line/ })
})

t.test('a home that is none is 5', async t => {
  const env = { ZAG_HOME: '/dev/null' }
  for (const args of [['add', 'read'], ['list']])
    t.match(await allow(args, { env }), { code: 5, stdout: '', stderr: /^zag-allow: '.dev.null'/ })
})
