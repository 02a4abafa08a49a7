import fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FOLD_AT, Table } from '../../../lib/table/journal.js'
import { until, workers } from '../../fixtures/workers.js'

interface Row {
  id: string
  rev: number
  live: boolean
  pad?: string
}

const isLive = (row: Row) => row.live
const open = (folder: string) => new Table<Row>(folder, isLive)
const row = (id: string, rev: number, live = true): Row => ({ id, rev, live })
const byId = (rows: Row[]) => rows.sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ id, rev }) => `${id}${rev}`)
const live = (table: Table<Row>) => byId(table.rows().rows)
const all = (table: Table<Row>) => byId(table.rows({ all: true }).rows)

t.test('a missing table is empty, and made private by the first row', async t => {
  const folder = join(t.testdir(), 'deep/table')
  const table = open(folder)
  t.same(table.rows(), { rows: [], bad: 0 })
  t.equal(table.find('a'), undefined)
  t.equal(await table.fold(), false)
  t.notOk(fs.existsSync(folder), 'readers make nothing')
  table.append(row('a', 1))
  t.same(table.rows(), { rows: [row('a', 1)], bad: 0 })
  t.equal(fs.statSync(folder).mode & 0o777, 0o700)
  t.equal(fs.statSync(join(folder, 'journal.ndjson')).mode & 0o777, 0o600)
})

t.test('the highest rev counts, of equal ones the first, wherever they are', async t => {
  const folder = t.testdir()
  const table = open(folder)
  table.append([row('a', 2), row('b', 1), row('a', 1), { ...row('a', 2), pad: 'second' }])
  for (let round = 0; round < 3; round++) {
    t.same(live(table), ['a2', 'b1'])
    t.equal(table.find('a')?.pad, undefined)
    t.ok(await table.fold({ now: true }))
    table.append({ ...row('a', 2), pad: 'later' })
  }
  table.append(row('b', 3, false))
  t.same(live(table), ['a2'])
  t.same(all(table), ['a2', 'b3'])
  t.same(table.find('b'), row('b', 3, false))
  await table.fold({ now: true })
  t.same(live(table), ['a2'])
  t.same(all(table), ['a2', 'b3'])
  t.same(table.find('b'), row('b', 3, false))
  t.equal(table.find('0'), undefined)
  t.equal(table.find('aa'), undefined)
  t.equal(table.find('z'), undefined)
  t.same(fs.readdirSync(folder).sort(), ['snap-4'])
  t.equal(fs.statSync(join(folder, 'snap-4')).mode & 0o777, 0o600)
})

t.test('a table without final rows needs no predicate', async t => {
  const table = new Table<{ id: string; rev: number }>(t.testdir())
  table.append({ id: 'rule', rev: 1 })
  await table.fold({ now: true })
  t.same(table.rows().rows, [{ id: 'rule', rev: 1 }])
})

t.test('a tombstone takes a row out, in the journal and once folded', async t => {
  const folder = t.testdir()
  const table = open(folder)
  table.append([row('a', 1), row('b', 1, false), row('c', 1)])
  await table.fold({ now: true })
  table.append([
    { id: 'a', rev: 2, gone: true },
    { id: 'b', rev: 2, gone: true },
  ])
  for (let round = 0; round < 2; round++) {
    t.same(all(table), ['c1'])
    t.same(live(table), ['c1'])
    t.equal(table.find('a'), undefined)
    t.equal(table.find('b'), undefined)
    await table.fold({ now: true })
  }
  t.notMatch(fs.readFileSync(join(folder, 'snap-3'), 'utf8'), /gone|"[ab]"/)
})

t.test('a live row that arrives after the final one of its id was folded is not shown as live', async t => {
  const table = open(t.testdir())
  const ids = Array.from({ length: 500 }, (_, n) => String(n * 2).padStart(4, '0'))
  table.append(ids.map(id => ({ ...row(id, 5, false), pad: 'x'.repeat(Number(id) % 90) })))
  await table.fold({ now: true })
  table.append(ids.map(id => row(id, 4)))
  table.append(ids.map(id => row(`${id.slice(0, 3)}${Number(id.slice(3)) + 1}`, 1)))
  t.equal(table.rows().rows.length, 500)
  t.ok(table.rows().rows.every(({ rev }) => rev === 1))
  t.ok(ids.slice(200, 230).every(id => table.find(id)?.rev === 5))
  table.append(row('0400', 6))
  t.equal(table.rows().rows.length, 501, 'a newer one is: the session runs again')
})

