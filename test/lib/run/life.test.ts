// A session over several runs: when one fails it is tried again, with pauses that grow; nobody sees it as over in between; and a
// supervisor that is gone between two runs leaves it as the last run ended.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newId } from '../../../lib/base/id.js'
import { paths } from '../../../lib/base/paths.js'
import { timestamp } from '../../../lib/base/time.js'
import type { LogEvent } from '../../../lib/log/events.js'
import { readEvents } from '../../../lib/log/read.js'
import { appendEvents } from '../../../lib/log/write.js'
import { myself } from '../../../lib/process/identity.js'
import { Life } from '../../../lib/run/life.js'
import { next, PAUSES, pauseBefore } from '../../../lib/run/next.js'
import { requestEnd } from '../../../lib/run/request.js'
import { settle } from '../../../lib/run/settle.js'
import { type Message, post } from '../../../lib/session/inbox.js'
import { statusOf } from '../../../lib/session/state.js'
import { beginTurn, lastTurn, turnEnded, unbegunTurn } from '../../../lib/session/turns.js'
import { openHome } from '../../../lib/store/home.js'
import { claimNext, forgetClaims, latestOwner, takeOver } from '../../../lib/table/owners.js'
import { processes } from '../../../lib/table/processes.js'
import { create, type Session } from '../../../lib/table/sessions.js'
import { until } from '../../help/run.js'

const folder = t.testdir({ work: {} })
process.env.ZAG_HOME = join(folder, 'home')
openHome()
const cwd = join(folder, 'work')
const SOON = { pauses: { first: 1, longest: 2 } }
const gone = { ...myself(), start: '1' }

function session(script: string, more: Partial<Session> = {}): Session {
  const made = {
    id: newId(),
    created_at: timestamp(),
    provider: 'sh',
    root: cwd,
    cwd,
    tags: [],
    group: 'g',
    depends_on: [],
    flags: {},
    env: {},
    ...more,
  }
  create(made, { role: 'run', run: 1, ...myself() }, { prompt: script })
  return made
}

/** A script that counts how often it was run, says so, and fails until the nth time. */
const failsUntil = (n: number) => `f=$ZAG_SESSION_ID; echo x >>$f; echo "run $(wc -l <$f)"; [ $(wc -l <$f) -ge ${n} ]`
const message = (content: string): Message => ({ id: newId(), from: 'input', content })

function eventsOf(id: string, ...types: string[]): LogEvent[] {
  const found: LogEvent[] = []
  readEvents(id, event => found.push(event) > 0, types.length > 0 ? { types } : {})
  return found
}

const ends = (id: string) =>
  eventsOf(id, 'session_ended').map(event => (event.type === 'session_ended' ? `${event.run} ${event.status}` : ''))

t.test('pauses grow to a minute', async t => {
  t.same(
    [1, 2, 3, 4, 5, 6, 7, 8, 100].map(n => pauseBefore(n)),
    [1, 2, 4, 8, 16, 32, 60, 60, 60].map(s => s * 1000),
  )
})

t.test('tried again until it succeeds, or no try is left', async t => {
  const lucky = session(failsUntil(3), { retries: 5 })
  t.match(await new Life(lucky, 1, SOON).ended, { run: 3, status: 'completed' })
  t.same(ends(lucky.id), ['1 failed', '2 failed', '3 completed'])
  t.equal(readFileSync(paths.inSession(lucky.id, 'result'), 'utf8'), 'run 3\n')
  t.match(
    eventsOf(lucky.id, 'session_started').map(event => (event.type === 'session_started' ? [event.run, event.turn, event.resumed] : [])),
    [
      [1, 1, false],
      [2, 1, true],
      [3, 1, true],
    ],
  )
  t.match(processes().find(lucky.id), { status: 'completed' })
  const poor = session(failsUntil(9), { retries: 2 })
  t.match(await new Life(poor, 1, SOON).ended, { run: 3, status: 'failed' })
  const none = session(failsUntil(9))
  t.match(await new Life(none, 1, SOON).ended, { run: 1, status: 'failed' })
})

