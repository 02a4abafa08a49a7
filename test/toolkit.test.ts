// The toolkit as a whole: its lists agree, its manual is right, its examples run, and its floors hold.

import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import t from 'tap'
import { CORE } from '../lib/command/agent-core.js'
import { askFlags, callFlags, contextFlag } from '../lib/command/ask.js'
import type { Command } from '../lib/command/command.js'
import { allFlags, type Data, type Family, longName, type Part } from '../lib/command/data.js'
import { pickFlags } from '../lib/command/flags.js'
import { exitsOf } from '../lib/command/help.js'
import { choose, parse } from '../lib/command/parse.js'
import { repository } from './help/repository.js'
import { PROGRAMS, run, TOP } from './help/run.js'
import { several, Zag } from './help/sessions.js'

const read = (path: string) => readFileSync(join(TOP, path), 'utf8')
const names = (folder: string, ending: string) =>
  readdirSync(join(TOP, folder))
    .filter(file => file.endsWith(ending))
    .map(file => file.slice(0, -ending.length))
    .sort()

const programs = names('bin', '.ts')
const data = new Map<string, Data>()
for (const name of programs) data.set(name, ((await import(`../bin/${name}.ts`)) as { default: Command }).default.data)

/** A program or its commands: what there is to call, and what is said of it. */
interface Callable {
  name: string
  words: string[]
  part: Omit<Part, 'run'>
}

const callables: Callable[] = [...data].flatMap(([name, of]) =>
  'commands' in of ? Object.entries(of.commands).map(([word, part]) => ({ name, words: [word], part })) : [{ name, words: [], part: of }],
)

t.test('the lists agree: bin, package.json, man, tests, zag(1)', async t => {
  const manifest = JSON.parse(read('package.json'))
  t.same(Object.keys(manifest.bin).sort(), programs, 'package.json bin')
  for (const [name, path] of Object.entries(manifest.bin)) t.equal(path, `dist/bin/${name}`)
  t.same(
    [...data.values()].map(of => of.name),
    programs,
    'their names',
  )
  t.same(names('man', '.1'), programs, 'man/*.1')
  t.same(names('test/bin', '.test.ts'), programs, 'test/bin')
  t.same(readdirSync(PROGRAMS).sort(), programs, 'what was built')
  const listed = [...read('man/zag.1').matchAll(/^\.It Xr (zag-[a-z-]+) 1$/gm)].map(([, name]) => name)
  t.same(
    listed,
    programs.filter(name => name !== 'zag'),
    'zag(1)',
  )
})

t.test('package.json has every page of the manual', async t => {
  const { man } = JSON.parse(read('package.json')) as { man: string[] }
  t.same(
    man,
    readdirSync(join(TOP, 'man'))
      .sort()
      .map(page => `man/${page}`),
  )
})

t.test('the top level holds these and no more', async t => {
  const ignored = read('.gitignore')
    .split('\n')
    .map(line => line.replace(/\/$/, ''))
  const there = readdirSync(TOP).filter(name => !name.startsWith('.') && !ignored.includes(name) && !name.endsWith('.tgz'))
  const wanted = [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'bin',
    'lib',
    'man',
    'package-lock.json',
    'package.json',
    'scripts',
    'test',
    'tsconfig.json',
  ]
  t.same(there.sort(), wanted)
})

t.test('the manual is as the programs say', { timeout: 60_000 }, async t => {
  const { code, stdout, stderr } = await run(process.execPath, ['scripts/run.mjs', 'scripts/man.ts', '--check'], {
    home: t.testdir(),
    cwd: TOP,
  })
  t.same({ code, stdout, stderr }, { code: 0, stdout: '', stderr: '' })
})

t.test('every --help is 0, says nothing on stderr, and names every flag, code and example', async t => {
  const home = t.testdir()
  await several(callables, async ({ name, words, part }) => {
    const who = [name, ...words].join(' ')
    const { code, stdout, stderr } = await run(name, [...words, '--help'], { home })
    t.match({ code, stderr }, { code: 0, stderr: '' }, who)
    if (name === 'zag') return
    for (const key of Object.keys(allFlags(part.flags))) t.match(stdout, new RegExp(`--${longName(key)}\\b`), `${who} --${longName(key)}`)
    for (const [exit] of exitsOf(part)) t.match(stdout, new RegExp(`^ +${exit} `, 'm'), `${who}: ${exit}`)
    for (const [line] of part.examples) t.ok(stdout.includes(line), line)
    for (const line of stdout.split('\n')) t.ok(line.length <= 80 || !line.includes(' does'), line)
  })
  t.notOk(existsSync(join(home, '.zag')), 'and makes no home')
})

