// Worktrees that cannot lie: each session has its own, nothing of the main tree is touched, and no work in one is lost.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { gitIn, type Repository, repository } from '../help/repository.js'
import { PROGRAMS, until, zagHome } from '../help/run.js'
import { type Row, Zag } from '../help/sessions.js'

/** Programs and a repository outside of any other. */
function scene(t: Test, files?: Record<string, string>): { zag: Zag; repo: Repository; outside: string } {
  const outside = realpathSync(mkdtempSync(join(tmpdir(), 'zag-worktree-')))
  t.teardown(() => rmSync(outside, { recursive: true, force: true }))
  const zag = new Zag({ testdir: () => outside, teardown: (then: () => void) => t.teardown(then) } as unknown as Test)
  return { zag, repo: repository(join(outside, 'repo'), files), outside }
}

/** The worktrees below the home, by name. */
function worktrees({ home }: Zag): string[] {
  const all = join(zagHome(home), 'worktrees')
  if (!existsSync(all)) return []
  const keys = readdirSync(all).filter(key => !/\.(?:lock|holder)$/.test(key))
  return keys.flatMap(key => readdirSync(join(all, key))).filter(name => !name.startsWith('.'))
}

function checkNothing(t: Test, zag: Zag, { git, branches }: Repository, what: string): void {
  t.same(zag.ids(), [], `${what}: no session`)
  t.same(worktrees(zag), [], `${what}: no worktree`)
  t.same(branches(), [], `${what}: no branch`)
  t.equal(git('worktree', 'list', '--porcelain').match(/^worktree /gm)?.length, 1, `${what}: git knows of none`)
}

const worktreeOf = (zag: Zag, id: string) => JSON.parse(readFileSync(zag.file(id, 'session.json'), 'utf8')).worktree?.path as string

const inTree = ({ worktree }: Row, ...path: string[]) => join(String(worktree), ...path)

t.test('two sessions change the same file; both patches come out, the main tree is untouched', async t => {
  const { zag, repo } = scene(t)
  const cwd = repo.top
  const head = repo.git('rev-parse', 'HEAD')
  for (const word of ['left', 'right']) {
    const script = `echo ${word} >>a.txt; echo new >${word}.txt; git add a.txt; git commit -qm ${word}; echo more >>a.txt`
    t.match(await zag.go('spawn', ['-p', 'sh', '-w', '--name', word, '--tag', 'pair', script], { cwd }), { code: 0, stderr: '' })
  }
  t.match(await zag.go('wait', ['--tag', 'pair']), { code: 0 })
  t.match(await zag.go('collect', ['--patch', '--tag', 'pair', '--into', 'out'], { cwd: zag.home }), {
    code: 0,
    stdout: 'out/index.json\n',
  })
  t.equal(repo.git('status', '--porcelain'), '', 'the main tree is clean')
  t.equal(repo.git('rev-parse', 'HEAD'), head)
  t.equal(repo.git('symbolic-ref', 'HEAD'), 'refs/heads/main')
  for (const word of ['left', 'right']) {
    repo.git('worktree', 'add', '--quiet', '--detach', join(zag.home, word), head)
    gitIn(join(zag.home, word), 'apply', '--index', join(zag.home, 'out', `${word}.patch`))
    t.equal(readFileSync(join(zag.home, word, 'a.txt'), 'utf8'), `one\n${word}\nmore\n`)
    t.equal(readFileSync(join(zag.home, word, `${word}.txt`), 'utf8'), 'new\n')
  }
  const { stdout } = await zag.go('collect', ['--patch', '--tag', 'pair'])
  t.match(stdout, /^== .* left \(completed\) ==\ndiff --git a\/a\.txt b\/a\.txt\n/)
  t.match(stdout, /\n\n== .* right \(completed\) ==\ndiff --git /)
})

t.test('the session is one of the project, its agent is in the worktree', async t => {
  const { zag, repo } = scene(t, { 'a.txt': 'one\n', 'below/b.txt': 'two\n', '.zag.toml': 'provider = "sh"\n' })
  const cwd = join(repo.top, 'below')
  const head = repo.git('rev-parse', 'HEAD')
  const script =
    'pwd; echo "$ZAG_ROOT"; echo "$PWD"; git rev-parse --abbrev-ref HEAD; echo child; zag exec pwd; zag ps list -a -q -r . | wc -l'
  // From a hook of another repository, say.
  const other = repository(join(zag.home, 'other'))
  const env = { GIT_DIR: join(other.top, '.git'), GIT_INDEX_FILE: join(other.top, '.git/index'), GIT_WORK_TREE: other.top }
  const row = await zag.over(script, ['--worktree=mine', '--group', 'g'], { cwd, env })
  const path = String(row.worktree)
  t.same(dirname(dirname(path)), join(zagHome(zag.home), 'worktrees'))
  t.equal(row.result, `${join(path, 'below')}\n${path}\n${join(path, 'below')}\nzag/mine\nchild\n${join(path, 'below')}\n2\n`)
  const [session, child] = zag.ids().map(id => JSON.parse(readFileSync(zag.file(id, 'session.json'), 'utf8')))
  t.match(session, { root: repo.top, cwd: join(path, 'below'), worktree: { path, branch: 'zag/mine', base: head, repo: repo.top } })
  t.match(child, { root: repo.top, cwd: join(path, 'below'), parent: session.id, group: 'g', worktree: undefined })
  t.same(other.git('status', '--porcelain'), '')
  t.throws(() => repo.git('config', '--get-regexp', '^branch\\.'), 'it follows no other branch')
  for (const args of [
    ['ps', 'show', '--json'],
    ['session', 'show', '--json'],
  ]) {
    const { stdout } = await zag.go(args[0] as string, [...args.slice(1), session.id])
    t.match(JSON.parse(stdout), { worktree: path, branch: 'zag/mine', root: repo.top }, args.join(' '))
  }
  const listed = JSON.parse((await zag.go('ps', ['-a', '--json', '-r', repo.top])).stdout)
  t.match(listed, [{ worktree: path, branch: 'zag/mine' }, { session_id: child.id }])
})

