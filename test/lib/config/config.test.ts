import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Fault } from '../../../lib/base/exit.js'
import { type Config, loadConfig, nativeIn } from '../../../lib/config/config.js'

/** A home and a project with these files; what loadConfig makes of them. The one folder of this test keeps paths short. */
async function load(config?: string | Buffer | Record<string, string>, project?: string): Promise<Config> {
  const dir = t.testdir({
    home: config === undefined ? {} : { 'config.toml': config },
    project: project === undefined ? {} : { '.zag.toml': project },
  })
  process.env.ZAG_HOME = join(dir, 'home')
  return loadConfig(join(dir, 'project'))
}

async function fault(config?: string | Buffer | Record<string, string>, project?: string): Promise<{ exit: number; message: string }> {
  try {
    await load(config, project)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return { exit: error.exit, message: error.message.replaceAll(t.testdirName, '') }
  }
  throw new Error('no Fault')
}

const EMPTY = { models: {}, providers: {}, limits: {}, listen: {}, worktree: {}, sandbox: {} }

t.test('no file, an empty file', async t => {
  t.same(await load(), EMPTY)
  t.same(await load('', ''), EMPTY)
  t.same(await load('# nothing\n'), EMPTY)
})

t.test('the parser is loaded when there is a file, not before', async t => {
  const dir = t.testdir({ none: {}, some: { 'config.toml': 'provider = "sh"' } })
  const module = new URL('../../../lib/config/config.ts', import.meta.url).href
  const resolve = 'export const resolve = (name, context, next) => (name.includes("toml-") && process._rawDebug(name), next(name, context))'
  const hook = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${resolve}`)})`
  const script = `import { loadConfig } from ${JSON.stringify(module)}; await loadConfig()`
  const argv = [...process.execArgv, '--import', `data:text/javascript,${hook}`, '--input-type=module', '-e', script]
  const parserIn = (home: string) => {
    const child = spawnSync(process.execPath, argv, { env: { ...process.env, ZAG_HOME: join(dir, home) }, encoding: 'utf8' })
    t.equal(child.status, 0, child.stderr)
    return child.stderr.includes('toml-eslint-parser')
  }
  t.equal(parserIn('none'), false)
  t.equal(parserIn('some'), true)
})

t.test('every key, with a BOM and CRLF', async t => {
  const config = await load(
    [
      '\ufeffprovider = "mine"',
      'model = "medium"',
      'models.sh.small = "dash"',
      '[models.mine]',
      'small = "s"',
      'medium = "m"',
      'large = "l"',
      '[providers.mine]',
      'command = ["agent", "--model", "{model}", "{prompt}"]',
      'resume = ["agent", "--resume", "{session}"]',
      'format = "ndjson"',
      '[providers.mine.env]',
      'KEY = "väl"',
      'EMPTY = ""',
      '[limits]',
      'wait = false',
      'fallback = "1h30m"',
      'attempts = 3',
      'patterns = ["quota (exceeded|used up)"]',
      '[worktree]',
      'carry = [".env", "deps/x"]',
      '[sandbox.tight]',
      'write = ["~/.cache"]',
      'read = ["/opt/x"]',
      'hide = []',
      'net = false',
      '[listen]',
      'format = "json"',
    ].join('\r\n'),
  )
  t.same(config, {
    provider: 'mine',
    model: 'medium',
    models: { sh: { small: 'dash' }, mine: { small: 's', medium: 'm', large: 'l' } },
    providers: {
      mine: {
        command: ['agent', '--model', '{model}', '{prompt}'],
        resume: ['agent', '--resume', '{session}'],
        format: 'ndjson',
        env: { KEY: 'väl', EMPTY: '' },
      },
    },
    limits: { wait: false, fallback: 5_400_000, attempts: 3, patterns: ['quota (exceeded|used up)'] },
    listen: { format: 'json' },
    worktree: { carry: ['.env', 'deps/x'] },
    sandbox: { tight: { write: ['~/.cache'], read: ['/opt/x'], hide: [], net: false } },
  })
  const inherited = 'constructor'
  t.equal(config.providers[inherited], undefined)
})