t.test('what no program knows is 2 and one line that names the way out', async t => {
  const home = t.testdir()
  await several(callables, async ({ name, words }) => {
    const { code, stdout, stderr } = await run(name, [...words, '--no-such-flag'], { home })
    t.match({ code, stdout }, { code: 2, stdout: '' }, name)
    t.match(stderr, new RegExp(`^${name}: .*--no-such-flag.*\\(?${name}.* --help\\)\n$`))
  })
})

t.test('a home that is none is 5 and one line', async t => {
  const home = t.testdir({ file: '' })
  const env = { ZAG_HOME: join(home, 'file'), ZAG_SESSION_ID: undefined }
  const taking = callables.filter(({ part }) => 'latest' in part.flags && part.flags.latest === pickFlags.latest)
  t.ok(taking.length > 8)
  await several(taking, async ({ name, words, part }) => {
    const message = part.operands?.min ? ['message'] : []
    const ended = await run(name, [...words, '--latest', ...message], { home, env })
    t.match(ended, { code: 5, stdout: '', stderr: new RegExp(`^${name}: '.*file' is not a folder: set ZAG_HOME to one\n$`) }, name)
  })
})

t.test("every flag of a program is tried in the program's test", async t => {
  const starting = ['spawn', 'exec', 'pipe', 'providers'].map(word => read(`test/bin/zag-${word}.test.ts`)).join('')
  for (const { name, words, part } of callables) {
    const own = read(`test/bin/${name}.test.ts`)
    for (const [key, flag] of Object.entries(part.flags)) {
      const spelt = new RegExp(`--${longName(key)}\\b${flag.short ? `|['" ]-${flag.short}` : ''}`)
      // What starts a session is one list for three programs and tried in the tests of all of them.
      const shared =
        Object.values(askFlags).includes(flag as never) || flag === contextFlag.context || Object.values(callFlags).includes(flag as never)
      const test = shared ? starting : own
      const selecting = Object.hasOwn(pickFlags, key) && /\bselects\(/.test(test)
      t.ok(selecting || spelt.test(test), `${[name, ...words].join(' ')} --${longName(key)}`)
    }
  }
})

/** What `.Bd -literal` blocks show, without what is printed: of the pages about programs all, of others those under EXAMPLES. */
function examplesOf(file: string): string[] {
  const page = read(join('man', file))
  const part = file === 'zag.1' ? page : (/^\.Sh EXAMPLES$([\s\S]*?)^\.Sh /m.exec(page)?.[1] ?? '')
  return [...part.matchAll(/^\.Bd -literal.*\n([\s\S]*?)^\.Ed$/gm)]
    .map(([, text = '']) => commandsIn(plain(text)))
    .filter(text => /(?:^|[\s(|;&])zag[ -]/.test(text))
}

function plain(roff: string): string {
  return roff
    .replace(/\\\(aq/g, "'")
    .replace(/\\\(dq/g, '"')
    .replace(/\\e/g, '\\')
    .replace(/\\&/g, '')
    .replace(/\\([-'`~^])/g, '$1')
    .replace(/\\\(ga/g, '`')
}

/** Where lines have a prompt the others are output. */
function commandsIn(text: string): string {
  const lines = text.split('\n')
  return lines.some(line => line.startsWith('$ '))
    ? lines
        .filter(line => line.startsWith('$ '))
        .map(line => line.slice(2))
        .join('\n')
    : text
}

const pages = readdirSync(join(TOP, 'man')).filter(file => file !== 'zag-config.5')
const examples = [...new Set(pages.flatMap(examplesOf))]
/** Those of zag help-agent, whose own test runs them. */
const idioms = [...CORE.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text]) => text as string)

t.test('every example parses', async t => {
  // Programs that only write down their words: the shell itself says how a line is split.
  const home = t.testdir({ bin: {} })
  const seen = join(home, 'seen')
  for (const name of [...programs, 'jq', 'npm', 'sleep'])
    writeFileSync(
      join(home, 'bin', name),
      // In one write: those of a pipe write at the same time.
      `#!/bin/sh\nprintf '%s\\000' '${name}' "$@" '\n' >>'${seen}'\necho 0000\n`,
      { mode: 0o755 },
    )
  t.ok(examples.length > 30, `${examples.length} examples`)
  t.ok(idioms.length > 7, `${idioms.length} idioms`)
  for (const example of [...examples, ...idioms]) {
    writeFileSync(seen, '')
    await run('/bin/sh', ['-c', example], { home, env: { PATH: `${join(home, 'bin')}:/usr/bin:/bin`, sid: '0000' } })
    const calls = readFileSync(seen, 'utf8')
      .split('\n\0')
      .filter(Boolean)
      .map(call => call.split('\0').slice(0, -1))
    const ours = calls.map(([name = '', ...words]) => called(name, words)).filter(call => call !== undefined)
    t.ok(
      calls.some(([name]) => name?.startsWith('zag')),
      example,
    )
    for (const { name, words } of ours) await t.resolves(parses(name, words), `${name} ${words.join(' ')}`)
  }
})

/** The program behind `zag [<flags>] <word>`; nothing for what the dispatcher does itself. */
function called(name: string, words: string[]): { name: string; words: string[] } | undefined {
  if (!name.startsWith('zag')) return undefined
  if (name !== 'zag') return { name, words }
  if (words[0] === 'help') return undefined
  const at = words.findIndex(word => data.has(`zag-${word}`))
  return at < 0 ? undefined : { name: `zag-${words[at]}`, words: words.toSpliced(at, 1) }
}

async function parses(name: string, words: string[]): Promise<void> {
  const of = data.get(name) as Family | Part
  const { part, rest } = 'commands' in of ? choose(of, words) : { part: of, rest: words }
  const values = await parse(part, rest, name)
  if (typeof values === 'string') throw new Error(`${name} shows its ${values}`)
}

t.test('examples that need only sh run, and end as their programs say', { timeout: 60_000 }, async t => {
  const zag = new Zag(t, { bin: {} })
  const cwd = repository(join(zag.home, 'project'), { 'README.md': 'read me\n' }).top
  // What examples call beside zag and a system's own programs, so that they do what they say and no more.
  for (const [name, script] of [
    ['npm', 'exit 0'],
    ['jq', 'cat'],
    ['man', 'cat "$@"'],
  ] as const) {
    writeFileSync(join(zag.home, 'bin', name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(zag.home, 'bin', name), 0o755)
  }
  const words = (flag: string) => [
    ...new Set(examples.flatMap(text => [...text.matchAll(new RegExp(`--${flag}[ =]([a-z]+)`, 'g'))].map(([, word]) => word as string))),
  ]
  const tags = [...words('tag')].flatMap(tag => ['--tag', tag])
  const called = [...new Set([...words('name'), 'build', 'tests', 'greeting'])]
  t.ok(tags.length > 0)
  await several(called, name => zag.over('echo "a result"', ['--name', name, ...tags], { cwd }))
  const latest = (await zag.over('echo "{}"', tags, { cwd })).session_id
  const env = {
    PATH: `${join(zag.home, 'bin')}:${PROGRAMS}:${process.env.PATH}`,
    sid: latest,
    // Some are for the inside of a session.
    ZAG_SESSION_ID: latest,
    HOME: zag.home,
    XDG_CACHE_HOME: join(zag.home, 'cache'),
  }
  const runnable = examples.filter(text => !/-p (?!sh\b)[a-z]+/.test(text))
  t.ok(runnable.length > 30, `${runnable.length} of ${examples.length}`)
  const works = async (text: string) => {
    const { code, stderr } = await run('/bin/sh', ['-c', text], { home: zag.home, cwd, env })
    const own = callables.filter(({ name }) => new RegExp(`\\b${name}\\b|\\bzag\\b[^\\n|;]* ${name.slice(4)}\\b`).test(text))
    const allowed = new Set([0, ...own.flatMap(({ part }) => exitsOf(part).map(([exit]) => exit))])
    for (const never of [2, 70]) allowed.delete(never)
    t.ok(code !== null && allowed.has(code), `${text}: ${code}`, { stderr })
    t.notMatch(stderr, /^ +at |a bug in zag/m, text)
  }
  // What removes or renames sessions comes last, and so does one that lives on: others wait for all there are.
  const last = (text: string) => /\bgc\b|\bdelete\b|\bupdate\b|\s-I\b/.test(text)
  await several(
    runnable.filter(text => !last(text)),
    works,
  )
  await several(runnable.filter(last), works)
})

/** The floors of lib, lowest first; `command` stands beside them. */
const FLOOR: Record<string, number> = {
  base: 0,
  store: 1,
  process: 1,
  log: 2,
  table: 2,
  config: 2,
  permission: 3,
  file: 3,
  provider: 4,
  worktree: 5,
  session: 6,
  agent: 7,
  run: 8,
  native: 9,
  verb: 9,
  install: 10,
  library: 11,
}
const COMMAND_MAY = new Set(['base', 'store', 'command'])
/** Who may import what is not ours; everyone may import what Node has. */
const DOOR: Record<string, string[]> = {
  '@agentclientprotocol': ['provider', 'native'],
  'string-argv': ['provider'],
  ndjson: ['store'],
  'proper-lockfile': ['store'],
  yargs: ['command'],
  execa: ['provider', 'worktree', 'agent', 'install'],
  'toml-eslint-parser': ['config'],
  marked: ['command'],
  ajv: ['agent'],
  picomatch: ['permission'],
  unbash: ['permission'],
  ai: ['native'],
  '@ai-sdk': ['native'],
}
/** What is a program of its own, which zag starts as it starts any agent: its streams are how it speaks. */
const AGENTS = new Set(['lib/provider/ollama-agent.ts', 'lib/native/main.ts'])
const WRITES =
  /\b(?:writeFile|appendFile|rename|link|symlink|unlink|rm|rmdir|mkdir|mkdtemp|copyFile|cp|truncate|ftruncate|utimes|futimes|createWriteStream)(?:Sync)?\b/

interface Source {
  path: string
  room: string
  text: string
  imports: string[]
}

function sources(): Source[] {
  const files = ['bin', 'lib'].flatMap(top => readdirSync(join(TOP, top), { recursive: true }).map(file => join(top, String(file))))
  return files
    .filter(path => statSync(join(TOP, path)).isFile())
    .map(path => {
      const text = read(path)
      const imports = [...text.matchAll(/(?:^import|^export|^\}) ?[^'"]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm)]
      return { path, room: path.split('/')[1] as string, text, imports: imports.map(found => (found[1] ?? found[2] ?? found[3]) as string) }
    })
}

t.test('the floors hold: imports go down only', async t => {
  const all = sources()
  t.ok(all.length > 60 && all.flatMap(({ imports }) => imports).length > 300, 'the imports are found')
  const rooms = new Set(all.filter(({ path }) => path.startsWith('lib/')).map(({ room }) => room))
  t.same([...rooms].sort(), [...Object.keys(FLOOR), 'command'].sort(), 'the rooms')
  for (const { path, room, imports } of all) {
    t.match(path, /^(bin\/zag[a-z-]*|lib\/[a-z]+\/[a-z-]+)\.ts$/, path)
    t.not(basename(path), 'index.ts', path)
    for (const name of imports.filter(each => each.startsWith('.'))) {
      const target = relative(TOP, join(TOP, dirname(path), name))
      const as = `${path} imports ${target}`
      t.ok(name.endsWith('.js'), as)
      const [top, to = ''] = target.split('/')
      t.equal(top, 'lib', as)
      if (path.startsWith('bin/') || to === room) continue
      if (room === 'command') t.ok(COMMAND_MAY.has(to), as)
      else t.ok((FLOOR[to] ?? Number.POSITIVE_INFINITY) < (FLOOR[room] ?? -1), as)
    }
  }
})

t.test('one door each: packages, streams, variables, state files', async t => {
  for (const { path, room, text, imports } of sources()) {
    const code = text.replace(/^\s*(?:\/\/|\*|\/\*).*$/gm, '').replace(/ \/\/ .*$/gm, '')
    for (const name of imports.filter(each => !each.startsWith('.') && !each.startsWith('node:'))) {
      const doors = path.startsWith('lib/') ? (DOOR[name.split('/')[0] as string] ?? []) : []
      t.ok(doors.includes(room), `${path} imports ${name}`)
    }
    if (path !== 'lib/base/paths.ts') t.notMatch(code, /\benv(?:\.ZAG_|\[['"`]ZAG_)/, `${path} reads no ZAG_ variable`)
    if ((room !== 'command' || path.startsWith('bin/')) && !AGENTS.has(path)) {
      t.notMatch(code, /process\.(?:stdout|stderr|stdin|argv\b(?!0))|console\.|\bwrite(?:v)?Sync\((?:1|2)\b/, `${path} touches no stream`)
      t.notMatch(code, /process\.exit\b/, `${path} does not exit`)
    }
    if (room !== 'store' || path.startsWith('bin/')) {
      const fs = [...code.matchAll(/^import (?:type )?(.*) from 'node:fs(?:\/promises)?'$/gm)].map(found => found[1]).join(' ')
      t.notMatch(fs, WRITES, `${path} writes no file`)
      t.notMatch(fs, /^(?:\* as )?\w+$/, `${path} imports fs by name`)
    }
  }
})
