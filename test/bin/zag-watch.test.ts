// zag-watch: a command for each event that fits, its words as they were given, whatever stands in a session's text.

import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { begin, until } from '../help/run.js'
import { seed, selects, ways } from '../help/selection.js'
import { rows, Zag } from '../help/sessions.js'
import { end, say, started, writeInto } from '../help/written.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const { a, b, c } = seeds
writeInto(t, zag.home)
const watch = (args: string[], more = {}) => zag.go('watch', args, more)
let tags = 0
const newTag = () => `tag-${++tags}`

await t.test('every way of naming sessions', async t => {
  // A tag that nobody has and a session without children may have some later.
  const now = ways(seeds).filter(({ args }) => !args.includes('nobody') && !(args.includes('--parent') && args.includes(b)))
  await selects(
    t,
    now,
    (args, input) => watch(['--on', 'session_ended', '--until-done', ...args], { input }),
    ({ stdout }) => rows(stdout).map(({ session_id }) => session_id),
  )
})

t.test('the command has its words as given, with braces replaced within them, and the event on its stdin', async t => {
  const words = ['{session_id}', '{provider}/{event_type}', 'n{seq}{seq}', '{ts}', '{name} {} {"a":1}', '', 'two words', '$(touch pwned)']
  const { code, stdout, stderr } = await watch([
    a,
    '--on',
    'session_ended',
    '--once',
    '--',
    'sh',
    '-c',
    'printf "%s\\n" "$@"; cat',
    'sh',
    ...words,
  ])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const lines = stdout.split('\n')
  const event = JSON.parse(lines[8] ?? '')
  t.match(event, { type: 'session_ended', session_id: a, seq: 4 })
  t.same(lines.slice(0, 8), [a, 'sh/session_ended', 'n44', event.ts, '{name} {} {"a":1}', '', 'two words', '$(touch pwned)'])
  t.same(lines.slice(9), [''])
})

t.test('text of a session is never run', async t => {
  const tag = newTag()
  const name = `$(touch pwned)'"`
  const cwd = zag.home
  await zag.over('echo "$(printf \'`touch pwned`; {session_id} "; touch pwned\')"', ['--name', name, '--tag', tag], { cwd })
  const script = `zag watch --tag ${tag} --until-done --on session_ended -- sh -c 'echo "$1"' x {session_id}`
  const { code, stdout, stderr } = await zag.sh(script, { cwd })
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.match(stdout, /^[0-9a-f-]{36}\n$/)
  // A line of another writer can have anything in it.
  const id = started({ tags: [tag], name })
  const ts = '$(touch pwned) \u0000 {seq}; touch pwned'
  writeFileSync(zag.file(id, 'log.ndjson'), `${JSON.stringify({ type: 'stderr', ts, session_id: '../../x', message: name })}\n`, {
    flag: 'a',
  })
  const odd = await watch([id, '--on', 'stderr', '--once', '--', 'echo', '{ts}', '{session_id}'], { cwd })
  t.match(odd, { code: 0, stdout: `$(touch pwned)  {seq}; touch pwned ${id}\n`, stderr: '' })
  end(id)
  t.notOk(existsSync(join(cwd, 'pwned')))
})

t.test('one after the other, for sessions that are there and that come; --new from now on', async t => {
  const tag = newTag()
  const first = started({ tags: [tag] })
  say(first, 'past')
  const log = join(zag.home, tag)
  const script = 'echo "begin $1" >>"$0"; head -c 9 >/dev/null; echo "end $1" >>"$0"'
  const filter = ['--on', 'user_event', '--filter', 'level=info', '--until-done']
  const all = begin('zag-watch', ['--tag', tag, ...filter, '--', 'sh', '-c', script, log, '{session_id}/{seq}'], { home: zag.home })
  await until(() => existsSync(log) && readFileSync(log, 'utf8').includes('end'))
  const fresh = begin('zag-watch', ['--new', '--tag', tag, ...filter], { home: zag.home })
  await until(() => {
    say(first, 'are you there?')
    return fresh.stdout !== ''
  })
  const second = started({ tags: [tag] })
  say(second, 'one', 'two', 'three')
  end(second)
  end(first)
  t.match(await all.ended, { code: 0, stdout: '', stderr: '' })
  t.match(await fresh.ended, { code: 0, stderr: '' })
  const lines = readFileSync(log, 'utf8').trim().split('\n')
  for (let at = 0; at < lines.length; at += 2) t.equal(lines[at + 1], lines[at]?.replace('begin', 'end'), 'no two at once')
  t.same(
    lines.filter(line => line.startsWith(`begin ${second}`)),
    [2, 3, 4].map(seq => `begin ${second}/${seq}`),
  )
  t.ok(lines.includes(`begin ${first}/2`), 'also what was past')
  t.notMatch(fresh.stdout, '"past"')
  t.match(fresh.stdout, /"one"[\s\S]*"two"[\s\S]*"three"/)
})

