import fs from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import * as file from '../../../lib/store/file.js'
import { workers } from '../../fixtures/workers.js'

const modeOf = (path: string) => fs.statSync(path).mode & 0o777

t.test('what is made is private whatever the umask', async t => {
  for (const mask of [0, 0o022, 0o777]) {
    const dir = t.testdir()
    const before = process.umask(mask)
    file.makeFolder(join(dir, 'a/b/c'))
    file.writeNew(join(dir, 'a/new'), 'x')
    file.replaceFile(join(dir, 'a/replaced'), Buffer.from('y'))
    file.claim(join(dir, 'a/claimed'), 'z')
    file.copySlice(join(dir, 'a/new'), 0, 1, join(dir, 'a/copy'))
    process.umask(before)
    t.same(
      ['a', 'a/b', 'a/b/c'].map(path => modeOf(join(dir, path))),
      [0o700, 0o700, 0o700],
    )
    t.same(
      ['new', 'replaced', 'claimed', 'copy'].map(name => modeOf(join(dir, 'a', name))),
      [0o600, 0o600, 0o600, 0o600],
    )
    t.same(file.listIfThere(join(dir, 'a')).sort(), ['b', 'claimed', 'copy', 'new', 'replaced'])
    t.equal(fs.readdirSync(join(dir, 'a')).length, 5, 'nothing temporary stays')
  }
})

t.test('a folder that is there is left as it is', async t => {
  const dir = t.testdir({ folder: {}, file: 'x' })
  fs.chmodSync(join(dir, 'folder'), 0o755)
  file.makeFolder(join(dir, 'folder'))
  t.equal(modeOf(join(dir, 'folder')), 0o755)
  t.throws(() => file.makeFolder(join(dir, 'file')), { exit: 5, message: /^cannot make folder '.*file': file already exists$/ })
  t.throws(() => file.makeFolder(join(dir, 'file/below')), { exit: 5, message: /not a directory$/ })
  fs.symlinkSync(join(dir, 'nowhere'), join(dir, 'link'))
  t.throws(() => file.makeFolder(join(dir, 'link')), { exit: 5, message: /: / })
})

t.test('a new file replaces none, a replaced one may be there or not', async t => {
  const dir = t.testdir({ file: 'old' })
  t.throws(() => file.writeNew(join(dir, 'file'), 'new'), { exit: 5, message: /^cannot write '.*file': file already exists$/ })
  t.equal(file.readIfThere(join(dir, 'file')), 'old')
  file.replaceFile(join(dir, 'file'), 'new', { sync: true })
  t.equal(file.readIfThere(join(dir, 'file')), 'new')
  t.throws(() => file.replaceFile(dir, 'x'), { exit: 5, message: /: / })
  t.throws(() => file.replaceFile(join(dir, 'none/file'), 'x'), { exit: 5, message: /no such file or directory$/ })
  t.same(fs.readdirSync(dir), ['file'])
})

t.test('copies a part of a file', async t => {
  const dir = t.testdir({ from: `${'a'.repeat(3)}${'b'.repeat(2_500_000)}ccc`, to: 'old' })
  const [from, to] = [join(dir, 'from'), join(dir, 'to')]
  t.equal(file.copySlice(from, 3, 2_500_003, to), 2_500_000)
  t.equal(file.readIfThere(to), 'b'.repeat(2_500_000))
  t.equal(file.copySlice(from, 2_500_003, 9_000_000, to), 3, 'the file ends earlier')
  t.equal(file.readIfThere(to), 'ccc')
  t.equal(file.copySlice(from, 5, 5, to), 0)
  t.equal(file.readIfThere(to), '')
  t.throws(() => file.copySlice(join(dir, 'none'), 0, 1, to), { exit: 5, message: /^cannot read '.*none': no such file or directory$/ })
  t.throws(() => file.copySlice(dir, 0, 1, to), { exit: 5, message: /^cannot read/ })
  t.throws(() => file.copySlice(from, 0, 1, join(dir, 'none/to')), { exit: 5, message: /^cannot write '.*none\/to'/ })
  t.same(fs.readdirSync(dir).sort(), ['from', 'to'])
})

t.test('what is missing is missing, anything else is a fault', async t => {
  const dir = t.testdir({ file: 'ü', folder: { a: '' } })
  const none = join(dir, 'none')
  t.equal(file.readIfThere(none), undefined)
  t.equal(file.readBytesIfThere(none), undefined)
  t.equal(file.sizeIfThere(none), undefined)
  t.same(file.listIfThere(none), [])
  t.notOk(file.moveIfThere(none, join(dir, 'other')))
  file.remove(none)
  file.removeTree(none)
  t.equal(file.sizeIfThere(join(dir, 'file')), 2)
  t.ok(file.moveIfThere(join(dir, 'file'), join(dir, 'moved')))
  t.same(file.readBytesIfThere(join(dir, 'moved')), Buffer.from('ü'))
  t.throws(() => file.readIfThere(dir), { exit: 5, message: /^cannot read/ })
  t.throws(() => file.listIfThere(join(dir, 'moved')), { exit: 5, message: /^cannot read '.*moved': not a directory$/ })
  for (const look of [file.readIfThere, file.sizeIfThere, file.changedAt, file.changeOf, file.listIfThere])
    t.throws(() => look(join(dir, 'moved/x/y')), { exit: 5, message: /^cannot read '.*moved\/x\/y': not a directory$/ }, look.name)
  t.throws(() => file.remove(join(dir, 'folder')), { exit: 5, message: /^cannot remove/ })
  t.throws(() => file.moveIfThere(join(dir, 'folder'), join(dir, 'folder/a/b')), { exit: 5, message: /^cannot move/ })
  t.throws(() => file.removeTree(join(dir, 'no\0name')), { exit: 5, message: /^cannot remove/ })
  file.removeTree(join(dir, 'folder'))
  file.remove(join(dir, 'moved'))
  t.same(fs.readdirSync(dir), [])
})