t.test('bad lines are skipped and counted, a torn tail is ended by the next row', async t => {
  const folder = t.testdir()
  const table = open(folder)
  table.append(row('a', 1))
  fs.appendFileSync(join(folder, 'journal.ndjson'), 'null\n{"id":7}\n[]\n{"id":"b","rev":1,"li')
  t.same(table.rows(), { rows: [row('a', 1)], bad: 3 })
  table.append(row('c', 1))
  t.same(live(table), ['a1', 'c1'])
  t.equal(table.rows().bad, 4)
  await table.fold({ now: true })
  t.same(table.rows({ all: true }).bad, 0)
})

t.test('folds when the journal is long', async t => {
  const folder = t.testdir()
  const table = open(folder)
  table.append({ ...row('a', 1), pad: 'x'.repeat(FOLD_AT - 1000) })
  t.equal(await table.fold(), false)
  table.append({ ...row('b', 1), pad: 'x'.repeat(1000) })
  t.equal(await table.fold(), true)
  t.same(fs.readdirSync(folder), ['snap-1'])
  t.equal(await table.fold(), false)
  t.same(live(table), ['a1', 'b1'])
})

t.test('reading live rows costs the same however many are final', async t => {
  const folder = t.testdir()
  let bytes = 0
  const readSync = (...args: Parameters<typeof fs.readSync>) => {
    const count = fs.readSync(...args)
    bytes += count
    return count
  }
  const { Snapshot, snapshotText } = await t.mockImport<typeof import('../../../lib/store/snapshot.js')>('../../../lib/store/snapshot.js', {
    'node:fs': { ...fs, readSync },
  })
  const mocked = await t.mockImport<typeof import('../../../lib/table/journal.js')>('../../../lib/table/journal.js', {
    '../../../lib/store/snapshot.js': { Snapshot, snapshotText },
  })
  const table = new mocked.Table<Row>(folder, isLive)
  table.append(
    Array.from({ length: 20_000 }, (_, n) => ({ ...row(`s${String(n).padStart(5, '0')}`, 1, n % 1000 === 0), pad: 'x'.repeat(200) })),
  )
  await table.fold({ now: true })
  t.equal(table.rows({ all: true }).rows.length, 20_000)
  table.append([row('s00001', 2), row('s99999', 1)])
  bytes = 0
  t.equal(table.rows().rows.length, 22)
  t.ok(bytes > 0 && bytes < 120_000, `${bytes} bytes of ${fs.statSync(join(folder, 'snap-1')).size}`)
  bytes = 0
  t.equal(table.find('s12345')?.rev, 1)
  t.ok(bytes < 120_000)
})

t.test('a damaged snapshot', async t => {
  const folder = t.testdir()
  const table = open(folder)
  table.append([row('a', 1), row('b', 1, false)])
  await table.fold({ now: true })
  const path = join(folder, 'snap-1')
  const whole = fs.readFileSync(path, 'utf8')
  const damaged = { exit: 5, message: /^table file '.*snap-1' is damaged: run zag doctor --repair$/ }
  for (const text of [
    '',
    'x',
    '{}\n',
    '{"live_bytes":-1,"folded":[]}\n',
    '{"live_bytes":1,"folded":7}\n',
    '{"live_bytes":999,"folded":[]}\n',
    whole.slice(0, -40),
  ]) {
    fs.writeFileSync(path, text)
    if (text !== whole.slice(0, -40)) {
      t.throws(() => table.rows(), damaged, text)
      await t.rejects(table.fold({ now: true }), damaged, text)
    }
  }
  fs.writeFileSync(path, whole.replace('{"id":"b"', '{"id":_b"'))
  t.same(live(table), ['a1'])
  t.equal(table.rows({ all: true }).bad, 1)
  t.throws(() => table.find('b'), damaged)
  table.append(row('c', 1))
  await table.rebuild([row('a', 1), row('a', 2), row('b', 1, false)])
  t.same(all(table), ['a2', 'b1'])
  t.same(fs.readdirSync(folder).length, 1)
})

