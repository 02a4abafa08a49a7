// A disk that is full or may not be written, and a home of somebody else: one clear line, exit 5, and no half session.

import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lives } from '../help/processes.js'
import { until } from '../help/run.js'
import { noDisk, noRoot, onDisk } from './on-disk.js'
import { kill, Scene } from './scene.js'

const KIB = 1024
const NOBODY = 65_534

t.test('spawn with less and less room', { skip: noDisk }, async t => {
  const { scene, leave } = onDisk(t)
  const first = await scene.spawn('echo first')
  await scene.zag('wait', [first])
  const told = [first]
  const codes: (number | null)[] = []
  // Of those that fit each leaves some 28 KiB behind, so there must not be many.
  for (const free of [96, 64, 48, 44, 40, 36, 32, 28, 24, 20, 16, 12, 8, 4, 0]) {
    leave(free * KIB)
    const before = scene.list('sessions')
    const { code, stdout, stderr } = await scene.zag('spawn', ['-p', 'sh', 'echo more'])
    codes.push(code)
    if (code === 0) told.push(stdout.trim())
    else {
      t.equal(code, 5, `with ${free} KiB`)
      t.match(stderr, /^zag-spawn: cannot [^\n]*: no space left on device[^\n]*\n$/)
      t.equal(stdout, '')
      t.same(scene.list('sessions'), before, 'no folder of it')
      t.same(scene.list('aside'), [], 'nor aside')
    }
    leave(256 * KIB)
    t.match(await scene.zag('wait', ['--all', '--timeout', '10s']), { signal: null, stderr: '' }, 'all of them come to an end')
  }
  t.ok(codes.includes(0) && codes.includes(5), `some have room, some have none: ${codes.join(' ')}`)
  const listed = (await scene.ask('ps', '-a', '-q')).split('\n')
  t.same(listed.sort(), told.sort(), 'what was told is listed, and nothing else')
  for (const id of told) t.equal(scene.events(id, 'session_ended').length, 1)
  t.equal(await scene.ask('output', first), 'first')
})

t.test('exec with hardly any room', { skip: noDisk }, async t => {
  const { scene, leave } = onDisk(t)
  await scene.zag('exec', ['-p', 'sh', 'echo first'])
  for (let free = 64; free >= 0; free -= 8) {
    leave(free * KIB)
    const { code, stderr } = await scene.zag('exec', ['-p', 'sh', 'echo more'], { timeout: 10_000 })
    t.ok(code === 0 || (code === 5 && /^zag-exec: [^\n]*no space left on device[^\n]*\n$/.test(stderr)), `${code} ${stderr}`)
  }
  leave(256 * KIB)
  await scene.zag('wait', ['--all'])
  t.equal(await scene.ask('ps', '-q'), '')
  // Room for the session with its prompt, but not for the prompt in the log: what was started then must not go on unseen.
  const script = `sleep ${scene.nap} # ${'x'.repeat(40 * KIB)}`
  leave(68 * KIB)
  const { code, stderr } = await scene.zag('exec', ['-p', 'sh', script], { timeout: 10_000 })
  t.equal(code, 5)
  t.match(stderr, /^zag-exec: cannot write '[^\n]*log\.ndjson': no space left on device[^\n]*\n$/)
  t.same(scene.leftovers(), [])
})

t.test('a disk that fills while an agent prints', { skip: noDisk }, async t => {
  const { scene, leave } = onDisk(t)
  const line = 'x'.repeat(1000)
  await scene.zag('exec', ['-p', 'sh', 'true'])
  // Room for a part of it, in stdout and in the log; afterwards for all of that part, in the log and in the result.
  leave(120 * KIB)
  const id = await scene.spawn(`i=0; while [ $i -lt 600 ]; do i=$((i + 1)); echo "$i ${line}"; done; echo done >&2`)
  const full = await scene.zag('wait', ['--timeout', '15s', id])
  t.ok(full.code === 0 || full.code === 1, 'wait returns although nothing can be written')
  t.ok(['dead', 'completed', 'failed'].includes(await scene.ask('status', id)))
  leave(512 * KIB)
  const state = await scene.ask('status', id)
  t.ok(['dead', 'completed', 'failed'].includes(state), state)
  t.equal(scene.events(id, 'session_ended').length, 1, 'once there is room the end is written')
  const printed = scene.read('sessions', id, 'stdout') ?? ''
  t.ok(printed.length > 10_000 && scene.said(id) === printed.replace(/\n$/, ''), 'and all that was printed is in the log, once')
  t.same(scene.leftovers(), [])
})