t.test('what was cancelled, or waited for another that failed, is not tried again', async t => {
  const asked = { retries: 3 }
  const before = { turn: 1, attempt: 1, refusals: 0, collisions: 0, met: {} }
  const ended = { success: false, status: 'failed', run: 1, duration_ms: 1 } as const
  const of = session('true', asked)
  t.match(await next(of, ended, before, PAUSES), { pause: 1000, again: true })
  t.equal(await next(of, ended, { ...before, attempt: 4 }, PAUSES), undefined)
  t.equal(await next(of, { ...ended, status: 'cancelled' }, before, PAUSES), undefined)
  t.equal(await next(of, { ...ended, reason: 'dependency' }, before, PAUSES), undefined)
  t.match(await next(of, { ...ended, reason: 'timeout' }, before, PAUSES), { again: true })
  t.match(await next(of, { ...ended, reason: 'start' }, before, PAUSES), { again: true })
})

/** What opencode prints as it answers, as it meets a limit, and where it cannot open its store. */
const HERE = `echo '{"type":"text","sessionID":"ses_1","part":{"text":"here"}}'; echo '{"type":"step_finish","part":{"reason":"stop"}}'`
const LIMITED = `echo '{"type":"error","sessionID":"ses_1","timestamp":1,"error":{"data":{"statusCode":429,"responseHeaders":{"retry-after":"1"}}}}'; exit 1`
const BUSY = `printf 'Error: Unexpected error\\n\\ndatabase is locked\\n' >&2; exit 1`

/** A session with an agent that does the first of these in its first run, and the last from then on. */
function opencode(runs: string[], more: Partial<Session> = {}): Session {
  const cases = runs.map((run, at) => `${at + 1 < runs.length ? at + 1 : '*'}) ${run};;`)
  const counts = 'f=$ZAG_SESSION_ID; [ "$1" = acp ] || told=$(cat); echo "$* < $told" >>$f'
  writeFileSync(join(cwd, 'opencode'), `#!/bin/sh\n${counts}\ncase $(wc -l <$f) in\n${cases.join('\n')}\nesac\n`, { mode: 0o755 })
  return session('the task', { provider: 'opencode', env: { PATH: `${cwd}:${process.env.PATH}` }, ...more })
}
const started = (id: string) => readFileSync(join(cwd, id), 'utf8').trim().split('\n')

t.test('an agent that could not begin beside others of its kind is started again, which is no retry', async t => {
  const lucky = opencode([BUSY, BUSY, BUSY, HERE])
  t.match(await new Life(lucky, 1, SOON).ended, { run: 4, status: 'completed' })
  t.same(ends(lucky.id), ['1 failed', '2 failed', '3 failed', '4 completed'])
  t.match(eventsOf(lucky.id, 'session_ended')[0], { reason: 'collision' })
  t.equal(readFileSync(paths.inSession(lucky.id, 'result'), 'utf8'), 'here')
  const poor = opencode([BUSY], { retries: 1 })
  const busy = { status: 'failed', reason: 'collision', error: /^its store was in use,/ }
  t.match(await new Life(poor, 1, SOON).ended, { run: 14, ...busy }, 'six times again, then the retry, and six times again')
  // What was begun may have been done, and what is wrong with its store stays so.
  const others = [`echo '{"type":"step_start","sessionID":"ses_1"}'; ${BUSY}`, `printf 'Failed query: SELECT 1\\n' >&2; exit 1`]
  for (const other of others) t.match(await new Life(opencode([other]), 1, SOON).ended, { run: 1, status: 'failed' })
})

t.test('a collision when a limit is over: it goes on as it was to, and what it had of time and tries is what it has', async t => {
  const { id, ...rest } = opencode([LIMITED, BUSY, BUSY, HERE], { timeout_ms: 100_000 })
  t.match(await new Life({ id, ...rest }, 1, SOON).ended, { run: 4, status: 'completed' })
  const [first, ...later] = started(id)
  t.match(first, / --title .* < the task$/)
  for (const line of later) t.match(line, / --session ses_1 < Continue$/)
  t.equal(later.length, 3)
  t.equal(eventsOf(id, 'usage_limit_hit').length, 1)
  const again = opencode([LIMITED, BUSY, LIMITED, HERE])
  t.match(await new Life(again, 1, SOON).ended, { run: 4, status: 'completed' })
  const incidents = eventsOf(again.id, 'usage_limit_hit').map(event => event.type === 'usage_limit_hit' && event.incident_id)
  t.equal(incidents.length, 2)
  t.equal(new Set(incidents).size, 1, 'one case')
  const late = opencode([BUSY], { timeout_ms: 3_000 })
  const longer = { pauses: { first: 3_600_000, longest: 3_600_000 } }
  t.match(await new Life(late, 1, longer).ended, { run: 2, status: 'failed', reason: 'timeout' })
})