t.test('of a worktree another can be made, from where its branch is', async t => {
  const { zag, repo } = scene(t)
  const row = await zag.over('echo two >>a.txt; git commit -qam two; zag exec -p sh -w --name inner "cat a.txt; pwd"', ['-w'], {
    cwd: repo.top,
  })
  t.match(row.result, /^one\ntwo\n.*\/inner\n$/)
  t.equal(repo.branches().length, 2)
  const [, inner] = zag.ids().map(id => JSON.parse(readFileSync(zag.file(id, 'session.json'), 'utf8')))
  t.match(inner, { root: repo.top, worktree: { repo: repo.top, branch: 'zag/inner' } })
})

t.test('eight at once in one repository', { timeout: 120_000 }, async t => {
  const { zag, repo } = scene(t)
  const all = await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      zag.go('spawn', ['-p', 'sh', '-w', '--name', 'same', '--tag', 'eight', `echo ${n} >>a.txt; cat a.txt`], {
        cwd: repo.top,
        timeout: 110_000,
      }),
    ),
  )
  for (const { code, stderr } of all) t.match({ code, stderr }, { code: 0, stderr: '' })
  t.match(await zag.go('wait', ['--tag', 'eight']), { code: 0 })
  const rows = JSON.parse((await zag.go('collect', ['--tag', 'eight', '--json', '--patch'])).stdout) as Row[]
  t.same(
    rows.map(({ result }) => result).sort(),
    Array.from({ length: 8 }, (_, n) => `one\n${n}\n`),
  )
  for (const { result, patch } of rows) t.match(patch, `+${String(result).split('\n')[1]}\n`)
  t.equal(new Set(rows.map(({ branch }) => branch)).size, 8)
  t.equal(repo.branches().length, 8)
  t.equal(worktrees(zag).length, 8)
  t.equal(repo.git('status', '--porcelain'), '')
})

t.test('names of sessions that are no names of branches', async t => {
  const { zag, repo, outside } = scene(t)
  const before = readdirSync(outside)
  const names = [
    'two words',
    "it's",
    '"$(touch pwned)"',
    '../../up',
    '..',
    '-x',
    '.hidden',
    'a.lock',
    'ends.',
    'naïve ✓',
    'a\\b',
    '@{1}',
    'x'.repeat(200),
  ]
  for (const name of names) {
    const row = await zag.over('git symbolic-ref HEAD; basename "$PWD"', ['-w', `--name=${name}`], { cwd: repo.top })
    const [branch, folder] = String(row.result).split('\n')
    t.equal(branch, `refs/heads/zag/${folder}`, name)
    t.match(folder, /^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u)
    t.equal(dirname(dirname(String(row.worktree))), join(zagHome(zag.home), 'worktrees'), name)
  }
  t.same(
    readdirSync(outside).filter(name => name !== '.zag'),
    before,
  )
  t.same(repo.git('status', '--porcelain'), '')
})

