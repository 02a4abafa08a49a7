// Fifty programs write one log while others read it: no line is lost, mixed or out of order, whenever a reader began.

import { appendFileSync } from 'node:fs'
import t from 'tap'
import { until } from '../help/run.js'
import { Scene } from './scene.js'

const WRITERS = 50
const LINES = 100

/** What a writer hands in: lines of many lengths, a few of them longer than a page. */
const input = (writer: number) =>
  Array.from({ length: LINES }, (_, n) => `${writer} ${n} ${'x'.repeat(n % 10 === 0 ? 5000 : n)}\n`).join('')

interface Read {
  type: string
  seq: number
  message?: string
}

t.test(`${WRITERS} writers and three readers`, async t => {
  const scene = new Scene(t)
  const id = await scene.spawn('until [ -e go ]; do sleep 0.05; done')
  await until(() => scene.events(id, 'session_started').length === 1)
  const read = () => scene.begin('listen', ['--json', id], { timeout: 60_000 })
  const before = read()
  const writers = Array.from({ length: WRITERS }, (_, n) => scene.zag('log', ['--session', id, '-'], { input: input(n), timeout: 60_000 }))
  await until(() => scene.events(id, 'user_event').length > LINES, 30_000)
  appendFileSync(scene.path('sessions', id, 'log.ndjson'), '{"type":"user_event","message":"torn')
  const during = read()
  const ended = await Promise.all(writers)
  t.same(
    ended.filter(({ code, stdout, stderr }) => code !== 0 || stdout + stderr !== ''),
    [],
  )
  appendFileSync(`${scene.home}/go`, '')
  t.equal((await scene.zag('wait', [id])).code, 0)
  const lines = (scene.read('sessions', id, 'log.ndjson') ?? '').split('\n').slice(0, -1)
  for (const [when, reader] of Object.entries({ before, during, after: read() })) {
    const { code, stdout, stderr } = await reader.ended
    t.strictSame([code, stderr], [0, ''], `${when}: ends with the session`)
    const events: Read[] = stdout
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line))
    // Two writers may both have ended the torn line: an empty one is counted and not given.
    const given = lines.flatMap((line, at) => (line === '' ? [] : [at + 1]))
    t.strictSame(
      events.map(({ seq }) => seq),
      given,
      'every line once, by its number',
    )
    t.ok(lines.length - given.length <= WRITERS, 'without holes but for those')
    const said = events.filter(({ type }) => type === 'user_event').map(({ message = '' }) => message)
    t.equal(said.length, WRITERS * LINES)
    const wrong = Array.from({ length: WRITERS }, (_, n) => n).filter(
      n =>
        said
          .filter(text => text.startsWith(`${n} `))
          .map(text => `${text}\n`)
          .join('') !== input(n),
    )
    t.strictSame(wrong, [], 'the lines of each writer are whole and in order')
    t.equal(events.filter(({ type }) => type === 'parse_warning').length, 1, 'the torn line is told')
  }
})
