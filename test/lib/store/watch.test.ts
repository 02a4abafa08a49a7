import fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { watchFile, watchFolder } from '../../../lib/store/watch.js'
import { until } from '../../fixtures/workers.js'

t.test('a folder tells the names of what changes in it', async t => {
  const dir = t.testdir({ old: '' })
  const names: (string | undefined)[] = []
  const watch = watchFolder(dir, name => names.push(name))
  t.teardown(() => watch.close())
  t.ok(watch.live)
  fs.writeFileSync(join(dir, 'new'), '')
  fs.appendFileSync(join(dir, 'old'), 'x')
  await until(() => names.includes('new') && names.includes('old'))
  watch.close()
  names.length = 0
  fs.writeFileSync(join(dir, 'late'), '')
  await new Promise(resolve => setTimeout(resolve, 150))
  t.same(names, [])
})

t.test('what is not there is polled', async t => {
  let calls = 0
  const watch = watchFolder(join(t.testdir(), 'none'), name => {
    t.equal(name, undefined)
    calls += 1
  })
  t.teardown(() => watch.close())
  t.notOk(watch.live)
  await until(() => calls >= 2)
  const below = watchFolder(join(t.testdir({ file: '' }), 'file/x'), () => {})
  t.notOk(below.live)
  below.close()
})

t.test('what is polled is watched once it is there, and nothing is missed on the way', async t => {
  const path = join(t.testdir(), 'folder')
  const names: (string | undefined)[] = []
  const liveThen: boolean[] = []
  const watch = watchFolder(path, name => {
    names.push(name)
    if (name === undefined) liveThen.push(watch.live)
  })
  t.teardown(() => watch.close())
  await until(() => names.length > 0)
  t.notOk(watch.live)
  fs.mkdirSync(path)
  fs.writeFileSync(join(path, 'early'), '')
  await until(() => watch.live)
  t.equal(liveThen.filter(Boolean).length, 1, 'one look at everything after the watch is up')
  names.length = 0
  fs.writeFileSync(join(path, 'late'), '')
  await until(() => names.includes('late'))
  await new Promise(resolve => setTimeout(resolve, 250))
  t.notOk(names.includes(undefined), 'and no more intervals')
  fs.rmSync(path, { recursive: true })
  await until(() => !watch.live && names.includes(undefined))
  fs.mkdirSync(path)
  await until(() => watch.live)
  t.pass('again and again')
})

t.test('a folder that is removed, moved away or replaced is polled from then on', async t => {
  for (const end of [(dir: string) => fs.rmdirSync(dir), (dir: string) => fs.renameSync(dir, `${dir}.moved`)]) {
    const dir = join(t.testdir({ folder: {} }), 'folder')
    let all = 0
    const watch = watchFolder(dir, name => {
      if (name === undefined) all += 1
    })
    end(dir)
    await until(() => all > 0)
    t.notOk(watch.live)
    watch.close()
  }
  const dir = t.testdir({ folder: {} })
  const watch = watchFolder(join(dir, 'folder'), () => {})
  fs.writeFileSync(join(dir, 'folder/folder'), '')
  await new Promise(resolve => setTimeout(resolve, 50))
  t.ok(watch.live, 'a file of the same name inside is no reason')
  watch.close()
})

t.test('a file is seen made, appended to, replaced, truncated and removed', async t => {
  const dir = t.testdir()
  const path = join(dir, 'log')
  let changes = 0
  const watch = watchFile(path, () => {
    changes += 1
  })
  t.teardown(() => watch.close())
  const sees = async (what: string, act: () => void) => {
    await new Promise(resolve => setTimeout(resolve, 30))
    const before = changes
    act()
    await until(() => changes > before)
    t.pass(what)
  }
  await sees('made', () => fs.writeFileSync(path, ''))
  await sees('appended to', () => fs.appendFileSync(path, 'x'))
  fs.writeFileSync(join(dir, 'other'), 'y')
  await sees('replaced', () => fs.renameSync(join(dir, 'other'), path))
  await sees('appended to after that', () => fs.appendFileSync(path, 'x'))
  await sees('truncated', () => fs.truncateSync(path))
  await sees('removed', () => fs.unlinkSync(path))
  await sees('made again', () => fs.writeFileSync(path, ''))
  await sees('appended to again', () => fs.appendFileSync(path, 'x'))
  const before = changes
  fs.writeFileSync(join(dir, 'neighbour'), '')
  await new Promise(resolve => setTimeout(resolve, 50))
  t.equal(changes, before)
})

t.test('too many watchers, or a watch that breaks, make it poll', async t => {
  const dir = t.testdir()
  const listeners: (() => void)[] = []
  const broken = () => ({ on: (_event: string, listener: () => void) => listeners.push(listener), close() {}, unref() {} })
  let refuse = true
  const watch = () => {
    if (refuse) throw Object.assign(new Error('EMFILE: too many open files, watch'), { code: 'EMFILE' })
    return broken()
  }
  const mocked = await t.mockImport<typeof import('../../../lib/store/watch.js')>('../../../lib/store/watch.js', {
    'node:fs': { ...fs, watch },
  })
  let calls = 0
  const first = mocked.watchFolder(dir, () => (calls += 1))
  t.notOk(first.live)
  await until(() => calls > 0)
  refuse = false
  await until(() => first.live)
  first.close()
  const second = mocked.watchFile(join(dir, 'file'), () => (calls += 1))
  t.ok(second.live)
  second.unref()
  calls = 0
  listeners[1]?.()
  t.notOk(second.live)
  await until(() => calls > 0 && second.live)
  listeners[1]?.()
  t.ok(second.live, 'what was closed says no more')
  second.close()
  listeners[2]?.()
  t.notOk(second.live)
})
