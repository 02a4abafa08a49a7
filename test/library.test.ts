// The package as others build on it: packed, installed into a project of its own, compiled against its types, imported and required.

import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Ended, run, TOP } from './help/run.js'
import { Zag } from './help/sessions.js'

const DEADLINE = 180_000

/** What has to go well before anything can be tried. */
function sound(what: string, { code, stdout, stderr }: Ended): string {
  if (code !== 0) throw new Error(`${what}: ${code}: ${stderr}${stdout}`)
  return stdout
}

t.test('a project that installs the package', { timeout: 2 * DEADLINE }, async t => {
  const zag = new Zag(t, { project: {}, cache: {} })
  const { home } = zag
  const project = join(home, 'project')
  const npm = (cwd: string, ...words: string[]) =>
    run('/usr/bin/env', ['npm', ...words], {
      home,
      cwd,
      env: { npm_config_cache: join(home, 'cache'), npm_config_update_notifier: 'false' },
      timeout: DEADLINE,
    })
  const node = (...words: string[]) => run(process.execPath, words, { home, cwd: project, timeout: DEADLINE })

  sound('types', await run(process.execPath, ['scripts/run.mjs', 'scripts/build/types.ts'], { home, cwd: TOP, timeout: DEADLINE }))
  sound('pack', await npm(TOP, 'pack', '--ignore-scripts', '--pack-destination', home))
  const [tarball = ''] = readdirSync(home).filter(name => name.endsWith('.tgz'))
  t.ok(statSync(join(home, tarball)).size < 5 * 1024 * 1024, 'the package is small')
  writeFileSync(join(project, 'package.json'), '{"name":"consumer","private":true}')
  sound('install', await npm(project, 'install', '--offline', '--no-audit', '--no-fund', join(home, tarball)))

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