t.test('--once ends with the code of the command', async t => {
  for (const [script, code] of [
    ['exit 0', 0],
    ['exit 7', 7],
    ['kill -9 $$', 137],
  ] as const)
    t.match(await watch([a, b, '--on', 'session_ended', '--once', '--', 'sh', '-c', script]), { code, stdout: '', stderr: '' }, script)
  const { code, stdout } = await watch(['--all', '--once', '--filter', 'success=false'])
  t.match(
    { code, rows: rows(stdout) },
    { code: 0, rows: [{ session_id: b, type: 'session_ended' }] },
    'without a command it prints the event',
  )
})

t.test('--once with sessions named by id is 1 if all end without such an event', async t => {
  t.match(await watch([a, c, '--on', 'tool_call', '--once', '--', 'echo', 'no']), { code: 1, stdout: '', stderr: '' })
  const id = started()
  const waiting = begin('zag-watch', [id, '--on', 'tool_call', '--once'], { home: zag.home })
  say(id, 'no tool')
  end(id)
  t.match(await waiting.ended, { code: 1, stdout: '', stderr: '' })
})

t.test('--until-done is 1 if a command failed, and says which', async t => {
  const ended = await watch([a, b, '--on', 'session_ended', '--until-done', '--', 'sh', '-c', 'grep -q completed'])
  t.match(ended, { code: 1, stdout: '', stderr: `zag-watch: the command gave 1 for event 4 of session ${b}\n` })
})

t.test('signals end it, and the command', async t => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const idle = begin('zag-watch', [a, '--on', 'session_ended', '--', 'sh', '-c', 'echo done'], { home: zag.home })
    await until(() => idle.stdout === 'done\n')
    idle.child.kill(signal)
    t.match(await idle.ended, { code, signal: null, stderr: '' })
    const script = `trap 'echo got it; exit 0' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`
    const busy = begin('zag-watch', [a, '--on', 'session_ended', '--', 'sh', '-c', script], { home: zag.home })
    await until(() => busy.stdout === 'ready\n')
    busy.child.kill(signal)
    t.match(await busy.ended, { code, signal: null, stdout: 'ready\ngot it\n', stderr: '' })
  }
})

t.test('a command that is not there is 127, one that cannot be run 126: before anything is done', async t => {
  const file = join(zag.home, 'plain')
  writeFileSync(file, 'echo hi\n')
  const broken = join(zag.home, 'broken')
  writeFileSync(broken, '#!/no/such/interpreter\n')
  chmodSync(broken, 0o755)
  const on = ['--on', 'session_ended', '--once', '--']
  t.match(await watch([a, ...on, 'no-such-command']), {
    code: 127,
    stdout: '',
    stderr: "zag-watch: 'no-such-command' was not found on PATH\n",
  })
  t.match(await watch([a, ...on, './none']), { code: 127, stderr: /'.\/none' was not found\n$/ })
  t.match(await watch([a, ...on, 'no-{provider}']), { code: 127, stderr: /'no-sh' was not found on PATH/ })
  t.match(await watch([a, ...on, file]), { code: 126, stdout: '', stderr: /plain' may not be executed/ })
  t.match(await watch([a, ...on, broken]), { code: 126, stdout: '', stderr: /cannot run '.*broken'/ })
  t.match(await watch([a, ...on, 'echo', '{session_id}'.repeat(9_000)]), { code: 126, stdout: '', stderr: /arguments are longer/ })
})

t.test('a command that reads nothing, and much of an event', async t => {
  const id = started()
  say(id, 'x'.repeat(200_000))
  end(id)
  t.match(await watch([id, '--on', 'user_event', '--once', '--', 'true']), { code: 0, stdout: '', stderr: '' })
  t.match(await watch([id, '--on', 'user_event', '--once', '--', 'wc', '-c']), { code: 0, stdout: /^ *200\d{3}\n$/ })
})

t.test('2 and 3', async t => {
  const says = async (args: string[], stderr: RegExp) => t.match(await watch(args), { code: 2, stdout: '', stderr })
  await says(['--on', 'session_ended'], /which sessions\?/)
  await says([a, '--on', 'session_end'], /no kind of event 'session_end': did you mean session_ended\?/)
  await says(
    [a, '--on', 'tool_call,session_ended', '--filter', 'sucess=true'],
    /no such event has a field 'sucess': did you mean success\?/,
  )
  await says([a, '--on', 'session_ended', '--filter', 'tool=x'], /no session_ended event has a field 'tool': there are success, status/)
  await says([a, '--'], /a command is needed after '--'/)
  t.match(await watch(['nobody', '--once']), { code: 3, stdout: '', stderr: /no session 'nobody'/ })
})
