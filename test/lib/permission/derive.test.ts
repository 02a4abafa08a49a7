// Rules made of calls: narrow, of help, and never wider than the command where more would be anything.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what shells expand

import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { derive, deriveNever } from '../../../lib/permission/derive.js'
import { covers, refuses } from '../../../lib/permission/match.js'
import { parseRule } from '../../../lib/permission/rule.js'

const PLACE = { root: '/', cwd: '/' }
const bash = (command: string) => ({ tool: 'bash', tool_kind: 'shell' as const, params: { command } })
const commands = (line: string) => derive(bash(line), PLACE).map(rule => rule.replace(/^bash\(command=(.*)\)$/s, '$1'))

t.test('of a shell command: the program and its subcommand', async t => {
  const cases: [string, string[]][] = [
    ['git status', ['git status *']],
    ['git status -s 2>&1 | head -3', ['git status *', 'head *']],
    ['git diff a; git diff b', ['git diff *']],
    ['npm run build -- -x', ['npm run build *']],
    ['npm test', ['npm test *']],
    ['docker compose up -d', ['docker compose up *']],
    ['cargo test x', ['cargo test *']],
    ['python -m pytest -x', ['python -m pytest *']],
    ['node script.js 1', ['node script.js *']],
    ['ls -la', ['ls *']],
    ['gh pr view 1', ['gh pr view *']],
    ['cd src && ls', ['cd src', 'ls *']],
  ]
  for (const [line, wanted] of cases) t.same(commands(line), wanted, line)
})

t.test('of what may run anything: the very command', async t => {
  const lines = [
    ...[
      'bash -c x',
      'sh -c x',
      'python -c x',
      'node -e x',
      'node',
      'sudo ls',
      'xargs ls',
      'find . -exec rm x +',
      'ssh host ls',
      'rm -rf x',
      'git push',
      'git -C x status',
    ],
    ...[
      'git config a b',
      'npm install x',
      'docker run x',
      'docker compose run x',
      'python -m timeit x',
      'make test',
      'env ls',
      '/bin/ls',
      './ls',
      'curl x',
      'time ls',
      'ls2',
      'npm run',
    ],
    ...[
      'git rebase -x ls',
      'awk x',
      'sed -i x',
      'command ls',
      'perl -e x',
      'git',
      'node --eval.js',
      'constructor x',
      'git constructor',
      'npm run $x',
    ],
  ]
  for (const line of lines) t.same(commands(line), [line], line)
})

t.test('what no rule with parameters allows gives none, and neither does what is allowed', async t => {
  for (const line of ['echo $(x)', 'ls > x', 'ls &', 'A=1 ls', 'if', '', 'eval x']) t.same(commands(line), [], line)
  t.same(derive(bash('git status; ls'), PLACE, [parseRule('bash(command=ls *)')]), ['bash(command=git status *)'])
  t.same(derive(bash('ls'), PLACE, [parseRule('bash')]), [])
  t.same(derive({ tool: 'bash', tool_kind: 'shell', params: {} }, PLACE), [])
})

t.test('of a call that does not tell what it is about there is no rule: the tool alone would allow all it can do', async t => {
  const none: [string, Record<string, unknown>][] = [
    ['edit', {}],
    ['edit', { title: 'x' }],
    ['fetch', {}],
    ['fetch', { url: '' }],
    ['agent', {}],
    ['agent', { prompt: [''] }],
    ['x', {}],
    ['x', { '': 1 }],
  ]
  for (const [tool, params] of none) t.same(derive({ tool, tool_kind: 'other', params }, PLACE), [], `${tool} ${JSON.stringify(params)}`)
})

t.test('a rule made of any command allows that command and no other', async t => {
  const odd = [
    'x \'a b\' "c d"',
    'x a,b "(c)"',
    "x '*' \\* '?' '[a]' '{a,b}'",
    "x 'a\nb'",
    "x '(a)' '\\'",
    'x é 日本 😀',
    'x "it\'s"',
    "x ''",
    'x $y "${z}"',
    'x <<E\na\nE',
    'x "\t"',
    'x =a , ;',
    'x *',
  ]
  const made = odd.map(line => derive(bash(line), PLACE))
  for (const [at, line] of odd.entries()) {
    const rules = made[at] ?? []
    t.equal(rules.length, 1, line)
    for (const other of odd) t.equal(covers(rules.map(parseRule), bash(other), PLACE).allowed, other === line, `${rules} ${other}`)
  }
})

