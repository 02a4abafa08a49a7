// zag-doctor: what it finds, that it changes nothing unless asked to, and that everything but the sessions' own folders can be lost.

import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { smallDisk } from '../fixtures/disk.js'
import { Asking } from '../help/relays.js'
import { PROGRAMS, run, TOP, until, zagHome } from '../help/run.js'
import { rows, Zag } from '../help/sessions.js'

interface Finding {
  check: string
  ok: boolean
  message: string
  advice?: string
  repaired: boolean
}

/** An id of a session that never was, old enough for its remains to count. */
const NOBODY = '01900000-0000-7000-8000-0123456789ab'
const OVER = ['completed', 'failed', 'dead']

class Patient extends Zag {
  at(...parts: string[]): string {
    return join(zagHome(this.home), ...parts)
  }

  async doctor(args: string[] = [], more: object = {}): Promise<{ code: number | null; stderr: string; found: Finding[] }> {
    const { code, stderr, stdout } = await this.go('doctor', ['--json', ...args], more)
    return { code, stderr, found: rows(stdout) as unknown as Finding[] }
  }

  /** All files with their sizes, modes and times: what must not change. */
  state(): string[] {
    const paths = readdirSync(this.at(), { recursive: true }).map(path => this.at(String(path)))
    return [this.at(), ...paths].sort().map(path => {
      const { mode, size, mtimeMs } = lstatSync(path)
      return `${path} ${mode.toString(8)} ${size} ${mtimeMs}`
    })
  }
}

/** Two sessions that are over: one completed, with a name and tags, one failed. */
async function patient(t: Test): Promise<{ zag: Patient; a: string; b: string }> {
  const zag = new Patient(t)
  const a = (await zag.over('echo a', ['--name', 'alpha', '--tag', 'red', '--tag', 'a/b c'])).session_id
  const b = (await zag.over('exit 3', ['--tag', 'red'])).session_id
  return { zag, a, b }
}

const wrongOf = (found: Finding[]) => found.filter(({ ok }) => !ok).map(({ check }) => check)
const repairedOf = (found: Finding[]) => found.filter(({ repaired }) => repaired).map(({ check }) => check)
const messageOf = (found: Finding[], check: string) => found.find(one => one.check === check && !one.ok)?.message ?? ''

t.test('relays that nobody waits for, and what is left of them', async t => {
  const zag = new Patient(t)
  const asking = new Asking(zag)
  const { id, relays } = await asking.session(['x'])
  const outside = asking.outside(['y', 'z'])
  await until(async () => (await asking.open()).length === 3)
  t.match(
    (await zag.doctor()).found.find(({ check }) => check === 'relays'),
    { ok: true, message: '3 relays, and somebody waits for each' },
  )
  outside.child.kill('SIGKILL')
  await outside.ended
  writeFileSync(zag.at('sessions', id, 'relays', NOBODY), '', { mode: 0o600 })
  const damaged = NOBODY.replace(/ab$/, 'cd')
  writeFileSync(zag.at('relays', `${damaged}.json`), '{', { mode: 0o600 })
  const before = zag.state()
  const { code, found } = await zag.doctor()
  t.equal(code, 1)
  t.match(
    found.filter(({ check }) => check === 'relays').map(({ message }) => message),
    [
      /^2 relays that nobody waits for: /,
      `1 relay that cannot be read: '${damaged}'`,
      `1 mark of relays that are not there: '${id}/relays/${NOBODY}'`,
    ],
  )
  t.same(zag.state(), before)
  t.match(repairedOf((await zag.doctor(['--repair'])).found), ['relays', 'relays', 'relays'])
  t.same(
    wrongOf((await zag.doctor()).found).filter(check => check === 'relays'),
    [],
  )
  t.same(readdirSync(zag.at('sessions', id, 'relays')), relays)
  t.match(await zag.go('approve', relays), { code: 0 })
})

