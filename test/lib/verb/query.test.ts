// The numbers of the last events: those of their lines, also while the log grows under the reader and whatever stands in it.

import { appendFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { newId } from '../../../lib/base/id.js'
import { paths } from '../../../lib/base/paths.js'
import type { LogEvent } from '../../../lib/log/events.js'
import * as lines from '../../../lib/store/lines.js'
import type { Query } from '../../../lib/verb/query.js'
import { query } from '../../../lib/verb/query.js'

process.env.ZAG_HOME = join(t.testdir(), 'home')

const all = { fits: () => true }
const line = (nth: number) => `${JSON.stringify({ type: 'user_event', ts: '', level: 'info', message: `line ${nth}` })}\n`

function log(text: string): string {
  const id = newId()
  mkdirSync(dirname(paths.inSession(id, 'log.ndjson')), { recursive: true })
  appendFileSync(paths.inSession(id, 'log.ndjson'), text)
  return id
}

function seqs(ask: typeof query, id: string, what: Query): [number, unknown][] {
  const found: [number, unknown][] = []
  ask(id, what, event => found.push([event.seq, (event as LogEvent & { message?: string }).message]))
  return found
}

t.test('of a log that grows between any two looks at it', async t => {
  let written = 3
  const id = log([1, 2, 3].map(line).join(''))
  const grow = () => appendFileSync(paths.inSession(id, 'log.ndjson'), line(++written))
  const growing = await t.mockImport<typeof import('../../../lib/verb/query.js')>('../../../lib/verb/query.js', {
    '../../../lib/store/lines.js': {
      ...lines,
      lastLine: (...args: Parameters<typeof lines.lastLine>) => {
        grow()
        const found = lines.lastLine(...args)
        grow()
        return found
      },
      withFile: (...args: Parameters<typeof lines.withFile>) => {
        grow()
        return lines.withFile(...args)
      },
    },
  })
  for (let call = 0; call < 5; call++)
    for (const [seq, message] of seqs(growing.query, id, { filter: all, last: 2 })) t.equal(message, `line ${seq}`)
  t.ok(written > 10, 'it grew')
})

t.test('of a log with empty lines, a torn tail and lines longer than what is read at once', async t => {
  const long = `${JSON.stringify({ type: 'user_event', ts: '', message: 'x'.repeat(9000) })}\n`
  const id = log(`${line(1)}\n${line(3)}${long}\n\n${line(7)}nonsense\n\n{"type":"torn`)
  const numbers = [1, 3, 4, 7, 8]
  for (let last = 1; last <= 6; last++)
    t.same(
      seqs(query, id, { filter: all, last }).map(([seq]) => seq),
      numbers.slice(-last),
      `${last}`,
    )
  t.same(seqs(query, id, { filter: { fits: event => event.seq === 3 }, last: 1 }), [[3, 'line 3']], 'a filter knows the number')
  t.same(seqs(query, newId(), { filter: all, last: 1 }), [])
})
