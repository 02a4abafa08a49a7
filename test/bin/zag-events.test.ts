// zag-events: which events of a log, by kind, number and time; and how many. What does not parse is shown as that.

import { appendFileSync, readFileSync } from 'node:fs'
import t from 'tap'
import { seed, selects, ways } from '../help/selection.js'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const { a, b } = seeds
const events = (args: string[], more = {}) => zag.go('events', args, more)
const seqs = async (args: string[]) => rows((await events(args)).stdout).map(({ seq }) => seq)

await t.test('every way of naming sessions', async t => {
  await selects(
    t,
    ways(seeds),
    (args, input) => events(['--last', '1', ...args], { input }),
    ({ stdout }) => rows(stdout).map(row => row.session_id),
  )
})

const at = (minute: number) => `2026-01-01T00:0${minute}:00.000Z`
let id = ''

await t.test('lines 5 to 10 of a log, at times of their own', async () => {
  id = (await zag.over('echo said')).session_id
  for (let i = 0; i < 6; i++) {
    const event = { type: i % 2 ? 'user_event' : 'stderr', ts: at(i), session_id: id, level: 'info', message: `m${i}` }
    appendFileSync(zag.file(id, 'log.ndjson'), `${JSON.stringify(event)}\n`)
  }
})

t.test('all of it, as stored and with seq', async t => {
  const { code, stdout, stderr } = await events([id])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const stored = readFileSync(zag.file(id, 'log.ndjson'), 'utf8').trim().split('\n')
  t.same(
    rows(stdout),
    stored.map((line, i) => ({ ...JSON.parse(line), seq: i + 1 })),
  )
  t.equal((await events(['--json', id])).stdout, stdout, '--json is the same')
})

t.test('--type, several', async t => {
  t.same(await seqs([id, '--type', 'stderr']), [5, 7, 9])
  t.same(await seqs(['--type', 'user_event', '--type', 'session_ended', id]), [4, 6, 8, 10])
})

t.test('--filter, also with the others', async t => {
  t.same(await seqs([id, '--filter', 'message=m3']), [8])
  t.same(await seqs([id, '--filter', 'level=info', '--type', 'user_event,stderr']), [5, 6, 7, 8, 9, 10])
  t.same(await seqs([id, '--filter', 'level=info,message=m1', '--filter', 'type=user_event']), [6])
  t.same(await seqs([id, '--filter', 'level=info', '--type', 'user_event', '--last', '1']), [10])
  t.same(await seqs([id, '--filter', 'seq=7']), [7])
  t.same(await seqs([id, '--filter', 'message=none', '--last', '3']), [])
  t.equal((await events([id, '--filter', 'message=m1', '--count'])).stdout, '1\n')
})

t.test('--last, --after-seq, --before-seq, and all of them together', async t => {
  t.same(await seqs([id, '--last', '2']), [9, 10])
  t.same(await seqs([id, '--last', '0']), [])
  t.same(await seqs([id, '--last', '99']), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  t.same(await seqs([id, '--last', '2', '--type', 'stderr']), [7, 9])
  t.same(await seqs([id, '--after-seq', '8']), [9, 10])
  t.same(await seqs([id, '--before-seq', '3']), [1, 2])
  t.same(await seqs([id, '--after-seq', '2', '--before-seq', '9', '--last', '3']), [6, 7, 8])
  t.same(await seqs([id, '--after-seq', '4', '--type', 'stderr', '--last', '1']), [9])
})

t.test('--since', async t => {
  t.same(await seqs([id, '--since', at(4), '--after-seq', '4']), [9, 10])
  t.same(await seqs([id, '--since', '1h']), [1, 2, 3, 4], 'a duration is ago')
  t.same(await seqs([id, '--since', '2026-01-01', '--type', 'user_event', '--last', '1']), [10])
})

t.test('--count', async t => {
  const count = async (args: string[]) => (await events([...args, '--count'])).stdout
  t.equal(await count([id]), '10\n')
  t.equal(await count([id, '--type', 'stderr']), '3\n')
  t.equal(await count([id, '--type', 'tool_call']), '0\n')
  t.equal(await count([a, b]), '8\n', 'of all together')
  t.equal(await count([id, '--last', '4', '--type', 'stderr']), '3\n')
})

t.test('--text', async t => {
  t.equal(
    (await events(['--text', id, '--after-seq', '2', '--before-seq', '7'])).stdout,
    'said\n[session_ended] completed\n! m0\n[user_event] info: m1\n',
  )
})

t.test('a line that is no event keeps its number and is shown', async t => {
  const { session_id } = await zag.over('true')
  appendFileSync(
    zag.file(session_id, 'log.ndjson'),
    'not json\n[1]\n{"type":"new_kind","ts":"2026-01-01T00:00:00.000Z","x":1}\n{"type":"torn"',
  )
  const read = rows((await events([session_id])).stdout)
  t.match(read.slice(3), [
    { type: 'parse_warning', seq: 4, raw: 'not json', session_id },
    { type: 'parse_warning', seq: 5, raw: '[1]' },
    { type: 'new_kind', seq: 6, x: 1 },
  ])
  t.equal(read.length, 6, 'a torn line is not read')
  t.equal((await zag.go('status', [session_id])).stdout, 'completed\n', 'and it stops nobody')
  await zag.go('log', ['--session', session_id, 'after the torn line'])
  t.match(rows((await events([session_id, '--last', '2'])).stdout), [
    { type: 'parse_warning', seq: 7 },
    { message: 'after the torn line', seq: 8 },
  ])
})

t.test('no colour in a pipe, and | head ends quietly', async t => {
  t.notMatch((await events(['--text', a])).stdout, '\u001b')
  const { code, stderr, stdout } = await zag.sh(`zag events ${id} | head -n 1 | grep -c .`)
  t.match({ code, stderr, stdout }, { code: 0, stderr: '', stdout: '1\n' })
})

t.test('2 and 3', async t => {
  const says = async (args: string[], stderr: RegExp) => t.match(await events(args), { code: 2, stdout: '', stderr })
  await says([id, '--count', '--text'], /one of --count, --text, --json/)
  await says([id, '--type', 'sterr'], /no kind of event 'sterr': did you mean stderr\?/)
  await says([id, '--filter', 'mesage=m1'], /no such event has a field 'mesage': did you mean message\?/)
  await says([id, '--type', 'user_event', '--filter', 'tool=bash'], /no user_event event has a field 'tool'/)
  await says([id, '--filter', 'message'], /--filter 'message' is no key=value/)
  await says([id, '--type', 'zzz'], /no kind of event 'zzz': see zag man 5 zag-log/)
  await says([id, '--last', '-1'], /'--last'/)
  await says([id, '--since', 'noon'], /flag '--since': 'noon' is no date/)
  t.match(await events(['nobody']), { code: 3, stdout: '', stderr: /no session 'nobody'/ })
})
