// zag-subscribe: the logs of many sessions, also of those to come, merged without a loss, whatever happens to its watches.

import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { begin, run, until, zagHome } from '../help/run.js'
import { seed, selects, ways } from '../help/selection.js'
import { type Row, rows, Zag } from '../help/sessions.js'
import { end, say, started, startedAgain, writeInto } from '../help/written.js'
import { watches } from '../promises/scene.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const { a, b } = seeds
writeInto(t, zag.home)
const subscribe = (args: string[], more = {}) => zag.go('subscribe', args, more)

/** One that follows, once it does: what is said into `id` reaches it. */
async function following(args: string[], id: string, more = {}) {
  const follower = begin('zag-subscribe', args, { home: zag.home, ...more })
  await until(() => {
    say(id, 'are you there?')
    return follower.stdout.includes('are you there?')
  })
  const of = (row: Row) => row.message !== 'are you there?'
  const { child, ended } = follower
  return { child, ended, text: () => follower.stdout, rows: () => rows(follower.stdout.replace(/[^\n]*$/, '')).filter(of) }
}

const said = (all: Row[], id: string) => all.filter(({ session_id }) => session_id === id).map(({ message }) => message)
let tags = 0
const newTag = () => `tag-${++tags}`

await t.test('every way of naming sessions', async t => {
  // A tag that nobody has and a session without children may have some later.
  const now = ways(seeds).filter(({ args }) => !args.includes('nobody') && !(args.includes('--parent') && args.includes(b)))
  await selects(
    t,
    now,
    (args, input) => subscribe(['--replay', '--until-done', ...args], { input }),
    ({ stdout }) => [...new Set(rows(stdout).map(({ session_id }) => session_id))],
  )
})

t.test('it begins now; --replay at the beginning of each log', async t => {
  const tag = newTag()
  const id = started({ tags: [tag] })
  say(id, 'before')
  const follower = await following(['--tag', tag, '--until-done'], id)
  say(id, 'after')
  end(id)
  t.match(await follower.ended, { code: 0, stderr: '' })
  t.same(said(follower.rows(), id), ['after', undefined])
  t.equal(follower.rows().at(-1)?.type, 'session_ended')
  const all = await subscribe(['--tag', tag, '--until-done', '--replay'])
  t.same(
    rows(all.stdout).map(({ seq }) => seq),
    rows(all.stdout).map((_, at) => at + 1),
    'numbered from 1',
  )
  t.ok(all.stdout.endsWith(follower.text()), 'numbers are those of the log')
  t.same(
    await subscribe(['--tag', tag, '--until-done']),
    { code: 0, signal: null, stdout: '', stderr: '' },
    'nothing is new of what is over',
  )
  t.equal((await subscribe(['--json', '--replay', '--tag', tag, '--until-done'])).stdout, all.stdout, '--json is the same')
})

t.test('sessions that start later: by tag, parent, root, and all', async t => {
  const tag = newTag()
  const first = started({ tags: [tag, 'both'], root: '/somewhere' })
  const root = join(zag.home, 'two')
  const by = {
    tag: await following(['--tag', tag], first),
    tags: await following(['--tag', tag, '--tag', 'both'], first),
    parent: await following(['--parent', first, first], first),
    all: await following(['--all'], first),
    none: await following([], first),
    root: await following(['--root', root, first, '--all', '--until-done'], started({ root })),
    id: await following([first], first),
  }
  const tagged = started({ tags: [tag] })
  const child = started({ parent: first })
  const there = started({ root })
  const both = started({ tags: ['both', tag, 'more'] })
  const names: Record<string, string> = { [tagged]: 'tagged', [child]: 'child', [there]: 'there', [both]: 'both' }
  for (const id of Object.keys(names)) end(id)
  end(first)
  const heard = (all: Row[]) => new Set(all.map(({ session_id }) => names[session_id]).filter(Boolean))
  const wanted = {
    tag: ['tagged', 'both'],
    tags: ['both'],
    parent: ['child'],
    all: Object.values(names),
    none: Object.values(names),
    id: [],
  }
  for (const [way, words] of Object.entries(wanted)) {
    const follower = by[way as keyof typeof by]
    const ends = () => follower.rows().filter(({ type }) => type === 'session_ended').length
    await until(() => ends() >= words.length + (way === 'root' ? 0 : 1))
    t.same([...heard(follower.rows())].sort(), [...words].sort(), way)
  }
  await until(() => heard(by.root.rows()).has('there'))
  for (const { child: process } of Object.values(by)) process.kill('SIGTERM')
  for (const [way, { ended }] of Object.entries(by)) t.match(await ended, { code: 143, stderr: '' }, way)
  t.same([...heard(by.root.rows())], ['there'])
})

