// zag-providers: what can be used here; and providers from the configuration, from their command to their result.

import { chmodSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t, { project: { '.git': {} } })
const exec = (provider: string, args: string[], more = {}) => zag.go('exec', ['-p', provider, ...args], more)

writeFileSync(
  join(zag.home, 'show'),
  '#!/bin/sh\nfor word; do printf "[%s]" "$word"; done\nprintf "<%s>" "$(cat)"\necho " $COLOUR $ZAG_MODEL"\n',
)
chmodSync(join(zag.home, 'show'), 0o755)
writeFileSync(join(zag.home, 'plain'), '')
const show = JSON.stringify(join(zag.home, 'show'))
const CONFIG = `
model = "any"
[providers.words]
command = [${show}, "-m", "{model}", "{prompt}", "{root}", "{session}", "x{prompt}"]
[providers.file]
command = [${show}, "{prompt_file}"]
[providers.stdin]
command = [${show}, "a b", "$(x)"]
env = { COLOUR = "green" }
[providers.events]
command = ["cat"]
format = "ndjson"
[providers.gone]
command = ["no-such-agent"]
[providers.plain]
command = [${JSON.stringify(join(zag.home, 'plain'))}]
[models.words]
small = "tiny"
large = "huge"
`
zag.configure(CONFIG)

t.test('the list, as text and --json', async t => {
  const { code, stdout, stderr } = await zag.go('providers')
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.match(stdout, /^sh\tyes\t-\t\/bin\/sh\tauto_approve, resume, schema$/m)
  t.match(stdout, /^gone\tno\t-\t-\t'no-such-agent' was not found: install it, or mend \[providers\.gone\] command$/m)
  const all = rows((await zag.go('providers', ['--json'])).stdout)
  // Which agents this machine has besides is no matter here.
  const json = all.filter(({ provider }) => provider === 'sh' || CONFIG.includes(`[providers.${provider}]`))
  t.same(
    json.map(({ provider, usable }) => [provider, usable]),
    [
      ['sh', true],
      ['words', true],
      ['file', true],
      ['stdin', true],
      ['events', true],
      ['gone', false],
      ['plain', false],
    ],
  )
  t.match(json[0], { path: '/bin/sh', does: 'the prompt is a POSIX shell script', can: ['auto_approve', 'resume', 'schema'] })
  t.match(json[1], { path: join(zag.home, 'show'), can: ['model', 'schema'] })
  t.match(json[6], { why: /may not be executed/, install: String })
  t.match(await zag.go('providers', ['x']), { code: 2, stdout: '', stderr: /'x' is one word too many/ })
})

t.test('words of the command are replaced whole, each stays one word', async t => {
  const prompt = `it's $(x) "y"\nline two`
  const { code, stdout } = await exec('words', ['-r', 'project', '-m', 'mine', '-o', 'json', prompt])
  t.equal(code, 0)
  const [row] = rows(stdout)
  t.equal(row?.model, 'mine')
  t.equal(row?.result, `[-m][mine][${prompt}][${realpathSync(join(zag.home, 'project'))}][${row?.session_id}][x{prompt}]<>  mine\n`)
})

t.test('{prompt_file}, or neither: stdin; env', async t => {
  const [row] = rows((await exec('file', ['-o', 'json', 'hello'])).stdout)
  t.match(row?.result, `[${zag.file(String(row?.session_id), 'prompt')}]<>`)
  t.equal((await exec('stdin', ['hello'])).stdout, '[a b][$(x)]<hello> green \n')
  t.equal((await exec('stdin', ['--env', 'COLOUR=red', 'hello'])).stdout, '[a b][$(x)]<hello> red \n', '--env goes before it')
})

t.test('models: --model, --size, the environment, the configuration', async t => {
  const model = async (args: string[], more = {}) => /\[-m\]\[(.*?)\]/.exec((await exec('words', [...args, 'x'], more)).stdout)?.[1]
  t.equal(await model([]), 'any')
  t.equal(await model(['--size', 'small']), 'tiny')
  t.equal(await model(['--size', 'large', '-m', 'mine']), 'mine')
  t.equal(await model([], { env: { ZAG_MODEL: 'env' } }), 'env')
  t.match(await exec('words', ['--size', 'medium', 'x']), {
    code: 2,
    stderr: /provider 'words' has no medium model: set \[models\.words\] medium/,
  })
  t.match(await exec('stdin', ['-m', 'mine', 'x']), { code: 2, stderr: /provider 'stdin' has no --model: leave it out/ })
  zag.configure(CONFIG.replace('model = "any"', ''))
  const { code, stderr } = await exec('words', ['x'])
  t.equal(code, 2)
  t.match(stderr, /provider 'words' needs a model: give --model, or set \[models\.words\]/)
  zag.configure(CONFIG)
})

