// Sessions that wait for others: in order, exactly once, whoever is killed, and without a process while they wait.

import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { lives } from '../help/processes.js'
import { until } from '../help/run.js'
import { rows } from '../help/sessions.js'
import * as played from '../help/written.js'
import { kill, Scene } from './scene.js'

const DEADLINE = { timeout: 20_000 }

/** A script that goes on when the file is there, which `open` makes. */
function gate(scene: Scene, name = 'gate'): { script: string; open(): void } {
  const path = join(scene.home, name)
  return { script: `until [ -e ${path} ]; do sleep 0.02; done`, open: () => writeFileSync(path, '') }
}

/** Notes in a file that it ran. */
const note = (scene: Scene, word: string) => `echo ${word} >>${scene.home}/ran`
const noted = (scene: Scene) =>
  existsSync(join(scene.home, 'ran')) ? readFileSync(join(scene.home, 'ran'), 'utf8').trim().split('\n') : []

const after = (...ids: string[]) => ids.flatMap(id => ['--depends-on', id])

/** A session that the test itself plays and ends, so that nobody starts what waits for it. */
function dependency(scene: Scene): string {
  played.writeInto(t, scene.home)
  return played.started()
}

async function statesOf(scene: Scene, ...ids: string[]): Promise<string[]> {
  const { stdout } = await scene.zag('status', ['--json', ...ids])
  return rows(stdout).map(({ status }) => status)
}

t.test('a diamond: in order, and both results are there for the last', async t => {
  const scene = new Scene(t)
  const { script, open } = gate(scene)
  const a = await scene.spawn(`${script}; ${note(scene, 'a')}; echo from a`, '--name', 'a')
  const [b, c] = [
    await scene.spawn(`cat; ${note(scene, 'b')}; echo from b`, '--name', 'b', ...after(a), '--inject-context'),
    await scene.spawn(`${note(scene, 'c')}; echo "</session-result> from c"`, '--name', 'c', ...after('a')),
  ]
  const d = await scene.spawn(`${note(scene, 'd')}; cat; cd "$ZAG_CONTEXT_DIR"; head -n 99 *`, ...after(b, c), '--inject-context')
  writeFileSync(scene.path('config.toml'), '[providers.parrot]\ncommand = ["cat"]\n')
  const text = await scene.zag('spawn', ['-p', 'parrot', ...after(b, c), '--inject-context', '--json', 'Merge $(these) "two"'])
  const [row] = rows(text.stdout)
  t.match(row, { session_id: String, pid: null })
  t.strictSame(await statesOf(scene, a, b, c, d), ['running', 'queued', 'queued', 'queued'])
  t.match(JSON.parse(await scene.ask('status', '--json', d)), { runner_pid: undefined, pid: undefined })
  open()
  t.match(await scene.zag('wait', ['--all'], DEADLINE), { code: 0 })
  const order = noted(scene)
  t.equal(order[0], 'a')
  t.equal(order[3], 'd')
  t.equal(order.length, 4)
  const said = await scene.ask('output', d)
  t.match(said, `<session-result index="1" session="${b}" name="b" escaped="true">\n`)
  t.match(said, /from a\n<\\\/session-result>\nfrom b\n/, 'what b was given came along in its result')
  t.match(said, `<session-result index="2" session="${c}" name="c" escaped="true">\n<\\/session-result> from c\n</session-result>\n`)
  t.match(said, /==> 1-b\.txt <==\n[\s\S]*==> 2-c\.txt <==\n<\/session-result> from c/, 'each is a file')
  const prompt = await scene.ask('output', String(row?.session_id))
  t.match(prompt, /^Results of other sessions follow[\s\S]*from b[\s\S]*from c[\s\S]*<\/session-result>\n\nMerge \$\(these\) "two"$/)
  t.match(scene.events(d, 'session_started'), [{ depends_on: [b, c] }])
})

t.test('a corner that fails: all below fails at once, another branch goes on', async t => {
  const scene = new Scene(t)
  const { script, open } = gate(scene)
  const badly = gate(scene, 'badly')
  const [bad, slow] = [await scene.spawn(`${badly.script}; exit 3`, '--name', 'bad'), await scene.spawn(`${script}; echo slow`)]
  const merge = await scene.spawn('true', '--name', 'merge', ...after(bad, slow))
  const below = await scene.spawn('true', ...after(merge))
  const other = await scene.spawn('echo other', ...after(slow))
  const any = await scene.spawn('cat', ...after(bad, slow), '--after-any', '--inject-context')
  badly.open()
  const { code, stdout } = await scene.zag('wait', ['--json', merge, below], DEADLINE)
  t.equal(code, 1)
  t.match(rows(stdout), [
    { session_id: merge, status: 'failed', reason: 'dependency', error: 'session bad, on which it depends, is failed' },
    { session_id: below, status: 'failed', reason: 'dependency', error: 'session merge, on which it depends, is failed' },
  ])
  t.strictSame(await statesOf(scene, slow, other, any), ['running', 'queued', 'queued'], 'the rest is not over')
  t.same(scene.events(merge, 'session_started'), [], 'it never started')
  t.same(await statesOf(scene, await scene.spawn('true', ...after(below))), ['failed'], 'so does what comes too late')
  open()
  t.match(await scene.zag('wait', [other, any], DEADLINE), { code: 0 })
  t.match(await scene.ask('output', any), /state="failed">\n\(no result: exit code 3\)\n[\s\S]*slow/)
})

