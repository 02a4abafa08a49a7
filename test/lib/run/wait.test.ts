// Waiting, where other processes go on in the middle of a look.

import { spawnSync } from 'node:child_process'
import t from 'tap'
import { waitFor } from '../../../lib/run/wait.js'
import { environment, zagHome } from '../../help/run.js'
import { Zag } from '../../help/sessions.js'

const zag = new Zag(t)
process.env.ZAG_HOME = zagHome(zag.home)
// While this process stands still.
const meanwhile = (program: string, ...args: string[]) =>
  spawnSync(program, args, { env: environment({ home: zag.home }), timeout: 20_000 }).status

t.test('what is told is in the order in which it ended, also where a look sees one at work and what fails by its end over', async t => {
  const gate = zag.gate()
  const first = await zag.spawn(gate.script)
  const second = await zag.spawn('true', ['--depends-on', first])
  const told: string[] = []
  // The first is looked at before this gives a promise, the second once more after what comes in between.
  const waiting = waitFor([first, second], { onEnd: ({ id }) => told.push(id), timeout: 20_000 })
  t.equal(meanwhile('zag-cancel', '--quiet', '--grace', '0', first), 0)
  t.equal(meanwhile('zag-wait', '--quiet', second), 1)
  t.equal((await waiting).timedOut, false)
  t.same(told, [first, second])
})

t.test('one at work is not told beside one that is over', async t => {
  const gate = zag.gate()
  const [first, second] = [await zag.spawn(gate.script), await zag.spawn('exit 3')]
  t.equal(meanwhile('zag-wait', '--quiet', second), 1)
  const told: string[] = []
  t.match(await waitFor([first, second], { count: 1, onEnd: ({ id }) => told.push(id), timeout: 20_000 }), { pending: [first] })
  t.same(told, [second])
  gate.open()
})
