import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkHome, homeIsThere, openHome } from '../../../lib/store/home.js'
import { workers } from '../../fixtures/workers.js'

const FOLDERS = ['aside', 'events', 'index', 'processes', 'relays', 'sessions']
const asRoot = process.geteuid?.() === 0

/** Makes the folder the home for the rest of a test. */
function useHome(path: string): string {
  process.env.ZAG_HOME = path
  return path
}

t.test('a home is made whole and private', async t => {
  const path = useHome(join(t.testdir(), 'deep/home'))
  t.notOk(checkHome())
  t.notOk(homeIsThere())
  t.notOk(existsSync(path), 'readers make nothing')
  const before = process.umask(0)
  t.equal(openHome(), path)
  process.umask(before)
  t.same(readdirSync(path).sort(), [...FOLDERS, 'layout'].sort())
  t.equal(readFileSync(join(path, 'layout'), 'utf8'), '1\n')
  for (const name of ['', ...FOLDERS]) t.equal(statSync(join(path, name)).mode & 0o777, 0o700, name)
  t.equal(statSync(join(path, 'layout')).mode & 0o777, 0o600)
  t.ok(checkHome())
  t.ok(homeIsThere())
  t.equal(openHome(), path)
})

t.test('a folder that is to become a home keeps its mode and its configuration', async t => {
  const path = useHome(t.testdir({ 'config.toml': 'provider = "sh"\n', sessions: {} }))
  chmodSync(path, 0o755)
  openHome()
  t.equal(statSync(path).mode & 0o777, 0o755)
  t.equal(readFileSync(join(path, 'config.toml'), 'utf8'), 'provider = "sh"\n')
  t.same(readdirSync(path).sort(), [...FOLDERS, 'config.toml', 'layout'].sort())
})

t.test('a folder of a home that is missing is made again', async t => {
  const path = useHome(t.testdir({ layout: '1\n' }))
  openHome()
  t.same(readdirSync(path).sort(), [...FOLDERS, 'layout'].sort())
})

t.test('what is no home is refused and left untouched', async t => {
  const refuses = (message: RegExp) => {
    t.throws(() => openHome(), { exit: 5, message })
    t.throws(() => checkHome(), { exit: 5, message })
  }
  const other = useHome(t.testdir({ 'thesis.tex': '' }))
  refuses(/^'.*' is no home of zag: it holds 'thesis.tex'; set ZAG_HOME/)
  t.same(readdirSync(other), ['thesis.tex'])

  useHome(join(t.testdir({ file: '' }), 'file'))
  refuses(/^'.*file' is not a folder: set ZAG_HOME to one$/)
  useHome(join(t.testdir({ file: '' }), 'file/below'))
  refuses(/^cannot read '.*below': not a directory$/)

  const newer = useHome(t.testdir({ layout: '7\n', future: {} }))
  refuses(/^'.*' was made by another version of zag: layout '7', this one knows '1'$/)
  t.same(readdirSync(newer).sort(), ['future', 'layout'])

  useHome(t.testdir({ layout: '1\n', sessions: 'a file' }))
  t.throws(() => openHome(), { exit: 5, message: /sessions' is not a folder/ })
})

t.test('a home of another user is refused', { skip: !asRoot && 'only root can give a folder away' }, async t => {
  const path = useHome(t.testdir({ layout: '1\n' }))
  chownSync(path, 12_345, 12_345)
  t.throws(() => openHome(), { exit: 5, message: /belongs to another user \(12345, you are 0\)/ })
  t.throws(() => checkHome(), { exit: 5, message: /belongs to another user/ })
  t.same(readdirSync(path), ['layout'])
  chownSync(path, 0, 0)
  mkdirSync(join(path, 'sessions'))
  chownSync(join(path, 'sessions'), 12_345, 12_345)
  t.throws(() => openHome(), { exit: 5, message: /sessions' belongs to another user/ })
})

t.test('a home that cannot be written is refused to writers only', async t => {
  const dir = t.testdir({ home: { layout: '1\n' } })
  const path = useHome(join(dir, 'home'))
  workers('store-worker', dir, { define: { 'import.meta.dirname': '""' } })
  // For root every folder is writable, so the process is another user's, as is the home.
  const user = asRoot ? 12_345 : undefined
  if (user) chownSync(path, user, user)
  chmodSync(path, 0o500)
  const tried = spawnSync(process.execPath, [join(dir, 'store-worker.cjs'), 'home'], { uid: user, encoding: 'utf8' })
  chmodSync(path, 0o700)
  t.match(tried.stderr, /Fault: cannot write '.*home': permission denied\n/)
  t.same(readdirSync(path), ['layout'])
})

t.test('many processes make one home', async t => {
  const dir = t.testdir()
  const start = workers('store-worker', dir, { define: { 'import.meta.dirname': '""' } })
  process.env.ZAG_HOME = join(dir, 'home')
  const running = Array.from({ length: 20 }, () => start('home'))
  await Promise.all(running.map(worker => worker.ended))
  for (const worker of running) t.same(worker.said(), [join(dir, 'home')])
  t.same(readdirSync(join(dir, 'home')).sort(), [...FOLDERS, 'layout'].sort())
  writeFileSync(join(dir, 'home/layout'), '2\n')
  const late = start('home')
  t.not(await late.ended, 0)
  t.match(late.said().join('\n'), /made by another version/)
})
