// Relays on disk: answered exactly once whoever is first, never lost, and never left where nobody can answer.

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newId } from '../../../lib/base/id.js'
import { paths } from '../../../lib/base/paths.js'
import {
  type Asker,
  answerOf,
  answerRelay,
  closeRelays,
  isWaiting,
  openRelay,
  openRelays,
  readRelay,
  waitForAnswer,
} from '../../../lib/permission/relay.js'
import { touch } from '../../../lib/store/file.js'
import { openHome } from '../../../lib/store/home.js'
import { until, workers } from '../../fixtures/workers.js'

const folder = t.testdir()
process.env.ZAG_HOME = join(folder, 'home')
openHome()
const worker = workers('relay-worker', folder, { define: { 'import.meta.dirname': '""' } })

const question = { tool: 'bash', tool_kind: 'shell', params: { command: 'rm x' } } as const
const place: Asker = { group: 'g', root: '/', cwd: '/' }
const yes = { approved: true, by: 'person' } as const

/** As much of a session as a relay looks at. */
function session(): string {
  const id = newId()
  mkdirSync(paths.session(id))
  return id
}

const open = (more: Partial<Asker> = {}, timeout?: number) => openRelay(question, { ...place, ...more }, { timeout })
const ids = (of?: Parameters<typeof openRelays>[0]) => openRelays(of).map(({ relay_id }) => relay_id)
const marks = (id: string) => (existsSync(paths.inSession(id, 'relays')) ? readdirSync(paths.inSession(id, 'relays')) : [])

t.test('a question waits for its answer, and then only the answer is left', async t => {
  const id = session()
  const relay = open({ session_id: id, provider: 'sh', name: 'n' })
  t.match(JSON.parse(readFileSync(paths.relay(relay.relay_id), 'utf8')), {
    ...question,
    session_id: id,
    group: 'g',
    opener: { pid: process.pid },
  })
  t.equal(statSync(paths.relay(relay.relay_id)).mode & 0o777, 0o600)
  t.equal(statSync(paths.answers()).mode & 0o777, 0o700, 'and nobody else can answer')
  t.same(marks(id), [relay.relay_id])
  t.ok(isWaiting(id))
  const answer = waitForAnswer(relay)
  t.same(ids({ session: id }), [relay.relay_id])
  t.ok(answerRelay(relay.relay_id, { ...yes, reason: 'fine' }))
  t.notOk(isWaiting(id), 'from the moment of the answer')
  t.same(ids({ session: id }), [])
  t.match(await answer, { approved: true, by: 'person', reason: 'fine', answered_at: /Z$/ })
  t.same({ relay: existsSync(paths.relay(relay.relay_id)), marks: marks(id) }, { relay: false, marks: [] })
  t.notOk(existsSync(paths.inSession(id, 'relays')))
  t.notOk(answerRelay(relay.relay_id, { approved: false, by: 'person' }), 'the second is told that he is')
  t.match(answerOf(relay.relay_id), { approved: true })
})

t.test('one that was answered before anybody waited', async t => {
  const relay = open()
  t.ok(answerRelay(relay.relay_id, yes))
  t.match(await waitForAnswer(relay), { approved: true })
})

t.test('there is none of that name', async t => {
  for (const id of [newId(), '../x', '']) t.throws(() => answerRelay(id, yes), { message: `no relay '${id}': see zag relay`, exit: 3 })
})

t.test('200 answers of 20 processes at once: exactly one counts', { timeout: 60_000 }, async t => {
  const relay = open()
  const gate = join(folder, 'gate')
  const answer = waitForAnswer(relay)
  const racers = Array.from({ length: 20 }, (_, n) => worker('answer', gate, relay.relay_id, `p${n}`, '10'))
  for (const racer of racers) await until(() => racer.said().length === 1, 50_000)
  writeFileSync(gate, '')
  await Promise.all(racers.map(({ ended }) => ended))
  const said = racers.flatMap(racer => racer.said().slice(1)).map(line => JSON.parse(line))
  const won = said.filter(line => line !== 'lost')
  t.equal(said.length, 200)
  t.equal(won.length, 1)
  t.match(await answer, { approved: true, reason: won[0] })
})

