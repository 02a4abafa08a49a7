// Reading and writing files for sessions: who knows which version, what is refused, and that no file is ever half written.

import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { newId } from '../../../lib/base/id.js'
import { checkFile, patchFiles, readBytes, readText, writeText } from '../../../lib/file/guard.js'
import { deadClaims, forgetClaim, keyOf, lockFile } from '../../../lib/file/lock.js'
import { LARGEST } from '../../../lib/file/times.js'
import { PERSON, type Who } from '../../../lib/file/who.js'
import { myself } from '../../../lib/process/identity.js'
import * as files from '../../../lib/store/file.js'
import { smallDisk } from '../../fixtures/disk.js'
import { until, workers } from '../../fixtures/workers.js'

const [A, B] = [newId(), newId()] as const
const noRoot = process.getuid?.() === 0 ? false : 'only root can do this'

/** A project with two sessions at work in it, and files. */
function scene(t: Test, files: Record<string, string> = { f: 'one\n' }) {
  const home = realpathSync(t.testdir({ project: files }))
  process.env.ZAG_HOME = join(home, 'zag')
  const root = join(home, 'project')
  const who = (session: string, name?: string): Who => ({ session, name, group: 'g', root, cwd: root })
  const read = (name: string) => readFileSync(join(root, name), 'utf8')
  return {
    home,
    root,
    a: who(A, 'first'),
    b: who(B),
    who,
    read,
    put: (name: string, text: string) => writeFileSync(join(root, name), text),
  }
}

const update = (file: string, old: string, fresh: string) =>
  `*** Begin Patch\n*** Update File: ${file}\n@@\n-${old}\n+${fresh}\n*** End Patch\n`
const short = (id: string) => id.slice(-8)

t.test('a version that another session wrote has to be read before it is written', async t => {
  const { a, b, read } = scene(t)
  t.equal(await readText(a, 'f'), 'one\n')
  t.equal(await readText(b, 'f'), 'one\n')
  await writeText(a, 'f', 'from the first\n')
  const stale = new RegExp(
    `^'f' is not as session ${short(B)} read it [^ ]+ ago: 4 bytes then, 15 now, changed at \\S+Z, written by session ${short(A)} \\(first\\) [^ ]+ ago: read it again$`,
  )
  await t.rejects(writeText(b, 'f', 'from the second\n'), { exit: 5, message: stale })
  await t.rejects(patchFiles(b, update('f', 'one', 'two')), { exit: 5, message: stale })
  t.match(await checkFile(b, 'f'), stale)
  t.equal(read('f'), 'from the first\n')
  t.equal(await readText(b, 'f'), 'from the first\n')
  t.equal(await checkFile(b, 'f'), undefined)
  await writeText(b, 'f', 'from the second\n')
  t.equal(read('f'), 'from the second\n')
  await writeText(b, 'f', 'once more\n')
  await t.rejects(writeText(a, 'f', 'x'), { exit: 5, message: new RegExp(`written by session ${short(B)} .*read it again`) })
})

t.test('what one has read, no other has; a part counts as all', async t => {
  const { a, b, who, read } = scene(t, { f: 'one\ntwo\nthree\n' })
  t.equal(await readText(a, 'f', { line: 2, limit: 1 }), 'two')
  await t.rejects(writeText(b, 'f', 'x'), { exit: 5, message: `'f' was not read by session ${short(B)}: read it first` })
  await t.rejects(writeText(who(PERSON), 'f', 'x'), { exit: 5, message: "'f' was not read by you: read it first" })
  await t.rejects(writeText({ ...a, group: 'another' }, 'f', 'x'), { exit: 5, message: /was not read/ })
  await t.rejects(patchFiles(b, '*** Begin Patch\n*** Delete File: f\n*** End Patch'), { exit: 5, message: /was not read/ })
  t.equal(read('f'), 'one\ntwo\nthree\n')
  await writeText(a, 'f', 'x')
  t.match(
    await checkFile(b, 'f'),
    new RegExp(`was not read by session ${short(B)}, written by session ${short(A)} \\(first\\) .* ago: read it first`),
  )
})

