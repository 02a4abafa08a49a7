// A change of several files whose process is killed between any two of its steps: all of them or none, and nothing of it is left.

import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { newId } from '../../../lib/base/id.js'
import { checkFile, readText, writeText } from '../../../lib/file/guard.js'
import { runLocked } from '../../../lib/file/hold.js'
import { withLocks } from '../../../lib/file/lock.js'
import { allCutShort, undoAll } from '../../../lib/file/undo.js'
import type { Who } from '../../../lib/file/who.js'
import { lookAtFiles } from '../../../lib/install/files.js'
import { file as library } from '../../../lib/library/permissions.js'
import { workers } from '../../fixtures/workers.js'

const [A, B] = [newId(), newId()] as const
/** What they hold shares bytes with what they are to hold. */
const FILES = { updated: 'time = 10\ntries = 3\n', deleted: 'one\n', moved: 'one\n', linked: 'one and more\n', mounted: 'time = 10\n' }
const PATCH = [
  '*** Begin Patch',
  '*** Update File: updated',
  '-time = 10',
  '+time = 20',
  '*** Delete File: deleted',
  '*** Update File: linked',
  '-one and more',
  '+two or so',
  '*** Update File: mounted',
  '-time = 10',
  '+time = 2',
  '*** Update File: moved',
  '*** Move to: there',
  '*** Add File: added',
  '+new',
  '*** Update File: updated',
  '-tries = 3',
  '+tries = 5',
  '*** End Patch',
].join('\n')
const AFTER = { added: 'new\n', linked: 'two or so\n', mounted: 'time = 2\n', there: 'one\n', updated: 'time = 20\ntries = 5\n' }

function scene(t: Test) {
  const home = realpathSync(t.testdir({ patch: PATCH }))
  const root = join(home, 'project')
  const start = workers('file-worker', home)
  const b: Who = { session: B, group: 'g', root, cwd: root }
  let scenes = 0
  return {
    home,
    root,
    b,
    patch: join(home, 'patch'),
    /** The files as they were, and nothing that is known of them. */
    fresh() {
      process.env.ZAG_HOME = join(home, `zag-${scenes}`)
      mkdirSync(root)
      for (const [name, text] of Object.entries(FILES)) writeFileSync(join(root, name), text)
      // It is written in place.
      linkSync(join(root, 'linked'), join(home, 'other'))
    },
    aside() {
      scenes += 1
      for (const name of ['project', 'other']) renameSync(join(home, name), join(home, `${name}-${scenes}`))
    },
    kill: (job: string, file: string, nth: number) => start(job, root, A, file, String(nth)).ended,
  }
}

const contents = (root: string) =>
  Object.fromEntries(
    readdirSync(root)
      .sort()
      .map(name => [name, readFileSync(join(root, name), 'utf8')]),
  )

const journals = () => {
  const folder = join(process.env.ZAG_HOME as string, 'groups/g/patches')
  return existsSync(folder) ? readdirSync(folder).filter(name => !name.startsWith('.')) : []
}

/** What a kill left beside the files goes when their locks are taken again. */
async function takeLocks(who: Who): Promise<void> {
  await withLocks(
    who,
    [...new Set([...Object.keys(FILES), ...Object.keys(AFTER)])].map(name => join(who.root, name)),
    () => {},
  )
}

/** The step at which all is done but not yet known to be. */
let last = 0

t.test('killed before any step of a patch', { timeout: 240_000 }, async t => {
  const { root, fresh, b, kill, patch, aside } = scene(t)
  let halves = 0
  for (let nth = 1; ; nth++) {
    fresh()
    const ended = await kill('patch', patch, nth)
    if (ended === 0) {
      t.same(contents(root), AFTER, 'not killed any more')
      break
    }
    t.equal(ended, 'SIGKILL', `step ${nth}`)
    const isHalf = journals().length > 0
    const isNew = !isHalf && existsSync(join(root, 'added'))
    if (isHalf) {
      halves += 1
      last = nth
    }
    t.match(
      lookAtFiles(),
      isHalf ? [{ ok: false, message: /^[12] changes? of several files that a kill cut short: '.*', / }] : [{ ok: true }],
    )
    // By any of its files, one that is gone included.
    const first = Object.keys(FILES)[nth % Object.keys(FILES).length] as keyof typeof FILES
    if (!isNew) t.equal(await readText(b, first), FILES[first], `${first} is as it was`)
    t.same(journals(), [])
    await takeLocks(b)
    t.same(contents(root), isNew ? AFTER : FILES, isNew ? 'all' : 'none')
    aside()
  }
  t.ok(halves > 6, `${halves} of them left some old and some new`)
})

