// Rules about files: where their globs are seen from, and that no link and no `..` leads round them.

import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { covers, refuses } from '../../../lib/permission/match.js'
import { parseRule } from '../../../lib/permission/rule.js'

const edit = (path: string) => ({ tool: 'edit', tool_kind: 'file_edit' as const, params: { path } })

/** A project with a file, links and a folder beside it. */
function project(t: Pick<Test, 'testdir'>): { root: string; beside: string } {
  const top = realpathSync(t.testdir({ p: { src: { 'a.ts': '', deep: { 'b.ts': '' } } }, beside: { secret: '' } }))
  const root = join(top, 'p')
  symlinkSync('../beside', join(root, 'out'))
  symlinkSync('src', join(root, 'in'))
  symlinkSync('../beside/new', join(root, 'nowhere'))
  symlinkSync('loop', join(root, 'loop'))
  mkdirSync(join(root, '.git', 'hooks'), { recursive: true })
  symlinkSync('.git/hooks', join(root, 'hooks'))
  symlinkSync('../../beside/secret', join(root, 'src', 'link.ts'))
  return { root, beside: join(top, 'beside') }
}

t.test('globs over paths', async t => {
  const { root, beside } = project(t)
  const cases: [string, string, boolean][] = [
    ['src/*', 'src/a.ts', true],
    ['src/*', `${root}/src/a.ts`, true],
    ['./src/*', './src/../src//a.ts', true],
    ['src/*', 'src/deep/b.ts', false],
    ['src/*', 'src', false],
    ['src/**', 'src/deep/b.ts', true],
    ['src/**', 'src', true],
    ['src/**', 'srcx', false],
    ['**/b.ts', 'src/deep/b.ts', true],
    ['**', 'src/new/file', true],
    ['**', '../beside/secret', false],
    ['**', 'src/../../beside/secret', false],
    ['*', '.env', true],
    ['**', '.gitignore', true],
    ['**', '.git/config', false],
    ['**', 'src/.git', false],
    ['**', '.GIT/config', false],
    ['*', '.git', false],
    ['.gi?/**', '.git/config', false],
    ['/**', '.git/config', false],
    ['.git/**', '.git/hooks/pre-commit', true],
    ['.git/config', '.git/config', true],
    ['**/.git/*', 'src/.git/config', true],
    ['**', 'hooks/pre-commit', false],
    ['hooks/*', 'hooks/pre-commit', false],
    ['*', 'a\nb', true],
    ['src/*.{ts,js}', 'src/x.js', true],
    ['src/?.[jt]s', 'src/a.ts', true],
    ['src/[!a].ts', 'src/a.ts', false],
    ['SRC/*', 'src/a.ts', false],
    ['../beside/*', '../beside/x', true],
    [`${beside}/*`, '../beside/x', true],
    [`${beside}/**`, 'src/a.ts', false],
    ['/**', '../beside/x', true],
    ['in/*', 'in/a.ts', false],
    ['src/*', 'in/a.ts', true],
    ['out/*', 'out/secret', false],
    ['src/*', 'src/link.ts', false],
    ['*', 'nowhere', false],
    ['/**', 'nowhere', false],
    ['/**', 'loop', false],
    ['**', '~/x', false],
    ['~/**', '~/x', false],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
  ]
  for (const [glob, path, wanted] of cases) {
    const rule = parseRule(`edit(path=${glob})`)
    t.equal(covers([rule], edit(path), { root, cwd: root }).allowed, wanted, `${glob} ${path}`)
  }
  t.ok(covers([parseRule('read(path=**)')], { ...edit('.git/config'), tool: 'read' }, { root, cwd: root }).allowed, 'it may be read')
  t.ok(covers([parseRule('edit')], edit('.git/config'), { root, cwd: root }).allowed, 'the tool alone is all that it can do')
  const rule = parseRule('edit(path=src/*)')
  t.ok(covers([rule], edit('a.ts'), { root, cwd: join(root, 'src') }).allowed, 'a path is meant from where the agent is')
  t.notOk(covers([rule], edit('src/a.ts'), { root, cwd: join(root, 'src') }).allowed)
  mkdirSync(join(root, 'w', 'src'), { recursive: true })
  t.ok(covers([rule], edit('src/a.ts'), { root: join(root, 'w'), cwd: join(root, 'w') }).allowed, 'in a worktree it means the worktree')
})

t.test('a deny rule looks at the path as given and where it leads', async t => {
  const { root, beside } = project(t)
  const cases: [string, string, boolean][] = [
    ['out/*', 'out/secret', true],
    [`${beside}/**`, 'out/secret', true],
    [`${beside}/**`, 'src/link.ts', true],
    ['src/*', 'in/a.ts', true],
    ['in/**', 'in/a.ts', true],
    ['in/**', 'src/a.ts', false],
    [`${root}/in/**`, 'src/a.ts', true],
    [`${beside}/**`, 'nowhere', true],
    [`${beside}/**`, 'out/new/file', true],
    ['src/**', 'out/x', false],
    ['**', '.git/config', true],
    ['**', 'loop', true],
    ['src/**', 'src/a\nb', true],
  ]
  for (const [glob, path, wanted] of cases) {
    const rule = parseRule(`edit(path=${glob})`)
    t.equal(refuses([rule], edit(path), { root, cwd: root }) !== undefined, wanted, `${glob} ${path}`)
  }
  writeFileSync(join(root, 'x'), '')
  t.notOk(refuses([parseRule('read(path=**)')], edit('x'), { root, cwd: root }), 'another tool')
})

t.test('a search without a path is one of the folder it is made in', async t => {
  const { root } = project(t)
  const search = { tool: 'search', tool_kind: 'search' as const, params: { pattern: 'x' } }
  t.ok(covers([parseRule('search(path=src/**)')], search, { root, cwd: join(root, 'src') }).allowed)
  t.notOk(covers([parseRule('search(path=src/**)')], search, { root, cwd: root }).allowed)
  t.ok(covers([parseRule('search(pattern=?)')], search, { root, cwd: root }).allowed)
})
