// pick: the order of looking up, what adds up and what narrows. The programs' tests try it from outside.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newId } from '../../../lib/base/id.js'
import { paths } from '../../../lib/base/paths.js'
import { timestamp } from '../../../lib/base/time.js'
import { myself } from '../../../lib/process/identity.js'
import { one, pick, pickAbout, withTags } from '../../../lib/session/pick.js'
import { openHome } from '../../../lib/store/home.js'
import { file } from '../../../lib/table/filing.js'
import { create, read, type Session } from '../../../lib/table/sessions.js'

process.env.ZAG_HOME = join(t.testdir(), 'home')
const none = { async *lines(): AsyncGenerator<string> {} }
const lines = (...all: string[]) => ({
  async *lines(): AsyncGenerator<string> {
    yield* all
  },
})
const notThere = { exit: 3, message: /session/ }

function make(more: Partial<Session> = {}): string {
  const id = more.id ?? newId()
  const plain = { created_at: timestamp(), provider: 'sh', root: '/', cwd: '/', tags: [], group: 'g', depends_on: [], flags: {}, env: {} }
  create({ ...plain, ...more, id }, { role: 'run', run: 1, ...myself() }, {})
  return id
}

t.test('before there is a home', async t => {
  await t.rejects(pick({ operands: ['x'] }, none), { exit: 3, message: "no session 'x': there are none yet" })
  await t.rejects(pick({ latest: true }, none), notThere)
  await t.rejects(pick({}, none), { exit: 2, message: /which sessions/ })
  t.same(await pick({ all: true }, none, { empty: true }), [])
  t.same(await pick({}, none, { otherwise: 'none' }), [])
  t.same(await pick({}, none, { otherwise: 'all', empty: true }), [])
  openHome()
})

t.test('a whole id, then a name, then a part', async t => {
  const a = make({ name: 'build' })
  const named = make({ name: a })
  const part = make({ name: a.slice(-8) })
  t.equal(one(a), a, 'the id goes before a name that is that id')
  t.equal(one(a.slice(-8)), part, 'a name goes before a part')
  t.equal(one(named.slice(-8)), named)
  t.equal(one(named.slice(-8).toUpperCase()), named)
  t.equal(one('build'), a)
  const newer = make({ name: 'build' })
  t.equal(one('build'), newer)
  for (const word of ['', '.', 'buil', named.slice(-3), '____', '%', 'x'.repeat(5000), `${named} `])
    t.throws(() => one(word), notThere, word.slice(0, 40))
})

t.test('a name that a change cut short left behind names nobody; what is damaged keeps its name', async t => {
  const [older, id] = [make({ name: 'old' }), make({ name: 'old' })]
  const session = read(id) as Session
  file({ ...session, name: 'new' })
  writeFileSync(paths.inSession(id, 'session.json'), JSON.stringify({ ...session, name: 'new' }))
  t.equal(one('old'), older)
  t.equal(one('new'), id)
  writeFileSync(paths.inSession(id, 'session.json'), '{')
  t.equal(one('old'), id)
})

t.test('an array on stdin; a name that begins as one', async t => {
  const [a, b] = [make({ name: '[a' }), make()]
  const from = (...words: string[]) => pick({ operands: ['-'] }, lines(...words))
  t.same(await from(JSON.stringify([{ session_id: b, more: [1] }, { session_id: a }])), [b, a])
  t.same(await from('[', `{"session_id": "${a}"}`, ',', `{"session_id": "${b}"}`, ']', ''), [a, b])
  t.same(await from(b, '[a', '', `[{"session_id":"${b.slice(-8)}"}]`), [b, a], 'after lines of other kinds')
  await t.rejects(from('[]'), { exit: 3, message: /the array on stdin is empty/ })
  await t.rejects(from('[{"session_id":"nobody"}]'), { exit: 3, message: /no session 'nobody'/ })
  await t.rejects(from('[{}]'), { exit: 2, message: 'row 1 of the array on stdin has no session_id' })
  await t.rejects(from(`[{"session_id":"${a}"},"${a}"]`), { exit: 2, message: 'row 2 of the array on stdin has no session_id' })
  await t.rejects(from('[null]'), { exit: 2, message: /row 1 of the array/ })
  await t.rejects(from('[b', 'c]'), { exit: 2, message: "stdin is no JSON array: '[b\\u000ac]'" })
})

