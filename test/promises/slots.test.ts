// Slots and batches: never more at once than there are slots, the oldest first, every one exactly once, whoever is killed.

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { removeInUse, run, until } from '../help/run.js'
import { rows } from '../help/sessions.js'
import { kill, pause, Scene } from './scene.js'

const DEADLINE = { timeout: 30_000 }

/** A script that notes how many of its like are at work while it is, and that it ran. */
function counts(scene: Scene, word: string, work = 'sleep 0.05'): string {
  const at = join(scene.home, 'at')
  mkdirSync(at, { recursive: true })
  return `: >'${at}'/$$; ls '${at}' | wc -l >>${scene.home}/counts; echo ${word} >>${scene.home}/ran; ${work}; rm '${at}'/$$; echo ${word}`
}

const linesOf = (scene: Scene, name: string) => (readFileIfThere(join(scene.home, name)) ?? '').split('\n').filter(Boolean)
function readFileIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // There is none, or its process is gone.
    return undefined
  }
}
const mostAtOnce = (scene: Scene) => Math.max(...linesOf(scene, 'counts').map(Number))

/** The pids of processes that serve the queue of a scene. */
const servers = (scene: Scene) =>
  scene.leftovers({ all: true }).filter(pid => readFileIfThere(`/proc/${pid}/environ`)?.includes('\0ZAG_RUNNER=queue\0'))

const gone = (scene: Scene) => until(() => scene.leftovers({ all: true }).length === 0, DEADLINE.timeout)

async function batch(scene: Scene, scripts: string[], ...flags: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await scene.zag('spawn', ['-p', 'sh', '--each', ...flags], { input: scripts.join('\n') })
  if (code !== 0) throw new Error(`${code} ${stderr}`)
  return stdout.trim().split('\n')
}

const numbered = (count: number, script: (n: number) => string) => Array.from({ length: count }, (_, n) => script(n))

t.test('a batch: never more at once than slots, and the server goes when it is done', async t => {
  const scene = new Scene(t)
  const ids = await batch(
    scene,
    numbered(30, n => counts(scene, `n${n}`)),
    '--slots',
    '3',
    '--tag',
    'b',
  )
  t.equal(new Set(ids).size, 30)
  t.match(await scene.zag('wait', ['--tag', 'b'], DEADLINE), { code: 0 })
  t.equal(mostAtOnce(scene), 3)
  t.equal(new Set(linesOf(scene, 'ran')).size, 30)
  const collected = JSON.parse(await scene.ask('collect', '--tag', 'b', '--json'))
  t.same(
    collected.map(({ result }: { result: string }) => result.trim()),
    numbered(30, n => `n${n}`),
    'in the order of the lines',
  )
  await gone(scene)
  t.same(scene.list('queue'), [])
  t.match(await scene.zag('exec', ['-p', 'sh', 'echo after']), { code: 0, stdout: 'after\n' })
})

t.test('the oldest first, one after another, also those of several calls', async t => {
  const scene = new Scene(t)
  for (const part of [0, 1, 2])
    await batch(
      scene,
      numbered(6, n => counts(scene, `${part}${n}`, ':')),
      '--slots',
      '1',
    )
  t.match(await scene.zag('wait', ['--all'], DEADLINE), { code: 0 })
  t.equal(mostAtOnce(scene), 1)
  t.same(linesOf(scene, 'ran'), [
    '00',
    '01',
    '02',
    '03',
    '04',
    '05',
    '10',
    '11',
    '12',
    '13',
    '14',
    '15',
    '20',
    '21',
    '22',
    '23',
    '24',
    '25',
  ])
})

t.test('groups do not hold each other up, and within one nobody overtakes', async t => {
  const scene = new Scene(t)
  const open = (name: string) => writeFileSync(join(scene.home, name), '')
  const held = (name: string) => `until [ -e ${scene.home}/${name} ]; do sleep 0.02; done`
  const two = ['--group', 'a', '--slots', '2']
  const first = await scene.spawn(held('go'), ...two)
  const second = await scene.spawn(counts(scene, 'second', held('go-on')), ...two)
  const alone = await scene.spawn(counts(scene, 'alone'), '--group', 'a', '--slots', '1')
  const later = await scene.spawn(counts(scene, 'later'), ...two)
  const free = await scene.spawn('true', '--group', 'a')
  const other = () => scene.spawn('true', '--group', 'b', '--slots', '1')
  t.match(await scene.zag('wait', [free, await other()], DEADLINE), { code: 0 })
  open('go')
  t.match(await scene.zag('wait', [first], DEADLINE), { code: 0 })
  t.match(await scene.zag('wait', [await other()], DEADLINE), { code: 0 })
  const { stdout } = await scene.zag('status', ['--json', second, alone, later])
  t.match(rows(stdout), [{ status: 'running' }, { status: 'queued' }, { status: 'queued' }], 'there is room for the last, but not its turn')
  open('go-on')
  t.match(await scene.zag('wait', [alone, later], DEADLINE), { code: 0 })
})

