// zag-listen: the log as it grows, from its beginning or from now, whenever the listener comes; it ends with the session.

import { appendFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { begin, until } from '../help/run.js'
import { seed, selects, waysToOne } from '../help/selection.js'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const { a, b } = seeds
const listen = (args: string[], more = {}) => zag.go('listen', args, more)
const types = (text: string) => rows(text).map(({ type }) => type)

await t.test('every way of naming a session', async t => {
  const id = (text: string) => [...new Set(rows(text).map(({ session_id }) => session_id))]
  await selects(
    t,
    waysToOne(seeds),
    (args, input) => listen(['--json', ...args], { input }),
    ({ stdout }) => id(stdout),
  )
})

t.test('after the end it prints the log and is 0, however it ended', async t => {
  const { code, stdout, stderr } = await listen(['--json', b])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.same(types(stdout), ['session_started', 'user_message', 'assistant_message', 'session_ended'])
  t.same(
    rows(stdout).map(({ seq }) => seq),
    [1, 2, 3, 4],
  )
})

t.test('as text for people', async t => {
  const { code, stdout } = await listen([b])
  t.match({ code, stdout }, { code: 0, stdout: '[session_started] sh, run 1\n> echo b; exit 3\nb\n[session_ended] failed: exit code 3\n' })
  t.equal((await listen(['--text', b])).stdout, stdout)
  t.notMatch(stdout, '\u001b', 'no colour in a pipe')
  const odd = (await zag.over("printf '\\033]0;title\\007red\\n\\n'; echo err >&2")).session_id
  t.match((await listen([odd])).stdout, /\\u001b\]0;title\\u0007red\n/)
  t.match((await listen([odd])).stdout, /^! err$/m)
})

t.test('from before an event, during and after: all of it, each once', async t => {
  const [first, second] = [zag.gate(), zag.gate()]
  const id = await zag.spawn(`echo one; ${first.script}; echo two; ${second.script}; echo three`)
  const early = begin('zag-listen', ['--json', id], { home: zag.home })
  await until(() => /"content":"one"/.test(early.stdout))
  const fresh = begin('zag-listen', ['--new', '--json', id], { home: zag.home })
  // It has begun when what is appended now reaches it.
  let marks = 0
  await until(async () => {
    marks += 1
    await zag.go('log', ['--session', id, `mark ${marks}`])
    return fresh.stdout.includes('mark')
  })
  first.open()
  await until(() => /"content":"two"/.test(early.stdout))
  const late = begin('zag-listen', ['--json', id], { home: zag.home })
  await until(() => /"content":"two"/.test(late.stdout))
  second.open()
  const [one, two, three, after] = await Promise.all([
    early.ended,
    late.ended,
    fresh.ended,
    zag.go('wait', [id]).then(() => listen(['--json', id])),
  ])
  for (const ended of [one, two, three, after]) t.match(ended, { code: 0, stderr: '' })
  t.equal(one.stdout, after.stdout)
  t.equal(two.stdout, after.stdout)
  t.ok(after.stdout.endsWith(three.stdout), 'what is new is the end of it')
  t.notMatch(three.stdout, '"content":"one"')
  t.match(three.stdout, '"content":"three"')
  t.equal(rows(after.stdout).at(-1)?.type, 'session_ended')
})

t.test('--new on one that is over prints nothing', async t => {
  t.same(await listen(['--new', a]), { code: 0, signal: null, stdout: '', stderr: '' })
})

t.test('the configuration may say json; flags go before it', async t => {
  zag.configure('[listen]\nformat = "json"\n')
  t.equal(types((await listen([a])).stdout).length, 4)
  t.match((await listen([a, '--text'])).stdout, /^\[session_started\]/)
  zag.configure('')
})

/** A session that is over, with these events in its log as well. */
async function withEvents(...events: object[]): Promise<string> {
  const id = (await zag.over('true')).session_id
  const stamp = { ts: '2026-01-02T03:04:05.678Z', session_id: id }
  for (const event of events) appendFileSync(zag.file(id, 'log.ndjson'), `${JSON.stringify({ ...event, ...stamp })}\n`)
  return id
}

t.test('--type and --filter', async t => {
  const id = await withEvents(
    { type: 'tool_call', tool: 'bash', tool_kind: 'shell', input: { command: 'ls' } },
    { type: 'tool_call', tool: 'read', tool_kind: 'file_read', input: { path: 'x' } },
    { type: 'user_event', level: 'warn', message: 'tool=bash' },
  )
  const seqs = async (...args: string[]) => rows((await listen(['--json', id, ...args])).stdout).map(({ seq }) => seq)
  t.same(await seqs('--type', 'tool_call'), [4, 5])
  t.same(await seqs('--type', 'user_event,session_ended'), [3, 6])
  t.same(await seqs('--filter', 'tool=bash'), [4])
  t.same(await seqs('--filter', 'tool_kind=shell,input.command=cat'), [])
  t.equal((await listen([id, '--filter', 'input.path=x'])).stdout, '[tool_call] read {"path":"x"}\n')
  const says = async (args: string[], stderr: RegExp) => t.match(await listen([id, ...args]), { code: 2, stdout: '', stderr })
  await says(['--type', 'tool_cal'], /no kind of event 'tool_cal': did you mean tool_call\?/)
  await says(['--filter', 'tol=x'], /no such event has a field 'tol': did you mean tool\?/)
})