t.test('rows appended while a table is rebuilt are kept', async t => {
  const folder = t.testdir()
  const table = open(folder)
  table.append([row('ghost', 1), row('a', 1)])
  let calls = 0
  await table.rebuild(() => {
    calls += 1
    open(folder).append(row(`new${calls}`, 1))
    if (calls === 1) fs.writeFileSync(join(folder, 'snap-1'), '{"live_bytes":0,"folded":[]}\n')
    return [row('a', 1)]
  })
  t.equal(calls, 2, 'it looks again when another has published meanwhile')
  t.same(live(table), ['a1', 'new21'])
})

t.test('sealed journals that a kill left are taken up, or passed over if they were folded', async t => {
  const folder = t.testdir()
  const table = open(folder)
  table.append(row('a', 1))
  fs.renameSync(join(folder, 'journal.ndjson'), join(folder, 'sealed-000000000000001-1-000001'))
  t.same(live(table), ['a1'], 'killed after sealing')
  t.ok(await table.fold(), 'by the next who looks whether it is time to fold')
  t.same(fs.readdirSync(folder), ['snap-1'])

  table.append(row('b', 1))
  fs.cpSync(join(folder, 'journal.ndjson'), join(folder, 'sealed-000000000000002-1-000001'))
  fs.cpSync(join(folder, 'snap-1'), join(folder, 'kept'))
  await table.fold({ now: true })
  table.append({ id: 'b', rev: 2, gone: true })
  await table.fold({ now: true })
  t.same(live(table), ['a1'])
  // Killed after publishing: what went into the snapshot is still there, the tombstone is not.
  const snapshot = join(folder, 'snap-3')
  fs.writeFileSync(snapshot, fs.readFileSync(snapshot, 'utf8').replace('"folded":[', '"folded":["sealed-000000000000002-1-000001",'))
  fs.writeFileSync(join(folder, 'sealed-000000000000002-1-000001'), '{"id":"b","rev":1,"live":true}\n')
  fs.renameSync(join(folder, 'kept'), join(folder, 'snap-1'))
  t.same(live(table), ['a1'])
  await table.fold({ now: true })
  t.same(live(table), ['a1'])
  t.same(fs.readdirSync(folder), ['snap-4'])
})

t.test('a folder that comes late publishes nothing and removes nothing', async t => {
  const folder = t.testdir()
  const table = open(folder)
  table.append(row('a', 1))
  const claims = (act: (path: string) => void) => async () => {
    const file = await import('../../../lib/store/file.js')
    const claim = (path: string, data: string) => {
      act(path)
      return file.claim(path, data)
    }
    const mocked = await t.mockImport<typeof import('../../../lib/table/journal.js')>('../../../lib/table/journal.js', {
      '../../../lib/store/file.js': { ...file, claim },
    })
    return new mocked.Table<Row>(folder, isLive).fold({ now: true })
  }
  const empty = '{"live_bytes":0,"folded":[]}\n'
  t.equal(await claims(path => fs.writeFileSync(path, empty))(), false, 'the number is taken')
  t.same(live(table), ['a1'])
  fs.rmSync(join(folder, 'snap-1'))
  t.equal(await claims(() => fs.writeFileSync(join(folder, 'snap-5'), empty))(), false, 'a higher one stands already')
  t.same(live(table), ['a1'])
  t.same(
    fs.readdirSync(folder).filter(name => name.startsWith('snap')),
    ['snap-5'],
  )
  t.ok(await table.fold({ now: true }))
  t.same(live(table), ['a1'])
})