t.test(
  'none of 200 sessions x 50 events is missed, and each session is in order, while they start and end',
  { timeout: 100_000 },
  async t => {
    const tag = newTag()
    const first = started({ tags: [tag] })
    const follower = await following(['--tag', tag, '--until-done'], first, { timeout: 90_000 })
    const working = new Map<string, number>()
    let made = 0
    while (made < 200 || working.size > 0) {
      for (let i = 0; i < 3 && made < 200; i++, made++) working.set(started({ tags: [tag] }), 0)
      for (const [id, count] of working) {
        const more = Math.min(50 - count, 1 + ((made + count) % 9))
        say(id, ...Array.from({ length: more }, (_, at) => String(count + at)))
        working.set(id, count + more)
        if (count + more < 50) continue
        end(id)
        working.delete(id)
      }
      // The output is read meanwhile.
      await new Promise(resolve => setImmediate(resolve))
    }
    end(first)
    t.match(await follower.ended, { code: 0, stderr: '' })
    const bySession = new Map<string, Row[]>()
    for (const row of follower.rows()) bySession.set(row.session_id, [...(bySession.get(row.session_id) ?? []), row])
    bySession.delete(first)
    t.equal(bySession.size, 200)
    const wanted = [undefined, ...Array.from({ length: 50 }, (_, at) => String(at)), undefined]
    const wrong = [...bySession].filter(
      ([, all]) =>
        all.some(({ seq }, at) => seq !== at + 1) || JSON.stringify(all.map(({ message }) => message)) !== JSON.stringify(wanted),
    )
    t.same(wrong, [])
  },
)

t.test('a session that is over is let go, and followed again in its next run', async t => {
  const tag = newTag()
  const [before, during, first] = [started({ tags: [tag] }), started({ tags: [tag] }), started({ tags: [tag] })]
  say(before, 'old')
  end(before)
  const follower = await following(['--tag', tag, '--until-done'], first)
  end(during)
  await until(() => follower.rows().some(({ session_id, type }) => session_id === during && type === 'session_ended'))
  for (const id of [before, during]) {
    startedAgain(id, 2)
    say(id, 'second run')
  }
  await until(() => [before, during].every(id => said(follower.rows(), id).includes('second run')))
  for (const id of [before, during]) end(id, 2)
  end(first)
  t.match(await follower.ended, { code: 0, stderr: '' })
  t.same(said(follower.rows(), before), [undefined, 'second run', undefined], 'what was over before it began is not new')
  t.same(said(follower.rows(), during), [undefined, undefined, 'second run', undefined])
})

t.test('--until-done waits for a first session, and says so', async t => {
  const tag = newTag()
  const follower = begin('zag-subscribe', ['--tag', tag, '--until-done'], { home: zag.home })
  await until(() => follower.stderr === 'zag-subscribe: no such session yet: waiting for one\n')
  const id = started({ tags: [tag] })
  end(id)
  t.match(await follower.ended, { code: 0 })
  t.same(
    rows(follower.stdout).map(({ type }) => type),
    ['session_started', 'session_ended'],
  )
  const quiet = begin('zag-subscribe', ['-q', '--tag', 'another'], { home: zag.home })
  quiet.child.kill('SIGINT')
  t.match(await quiet.ended, { stdout: '', stderr: '' })
})

t.test('a home that is made later', async t => {
  const home = t.testdir()
  const follower = begin('zag-subscribe', ['--all'], { home })
  await until(() => follower.stderr.includes('waiting'))
  const script = 'zag-exec -p sh "echo here" && zag-exec -p sh "echo again"'
  t.equal((await run('/bin/sh', ['-c', script], { home })).code, 0)
  await until(() => /"here"[\s\S]*"again"[\s\S]*session_ended/.test(follower.stdout))
  follower.child.kill('SIGTERM')
  t.equal((await follower.ended).code, 143)
})

