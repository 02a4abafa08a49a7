// The package as others get it: packed, installed into a project of its own, compiled against its types, imported and required;
// and installed into an empty prefix, where its programs do the demo and its manual is found.

import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, extname, join, relative } from 'node:path'
import t from 'tap'
import { type Ended, run, TOP } from './help/run.js'
import { Zag } from './help/sessions.js'

const DEADLINE = 180_000

/** What has to go well before anything can be tried. */
function sound(what: string, { code, stdout, stderr }: Ended): string {
  if (code !== 0) throw new Error(`${what}: ${code}: ${stderr}${stdout}`)
  return stdout
}

function npm(home: string, cwd: string, ...words: string[]): Promise<Ended> {
  const env = { npm_config_cache: join(home, 'cache'), npm_config_update_notifier: 'false' }
  return run('/usr/bin/env', ['npm', ...words], { home, cwd, env, timeout: DEADLINE })
}

/** The path of the package, packed anew. */
async function packed(home: string): Promise<string> {
  sound('types', await run(process.execPath, ['scripts/run.mjs', 'scripts/build/types.ts'], { home, cwd: TOP, timeout: DEADLINE }))
  const folder = join(home, 'packed')
  mkdirSync(folder)
  sound('pack', await npm(home, TOP, 'pack', '--ignore-scripts', '--pack-destination', folder))
  return join(folder, readdirSync(folder)[0] ?? '')
}

/** The files below a folder by their paths in it, with what they hold. */
function filesIn(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(file => !file.isDirectory())
  const paths = files.map(({ parentPath, name }) => join(parentPath, name))
  return new Map(paths.map(path => [relative(folder, path), readFileSync(path, 'utf8')]))
}

/** The modules of a package that no other file of it names. */
function unreached(files: ReadonlyMap<string, string>): string[] {
  const modules = [...files.keys()].filter(path => /^dist\/(chunk|types)\/.*\.(js|ts)$/.test(path))
  const isNamed = (path: string) => {
    const name = basename(path).replace(/(\.d)?\.[jt]s$/, '')
    return [...files].some(([other, text]) => other !== path && text.includes(`${name}.js`))
  }
  return modules.filter(path => !isNamed(path))
}

t.test('a project that installs the package, and a prefix', { timeout: 2 * DEADLINE }, async t => {
  const zag = new Zag(t, { project: {}, prefix: {}, temporary: {} })
  const { home } = zag
  const project = join(home, 'project')
  const node = (...words: string[]) => run(process.execPath, words, { home, cwd: project, timeout: DEADLINE })
  const tarball = await packed(home)
  const offline = ['--offline', '--no-audit', '--no-fund', tarball]

  await t.test('in an empty prefix it does the demo, and nothing is in it that it does not need', async t => {
    const prefix = join(home, 'prefix')
    sound('install', await npm(home, home, 'install', '--global', '--prefix', prefix, ...offline))
    const env = { TMPDIR: join(home, 'temporary') }
    const demo = await run('/bin/sh', ['scripts/demo.sh', join(prefix, 'bin')], { home, cwd: TOP, env, timeout: DEADLINE })
    t.match(demo, { code: 0, stdout: /lines[\s\S]*functions[\s\S]*marks/ })
    const { man } = JSON.parse(readFileSync(join(TOP, 'package.json'), 'utf8'))
    const pages = readdirSync(join(prefix, 'share/man'), { recursive: true }).map(page => basename(String(page)))
    t.same(pages.filter(page => page.startsWith('zag')).sort(), man.map((page: string) => basename(page)).sort())
    const files = filesIn(join(prefix, 'lib/node_modules/zag'))
    t.same([...new Set([...files.keys()].map(name => extname(name)))].sort(), [
      '',
      '.1',
      '.5',
      '.7',
      '.js',
      '.json',
      '.md',
      '.mjs',
      '.mts',
      '.ts',
      '.txt',
    ])
    t.same(unreached(files), [], 'each module is named by another')
    t.ok(statSync(tarball).size < 5 * 1024 * 1024, 'the package is small')
  })

  await t.test('uninstalled it leaves nothing but what it was used for', async t => {
    const prefix = join(home, 'prefix')
    const made = await run(join(prefix, 'bin/zag'), ['exec', '-p', 'sh', 'echo kept'], { home })
    t.match(made, { code: 0, stdout: 'kept\n' })
    sound('uninstall', await npm(home, home, 'uninstall', '--global', '--prefix', prefix, 'zag'))
    t.same([...filesIn(prefix).keys()], [])
    t.match(await zag.go('output', ['--latest']), { code: 0, stdout: 'kept\n' }, 'the sessions are there, for whoever installs it again')
  })

  writeFileSync(join(project, 'package.json'), '{"name":"consumer","private":true}')
  sound('install', await npm(home, project, 'install', ...offline))

  const fixture = join(TOP, 'test/fixtures/consumer')
  for (const file of readdirSync(fixture)) cpSync(join(fixture, file), join(project, file))
  const compilerOptions = {
    target: 'es2022',
    module: 'nodenext',
    strict: true,
    typeRoots: [join(TOP, 'node_modules/@types')],
    types: ['node'],
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['uses.*'] }))
  const tsc = join(TOP, 'node_modules/typescript/bin/tsc')
  t.match(await node(tsc), { code: 0, stdout: '' }, 'it compiles, with the types of its libraries checked')
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, noEmit: true }, include: ['wrong.*'] }),
  )
  t.match(await node(tsc), { code: 2, stdout: /timeuot/ }, 'an option that there is not')

  t.same(JSON.parse(sound('import', await node('uses.mjs'))), {
    allowed: 'bash(command=git status *)',
    decided: [true, 'person'],
    stale: [true, null],
    ended: ['completed'],
    timedOut: false,
    results: ['one\n'],
    came: ['failed', 3, 'two\n'],
    kinds: ['session_started', 'user_message', 'assistant_message', 'session_ended'],
    refused: true,
    seen: ['child completed', 'first cancelled', 'second completed'],
    agents: 2,
    living: true,
  })
  t.same(JSON.parse(sound('require', await node('uses.cjs'))), { text: 'required\n' })
  const { stdout } = await zag.go('ps', ['--all', '--name', 'orchestrated', '-q'])
  t.equal(stdout.trim().split('\n').length, 1, 'the programs see its sessions: a name is that of the newest')
  t.same(
    JSON.parse(readFileSync(join(project, 'node_modules/zag/package.json'), 'utf8')).dependencies,
    undefined,
    'it brings nothing along',
  )
})
