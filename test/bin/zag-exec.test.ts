// zag-exec: a session in the foreground, its answer on stdout in the form asked for, its verdict in the exit code.

import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lives } from '../help/processes.js'
import { Asking, onTerminal as typed } from '../help/relays.js'
import { begin, environment, run, until } from '../help/run.js'
import { rows, several, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const exec = (args: string[], more = {}) => zag.go('exec', ['-p', 'sh', ...args], more)

t.test('the result and nothing else', async t => {
  t.same(await exec(['echo hi']), { code: 0, signal: null, stdout: 'hi\n', stderr: '' })
  t.same(await exec(['printf hi; echo note >&2']), { code: 0, signal: null, stdout: 'hi', stderr: 'note\n' })
  t.same(await exec(['-q', 'printf hi; echo note >&2']), { code: 0, signal: null, stdout: 'hi', stderr: '' })
  t.same(await exec(['true']), { code: 0, signal: null, stdout: '', stderr: '' })
})

t.test('1: it failed, and what it said is there', async t => {
  t.match(await exec(['echo half; exit 3']), {
    code: 1,
    stdout: 'half\n',
    stderr: /^zag-exec: session [0-9a-f-]{36} failed: exit code 3\n$/,
  })
  t.match(await exec(['kill -9 $$']), { code: 1, stdout: '', stderr: /failed: ended by SIGKILL\n$/ })
})

t.test('-o json, json-pretty, stream-json', async t => {
  const [json, pretty, stream, failed] = await Promise.all([
    exec(['-o', 'json', '--name', 'n', 'echo hi']),
    exec(['-o', 'json-pretty', 'echo hi']),
    exec(['--output', 'stream-json', 'echo hi; echo note >&2']),
    exec(['-o', 'json', 'exit 2']),
  ])
  t.match(json, { code: 0, stderr: '' })
  t.equal(json.stdout.split('\n').length, 2, 'on one line')
  const [row] = rows(json.stdout)
  t.match(row, { name: 'n', status: 'completed', provider: 'sh', result: 'hi\n', error: null, exit_code: 0, duration_ms: Number })
  t.equal(row?.log_path, zag.file(String(row?.session_id), 'log.ndjson'))
  t.match(JSON.parse(pretty.stdout), { status: 'completed', result: 'hi\n' })
  t.match(pretty.stdout, /^\{\n {2}"session_id"/)
  const events = rows(stream.stdout)
  t.same(
    new Set(events.map(({ type }) => type)),
    new Set(['session_started', 'user_message', 'assistant_message', 'stderr', 'session_ended']),
  )
  t.same(
    events.map(({ seq }) => seq),
    [1, 2, 3, 4, 5],
  )
  t.equal(stream.stderr, '', 'stderr is among the events')
  t.match(rows(failed.stdout), [{ status: 'failed', exit_code: 2, error: 'exit code 2' }])
  t.equal(failed.code, 1)
})

t.test('a pattern that takes for ever is given up, and so is the schema of it', async t => {
  const endless = ['--json-schema', '{"pattern":"^(a+)+$"}', '--timeout', '1s']
  const { code, stderr } = await exec([...endless, `echo '"${'a'.repeat(40)}b"'`])
  t.equal(code, 1)
  t.match(stderr, /its result does not fit: the check of it was given up after 5\.0s: is a pattern of the schema one that takes for ever\?/)
  t.equal((await exec(['--json-schema', '{"multipleOf":0.1}', 'echo 0.3'])).code, 0, 'no matter what 0.3 is in binary')
})

t.test('usage and cost of a provider that tells them', async t => {
  const said = [
    { type: 'usage', input_tokens: 3, cost_usd: 0.25 },
    { type: 'usage', input_tokens: 4, output_tokens: 1, cost_usd: 0.5 },
    { type: 'assistant_message', content: 'done' },
  ]
  writeFileSync(join(zag.home, 'said'), said.map(event => `${JSON.stringify(event)}\n`).join(''))
  zag.configure(`[providers.teller]\ncommand = ["cat", "${join(zag.home, 'said')}"]\nformat = "ndjson"\n`)
  const [row] = rows((await zag.go('exec', ['-p', 'teller', '-o', 'json', 'x'])).stdout)
  t.match(row, { result: 'done', usage: { input_tokens: 7, output_tokens: 1 }, cost_usd: 0.75 })
})

t.test('--json: fences stripped, on one line, 1 if it is none', async t => {
  const says = (text: string) => exec(['--json', `cat <<'END'\n${text}\nEND`])
  t.same(await says('{"a":\n [1, 2]}'), { code: 0, signal: null, stdout: '{"a":[1,2]}\n', stderr: '' })
  t.equal((await says('```json\n{"a": 1}\n```')).stdout, '{"a":1}\n')
  t.equal((await says('```\n"text"\n```\n')).stdout, '"text"\n')
  t.match(await says('Sure! {"a": 1}'), { code: 1, stdout: '', stderr: `zag-exec: the answer is no JSON: 'Sure! {"a": 1}'\n` })
  t.match(await exec(['--json', 'true']), { code: 1, stdout: '', stderr: /no JSON/ })
  t.match(await exec(['--json', 'echo 1; exit 2']), { code: 1, stdout: '', stderr: /failed: exit code 2/ })
})

t.test('--json asks an agent for JSON, a script stays as it is', async t => {
  zag.configure('[providers.parrot]\ncommand = ["cat"]\n')
  const { stderr } = await zag.go('exec', ['-p', 'parrot', '--json', 'my question'])
  t.match(stderr, /no JSON: 'my question.*JSON.*'\n$/)
  t.equal((await zag.go('exec', ['-p', 'parrot', 'my question'])).stdout, 'my question')
})

t.test('--json-schema: an agent is told it, a script stays as it is; the JSON alone is kept', async t => {
  zag.configure('[providers.parrot]\ncommand = ["sh", "-c", "cat >asked; echo 7"]\n')
  writeFileSync(join(zag.home, 'schema.json'), '\ufeff{"type": "integer"}\n')
  t.same(await zag.go('exec', ['-p', 'parrot', '--json-schema', 'schema.json', 'How many?']), {
    code: 0,
    signal: null,
    stdout: '7\n',
    stderr: '',
  })
  t.match(readFileSync(join(zag.home, 'asked'), 'utf8'), /^How many\?\n\nAnswer with one JSON value .*\n\n\{"type": "integer"\}\n$/)
  const fenced = ['--json-schema', '{"type":"object"}', 'printf \'```json\\n{"a":\\n 1}\\n```\\n\'']
  t.match(await exec(['--json', ...fenced]), { code: 0, stdout: '{"a":1}\n', stderr: '' })
  t.equal(readFileSync(zag.file(zag.ids().at(-1) as string, 'prompt'), 'utf8'), fenced.at(-1))
})

t.test('--json-schema: the drafts there are, formats and words that nobody knows', async t => {
  const says = async (schema: object, json: string, stderr = '') => {
    const script = `zag ps kill self '${json}' 2>said; exit 3`
    writeFileSync(join(zag.home, 'draft.json'), JSON.stringify(schema))
    const { code } = await exec(['--json-schema', 'draft.json', script])
    t.equal(code, stderr ? 1 : 0, stderr)
    t.equal(readFileSync(join(zag.home, 'said'), 'utf8'), stderr && `zag-ps: the result does not fit: ${stderr}\n`)
  }
  const tuple = [{ type: 'string' }]
  const seven = 'http://json-schema.org/draft-07/schema#'
  await says({ $schema: seven, items: tuple }, '["a"]')
  await says({ $schema: seven, items: tuple }, '[1]', "'/0' must be string")
  await says({ $schema: 'https://json-schema.org/draft/2019-09/schema', items: tuple }, '[1]', "'/0' must be string")
  await says({ $schema: 'https://json-schema.org/draft/2020-12/schema', prefixItems: tuple }, '[1]', "'/0' must be string")
  await says({ prefixItems: tuple }, '[1]', "'/0' must be string")
  await says({ format: 'no-such-format', 'x-mine': { any: 1 } }, '""')
  await says({ format: 'email' }, '"no address"')
  await says({ enum: Array.from({ length: 100_000 }, (_, i) => `word ${i}`) }, '"word 99999"')
})

/** Whether it ran for the nth time, as a test of sh: each run of a script adds a line to a file of its own. */
const counting = (name: string) => `echo run >>${name}; nth() { [ "$(wc -l <${name})" -eq "$1" ]; }`
const runs = (name: string) => readFileSync(join(zag.home, name), 'utf8').split('\n').length - 1

t.test('--json-schema: a script whose result does not fit runs again, and finds why in $ZAG_SCHEMA_ERRORS', async t => {
  const script = [
    counting('again'),
    'if nth 1; then [ -z "$ZAG_SCHEMA_ERRORS" ] && echo "{}"; fi',
    'if nth 2; then echo nope; cp "$ZAG_SCHEMA_ERRORS" reasons; fi',
    `if nth 3; then zag exec -p sh 'echo "[$ZAG_SCHEMA_ERRORS]"' >inner; printf '\`\`\`json\\n{"a": 1,\\n"b": 2}\\n\`\`\`\\n'; fi`,
  ].join('\n')
  const ended = await exec(['--json-schema', '{"required":["a","b"]}', '--retries', '1', script])
  t.same(ended, { code: 0, signal: null, stdout: '{"a": 1,\n"b": 2}', stderr: '' })
  t.equal(runs('again'), 3)
  t.equal(
    readFileSync(join(zag.home, 'reasons'), 'utf8'),
    "the whole must have required property 'a'\nthe whole must have required property 'b'\n",
  )
  t.equal(readFileSync(join(zag.home, 'inner'), 'utf8'), '[]\n', 'they are not those of a session within')
  const id = zag.ids().at(-2)
  const ends = rows((await zag.go('events', ['--type', 'session_ended', String(id)])).stdout)
  t.match(ends, [
    { run: 1, status: 'failed', reason: 'schema', error: "its result does not fit: the whole must have required property 'a', and 1 more" },
    { run: 2, status: 'failed', reason: 'schema', error: "its result does not fit: it is no JSON: 'nope'" },
    { run: 3, status: 'completed' },
  ])
  t.notOk(existsSync(zag.file(String(id), 'schema-errors')), 'they are gone once it fits')
})

t.test('--json-schema: an agent is told why, three times at most', async t => {
  zag.configure('[providers.stubborn]\ncommand = ["sh", "-c", "echo run >>asked-runs; echo still no JSON"]\n')
  const ended = await zag.go('exec', ['-p', 'stubborn', '--retries', '2', '--json-schema', '{"type":"null"}', 'What?'])
  t.match(ended, {
    code: 1,
    stdout: 'still no JSON\n',
    stderr: /^zag-exec: session .* failed: its result does not fit: it is no JSON: 'still no JSON'\n$/,
  })
  t.equal(runs('asked-runs'), 4, 'the first run and three more')
  const id = zag.ids().at(-1) as string
  t.match(rows((await zag.go('status', [id, '--json'])).stdout), [{ status: 'failed', reason: 'schema' }])
  const told = rows((await zag.go('events', [id, '--type', 'user_message'])).stdout)
  t.same(
    told.map(({ from }) => from),
    ['prompt', 'schema', 'schema', 'schema'],
  )
  t.match(told[1]?.content, /^Your answer does not fit .*:\n\n- it is no JSON: 'still no JSON'\n\nAnswer again with one JSON value/)
})

t.test('--json-schema: what failed by itself is not asked again; nothing said does not fit; many reasons are cut', async t => {
  t.match(await exec(['--json-schema', '{}', `${counting('failing')}; echo x; exit 3`]), { code: 1, stderr: /failed: exit code 3\n$/ })
  t.equal(runs('failing'), 1)
  t.match(await exec(['--json-schema', '{}', counting('silent')]), { code: 1, stderr: /failed: its result does not fit: it is empty\n$/ })
  t.equal(runs('silent'), 4)
  writeFileSync(join(zag.home, 'long'), JSON.stringify(Array(60).fill('x')))
  zag.configure('[providers.long]\ncommand = ["sh", "-c", "cat >told; cat long"]\n')
  t.match(await zag.go('exec', ['-p', 'long', '--json-schema', '{"items":{"type":"null"}}', '-o', 'json', 'x']), {
    code: 1,
    stderr: /fit: '\/0' must be null, and 59 more\n$/,
  })
  t.match(readFileSync(join(zag.home, 'told'), 'utf8'), /- '\/49' must be null\n- and 10 more\n\nAnswer again/)
})

t.test('--json-schema: a schema that was damaged meanwhile fails the session at once', async t => {
  const script = `${counting('damaged')}; echo '{' >"$ZAG_HOME/sessions/$ZAG_SESSION_ID/schema"; echo 1`
  t.match(await exec(['--json-schema', '{}', script]), { code: 1, stderr: /failed: the schema of the session is no JSON: .*\n$/ })
  t.equal(runs('damaged'), 1)
})

t.test('2: a schema that is none, before anything is made', async t => {
  const before = zag.ids()
  writeFileSync(join(zag.home, 'list.json'), '[]')
  writeFileSync(join(zag.home, 'deep.json'), `${'{"items":'.repeat(50_000)}{}${'}'.repeat(50_000)}`)
  const bad: [string, RegExp][] = [
    ['{', /^zag-exec: the schema is no JSON: .*\n$/],
    ['{"a\u001b":\n}', /^zag-exec: the schema is no JSON: [ -~]*\n$/],
    ['list.json', /^zag-exec: the schema in 'list\.json' is none: it has to be an object, or true or false\n$/],
    ['deep.json', /^zag-exec: the schema in 'deep\.json' cannot be used: .*\n$/],
    ['{"type":"nope"}', /^zag-exec: the schema is none: '\/type' must be .*, and 2 more\n$/],
    ['{"items":[{}]}', /^zag-exec: the schema is none: '\/items' must be object,boolean, and \d more\n$/],
    ['{"pattern":"("}', /^zag-exec: the schema cannot be used: Invalid regular expression.*\n$/],
    ['{"$ref":"#/nowhere"}', /^zag-exec: the schema cannot be used: can't resolve reference #\/nowhere from id #\n$/],
    ['{"$ref":"https://example.org/other"}', /^zag-exec: the schema cannot be used: can't resolve reference https.*\n$/],
    ['{"$schema":"http://json-schema.org/draft-04/schema#"}', /^zag-exec: the schema is of a kind that is not known, 'http:.*2020-12\n$/],
    ['{"$schema":3}', /^zag-exec: the schema is of a kind that is not known, '3'/],
    ['{"$async":true}', /^zag-exec: the schema is none: '\/\$async' has no place in it\n$/],
  ]
  await several(bad, async ([schema, stderr]) => t.match(await exec(['--json-schema', schema, 'echo 1']), { code: 2, stdout: '', stderr }))
  t.match(await exec(['--json-schema', 'no-such-file', 'echo 1']), {
    code: 5,
    stdout: '',
    stderr: "zag-exec: cannot read the schema from 'no-such-file': no such file or directory\n",
  })
  t.same(zag.ids(), before)
})

t.test('3 and 4: --context', async t => {
  t.match(await exec(['--context', 'nobody', 'cat']), { code: 3, stdout: '', stderr: "zag-exec: no session 'nobody': see zag ps --all\n" })
  const gate = zag.gate()
  const running = await zag.spawn(gate.script)
  t.match(await exec(['--context', running, 'cat']), { code: 4, stdout: '', stderr: /is running: give --wait, or run zag wait/ })
  gate.open()
  await zag.go('wait', [running])
  t.match(await exec(['--context', running, 'cat']), {
    code: 0,
    stdout: /<session-result .*\n\(no result: completed\)\n<\/session-result>/,
  })
})

t.test('124: the time ran out, and nothing of it is left', async t => {
  const pid = join(zag.home, 'pid')
  const ended = await exec(['--timeout', '0.3s', `echo before; sh -c 'echo $$ >${pid}; exec sleep 300' | cat`])
  t.match(ended, { code: 124, stdout: 'before\n', stderr: /^zag-exec: session .* failed: not done after 0\.3s\n$/ })
  t.notOk(lives(Number(readFileSync(pid, 'utf8'))))
  t.match(rows((await zag.go('status', ['--latest', '--json'])).stdout), [{ status: 'failed', reason: 'timeout' }])
  t.match(await zag.go('wait', ['--latest']), { code: 1 })
})

t.test('126 and 127', async t => {
  writeFileSync(join(zag.home, 'plain'), '')
  zag.configure(`[providers.gone]\ncommand = ["no-such-agent"]\n[providers.plain]\ncommand = ["${join(zag.home, 'plain')}"]\n`)
  t.match(await zag.go('exec', ['-p', 'gone', 'x']), { code: 127, stdout: '', stderr: /'no-such-agent' was not found/ })
  t.match(await zag.go('exec', ['-p', 'plain', 'x']), { code: 126, stdout: '', stderr: /may not be executed/ })
  t.match(await zag.go('exec', ['-p', 'nobody', 'x']), { code: 127, stdout: '', stderr: /^zag-exec: no provider 'nobody'/ })
})

t.test('129, 130 and 143: a signal ends it and the agent', async t => {
  for (const [signal, code] of [
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    t.match((await zag.go('exec', ['--help'])).stdout, `${code}  ended by ${signal}`)
    const running = begin('zag-exec', ['-p', 'sh', '-o', 'stream-json', 'echo ready; exec sleep 300'], { home: zag.home })
    const started = await until(() => /"content":"ready"/.test(running.stdout) && rows(running.stdout)[0])
    running.child.kill(signal)
    t.match(await running.ended, { code, stderr: /^zag-exec: session .* cancelled\n$/ }, signal)
    t.notOk(lives(Number(started.pid)))
    t.match(rows(running.stdout).at(-1), { type: 'session_ended', status: 'cancelled' })
  }
})

/** Runs it on a terminal of its own: what is seen there. */
const onTerminal = async (command: string) => {
  const { code, stdout } = await run('/usr/bin/script', ['-q', '-e', '-c', command, '/dev/null'], { home: zag.home })
  return { code, seen: stdout.replaceAll('\r\n', '\n') }
}
const noScript = !existsSync('/usr/bin/script') && 'script(1) is not installed'

t.test('on a terminal what is said is seen as it comes, and not a second time', { skip: noScript }, async t => {
  const gate = zag.gate()
  const command = `zag-exec -p sh 'echo one; ${gate.script}; echo "it is \\033[31m two"; printf three'`
  const running = begin('/usr/bin/script', ['-q', '-e', '-c', command, '/dev/null'], { home: zag.home })
  await until(() => running.stdout === 'one\r\n')
  gate.open()
  t.match(await running.ended, { code: 0, stdout: 'one\r\nit is \\u001b[31m two\r\nthree\r\n' })
  t.match(await onTerminal(`zag-exec -p sh --show-usage 'true'`), { code: 0, seen: /^zag-exec: usage: .*\n$/ })
  t.match(await onTerminal(`zag-exec -p sh 'echo half; exit 3'`), { code: 1, seen: /^half\nzag-exec: session .* failed: exit code 3\n$/ })
  t.match(await onTerminal(`zag-exec -p sh --retries 1 'echo x; echo y; [ -e tried ] || { : >tried; exit 1; }'`), { seen: 'x\ny\nx\ny\n' })
  t.match(await onTerminal(`zag-exec -p sh --json 'echo "{ }"'`), { code: 0, seen: '{}\n' })
  t.match(await onTerminal(`zag-exec -p sh -o stream-json 'echo x'`), { code: 0, seen: /^\{"type":"session_started".*\n\{/ })
  t.match(await onTerminal(`zag-pipe -p sh --latest -- 'echo x'`), { code: 0, seen: 'x\n' })
})

t.test('on a terminal a result that was not what was said last is printed too', { skip: noScript }, async t => {
  t.match(await onTerminal(`zag-exec -p sh 'echo said; zag ps kill self handed; sleep 60'`), { code: 0, seen: 'said\nhanded\n' })
  const said = [
    { type: 'assistant_message', content: 'first' },
    { type: 'assistant_message', content: 'last' },
  ]
  writeFileSync(join(zag.home, 'two'), said.map(event => `${JSON.stringify(event)}\n`).join(''))
  zag.configure(`[providers.two]\ncommand = ["cat", "${join(zag.home, 'two')}"]\nformat = "ndjson"\n`)
  t.match(await onTerminal('zag-exec -p two x'), { code: 0, seen: 'first\nlast\n' })
  t.equal((await zag.go('exec', ['-p', 'two', 'x'])).stdout, 'last', 'and elsewhere the result alone')
  const long = 'x'.repeat(300_000)
  writeFileSync(join(zag.home, 'two'), `${JSON.stringify({ type: 'assistant_message', content: long })}\n`)
  const { seen } = await onTerminal('zag-exec -p two x')
  t.match(seen, /bytes left out; the whole/)
  t.ok(seen.endsWith(`\n${long}\n`), 'a text too long for a line is there in whole')
})

t.test('what it asks: stderr says how to answer, and it waits', async t => {
  const asking = new Asking(zag)
  for (const [word, flags] of [
    ['exec', ['-p', 'sh', asking.script(['rm x'])]],
    ['pipe', ['-p', 'sh', '--latest', '--', asking.script(['rm x'])]],
  ] as const) {
    const running = begin(`zag-${word}`, flags, { home: zag.home })
    const told = await until(() => /bash: rm x \(zag approve ([0-9a-f]{8}), or zag deny \1\)\n$/.exec(running.stderr))
    await zag.go('approve', [told[1] as string])
    t.match(await running.ended, { code: 0, stdout: /"approved":true/ }, word)
  }
})

t.test('what it asks on a terminal: there, or elsewhere', { skip: noScript }, async t => {
  const asking = new Asking(zag)
  const script = asking.script(['rm \u001b[31mx', 'ls']).replaceAll("'", `'\\''`)
  const at = typed(zag, `zag-exec -p sh '${script}'`)
  await at.sees('| rm \\u001b[31mx')
  await at.sees('[q]uit? ')
  at.type('n')
  await at.sees('| ls')
  await at.sees('[q]uit? ')
  await zag.go('approve', ['--all'])
  await at.sees('answered meanwhile: approved by a person')
  t.match(await at.ended, { code: 0 })
  const killed = typed(zag, `zag-exec -p sh --timeout 2s '${script}'`)
  await killed.sees('[q]uit? ')
  t.match(await killed.ended, { code: 124 }, 'and nobody is asked for what is over')
  t.same(await asking.open(), [])
})

t.test('--show-usage', async t => {
  const said = [
    { type: 'usage', input_tokens: 3, cost_usd: 0.25 },
    { type: 'usage', input_tokens: 4, output_tokens: 1, cache_read_tokens: 9, cost_usd: 0.5 },
  ]
  writeFileSync(join(zag.home, 'said'), said.map(event => `${JSON.stringify(event)}\n`).join(''))
  zag.configure(`[providers.teller]\ncommand = ["cat", "${join(zag.home, 'said')}"]\nformat = "ndjson"\n`)
  const { code, stdout, stderr } = await zag.go('exec', ['-p', 'teller', '--show-usage', 'x'])
  t.match({ code, stdout }, { code: 0, stdout: '' })
  t.match(stderr, /^zag-exec: usage: 7 input, 1 output, 9 cache read, 0 cache write tokens, \$0\.7500, \d+\.\ds\n$/)
  const again = await zag.go('exec', ['--continue', '--show-usage', '-o', 'json', 'x'])
  t.match(rows(again.stdout), [{ usage: { input_tokens: 7 }, cost_usd: 0.75 }], 'what this prompt took, not those before it')
  t.match(again.stderr, /^zag-exec: usage: 7 input, 1 output/)
  t.match(await exec(['--show-usage', 'exit 3']), { code: 1, stderr: /^zag-exec: usage: no tokens told, .*s\nzag-exec: session .* failed/ })
  t.match(await exec(['--show-usage', '--json', 'echo x']), { code: 1, stderr: /^zag-exec: usage: .*\nzag-exec: the answer is no JSON/ })
  t.match(await exec(['-q', '--show-usage', 'true']), { code: 0, stderr: '' })
})

const eventsOf = (id: string) => rows(readFileSync(zag.file(id, 'log.ndjson'), 'utf8'))

t.test('--resume: the prompt is the next run of the session, printed as any', async t => {
  const { session_id: id } = await zag.over('echo first', ['--name', 'old', '--env', 'MY=own'])
  for (const name of [id, id.slice(-8), 'old'])
    t.same(await zag.go('exec', ['--resume', name, 'echo "$MY $ZAG_PROCESS_ID"; echo note >&2']), {
      code: 0,
      signal: null,
      stdout: `own ${id}.${eventsOf(id).filter(({ type }) => type === 'session_ended').length}\n`,
      stderr: 'note\n',
    })
  t.match(await zag.go('exec', ['--resume', '-', '--prompt', 'echo x'], { input: `${id}\n` }), { code: 0, stdout: 'x\n' })
  t.match(await zag.go('exec', ['--resume', id, '-'], { input: 'echo "from stdin"' }), { code: 0, stdout: 'from stdin\n' })
  t.match(await zag.go('exec', ['--resume', id, 'echo half; exit 3']), {
    code: 1,
    stdout: 'half\n',
    stderr: `zag-exec: session ${id} failed: exit code 3\n`,
  })
  const [row] = rows((await zag.go('exec', ['--resume', id, '-o', 'json', 'echo hi'])).stdout)
  t.match(row, { session_id: id, name: 'old', status: 'completed', result: 'hi\n', error: null, exit_code: 0, duration_ms: Number })
  t.equal(row?.log_path, zag.file(id, 'log.ndjson'))
  const streamed = rows((await zag.go('exec', ['--resume', id, '-o', 'stream-json', 'echo hi'])).stdout)
  t.same(
    streamed,
    (await zag.go('events', [id, '--json'])).stdout
      .split('\n')
      .slice(-5, -1)
      .map(line => JSON.parse(line)),
  )
  t.same(
    streamed.map(({ type }) => type),
    ['session_started', 'user_message', 'assistant_message', 'session_ended'],
  )
  t.match(await zag.go('exec', ['--resume', id, '--json', 'echo "{ }"']), { code: 0, stdout: '{}\n' })
  t.match(await zag.go('exec', ['--resume', id, '--json', 'echo no']), { code: 1, stdout: '', stderr: /the answer is no JSON: 'no'/ })
})

t.test('--resume of one at work: its next run, and nothing of the present one', async t => {
  const gate = zag.gate()
  const id = await zag.spawn(`echo before; ${gate.script}; exit 5`)
  await zag.go('input', ['-b', '--session', id, 'echo between'])
  const running = begin('zag-exec', ['--resume', id, '-o', 'stream-json', 'echo mine'], { home: zag.home })
  await until(() => readdirSync(zag.file(id, 'inbox')).length === 2)
  await zag.go('input', ['-b', '--session', id, 'echo after; sleep 300'])
  gate.open()
  const { code, stdout } = await running.ended
  t.equal(code, 0)
  t.match(rows(stdout), [{ type: 'session_started', run: 3 }, {}, { content: 'mine' }, { type: 'session_ended', run: 3 }])
  t.equal(rows(stdout).length, 4)
  t.match(await zag.go('cancel', [id, '--grace', '0']), { code: 0 })
})

t.test('--resume: a retry, and an agent asked again for what fits, are part of the answer', async t => {
  const retried = await zag.over('true', ['--retries', '1'])
  const flaky = 'echo try; [ -e flaky ] || { : >flaky; exit 1; }'
  const { code, stdout } = await zag.go('exec', ['--resume', retried.session_id, '-o', 'stream-json', flaky])
  t.equal(code, 0)
  t.match(
    rows(stdout)
      .filter(({ type }) => type === 'session_ended')
      .map(({ status }) => status),
    ['failed', 'completed'],
  )
  zag.configure('[providers.learns]\ncommand = ["sh", "-c", "echo x >>learned; [ $(wc -l <learned) != 2 ] && echo {} || echo no"]\n')
  const [row] = rows((await zag.go('exec', ['-p', 'learns', '-o', 'json', '--json-schema', '{"type":"object"}', 'x'])).stdout)
  const again = await zag.go('exec', ['--resume', String(row?.session_id), '-o', 'stream-json', 'y'])
  t.match(
    rows(again.stdout)
      .filter(({ type }) => type === 'user_message')
      .map(({ from }) => from),
    ['input', 'schema'],
  )
  t.match(rows(again.stdout).at(-1), { type: 'session_ended', status: 'completed' })
})

t.test('--resume of one that lives on: a turn of it', async t => {
  const id = (await zag.go('spawn', ['-p', 'sh', '-I', 'echo one'])).stdout.trim()
  t.match(await zag.go('exec', ['--resume', id, 'echo two']), { code: 0, stdout: 'two\n' })
  const { code, stdout } = await zag.go('exec', ['--resume', id, '-o', 'stream-json', 'echo three; exit 3'])
  t.equal(code, 1)
  t.match(rows(stdout), [{ type: 'user_message' }, { content: 'three' }, { type: 'turn_ended', turn: 3, success: false }])
  const [row] = rows((await zag.go('exec', ['--resume', id, '-o', 'json', 'echo four'])).stdout)
  t.match(row, { status: 'completed', result: 'four\n', duration_ms: Number })
  t.match(await zag.go('input', ['--session', id, '--end']), { code: 0 })
})

t.test('--resume: a signal ends what works on the prompt, and takes back one that was not delivered', async t => {
  const { session_id: id } = await zag.over('true')
  const running = begin('zag-exec', ['--resume', id, 'echo $$; exec sleep 300'], { home: zag.home })
  const pid = await until(() => Number(eventsOf(id).findLast(({ type }) => type === 'assistant_message')?.content) || undefined)
  running.child.kill('SIGINT')
  t.match(await running.ended, { code: 130, stderr: `zag-exec: session ${id} cancelled\n` })
  t.notOk(lives(pid))
  const gate = zag.gate()
  const busy = await zag.spawn(gate.script)
  const waiting = begin('zag-exec', ['--resume', busy, 'echo never'], { home: zag.home })
  await until(() => existsSync(zag.file(busy, 'inbox')) && readdirSync(zag.file(busy, 'inbox')).length === 1)
  waiting.child.kill('SIGTERM')
  t.match(await waiting.ended, {
    code: 143,
    stdout: '',
    stderr: `zag-exec: session ${busy} running: its prompt was taken back before it got to it\n`,
  })
  gate.open()
  t.match(await zag.go('wait', ['--json', busy]), { code: 0 })
  t.equal(eventsOf(busy).filter(({ type }) => type === 'session_started').length, 1)
})

t.test('--continue: the newest session of the project, whatever there is elsewhere', async t => {
  const [one, two, none] = ['project-one', 'project-two', 'project-none'].map(name => join(zag.home, name)) as [string, string, string]
  for (const folder of [join(one, '.git'), join(one, 'deep'), join(two, '.git'), join(none, '.git')]) mkdirSync(folder, { recursive: true })
  const first = await zag.over('true', [], { cwd: one })
  const { session_id: id } = await zag.over('true', [], { cwd: one })
  const other = await zag.over('true', [], { cwd: two })
  const go = (cwd: string, ...args: string[]) => zag.go('exec', ['--continue', ...args, 'echo "$ZAG_SESSION_ID"'], { cwd })
  t.match(await go(join(one, 'deep')), { code: 0, stdout: `${id}\n` })
  t.match(await go(one, '-r', two), { code: 0, stdout: `${other.session_id}\n` })
  t.match(await go(none), { code: 3, stdout: '', stderr: `zag-exec: no session of the project in '${none}'\n` })
  t.match(await zag.go('exec', ['--resume', first.session_id, '-r', two, 'true']), { code: 3, stdout: '' })
})

t.test('--resume and --continue: what is of a new session is refused by its name, and what cannot go on says why', async t => {
  const { session_id: id } = await zag.over('true', ['-r', '.', '--name', 'stays'])
  const before = readFileSync(zag.file(id, 'log.ndjson'), 'utf8')
  const refused = (flags: string[], name: string) => async () =>
    t.match(await zag.go('exec', ['--resume', id, ...flags, 'true']), {
      code: 2,
      stdout: '',
      stderr: `zag-exec: ${name} is for a new session: this one stays as it was asked for\n`,
    })
  const flags = [
    '-p=sh',
    '-m=x',
    '--size=small',
    '-a',
    '-s=x',
    '--add-dir=.',
    '--env=A=b',
    '--mcp-config=x',
    '--max-turns=1',
    '--timeout=1s',
  ]
  flags.push(
    '--stall=0',
    '--on-limit=fail',
    '--retries=0',
    '--plan',
    '--json-schema={}',
    '--context-bytes=1',
    '--group=g',
    '--keep-children',
  )
  flags.push('--allow=bash', '--deny=bash', '--allow-once=bash', '--ask', '--no-ask', '--relay-timeout=1m')
  flags.push('-w', '--sandbox', '--sandbox-net=off', '--name=x', '--description=x', '--tag=x', `--context=${id}`)
  const long: Record<string, string> = {
    '-p': '--provider',
    '-m': '--model',
    '-a': '--auto-approve',
    '-s': '--system-prompt',
    '-w': '--worktree',
  }
  const given = flags.map(flag => [flag.startsWith('--') ? [flag] : flag.split('='), flag.replace(/=.*/s, '')] as const)
  await several(given, ([words, flag]) => refused([...words], long[flag] ?? flag)())
  const says = async (args: string[], code: number, stderr: RegExp, more = {}) =>
    t.match(await zag.go('exec', args, more), { code, stdout: '', stderr })
  await says(['--resume', id, '--continue', 'true'], 2, /--resume or --continue, not both/)
  await says(['--resume', id], 2, /no prompt/)
  await says(['--resume', id, ''], 2, /the message is empty/)
  await says(['--resume', 'nobody', 'true'], 3, /no session 'nobody'/)
  await says(['--resume', id, 'true'], 2, /inside of that session, which cannot answer while it waits\n/, { env: { ZAG_SESSION_ID: id } })
  await says(['--resume', id, 'true'], 4, /is over, and would run on outside of this sandbox/, { env: { ZAG_SANDBOX: '1' } })
  await says(['--resume', id, '--file', 'no-such-file', 'true'], 5, /no-such-file/)
  writeFileSync(join(zag.home, 'attached'), '')
  await says(['--resume', id, '--file', join(zag.home, 'attached'), 'true'], 2, /provider 'sh' has no --file/)
  t.equal(readFileSync(zag.file(id, 'log.ndjson'), 'utf8'), before)
  const away = join(zag.home, 'away')
  mkdirSync(away)
  const homeless = await zag.over('true', ['-r', away])
  rmSync(away, { recursive: true })
  await says(['--resume', homeless.session_id, 'true'], 4, /cannot be resumed: its folder '.*away' is gone/)
  zag.configure('[providers.brief]\ncommand = ["cat"]\n')
  const [row] = rows((await zag.go('exec', ['-p', 'brief', '-o', 'json', 'x'])).stdout)
  zag.configure('[providers.brief]\ncommand = ["no-such-agent"]\n')
  await says(['--resume', String(row?.session_id), 'x'], 127, /'no-such-agent' was not found/)
  zag.configure('')
})

t.test('4: a provider with slots, in a sandbox', async t => {
  zag.configure('[providers.few]\ncommand = ["cat"]\nslots = 1\n')
  const inside = { env: { ZAG_SANDBOX: '1' } }
  t.match(await zag.go('exec', ['-p', 'few', 'x'], inside), { code: 4, stdout: '', stderr: /would be started outside of this sandbox/ })
  t.match(await zag.go('exec', ['-p', 'few', 'x']), { code: 0, stdout: 'x' })
})

t.test('cancelled from elsewhere is 1', async t => {
  const running = begin('zag-exec', ['-p', 'sh', '--name', 'victim', 'echo half; exec sleep 300'], { home: zag.home })
  await until(async () => /half/.test((await zag.go('events', ['--name', 'victim', '--type', 'assistant_message'])).stdout))
  t.match(await zag.go('cancel', ['victim']), { code: 0 })
  t.match(await running.ended, { code: 1, stdout: 'half\n', stderr: /cancelled/ })
})

t.test('--retries: the exit and the result are those of the last run', async t => {
  const script = (n: number) => `echo x >>tries-${n}; echo "try $(wc -l <tries-${n})"; [ "$(wc -l <tries-${n})" = ${n} ]`
  t.match(await exec(['--retries', '1', script(2)]), { code: 0, stdout: 'try 2\n', stderr: '' })
  t.match(await exec(['--retries', '0', script(3)]), { code: 1, stdout: 'try 1\n', stderr: /failed: exit code 1/ })
  const { code, stdout } = await exec(['--retries', '1', '-o', 'stream-json', script(4)])
  t.equal(code, 1)
  t.match(
    rows(stdout).filter(({ type }) => type === 'session_ended'),
    [
      { run: 1, status: 'failed' },
      { run: 2, status: 'failed' },
    ],
  )
})

t.test('a message to it is a run of the same call, and its answer the result', async t => {
  const gate = zag.gate()
  const running = begin('zag-exec', ['-p', 'sh', '--name', 'talked-to', `echo first; ${gate.script}`], { home: zag.home })
  await until(async () => /first/.test((await zag.go('events', ['--name', 'talked-to', '--type', 'assistant_message'])).stdout))
  t.match(await zag.go('input', ['--name', 'talked-to', '-b', 'echo second; exit 4']), { code: 0 })
  gate.open()
  t.match(await running.ended, { code: 1, stdout: 'second\n', stderr: /failed: exit code 4/ })
})

t.test('5 MB in and out, unchanged', async t => {
  const blob = randomBytes(3_800_000).toString('base64')
  const script = `cat <<'END'\n${blob}\nEND\n`
  t.ok(script.length > 5_000_000)
  const ended = await exec(['-'], { input: script })
  t.equal(ended.code, 0, ended.stderr)
  t.ok(ended.stdout === `${blob}\n`, 'the result is what the prompt had in it')
  t.ok(readFileSync(zag.file(zag.ids().at(-1) as string, 'prompt'), 'utf8') === script, 'the prompt is as it was sent')
})

t.test('bytes that are no text, too', async t => {
  const bytes = randomBytes(100_000)
  writeFileSync(join(zag.home, 'bytes'), bytes)
  t.match(await zag.sh('zag exec -p sh "cat bytes" | cmp - bytes'), { code: 0, stdout: '', stderr: '' })
  zag.configure('[providers.parrot]\ncommand = ["cat"]\n')
  t.match(await zag.sh('zag exec -p parrot - <bytes | cmp - bytes'), { code: 0, stdout: '', stderr: '' })
})

t.test('the environment and the folder are those of the call', async t => {
  const env = { ...environment({ home: zag.home }), HERE: "it's $(here)" }
  t.equal((await exec(['echo "$HERE"; pwd'], { env })).stdout, `it's $(here)\n${zag.home}\n`)
})

t.test('--base-url is for a provider without a place of its own', async t => {
  t.match(await zag.go('exec', ['-p', 'sh', '--base-url', 'http://localhost/v1', 'true']), { code: 2, stderr: /'sh' has no --base-url/ })
})

t.test('--agent is for a provider of any agent, which needs it', async t => {
  t.match(await zag.go('exec', ['-p', 'acp', 'x']), { code: 2, stderr: /needs --agent/ })
  t.match(await zag.go('exec', ['-p', 'sh', '--agent', 'true', 'true']), { code: 2, stderr: /agent/ })
})
