// Defects that were there once: each test fails where its defect is back. What fits the test of a program better is there.

import { appendFileSync, chmodSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newId } from '../../lib/base/id.js'
import { FOLD_AT } from '../../lib/table/journal.js'
import { run, until, zagHome } from '../help/run.js'
import { rows, Zag } from '../help/sessions.js'
import { kill, pause, Scene, watches } from './scene.js'

/** Long enough for a busy machine, and far too short for a program that spins or hangs. */
const SOON = { timeout: 10_000 }

const configure = (scene: Scene, text: string) => {
  mkdirSync(zagHome(scene.home), { recursive: true, mode: 0o700 })
  writeFileSync(scene.path('config.toml'), text)
}

t.test('the last claim of a session is an empty file: it is that of a dead process', async t => {
  for (const [program, says] of [
    ['status', 'dead\n'],
    ['wait', /\tdead\tits runner is gone\n$/],
  ] as const) {
    const scene = new Scene(t)
    const id = await scene.spawn(`echo ready; exec sleep ${scene.nap}`)
    await until(() => scene.said(id) === 'ready')
    const owner = scene.owner(id)
    kill(owner?.pid)
    writeFileSync(scene.path('sessions', id, `owner.${owner?.claim}`), '')
    t.match(await scene.zag(program, [id], SOON), { stdout: says, stderr: '' }, program)
    t.match(scene.events(id, 'session_ended'), [{ status: 'dead' }], 'the end is in the log, once')
    t.same(scene.leftovers(), [], 'its agent was ended')
    t.match(await scene.zag('status', [id], SOON), { code: 0, stdout: 'dead\n' }, 'and stays so')
  }
})

t.test('--json of spawn and pipe -b is about what they print, that of exec and pipe about the answer', async t => {
  const scene = new Scene(t)
  configure(scene, '[providers.parrot]\ncommand = ["cat"]\n')
  const prompt = async (program: string, ...args: string[]) => {
    const [known, { stdout }] = [scene.list('sessions'), await scene.zag(program, ['-p', 'parrot', '--json', ...args])]
    const [id] = scene.list('sessions').filter(name => !known.includes(name)) as [string]
    await scene.zag('wait', [id])
    return { id, text: scene.read('sessions', id, 'prompt'), stdout }
  }
  const spawned = await prompt('spawn', 'list them')
  t.equal(spawned.text, 'list them')
  t.match(rows(spawned.stdout), [{ session_id: spawned.id }])
  t.equal(await scene.ask('output', spawned.id), 'list them', 'and so the agent got it')
  const piped = await prompt('pipe', '-b', spawned.id, '--', 'merge them')
  t.match(piped.text, /<\/session-result>\n\nmerge them$/)
  t.match((await prompt('exec', 'list them')).text, /^list them\n\n.*JSON/)
  t.match((await prompt('pipe', spawned.id, '--', 'merge them')).text, /<\/session-result>\n\nmerge them\n\n.*JSON/)
})

t.test('a ZAG_HOME that is relative means one folder to all', async t => {
  const home = t.testdir({ deep: {} })
  const zag = (program: string, ...args: string[]) => run(`zag-${program}`, args, { home, env: { ZAG_HOME: './h' }, ...SOON })
  const { stdout, stderr, code } = await zag('spawn', '-p', 'sh', 'cd deep; zag-whoami | grep ^home=; printf %s "$ZAG_HOME"')
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const id = stdout.trim()
  t.match(await zag('wait', id), { code: 0, stdout: `${id}\tcompleted\n` })
  t.match(await zag('output', id), { code: 0, stdout: join(home, 'h') }, 'and to the agent, wherever that goes')
})

t.test('an agent that prints events of kind stderr: nothing is doubled and its real stderr is kept', async t => {
  const scene = new Scene(t)
  configure(scene, '[providers.events]\ncommand = ["sh", "{prompt_file}"]\nformat = "ndjson"\n')
  const printed = [1, 2, 3].map(n => `echo '{"type":"stderr","message":"printed ${n}"}'`).join('; ')
  const script = `echo 'real 1' >&2; ${printed}; sleep ${scene.nap}`
  const id = (await scene.zag('spawn', ['-p', 'events', script])).stdout.trim()
  const told = () =>
    scene
      .events(id)
      .filter(({ type }) => type !== 'user_message')
      .flatMap(event => /(printed|real|last) \w+/.exec(JSON.stringify(event))?.[0] ?? [])
      .sort()
  const live = ['printed 1', 'printed 2', 'printed 3', 'real 1']
  await until(() => told().length >= live.length)
  t.same(told(), live)
  // Behind the runner's back, so that whoever finds it dead has something to add.
  kill(scene.owner(id)?.pid, 'SIGSTOP')
  appendFileSync(scene.path('sessions', id, 'stderr'), 'real 2\n')
  appendFileSync(scene.path('sessions', id, 'stdout'), '{"type":"assistant_message","content":"last words"}\n')
  kill(scene.owner(id)?.pid)
  t.equal(await scene.ask('status', id), 'dead')
  t.same(told(), ['last words', ...live, 'real 2'])
  t.equal(scene.read('sessions', id, 'result'), 'last words')
})