t.test('a disk that fills while an agent reports events', { skip: noDisk }, async t => {
  const { scene, folder, leave } = onDisk(t)
  await scene.zag('exec', ['-p', 'sh', 'true'])
  const event = (n: number) => `${JSON.stringify({ type: 'tool_call', tool: `t${n}`, tool_kind: 'other', input: 'x'.repeat(300) })}\n`
  writeFileSync(join(folder, 'events'), Array.from({ length: 150 }, (_, n) => event(n)).join(''))
  writeFileSync(scene.path('config.toml'), '[providers.teller]\ncommand = ["cat", "events"]\nformat = "ndjson"\n')
  // Room for all that it prints, and for a part of that in the log: a batch of events is cut off in the middle.
  leave(110 * KIB)
  const { stdout } = await scene.zag('spawn', ['-p', 'teller', 'go'])
  const id = stdout.trim()
  t.not((await scene.zag('wait', ['--timeout', '15s', id])).code, 124)
  t.ok(scene.events(id, 'tool_call').length < 150, 'it was cut off')
  leave(512 * KIB)
  t.equal(await scene.ask('status', id), 'dead')
  t.strictSame(
    scene.events(id, 'tool_call').map(({ tool }) => tool),
    Array.from({ length: 150 }, (_, n) => `t${n}`),
    'each event is in the log once',
  )
})

t.test('an answer for which there is no room: the relay stays open, and is answered when there is', { skip: noDisk }, async t => {
  const { scene, leave } = onDisk(t)
  const input = JSON.stringify({ tool: 'bash', params: { command: 'rm x' } })
  const asked = scene.zag('permit', ['--ask', '--group', 'g'], { input })
  const relay = await until(async () => JSON.parse((await scene.ask('relay', '--json')) || '{}').relay_id as string | undefined)
  leave(0)
  for (const [word, ...more] of [['approve'], ['deny'], ['approve', '--always'], ['deny', '--always']] as const) {
    const { code, stdout, stderr } = await scene.zag(word, [relay, ...more])
    t.match({ code, stdout }, { code: 5, stdout: '' }, `${word} ${more}`)
    t.match(stderr, new RegExp(`^zag-${word}: cannot [^\\n]*: no space left on device[^\\n]*\\n$`))
    t.equal(JSON.parse(await scene.ask('relay', '--json')).relay_id, relay, 'it is open')
  }
  leave(256 * KIB)
  t.same(await scene.ask('allow', 'list', '--json', '--group', 'g'), '', 'no rule was made of it')
  t.match(await scene.zag('deny', [relay, '--reason', 'not now']), { code: 0, stderr: '' })
  t.match(await asked, { code: 1, stdout: /"decision":"deny".*"reason":"not now"/ })
  t.same(scene.list('relays'), ['answered'])
})

