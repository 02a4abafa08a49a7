// Who may start: slots of a group and of a provider, the pause between starts, ancestors, and that nobody is overtaken.

import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { newId } from '../../../lib/base/id.js'
import { paths } from '../../../lib/base/paths.js'
import { timestamp } from '../../../lib/base/time.js'
import { isLimited, limitsOf, Slots } from '../../../lib/run/slots.js'
import { makeFolder } from '../../../lib/store/file.js'
import { openHome } from '../../../lib/store/home.js'
import { nobody } from '../../../lib/table/owners.js'
import { create, type Session } from '../../../lib/table/sessions.js'

process.env.ZAG_HOME = join(t.testdir(), 'home')
openHome()
makeFolder(paths.server())
const NEVER = Number.POSITIVE_INFINITY

/** A session on disk, as ancestors are looked up there. */
function session(asked: Partial<Session>): Session {
  const id = newId()
  const made = {
    id,
    created_at: timestamp(),
    provider: 'sh',
    root: '/',
    cwd: '/',
    tags: [],
    group: 'g',
    depends_on: [],
    flags: {},
    env: {},
    ...asked,
  }
  create(made, { role: 'queue', run: 1, ...nobody() }, {})
  return made
}

async function slotsWith(config: string, ...taken: Session[]): Promise<Slots> {
  writeFileSync(paths.config(), config)
  const slots = new Slots()
  await slots.readLimits(['sh', 'one'])
  for (const each of taken) slots.take(each)
  return slots
}

const ONE = '[providers.one]\ncommand = ["cat"]\n'

t.test('the slots of a group count those of the group that take one', async t => {
  const first = session({ slots: 2 })
  const slots = await slotsWith('', first, session({ slots: 2 }), session({}), session({ slots: 9, group: 'other' }))
  t.equal(slots.timeUntil(session({ slots: 2 })), NEVER)
  t.equal(slots.timeUntil(session({ slots: 3 })), 0)
  t.equal(slots.timeUntil(session({ slots: 2, group: 'other' })), 0)
  t.equal(slots.timeUntil(session({})), 0)
  slots.give(first.id)
  t.equal(slots.timeUntil(session({ slots: 2 })), 0)
})

t.test('of a group none overtakes the oldest that its slots hold back', async t => {
  const parent = session({ slots: 2 })
  const slots = await slotsWith('', parent)
  const held = new Set<string>()
  t.equal(slots.timeUntil(session({ slots: 2 }), held), 0)
  t.equal(slots.timeUntil(session({ slots: 1 }), held), NEVER)
  t.equal(slots.timeUntil(session({ slots: 2 }), held), NEVER)
  t.equal(slots.timeUntil(session({ slots: 1, group: 'other' }), held), 0)
  t.equal(slots.timeUntil(session({}), held), 0, 'it needs no slot of the group')
  t.equal(slots.timeUntil(session({ slots: 1, parent: parent.id }), held), 0, 'the others wait for what it is waited for by')
})

t.test('ancestors do not count', async t => {
  const [grandparent, stranger] = [session({ slots: 1 }), session({ slots: 1 })]
  const parent = session({ slots: 1, parent: grandparent.id })
  const child = () => session({ slots: 1, parent: parent.id })
  t.equal((await slotsWith('', grandparent, parent)).timeUntil(child()), 0)
  t.equal((await slotsWith('', grandparent, parent, stranger)).timeUntil(child()), NEVER)
  t.equal((await slotsWith('', parent, child())).timeUntil(child()), NEVER, 'siblings do')
  const loop = session({ slots: 1 })
  t.equal((await slotsWith('', stranger)).timeUntil({ ...loop, parent: loop.id }), NEVER, 'a parent that is its own')
})

t.test('the slots of a provider count whatever the group', async t => {
  const config = `${ONE}slots = 2\n`
  const taken = [session({ provider: 'one' }), session({ provider: 'one', group: 'other' })]
  const slots = await slotsWith(config, ...taken)
  t.equal(slots.timeUntil(session({ provider: 'one', group: 'third' })), NEVER)
  t.equal(slots.timeUntil(session({})), 0)
  t.equal(slots.timeUntil(session({ provider: 'one', parent: taken[0]?.id })), 0)
  const held = new Set<string>()
  t.equal(slots.timeUntil(session({ provider: 'one', slots: 3 }), held), NEVER)
  t.equal(slots.timeUntil(session({ slots: 3 }), held), 0, 'what its provider holds back does not hold back the group')
})

t.test('the pause between starts is kept on disk', async t => {
  const config = `${ONE}stagger = "1h"\n`
  t.equal((await slotsWith(config)).timeUntil(session({ provider: 'one' })), 0)
  await slotsWith(config, session({ provider: 'one' }))
  const slots = await slotsWith(config)
  const left = slots.timeUntil(session({ provider: 'one' }))
  t.ok(left > 3_500_000 && left <= 3_600_000, `${left} ms`)
  t.equal(slots.timeUntil(session({})), 0)
  const at = (seconds: number) => utimesSync(paths.lastStart('one'), seconds, seconds)
  at(Date.now() / 1000 - 3601)
  t.equal(slots.timeUntil(session({ provider: 'one' })), 0)
  at(Date.now() / 1000 + 100)
  t.equal(slots.timeUntil(session({ provider: 'one' })), 0, 'the clock was put back')
})

t.test('who has to wait for a turn at all', async t => {
  writeFileSync(paths.config(), `${ONE}slots = 2\n[providers.sh]\nstagger = "1s"\n`)
  t.same(await limitsOf('one'), { slots: 2, stagger: undefined })
  t.equal(await isLimited({ provider: 'one' }), true)
  t.equal(await isLimited({ provider: 'sh' }), true)
  writeFileSync(paths.config(), '')
  t.equal(await isLimited({ provider: 'sh' }), false)
  t.equal(await isLimited({ provider: 'sh', slots: 1 }), true)
  writeFileSync(paths.config(), 'nonsense')
  t.equal(await isLimited({ provider: 'sh' }), false, 'a broken configuration holds nothing back: the session says what is wrong')
  const slots = new Slots()
  await slots.readLimits(['sh'])
  t.equal(slots.timeUntil(session({})), 0)
})
