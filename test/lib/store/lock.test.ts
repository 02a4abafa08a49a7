import fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Held, tryLock, withLock } from '../../../lib/store/lock.js'
import { until, workers } from '../../fixtures/workers.js'

t.test('gives what the work gives and leaves nothing behind', async t => {
  const dir = t.testdir()
  const path = join(dir, 'thing')
  const before = process.umask(0)
  t.equal(await withLock(path, () => fs.statSync(`${path}.lock`).mode & 0o777), 0o700)
  process.umask(before)
  t.equal(await tryLock(path, async () => 'done'), 'done')
  await t.rejects(
    withLock(path, () => {
      throw new Error('work')
    }),
    { message: 'work' },
  )
  t.same(fs.readdirSync(dir), [])
})

t.test('a lock that is held is not to be had, and says whose it is', async t => {
  const path = join(t.testdir(), 'thing')
  await withLock(path, async () => {
    t.equal(await tryLock(path, () => t.fail('two holders')), false)
    const message = new RegExp(`^'.*thing' is locked by process ${process.pid} for \\d+\\.\\ds: try again later$`)
    const start = Date.now()
    await t.rejects(
      withLock(path, () => t.fail('two holders'), { wait: 100 }),
      { exit: 4, message },
    )
    t.ok(Date.now() - start >= 90)
    await t.rejects(
      withLock(path, () => t.fail('two holders'), { wait: 0 }),
      { exit: 4, message: /is locked/ },
    )
    fs.unlinkSync(`${path}.holder`)
    await t.rejects(
      withLock(path, () => t.fail('two holders'), { wait: 0 }),
      { exit: 4, message: /is locked for / },
    )
  })
})

t.test('a lock that cannot be made is refused at once', async t => {
  const path = join(t.testdir(), 'none/thing')
  const start = Date.now()
  await t.rejects(
    withLock(path, () => t.fail()),
    { exit: 5, message: /^cannot lock '.*thing': no such file or directory$/ },
  )
  await t.rejects(
    tryLock(path, () => t.fail()),
    { exit: 5, message: /: / },
  )
  t.ok(Date.now() - start < 2000)
})

t.test('a lock that another takes for a stale one while it is made is made again', async t => {
  const path = join(t.testdir(), 'thing')
  let removed = 0
  const mkdir = (folder: string, mode: number, done: (error: Error | null) => void) =>
    fs.mkdir(folder, mode, error => {
      if (removed < 2) fs.rmdirSync(folder)
      removed += 1
      done(error)
    })
  const lock = await t.mockImport<typeof import('../../../lib/store/lock.js')>('../../../lib/store/lock.js', {
    'node:fs': { ...fs, mkdir },
  })
  t.equal(await lock.withLock(path, () => 'done'), 'done')
  t.equal(removed, 3)
  removed = Number.NEGATIVE_INFINITY
  await t.rejects(
    lock.withLock(path, () => t.fail('it has no lock')),
    { exit: 5, message: /^cannot lock '.*thing': no such file/ },
    'but not for ever',
  )
})

t.test('processes count under it one at a time', async t => {
  const dir = t.testdir({ number: '0' })
  const start = workers('store-worker', dir)
  const running = Array.from({ length: 8 }, () => start('count', join(dir, 'number'), '', '25'))
  t.same(await Promise.all(running.map(worker => worker.ended)), Array(8).fill(0))
  t.equal(fs.readFileSync(join(dir, 'number'), 'utf8'), '200')
})

t.test('the lock of a killed holder is taken over', async t => {
  const dir = t.testdir()
  const path = join(dir, 'thing')
  const holder = workers('store-worker', dir)('hold', path)
  await until(() => holder.said().includes('held'))
  t.equal(await tryLock(path, () => true), false)
  await t.rejects(
    withLock(path, () => t.fail('two holders'), { wait: 20 }),
    { message: new RegExp(`locked by process ${holder.process.pid} for`) },
  )
  holder.process.kill('SIGKILL')
  t.equal(await holder.ended, 'SIGKILL')
  t.equal(await withLock(path, () => 'mine'), 'mine')
  t.same(
    fs.readdirSync(dir).filter(name => name.startsWith('thing')),
    [],
  )
})

t.test('work can ask whether its lock was taken over', async t => {
  const dir = t.testdir()
  const path = join(dir, 'thing')
  const lose = async (held: Held) => {
    held.check()
    t.notOk(held.lost)
    fs.rmdirSync(`${path}.lock`)
    await until(() => held.lost)
    return held
  }
  const held = await withLock(path, lose)
  t.ok(held.lost, 'work that does not ask is not disturbed')
  t.throws(() => held.check(), { exit: 4, message: /^the lock of '.*thing' was taken over by process/ })
})