t.test('--show-thinking: what an agent says to itself is in the rows, and in text when asked for', async t => {
  const id = await withEvents({ type: 'reasoning', content: 'hm' }, { type: 'assistant_message', content: 'aha' })
  const text = async (...args: string[]) => (await listen([id, '--filter', 'ts=2026-01-02T03:04:05.678Z', ...args])).stdout
  t.equal(await text(), 'aha\n')
  t.equal(await text('--rich-text'), 'aha\n')
  t.equal(await text('--show-thinking'), 'hm\naha\n')
  t.equal(await text('--type', 'reasoning'), 'hm\n')
  t.same(types(await text('--json')), ['reasoning', 'assistant_message'])
})

t.test('--timestamps, also from the configuration', async t => {
  const id = await withEvents({ type: 'assistant_message', content: 'one\ntwo' }, { type: 'stderr', message: 'three' })
  const only = ['--filter', 'ts=2026-01-02T03:04:05.678Z', id]
  const env = { TZ: 'UTC' }
  const stamped = '03:04:05  one\n03:04:05  two\n03:04:05  ! three\n'
  t.equal((await listen(['--timestamps', ...only], { env })).stdout, stamped)
  t.equal((await listen(only, { env })).stdout, 'one\ntwo\n! three\n')
  t.match((await listen(['--timestamps', ...only])).stdout, /^16:49:05 {2}one\n/, 'it is the time where the reader is')
  zag.configure('[listen]\ntimestamps = true\n')
  t.equal((await listen(only, { env })).stdout, stamped)
  t.equal(types((await listen(['--json', ...only])).stdout).length, 2)
  zag.configure('[listen]\ntimestamps = "yes"\n')
  t.match(await listen(only), { code: 2, stderr: /config.toml':2: 'listen.timestamps' must be true or false, not a string\n$/ })
  zag.configure('')
  appendFileSync(zag.file(id, 'log.ndjson'), 'torn\n')
  t.match((await listen(['--timestamps', '--type', 'parse_warning', id])).stdout, /^--:--:-- {2}\[parse_warning\]/)
})

t.test('--rich-text, also from the configuration', async t => {
  const content =
    '# Plan\n\nDo **this** and `that`, see [here](http://example.org/a):\n\n- one\n- two\n\n```sh\nls | wc\n```\n\n| a | n |\n|---|--:|\n| x | 10 |\n'
  const id = await withEvents(
    { type: 'assistant_message', content },
    { type: 'assistant_message', content: '\u001b]0;title\u0007 [x](\u001b[2J) &#27;[31m `\u009b1m`' },
  )
  const drawn = '# Plan\n\nDo this and that, see here (http://example.org/a):\n\n- one\n- two\n\n    ls | wc\n\na   n\n-  --\nx  10\n'
  const only = ['--type', 'assistant_message', id]
  const rich = await listen(['--rich-text', ...only])
  t.match(rich, { code: 0, stderr: '' })
  t.ok(rich.stdout.startsWith(drawn), 'a pipe has no colours', { stdout: rich.stdout })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may get through
  t.notMatch(rich.stdout, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/)
  zag.configure('[listen]\nformat = "rich-text"\n')
  t.equal((await listen(only)).stdout, rich.stdout)
  t.ok((await listen(['--text', ...only])).stdout.startsWith(content))
  zag.configure('')
  t.match((await listen([a, '--rich-text'])).stdout, /^\[session_started\] sh, run 1\n> echo a\na\n\[session_ended\]/)
  const odd = await withEvents(
    { type: 'assistant_message', content: '>'.repeat(5000) },
    { type: 'assistant_message', content: '['.repeat(100_000) },
  )
  t.match(await listen(['--rich-text', odd]), { code: 0, stderr: '', stdout: />{5000}\n\[{100000}\n/ })
})

t.test('a reader that went away ends it quietly', async t => {
  const { code, stdout, stderr } = await zag.sh(`zag listen --json ${a} | head -n 1`)
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.same(types(stdout), ['session_started'])
})

t.test('a killed runner ends it', async t => {
  const id = await zag.spawn('echo said; exec sleep 300')
  const listening = begin('zag-listen', ['--json', id], { home: zag.home })
  await until(() => /"said"/.test(listening.stdout))
  const [row] = rows((await zag.go('status', ['--json', id])).stdout)
  process.kill(Number(row?.runner_pid), 'SIGKILL')
  t.match(rows((await listening.ended).stdout).at(-1), { type: 'session_ended', status: 'dead', error: 'its runner is gone' })
})

t.test('3 and 2', async t => {
  t.match(await listen(['nobody']), { code: 3, stdout: '', stderr: /no session 'nobody'/ })
  t.match(await listen(['--all']), { code: 2, stdout: '', stderr: /^zag-listen: listen follows one session, not \d+\n$/ })
  t.match(await listen(['--text', '--json', a]), { code: 2, stderr: /--text, --rich-text or --json: one of them/ })
  t.match(await listen(['--json', '--timestamps', a]), { code: 2, stderr: /--json has all of it/ })
  t.match(await listen(['--all', '-r', join(realpathSync(zag.home), 'two')]), { code: 0 }, '-r may leave one')
})