t.test('a folder that stops at any step leaves a whole table, and the next one finishes', async t => {
  const file = await import('../../../lib/store/file.js')
  let steps = 0
  for (let last = 1; steps >= 0; last++) {
    const folder = t.testdir()
    const table = open(folder)
    table.append([row('a', 1), row('b', 1), row('c', 1, false), row('d', 1)])
    await table.fold({ now: true })
    fs.writeFileSync(join(folder, 'sealed-000000000000001-1-000001'), `${JSON.stringify(row('a', 2))}\n{"id":"d","rev":3,"gone":true}\n`)
    table.append([row('a', 3, false), row('e', 1), { id: 'b', rev: 2, gone: true }])
    const whole = ['a3', 'c1', 'e1']

    steps = 0
    const step = () => {
      steps += 1
      if (steps === last) throw new Error('stopped')
    }
    const stopping = <T extends unknown[], R>(act: (...words: T) => R) => {
      return (...words: T): R => {
        step()
        return act(...words)
      }
    }
    const mocked = await t.mockImport<typeof import('../../../lib/table/journal.js')>('../../../lib/table/journal.js', {
      '../../../lib/store/file.js': {
        ...file,
        moveIfThere: stopping(file.moveIfThere),
        claim: stopping(file.claim),
        remove: stopping(file.remove),
      },
    })
    await new mocked.Table<Row>(folder, isLive).fold({ now: true }).catch(() => {})
    const what = `stopped at step ${last}`
    t.same(all(table), whole, what)
    t.same(live(table), ['e1'], what)
    table.append(row('f', 1))
    t.ok(await table.fold({ now: true }), what)
    t.same(all(table), [...whole, 'f1'], what)
    t.equal(fs.readdirSync(folder).length, 1, what)
    if (steps < last) steps = -1
  }
})

t.test('many appenders, folders killed at random: every row is there, and readers never go back', async t => {
  const dir = t.testdir({ bin: {}, unlocked: {} })
  const folder = join(dir, 'table')
  const start = workers('store-worker', join(dir, 'bin'))
  // Folding has to be right also when a lock lets in several: these have none.
  const startFolder = workers('store-worker', join(dir, 'unlocked'), {
    alias: { 'proper-lockfile': join(import.meta.dirname, '../../fixtures/no-lock.ts') },
  })
  const table = open(folder)
  const appenders = Array.from({ length: 10 }, (_, n) => start('rows', folder, `w${n}`, '200'))
  let busy = true
  let kills = 0
  let folds = 0
  const killing = Array.from({ length: 3 }, async (_, n) => {
    while (busy) {
      const compactor = startFolder('fold', folder)
      await until(() => !busy || compactor.said().includes('folded'))
      await new Promise(resolve => setTimeout(resolve, (kills * 37 + n * 61) % 50))
      compactor.process.kill('SIGKILL')
      await compactor.ended
      folds += compactor.said().length - 1
      kills += 1
    }
  })
  const seen = new Map<string, number>()
  let reads = 0
  const reading = (async () => {
    while (busy) {
      const { rows, bad } = table.rows({ all: true })
      if (bad > 0) t.fail(`${bad} bad lines`)
      const now = new Map(rows.map(({ id, rev }) => [id, rev]))
      for (const [id, rev] of seen) if ((now.get(id) ?? 0) < rev) t.fail(`${id} went from ${rev} to ${now.get(id)}`)
      for (const [id, rev] of now) seen.set(id, rev)
      reads += 1
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  })()
  t.same(await Promise.all(appenders.map(worker => worker.ended)), Array(10).fill(0))
  busy = false
  await Promise.all([...killing, reading])

  const check = (what: string) => {
    const revs = new Map(table.rows({ all: true }).rows.map(({ id, rev }) => [id, rev]))
    t.equal(revs.size, 2000, `${what}: every id`)
    t.ok(
      [...revs.values()].every(rev => rev === 3),
      `${what}: with its highest rev`,
    )
    t.equal(table.rows().rows.length, 50, `${what}: live ones`)
  }
  check('before the last fold')
  await table.fold({ now: true })
  check('after it')
  t.comment(`${kills} kills, ${folds} folds, ${reads} reads`)
  t.ok(kills > 2 && folds > 2 && reads > 5)
})