t.test("what zag's own agent may hold besides", async t => {
  const config = await load(
    '[providers.native]\napi = "anthropic"\nslots = 2\ninput_price = 0.25\noutput_price = 3\ncontext = 200000\n[providers.sh]\nslots = 4\n',
  )
  t.same(nativeIn(config), { api: 'anthropic', slots: 2, input_price: 0.25, output_price: 3, context: 200_000 })
  t.match(config.providers.sh, { slots: 4 })
  t.same(nativeIn(await load('')), {})
})

t.test('the project goes first, key by key', async t => {
  const config = await load(
    'provider = "a"\nmodel = "large"\n[models.a]\nsmall = "1"\nlarge = "2"\n[providers.a]\ncommand = ["x"]\n[listen]\nformat = "text"\n',
    'provider = "sh"\nmodels = { a = { large = "3", medium = "4" } }\n',
  )
  t.same(config, {
    provider: 'sh',
    model: 'large',
    models: { a: { small: '1', medium: '4', large: '3' } },
    providers: { a: { command: ['x'], env: {} } },
    limits: {},
    listen: { format: 'text' },
    worktree: {},
    sandbox: {},
  })
})

t.test('a file that is wrong: file, line, what, and the way out', async t => {
  const good = '[providers.x]\ncommand = ["x"]\n'
  const cases: [name: string, text: string, message: string][] = [
    ['unknown', 'provider = "sh"\n\nmodle = "x"', `3: no key 'modle': did you mean 'model'?`],
    [
      'unknown, nothing near',
      'zebra = 1',
      `1: no key 'zebra': there are provider, model, ask, max_depth, max_children, models, providers, limits, worktree, sandbox, listen`,
    ],
    [
      'a key of a later release',
      'slots = 4',
      `1: no key 'slots': there are provider, model, ask, max_depth, max_children, models, providers, limits, worktree, sandbox, listen`,
    ],
    [
      'unknown table',
      '\n[relays]\nwait = 1',
      `2: no key 'relays': there are provider, model, ask, max_depth, max_children, models, providers, limits, worktree, sandbox, listen`,
    ],
    ['unknown, deep', `[models.sh]\nsmal = "x"`, `2: no key 'models.sh.smal': did you mean 'models.sh.small'?`],
    ['unknown, inline', `models = { sh = { smal = "x" } }`, `1: no key 'models.sh.smal': did you mean 'models.sh.small'?`],
    ['unknown, dotted', `listen.colour = "x"`, `1: no key 'listen.colour': there are format, timestamps`],
    [
      'unknown in a provider',
      `${good}colour = ["x"]`,
      `3: no key 'providers.x.colour': there are command, resume, format, env, slots, stagger`,
    ],
    ['unknown provider', '[models.cluade]\nsmall = "x"', `1: no key 'models.cluade': did you mean 'models.claude'?`],
    [
      '__proto__',
      '__proto__ = 1',
      `1: no key '__proto__': there are provider, model, ask, max_depth, max_children, models, providers, limits, worktree, sandbox, listen`,
    ],
    [
      '[__proto__]',
      '[__proto__]\nprovider = "x"',
      `1: no key '__proto__': there are provider, model, ask, max_depth, max_children, models, providers, limits, worktree, sandbox, listen`,
    ],
    ['constructor', '[listen]\nconstructor = "x"', `2: no key 'listen.constructor': there are format, timestamps`],
    ['a number', '\nprovider = 3', `2: 'provider' must be a string, not a number`],
    ['a boolean', 'provider = true', `1: 'provider' must be a string, not a boolean`],
    ['a date', 'model = 2026-11-21', `1: 'model' must be a string, not a date`],
    ['an array', 'model = []', `1: 'model' must be a string, not an array`],
    ['a table', '[model]', `1: 'model' must be a string, not a table`],
    ['no table', 'listen = "json"', `1: 'listen' must be a table, not a string`],
    ['an array of tables', '[[listen]]\nformat = "json"', `1: 'listen' must be a table, not an array`],
    ['empty', 'model = ""', `1: 'model' is empty: give a value or leave the key out`],
    ['no flag', '[listen]\ntimestamps = 1', `2: 'listen.timestamps' must be true or false, not a number`],
    ['no choice', '[listen]\nformat = "xml"', `2: 'listen.format' must be 'text' or 'json' or 'rich-text', not 'xml'`],
    ['no command', '[providers.x]\nformat = "text"', `1: 'providers.x' has no 'command': give one`],
    ['no words', '[providers.x]\ncommand = []', `2: 'providers.x.command' names no program: give one`],
    ['an empty program', '[providers.x]\ncommand = [""]', `2: 'providers.x.command' names no program: give one`],
    ['command as text', '[providers.x]\ncommand = "x"', `2: 'providers.x.command' must be an array of strings, not a string`],
    [
      'a number as word',
      '[providers.x]\ncommand = [\n "x",\n 1]',
      `4: 'providers.x.command' must be an array of strings, but holds a number`,
    ],
    ['NUL', '[providers.x]\ncommand = ["a\\u0000b"]', `2: 'providers.x.command' has a NUL character: leave it out`],
    ['a number in env', `${good}env = { A = 1 }`, `3: 'providers.x.env.A' must be a string, not a number`],
    ['no variable', `${good}env.'A=B' = ""`, `3: 'providers.x.env.A=B' is no name for a variable: write letters, digits and _`],
    [
      '__proto__ as variable',
      `${good}env.__proto__ = ""`,
      `3: 'providers.x.env.__proto__' is no name for a variable: write letters, digits and _`,
    ],
    [
      'a built-in name',
      '[providers.claude]\ncommand = ["x"]',
      `1: 'providers.claude' is the name of a provider that zag has: take another`,
    ],
    ['no name', '[providers.Mine]\n', `1: 'providers.Mine' is no name for a provider: begin with a-z, go on with a-z 0-9 _ -, 40 at most`],
    ['unknown table, near', '[model_s]\nsh.small = "x"', `1: no key 'model_s': did you mean 'models'?`],
    ['the first of several', 'model = 1\n[listen]\nx = 1', `1: 'model' must be a string, not a number`],
    [
      'control characters',
      '"a\\nb" = 1',
      `1: no key 'a\\u000ab': there are provider, model, ask, max_depth, max_children, models, providers, limits, worktree, sandbox, listen`,
    ],
    ['no TOML', 'model = "x"\nprovider = ', '2:12: unspecified values are invalid'],
    ['nested without end', `model = ${'['.repeat(100_000)}1${']'.repeat(100_000)}`, '1:1: arrays and tables are nested too deeply'],
    ['twice', 'model = "x"\nmodel = "y"', '2:1: defining a key multiple times is invalid'],
  ]
  for (const [name, text, message] of cases) {
    await t.test(name, async t => t.same(await fault(text), { exit: 2, message: `'/home/config.toml':${message}` }))
  }
  t.same(await fault(Buffer.from('a = "x"\nb = "\xff"\n', 'latin1')), {
    exit: 2,
    message: `'/home/config.toml':2: the line is not UTF-8: save the file as UTF-8`,
  })
})

