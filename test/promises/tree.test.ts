// Sessions that start sessions: every event names the parent, limits hold however many try at once, and who is ended takes all that
// descends from it along, however it is ended, whoever else is at it, and whatever is born meanwhile.

import { mkdirSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { lives } from '../help/processes.js'
import { until } from '../help/run.js'
import { kill, Scene } from './scene.js'

/** Inside of a session, as a program that its agent starts sees it. */
const within = (id: string) => ({ env: { ZAG_SESSION_ID: id } })

async function child(scene: Scene, parent: string, script: string, ...flags: string[]): Promise<string> {
  const { code, stdout, stderr } = await scene.zag('spawn', ['-p', 'sh', ...flags, '--prompt', script], within(parent))
  if (code !== 0) throw new Error(`spawn gave ${code}: ${stderr}`)
  return stdout.trim()
}

const status = (scene: Scene, id: string) => scene.ask('status', id)
const napping = (scene: Scene) => `echo ready; exec sleep ${scene.nap}`
const ready = (scene: Scene, ...ids: string[]) => until(() => ids.every(id => scene.said(id).includes('ready')))
const end = (scene: Scene, id: string) => scene.events(id, 'session_ended').at(-1)
const rowsOf = (text: string) => text.trim().split('\n').sort()
const isGone = (t: Test, scene: Scene) => t.resolves(until(() => scene.leftovers().length === 0))

t.test('a parent with three children of which one has a child: shown, summed, and ended without a rest', async t => {
  const scene = new Scene(t)
  const usage = (tokens: number) =>
    `echo '{"type":"usage","input_tokens":${tokens},"output_tokens":1,"cost_usd":0.5}' ; echo '{"type":"assistant_message","content":"ready"}'`
  const config = `[providers.told]\ncommand = ["sh", "{prompt_file}"]\nformat = "ndjson"\n`
  mkdirSync(scene.path(), { recursive: true, mode: 0o700 })
  writeFileSync(scene.path('config.toml'), config)
  const script = `
    ${usage(1)}
    zag spawn --name one '${usage(10).replaceAll("'", `'\\''`)}; sleep ${scene.nap}' >/dev/null
    zag spawn --name two '${usage(100).replaceAll("'", `'\\''`)}; sleep ${scene.nap}' >/dev/null
    zag spawn --name three 'zag spawn --name grand "sleep ${scene.nap}" >/dev/null; ${usage(1000).replaceAll("'", `'\\''`)}; sleep ${scene.nap}' >/dev/null
    sleep ${scene.nap}`
  const { stdout } = await scene.zag('spawn', ['-p', 'told', '--name', 'top', script])
  const top = stdout.trim()
  const names = async () => JSON.parse((await scene.zag('ps', ['--tree', '--json'])).stdout) as Record<string, unknown>[]
  const tree = await until(async () => {
    const rows = await names()
    return rows.length === 5 && rows
  })
  const id = (name: string) => tree.find(row => row.name === name)?.session_id as string
  t.same(
    tree.map(({ name, depth, parent_id }) => [name, depth, parent_id]),
    [
      ['top', 0, null],
      ['one', 1, top],
      ['two', 1, top],
      ['three', 1, top],
      ['grand', 2, id('three')],
    ],
  )
  const lines = (await scene.ask('ps', '--tree', top)).split('\n').map(line => line.replace(/\t.*/, ''))
  t.same(lines, [top, `├─ ${id('one')}`, `├─ ${id('two')}`, `└─ ${id('three')}`, `   └─ ${id('grand')}`])
  await ready(scene, top, id('one'), id('two'), id('three'))
  const summary = JSON.parse(await scene.ask('summary', '--tree', '--json', top))
  t.match(summary.totals, { sessions: 5, cost_usd: 2, usage: { input_tokens: 1111, output_tokens: 4 } })
  t.match(summary.sessions[0].tree, { sessions: 5, cost_usd: 2 })
  const { code, stdout: ended, stderr } = await scene.zag('cancel', [top, '--grace', '1s'])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.same(rowsOf(ended), tree.map(row => `${row.session_id}\tcancelled`).sort(), 'each is told')
  t.equal(await scene.ask('ps'), '')
  await isGone(t, scene)
  for (const row of tree) {
    const parents = new Set(scene.events(row.session_id as string).map(event => event.parent_id ?? null))
    t.same([...parents], [row.parent_id], 'every event of a child names its parent')
  }
  t.match(end(scene, id('grand')), { status: 'cancelled', reason: 'parent' })
})

t.test('parent_id in what each writer writes', async t => {
  const scene = new Scene(t)
  const parent = await scene.spawn('true')
  const all: string[] = []
  // The runner, the programs inside, and who hands in a result.
  all.push(await child(scene, parent, 'echo x; echo y >&2; zag log note; zag ps kill self done; sleep 9'))
  await scene.ask('wait', ...all)
  // A message and its run, a retry of it, and a limit of its time.
  await scene.zag('input', [all[0] as string, 'echo more'])
  all.push(await child(scene, parent, 'sleep 9', '--timeout', '0.1s'))
  // The queue: cancelled there, and failed for what it depends on.
  const gate = await child(scene, parent, napping(scene))
  const [waits, fails] = [
    await child(scene, parent, 'true', '--depends-on', gate),
    await child(scene, parent, 'true', '--depends-on', gate),
  ]
  await scene.zag('cancel', [waits])
  await ready(scene, gate)
  // Whoever finds a dead runner.
  kill(Number(scene.owner(gate)?.pid))
  await scene.zag('wait', [gate, fails])
  all.push(waits, fails, gate)
  await scene.zag('wait', all)
  for (const id of all) {
    const events = scene.events(id)
    t.ok(
      events.some(({ type }) => type === 'session_ended'),
      'it has an end',
    )
    t.same([...new Set(events.map(({ parent_id }) => parent_id))], [parent], events.map(({ type }) => type).join(' '))
  }
  t.match(end(scene, gate), { status: 'dead' })
  t.match(end(scene, fails), { status: 'failed', reason: 'dependency' })
})

t.test('of twenty spawns at once as many are born as there is room for, and room comes free', async t => {
  const scene = new Scene(t)
  const parent = await scene.spawn(napping(scene), '--max-children', '7', '--name', 'full')
  const tries = Array.from({ length: 20 }, () => scene.zag('spawn', ['-p', 'sh', `sleep ${scene.nap}`], within(parent)))
  const ended = await Promise.all(tries)
  const born = ended.filter(({ code }) => code === 0)
  t.equal(born.length, 7)
  for (const { code, stdout, stderr } of ended.filter(({ code }) => code !== 0)) {
    t.match({ code, stdout }, { code: 4, stdout: '' })
    t.match(stderr, /^zag-spawn: session \S+ has 7 living children and may have no more: --max-children 7 of session \S+ full: wait .*\n$/)
  }
  t.equal(scene.list('sessions').length, 8, 'and nothing is left of the others')
  const [one, two] = born.map(({ stdout }) => stdout.trim()) as [string, string]
  await scene.zag('cancel', ['--grace', '0', one, two])
  const again = await Promise.all(Array.from({ length: 4 }, () => scene.zag('spawn', ['-p', 'sh', `sleep ${scene.nap}`], within(parent))))
  t.equal(again.filter(({ code }) => code === 0).length, 2, 'the places of those that are over')
  // What died gives its place back as well.
  kill(Number(scene.owner(again.find(({ code }) => code === 0)?.stdout.trim() as string)?.pid))
  const last = await until(async () => {
    const { code, stdout } = await scene.zag('spawn', ['-p', 'sh', 'true'], within(parent))
    return code === 0 && stdout
  })
  t.ok(last)
  await scene.zag('cancel', ['--grace', '0', parent])
  await isGone(t, scene)
})

t.test('no child is born of what is being ended', async t => {
  const scene = new Scene(t)
  const breeds = `trap '' INT TERM; echo ready; while :; do zag spawn -p sh 'sleep ${scene.nap}' >/dev/null 2>>said || echo $? >>codes; done`
  const parent = await scene.spawn(breeds, '--max-children', '500')
  await ready(scene, parent)
  await until(() => scene.list('sessions').length > 3)
  const { code } = await scene.zag('cancel', [parent, '--grace', '0.5s'])
  t.equal(code, 0)
  t.equal(await scene.ask('ps', '-q'), '')
  const ids = scene.list('sessions')
  t.same([...new Set(ids.map(id => end(scene, id)?.status))], ['cancelled'])
  await isGone(t, scene)
  t.equal(scene.list('sessions').length, ids.length)
  const late = await scene.zag('spawn', ['-p', 'sh', 'true'], within(parent))
  t.match(late, { code: 4, stdout: '', stderr: /^zag-spawn: session \S+ is being ended and starts no other: .*\n$/ })
  t.match(await scene.zag('input', ['--session', parent, 'zag spawn -p sh true']), { code: 0 }, 'but its next run may')
  t.equal(scene.list('sessions').length, ids.length + 1)
})

t.test('--only leaves the children at work; so does an end that was its own, and a runner that was killed', async t => {
  const scene = new Scene(t)
  const [a, b, c] = [await scene.spawn(napping(scene)), await scene.spawn('true'), await scene.spawn(napping(scene))]
  const children = [await child(scene, a, napping(scene)), await child(scene, b, napping(scene)), await child(scene, c, napping(scene))]
  const grandchild = await child(scene, children[1] as string, napping(scene))
  await ready(scene, a, c, ...children, grandchild)
  t.match(await scene.zag('cancel', ['--only', a]), { code: 0, stdout: `${a}\tcancelled\n` })
  kill(Number(scene.owner(c)?.pid))
  await scene.zag('wait', [b, c])
  t.same([await status(scene, a), await status(scene, b), await status(scene, c)], ['cancelled', 'completed', 'dead'])
  for (const id of children) t.equal(await status(scene, id), 'running')
  const shown = (await scene.ask('ps', '--tree')).split('\n').map(line => line.split('\t').slice(0, 2))
  t.same(shown.slice(0, 4), [
    [a, 'cancelled'],
    [`└─ ${children[0]}`, 'running'],
    [b, 'completed'],
    [`└─ ${children[1]}`, 'running'],
  ])
  const ended = await scene.zag('cancel', [b, '--grace', '0.1s'])
  t.same(
    rowsOf(ended.stdout),
    [`${b}\tcompleted`, `${children[1]}\tcancelled`, `${grandchild}\tcancelled`].sort(),
    'also below what is over',
  )
  t.match(await scene.zag('ps', ['kill', a, c]), { code: 0 })
  t.equal(await scene.ask('ps'), '')
  await isGone(t, scene)
})

t.test('time that is over, a stall, a signal, ps stop and ps kill take the children along, waiting ones too', async t => {
  const scene = new Scene(t)
  const family = `
    zag spawn -p sh --name late --depends-on "$(zag spawn -p sh 'sleep ${scene.nap}')" true >/dev/null
    zag spawn -p sh --slots 1 'zag spawn -p sh "sleep ${scene.nap}" >/dev/null; sleep ${scene.nap}' >/dev/null
    zag spawn -p sh --slots 1 --name queued true >/dev/null`
  const ways: [string, string[], (id: string) => Promise<unknown>][] = [
    ['timeout', ['--timeout', '4s'], id => scene.zag('wait', [id])],
    ['stalled', ['--stall', '4s'], id => scene.zag('wait', [id])],
    ['cancelled', [], id => scene.zag('ps', ['stop', id])],
    ['cancelled', [], id => scene.zag('ps', ['kill', id])],
  ]
  for (const [reason, flags, endIt] of ways) {
    const parent = await scene.spawn(`${family}; ${napping(scene)}`, ...flags)
    await endIt(parent)
    t.match(end(scene, parent), { reason }, reason)
    t.equal(await scene.ask('ps', '-q'), '', 'whoever sees its end sees that of all')
    await isGone(t, scene)
  }
  const running = scene.begin('exec', ['-p', 'sh', '--name', 'fore', `${family}; ${napping(scene)}`])
  const fore = await until(async () => (await scene.ask('ps', '-q', '--name', 'fore')) || undefined)
  await ready(scene, fore)
  running.child.kill('SIGINT')
  t.equal((await running.ended).code, 130)
  t.equal(await scene.ask('ps', '-q'), '')
  await isGone(t, scene)
})

t.test('a canceller that is killed, or that is one of those it ends, is no way out', async t => {
  const scene = new Scene(t)
  const parent = await scene.spawn(`zag spawn -p sh 'sleep 0.5; zag cancel --grace 0.1s '"$ZAG_SESSION_ID" >/dev/null; ${napping(scene)}`)
  await scene.zag('wait', [parent])
  t.equal(await scene.ask('ps', '-q'), '')
  await isGone(t, scene)
  t.same(
    scene.list('sessions').map(id => end(scene, id)?.status),
    ['cancelled', 'cancelled'],
  )
  t.notOk(lives(Number(scene.owner(parent)?.pid)) && scene.leftovers().length > 0)
})