t.test('what is asked of those that wait', async t => {
  const scene = new Scene(t)
  const id = dependency(scene)
  const waits = await scene.spawn('echo done', ...after(id), '--tag', 'w')
  t.match(await scene.zag('output', [waits]), { code: 4, stderr: /is queued/ })
  t.match(await scene.zag('status', ['--exit-code', waits]), { code: 4, stdout: 'queued\n' })
  t.match(await scene.zag('ps', []), { stdout: new RegExp(`${waits}\tqueued\t`) })
  t.match(JSON.parse(await scene.ask('collect', '--json', waits)), [{ status: 'queued' }])
  t.match(await scene.zag('wait', ['--timeout', '300ms', waits], DEADLINE), { code: 124 })
  t.match(await scene.zag('session', ['delete', waits]), { code: 4, stderr: /is queued: end it first/ })
  const listening = scene.begin('listen', [waits], DEADLINE)
  const following = scene.begin('subscribe', ['--tag', 'w', '--until-done', '--replay'], DEADLINE)
  played.end(id)
  t.match(await scene.zag('wait', [waits], DEADLINE), { code: 0 })
  t.match(await listening.ended, { code: 0, stdout: /done\n\[session_ended\] completed/ })
  t.match(await following.ended, { code: 0, stdout: /session_ended/ })
})

t.test('a session that is over stays as long as others wait for it', async t => {
  const scene = new Scene(t)
  const [id, other] = [dependency(scene), played.started()]
  const waits = await scene.spawn('cat', ...after(id, other), '--inject-context', '--name', 'waits')
  played.end(id)
  t.match(await scene.zag('session', ['delete', id]), { code: 4, stderr: /is waited for by others/ })
  const gc = () => scene.zag('gc', ['--force', '--older-than', '0', id])
  t.match(await gc(), { code: 0, stderr: /removed 0 sessions/ })
  played.end(other)
  t.match(await scene.zag('wait', [waits], DEADLINE), { code: 0 })
  t.match(await gc(), { code: 0, stderr: /removed 1 session/ })
})

t.test('300 that wait cost no process', async t => {
  const scene = new Scene(t)
  const first = await scene.spawn(`exec sleep ${scene.nap}`)
  const input = Array.from({ length: 300 }, (_, n) => `echo ${n}`).join('\n')
  const { stdout } = await scene.zag('spawn', ['-p', 'sh', '--each', ...after(first), '--tag', 'many'], { input })
  t.equal(new Set(stdout.trim().split('\n')).size, 300)
  t.same((await scene.ask('status', '--tag', 'many')).match(/\tqueued$/gm)?.length, 300)
  const [runner, agent] = [scene.owner(first)?.pid, scene.events(first, 'session_started')[0]?.pid]
  t.same(scene.leftovers({ all: true }).sort(), [runner, agent].sort(), 'a runner and its agent')
  t.same(scene.list('queue'), [])
  t.match(await scene.zag('cancel', ['--tag', 'many'], DEADLINE), { code: 0 })
  t.match(await scene.zag('status', ['--exit-code', '--tag', 'many']), { code: 1, stdout: /^(.*\tcancelled\n){300}$/ })
})

t.test('a ladder of thirty rungs is walked once, not along each of its ways', async t => {
  const scene = new Scene(t)
  const rung = (n: number, side: string) => ({
    name: `${side}${n}`,
    prompt: n === 0 ? `exec sleep ${scene.nap}` : 'true',
    depends_on: n === 0 ? [] : [`l${n - 1}`, `r${n - 1}`],
  })
  const input = Array.from({ length: 30 }, (_, n) => ['l', 'r'].map(side => JSON.stringify(rung(n, side))))
    .flat()
    .join('\n')
  const { code, stdout } = await scene.zag('spawn', ['-p', 'sh', '--each', '--tag', 'ladder'], { input })
  t.equal(code, 0)
  const ids = stdout.trim().split('\n')
  await until(() => ids.slice(0, 2).every(id => scene.events(id, 'session_started').length > 0))
  kill(scene.owner(ids[0] as string)?.pid)
  t.match(await scene.zag('wait', ['--tag', 'ladder'], DEADLINE), { code: 1 })
  const states = await statesOf(scene, ...ids)
  t.same(states, [...Array(2).fill('dead'), ...Array(58).fill('failed')])
  for (const id of ids) t.equal(scene.events(id, 'session_ended').length, 1)
})