t.test('the umask is that of whoever asked, not of whoever started the server', async t => {
  const scene = new Scene(t)
  const ask = async (umask: string, script: string, ...flags: string[]) => {
    const words = ['-c', `umask ${umask}; exec zag spawn -p sh "$@"`, 'sh', ...flags, script]
    const { code, stdout, stderr } = await run('/bin/sh', words, { home: scene.home })
    if (code !== 0) throw new Error(stderr)
    return stdout.trim()
  }
  const hold = `umask; until [ -e ${scene.home}/go ]; do sleep 0.02; done`
  const first = await ask('022', hold, '--slots', '1')
  const second = await ask('077', 'umask', '--slots', '1')
  const third = await ask('027', 'umask', '--depends-on', first)
  const fourth = await ask('022', 'umask', '--slots', '1')
  writeFileSync(join(scene.home, 'go'), '')
  t.match(await scene.zag('wait', ['--all'], DEADLINE), { code: 0 })
  const said = []
  for (const id of [first, second, third, fourth]) said.push(await scene.ask('output', id))
  t.same(said, ['0022', '0077', '0027', '0022'])
  // A message is asked for by whoever sends it.
  const asked = ['-c', 'umask 007; exec zag input --session "$1" umask', 'sh', second]
  t.match(await run('/bin/sh', asked, { home: scene.home }), { code: 0, stdout: '0007\n' })
})

t.test('the slots and the stagger of a provider', async t => {
  const scene = new Scene(t)
  const config = (sh: string) => {
    mkdirSync(scene.path(), { recursive: true, mode: 0o700 })
    writeFileSync(scene.path('config.toml'), `[providers.sh]\n${sh}\n[providers.other]\ncommand = ["cat"]\n`)
  }
  config('slots = 2')
  const ids = await Promise.all(numbered(6, n => counts(scene, `n${n}`)).map((script, n) => scene.spawn(script, '--group', `g${n}`)))
  t.match(await scene.zag('exec', ['-p', 'other', 'free']), { code: 0, stdout: 'free' })
  t.match(await scene.zag('wait', ids, DEADLINE), { code: 0 })
  t.equal(mostAtOnce(scene), 2, 'whatever the groups')
  await gone(scene)
  config('stagger = "1h"')
  const [now, then] = [await scene.spawn('true'), await scene.spawn('true')]
  t.match(await scene.zag('wait', [now], DEADLINE), { code: 0 })
  t.equal(await scene.ask('status', then), 'queued')
  t.equal(servers(scene).length, 1, 'somebody waits for its time')
  t.match(await scene.zag('cancel', [then]), { code: 0 })
  t.same(scene.list('queue'), [])
})

t.test('copies of one agent that are asked for at once: the next starts a stagger after the one before', async t => {
  const scene = new Scene(t)
  mkdirSync(scene.path(), { recursive: true, mode: 0o700 })
  writeFileSync(join(scene.home, 'codex'), '#!/bin/sh\ncat >/dev/null\n', { mode: 0o755 })
  writeFileSync(scene.path('config.toml'), '[providers.codex]\nstagger = "1h"\n')
  const env = { PATH: `${scene.home}:${process.env.PATH}` }
  const spawn = async (n: number) => (await run('zag-spawn', ['-p', 'codex', `copy ${n}`], { home: scene.home, env })).stdout.trim()
  const ids = await Promise.all([1, 2, 3, 4].map(spawn))
  // It does not say that it is done.
  t.match(await scene.zag('wait', ['--count', '1', ...ids], DEADLINE), { code: 1 })
  const states = await Promise.all(ids.map(id => scene.ask('status', id)))
  t.same(states.sort(), ['failed', 'queued', 'queued', 'queued'])
  t.match(await scene.zag('cancel', ['--state', 'queued', '--all']), { code: 0 })
})