t.test('of files: the folder in the project, the file alone elsewhere and where settings are', async t => {
  const root = realpathSync(t.testdir({ src: { 'a.ts': '', 'b [1]': {} }, x: '' }))
  const place = { root, cwd: join(root, 'src') }
  const of = (tool: string, params: Record<string, unknown>) => derive({ tool, tool_kind: 'other', params }, place)
  t.same(of('edit', { path: 'a.ts' }), ['edit(path=src/*)'])
  t.same(of('read', { path: `${root}/src/new/x` }), ['read(path=src/new/*)'])
  t.same(of('edit', { path: '../x' }), ['edit(path=*)'])
  t.same(of('edit', { path: 'b [1]/c' }), ['edit(path=src/b \\[1\\]/*)'])
  t.same(of('edit', { path: '../.env' }), ['edit(path=.env)'])
  t.same(of('edit', { path: '../.git/config' }), ['edit(path=.git/config)'])
  t.same(of('read', { path: '/etc/hosts' }), ['read(path=/etc/hosts)'])
  t.same(of('edit', { path: ['a.ts', '../x'] }), ['edit(path=src/*)', 'edit(path=*)'])
  t.same(of('search', { pattern: 'x', path: '.' }), ['search(path=src/**)'])
  t.same(of('search', { pattern: 'x', path: '..' }), ['search(path=**)'])
  t.same(of('search', { pattern: 'x' }), ['search(path=src/**)'])
  t.same(of('fetch', { url: 'https://a.b/?c=d,e' }), ['fetch(url=https://a.b/\\?c=d\\,e, only)'])
  t.same(of('mcp', { server: 's', tool: 't', n: 1, deep: { a: [1] } }), ['mcp(server=s, tool=t, n=1, deep=\\{"a":\\[1\\]\\}, only)'])
})

t.test('of all else: the exact parameters, and no other', async t => {
  const issue = (more: Record<string, unknown>) => ({
    tool: 'mcp',
    tool_kind: 'other' as const,
    params: { server: 's', tool: 'get', ...more },
  })
  const rules = derive(issue({ id: 5 }), PLACE).map(parseRule)
  t.equal(covers(rules, issue({ id: 5 }), PLACE).allowed, true)
  t.equal(covers(rules, issue({}), PLACE).allowed, false)
  t.match(covers(rules, issue({ id: 5, as: 'admin', deep: null }), PLACE), {
    allowed: false,
    parts: [{ why: 'it has as and deep besides what the rule mcp(server=s, tool=get, id=5, only) names' }],
  })
  t.equal(covers(rules, issue({ id: 5, more: [] }), PLACE).allowed, true, 'an empty list is nothing')
  const two = derive(issue({ id: [5, 6] }), PLACE).map(parseRule)
  t.equal(covers(two, issue({ id: [6, 5] }), PLACE).allowed, true)
  t.equal(covers(two, issue({ id: [6, 5], as: ['admin'] }), PLACE).allowed, false)
  const many = { tool: 'x', tool_kind: 'other' as const, params: { a: Array.from({ length: 1001 }, (_, at) => at) } }
  t.equal(covers([parseRule('x(only)')], many, PLACE).allowed, false, 'what nobody looks through has more than a rule names')
  t.same(derive(many, PLACE, [parseRule('x(only)')]), [])
})

t.test('to refuse: the same, and whatever else is told; what rules allow already is refused too, if there is no doubt what', async t => {
  const call = (more: Record<string, unknown>) => ({ tool: 'mcp', tool_kind: 'other' as const, params: { server: 's', ...more } })
  t.same(deriveNever(call({}), PLACE), ['mcp(server=s)'])
  t.ok(refuses([parseRule('mcp(server=s)')], call({ force: true }), PLACE))
  t.notOk(refuses([parseRule('mcp(server=s, only)')], call({ force: true }), PLACE), 'a rule that is written so is taken at its word')
  t.ok(refuses([parseRule('mcp(server=s, only)')], call({}), PLACE))
  const git = parseRule('bash(command=git *)')
  t.same(deriveNever(bash('git push x; curl x'), PLACE, [git]), ['bash(command=curl x)'])
  t.same(deriveNever(bash('git push x'), PLACE, [git]), ['bash(command=git push x)'])
  t.same(deriveNever(bash('git push x; git fetch'), PLACE, [git]), [], 'either may be meant')
})