t.test('what is changed without zag is found; a touch is no change', async t => {
  const { a, root, put } = scene(t)
  await readText(a, 'f')
  utimesSync(join(root, 'f'), 5, 5)
  t.equal(await checkFile(a, 'f'), undefined)
  put('f', 'two\n')
  const { atime, mtime } = statSync(join(root, 'f'))
  t.match(await checkFile(a, 'f'), /^'f' is not as session \S+ \(first\) read it .*: still 4 bytes, changed at .*Z: read it again$/)
  await readText(a, 'f')
  // As many bytes, at the same time.
  put('f', 'six\n')
  utimesSync(join(root, 'f'), atime, mtime)
  t.match(await checkFile(a, 'f'), /still 4 bytes/)
  await readText(a, 'f')
  await writeText(a, 'f', 'mine\n')
  put('f', 'theirs\n')
  await t.rejects(writeText(a, 'f', 'x'), {
    message: /written by something that keeps no file times, after session \S+ \(first\) .* ago: read it again/,
  })
  execFileSync('rm', [join(root, 'f')])
  t.match(await checkFile(a, 'f'), /^'f' is gone/)
  await writeText(a, 'f', 'anew\n')
  t.equal(await checkFile(a, 'f'), undefined)
})

t.test('a new file needs no reading, but the second who makes it has to read', async t => {
  const { a, b, read, root } = scene(t)
  t.match(await checkFile(a, 'g'), /^'g' is not there$/)
  await writeText(a, 'deep/er/g', 'new\n')
  t.equal(read('deep/er/g'), 'new\n')
  t.equal(statSync(join(root, 'deep/er/g')).mode & 0o777, 0o666 & ~process.umask())
  await t.rejects(writeText(b, 'deep/er/g', 'other\n'), { exit: 5, message: /was not read/ })
  await writeText(b, 'deep/er/g', 'new\n')
  t.equal(await checkFile(b, 'deep/er/g'), undefined, 'whoever would write what is there knows it')
})