t.test('a session that holds the only slot waits for a child that needs one', async t => {
  const scene = new Scene(t)
  const child = 'id=$(zag spawn --slots 1 "zag spawn --slots 1 \\"echo deep\\" | zag wait -; echo child"); zag wait "$id"; zag output "$id"'
  const parent = await scene.spawn(`until [ -e ${scene.home}/go ]; do sleep 0.02; done; ${child}`, '--slots', '1')
  const stranger = await scene.spawn('echo stranger', '--slots', '1')
  writeFileSync(join(scene.home, 'go'), '')
  t.match(await scene.zag('wait', [parent, stranger], DEADLINE), { code: 0, stdout: new RegExp(`${parent}.*\\n${stranger}`) })
  t.match(await scene.ask('output', parent), /completed\nchild$/)
  t.equal(JSON.parse(await scene.ask('collect', '--all', '--json')).length, 4)
})

t.test('the server is killed in the middle of a batch', async t => {
  const scene = new Scene(t)
  const script = (n: number) => `${counts(scene, `n${n}`, `[ -e ${scene.home}/go ] || exec sleep ${scene.nap}`)}`
  const ids = await batch(
    scene,
    numbered(40, n => (n < 9 ? counts(scene, `n${n}`) : script(n))),
    '--slots',
    '4',
    '--tag',
    'b',
  )
  await until(() => linesOf(scene, 'ran').length === 13)
  const before = servers(scene)
  t.equal(before.length, 1)
  writeFileSync(join(scene.home, 'go'), '')
  for (const name of readdirSync(join(scene.home, 'at'))) kill(Number(name), 'SIGSTOP')
  kill(before[0])
  await until(() => servers(scene).length === 0)
  t.match(await scene.zag('wait', ['--tag', 'b'], DEADLINE), { code: 1 })
  const states = rows((await scene.zag('status', ['--json', '--tag', 'b'])).stdout).map(({ status }) => status)
  t.same(states, [...Array(9).fill('completed'), ...Array(4).fill('dead'), ...Array(27).fill('completed')])
  t.same(linesOf(scene, 'ran').sort(), numbered(40, n => `n${n}`).sort(), 'nothing ran twice')
  t.same(scene.leftovers(), [], 'and nothing of what died lives')
  for (const id of ids) t.equal(scene.events(id, 'session_ended').length, 1)
  const again = await scene.zag('retry', ['--failed', '--tag', 'b'])
  t.equal(again.stdout.trim().split('\n').length, 4)
  t.match(await scene.zag('wait', ['-'], { ...DEADLINE, input: again.stdout }), { code: 0 })
  t.equal(linesOf(scene, 'ran').length, 44)
  await gone(scene)
})

t.test('the server is killed again and again, at any moment', async t => {
  const scene = new Scene(t)
  const ids = await batch(
    scene,
    numbered(60, n => counts(scene, `n${n}`, 'sleep 0.02')),
    '--slots',
    '4',
    '--tag',
    'b',
  )
  const waiting = scene.begin('wait', ['--tag', 'b'], { timeout: 90_000 })
  for (let kills = 0; kills < 6; kills++) {
    const [server] = await until(() => (servers(scene).length > 0 || waiting.child.exitCode !== null) && servers(scene))
    await pause(kills * 15)
    kill(server)
  }
  const { code, stdout } = await waiting.ended
  t.ok(code === 0 || code === 1)
  t.equal(stdout.trim().split('\n').length, 60)
  for (const id of ids) {
    t.equal(scene.events(id, 'session_ended').length, 1)
    t.ok(scene.events(id, 'session_started').length <= 1)
  }
  const ran = linesOf(scene, 'ran')
  t.equal(new Set(ran).size, ran.length, 'nothing ran twice')
  await gone(scene)
})

t.test('whoever was to start the server died, or lives on without it', async t => {
  const scene = new Scene(t)
  const claim = (n: number, owner: object) => {
    mkdirSync(scene.path('server'), { recursive: true, mode: 0o700 })
    writeFileSync(scene.path('server', `owner.${n}`), JSON.stringify({ run: 0, host: hostname(), ...owner }))
  }
  await scene.zag('exec', ['-p', 'sh', 'true'])
  const dead = { pid: process.pid, start: '1', boot: 'another' }
  claim(1, { role: 'start', ...dead })
  const one = await scene.spawn('true', '--slots', '1')
  t.match(await scene.zag('wait', [one], DEADLINE), { code: 0 })
  await gone(scene)
  claim(20, { role: 'run', ...dead })
  claim(21, { role: 'start', ...dead })
  const two = await scene.spawn('true', '--slots', '1')
  t.match(await scene.zag('wait', [two], DEADLINE), { code: 0 })
  await gone(scene)
  t.ok(scene.list('server').length <= 9, 'old claims do not pile up')
  // A batch whose stdin stays open: the server that it started dies, and it must not stand for that.
  const running = scene.begin('/bin/sh', [
    '-c',
    `(echo 'kill -9 $PPID'; echo 'echo rest'; until [ -e ${scene.home}/go ]; do sleep 0.05; done) | zag spawn --each -p sh --slots 1`,
  ])
  await until(() => running.stdout.trim().split('\n').length === 2)
  const [killer, rest] = running.stdout.trim().split('\n') as [string, string]
  t.match(await scene.zag('wait', [killer, rest], DEADLINE), { code: 1 })
  t.equal(await scene.ask('output', rest), 'rest')
  writeFileSync(join(scene.home, 'go'), '')
  t.match(await running.ended, { code: 0 })
})