t.test('a star does not stand for a path out of the project, of what runs that', async t => {
  const root = realpathSync(
    t.testdir({ src: { 'a.ts': '', 's.js': '' }, out: t.fixture('symlink', '/etc'), none: t.fixture('symlink', 'x') }),
  )
  const place = { root, cwd: join(root, 'src') }
  const of = (line: string) => derive(bash(line), place)
  const covered = (rules: readonly string[], line: string) => covers(rules.map(parseRule), bash(line), place).allowed
  const held: [string, string][] = [
    ['pytest a', 'pytest *'],
    ['node s.js a', 'node s.js *'],
    ['python -m pytest a', 'python -m pytest *'],
    ['npm run build', 'npm run build *'],
    ['go test ./...', 'go test *'],
  ]
  const outside = [
    ...[
      '/etc/x',
      '/',
      '../../x',
      'a/../../../x',
      '~',
      '~/x',
      '~root/x',
      '../out/x',
      '../none',
      "'/etc/a b'",
      '/etc/*.py',
      '.*/x',
      '{a,/x}',
    ],
    ...['{\\/etc/x,b}', '{.,x}./x', '{.\\.,b}/x', 'a/.{.,b}/../x', "'.'./*", '.{,a}./x', '{a..z}', '../out/*', '"a /etc/x"', "'a ~/x'"],
    ...['-qc/etc/x', '-xa../../../x', '-c~/x', "'--a=b -c /etc/x'", "'https://a.b /etc/x'", 'https://a.b,/etc/x'],
    ...['--x=/etc/x', '-x/etc', '@/etc/x', 'a,/etc/x', 'a:/etc/x', 'file:///etc/x', '$x', '"$x/y"', 'a$x'],
  ]
  const inside = [
    '..',
    '../x',
    '../src',
    join(root, 'y'),
    'b/../c',
    'a..b',
    'https://a.b/c',
    '/dev/null',
    'a*.py',
    '{a,b}',
    'a/{b,c}.py',
    'b/*/x?.py',
    'x'.repeat(999),
    '-k "a or b"',
  ]
  for (const [line, rule] of held) {
    t.same(of(line), [`bash(command=${rule})`])
    const start = rule.slice(0, -2)
    for (const word of outside) {
      t.notOk(covered([`bash(command=${rule})`], `${start} ${word}`), `${start} ${word}`)
      t.notOk(covered([`bash(command=${rule})`], `${start} a ${word}`), `${start} a ${word}`)
      t.ok(covered(of(`${start} ${word}`), `${start} ${word}`), `a rule made of ${start} ${word} is that command`)
      t.notOk(covered(of(`${start} ${word}`), `${start} ${word} b`))
    }
    for (const word of inside) t.ok(covered([`bash(command=${rule})`], `${start} ${word}`), `${start} ${word}`)
  }
  t.same(covers([parseRule('bash(command=pytest *)')], bash('pytest -x /etc/x'), place).parts, [
    { part: 'pytest -x /etc/x', why: 'no rule that fits has /etc/x in it' },
  ])
  for (const rule of ['pytest /etc/*', 'pytest * /etc/x', 'pytest{ -v,} /etc/x*', '*'])
    t.ok(covered([`bash(command=${rule})`], rule === 'pytest * /etc/x' ? 'pytest -v /etc/x' : 'pytest /etc/x'), `${rule} has it in it`)
  t.notOk(covered(['bash(command=pytest src/*)'], 'pytest src/ /'), 'the word, not a part of another')
  for (const [rule, line] of [
    ['cat *', 'cat /etc/x'],
    ['ls *', 'ls ../..'],
    ['git *', 'git diff --no-index /etc/x'],
    ['npm *', 'npm test -- /x'],
    ['node *', 'node s.js /x'],
    ['make *', 'make /x'],
    ['mvn *', 'mvn test deploy'],
  ] as const)
    t.ok(covered([`bash(command=${rule})`], line), `${rule} stands for any: ${line}`)
})