t.test('a deadline denies through the same link', async t => {
  const late = open({}, 1)
  t.match(await waitForAnswer(late), { approved: false, by: 'timeout', reason: 'nobody answered in time' })
  t.notOk(answerRelay(late.relay_id, yes), 'and who comes then comes second')
  const unwatched = open({}, -1)
  t.notOk(answerRelay(unwatched.relay_id, yes), 'nor is one answered late because its opener sleeps')
  t.match(answerOf(unwatched.relay_id), { by: 'timeout' })
  const listed = open({}, -1)
  t.notOk(ids().includes(listed.relay_id))
  t.match(await waitForAnswer(listed), { by: 'timeout' })
  t.ok(answerRelay(open({}, 60_000).relay_id, yes))
})

t.test('a question can be taken back', async t => {
  const id = session()
  const relay = open({ session_id: id })
  const { signal, abort } = controller()
  const answer = waitForAnswer(relay, { signal })
  abort()
  t.match(await answer, { approved: false, by: 'closed', reason: 'the question was taken back' })
  t.notOk(answerRelay(relay.relay_id, yes))
  t.match(await waitForAnswer(open(), { signal }), { by: 'closed' }, 'also before it was asked')
  const answered = open()
  answerRelay(answered.relay_id, yes)
  t.match(await waitForAnswer(answered, { signal }), { approved: true }, 'but not after an answer')
  t.same(marks(id), [])
})

function controller() {
  const of = new AbortController()
  return { signal: of.signal, abort: () => of.abort() }
}

t.test('kill -9 of the opener: nobody is asked what nobody waits for', async t => {
  const id = session()
  const opener = worker(
    'open',
    JSON.stringify([
      { command: 'a', session_id: id },
      { command: 'b', session_id: id },
    ]),
  )
  await until(() => opener.said().length === 2)
  t.equal(ids({ session: id }).length, 2)
  t.ok(isWaiting(id))
  const [first = '', second = ''] = ids({ session: id })
  opener.process.kill('SIGKILL')
  t.equal(await opener.ended, 'SIGKILL')
  t.notOk(isWaiting(id))
  t.notOk(answerRelay(first, yes), 'one that answers all the same is told')
  t.match(answerOf(first), { approved: false, by: 'closed', reason: 'the agent that asked is gone' })
  t.same(ids(), [], 'and a list shows none')
  t.match(answerOf(second), { by: 'closed' })
  t.same(marks(id), [])
  t.same([first, second].map(readRelay), [undefined, undefined])
})

t.test('an opener killed between the answer and its end', async t => {
  const id = session()
  const opener = worker('open', JSON.stringify([{ command: 'a', session_id: id }]))
  await until(() => opener.said().length === 1)
  opener.process.kill('SIGSTOP')
  const [relay = ''] = ids({ session: id })
  t.ok(answerRelay(relay, yes))
  opener.process.kill('SIGKILL')
  await opener.ended
  t.same(ids({ session: id }), [])
  t.same({ marks: marks(id), relay: readRelay(relay) }, { marks: [], relay: undefined })
  t.match(answerOf(relay), { approved: true })
})

t.test('the end of a session closes what it asked', async t => {
  const [id, other] = [session(), session()]
  const [one, two, left] = [open({ session_id: id }), open({ session_id: id }), open({ session_id: other })]
  touch(join(paths.inSession(id, 'relays'), newId()))
  const answers = [one, two].map(relay => waitForAnswer(relay))
  closeRelays(id, 'the session has ended')
  for (const answer of await Promise.all(answers)) t.match(answer, { approved: false, by: 'closed', reason: 'the session has ended' })
  t.same(marks(id), [], 'and a mark without a relay goes too')
  t.ok(isWaiting(other))
  closeRelays(id, 'again')
  t.ok(answerRelay(left.relay_id, yes))
})

t.test('by group, oldest first', async t => {
  const [a, b, c] = [open({ group: 'a' }), open({ group: 'b' }), open({ group: 'a' })].map(({ relay_id }) => relay_id)
  t.same(ids({ group: 'a' }), [a, c])
  t.same(ids({ group: 'b' }), [b])
  t.same(ids({ group: 'c' }), [])
})

t.test('files that are none', async t => {
  const id = newId()
  writeFileSync(paths.relay(id), '{"relay_id":')
  writeFileSync(join(paths.relays(), 'x.json'), '{}')
  t.notOk(ids().includes(id))
  t.throws(() => answerRelay(id, yes), { message: `no relay '${id}': see zag relay` })
  const relay = open()
  writeFileSync(paths.answer(relay.relay_id), 'yes')
  t.match(await waitForAnswer(relay), { approved: false, by: 'closed', reason: 'its answer cannot be read' })
})