t.test('the provider: the flag, the environment, the configuration, the first agent', async t => {
  const provider = async (args: string[], more = {}) =>
    rows((await zag.go('exec', ['-o', 'json', '--model', 'm', ...args, 'x'], more)).stdout)[0]?.provider
  t.equal(await provider([]), 'words', 'the first that is no script')
  t.equal(await provider([], { env: { ZAG_PROVIDER: 'words' } }), 'words')
  zag.configure(`provider = "events"\n${CONFIG}`)
  t.match(rows((await zag.go('exec', ['-o', 'json', 'x'])).stdout), [{ provider: 'events' }])
  t.match(rows((await zag.go('exec', ['-o', 'json', 'x'], { env: { ZAG_PROVIDER: 'stdin' } })).stdout), [{ provider: 'stdin' }])
  t.equal((await zag.go('exec', ['-p', 'sh', 'echo hi'], { env: { ZAG_PROVIDER: 'stdin' } })).stdout, 'hi\n')
  zag.configure(CONFIG)
})

t.test('ndjson: lines are events, others are kept, the last message is the result', async t => {
  const lines = [
    '{"type":"assistant_message","content":"first"}',
    '{"type":"tool_call","tool":"bash","tool_kind":"shell","tool_id":"1","input":{"command":"ls"}}',
    'no json',
    '{"type":"session_ended","success":false}',
    '{"type":"assistant_message"}',
    '',
    '{"type":"assistant_message","content":"last","extra":1,"seq":99,"ts":"never","session_id":"x"}',
  ]
  const { stdout } = await exec('events', ['-o', 'stream-json', '-'], { input: `${lines.join('\n')}\n` })
  const events = rows(stdout)
  t.match(events.slice(2, -1), [
    { type: 'assistant_message', content: 'first' },
    { type: 'tool_call', tool: 'bash', input: { command: 'ls' } },
    { type: 'provider_status', message: 'not JSON', raw: 'no json' },
    { type: 'provider_status', message: 'not an event', raw: lines[3] },
    { type: 'provider_status', message: 'not an event', raw: lines[4] },
    { type: 'assistant_message', content: 'last', extra: 1, session_id: events[0]?.session_id },
  ])
  t.same(
    events.map(({ seq }) => seq),
    [1, 2, 3, 4, 5, 6, 7, 8, 9].slice(0, events.length),
  )
  t.equal(readFileSync(zag.file(String(events[0]?.session_id), 'result'), 'utf8'), 'last')
  t.equal(
    (await exec('events', ['-'], { input: `${lines[0]}\n{"type":"session_result","result":"handed"}\n${lines[6]}` })).stdout,
    'handed',
  )
})

t.test('a prompt too large for a word is refused with advice', async t => {
  const input = 'x'.repeat(200_000)
  const { code, stdout, stderr } = await exec('words', ['-'], { input })
  t.equal(code, 2)
  t.equal(stdout, '')
  t.match(stderr, /the prompt has 200000 bytes, too many for one word of a command: use \{prompt_file\}, or neither word for stdin/)
  t.equal((await exec('stdin', ['-'], { input })).stdout.length, 200_000 + '[a b][$(x)]<> green \n'.length)
  t.match(await exec('words', ['-'], { input: 'a\0b' }), { code: 2, stderr: /the prompt has a NUL byte/ })
})

t.test('126, 127, and what no provider has', async t => {
  t.match(await exec('gone', ['x']), { code: 127, stderr: /provider 'gone' cannot be used: 'no-such-agent' was not found/ })
  t.match(await exec('plain', ['x']), { code: 126, stderr: /may not be executed/ })
  for (const flag of ['--plan', '--system-prompt=x', '--add-dir=.', '--mcp-config=x', '--max-turns=1', '--auto-approve'])
    t.match(await exec('stdin', [flag, 'x']), {
      code: 2,
      stdout: '',
      stderr: new RegExp(`provider 'stdin' has no ${flag.replace(/=.*/, '')}: `),
    })
})

t.test('a broken configuration is 2, with file and line', async t => {
  zag.configure('provider = "sh"\n[providers.x]\ncomand = ["x"]\n')
  for (const word of ['providers', 'exec'])
    t.match(await zag.go(word, word === 'exec' ? ['x'] : []), { code: 2, stdout: '', stderr: /config\.toml':\d+: .*\n$/ })
  zag.configure(CONFIG)
})
