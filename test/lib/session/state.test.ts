// The state of a session, from the end of its log and from who has it in hand: the table of DESIGN 5, row by row.

import fs, { appendFileSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import t from 'tap'
import { newId } from '../../../lib/base/id.js'
import { paths } from '../../../lib/base/paths.js'
import { timestamp } from '../../../lib/base/time.js'
import { answerRelay, openRelay } from '../../../lib/permission/relay.js'
import { type Identity, myself } from '../../../lib/process/identity.js'
import { errorOf, rowOf } from '../../../lib/session/row.js'
import { STATES, statusOf } from '../../../lib/session/state.js'
import { openHome } from '../../../lib/store/home.js'
import { nobody } from '../../../lib/table/owners.js'
import { create } from '../../../lib/table/sessions.js'

process.env.ZAG_HOME = join(t.testdir(), 'home')
openHome()

type Role = 'spawn' | 'queue' | 'start' | 'run' | 'close'
const started = { type: 'session_started', provider: 'sh', run: 1, pid: 1 }
const ended = (status: string, run = 1) => ({ type: 'session_ended', success: status === 'completed', status, run, duration_ms: 1 })

/** A session with this owner and these lines in its log. */
function session(owner: Identity | undefined, events: object[], role: Role = 'run', run = 1): string {
  const id = newId()
  const more = { provider: 'sh', root: '/', cwd: '/', tags: [], group: 'g', depends_on: [], flags: {}, env: {} }
  create({ id, created_at: timestamp(), ...more }, { role, run, ...(owner ?? myself()) }, {})
  if (!owner) for (const name of readdirSync(paths.session(id))) if (name.startsWith('owner.')) rmSync(join(paths.session(id), name))
  for (const event of events)
    appendFileSync(
      paths.inSession(id, 'log.ndjson'),
      `${JSON.stringify({ ts: timestamp(), session_id: id, ...event })}\n`.replace(
        /^\{"ts":("[^"]*"),"session_id":("[^"]*"),"type":("[^"]*")/,
        '{"type":$3,"ts":$1,"session_id":$2',
      ),
    )
  return id
}

const stateOf = (id: string) => statusOf(id).state
const gone = { ...myself(), start: '1' }

t.test('an end that is in the log is the state, whoever owns it', async t => {
  for (const status of ['completed', 'failed', 'cancelled', 'dead'] as const) {
    const id = session(myself(), [started, ended(status), { type: 'user_event', level: 'info', message: 'later' }])
    t.match(statusOf(id), { state: status, over: true, run: 1 })
  }
})

t.test('alive is running, and idle after 30 s of silence', async t => {
  const id = session(myself(), [started])
  t.match(statusOf(id), { state: 'running', over: false, started: { pid: 1 } })
  utimesSync(paths.inSession(id, 'log.ndjson'), new Date(), new Date(Date.now() - 29_000))
  t.equal(stateOf(id), 'running')
  utimesSync(paths.inSession(id, 'log.ndjson'), new Date(), new Date(Date.now() - 31_000))
  t.equal(stateOf(id), 'idle')
  t.equal(stateOf(session(myself(), [], 'spawn')), 'running', 'it is being started')
})

t.test('one that asked is waiting until it is answered', async t => {
  const id = session(myself(), [started])
  const open = () => openRelay({ tool: 'bash', tool_kind: 'shell', params: {} }, { session_id: id, group: 'g', root: '/', cwd: '/' })
  const relay = open()
  t.match(statusOf(id), { state: 'waiting', over: false })
  const { relay_id } = open()
  answerRelay(relay.relay_id, { approved: true, by: 'person' })
  t.equal(stateOf(id), 'waiting', 'for the other')
  answerRelay(relay_id, { approved: true, by: 'person' })
  t.equal(stateOf(id), 'running')
  const past = session(myself(), [started, ended('failed')])
  openRelay({ tool: 'bash', tool_kind: 'shell', params: {} }, { session_id: past, group: 'g', root: '/', cwd: '/' })
  t.equal(stateOf(past), 'failed')
})

t.test('whose process is gone is dead: also if another has its number, or another boot had it', async t => {
  t.match(statusOf(session(gone, [started])), { state: 'dead', over: true, ended: undefined })
  t.equal(stateOf(session({ ...myself(), boot: 'another' }, [started])), 'dead')
  t.equal(stateOf(session(gone, [], 'spawn')), 'dead')
  t.equal(stateOf(session(undefined, [started])), 'dead', 'nobody ever had it')
  t.equal(stateOf(session(myself(), [started], 'close')), 'dead', 'somebody is ending it')
})

t.test("nobody's, or claimed by one who died before there was a runner, is queued", async t => {
  const waits = session(nobody(), [], 'queue')
  t.match(statusOf(waits), { state: 'queued', over: false, run: 1 })
  t.equal(rowOf(statusOf(waits)).runner_pid, undefined)
  t.equal(stateOf(session(gone, [], 'start')), 'queued')
  t.equal(stateOf(session(myself(), [], 'start')), 'running', 'it is being started')
  t.equal(stateOf(session({ ...nobody(), host: 'far.example' }, [], 'queue')), 'queued', 'put there on another machine')
  t.equal(stateOf(session(nobody(), [], 'run')), 'dead', 'let go of by who supervised it')
  t.equal(stateOf(session({ ...nobody(), host: 'far.example' }, [], 'run')), 'dead')
  t.equal(stateOf(session(nobody(), [started, ended('completed')], 'queue')), 'completed', 'a claim for a run that is over')
})

t.test('the log of a supervised session is read near its end only, however long it is', async t => {
  const id = session(myself(), [started])
  const log = paths.inSession(id, 'log.ndjson')
  // A hole takes no room on the disk, and whoever reads through it is counted all the same.
  truncateSync(log, 200 << 20)
  const note = `${JSON.stringify({ type: 'user_event', ts: timestamp(), session_id: id, level: 'info', message: 'x'.repeat(1000) })}\n`
  appendFileSync(log, `\n${note.repeat(200)}`)
  const { value, bytes } = counted(() => statusOf(id))
  t.match(value, { state: 'running', over: false, run: 1 })
  t.ok(bytes > 0 && bytes < 1 << 20, `${bytes} bytes read`)
  writeFileSync(paths.marker(id, 'ended'), '{}')
  t.match(statusOf(id), { state: 'running', started: { run: 1 } }, 'a marker says that the end may be further up')
})

/** What `work` returns, and how many bytes were read while it ran. */
function counted<T>(work: () => T): { value: T; bytes: number } {
  const { readSync, readFileSync } = fs
  let bytes = 0
  const count = (read: (...args: never[]) => unknown) =>
    ((...args: never[]) => {
      const got = read(...args)
      bytes += typeof got === 'number' ? got : (got as string | Buffer).length
      return got
    }) as never
  Object.assign(fs, { readSync: count(readSync as never), readFileSync: count(readFileSync as never) })
  syncBuiltinESMExports()
  try {
    const value = work()
    return { value, bytes }
  } finally {
    Object.assign(fs, { readSync, readFileSync })
    syncBuiltinESMExports()
  }
}

t.test('of another machine nothing is judged', async t => {
  t.equal(stateOf(session({ ...gone, host: 'elsewhere', boot: 'another' }, [started])), 'running')
})

t.test('the next run', async t => {
  t.match(statusOf(session(myself(), [started, ended('failed')], 'run', 2)), { state: 'running', over: false, run: 2 })
  t.match(statusOf(session(gone, [started, ended('failed')], 'run', 2)), { state: 'failed', over: true, run: 1 })
  t.match(statusOf(session(myself(), [started, ended('failed'), { ...started, run: 2 }], 'run', 2)), { state: 'running', run: 2 })
})

t.test('a torn end does not count, and a line that is none stops nobody', async t => {
  const id = session(myself(), [started])
  appendFileSync(paths.inSession(id, 'log.ndjson'), `{"type":"session_ended","success":true,"status":"completed"`)
  t.equal(stateOf(id), 'running')
  writeFileSync(paths.inSession(id, 'log.ndjson'), `${JSON.stringify({ ts: '', ...ended('completed') })}\nnonsense\n[]\n`)
  t.ok(STATES.includes(stateOf(id)))
})

t.test('rows', async t => {
  const dead = statusOf(session(gone, [started]))
  t.match(rowOf(dead), { session_id: dead.id, name: null, status: 'dead', provider: 'sh', model: null, error: 'its runner is gone' })
  t.equal(errorOf(statusOf(session(myself(), [started]))), undefined)
  const failed = statusOf(session(myself(), [started, { ...ended('failed'), exit_code: 3, error: 'exit code 3' }]))
  t.match(rowOf(failed), { status: 'failed', exit_code: 3, error: 'exit code 3', duration_ms: 1, pid: undefined, runner_pid: undefined })
})
