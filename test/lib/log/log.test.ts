// A session's log: events in, events out, numbered by line; long texts beside it, and nothing lost for a bad line.

import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { newId } from '../../../lib/base/id.js'
import { paths } from '../../../lib/base/paths.js'
import type { LogEvent } from '../../../lib/log/events.js'
import { usageOf } from '../../../lib/log/fold.js'
import { countEvents, lastOf, lastTurningPoint, readEvents } from '../../../lib/log/read.js'
import { appendEvents, headAndTail, LONGEST_FIELD, LogWriter } from '../../../lib/log/write.js'

process.env.ZAG_HOME = join(t.testdir(), 'home')

function log(): string {
  const id = newId()
  mkdirSync(dirname(paths.inSession(id, 'log.ndjson')), { recursive: true })
  return id
}

function all(id: string, options = {}): LogEvent[] {
  const events: LogEvent[] = []
  readEvents(id, event => events.push(event) > 0, options)
  return events
}

const raw = (id: string, text: string) => appendFileSync(paths.inSession(id, 'log.ndjson'), text)
const note = (message: string) => ({ type: 'user_event', level: 'info', message }) as const

t.test('stored with type first and the stamp; read with seq', async t => {
  const id = log()
  appendEvents(id, 'the-parent', note('one'), note('two\nlines \u2028 "quoted"'))
  t.match(
    readFileSync(paths.inSession(id, 'log.ndjson'), 'utf8'),
    /^\{"type":"user_event","ts":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","session_id":"[0-9a-f-]{36}","parent_id":"the-parent","level"/,
  )
  t.match(all(id), [
    { seq: 1, session_id: id, parent_id: 'the-parent', message: 'one' },
    { seq: 2, message: 'two\nlines \u2028 "quoted"' },
  ])
  const writer = new LogWriter(id)
  writer.append()
  writer.append(note('three'))
  writer.close()
  t.equal(countEvents(id), 3)
  t.notOk('parent_id' in (all(id)[2] as object))
})

t.test('bad lines keep their numbers, kinds of later are handed through, a torn tail waits', async t => {
  const id = log()
  raw(
    id,
    'nonsense\nnull\n{"type":7}\n{"ts":"x","type":"user_event","message":"odd order"}\n{"type":"of_later","x":[1]}\n{"type":"user_event"',
  )
  t.match(all(id), [
    { type: 'parse_warning', seq: 1, raw: 'nonsense', session_id: id },
    { type: 'parse_warning', seq: 2, raw: 'null' },
    { type: 'parse_warning', seq: 3 },
    { type: 'user_event', seq: 4, message: 'odd order' },
    { type: 'of_later', seq: 5, x: [1] },
  ])
  t.equal(all(id).length, 5)
  t.same(
    all(id, { types: ['user_event'] }).map(({ seq }) => seq),
    [4],
    'also by kind',
  )
  appendEvents(id, undefined, note('after'))
  t.match(all(id).slice(5), [
    { type: 'parse_warning', seq: 6 },
    { message: 'after', seq: 7 },
  ])
  t.same(
    all(id, { afterSeq: 5 }).map(({ seq }) => seq),
    [6, 7],
  )
  t.same(
    all(id, { types: ['parse_warning'] }).map(({ seq }) => seq),
    [1, 2, 3, 6],
    'a torn line is one of these, although it begins like an event',
  )
})

t.test('the last of a kind', async t => {
  const id = log()
  t.equal(lastTurningPoint(id), undefined)
  const began = { provider: 'sh', root: '/', cwd: '/', command: [], process_id: 'p', resumed: false, stdout_from: 0, stderr_from: 0 }
  for (const run of [1, 2]) appendEvents(id, undefined, { type: 'session_started', run, ...began }, note(`in ${run}`))
  t.match(lastTurningPoint(id), { type: 'session_started', run: 2 })
  appendEvents(id, undefined, { type: 'session_ended', success: true, status: 'completed', run: 2, duration_ms: 1 }, note('later'))
  raw(id, '{"type":"session_started","run":3')
  t.match(lastTurningPoint(id), { type: 'session_ended', run: 2 })
  t.match(lastOf(id, ['user_event']), { message: 'later' })
  t.equal(lastOf(id, ['session_result']), undefined)
})

t.test('a long text goes beside the log and says so', async t => {
  const id = log()
  const text = `${'ä'.repeat(LONGEST_FIELD / 2)}x`
  appendEvents(id, undefined, { type: 'assistant_message', content: text })
  const [event] = all(id) as [LogEvent & { content: string; spilled: { content: { path: string; bytes: number } } }]
  const { path, bytes } = event.spilled.content
  t.equal(bytes, LONGEST_FIELD + 1)
  t.ok(readFileSync(join(paths.session(id), path), 'utf8') === text)
  t.match(event.content, new RegExp(`bytes left out; the whole \\(${bytes} bytes\\) is in ${path}`))
  t.ok(event.content.length < 70_000)
  appendEvents(id, undefined, { type: 'assistant_message', content: 'ä'.repeat(LONGEST_FIELD / 2) })
  t.notOk('spilled' in (all(id)[1] as object), 'what just fits stays')
})

t.test('head and tail cut no character', async t => {
  const text = '😀'.repeat(10)
  for (const keep of [1, 2, 3, 4, 5]) {
    const cut = headAndTail(text, keep, 'there')
    t.equal(Buffer.from(cut).toString(), cut, String(keep))
    t.match(cut, /^(?:😀)*\n\[\.\.\. \d+ bytes left out; there \.\.\.\]\n(?:😀)*$/u)
  }
})

t.test('usage of all runs', async t => {
  const id = log()
  t.same(usageOf(id), {})
  appendEvents(id, undefined, { type: 'usage', input_tokens: 2, cost_usd: 0.5 }, { type: 'usage', input_tokens: 3, output_tokens: 1 })
  t.same(usageOf(id), { usage: { input_tokens: 5, output_tokens: 1, cache_read_tokens: 0, cache_write_tokens: 0 }, cost_usd: 0.5 })
})