t.test('what cannot be had: one line, the code, and nothing is made', async t => {
  const { zag, repo, outside } = scene(t)
  const { git, top } = repo
  const exec = (cwd: string, flags: string[], more = {}) => zag.go('exec', ['-p', 'sh', ...flags, 'touch ran'], { cwd, ...more })
  const refuses = async (what: string, ended: ReturnType<typeof exec>, code: number, stderr: RegExp) => {
    const { stderr: said, ...rest } = await ended
    t.match(rest, { code, stdout: '' }, what, { said })
    t.match(said, stderr, what)
    t.match(said, /^zag-exec: .*\n$/, `${what}: one line`)
    checkNothing(t, zag, repo, what)
    t.notOk(existsSync(join(top, 'ran')), what)
  }
  for (const name of ['a b', '../x', 'a/b', '.x', '-x', 'x.lock', 'x.', 'a..b', 'x\ny', '$(x)', "'", 'y'.repeat(101)])
    await refuses(`the name ${name}`, exec(top, [`--worktree=${name}`]), 2, /--worktree '/)
  await refuses('an empty name', exec(top, ['--worktree=']), 2, /'--worktree' has no <name> after its '='/)
  const none = join(outside, 'none')
  mkdirSync(none)
  await refuses('no repository', exec(none, ['-w']), 2, /none' is in no git repository: --worktree needs one/)
  const empty = repository(join(outside, 'empty'), {})
  await refuses('no commit', exec(empty.top, ['-w']), 2, /empty' has no commit yet/)
  await refuses('within .git', exec(join(top, '.git'), ['-w']), 2, /git: this operation must be run in a work tree/)
  mkdirSync(join(top, 'new'))
  await refuses('a folder that is not committed', exec(join(top, 'new'), ['-w']), 2, /the folder 'new' is in no commit/)
  mkdirSync(join(outside, 'bin'))
  for (const [name, path] of [
    ['node', process.execPath],
    ['sh', '/bin/sh'],
    ['env', '/usr/bin/env'],
  ] as const)
    symlinkSync(path, join(outside, 'bin', name))
  await refuses('without git', exec(top, ['-w'], { env: { PATH: join(outside, 'bin') } }), 127, /'git' was not found on PATH/)
  git('branch', 'zag')
  await refuses('a branch in the way of all', exec(top, ['-w']), 5, /cannot make the branch 'zag\/[0-9a-f]{8}': git: /)
  git('branch', '-D', 'zag')
  git('branch', 'zag/taken')
  const { code, stderr } = await exec(top, ['-wtaken'])
  t.match(
    { code, stderr },
    {
      code: 2,
      stderr: /^zag-exec: the branch 'zag\/taken' is there already: give another name, or remove it: git branch -d zag\/taken\n$/,
    },
  )
  t.same([zag.ids(), worktrees(zag), repo.branches()], [[], [], ['zag/taken']])
})

t.test('who comes second takes nothing away from who came first', async t => {
  const { zag, repo, outside } = scene(t)
  const real = process.env.PATH?.split(':').find(folder => existsSync(join(folder, 'git')))
  mkdirSync(join(outside, 'bin'))
  const lock = `fatal: cannot lock ref 'refs/heads/zag/mine': Unable to create '${repo.top}/.git/refs/heads/zag/mine.lock': File exists.`
  const folder = "fatal: '/x/mine' already exists"
  for (const [name, made, said, calls] of [
    ['mine', '-b zag/mine', lock, "*' branch --no-track zag/mine '*|*' worktree add '*"],
    ['other', '--detach', folder, "*' worktree add '*other*"],
  ] as const) {
    writeFileSync(
      join(outside, 'bin/git'),
      `#!/bin/sh
case "$*" in ${calls})
  for f in ${zagHome(zag.home)}/worktrees/*-????????????; do [ -e "$f/${name}" ] || ${real}/git -C ${repo.top} worktree add -q ${made} "$f/${name}" || exit 99; done
  case "$*" in *zag/${name}-*) ;; *) echo "${said}" >&2; exit 128;; esac
esac
exec ${real}/git "$@"\n`,
    )
    chmodSync(join(outside, 'bin/git'), 0o755)
    const env = { PATH: `${join(outside, 'bin')}:${PROGRAMS}:${process.env.PATH}` }
    t.match(await zag.go('exec', ['-p', 'sh', `-w${name}`, 'true'], { cwd: repo.top, env }), {
      code: 2,
      stdout: '',
      stderr: /give another name/,
    })
    t.same(worktrees(zag), [name], 'the worktree of the first is there')
    t.same(repo.branches(), name === 'mine' ? ['zag/mine'] : [], 'and its branch, and no other')
    const row = await zag.over('basename "$PWD"', ['-w', '--name', name], { cwd: repo.top, env })
    t.match(row.result, new RegExp(`^${name}-[0-9a-f]{8}\n$`), 'a name that is made up is another then')
    repo.git('worktree', 'remove', inTree({ worktree: join(dirname(String(row.worktree)), name) } as unknown as Row))
    if (name === 'mine') repo.git('branch', '-D', 'zag/mine')
    t.match(await zag.go('session', ['delete', row.session_id]), { code: 0 })
  }
})

t.test('never in another tree than the one that was made', async t => {
  const { zag, repo } = scene(t)
  const hook = join(repo.top, '.git/hooks/post-checkout')
  for (const [script, why] of [
    ['git symbolic-ref HEAD refs/heads/elsewhere', /is not on the branch 'zag\//],
    ['rm .git', /is not as it was made: git: not a git repository/],
    [`rm .git; git init -q -b "zag/$(basename "$PWD")" .`, /is no longer one of '/],
  ] as const) {
    mkdirSync(dirname(hook), { recursive: true })
    writeFileSync(hook, `#!/bin/sh\nunset GIT_DIR\n${script}\n`)
    chmodSync(hook, 0o755)
    const ended = await zag.go('exec', ['-p', 'sh', '-w', `touch ${join(repo.top, 'ran')}`], { cwd: repo.top })
    t.match(ended, { code: 1, stdout: '', stderr: why }, script)
    const id = zag.ids().at(-1) as string
    t.match(JSON.parse((await zag.go('ps', ['show', '--json', id])).stdout), { status: 'failed', reason: 'start' })
    t.notOk(existsSync(join(repo.top, 'ran')), 'the agent was never started')
  }
})

t.test('a session that cannot be made takes its worktree with it', async t => {
  const { zag, repo } = scene(t)
  const hook = join(repo.top, '.git/hooks/post-checkout')
  mkdirSync(dirname(hook), { recursive: true })
  // The home breaks when the worktree is there and the session is not.
  writeFileSync(hook, '#!/bin/sh\nrmdir "$ZAG_HOME/aside" && touch "$ZAG_HOME/aside"\n')
  chmodSync(hook, 0o755)
  const ended = await zag.go('spawn', ['-p', 'sh', '-w', 'true'], { cwd: repo.top })
  t.match(ended, { code: 5, stdout: '', stderr: /^zag-spawn: cannot make .*\n$/ })
  checkNothing(t, zag, repo, 'a broken home')
})

t.test('carry: ignored files come along as copies', async t => {
  const { zag, repo, outside } = scene(t, {
    'a.txt': 'one\n',
    '.gitignore': '/.env\n/deps/\n/conf/local\n/link\n/out\n',
    'conf/shared': 's\n',
  })
  const write = (path: string, text: string) => writeFileSync(join(repo.top, path), text)
  const carry = (...list: string[]) => writeFileSync(join(repo.top, '.git/../.zag.toml'), `[worktree]\ncarry = ${JSON.stringify(list)}\n`)
  write('.env', 'KEY=1\n')
  write('conf/local', 'l\n')
  mkdirSync(join(repo.top, 'deps/x'), { recursive: true })
  write('deps/x/run', '#!/bin/sh\n')
  chmodSync(join(repo.top, 'deps/x/run'), 0o755)
  symlinkSync('x/run', join(repo.top, 'deps/run'))
  repo.git('config', 'core.excludesFile', join(outside, 'excludes'))
  writeFileSync(join(outside, 'excludes'), '.zag.toml\n')
  carry('.env', 'deps', 'conf/local', 'conf/shared', 'not-there')
  const row = await zag.over(
    'cat .env conf/local conf/shared; readlink deps/run; test -x deps/x/run && echo runs; echo 2 >.env; echo 2 >deps/x/run',
    ['-w'],
    {
      cwd: repo.top,
    },
  )
  t.equal(row.result, 'KEY=1\nl\ns\nx/run\nruns\n')
  t.equal(readFileSync(join(repo.top, '.env'), 'utf8'), 'KEY=1\n', 'what the agent did to it stays there')
  t.equal(readFileSync(join(repo.top, 'deps/x/run'), 'utf8'), '#!/bin/sh\n')
  t.match(JSON.parse((await zag.go('collect', ['--patch', '--json', row.session_id])).stdout), [{ patch: '' }], 'and is no change')
  t.match(await zag.go('gc', ['--force', '--older-than', '0']), { code: 0, stdout: `${row.session_id}\n` })
  for (const [list, why] of [
    [['../x'], /'worktree\.carry' has '\.\.\/x': give a path within the project/],
    [['/etc/passwd'], /'worktree\.carry' has '\/etc\/passwd': give a path/],
    [['.git/config'], /'worktree\.carry' has '\.git\/config': give a path/],
    [['link'], /carry: 'link' leads out of the project/],
    [['link/passwd'], /carry: 'link\/passwd' leads out of the project/],
    [['dangling'], /carry: 'dangling' leads out of the project/],
    [['loose'], /carry: 'loose' is not ignored by git/],
  ] as const) {
    for (const [name, to] of [
      ['link', '/etc'],
      ['dangling', '/nonexistent/x'],
    ] as const)
      if (!readdirSync(repo.top).includes(name)) symlinkSync(to, join(repo.top, name))
    write('loose', 'x\n')
    carry(...list)
    t.match(await zag.go('exec', ['-p', 'sh', '-w', 'true'], { cwd: repo.top }), { code: 2, stdout: '', stderr: why }, list.join())
    checkNothing(t, zag, repo, list.join())
  }
  writeFileSync(join(repo.top, '.zag.toml'), '[worktree]\ncarry = ".env"\n')
  t.match(await zag.go('exec', ['-p', 'sh', '-w', 'true'], { cwd: repo.top }), {
    code: 2,
    stderr: /'worktree\.carry' must be an array of strings, not a string/,
  })
})

t.test('carry: through no link into the main tree', async t => {
  const { zag, repo } = scene(t, { 'a.txt': 'one\n', '.gitignore': '/conf\n/real\n/deps\n/.zag.toml\n', 'packages/p': 'p\n' })
  const { top } = repo
  for (const folder of ['real', 'deps']) mkdirSync(join(top, folder))
  writeFileSync(join(top, 'real/file'), 'main\n')
  writeFileSync(join(top, 'deps/file'), 'main\n')
  symlinkSync('real', join(top, 'conf'))
  symlinkSync('../packages/p', join(top, 'deps/p'))
  symlinkSync('/etc', join(top, 'deps/elsewhere'))
  writeFileSync(join(top, '.zag.toml'), '[worktree]\ncarry = ["conf", "deps", "a.txt/x", "real/file/x/y"]\n')
  const row = await zag.over('cat conf/file; echo agent >conf/file; echo agent >deps/p; readlink deps/p', ['-w'], { cwd: top })
  t.match(row, { status: 'completed', result: 'main\n../packages/p\n' })
  t.same([readFileSync(join(top, 'real/file'), 'utf8'), readFileSync(join(top, 'packages/p'), 'utf8')], ['main\n', 'p\n'])
  t.equal(readFileSync(inTree(row, 'packages/p'), 'utf8'), 'agent\n')
  repo.git('worktree', 'remove', '--force', inTree(row))
  t.match(await zag.go('session', ['delete', row.session_id]), { code: 0 })
  for (const to of [join(top, 'deps/file'), join(top, 'real')]) {
    symlinkSync(to, join(top, 'deps/back'))
    const { code, stderr } = await zag.go('spawn', ['-p', 'sh', '-w', 'true'], { cwd: top })
    t.match({ code, stderr }, { code: 2, stderr: /carry: 'deps\/back' would be a link into the main tree, .*\n$/ })
    checkNothing(t, zag, repo, to)
    rmSync(join(top, 'deps/back'))
  }
})

t.test('carry never follows a link that the commit has', async t => {
  const { zag, repo, outside } = scene(t)
  mkdirSync(join(outside, 'target'))
  symlinkSync(join(outside, 'target'), join(repo.top, 'conf'))
  repo.git('add', '--all')
  repo.git('commit', '-qm', 'a link')
  rmSync(join(repo.top, 'conf'))
  mkdirSync(join(repo.top, 'conf'))
  writeFileSync(join(repo.top, 'conf/secret'), 'x\n')
  writeFileSync(join(repo.top, '.zag.toml'), '[worktree]\ncarry = ["conf/secret"]\n')
  t.match(await zag.go('exec', ['-p', 'sh', '-w', 'true'], { cwd: repo.top }), { code: 2, stderr: /carry: 'conf\/secret' leads out/ })
  t.same(readdirSync(join(outside, 'target')), [])
  checkNothing(t, zag, repo, 'a link')
})

t.test('a patch holds everything and touches nothing', async t => {
  const { zag, repo } = scene(t, { 'a.txt': 'one\n', 'gone.txt': 'x\n', 'mode.sh': 'true\n', '.gitignore': 'ignored\n' })
  // Settings that bend what git prints for people.
  for (const [name, value] of [
    ['diff.noprefix', 'true'],
    ['color.ui', 'always'],
    ['diff.external', 'false'],
    ['core.quotePath', 'false'],
    ['diff.context', '0'],
  ] as const)
    repo.git('config', name, value)
  const script = `echo staged >>a.txt; git add a.txt; echo later >>a.txt; git rm -q gone.txt; chmod +x mode.sh; git commit -qam x
printf '\\377\\000' >binary; printf 'caf\\351\\n' >latin; echo n >'new
line'; ln -s /etc link; mkdir deep; echo d >deep/d; echo no >ignored; echo index >>a.txt; git add a.txt; echo last >>a.txt`
  const row = await zag.over(script, ['-w'], { cwd: repo.top })
  const state = () => [
    gitIn(inTree(row), 'status', '--porcelain'),
    gitIn(inTree(row), 'ls-files', '--stage'),
    repo.git('count-objects', '-v'),
  ]
  const before = state()
  const { stdout, stderr, code } = await zag.go('collect', ['--patch', '--json', row.session_id])
  t.match({ stderr, code }, { stderr: '', code: 0 })
  const [{ patch_base64 }] = JSON.parse(stdout)
  t.same(state(), before, 'index, files and objects are as they were')
  const patch = join(zag.home, 'x.patch')
  writeFileSync(patch, Buffer.from(patch_base64, 'base64'))
  const check = join(zag.home, 'check')
  repo.git('worktree', 'add', '--quiet', '--detach', check, 'main')
  gitIn(check, 'apply', '--index', patch)
  gitIn(inTree(row), 'add', '--all')
  t.equal(gitIn(check, 'write-tree'), gitIn(inTree(row), 'write-tree'), 'with it the base is what the session left')
  const text = await zag.sh(`zag collect --patch ${row.session_id} | git -C "$HOME/check2" apply --index`, {
    env: { X: repo.git('worktree', 'add', '--quiet', '--detach', join(zag.home, 'check2'), 'main') },
  })
  t.match(text, { code: 0 }, 'git takes it with the line above it')
  t.equal(gitIn(join(zag.home, 'check2'), 'write-tree'), gitIn(check, 'write-tree'))
  t.same(readdirSync(join(zagHome(zag.home), 'aside')), [], 'and leaves nothing behind')
})

t.test('no patch: the reason stands in its place', async t => {
  const { zag, repo } = scene(t)
  const cwd = repo.top
  const plain = (await zag.over('true', ['--name', 'plain'], { cwd })).session_id
  const same = (await zag.over('true', ['-w', '--name', 'same'], { cwd })).session_id
  const byHand = await zag.over('echo two >a.txt; git commit -qam two', ['-w', '--name', 'gone'], { cwd })
  repo.git('worktree', 'remove', inTree(byHand))
  const lost = await zag.over('true', ['-w', '--name', 'lost'], { cwd })
  repo.git('worktree', 'remove', inTree(lost))
  repo.git('branch', '-D', 'zag/lost')
  const ids = [plain, same, byHand.session_id, lost.session_id]
  const { stdout } = await zag.go('collect', ['--patch', ...ids])
  t.match(
    stdout,
    /plain \(completed\) ==\n\(no patch: it has no worktree\)\n\n== \S+ same \(completed\) ==\n\(no patch: nothing was changed\)\n\n/,
  )
  t.match(stdout, /gone \(completed\) ==\ndiff --git a\/a\.txt/, 'what was committed is on the branch')
  t.match(stdout, /lost \(completed\) ==\n\(no patch: its worktree is gone, and so is its branch\)\n$/)
  t.match(JSON.parse((await zag.go('collect', ['--patch', '--json', ...ids])).stdout), [
    { no_patch: 'it has no worktree', patch: undefined },
    { patch: '', no_patch: undefined },
    { patch: /^diff/ },
    { no_patch: /is gone/ },
  ])
  t.match(await zag.go('collect', ['--patch', '--into', 'out', ...ids]), { code: 0 })
  t.match(JSON.parse(readFileSync(join(zag.home, 'out/index.json'), 'utf8')), [
    { no_patch: 'it has no worktree' },
    { no_patch: 'nothing was changed' },
    { patch_file: 'gone.patch' },
    { no_patch: /is gone/ },
  ])
  t.same(readdirSync(join(zag.home, 'out')).sort(), ['gone.patch', 'index.json'])
})

t.test('a patch is without repositories of their own, and says so', async t => {
  const { zag, repo } = scene(t)
  const made =
    'git init -q empty; echo x >empty/x; git init -q deep/full; cd deep/full; git -c user.name=x -c user.email=y commit -q --allow-empty -m x'
  const { session_id } = await zag.over(`echo two >>a.txt; echo n >new; (${made}); echo d >deep/d`, ['-w', '--name', 'n'], {
    cwd: repo.top,
  })
  const missing = `zag-collect: the patch of session ${session_id} is without what is in 'deep/full', 'empty', which are repositories of their own\n`
  const { code, stdout, stderr } = await zag.go('collect', ['--patch', session_id])
  t.same({ code, stderr }, { code: 0, stderr: missing })
  t.same(
    [...stdout.matchAll(/^diff --git a\/(\S+)/gm)].map(([, name]) => name),
    ['a.txt', 'deep/d', 'new'],
  )
  const json = await zag.go('collect', ['--patch', '--json', session_id])
  t.match(JSON.parse(json.stdout), [{ patch: /^\+two$/m, patch_without: ['deep/full', 'empty'] }])
  t.match(await zag.go('collect', ['--patch', '--into', 'out', session_id]), { code: 0, stdout: 'out/index.json\n', stderr: missing })
  t.match(JSON.parse(readFileSync(join(zag.home, 'out/index.json'), 'utf8')), [
    { patch_file: 'n.patch', patch_without: ['deep/full', 'empty'] },
  ])
})

t.test('gc and delete: work that is nowhere else stays, all else goes', { timeout: 120_000 }, async t => {
  const { zag, repo } = scene(t, { 'a.txt': 'one\n', '.gitignore': 'ignored\n' })
  const cwd = repo.top
  const make = async (name: string, script: string) => [name, await zag.over(script, ['-w', '--name', name], { cwd })] as const
  const dirty = new Map([
    await make('changed', 'echo two >a.txt'),
    await make('untracked', 'echo x >new'),
    await make('committed', 'echo two >a.txt; git commit -qam two'),
    await make('detached', 'git checkout -q --detach; echo two >a.txt; git commit -qam detached'),
  ])
  const why = {
    changed: '1 uncommitted or untracked file',
    untracked: '1 uncommitted',
    committed: '1 commit that no other branch has',
    detached: '1 commit',
  }
  for (const [name, { session_id }] of dirty) {
    const { code, stdout, stderr } = await zag.go('session', ['delete', session_id])
    t.match({ code, stdout }, { code: 4, stdout: '' }, name)
    t.match(stderr, `zag-session: the worktree of session ${session_id} has ${why[name as keyof typeof why]}`)
    t.match(stderr, /: zag collect --patch [0-9a-f]{8} shows the changes, git -C '.*' worktree remove --force '.*' gives up .*\n$/)
  }
  const clean = new Map([
    await make('nothing', 'true'),
    await make('ignored', 'echo x >ignored'),
    await make('merged', 'echo two >b.txt; git add b.txt; git commit -qm two'),
    await make('removed', 'true'),
    await make('removed-with-work', 'echo two >c.txt; git add c.txt; git commit -qm two'),
  ])
  repo.git('merge', '--quiet', 'zag/merged')
  for (const name of ['removed', 'removed-with-work']) repo.git('worktree', 'remove', inTree(clean.get(name) as Row))
  const both = [...dirty.keys(), ...clean.keys()]
  t.match(await zag.go('session', ['delete', '--all']), { code: 4, stdout: '' }, 'one is enough to keep all')
  t.equal(zag.ids().length, both.length)
  const dry = await zag.go('gc', ['--older-than', '0', '--json'])
  t.match(JSON.parse(dry.stdout), { kept: 4, removed: false, dirty: [...dirty.values()].map(({ session_id }) => ({ session_id })) })
  t.equal(JSON.parse(dry.stdout).sessions.length, clean.size)
  t.equal(repo.branches().length, both.length, 'a dry run removes nothing')
  const { stdout, stderr } = await zag.go('gc', ['--older-than', '0', '--force'])
  t.same(
    stdout.split('\n').filter(Boolean),
    [...clean.values()].map(({ session_id }) => session_id),
  )
  t.match(stderr, /zag-gc: session \S+ stays: its worktree '.*' has 1 uncommitted or untracked file\n/)
  t.match(stderr, /zag-gc: removed 5 sessions \(\d+ bytes\); 4 stay, 4 of them for what their worktrees hold\n$/)
  t.same(worktrees(zag).sort(), [...dirty.keys()].sort())
  t.same(
    repo.branches().sort(),
    [...dirty.keys(), 'removed-with-work'].map(name => `zag/${name}`).sort(),
    'a branch with commits of its own stays',
  )
  repo.git('worktree', 'remove', '--force', inTree(dirty.get('changed') as Row))
  t.match(await zag.go('session', ['delete', 'changed']), { code: 0 }, 'given up by hand')
  t.notOk(repo.branches().includes('zag/changed'))
  repo.git('merge', '--quiet', 'zag/committed')
  t.match(await zag.go('session', ['delete', 'committed']), { code: 0 }, 'merged')
})

/** A git that waits before it does one thing, until it may go on. */
function slowGit(outside: string, what: string): { env: { PATH: string }; asked: string; go: string } {
  const [bin, asked, go] = ['slow', 'asked', 'go'].map(name => join(outside, name)) as [string, string, string]
  const real = process.env.PATH?.split(':').find(folder => existsSync(join(folder, 'git')))
  mkdirSync(bin)
  writeFileSync(
    join(bin, 'git'),
    `#!/bin/sh
case "$*" in *'${what}'*) : >${asked}; n=0; until [ -e ${go} ] || [ $n -gt 500 ]; do sleep 0.02; n=$((n + 1)); done;; esac
exec ${real}/git "$@"\n`,
  )
  chmodSync(join(bin, 'git'), 0o755)
  return { env: { PATH: `${bin}:${PROGRAMS}:${process.env.PATH}` }, asked, go }
}

for (const [who, args] of [
  ['gc', ['--force', '--older-than', '0']],
  ['gc', ['--force', '--older-than', '0', '--keep-logs']],
  ['session', ['delete', '--all']],
] as const) {
  const call = [who, ...args].join(' ')
  t.test(`${call}: a session that is resumed while its worktree is looked at stays`, async t => {
    const { zag, repo, outside } = scene(t)
    const { session_id: id } = await zag.over('true', ['-w'], { cwd: repo.top })
    const { env, asked, go } = slowGit(outside, 'status --porcelain')
    const gone = zag.go(who, args, { env })
    await until(() => existsSync(asked))
    const gate = zag.gate()
    t.match(await zag.go('input', ['-b', '--session', id, `${gate.script}; echo answer`]), { code: 0 })
    writeFileSync(go, '')
    t.match(await gone, who === 'gc' ? { code: 0, stdout: '' } : { code: 4, stdout: '', stderr: /is in other hands/ })
    t.match(await zag.go('status', [id]), { stdout: /^(?:running|queued)\n$/ })
    gate.open()
    t.match(await zag.go('wait', [id]), { code: 0 })
    t.match(await zag.go('output', [id]), { code: 0, stdout: 'answer\n' })
    t.notOk(JSON.parse(readFileSync(zag.file(id, 'session.json'), 'utf8')).stripped_at)
    t.same(worktrees(zag).length, 1)
  })

  t.test(`${call}: no message is taken for a session that is on its way out`, async t => {
    const { zag, repo, outside } = scene(t)
    const { session_id: id } = await zag.over('true', ['-w'], { cwd: repo.top })
    const { env, asked, go } = slowGit(outside, 'worktree remove')
    const gone = zag.go(who, args, { env })
    await until(() => existsSync(asked))
    t.match(await zag.go('input', ['-b', '--session', id, 'echo lost']), {
      code: 4,
      stdout: '',
      stderr: /zag gc or zag session delete is at it\n$/,
    })
    t.match(await zag.go('gc', ['--force', '--older-than', '0']), { code: 0, stdout: '' }, 'a second one leaves it to the first')
    t.match(await zag.go('status', [id]), { stdout: 'completed\n' })
    writeFileSync(go, '')
    t.match(await gone, { code: 0, stdout: `${id}\n` })
    t.same(zag.ids(), args.at(-1) === '--keep-logs' ? [id] : [])
    t.match(await zag.go('doctor'), { code: 0 })
  })
}

t.test('a session that could not be removed can be resumed', async t => {
  const { zag, repo, outside } = scene(t)
  const { session_id: id } = await zag.over('true', ['-w'], { cwd: repo.top })
  const { env, asked, go } = slowGit(outside, 'worktree remove')
  const gone = zag.go('session', ['delete', id], { env })
  await until(() => existsSync(asked))
  writeFileSync(join(String(worktreeOf(zag, id)), 'new'), 'x')
  writeFileSync(go, '')
  t.match(await gone, { code: 5, stdout: '', stderr: /cannot remove the worktree/ })
  t.match(await zag.go('input', ['--session', id, 'cat new']), { code: 0, stdout: 'x' })
})

t.test('gc: one that git does not remove keeps none of the others', async t => {
  const { zag, repo, outside } = scene(t, { 'a.txt': 'one\n', '.gitignore': 'ignored\n' })
  const cwd = repo.top
  const locked = await zag.over('git worktree lock .', ['-wlocked'], { cwd })
  const refused = await zag.over('true', ['-wrefused'], { cwd })
  const half = await zag.over('mkdir ignored; echo x >ignored/x; chmod 555 ignored', ['-whalf'], { cwd })
  const last = await zag.over('true', ['-wlast'], { cwd })
  const real = process.env.PATH?.split(':').find(folder => existsSync(join(folder, 'git')))
  mkdirSync(join(outside, 'bin'))
  // As git does where it may not delete all files: it forgets the worktree all the same.
  writeFileSync(
    join(outside, 'bin/git'),
    `#!/bin/sh
case "$*" in
*'worktree remove'*refused) echo 'fatal: no' >&2; exit 128;;
*'worktree remove'*half) rm -r ${cwd}/.git/worktrees/half ${inTree(half, 'a.txt')}; echo "error: failed to delete 'half'" >&2; exit 255;;
esac
exec ${real}/git "$@"\n`,
  )
  chmodSync(join(outside, 'bin/git'), 0o755)
  const PATH = `${join(outside, 'bin')}:${PROGRAMS}:${process.env.PATH}`
  const args = ['--force', '--older-than', '0']
  const { code, stdout, stderr } = await zag.go('gc', args, { env: { PATH } })
  t.match({ code, stdout }, { code: 5, stdout: `${half.session_id}\n${last.session_id}\n` })
  t.match(stderr, `zag-gc: session ${refused.session_id} stays: cannot remove the worktree '${refused.worktree}': git: no\n`)
  t.match(stderr, new RegExp(`session ${locked.session_id} stays: its worktree '.*' is locked: git worktree unlock opens it\n`))
  t.match(stderr, /zag-gc: removed 2 sessions .*; 2 stay, 1 of them for what their worktrees hold\n$/)
  t.same(worktrees(zag).sort(), ['locked', 'refused'])
  t.same(repo.branches().sort(), ['zag/locked', 'zag/refused'])
  const again = await zag.go('gc', [...args, '--json'], { env: { PATH } })
  t.match(JSON.parse(again.stdout), {
    sessions: [],
    failed: [{ session_id: refused.session_id, why: /git: no$/ }],
    dirty: [{ session_id: locked.session_id }],
  })
  t.match(again, { code: 5, stderr: /^zag-gc: session \S+ stays: .*\n$/ })
  repo.git('worktree', 'unlock', inTree(locked))
  t.match(await zag.go('gc', args), { code: 0, stdout: `${locked.session_id}\n${refused.session_id}\n` })
})

t.test('gc: what git status passes over is work too', async t => {
  const { zag, repo, outside } = scene(t)
  const cwd = repo.top
  const other = repository(join(outside, 'other'))
  const allowed = ['-c', 'protocol.file.allow=always'] as const
  repo.git(...allowed, 'submodule', '--quiet', 'add', other.top, 'sub')
  repo.git('commit', '-qm', 'a submodule')
  const init = `git ${allowed.join(' ')} submodule --quiet update --init; cd sub`
  const commit = 'git -c user.name=x -c user.email=y commit -q --allow-empty -m two; git branch mine; git checkout -q --detach HEAD^'
  const make = async (name: string, script: string) => (await zag.over(script, [`-w${name}`], { cwd })).session_id
  const kept = {
    [await make('skipped', 'git update-index --skip-worktree a.txt; echo two >a.txt')]: /has 1 file that git was told not to look at$/,
    [await make('assumed', 'git update-index --assume-unchanged a.txt; echo two >a.txt')]: /has 1 file that git was told/,
    [await make('within', `${init}; ${commit}`)]: /has 1 commit in a submodule that no remote has$/,
    [await make('hidden', `${init}; git update-index --skip-worktree a.txt; echo two >a.txt`)]: /has 1 file that git was told/,
    [await make('folded', `${init}; ${commit}; cd ..; git submodule --quiet deinit sub`)]: /has 1 commit in a submodule/,
  }
  const gone = [
    await make('clean', init),
    await make('part', 'git update-index --skip-worktree a.txt; rm a.txt'),
    await make('none', 'true'),
  ]
  const { code, stdout } = await zag.go('gc', ['--force', '--older-than', '0', '--json'])
  t.match({ code, ...JSON.parse(stdout) }, { code: 0, sessions: gone, failed: [] })
  t.match(
    JSON.parse(stdout).dirty,
    Object.entries(kept).map(([session_id, why]) => ({ session_id, why })),
  )
  t.same(worktrees(zag).sort(), ['assumed', 'folded', 'hidden', 'skipped', 'within'])
})

t.test('gc: not while another session works there, and not what cannot be looked at', async t => {
  const { zag, repo } = scene(t)
  const gate = zag.gate()
  const row = await zag.over(`zag spawn -p sh --name child '${gate.script}'`, ['-w'], { cwd: repo.top })
  t.match(await zag.go('session', ['delete', row.session_id]), { code: 4, stderr: /is where session \S+ works: / })
  gate.open()
  t.match(await zag.go('wait', ['child']), { code: 0 })
  rmSync(join(repo.top, '.git'), { recursive: true })
  t.match(await zag.go('gc', ['--older-than', '0', '--force', row.session_id]), { stdout: '', stderr: /cannot be looked at: .*git: / })
  t.equal(worktrees(zag).length, 1)
})

t.test('gc --keep-logs: a clean worktree goes with what is stripped, another stays', async t => {
  const { zag, repo } = scene(t)
  const [clean, dirty] = [
    await zag.over('echo said', ['-wclean'], { cwd: repo.top }),
    await zag.over('echo x >new', ['-wdirty'], { cwd: repo.top }),
  ]
  const { stdout, stderr } = await zag.go('gc', ['--keep-logs', '--force', '--older-than', '0'])
  t.equal(stdout, `${clean.session_id}\n${dirty.session_id}\n`)
  t.match(stderr, `zag-gc: the worktree of session ${dirty.session_id} stays: it has 1 uncommitted or untracked file\n`)
  t.match(stderr, /; 0 stay\n$/)
  t.same([worktrees(zag), repo.branches()], [['dirty'], ['zag/dirty']])
  t.match(await zag.go('output', [clean.session_id]), { code: 0, stdout: 'said\n' })
  t.match((await zag.go('collect', ['--patch', dirty.session_id])).stdout, /\+x\n/)
  t.match(await zag.go('gc', ['--keep-logs', '--force', '--older-than', '0', '--json']), { stdout: /^\{"sessions":\[\]/ }, 'once')
  repo.git('worktree', 'remove', '--force', inTree(dirty))
  t.match(await zag.go('gc', ['--force', '--older-than', '0']), { stdout: `${clean.session_id}\n${dirty.session_id}\n` })
  t.same(repo.branches(), [])
})

t.test('one that waits has its worktree from the start; whoever starts it starts it there', async t => {
  const { zag, repo } = scene(t)
  const cwd = repo.top
  const gate = zag.gate()
  const first = await zag.spawn(gate.script)
  const env = { MINE: 'yes' }
  const id = await zag.spawn('pwd; echo "$MINE"; git symbolic-ref HEAD', ['-wlater', '--depends-on', first], { cwd, env })
  t.same([worktrees(zag), repo.branches()], [['later'], ['zag/later']])
  t.match(await zag.go('session', ['delete', id]), { code: 4 })
  gate.open()
  t.match(await zag.go('wait', [id]), { code: 0 })
  t.match((await zag.go('output', [id])).stdout, /\/later\nyes\nrefs\/heads\/zag\/later\n$/)
  t.match(await zag.go('session', ['delete', id, first]), { code: 0 })
  t.same([worktrees(zag), repo.branches()], [[], []])
})

t.test('a batch: each row in its own, or none', async t => {
  const { zag, repo } = scene(t)
  const named = [{ worktree: 'one' }, { worktree: true, name: 'two' }, { worktree: false }, { worktree: 'one' }, { name: 'three' }]
  const input = named.map(row => `${JSON.stringify({ prompt: 'pwd', ...row })}\n`).join('')
  const { code, stdout, stderr } = await zag.go('spawn', ['-p', 'sh', '--each', '-w', '--tag', 'batch'], { cwd: repo.top, input })
  t.match({ code, stderr }, { code: 2, stderr: /^zag-spawn: row 4: the branch 'zag\/one' is there already.*\n$/ })
  t.equal(stdout.split('\n').filter(Boolean).length, 4)
  t.match(await zag.go('wait', ['--tag', 'batch']), { code: 0 })
  const rows = JSON.parse((await zag.go('collect', ['--tag', 'batch', '--json'])).stdout) as Row[]
  t.same(
    rows.map(({ branch, worktree, result }) => [branch, result === `${worktree ?? repo.top}\n`]),
    [
      ['zag/one', true],
      ['zag/two', true],
      [undefined, true],
      ['zag/three', true],
    ],
  )
})

t.test('what comes after the first start is in the worktree too, on whatever branch the agent has it', async t => {
  const { zag, repo } = scene(t)
  const row = await zag.over('git switch -q -c elsewhere', ['-wmine'], { cwd: repo.top })
  t.match(await zag.go('input', ['--session', row.session_id, 'pwd; git symbolic-ref HEAD']), {
    code: 0,
    stdout: `${row.worktree}\nrefs/heads/elsewhere\n`,
  })
  repo.git('worktree', 'remove', inTree(row))
  t.match(await zag.go('input', ['--session', row.session_id, 'pwd']), { code: 4, stdout: '', stderr: /its folder '.*' is gone/ })
})

t.test('doctor: a worktree that no session has', async t => {
  const { zag, repo } = scene(t)
  const cwd = repo.top
  const [empty, full, fine] = [
    await zag.over('true', ['-wempty'], { cwd }),
    await zag.over('echo x >new', ['-wfull'], { cwd }),
    await zag.over('true', ['-wfine'], { cwd }),
  ]
  const look = async (...args: string[]) => {
    const { stdout } = await zag.go('doctor', ['--json', ...args])
    const found = stdout
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line) as { check: string; ok: boolean; message: string; repaired: boolean })
    return found.filter(({ check }) => check === 'worktrees' || check === 'permissions')
  }
  t.match(
    await look(),
    [{ ok: true }, { ok: true, message: 'every one of 3 worktrees is that of a session' }],
    'files in it may have the modes of git',
  )
  const folder = dirname(inTree(fine))
  for (const stray of [join(folder, 'stray'), join(dirname(folder), 'stray-0123456789ab')]) writeFileSync(stray, 'x')
  symlinkSync('nowhere', join(folder, 'dangling'))
  t.match((await look()).slice(1), [{ ok: true, message: 'every one of 3 worktrees is that of a session' }], 'other files are no worktrees')
  for (const name of ['stray', 'dangling', '../stray-0123456789ab']) rmSync(join(folder, name))
  for (const { session_id } of [empty, full]) rmSync(zag.file(session_id, '.'), { recursive: true })
  t.match((await look('--repair'))[1], { ok: true }, 'young ones may be on their way')
  for (const { worktree } of [empty, full]) {
    const sec = Date.now() / 1000 - 3600
    await zag.sh(`touch -d @${Math.floor(sec)} '${join(String(worktree), '.git')}'`)
  }
  t.match((await look()).slice(1), [
    { ok: false, message: /empty' is that of no session$/ },
    { ok: false, message: /full' is that of no session, and has 1 uncommitted/ },
  ])
  t.match((await look('--repair')).slice(1), [
    { ok: true, repaired: true },
    { ok: false, repaired: false },
  ])
  t.same(worktrees(zag).sort(), ['fine', 'full'])
  t.same(repo.branches().sort(), ['zag/fine', 'zag/full'])
  t.ok(existsSync(inTree(fine)))
})

t.test('retry makes another, from the project as it is then', async t => {
  const { zag, repo } = scene(t, { 'a.txt': 'one\n', 'below/b.txt': 'b\n' })
  const row = await zag.over('cat ../a.txt; pwd', ['--worktree=mine'], { cwd: join(repo.top, 'below') })
  writeFileSync(join(repo.top, 'a.txt'), 'two\n')
  repo.git('commit', '-qam', 'two')
  const { stdout } = await zag.go('retry', [row.session_id])
  const id = stdout.trim()
  t.match(await zag.go('wait', [id]), { code: 0 })
  t.equal((await zag.go('output', [id])).stdout, `two\n${inTree(row)}-${id.slice(-8)}/below\n`)
  t.match(JSON.parse(readFileSync(zag.file(id, 'session.json'), 'utf8')), {
    root: repo.top,
    worktree: { branch: `zag/mine-${id.slice(-8)}`, base: repo.git('rev-parse', 'HEAD') },
  })
})

t.test('summary: what differs in the worktree', async t => {
  const { zag, repo } = scene(t)
  const row = await zag.over('echo two >>a.txt; git commit -qam two; echo x >new', ['-w', '--name', 'mine'], { cwd: repo.top })
  const { stdout } = await zag.go('summary', ['--json', row.session_id])
  t.match(JSON.parse(stdout), { sessions: [{ worktree: row.worktree, branch: 'zag/mine', changed: ['a.txt', 'new'] }] })
  t.match((await zag.go('summary', [row.session_id])).stdout, /\nbranch\tzag\/mine\n[\s\S]*\nchanged\ta\.txt\nchanged\tnew\n$/)
})