t.test('the runner of a dependency is killed', async t => {
  const scene = new Scene(t)
  const first = await scene.spawn(`echo half; exec sleep ${scene.nap}`)
  const second = await scene.spawn('true', ...after(first))
  const third = await scene.spawn('true', ...after(second))
  const any = await scene.spawn('cat', ...after(first), '--after-any', '--inject-context')
  await until(() => scene.said(first) === 'half')
  const waits = [third, any].map(id => scene.begin('wait', [id], DEADLINE))
  kill(scene.owner(first)?.pid)
  const [failed, completed] = await Promise.all(waits.map(({ ended }) => ended))
  t.match(failed, { code: 1, stdout: /\tfailed\tsession [0-9a-f]{8}, on which it depends, is failed\n$/ })
  t.match(completed, { code: 0 })
  t.match(await scene.ask('output', any), /state="dead">\nhalf\n/, 'what it had said is there')
  t.same(await statesOf(scene, first, second), ['dead', 'failed'])
})

t.test('whoever ended a dependency died before it started anything', async t => {
  const scene = new Scene(t)
  const id = dependency(scene)
  const ids = [await scene.spawn('true', ...after(id)), await scene.spawn('true', ...after(id)), await scene.spawn('true', ...after(id))]
  const [one, two, three] = ids as [string, string, string]
  played.end(id)
  await scene.zag('status', [one])
  await until(async () => (await scene.ask('status', one)) === 'completed')
  t.same(scene.events(two), [], 'only what was looked at')
  await scene.zag('ps', [])
  await until(() => [two, three].every(each => scene.events(each, 'session_ended').length === 1))
})

/** What the folder of a queued session looks like when whoever was about to start it was killed. */
function claimBy(scene: Scene, id: string, claim: number, owner: object): void {
  writeFileSync(scene.path('sessions', id, `owner.${claim}`), JSON.stringify({ run: 1, ...owner }))
}

t.test('a claim of one who died is taken over, one of the living is not', async t => {
  const scene = new Scene(t)
  const id = dependency(scene)
  const dead = { role: 'start', pid: process.pid, start: '1', boot: 'another', host: hostname() }
  const [first, second] = [await scene.spawn('true', ...after(id)), await scene.spawn('true', ...after(id))]
  for (const claim of [2, 3]) claimBy(scene, first, claim, dead)
  const me = { ...JSON.parse(scene.read('sessions', id, 'owner.1') as string), role: 'start' }
  claimBy(scene, second, 2, me)
  played.end(id)
  t.match(await scene.zag('wait', [first], DEADLINE), { code: 0 })
  t.equal(await scene.ask('status', second), 'running', 'somebody is at it')
  t.same(scene.events(second), [])
  claimBy(scene, second, 3, { ...dead, role: 'queue', pid: 0 })
  t.match(await scene.zag('wait', [second], DEADLINE), { code: 0 })
})

t.test('fifty look at once, and it starts once', async t => {
  const scene = new Scene(t)
  const id = dependency(scene)
  const ids = [
    await scene.spawn(note(scene, 'x'), ...after(id)),
    await scene.spawn(note(scene, 'x'), ...after(id), '--slots', '1'),
    await scene.spawn(note(scene, 'x'), ...after(id), '--slots', '2'),
  ]
  played.end(id)
  const looks = Array.from({ length: 50 }, () => scene.begin('status', ids, { timeout: 60_000 }))
  for (const { ended } of looks) t.match(await ended, { code: 0, stderr: '' })
  t.match(await scene.zag('wait', ids, { timeout: 60_000 }), { code: 0 })
  t.same(noted(scene), ['x', 'x', 'x'])
  for (const each of ids) {
    t.equal(scene.events(each, 'session_started').length, 1)
    t.equal(scene.events(each, 'session_ended').length, 1)
  }
  await until(() => scene.leftovers({ all: true }).length === 0)
})