t.test('it survives the loss of its watches', async t => {
  const tag = newTag()
  const first = started({ tags: [tag] })
  const follower = await following(['--tag', tag, '--until-done'], first)
  await t.test('markers that went elsewhere with their folder', async () => {
    const events = join(zagHome(zag.home), 'events')
    renameSync(events, `${events}-old`)
    mkdirSync(events, { mode: 0o700 })
    const id = started({ tags: [tag] })
    end(id)
    await until(() => said(follower.rows(), id).length === 2)
    rmSync(`${events}-old`, { recursive: true })
  })
  await t.test('more changes than the system keeps', async () => {
    const other = await following(['--tag', tag, '--until-done'], first)
    for (const { child } of [follower, other]) child.kill('SIGSTOP')
    const junk = join(zagHome(zag.home), 'events', 'junk')
    for (let i = 0; i < 10_000; i++) {
      writeFileSync(junk, '')
      rmSync(junk)
    }
    const id = started({ tags: [tag] })
    say(id, 'unseen')
    say(first, 'unheard')
    for (const { child } of [follower, other]) child.kill('SIGCONT')
    for (const each of [follower, other])
      await until(() => said(each.rows(), id).includes('unseen') && said(each.rows(), first).includes('unheard'))
    end(id)
    end(first)
    t.match(await other.ended, { code: 0, stderr: '' })
  })
  t.match(await follower.ended, { code: 0, stderr: '' })
})

t.test('it sweeps where the system lets nothing be watched', async t => {
  // In a user namespace of its own a process may take away its right to watch.
  const none = 'echo 0 >/proc/sys/user/max_inotify_instances'
  const alone = await run('/bin/sh', ['-c', `unshare -Ur sh -c '${none}'`], { home: zag.home })
  if (alone.code !== 0) return t.pass('cannot be tried: no user namespaces here')
  const tag = newTag()
  const first = started({ tags: [tag] })
  const script = `${none}; exec zag-subscribe --tag ${tag} --until-done`
  const follower = begin('/bin/sh', ['-c', `exec unshare -Ur sh -c '${script}'`], { home: zag.home })
  await until(() => {
    say(first, 'are you there?')
    return follower.stdout.includes('are you there?')
  })
  t.notOk(watches(follower.child.pid), 'nothing is watched')
  const second = started({ tags: [tag] })
  say(second, 'new')
  await until(() => follower.stdout.includes('"new"'))
  end(second)
  end(first)
  t.match(await follower.ended, { code: 0, stderr: '' })
  t.equal(rows(follower.stdout).filter(({ type }) => type === 'session_ended').length, 2)
})

t.test('a removed session and a dead runner do not keep it', async t => {
  const tag = newTag()
  const id = await zag.spawn('echo said; exec sleep 300', ['--tag', tag])
  const gone = started({ tags: [tag] })
  const follower = await following(['--tag', tag, '--until-done'], gone)
  rmSync(join(zagHome(zag.home), 'sessions', gone), { recursive: true })
  const [row] = rows((await zag.go('status', ['--json', id])).stdout)
  process.kill(Number(row?.runner_pid), 'SIGKILL')
  t.match(await follower.ended, { code: 0, stderr: '' })
  t.match(follower.rows().at(-1), { session_id: id, type: 'session_ended', status: 'dead' })
})