t.test('no home yet is fine, and none is made', async t => {
  const zag = new Patient(t)
  const { code, stderr, found } = await zag.doctor()
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.match(found.at(-1), { check: 'home', ok: true, message: /^no home at '.*' yet, so no sessions yet$/ })
  t.notOk(existsSync(zag.at()))
  t.equal((await zag.doctor(['--repair'])).code, 0)
  t.notOk(existsSync(zag.at()), 'nor by --repair')
})

t.test('a home in order', async t => {
  const { zag } = await patient(t)
  const before = zag.state()
  const { code, stdout, stderr } = await zag.go('doctor')
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const lines = stdout.split('\n').filter(Boolean)
  for (const line of lines) t.match(line, /^ok\t[a-z]+\t.+$/)
  t.ok(lines.includes('ok\tsessions\t2 sessions'))
  const { found } = await zag.doctor()
  t.same(
    found.map(({ check }) => check),
    lines.map(line => line.split('\t')[1]),
  )
  for (const { ok, repaired, message } of found) t.match({ ok, repaired, message }, { ok: true, repaired: false, message: String })
  t.same(zag.state(), before)
  t.match(await zag.doctor(['--repair']), { code: 0 })
  t.same(zag.state(), before, 'there was nothing to repair')
})

t.test('a session at work is in order', async t => {
  const zag = new Patient(t)
  const gate = zag.gate()
  const id = await zag.spawn(gate.script)
  t.match(await zag.doctor(), { code: 0 })
  gate.open()
  t.match(await zag.go('wait', [id]), { code: 0 })
})

t.test('the index, the table and the markers are lost: no session is', async t => {
  const { zag, a, b } = await patient(t)
  const ask = async () => {
    const ways = [
      ['status', '--tag', 'red'],
      ['status', '--tag', 'a/b c'],
      ['status', 'alpha'],
      ['status', a.slice(-8), b.slice(-8)],
      ['ps', '-a', '--json'],
    ]
    return Promise.all(ways.map(([word = '', ...args]) => zag.go(word, args)))
  }
  const before = await ask()
  t.same(
    before.map(({ code }) => code),
    [0, 0, 0, 0, 0],
  )
  const whole = before.at(-1)?.stdout ?? ''
  for (const folder of ['index', 'processes', 'events']) rmSync(zag.at(folder), { recursive: true })

  const left = zag.state()
  const { code, found } = await zag.doctor()
  t.equal(code, 1)
  t.same(wrongOf(found), ['home', 'table', 'index', 'markers'])
  t.match(messageOf(found, 'home'), /has no 'index', 'processes', 'events'$/)
  t.match(messageOf(found, 'index'), new RegExp(`^the index lacks entries of 2 sessions: ${a}, ${b}$`))
  t.same(zag.state(), left, 'nothing is changed without --repair')

  const repair = await zag.go('doctor', ['--repair'])
  t.match(repair, { code: 0, stderr: '' })
  t.same(
    repair.stdout.match(/^repaired\t[a-z]+/gm),
    ['home', 'table', 'index', 'markers'].map(check => `repaired\t${check}`),
  )
  const after = await ask()
  t.same(after.slice(0, -1), before.slice(0, -1))
  const fields = (text: string) => JSON.parse(text).map(({ ended_at, ...row }: { ended_at: string }) => row)
  t.same(fields(after.at(-1)?.stdout ?? ''), fields(whole))
  t.match(await zag.doctor(), { code: 0 })
})

/** What a kill, a careless hand or a bad disk leaves: each is found, told, and put right. */
interface Ill {
  does(home: { zag: Patient; a: string; b: string }): void | Promise<void>
  wrong: string[]
  says: RegExp
}