t.test('a star does not stand for a second goal', async t => {
  const covered = (rule: string, line: string) => covers([parseRule(`bash(command=${rule})`)], bash(line), PLACE).allowed
  const cases: [string, string, boolean][] = [
    ['mvn test *', 'mvn test -q --batch-mode', true],
    ['mvn test *', 'mvn test deploy', false],
    ['mvn test *', 'mvn test -q exec:exec', false],
    ['mvn test *', 'mvn test -Dexec.executable=x', false],
    ['mvn test *', 'mvn test $x', false],
    ['mvn -q test *', 'mvn -q test deploy', false],
    ['mvn test -Dtest=*', 'mvn test -Dtest=x', true],
    ['mvn test -Dtest=*', 'mvn test -Dtest=x deploy', false],
    ['mvn clean test *', 'mvn clean test -q', true],
    ['gradle test *', 'gradle test --tests a.b', true],
    ['gradle test *', 'gradle test --info publish', false],
    ['./gradlew build *', './gradlew build publish', false],
    ['gradle build *', 'gradle build -Px=y', false],
  ]
  for (const [rule, line, wanted] of cases) t.equal(covered(rule, line), wanted, `${rule}: ${line}`)
})

t.test('the variable of a loop is all that it goes through', async t => {
  const place = { root: '/p', cwd: '/p' }
  const covered = (rule: string, line: string) => covers([parseRule(`bash(command=${rule})`)], bash(line), place).allowed
  t.ok(covered('pytest *', 'for f in a b; do pytest "$f"; done'))
  t.notOk(covered('pytest *', 'for f in a /etc/x; do pytest "$f"; done'))
  t.ok(covered('git diff *', 'for f in a b; do git diff $f; done'))
  t.notOk(covered('git diff *', 'for f in --output=.bashrc; do git diff $f; done'))
  t.notOk(covered('git diff *', 'for g in x; do for f in --output=.bashrc; do git diff ${f}; done; done'))
  t.ok(covered('git diff *', "for f in 'a b' c; do git diff $f; done"))
  t.ok(covered('pytest *', 'for f in a*.py; do pytest "$f"; done'))
  for (const words of ["'a --output=x'", "' --output=x'", "'--outpu?=x'", '*', '{--output=x,a}', '$x', "'a\n--output=x'"]) {
    const line = `for f in ${words}; do git diff $f; done`
    t.notOk(covered('git diff *', line), line)
    t.notOk(covered('git diff $f', line), `what is in a loop is not told by its variable: ${line}`)
  }
  for (const word of ['a$f', '"$f$f"', '${f%x}', '"${f#x}"', '$f$g'])
    t.notOk(covered('git diff *', `for f in '--output=x a'; do for g in b; do git diff ${word}; done; done`), word)
  t.notOk(covered('pytest *', "for f in 'a /etc/x'; do pytest $f; done"))
  t.notOk(covered('git switch *', 'for f in switch; do git switch $f -C a; done'))
  t.notOk(covered('git diff *', 'for f in --output=x; do for f in a; do git diff $f; done; done'), 'whichever of one name it is')
})