t.test('killed before any step of putting it right', { timeout: 120_000 }, async t => {
  const { root, fresh, b, kill, patch, aside } = scene(t)
  for (let nth = 1; ; nth++) {
    fresh()
    await kill('patch', patch, last)
    const ended = await kill('read', 'linked', nth)
    if (ended !== 0) t.equal(journals().length, 1, `step ${nth}`)
    await lookAtFiles()[0]?.repair?.()
    t.same(journals(), [])
    await takeLocks(b)
    t.same(contents(root), FILES)
    if (ended === 0) break
    aside()
  }
})

t.test('who writes one of the files, and who locks it, comes after that; what somebody else has changed stays', async t => {
  const { root, fresh, b, kill, patch, aside, home } = scene(t)
  fresh()
  await kill('patch', patch, last)
  await writeText(b, 'added', 'mine\n')
  t.same(contents(root), { ...FILES, added: 'mine\n' })
  aside()
  fresh()
  await kill('patch', patch, last)
  t.equal(await runLocked(b, ['updated'], ['grep', '-qx', 'time = 10', join(root, 'updated')], { passInterrupt: true }), 0)
  aside()
  fresh()
  await kill('patch', patch, last)
  // Half of it is of the change, and nothing else ever left it so.
  const theirs = 'time = 20\ntries = 3\n'
  writeFileSync(join(root, 'updated'), theirs)
  rmSync(join(root, 'added'))
  t.match(await checkFile(b, 'moved'), /was not read/)
  await takeLocks(b)
  t.same(contents(root), { ...FILES, updated: theirs })
  aside()
  fresh()
  await kill('patch', patch, last)
  const held = await library.lock({ path: join(root, 'added'), root, group: 'g' })
  t.same([existsSync(join(root, 'added')), readFileSync(join(root, 'updated'), 'utf8')], [false, FILES.updated])
  held.release()
  aside()
  fresh()
  await kill('patch', patch, last)
  renameSync(root, join(home, 'elsewhere'))
  mkdirSync(root)
  renameSync(root, join(home, 'empty'))
  symlinkSync('elsewhere', root)
  await undoAll(allCutShort())
  t.equal(readFileSync(join(home, 'elsewhere/added'), 'utf8'), 'new\n', 'nothing is put back through a link')
})

t.test("a file that is written in place may be half written, from its beginning on; another mixture is somebody else's", async t => {
  const { root, fresh, b, kill, patch, aside } = scene(t)
  for (const [there, then] of [
    ['two and more\n', FILES.linked],
    ['two or so\nre\n', FILES.linked],
    ['one or so\n', FILES.linked],
    ['two or more\n', 'two or more\n'],
    ['owo and more\n', 'owo and more\n'],
    ['two or s', 'two or s'],
  ] as const) {
    fresh()
    await kill('patch', patch, last)
    writeFileSync(join(root, 'linked'), there)
    await readText(b, 'deleted')
    await takeLocks(b)
    t.same(contents(root), { ...FILES, linked: then }, there)
    aside()
  }
})

t.test('who only reads waits for no lock', async t => {
  const { root, fresh, b, kill, patch } = scene(t)
  fresh()
  await kill('patch', patch, last)
  await withLocks(b, [join(root, 'deleted')], async () => {
    const timers = t.capture(globalThis, 'setTimeout')
    t.equal(await readText(b, 'updated'), AFTER.updated, 'it is what there is')
    t.match(await checkFile(b, 'moved'), /is not there/)
    t.same(timers(), [])
    t.equal(journals().length, 1)
  })
  t.equal(await readText(b, 'updated'), FILES.updated)
})