const ILLS: Record<string, Ill> = {
  'a session folder left in aside/': {
    does({ zag }) {
      mkdirSync(zag.at('aside', NOBODY))
      const owner = { role: 'spawn', run: 1, pid: 1, start: '0', boot: 'another', host: execFileSync('hostname').toString().trim() }
      writeFileSync(zag.at('aside', NOBODY, 'owner.1'), JSON.stringify(owner), { mode: 0o600 })
      chmodSync(zag.at('aside', NOBODY), 0o700)
      utimesSync(zag.at('aside', NOBODY), 1, 1)
    },
    wrong: ['remains'],
    says: new RegExp(`^1 remains of crashes: '.*/aside/${NOBODY}'$`),
  },
  'a session half removed': {
    does({ zag, b }) {
      const gone = zag.at('aside', `${NOBODY}.gone`)
      renameSync(zag.at('sessions', b), gone)
      rmSync(join(gone, 'owner.1'))
      utimesSync(gone, 1, 1)
    },
    wrong: ['table', 'index', 'remains'],
    says: /^the process table has 1 row of no session$/,
  },
  'a marker of no session': {
    does: ({ zag }) => writeFileSync(zag.at('events', `${NOBODY}.ended`), '{}', { mode: 0o600 }),
    wrong: ['remains'],
    says: new RegExp(`events/${NOBODY}.ended`),
  },
  'a marker that is missing': {
    does: ({ zag, b }) => rmSync(zag.at('events', `${b}.ended`)),
    wrong: ['markers'],
    says: /^no marker of the end of 1 session: /,
  },
  'a journal cut in half': {
    does({ zag }) {
      const journal = zag.at('processes', 'journal.ndjson')
      truncateSync(journal, lstatSync(journal).size - 20)
    },
    wrong: ['table'],
    says: /^the process table lacks the present state of 1 session: /,
  },
  'a snapshot cut in half': {
    async does({ zag }) {
      cut(await folded(zag), 0.7)
    },
    wrong: ['table'],
    says: /^the process table lacks the present state of 1 session: /,
  },
  'a snapshot without its header': {
    async does({ zag }) {
      cut(await folded(zag), 0.01)
    },
    wrong: ['table'],
    says: /^table file '.*\/snap-1' is damaged$/,
  },
  'an index entry of a session that was removed': {
    does: ({ zag }) => writeFileSync(zag.at('index/tag/red', NOBODY), '', { mode: 0o600 }),
    wrong: ['index'],
    says: /^the index has 1 entry that no session is behind$/,
  },
  'an index entry of a tag that a session has no more': {
    does({ zag, b }) {
      mkdirSync(zag.at('index/tag/blue'), { mode: 0o700 })
      writeFileSync(zag.at('index/tag/blue', b), '', { mode: 0o600 })
    },
    wrong: ['index'],
    says: /^the index has 1 entry that no session is behind$/,
  },
  'an index entry that is missing': {
    does: ({ zag, a }) => rmSync(zag.at('index/name/alpha', a)),
    wrong: ['index'],
    says: /^the index lacks entries of 1 session: /,
  },
  'files that others can read': {
    does({ zag, a }) {
      chmodSync(zag.at('sessions', a, 'prompt'), 0o644)
      chmodSync(zag.at('sessions'), 0o750)
    },
    wrong: ['permissions'],
    says: /^2 paths can be got at by others: '.*sessions', '.*prompt'$/,
  },
  'a home without its layout': {
    does: ({ zag }) => rmSync(zag.at('layout')),
    wrong: ['home'],
    says: /^'.*' has no 'layout'$/,
  },
  'a runner that was killed': {
    async does({ zag }) {
      const { stdout } = await zag.go('spawn', ['-p', 'sh', '--json', 'echo begun; exec sleep 100'])
      const { session_id: id, pid } = JSON.parse(stdout)
      await until(() => readFileSync(zag.file(id, 'log.ndjson'), 'utf8').includes('begun'))
      process.kill(pid, 'SIGKILL')
      await until(() => !existsSync(`/proc/${pid}`) || / Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1')))
    },
    wrong: ['dead'],
    says: /^1 session lost the runner and did not end: /,
  },
}

/** Has all rows in snap-1; returns the path of it. */
async function folded(zag: Patient): Promise<string> {
  rmSync(zag.at('processes'), { recursive: true })
  await zag.doctor(['--repair'])
  return zag.at('processes/snap-1')
}

function cut(path: string, part: number): void {
  truncateSync(path, Math.ceil(lstatSync(path).size * part))
}

for (const [name, { does, wrong, says }] of Object.entries(ILLS)) {
  t.test(name, async t => {
    const home = await patient(t)
    await does(home)
    const { zag } = home
    const before = zag.state()
    const told = await zag.doctor()
    t.match({ code: told.code, stderr: told.stderr, wrong: wrongOf(told.found) }, { code: 1, stderr: '', wrong })
    t.match(messageOf(told.found, wrong[0] ?? ''), says)
    for (const { ok, advice } of told.found) if (!ok) t.match(advice, /^zag doctor --repair /)
    t.same(zag.state(), before, 'nothing is changed without --repair')
    const mended = await zag.doctor(['--repair'])
    t.match({ code: mended.code, stderr: mended.stderr, wrong: wrongOf(mended.found) }, { code: 0, stderr: '', wrong: [] })
    t.same(repairedOf(mended.found), wrong)
    t.match(await zag.doctor(), { code: 0 })
    for (const row of JSON.parse((await zag.go('ps', ['-a', '--json'])).stdout)) t.ok(OVER.includes(row.status), row.status)
  })
}

t.test('a damaged session is named and never deleted', async t => {
  const { zag, a, b } = await patient(t)
  writeFileSync(zag.file(a, 'session.json'), '{"id":', { mode: 0o600 })
  rmSync(zag.file(b, 'session.json'))
  const c = (await zag.over('echo c')).session_id
  writeFileSync(zag.file(c, 'session.json'), JSON.stringify({ id: c, tags: [] }), { mode: 0o600 })
  const before = zag.state()
  for (const args of [[], ['--repair']]) {
    const { code, found } = await zag.doctor(args)
    t.equal(code, 1)
    const told = found.filter(({ check, ok }) => check === 'sessions' && !ok).map(({ message }) => message)
    t.match(told, [
      new RegExp(`^session ${a} is damaged: .* is no session$`),
      new RegExp(`^session ${b} is damaged: it has no session.json$`),
      new RegExp(`^session ${c} is damaged: its session.json is not complete$`),
    ])
    t.same(
      repairedOf(found).filter(check => check !== 'remains'),
      [],
    )
  }
  const files = (of: string[]) => of.filter(line => /\/(sessions|index)/.test(line))
  t.same(files(zag.state()), files(before), 'their files and index entries stay')
})

t.test('what waits: entries that nobody is behind, and sessions that nobody starts', async t => {
  const { zag, a } = await patient(t)
  const gate = zag.gate()
  const slow = await zag.spawn(gate.script)
  const [waits, left] = [await zag.spawn('true', ['--depends-on', slow]), await zag.spawn('echo left', ['--depends-on', slow])]
  const message = (found: Finding[]) => found.find(({ check }) => check === 'queue')?.message
  const fine = await zag.doctor()
  t.match(fine, { code: 0 })
  t.equal(message(fine.found), 'nothing is in the way of 2 sessions but what they wait for')
  mkdirSync(zag.at('queue'), { recursive: true, mode: 0o700 })
  for (const name of [a, NOBODY, 'letter']) writeFileSync(zag.at('queue', name), '', { mode: 0o600 })
  // As a kill leaves one that waits no longer for anything.
  const asked = JSON.parse(readFileSync(zag.file(left, 'session.json'), 'utf8'))
  writeFileSync(zag.file(left, 'session.json'), JSON.stringify({ ...asked, depends_on: [a], slots: 1 }))
  rmSync(zag.at('index/after', slow, left))
  mkdirSync(zag.at('index/after', a), { mode: 0o700 })
  writeFileSync(zag.at('index/after', a, left), '', { mode: 0o600 })
  const before = zag.state()
  const sick = await zag.doctor()
  t.match({ code: sick.code, wrong: wrongOf(sick.found) }, { code: 1, wrong: ['queue', 'queue'] })
  t.match(
    sick.found.filter(({ check }) => check === 'queue'),
    [
      { message: `the queue has 3 that are no sessions waiting: ${[a, NOBODY, 'letter'].sort().join(', ')}` },
      { message: `nobody starts 1 session whose turn has come: ${left}`, advice: /--repair does/ },
    ],
  )
  t.same(zag.state(), before, 'and nothing is changed')
  t.match(await zag.doctor(['--repair']), { code: 0 })
  t.match(await zag.go('wait', [left]), { code: 0 })
  t.same(readdirSync(zag.at('queue')), [])
  t.equal((await zag.go('status', [waits])).stdout, 'queued\n')
  gate.open()
  t.match(await zag.go('wait', [waits]), { code: 0 })
  await until(async () => message((await zag.doctor()).found) === 'no session waits')
})

t.test('lines of a log that do not parse are a hint', async t => {
  const { zag, a } = await patient(t)
  writeFileSync(zag.file(a, 'log.ndjson'), 'torn\n{"type":7}\nhalf', { flag: 'a' })
  const { code, found } = await zag.doctor()
  t.equal(code, 0)
  t.match(
    found.filter(({ check }) => check === 'logs'),
    [{ ok: true, message: `the log of session ${a} has 2 lines that cannot be read`, advice: String }],
  )
  const { stdout } = await zag.go('doctor')
  t.match(stdout, new RegExp(`^ok\tlogs\tthe log of session ${a} has 2 lines that cannot be read: readers go on`, 'm'))
})

t.test('a configuration that does not parse', async t => {
  const zag = new Patient(t)
  zag.configure('provder = "sh"\n')
  const { code, found } = await zag.doctor(['--repair'])
  t.equal(code, 1)
  t.match(messageOf(found, 'configuration'), /^'.*config.toml':1: .*provder/)
  t.equal(readFileSync(zag.at('config.toml'), 'utf8'), 'provder = "sh"\n')
})

t.test('a configuration of common mode is no leak behind a closed home, and one in an open home', async t => {
  const { zag } = await patient(t)
  zag.configure('provider = "sh"\n')
  chmodSync(zag.at('config.toml'), 0o644)
  t.match(await zag.doctor(), { code: 0 })
  chmodSync(zag.at(), 0o755)
  t.match(messageOf((await zag.doctor()).found, 'permissions'), /^2 paths .*config.toml'$/)
  t.match(await zag.doctor(['--repair']), { code: 0 })
  t.same(
    ['', 'config.toml'].map(name => lstatSync(zag.at(name)).mode & 0o777),
    [0o700, 0o600],
  )
})

t.test('a home that is not ours', async t => {
  const strange = new Patient(t, { '.zag': { 'thesis.tex': '' } })
  for (const args of [[], ['--repair']]) {
    const { code, found } = await strange.doctor(args)
    t.equal(code, 1)
    t.match(messageOf(found, 'home'), /^'.*' is no home of zag: it holds 'thesis.tex'/)
  }
  t.same(readdirSync(strange.at()), ['thesis.tex'])
  const newer = new Patient(t, { '.zag': { layout: '7\n' } })
  t.match(messageOf((await newer.doctor()).found, 'home'), /another version of zag: layout '7'/)
})

t.test('the installation: programs, PATH and Node', async t => {
  const top = t.testdir({
    home: {},
    'old.cjs': "Object.defineProperty(process.versions, 'node', { value: '20.11.1' })\n",
    bin: { zag: '#!/bin/sh\n' },
  })
  cpSync(join(TOP, 'dist'), join(top, 'dist'), { recursive: true, filter: path => basename(path) !== 'scripts' })
  cpSync(join(TOP, 'package.json'), join(top, 'package.json'))
  const own = join(top, 'dist/bin')
  const doctor = async (env: Record<string, string> = {}) => {
    const PATH = `${own}:${process.env.PATH}`
    const { code, stdout } = await run(join(own, 'zag-doctor'), ['--json'], { home: join(top, 'home'), env: { PATH, ...env } })
    return { code, found: rows(stdout) as unknown as Finding[] }
  }
  const pathOf = (found: Finding[]) => found.find(({ check }) => check === 'path')
  t.match(pathOf((await doctor()).found), { ok: true, message: /^zag is on PATH as / })
  const without = (process.env.PATH ?? '')
    .split(':')
    .filter(folder => !existsSync(join(folder, 'zag')))
    .join(':')
  t.match(await doctor({ PATH: without }), { code: 0 }, 'not on PATH is a hint')
  t.match(pathOf((await doctor({ PATH: without })).found), { ok: true, message: 'zag is not on PATH', advice: `add '${own}' to PATH` })
  chmodSync(join(top, 'bin/zag'), 0o755)
  t.match(pathOf((await doctor({ PATH: `${top}/bin:${PROGRAMS}:${process.env.PATH}` })).found), {
    ok: true,
    message: /another one: '.*\/bin\/zag'/,
  })

  const old = await doctor({ NODE_OPTIONS: `--require=${top}/old.cjs` })
  t.match(old, { code: 1 })
  t.match(old.found[0], { check: 'node', ok: false, message: 'node 20.11.1 is too old', advice: 'install 20.19 or later' })

  rmSync(join(own, 'zag-wait'))
  chmodSync(join(own, 'zag-ps'), 0o644)
  rmSync(join(top, 'dist/lib/zag-runner.js'))
  const { code, found } = await doctor()
  t.equal(code, 1)
  t.match(
    found.filter(({ ok }) => !ok).map(({ message }) => message),
    [/zag-wait' is missing$/, /zag-runner.js' is missing$/, /zag-ps' may not be executed$/],
  )
  rmSync(join(top, 'package.json'))
  t.match(messageOf((await doctor()).found, 'programs'), /^the list of programs beside /)
})

const disk = smallDisk()
if (disk) t.teardown(disk.unmount)

t.test('a small disk, and one that cannot be written', { skip: !disk && 'a small tmpfs cannot be mounted here' }, async t => {
  if (!disk) return
  rmSync(join(disk.folder, 'ballast'))
  const home = join(disk.folder, 'home')
  const zag = new Patient(t)
  const env = { ZAG_HOME: home }
  await zag.over('echo a', [], { env })
  const small = await zag.doctor([], { env })
  t.match({ code: small.code, wrong: wrongOf(small.found) }, { code: 1, wrong: ['space'] })
  t.match(messageOf(small.found, 'space'), /^0 MB free on the disk of /)

  rmSync(join(home, 'processes'), { recursive: true })
  execFileSync('mount', ['-o', 'remount,ro', disk.folder])
  const readOnly = await zag.doctor([], { env })
  t.match({ code: readOnly.code, stderr: readOnly.stderr }, { code: 1, stderr: '' })
  t.same(wrongOf(readOnly.found), ['space', 'home', 'writable', 'table'])
  t.match(messageOf(readOnly.found, 'writable'), /^cannot write '.*': read-only file system$/)
  const repair = await zag.doctor(['--repair'], { env })
  t.match({ code: repair.code, stderr: repair.stderr, repaired: repairedOf(repair.found) }, { code: 1, stderr: '', repaired: [] })
  t.match(repair.found.find(({ check }) => check === 'table')?.advice, /^the repair failed: .*read-only file system$/)
})

t.test('wrong usage is 2, an output that takes nothing is 5', async t => {
  const zag = new Patient(t)
  t.match(await zag.go('doctor', ['everything']), { code: 2, stdout: '', stderr: /^zag-doctor: / })
  t.match(await zag.sh('zag doctor >/dev/full'), { code: 5, stderr: 'zag-doctor: cannot write to stdout: no space left on device\n' })
})