t.test('a project', async t => {
  await t.test('may not name commands', async t => {
    t.same(await fault(undefined, 'model = "x"\n[providers.x]\ncommand = ["x"]\n'), {
      exit: 2,
      message: `'/project/.zag.toml':2: 'providers' names commands to run, which a project may not: put it into '/home/config.toml', or let 'zag trust' accept this very file`,
    })
  })
  await t.test('may speak of the providers of the home', async t => {
    const home = '[providers.mine]\ncommand = ["x"]'
    t.match(await load(home, '[models.mine]\nsmall = "x"'), { models: { mine: { small: 'x' } } })
    t.same(await fault(home, '[models.mime]\nsmall = "x"'), {
      exit: 2,
      message: `'/project/.zag.toml':1: no key 'models.mime': did you mean 'models.mine'?`,
    })
  })
  await t.test('is not looked at without a root', async t => {
    await load(undefined, '')
    t.same(await loadConfig(), EMPTY)
  })
})

t.test('what cannot be read', async t => {
  t.same(await fault({}), { exit: 5, message: `cannot read '/home/config.toml': illegal operation on a directory` })
  await t.test('without permission', { skip: process.getuid?.() === 0 && 'root reads everything' }, async t => {
    await load('')
    chmodSync(join(t.testdirName, 'home/config.toml'), 0)
    await t.rejects(loadConfig(), { exit: 5, message: `cannot read '${t.testdirName}/home/config.toml': permission denied` })
  })
  await t.test('a home that is a file', async t => {
    process.env.ZAG_HOME = join(t.testdir({ home: 'x' }), 'home')
    await t.rejects(loadConfig(), { exit: 5, message: /not a directory/ })
  })
})