t.test('a home that is mounted read-only', { skip: noDisk }, async t => {
  const { scene, folder, remount } = onDisk(t)
  const over = await scene.spawn('echo result', '--name', 'over', '--tag', 'some')
  const dead = await scene.spawn(`echo ready; exec sleep ${scene.nap}`, '--name', 'dead')
  await scene.zag('wait', [over])
  await until(() => scene.said(dead) === 'ready')
  const pids = [scene.owner(dead)?.pid, scene.events(dead, 'session_started')[0]?.pid] as number[]
  for (const pid of pids) kill(pid)
  await until(() => !pids.some(lives))
  await until(() => scene.leftovers({ all: true }).length === 0)
  await remount('ro')
  const read = async (code: number, stdout: string | RegExp, program: string, ...args: string[]) =>
    t.match(await scene.zag(program, args), { code, stdout, stderr: '' }, `${program} ${args.join(' ')}`)
  await read(0, 'completed\n', 'status', over)
  await read(0, 'dead\n', 'status', 'dead')
  await read(0, 'result\n', 'output', 'over')
  await read(0, /over.*\n.*dead/, 'ps', '-a')
  await read(0, `${over}\tcompleted\n`, 'wait', over)
  await read(1, `${dead}\tdead\tits runner is gone\n`, 'wait', dead)
  await read(0, /result/, 'collect', '--tag', 'some')
  await read(0, /session_ended/, 'listen', over)
  await read(0, /ready/, 'listen', dead)
  await read(0, /session_started/, 'events', over)
  const write = async (program: string, ...args: string[]) => {
    const { code, stderr } = await scene.zag(program, args)
    t.equal(code, 5, `${program} is refused`)
    t.match(stderr, new RegExp(`^zag-${program}: [^\\n]*read-only file system[^\\n]*\\n$`))
  }
  await write('spawn', '-p', 'sh', 'true')
  await write('exec', '-p', 'sh', 'true')
  await write('log', '--session', over, 'hello')
  const gc = await scene.zag('gc', ['--force', '--older-than', '0'])
  t.match(gc, { code: 5, stdout: '', stderr: /^(?:zag-gc: session \S+ stays: .*: read-only file system.*\n){2}zag-gc: removed 0 .*\n$/ })
  await write('collect', '--into', join(folder, 'into'), over)
  await remount('rw')
  t.equal(await scene.ask('status', dead), 'dead')
  t.equal(scene.events(dead, 'session_ended').length, 1, 'it is ended by the first who can')
})

/** Runs a program as nobody. */
function asNobody(scene: Scene, program: string, ...args: string[]) {
  const command = ['--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups', `zag-${program}`, ...args]
  const running = scene.begin('/usr/bin/setpriv', command, { cwd: '/' })
  return running.ended
}

const noSetpriv = noRoot || (existsSync('/usr/bin/setpriv') ? false : 'setpriv(1) is not installed')

t.test('a home without permission to write', { skip: noSetpriv }, async t => {
  const scene = new Scene(t)
  chmodSync(scene.home, 0o755)
  mkdirSync(scene.path(), 0o700)
  chownSync(scene.path(), NOBODY, NOBODY)
  const made = await asNobody(scene, 'spawn', '-p', 'sh', 'echo mine')
  t.match(made, { code: 0, stderr: '' })
  const id = made.stdout.trim()
  t.match(await asNobody(scene, 'wait', id), { code: 0 })
  for (const folder of ['', 'sessions', 'aside']) {
    chmodSync(scene.path(folder), 0o500)
    const { code, stdout, stderr } = await asNobody(scene, 'spawn', '-p', 'sh', 'true')
    t.equal(code, 5, `'${folder}' is not writable`)
    t.equal(stdout, '')
    t.match(stderr, /^zag-spawn: cannot [^\n]*permission denied[^\n]*\n$/)
    t.match(await asNobody(scene, 'output', id), { code: 0, stdout: 'mine\n', stderr: '' }, 'readers work')
    chmodSync(scene.path(folder), 0o700)
  }
  t.equal((await asNobody(scene, 'ps', '-a', '-q')).stdout, `${id}\n`, 'no half session')
  t.same(scene.list('sessions'), [id])
})

t.test('a home of another user', { skip: noRoot }, async t => {
  const scene = new Scene(t)
  const id = await scene.spawn('echo secret')
  await scene.zag('wait', [id])
  await until(() => scene.leftovers({ all: true }).length === 0)
  chownSync(scene.path(), NOBODY, NOBODY)
  for (const [program, ...args] of [
    ['spawn', '-p', 'sh', 'true'],
    ['status', id],
    ['output', id],
    ['ps'],
    ['wait', id],
    ['cancel', id],
    ['log', '--session', id, 'x'],
  ] as [string, ...string[]][]) {
    const { code, stdout, stderr } = await scene.zag(program, args)
    t.equal(code, 5, program)
    t.equal(stdout, '')
    t.match(stderr, /^zag-[a-z]+: '[^\n]*\.zag' belongs to another user \(65534, you are 0\)[^\n]*\n$/)
  }
})
