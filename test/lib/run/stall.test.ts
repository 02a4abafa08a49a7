// Whether an agent is silent is told by its files and by time that really passed: neither a machine that slept nor a clock that was set
// makes it so.

import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newId } from '../../../lib/base/id.js'
import { paths } from '../../../lib/base/paths.js'
import { whenSilent } from '../../../lib/run/stall.js'
import { makeFolder } from '../../../lib/store/file.js'
import { until } from '../../help/run.js'

process.env.ZAG_HOME = join(t.testdir(), 'home')

/** A session whose agent wrote its files so many milliseconds ago, or will have. */
function session(ago: number): { id: string; wrote(ago: number): void } {
  const id = newId()
  makeFolder(paths.session(id))
  const wrote = (ago: number) => {
    for (const name of ['stdout', 'stderr'] as const) {
      writeFileSync(paths.inSession(id, name), '')
      utimesSync(paths.inSession(id, name), new Date(), new Date(Date.now() - ago))
    }
  }
  wrote(ago)
  return { id, wrote }
}

/** How often it was found silent, and how to stop looking. */
function watching(id: string, time: number, waits?: number, asked?: number): { count: number; stop(): void } {
  const found = { count: 0, stop: () => {} }
  found.stop = whenSilent(id, time, { waits: () => waits, asked: () => asked }, () => (found.count += 1))
  t.teardown(found.stop)
  return found
}

t.test('one that writes is not silent; once it stops it is, and that is told once', async t => {
  // Its files are of the future, so no chance of this machine makes it silent.
  const writing = session(-3_600_000)
  const found = watching(writing.id, 5)
  const other = watching(session(0).id, 50)
  await until(() => other.count === 1)
  t.equal(found.count, 0)
  writing.wrote(3_600_000)
  await until(() => found.count === 1)
  t.equal(other.count, 1)
})

t.test('what was written long ago does not count before the time has passed here too', async t => {
  const since = performance.now()
  const found = watching(session(3_600_000).id, 50)
  t.equal(found.count, 0)
  await until(() => found.count === 1)
  t.ok(performance.now() - since >= 49)
})

t.test('0 is never, no files are silence, and what was stopped tells nothing', async t => {
  const never = watching(session(3_600_000).id, 0)
  const stopped = watching(session(3_600_000).id, 10)
  stopped.stop()
  const bare = newId()
  makeFolder(paths.session(bare))
  const found = watching(bare, 30)
  await until(() => found.count === 1)
  t.same([never.count, stopped.count], [0, 0])
})

t.test('one that says again and again that it waits is as silent as one that says nothing', async t => {
  const { id } = session(-3_600_000)
  const found = watching(id, 5, Date.now() - 3_600_000)
  await until(() => found.count === 1)
  t.equal(found.count, 1)
})

t.test('one that waits for an answer has to be silent', async t => {
  const asking = watching(session(3_600_000).id, 5, undefined, Date.now() + 3_600_000)
  const answered = watching(session(3_600_000).id, 5, undefined, Date.now())
  await until(() => answered.count === 1)
  t.equal(asking.count, 0)
})