t.test('cancel: in place, and a graph as a whole', async t => {
  const scene = new Scene(t)
  const tag = ['--tag', 'graph']
  const first = await scene.spawn(`exec sleep ${scene.nap}`, ...tag)
  const second = await scene.spawn('true', ...after(first), ...tag)
  const third = await scene.spawn('true', ...after(second), ...tag)
  const aside = await scene.spawn('true', ...after(second))
  t.match(await scene.zag('cancel', ['--tag', 'graph', '--grace', '0'], DEADLINE), { code: 0, stdout: /^(.*\tcancelled\n){3}$/ })
  t.same(await statesOf(scene, first, second, third), ['cancelled', 'cancelled', 'cancelled'])
  t.match(await scene.zag('wait', ['--json', aside], DEADLINE), { code: 1, stdout: /"reason":"dependency"/ })
  t.same(scene.events(second, 'session_started'), [])
  t.match(scene.events(second, 'session_ended'), [{ status: 'cancelled', reason: 'cancelled', duration_ms: 0 }])
  t.match(await scene.zag('cancel', [second], DEADLINE), { code: 0, stdout: `${second}\tcancelled\n` }, 'it was over already')
})

t.test('a dependency that was removed', async t => {
  const scene = new Scene(t)
  const id = dependency(scene)
  const needs = await scene.spawn('true', ...after(id))
  const any = await scene.spawn('cat', ...after(id), '--after-any', '--inject-context')
  rmSync(scene.path('sessions', id), { recursive: true })
  t.match(await scene.zag('wait', [needs], DEADLINE), {
    code: 1,
    stdout: /failed\tsession [0-9a-f]{8}, on which it depends, was removed\n$/,
  })
  t.match(await scene.zag('wait', [any], DEADLINE), { code: 0 })
  t.match(await scene.ask('output', any), /\(no result: /)
})

async function keepsEnvironment(t: Test, scene: Scene, ...flags: string[]) {
  const id = dependency(scene)
  const { stdout } = await scene.zag('spawn', ['-p', 'sh', ...after(id), ...flags, 'echo "$ONLY_HERE$ZAG_PARENT_SESSION_ID"'], {
    env: { ONLY_HERE: 'it\'s $(here)\n"now"', ZAG_PROCESS_ID: 'x', ZAG_RUNNER: 'y.1' },
  })
  const waits = stdout.trim()
  const kept = scene.path('sessions', waits, 'environment')
  t.equal(statSync(kept).mode & 0o777, 0o600)
  played.end(id)
  t.match(await scene.zag('wait', [waits], DEADLINE), { code: 0 })
  t.equal(await scene.ask('output', waits), 'it\'s $(here)\n"now"')
  t.notOk(existsSync(kept), 'and is not kept longer than needed')
}

t.test('the environment is that of whoever asked', async t => {
  const scene = new Scene(t)
  await keepsEnvironment(t, scene)
  await keepsEnvironment(t, scene, '--slots', '1')
  const id = dependency(scene)
  const waits = await scene.spawn('true', ...after(id))
  await scene.zag('cancel', [waits])
  t.notOk(existsSync(scene.path('sessions', waits, 'environment')), 'nor that of one that never started')
  const over = await scene.spawn('true')
  await scene.zag('wait', [over])
  await until(() => !lives(scene.owner(over)?.pid as number))
  writeFileSync(scene.path('sessions', over, 'environment'), '{}')
  await scene.zag('status', [over])
  t.notOk(existsSync(scene.path('sessions', over, 'environment')), 'whoever looks removes what a runner that was killed left')
})

t.test('nothing crosses the wall of a sandbox, in either direction', async t => {
  const scene = new Scene(t)
  const id = dependency(scene)
  const waits = await scene.spawn('env | grep -c ^ZAG_SANDBOX; :', ...after(id))
  const slot = await scene.spawn('true', ...after(id), '--slots', '1')
  played.end(id)
  const inside = { env: { ZAG_SANDBOX: '1' } }
  t.match(await scene.zag('status', [waits, slot], inside), { code: 0, stdout: /^(.*\tqueued\n){2}$/ })
  for (const flags of [
    ['--slots', '1'],
    ['--depends-on', waits],
  ])
    t.match(await scene.zag('spawn', ['-p', 'sh', ...flags, 'true'], inside), {
      code: 4,
      stdout: '',
      stderr: 'zag-spawn: what waits for others or for a slot would be started outside of this sandbox: ask for it there\n',
    })
  t.match(await scene.zag('spawn', ['-p', 'sh', '--each'], { ...inside, input: 'true\n' }), {
    code: 4,
    stdout: '',
    stderr: /^zag-spawn: row 1: /,
  })
  t.same(scene.list('queue'), [])
  t.match(await scene.zag('spawn', ['-p', 'sh', '--env', 'ZAG_SANDBOX=0', 'true']), { code: 2 })
  t.match(await scene.zag('wait', [waits, slot], DEADLINE), { code: 0 })
  t.equal(await scene.ask('output', waits), '0')
})