t.test('a session that lives on: its agent is started again in the same run', async t => {
  const living = { interactive: true }
  const poor = opencode([BUSY], living)
  t.match(await new Life(poor, 1, SOON).ended, { run: 1, status: 'failed', reason: 'collision' })
  t.equal(started(poor.id).length, 7)
  t.match(eventsOf(poor.id, 'turn_ended'), [{ turn: 1, success: false, reason: 'collision' }])
  t.equal(eventsOf(poor.id, 'user_message').length, 1, 'it was told nothing yet')
  const { id, ...rest } = opencode([BUSY], living)
  const life = new Life({ id, ...rest }, 1, { pauses: { first: 3_600_000, longest: 3_600_000 } })
  await until(() => eventsOf(id, 'provider_status').length > 0)
  life.cancel('enough', 0)
  t.match(await life.ended, { run: 1, status: 'cancelled', reason: 'enough' })
})

t.test('in the pause it is not over, and can be cancelled', async t => {
  const { id, ...rest } = session('exit 3', { retries: 3 })
  const life = new Life({ id, ...rest }, 1, { pauses: { first: 3_600_000, longest: 3_600_000 } })
  await until(() => ends(id).length === 1 && latestOwner(id)?.run === 2)
  t.match(await settle(id), { state: 'running', over: false, run: 2 })
  t.notOk(existsSync(paths.marker(id, 'ended')), 'nobody is told of an end')
  t.equal(processes().find(id)?.ended_at, undefined)
  requestEnd(id, { outcome: 'cancelled', run: 2, grace_ms: 0, by: 'user', reason: 'enough' })
  t.ok(life.look())
  t.match(await life.ended, { run: 2, status: 'cancelled', reason: 'enough' })
  t.match(await settle(id), { state: 'cancelled', over: true })
  t.equal(eventsOf(id, 'user_message').length, 1, 'nothing was said to anybody in the second run')
})

t.test('a wish to cancel the run that was just over ends what would follow', async t => {
  const { id, ...rest } = session('exit 3', { retries: 3 })
  const life = new Life({ id, ...rest }, 1, { pauses: { first: 3_600_000, longest: 3_600_000 } })
  await until(() => latestOwner(id)?.run === 2)
  requestEnd(id, { outcome: 'cancelled', run: 1, grace_ms: 0, by: 'user' })
  t.ok(life.look())
  t.match(await life.ended, { run: 2, status: 'cancelled' })
})

t.test('a supervisor that died in the pause: over as the run ended, with the row and the marker that were held back', async t => {
  const { id } = session('exit 3')
  const started = {
    provider: 'sh',
    root: cwd,
    cwd,
    command: ['sh'],
    process_id: `${id}.1`,
    run: 1,
    resumed: false,
    stdout_from: 0,
    stderr_from: 0,
  }
  appendEvents(id, undefined, { type: 'session_started', ...started })
  t.ok(claimNext(id, 1))
  t.notOk(claimNext(id, 1), 'the next run is claimed once')
  appendEvents(id, undefined, { type: 'session_ended', success: false, status: 'failed', run: 1, exit_code: 3, duration_ms: 1 })
  t.match(statusOf(id), { over: false, run: 2 })
  takeOver(id, latestOwner(id), { role: 'run', run: 2, ...gone })
  t.match(await settle(id), { state: 'failed', over: true, run: 1, ended: { exit_code: 3 } })
  t.ok(existsSync(paths.marker(id, 'ended')))
  t.match(processes().find(id), { status: 'failed', exit_code: 3 })
})