t.test('a star does not stand for what makes a program do more than it was allowed for', async t => {
  const covered = (rule: string, line: string) => covers([parseRule(`bash(command=${rule})`)], bash(line), PLACE).allowed
  const more: [string, string[]][] = [
    ['git diff', ['git diff --output=x', 'git diff a --outp x', "git diff '--output=x'", 'git diff --ext-diff']],
    ['git diff', ['git diff {--output=x,--stat}', 'git diff --out{put,x}=f', 'git diff {a,{b,--output=c}}', 'git diff $x', 'git diff a$x']],
    ['git diff', ['git diff *', 'git diff ?-output=x', "git diff ''--outp*", 'git diff "a$@"', 'git diff "$x"', 'git diff "a$x[@]"']],
    ['git log', ['git log {--output=x,-1}', 'git log {,--output=x}']],
    ['git switch a', ['git switch -f a', 'git switch --discard-changes a', 'git switch -Ca', 'git switch -qC a', 'git switch -qf a']],
    ['npm test', ['npm test --prefix=/x', 'npm test --prefix /x', 'npm test --script-shell=x', 'npm test -script-shel=./x']],
    ['npm run build', ['npm run build -C /x', 'npm run build -gC x', 'npm run build --editor=x']],
    ['pnpm run build', ['pnpm run build --config.script-shell=./x']],
    ['cargo test', ['cargo test --config \'build.rustc-wrapper="x"\'', 'cargo test --manifest-path=/x']],
    [
      'go test',
      [
        ...['go test -exec x', 'go test --exec=x', 'go test -o x', 'go test -c', "go test -ldflags '-extld x'", 'go test -gcflags=x'],
        ...['go test -blockprofile=x', 'go test -mutexprofile x', 'go test -test.coverprofile=x', 'go test -asmflags x'],
      ],
    ],
    [
      'pytest',
      [
        ...['pytest --basetemp=src', 'pytest -c x', 'pytest -px', 'pytest -xpx', 'pytest -sp x', 'pytest -xvo a=b', 'pytest @x'],
        ...['pytest {-p,x}', 'pytest -{p,x}', 'pytest -[p]x', 'pytest "-"px*', 'pytest \\-p*', 'pytest $x', 'pytest "$@"'],
      ],
    ],
    ['python -m pytest', ['python -m pytest --basetemp=src']],
    ['eslint .', ['eslint --fix .', 'eslint -o x .']],
    ['biome check', ['biome check --write']],
    ['tsc', ['tsc --outDir x', 'tsc -outfile x', 'tsc --OUTDIR x']],
    ['ruff check', ['ruff check --fix', 'ruff clean']],
    ['docker compose down', ['docker compose down -v', 'docker compose down -tv']],
    ['docker compose config', ['docker compose config -o x', 'docker compose config --output=x', 'docker compose config -qox']],
    ['kubectl get', ['kubectl get --profile=cpu', 'kubectl get --profile-output=x']],
    ['zag collect', ['zag collect --into main', 'zag collect --int=main']],
    ['mocha', ['mocha init src']],
  ]
  for (const [allowed, not] of more) {
    const [rule = ''] = commands(allowed)
    t.ok(covered(rule, `${allowed} x`), rule)
    for (const line of not) {
      t.notOk(covered(rule, line), `${rule}: ${line}`)
      t.same(commands(line).length, 1, 'and a rule made of that is that command')
      t.notMatch(commands(line)[0], / \*$/, line)
      t.ok(covers(derive(bash(line), PLACE).map(parseRule), bash(line), PLACE).allowed, line)
    }
  }
  for (const line of [
    'git diff --oneline -p',
    'git log -o',
    'go test -v ./...',
    'pytest -x -k c',
    'npm test -- -u',
    'tsc --noEmit',
    'go test -cover',
    'git diff {a,b}.c x*',
    'git log "a$x"',
  ])
    t.match(commands(line), [/ \*$/], line)
  for (const line of [
    'git branch',
    'git tag',
    'git stash',
    'npm audit',
    'go env',
    'ruff clean',
    'git stash drop',
    'mvn test',
    'gradle build',
    'tap plugin add x',
    'tap x',
    'python -m coverage run x',
  ])
    t.same(commands(line), [line], line)
  t.ok(covered('git diff --output=*', 'git diff --output=x'), 'where it is in the rule it is allowed')
  t.ok(covered('**', 'git diff --output=x'), 'and by a rule for anything')
  const spelt: [string, string, boolean][] = [
    ['eslint --cache *', 'eslint --cache -c x', false],
    ['eslint --fix-dry-run *', 'eslint --fix-dry-run --fix', false],
    ['gradle build --parallel *', 'gradle build --parallel -p x', false],
    ['go test -count=1 *', 'go test -count=1 -c', false],
    ['npm run build-Core *', 'npm run build-Core -C x', false],
    ['git grep *', 'git grep -iOx a', false],
    ['git switch fix-Colors *', 'git switch fix-Colors -C main', false],
    ['git diff --output=x *', 'git diff --output=x --output=y', false],
    ['git diff --output *', 'git diff --output x --output y', false],
    ['git diff --*', 'git diff --output=x', false],
    ['git diff --out*', 'git diff --output=x', false],
    ['{git diff *,ls --output=*}', 'git diff --output=x', false],
    ['pytest -x*', 'pytest -xpx', false],
    ['pytest -p*', 'pytest -pmine', true],
    ['pytest -q -p a *', 'pytest -q -p a b', true],
    ["git diff '--output=a b' *", 'git diff "--output=a b" c', true],
    ["git diff '--output=a b' *", "git diff '--output=a b' --output=b", false],
    ["git diff '--output=\\\\' *", "git diff '--output=\\' c", true],
    ['git diff $x *', 'git diff $x a', true],
    ['git diff $x *', 'git diff $x $y', false],
  ]
  for (const [rule, line, wanted] of spelt) t.equal(covered(rule, line), wanted, `${rule}: ${line}`)
  t.same(covers([parseRule('bash(command=git diff *)')], bash('git diff --output=x'), PLACE).parts, [
    { part: 'git diff --output=x', why: 'no rule that fits has --output in it' },
  ])
})