t.test('no way leads out, and what is no file is none', async t => {
  const { a, home, root } = scene(t)
  mkdirSync(join(home, 'out'))
  writeFileSync(join(home, 'out/secret'), 'secret')
  symlinkSync('../out', join(root, 'way'))
  symlinkSync('../out/secret', join(root, 'link'))
  symlinkSync('../out/not-yet', join(root, 'dangling'))
  symlinkSync('f', join(root, 'inner'))
  execFileSync('mkfifo', [join(root, 'pipe')])
  // The name of a socket must be short.
  process.chdir(root)
  const server = createServer().listen('socket')
  await new Promise(done => server.once('listening', done))
  t.teardown(() => server.close())
  writeFileSync(join(root, 'huge'), '')
  truncateSync(join(root, 'huge'), LARGEST + 1)
  const table: [string, RegExp][] = [
    ['../out/secret', /out\/secret' is not in the project/],
    [join(home, 'out/secret'), /is not in the project/],
    ['way/secret', /is not in the project/],
    ['way/new', /is not in the project/],
    ['link', /is not in the project/],
    ['dangling', /cannot look at/],
    ['/dev/null', /is not in the project/],
    ['.', /is a folder/],
    ['pipe', /is a device, pipe or socket: give a file/],
    ['socket', /is a device, pipe or socket: give a file/],
    ['huge', /'.*huge' is too large: 67108865 bytes, 67108864 at most/],
    ['f/g', /^cannot look at '.*f\/g': not a directory$/],
    ['n'.repeat(300), /^cannot look at '.*': name too long$/],
  ]
  for (const [path, message] of table) {
    for (const act of [readText, checkFile]) {
      await t.rejects(act(a, path), { exit: 5, message }, `${act.name} ${path}`)
    }
    await t.rejects(writeText(a, path, 'x'), { exit: 5, message: /./ }, `write ${path}`)
    await t.rejects(patchFiles(a, `*** Begin Patch\n*** Add File: ${path}\n+x\n*** End Patch`), `patch ${path}`)
  }
  for (const path of ['', 'a\0b']) await t.rejects(writeText(a, path, 'x'), { exit: 2, message: /is no path/ })
  t.same(readdirSync(join(home, 'out')), ['secret'])
  t.equal(readFileSync(join(home, 'out/secret'), 'utf8'), 'secret')
  await readText(a, 'inner')
  await writeText(a, 'inner', 'through a link\n')
  t.equal(readFileSync(join(root, 'f'), 'utf8'), 'through a link\n')
  t.ok(lstatSync(join(root, 'inner')).isSymbolicLink())
  t.equal(await checkFile(a, 'f'), undefined, 'it is the same file')
  await t.rejects(writeText(a, 'f', 'x'.repeat(LARGEST + 1)), { exit: 5, message: /67108865 bytes, 67108864 at most/ })
})

t.test('a folder that becomes a link once the way was checked leads nowhere', async t => {
  const { home, root } = scene(t)
  const start = workers('file-worker', home)
  const outside = join(home, 'outside')
  for (const [what, names] of [
    ['read', 1],
    ['write', 1],
    // It is written in place.
    ['write', 2],
    ['delete', 1],
  ] as const) {
    for (const folder of [outside, join(root, 'sub')]) {
      mkdirSync(folder)
      writeFileSync(join(folder, 'f'), folder === outside ? 'secret' : 'one\n')
      if (names === 2) linkSync(join(folder, 'f'), join(folder, 'f2'))
    }
    const worker = start('swapped', root, A, 'sub/f', what)
    await worker.ended
    t.match(worker.said(), [/^cannot .*sub\/f.*': a folder above it has become a link$/], `${what} ${names}`)
    t.ok(lstatSync(join(root, 'sub')).isSymbolicLink())
    t.equal(readFileSync(join(outside, 'f'), 'utf8'), 'secret')
    t.same(readdirSync(outside), names === 2 ? ['f', 'f2'] : ['f'])
    t.equal(readFileSync(join(root, 'sub-aside/f'), 'utf8'), 'one\n')
    for (const path of [outside, join(root, 'sub'), join(root, 'sub-aside')]) rmSync(path, { recursive: true })
  }
})

t.test('a file keeps its mode, its owner and its hard links', async t => {
  const { a, root, read } = scene(t, { f: 'one\n', linked: 'one\n' })
  const path = join(root, 'f')
  chmodSync(path, 0o751)
  if (!noRoot) chownSync(path, 12, 34)
  const inode = statSync(path).ino
  await readText(a, 'f')
  await writeText(a, 'f', 'two\n')
  const { mode, uid, gid, ino } = statSync(path)
  t.equal(mode & 0o7777, 0o751)
  if (!noRoot) t.same({ uid, gid }, { uid: 12, gid: 34 })
  t.not(ino, inode, 'another file took its place')
  linkSync(join(root, 'linked'), join(root, 'other'))
  await readText(a, 'linked')
  await writeText(a, 'linked', 'three, and longer\n')
  t.equal(read('other'), 'three, and longer\n')
  await writeText(a, 'linked', '4\n')
  t.equal(read('other'), '4\n')
  await readText(a, 'f')
  await patchFiles(a, '*** Begin Patch\n*** Update File: f\n*** Move to: moved\n@@\n-two\n+2\n*** End Patch')
  t.equal(statSync(join(root, 'moved')).mode & 0o777, 0o751)
  t.same(readdirSync(root).sort(), ['linked', 'moved', 'other'], 'and nothing is left behind')
})

t.test('all files of a patch, or none', async t => {
  const { a, b, root, read, put } = scene(t, { f: 'one\n', g: 'one\n', h: 'one\n' })
  for (const name of ['f', 'g', 'h']) await readText(a, name)
  const lines = [
    '*** Update File: f',
    '-one',
    '+1',
    '*** Delete File: g',
    '*** Update File: h',
    '*** Move to: sub/h',
    '*** Add File: new/n',
    '+n',
  ]
  const patch = (...more: string[]) => ['*** Begin Patch', ...lines, ...more, '*** End Patch'].join('\n')
  const before = () => t.same([readdirSync(root).sort(), read('f'), read('g'), read('h')], [['f', 'g', 'h'], 'one\n', 'one\n', 'one\n'])
  await t.rejects(patchFiles(a, patch('*** Update File: h', '-two')), { exit: 1, message: /'h' \(line 10 of the patch\)/ })
  before()
  await t.rejects(patchFiles(a, patch('*** Add File: f/under', '+x')))
  before()
  await t.rejects(patchFiles(b, patch()), { exit: 5, message: /was not read/ })
  before()
  put('h', 'two\n')
  await t.rejects(patchFiles(a, patch()), { exit: 5, message: /'h' is not as/ })
  put('h', 'one\n')
  t.same(await patchFiles(a, patch()), [
    { path: 'f', did: 'updated' },
    { path: 'g', did: 'deleted' },
    { path: 'sub/h', did: 'moved', from: 'h' },
    { path: 'new/n', did: 'added' },
  ])
  t.same(readdirSync(root).sort(), ['f', 'new', 'sub'])
  t.same([read('f'), read('sub/h'), read('new/n')], ['1\n', 'one\n', 'n\n'])
  for (const name of ['f', 'sub/h', 'new/n']) t.equal(await checkFile(a, name), undefined, name)
  t.match(await checkFile(b, 'g'), /is not there/)
  symlinkSync('f', join(root, 'same'))
  await patchFiles(a, '*** Begin Patch\n*** Update File: f\n-1\n+2\n*** Update File: same\n-2\n+3\n*** End Patch')
  t.equal(read('f'), '3\n')
})

t.test('a file that is no text is read, and not patched', async t => {
  const { a, root } = scene(t)
  const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x0a])
  writeFileSync(join(root, 'image'), bytes)
  t.same(await readBytes(a, 'image'), bytes)
  await t.rejects(patchFiles(a, update('image', 'x', 'y')), { exit: 1, message: /'image' is no text in UTF-8/ })
  t.same(readFileSync(join(root, 'image')), bytes)
})

t.test('a lock has one holder also if the claim that one saw last is gone when it makes its own', async t => {
  const { a, root } = scene(t)
  const path = join(root, 'f')
  ;(await lockFile(a, path)).release()
  const locks = join(process.env.ZAG_HOME as string, 'groups/g/locks')
  const name = `${await keyOf(path)}.1`
  const put = (more: object) => writeFileSync(join(locks, name), JSON.stringify({ ...myself(), path, session: A, ...more }))
  put({ start: '1', token: 'x', since: 1 })
  let isThere = false
  const racing = await t.mockImport<typeof import('../../../lib/file/lock.js')>('../../../lib/file/lock.js', {
    '../../../lib/store/file.js': {
      ...files,
      // That of the dead is taken away, and somebody who sees none claims the lock, just before.
      claim(mark: string, data: string) {
        if (!isThere) put({ token: 'y', since: Date.now() })
        isThere = true
        return files.claim(mark, data)
      },
    },
  })
  await t.rejects(racing.lockFile(a, path, { wait: 0 }), { message: /is locked by process/ })
  t.same(readdirSync(locks), [name], 'it took its own back')
  rmSync(join(locks, name))
  ;(await racing.lockFile(a, path)).release()
  t.same(readdirSync(locks), [])
})

t.test('who removes what dead holders left lets a lock alone that somebody took meanwhile', async t => {
  const { a, b, root } = scene(t)
  const path = join(root, 'f')
  ;(await lockFile(a, path)).release()
  const locks = join(process.env.ZAG_HOME as string, 'groups/g/locks')
  const key = await keyOf(path)
  const claim = (n: number, start: string, token: string) =>
    writeFileSync(join(locks, `${key}.${n}`), JSON.stringify({ ...myself(), start, path, session: A, token, since: 1 }))
  const leftover = (token: string) => join(root, `.zag-${token}.tmp`)
  claim(1, '1', 'x')
  writeFileSync(leftover('x'), '')
  const seen = deadClaims(Date.now())
  t.same(seen, [join(locks, `${key}.1`)])
  forgetClaim(seen[0] as string)
  t.same(readdirSync(locks), [])
  t.notOk(existsSync(leftover('x')))
  // Another saw the same, and comes only now.
  const held = await lockFile(a, path)
  t.same(readdirSync(locks), [`${key}.1`], 'the number is taken again')
  writeFileSync(leftover(held.token), '')
  forgetClaim(seen[0] as string)
  t.ok(existsSync(leftover(held.token)))
  await t.rejects(lockFile(b, path, { wait: 0 }), { message: /is locked by process/ })
  held.release()
  rmSync(leftover(held.token))
  // While it is held nothing of it goes; then all that is of the dead does.
  claim(1, '1', 'x')
  claim(2, myself().start, 'y')
  forgetClaim(join(locks, `${key}.1`))
  t.same(readdirSync(locks).sort(), [`${key}.1`, `${key}.2`])
  claim(2, '1', 'y')
  claim(3, '1', 'z')
  for (const path of deadClaims(Date.now())) forgetClaim(path)
  t.same(readdirSync(locks), [])
})

t.test('a lock has one holder, in this process too, and is named', async t => {
  const { a, b, root } = scene(t)
  const path = join(root, 'f')
  await readText(a, 'f')
  const held = await lockFile(b, path)
  await t.rejects(writeText(a, 'f', 'x', { wait: 150 }), {
    exit: 4,
    message: new RegExp(`^'${path}' is locked by process ${process.pid}, session ${short(B)}, for .*: try again later$`),
  })
  const writing = writeText(a, 'f', 'two\n')
  held.release()
  await writing
  t.equal(readFileSync(path, 'utf8'), 'two\n')
  t.same(readdirSync(join(process.env.ZAG_HOME as string, 'groups/g/locks')), [], 'nothing of it is left')
})

t.test('a holder that was killed holds nothing, and what it left is cleared', async t => {
  const { a, root, home } = scene(t)
  const start = workers('file-worker', home)
  const holder = start('hold', root, B, 'f')
  await until(() => holder.said().includes('held'))
  await readText(a, 'f')
  await t.rejects(writeText(a, 'f', 'x', { wait: 50 }), {
    exit: 4,
    message: new RegExp(`by process ${holder.process.pid}, session ${short(B)}`),
  })
  const locks = join(process.env.ZAG_HOME as string, 'groups/g/locks')
  const { token } = JSON.parse(readFileSync(join(locks, readdirSync(locks)[0] as string), 'utf8'))
  writeFileSync(join(root, `.zag-${token}.tmp`), 'half of')
  holder.process.kill('SIGKILL')
  await holder.ended
  await writeText(a, 'f', 'two\n')
  t.equal(readFileSync(join(root, 'f'), 'utf8'), 'two\n')
  t.same(readdirSync(root), ['f'])
})

t.test('fifty sessions change one file at once: nothing is lost', { timeout: 240_000 }, async t => {
  const { root, home, read } = scene(t, { f: 'top\nbottom\n' })
  const start = workers('file-worker', home)
  const all = Array.from({ length: 50 }, () => newId()).map(session => ({ session, worker: start('add', root, session, 'f', '1') }))
  for (const { worker } of all)
    t.equal(
      await worker.ended,
      0,
      worker
        .said()
        .filter(line => line !== 'stale')
        .join(' '),
    )
  const lines = read('f').split('\n')
  t.same([lines[0], ...lines.slice(-2)], ['top', 'bottom', ''])
  t.same(lines.slice(1, -2).sort(), all.map(({ session }) => `${session}-0`).sort())
  t.same(readdirSync(root), ['f'])
})

t.test('kill -9 in the middle of writing leaves the old or the new', { timeout: 120_000 }, async t => {
  const { root, home, a, read } = scene(t, { f: 'a'.repeat(3_000_000) })
  const start = workers('file-worker', home)
  for (let n = 0; n < 12; n++) {
    const writer = start('rewrite', root, B, 'f')
    await until(() => writer.said().includes('ready') || writer.process.exitCode !== null)
    const begun = statSync(join(root, 'f')).ino
    await until(() => statSync(join(root, 'f')).ino !== begun)
    await new Promise(done => setTimeout(done, n * 3))
    writer.process.kill('SIGKILL')
    await writer.ended
    t.match(read('f'), /^(a{3000000}|b{3000000})$/)
  }
  await readText(a, 'f')
  await writeText(a, 'f', 'over\n')
  t.ok(existsSync(join(root, 'f')))
})

const disk = smallDisk()
t.test('a full disk: one clear line, and all as it was', { skip: disk ? false : 'nothing may be mounted here' }, async t => {
  const { a } = scene(t)
  const { folder, unmount } = disk as NonNullable<typeof disk>
  t.teardown(unmount)
  const who = { ...a, root: folder, cwd: folder }
  writeFileSync(join(folder, 'f'), 'one\n')
  writeFileSync(join(folder, 'g'), 'one\n')
  linkSync(join(folder, 'g'), join(folder, 'g2'))
  for (const name of ['f', 'g']) await readText(who, name)
  const big = 'x'.repeat(500_000)
  for (const name of ['f', 'g', 'new/file'])
    await t.rejects(writeText(who, name, big), { exit: 5, message: /^cannot write '.*': no space left on device$/ }, name)
  await t.rejects(
    patchFiles(who, `*** Begin Patch\n*** Update File: f\n-one\n+1\n*** Add File: more\n+${big}\n*** Delete File: g\n*** End Patch`),
    {
      exit: 5,
      message: /cannot write '.*\/more': no space left on device/,
    },
  )
  for (const name of ['f', 'g', 'g2']) t.equal(readFileSync(join(folder, name), 'utf8'), 'one\n', name)
  t.same(readdirSync(folder).sort(), ['ballast', 'f', 'g', 'g2'])
})