t.test('one that died as the next run began: that run is dead, and its output kept', async t => {
  const { id } = session('true')
  appendEvents(id, undefined, { type: 'session_ended', success: false, status: 'failed', run: 1, duration_ms: 1 })
  writeFileSync(paths.inSession(id, 'stdout'), 'old\n')
  takeOver(id, latestOwner(id), { role: 'run', run: 2, ...gone })
  beginTurn(id, 2, { run: 2, from: { stdout: 4, stderr: 0 } })
  writeFileSync(paths.inSession(id, 'stdout'), 'old\nnew\n')
  t.match(statusOf(id), { state: 'dead', run: 2 })
  t.match(await settle(id), { state: 'dead', run: 2, ended: { run: 2 } })
  t.same(ends(id), ['1 failed', '2 dead'])
  t.match(turnEnded(id, 2), { run: 2, success: false, stop_reason: 'dead' })
  t.equal(readFileSync(paths.inTurn(id, 2, 'result'), 'utf8'), 'new\n')
})

t.test('one that died in a turn of an agent that lives on: an earlier process of it counted for itself', async t => {
  const { id } = session('x', { provider: 'copilot', interactive: true })
  const told = (inputTokens: number) => `{"id":1,"result":{"stopReason":"end_turn","usage":{"inputTokens":${inputTokens}}}}\n`
  const [first, begins, second] = [told(100), '{"id":0,"result":{"protocolVersion":1}}\n', told(7)]
  const since = first.length
  appendEvents(id, undefined, {
    ...{ type: 'session_started', provider: 'copilot', root: cwd, cwd, command: [], process_id: `${id}.1`, run: 1, resumed: false },
    ...{ stdout_from: 0, stderr_from: 0 },
  })
  writeFileSync(paths.inSession(id, 'stdout'), first + begins + second)
  beginTurn(id, 2, { run: 1, from: { stdout: since + begins.length, stderr: 0 }, since })
  takeOver(id, latestOwner(id), { role: 'run', run: 1, ...gone })
  t.match(await settle(id), { state: 'dead' })
  t.match(eventsOf(id, 'usage'), [{ input_tokens: 7 }])
})

t.test('messages that wait are runs of the same supervisor, in order, each once', async t => {
  const of = session('echo first; exit 1')
  post(of.id, message('echo one; exit 4'))
  post(of.id, message('echo two'))
  t.match(await new Life(of, 1).ended, { run: 3, status: 'completed' })
  t.same(ends(of.id), ['1 failed', '2 failed', '3 completed'])
  t.match(
    [2, 3].map(turn => turnEnded(of.id, turn)),
    [
      { run: 2, success: false, exit_code: 4 },
      { run: 3, success: true },
    ],
  )
  t.equal(lastTurn(of.id), 3)
  t.equal(unbegunTurn(of.id), undefined)
})

t.test('a turn tried again keeps its messages and its prompt', async t => {
  const of = session('true', { retries: 1 })
  post(of.id, message(failsUntil(2)))
  t.match(await new Life(of, 1, SOON).ended, { run: 3, status: 'completed' })
  t.equal(lastTurn(of.id), 2)
  t.match(turnEnded(of.id, 2), { run: 3, success: true })
})

t.test('many sessions in one process, each by itself', async t => {
  const many = Array.from({ length: 8 }, (_, n) => session(`${failsUntil(2)}; exit $(( $? + ${n % 2} ))`, { retries: 1 }))
  const all = await Promise.all(many.map(each => new Life(each, 1, SOON).ended))
  t.same(
    all.map(({ status }) => status),
    many.map((_, n) => (n % 2 === 0 ? 'completed' : 'failed')),
  )
})

t.test('old claims are forgotten, but for those somebody may be about to follow', async t => {
  const { id } = session('true')
  for (let n = 0; n < 100; n++) takeOver(id, latestOwner(id), { role: 'run', run: 1, ...myself() })
  forgetClaims(id)
  t.match(latestOwner(id), { claim: 101 })
  t.notOk(existsSync(join(paths.session(id), 'owner.37')))
  t.ok(existsSync(join(paths.session(id), 'owner.38')))
})