t.test('several that fit are listed, with names, five at the most', async t => {
  const ids = Array.from({ length: 7 }, (_, i) =>
    make({ id: `00000000-000${i}-7000-8000-00000000beef`, name: i === 0 ? 'first' : undefined }),
  )
  t.throws(() => one('beef'), {
    exit: 3,
    message: new RegExp(`^'beef' fits 7 sessions: ${ids[0]} 'first', ${ids[1]}, .*, and 2 more: give more of the id$`),
  })
  t.throws(() => one('00000000-'), { exit: 3, message: /fits 7 sessions/ })
  t.equal(one('00000000-0003'), ids[3])
})

t.test('tags: all of them, and without those known', async t => {
  const [both, first] = [make({ tags: ['t1', 't2'] }), make({ tags: ['t1'] })]
  t.same(withTags(['t1']), [both, first])
  t.same(withTags(['t1', 't2']), [both])
  t.same(withTags(['t2', 't1', 't3']), [])
  t.same(withTags(['t1'], new Set([both])), [first])
  t.same(await pick({ tag: ['t2'], operands: [first, both] }, none), [first, both])
})

t.test('- takes ids, parts, names and rows, once each', async t => {
  const [a, b] = [make({ name: 'by name' }), make()]
  t.same(await pick({ operands: ['-', a] }, lines('by name', '', `  ${b}  `, a)), [a, b])
  t.same(await pick({ operands: ['-'] }, lines(b, JSON.stringify({ session_id: a }), JSON.stringify({ session_id: b }))), [b, a])
  await t.rejects(pick({ operands: ['-'] }, lines('', ' ')), { exit: 3, message: /stdin has no session/ })
  await t.rejects(pick({ operands: ['-'] }, lines('{"session_id":1}')), { exit: 2, message: 'row 1 of stdin has no session_id' })
  await t.rejects(pick({ operands: ['-'] }, lines('{"session_id":"../.."}')), notThere)
})

t.test('what is named has to be there; narrowing may leave none only where that is said', async t => {
  const a = make({ tags: ['here'] })
  const empty = { empty: true }
  await t.rejects(pick({ tag: ['nobody'] }, none, empty), { exit: 3, message: "no session with tag 'nobody'" })
  await t.rejects(pick({ parent: a }, none, empty), { exit: 3, message: `no session started by '${a}'` })
  t.same(await pick({ tag: ['here'], state: 'completed' }, none, empty), [])
  await t.rejects(pick({ tag: ['here'], state: 'completed' }, none), {
    exit: 3,
    message: "no session with tag 'here' and in state 'completed'",
  })
  await t.rejects(pick({ tag: ['here'], state: 'complete' }, none), { exit: 2, message: /'complete' is no state/ })
  t.same(await pick({ tag: ['here'], root: '/' }, none), [a])
  await t.rejects(pick({ tag: ['here'], root: '/nowhere' }, none), { exit: 2, message: "no folder '/nowhere': give one that exists" })
})

t.test('pickAbout: the session around if none is named', async t => {
  const [own, other] = [make(), make({ tags: ['other'] })]
  const around = () => own
  t.same(await pickAbout({}, none, around), [own])
  t.same(await pickAbout({ tag: ['other'] }, none, around), [other])
  await t.rejects(pickAbout({ state: 'completed' }, none, around), notThere, 'narrowing holds for it too')
  await t.rejects(
    pickAbout({}, none, () => {
      throw new Error('outside')
    }),
    { message: 'outside' },
  )
})
