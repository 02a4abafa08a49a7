// zag-listen: the log as it grows, from its beginning or from now, whenever the listener comes; it ends with the session.

import { realpathSync } from 'node:fs'
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
  t.match(await listen(['--text', '--json', a]), { code: 2, stderr: /--text or --json, not both/ })
  t.match(await listen(['--all', '-r', join(realpathSync(zag.home), 'two')]), { code: 0 }, '-r may leave one')
})