t.test('what a kill left of a write is not listed, and swept when it is old', async t => {
  // No process has such a number.
  const old = '.99999999-1-a.tmp'
  const dir = t.testdir({ [old]: '', '.99999999-2-b.tmp': '', '.config': '', a: '', within: { [old]: '' }, elsewhere: { [old]: '' } })
  const folder = join(dir, 'folder')
  fs.mkdirSync(folder)
  for (const name of [old, '.99999999-2-b.tmp', '.config', 'a', 'within']) fs.renameSync(join(dir, name), join(folder, name))
  fs.symlinkSync(join(dir, 'elsewhere'), join(folder, 'link'))
  t.same(file.listIfThere(folder).sort(), ['.config', 'a', 'link', 'within'])
  for (const path of [join(folder, old), join(folder, 'within', old), join(dir, 'elsewhere', old)]) fs.utimesSync(path, 1, 1)
  file.removeOldTemporaries(folder)
  t.same(fs.readdirSync(folder).sort(), ['.99999999-2-b.tmp', '.config', 'a', 'link', 'within'])
  t.same(fs.readdirSync(join(folder, 'within')), [], 'nor in a folder within')
  t.same(fs.readdirSync(join(dir, 'elsewhere')), [old], 'but not where a link leads')
  file.removeOldTemporaries(join(dir, 'none'))
  t.throws(() => file.removeOldTemporaries(join(folder, 'a')), { exit: 5, message: /^cannot clean/ })
})

t.test('what is below a folder, links not followed', async t => {
  const dir = t.testdir({ a: { b: { up: t.fixture('symlink', '..'), x: '' } }, out: { y: '' }, link: t.fixture('symlink', 'out') })
  const found = [...file.walk(dir)].map(({ path }) => path.slice(dir.length + 1))
  t.same(found.sort(), ['a', 'a/b', 'a/b/up', 'a/b/x', 'link', 'out', 'out/y'])
})

t.test('by a clock that jumped what is being written is not swept', async t => {
  const dir = t.testdir({ '.99999999-1-a.tmp': '' })
  const mine = join(dir, `.${process.pid}-1-a.tmp`)
  fs.writeFileSync(mine, '')
  const now = Date.now()
  t.intercept(Date, 'now', { value: () => now + 3_600_000 })
  file.removeOldTemporaries(dir)
  t.same(fs.readdirSync(dir), [basename(mine)])
})

t.test('a temporary name that is taken is passed over', async t => {
  const dir = t.testdir()
  const openSync = (path: string, flags: string, mode: number) => {
    if (fs.readdirSync(dir).length === 0) fs.writeFileSync(path, 'of another machine')
    return fs.openSync(path, flags, mode)
  }
  const mocked = await t.mockImport<typeof file>('../../../lib/store/file.js', { 'node:fs': { ...fs, openSync } })
  mocked.replaceFile(join(dir, 'a'), 'x')
  t.equal(fs.readFileSync(join(dir, 'a'), 'utf8'), 'x')
  t.equal(fs.readdirSync(dir).length, 2)
})

t.test('of many processes that claim one wins, and what is seen is complete', async t => {
  const dir = t.testdir()
  const start = workers('store-worker', t.testdir({ bin: {}, data: {} }))
  const path = join(dir, 'data/claim')
  const running = Array.from({ length: 30 }, (_, n) => start('claim', path, `w${n}`))
  let seen: string | undefined
  const look = setInterval(() => {
    const text = file.readIfThere(path)
    if (seen !== undefined && text !== seen) t.fail('the claim changed')
    seen = text
  }, 1)
  await Promise.all(running.map(worker => worker.ended))
  clearInterval(look)
  const won = running.flatMap((worker, n) => (worker.said()[0] === 'won' ? [n] : []))
  t.equal(won.length, 1)
  t.equal(running.filter(worker => worker.said()[0] === 'lost').length, 29)
  t.equal(file.readIfThere(path), `w${won[0]}\n`.repeat(1000))
  t.same(fs.readdirSync(join(dir, 'data')), ['claim'])
})

t.test('readers of a file that is replaced see one content or the other', async t => {
  const dir = t.testdir()
  const start = workers('store-worker', dir)
  const path = join(dir, 'file')
  const running = ['a', 'b', 'c'].map(who => start('replace', path, who, '100'))
  let reads = 0
  const look = setInterval(() => {
    const text = file.readIfThere(path)
    if (text === undefined) return
    reads += 1
    if (text !== text.slice(0, 2).repeat(20_000)) t.fail('a mixed or half file')
  }, 1)
  t.same(await Promise.all(running.map(worker => worker.ended)), [0, 0, 0])
  clearInterval(look)
  t.ok(reads > 5)
})

t.test('many make the same folders at once, and each gets its own in them', async t => {
  const dir = t.testdir()
  const start = workers('store-worker', dir)
  const running = ['a', 'b', 'c', 'd'].map(who => start('folders', join(dir, 'made'), who, '1500'))
  t.same(await Promise.all(running.map(worker => worker.ended)), [0, 0, 0, 0], running.map(worker => worker.said().join('\n')).join('\n'))
  t.equal(fs.readdirSync(join(dir, 'made')).length, 1500)
})