t.test('wait --tag finds a dead runner although other sessions start all the time', async t => {
  const scene = new Scene(t)
  const id = await scene.spawn(`echo ready; exec sleep ${scene.nap}`, '--tag', 'ours')
  await until(() => scene.said(id) === 'ready')
  const busy = setInterval(() => writeFileSync(scene.path('events', `${newId()}.started`), '{}'), 200)
  t.teardown(() => clearInterval(busy))
  const waiting = scene.begin('wait', ['--tag', 'ours'], SOON)
  await until(() => watches(waiting.child.pid))
  await pause(500)
  const killed = performance.now()
  kill(scene.owner(id)?.pid)
  // The markers go on for longer than the test allows: they stop when it has ended, not the other way round.
  t.match(await waiting.ended, { code: 1, stdout: `${id}\tdead\tits runner is gone\n` })
  t.ok(performance.now() - killed < 5000, `${Math.round(performance.now() - killed)} ms`)
})

t.test('a damaged snapshot of the process table does not spoil a run', async t => {
  const scene = new Scene(t)
  await scene.zag('exec', ['-p', 'sh', 'true'])
  writeFileSync(scene.path('processes', 'snap-1'), 'no snapshot\n')
  const row = `${JSON.stringify({ id: newId(), rev: 6, provider: 'sh', root: '/', status: 'completed', created_at: '', ended_at: '' })}\n`
  appendFileSync(scene.path('processes', 'journal.ndjson'), row.repeat(Math.ceil(FOLD_AT / row.length) + 1))
  t.ok(statSync(scene.path('processes', 'journal.ndjson')).size > FOLD_AT)
  t.strictSame(await scene.zag('exec', ['-p', 'sh', 'echo hi'], SOON), { code: 0, signal: null, stdout: 'hi\n', stderr: '' })
  const id = await scene.spawn('echo hi')
  t.match(await scene.zag('wait', [id], SOON), { code: 0, stdout: `${id}\tcompleted\n` })
  t.match(await scene.zag('ps', ['-a'], SOON), { code: 5, stderr: /snap-1' is damaged: run zag doctor --repair\n$/ }, 'but it is told')
})

t.test('a model of the environment is for the provider it stands beside', async t => {
  const zag = new Zag(t)
  zag.configure(
    'provider = "mine"\nmodel = "small one"\n[providers.mine]\ncommand = ["echo", "{model}"]\n[providers.other]\ncommand = ["true"]\n',
  )
  const says = async (env: Record<string, string>, want: object, ...args: string[]) =>
    t.match(await zag.go('exec', [...args, 'x'], { env }), want, JSON.stringify([env, args]))
  await says({ ZAG_PROVIDER: 'other', ZAG_MODEL: 'alien' }, { code: 0, stdout: 'small one\n' }, '-p', 'mine')
  await says({ ZAG_PROVIDER: 'mine', ZAG_MODEL: 'native' }, { code: 0, stdout: 'native\n' })
  await says({ ZAG_MODEL: 'alone' }, { code: 0, stdout: 'alone\n' })
})

/** Programs that make sessions, and that take some. */
const ANY_PROGRAM: [string, string[]][] = [
  ['spawn', ['-p', 'sh', 'true']],
  ['exec', ['-p', 'sh', 'true']],
  ['status', ['--all']],
  ['ps', ['-a']],
]

t.test('-r with a file is wrong usage', async t => {
  const zag = new Zag(t, { plain: '' })
  await zag.over('true')
  for (const [program, args] of ANY_PROGRAM)
    t.match(
      await zag.go(program, ['-r', 'plain', ...args]),
      { code: 2, stdout: '', stderr: `zag-${program}: 'plain' is no folder: give one\n` },
      program,
    )
  t.equal(zag.ids().length, 1)
})

t.test('a session whose row is lost still has its root and its age', async t => {
  const zag = new Zag(t, { project: { '.git': {} } })
  const { session_id: id } = await zag.over('true', ['-r', 'project'])
  rmSync(join(zagHome(zag.home), 'processes'), { recursive: true })
  const shown = (await zag.go('ps', ['show', id])).stdout
  t.match(shown, /^root=.*\/project$/m)
  t.match(shown, /^created_at=\d{4}-\d\d-\d\dT/m)
  t.match((await zag.go('ps', [id])).stdout, new RegExp(`^${id}\tcompleted\tsh\t-\t[0-9.]+s\t-\t-\n$`))
})

t.test('a home that others can write is refused', async t => {
  const home = t.testdir()
  await run('zag-exec', ['-p', 'sh', 'true'], { home })
  for (const mode of [0o770, 0o707]) {
    chmodSync(zagHome(home), mode)
    for (const [program, args] of ANY_PROGRAM)
      t.match(
        await run(`zag-${program}`, args, { home }),
        { code: 5, stdout: '', stderr: /^zag-[a-z]+: '.*' can be written by others: chmod go-w it, or set ZAG_HOME to another folder\n$/ },
        `${program}, ${mode.toString(8)}`,
      )
  }
  chmodSync(zagHome(home), 0o755)
  t.match(await run('zag-status', ['--all'], { home }), { code: 0 }, 'to read it does no harm')
})