t.test('what is damaged, or cannot be claimed for a while, keeps nobody else from a slot', async t => {
  const scene = new Scene(t)
  const gate = (name: string) => `until [ -e '${scene.home}/${name}' ]; do sleep 0.02; done`
  const open = (name: string) => writeFileSync(join(scene.home, name), '')
  const parent = await scene.spawn(
    `zag spawn -p sh --name one --slots 1 "${gate('one')}"; zag spawn -p sh --name two --slots 1 true; ${gate('never')}`,
  )
  const other = await scene.spawn(gate('other'), '--slots', '2', '--group', 'other')
  await until(
    async () => (await scene.ask('status', 'two').catch(() => '')) === 'queued' && (await scene.ask('status', other)) === 'running',
  )
  const [server] = servers(scene)
  writeFileSync(scene.path('sessions', parent, 'session.json'), '')
  open('one')
  t.match(await scene.zag('wait', ['one', 'two'], DEADLINE), { code: 0 })
  t.same(servers(scene), [server], 'it is one and the same process')
  const holder = await scene.spawn(gate('holder'), '--slots', '1', '--group', 'q')
  const held = await scene.spawn('echo held', '--slots', '1', '--group', 'q')
  const claim = scene.path('sessions', held, 'owner.1')
  renameSync(claim, `${claim}.aside`)
  mkdirSync(claim)
  open('holder')
  t.match(await scene.zag('wait', [holder], DEADLINE), { code: 0 })
  // Long enough for the process to have tried, in most runs.
  await pause(300)
  rmdirSync(claim)
  renameSync(`${claim}.aside`, claim)
  t.match(await scene.zag('wait', [held], DEADLINE), { code: 0 })
  // It says nothing, so it is idle where all this took long.
  t.match(await scene.ask('status', other), /^(running|idle)$/)
  t.same(servers(scene), [server])
})

t.test('the server goes with the home that it serves', async t => {
  const scene = new Scene(t)
  const gate = join(scene.home, 'gate')
  const id = await scene.spawn(`until [ -e '${gate}' ]; do sleep 0.02; done`, '--slots', '1')
  const waiting = scene.begin('wait', [id])
  await until(() => servers(scene).length === 1)
  writeFileSync(gate, '')
  await waiting.ended
  // It stays for a moment, in case that there is more.
  await removeInUse(scene.path())
  await gone(scene)
  await scene.spawn('sleep 100', '--slots', '1')
  await until(() => servers(scene).length === 1)
  await removeInUse(scene.path())
  await gone(scene)
})

t.test('what stands in rows is data', async t => {
  const scene = new Scene(t)
  const nasty = ['it\'s "$(touch pwned)" `touch pwned`; touch pwned', 'a\nb\\n$HOME\t', '../../x', '--help', '-', 'ünï 🜁 \u001b[31m']
  const input = nasty.map(text => JSON.stringify({ prompt: 'printf %s "$TEXT"', env: `TEXT=${text}`, description: text })).join('\n')
  const { code, stdout } = await scene.zag('spawn', ['-p', 'sh', '--each'], { input })
  t.equal(code, 0)
  const ids = stdout.trim().split('\n')
  await scene.zag('wait', ids, DEADLINE)
  for (const [n, id] of ids.entries()) t.equal((await scene.zag('output', [id])).stdout, nasty[n])
  writeFileSync(scene.path('config.toml'), '[providers.parrot]\ncommand = ["cat"]\n')
  const said = await scene.zag('spawn', ['-p', 'parrot', '--each', '--each-format', 'text'], {
    input: nasty.map(text => JSON.stringify(text)).join('\n'),
  })
  const parrots = said.stdout.trim().split('\n')
  await scene.zag('wait', parrots, DEADLINE)
  for (const [n, id] of parrots.entries()) t.equal((await scene.zag('output', [id])).stdout, JSON.stringify(nasty[n]))
  t.notOk(existsSync(join(scene.home, 'pwned')))
})