t.test('--type and --filter', async t => {
  const tag = newTag()
  const id = started({ tags: [tag] })
  const event = (fields: object) => appendFileSync(zag.file(id, 'log.ndjson'), `${JSON.stringify({ ts: '', session_id: id, ...fields })}\n`)
  event({ type: 'tool_call', tool: 'bash', tool_kind: 'shell', input: { command: 'ls a,b', n: [{ deep: true }] } })
  event({ type: 'tool_call', tool: 'read', tool_kind: 'file_read', input: { path: 'x' } })
  event({ type: 'assistant_message', content: 'ls a,b' })
  appendFileSync(zag.file(id, 'log.ndjson'), 'torn by a kill\n')
  event({ type: 'later_kind', content: 'x' })
  end(id)
  const seqs = async (...args: string[]) => {
    const { code, stdout, stderr } = await subscribe(['--replay', '--until-done', id, ...args])
    t.match({ code, stderr }, { code: 0, stderr: '' })
    return rows(stdout).map(({ seq }) => seq)
  }
  t.same(await seqs(), [1, 2, 3, 4, 5, 6, 7])
  t.same(await seqs('--type', 'tool_call'), [2, 3])
  t.same(await seqs('--type', 'tool_call,assistant_message', '--type', 'parse_warning'), [2, 3, 4, 5])
  t.same(await seqs('--type', 'session_ended', '--filter', 'success=true,exit_code=0'), [7])
  t.same(await seqs('--type', 'session_ended', '--filter', 'success=true', '--filter', 'exit_code=1'), [])
  t.same(await seqs('--filter', 'tool=bash'), [2])
  t.same(await seqs('--filter', 'input.command=ls a\\,b'), [2])
  t.same(await seqs('--filter', 'input.n.0.deep=true'), [2])
  t.same(await seqs('--filter', 'input={"path":"x"}'), [3])
  t.same(await seqs('--filter', 'input.nothing=undefined'), [])
  t.same(await seqs('--filter', 'content=ls a\\,b'), [4])
  t.same(await seqs('--filter', 'type=later_kind'), [6], 'a kind of later is no fault of the log')
  t.same(await seqs('--filter', `session_id=${id},seq=3`), [3])
})

t.test('--text', async t => {
  const { code, stdout, stderr } = await subscribe(['--replay', '--until-done', '--text', a, b])
  const [first, second] = [a.slice(-8), b.slice(-8)]
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.equal(
    stdout,
    `${first} alpha  [session_started] sh, run 1\n${first} alpha  > echo a\n${first} alpha  a\n${first} alpha  [session_ended] completed\n` +
      `${second}  [session_started] sh, run 1\n${second}  > echo b; exit 3\n${second}  b\n${second}  [session_ended] failed: exit code 3\n`,
  )
  const odd = (await zag.over("printf 'one\\033[2J\\nt\\x77o\\n'")).session_id
  t.notMatch((await subscribe(['--replay', '--until-done', '--text', odd])).stdout, '\u001b')
})

t.test('signals end it quietly, with all that was appended before', async t => {
  const id = started()
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const follower = await following([id], id)
    follower.child.kill(signal)
    t.match(await follower.ended, { code, signal: null, stderr: '' }, signal)
  }
  const replaying = begin('zag-subscribe', ['--replay', id], { home: zag.home })
  await until(() => replaying.stdout !== '')
  replaying.child.kill('SIGTERM')
  t.match(await replaying.ended, { code: 143, stderr: '' })
  const { code, stdout, stderr } = await zag.sh(`zag subscribe --replay --until-done ${a} | head -n 1`)
  t.match({ code, stderr, lines: rows(stdout).length }, { code: 0, stderr: '', lines: 1 }, 'a reader that went away')
  end(id)
})

t.test('2 and 3', async t => {
  const says = async (args: string[], stderr: RegExp) => t.match(await subscribe([...args, a]), { code: 2, stdout: '', stderr })
  await says(['--text', '--json'], /--text or --json, not both/)
  await says(['--type', 'sesion_ended'], /no kind of event 'sesion_ended': did you mean session_ended\?/)
  await says(['--type', 'x,'], /no kind of event 'x': see zag man 5 zag-log/)
  await says(['--filter', 'tool'], /--filter 'tool' is no key=value/)
  await says(['--filter', '=x'], /--filter '=x' is no key=value/)
  await says(['--filter', 'contnt=x'], /no such event has a field 'contnt': did you mean content\?/)
  await says(['--type', 'turn_ended', '--filter', 'content=x'], /no turn_ended event has a field 'content': there are stop_reason/)
  await says(['--filter', 'content.x=x'], /'content.x': 'content' holds one value/)
  await says(['--filter', '__proto__=x'], /no such event has a field '__proto__'/)
  await says(['--tag', ''], /an empty tag/)
  t.match(await subscribe(['nobody']), { code: 3, stdout: '', stderr: /no session 'nobody'/ })
})
