// Claude, the real program, where it lives on: several prompts in one life, what it asks, and how that life ends.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { until } from '../help/run.js'
import { AGENTS } from './agents.js'
import { Desk, processesOf } from './desk.js'

const { claude } = AGENTS
const desk = await Desk.open(t, [claude])
desk.zag.configure('[limits]\nfallback = "2s"\n')
const ask = (id: string, ...words: string[]) => desk.go('input', ['--session', id, ...words])
/** The processes that were started for it, by its log. */
const started = async (id: string) => (await desk.events(id, ['provider_status'])).filter(({ message }) => message === 'system init')
const made = (name: string) => existsSync(join(desk.project, name))

t.test('several prompts in one life', async t => {
  const id = await desk.spawn(claude, 'SAY one', ['-I'])
  t.match(await ask(id, 'RECALL'), { code: 0, stdout: /^first you said: SAY one/ })
  const alive = processesOf(id)
  t.match(await ask(id, '/cost\nSAY it was asked'), { code: 0, stdout: /^it was asked/ })
  t.same(processesOf(id), alive, 'the same process')
  t.match(await ask(id, '--end', 'COUNT'), { code: 0, stdout: /^4 messages/ })
  t.match(await desk.go('wait', [id]), { code: 0 })
  t.match(await desk.summary(id), { status: 'completed', turns: 4, runs: 1, usage: { input_tokens: 4000 } })
  t.equal((await started(id)).length, 4, 'a round for each prompt')
  t.same(processesOf(id), [])
})

t.test('a tool: denied, and with --auto-approve allowed', async t => {
  const denied = await desk.spawn(claude, 'SAY hello', ['-I', '--no-ask'])
  t.match(await ask(denied, 'RUN touch denied.txt'), { code: 0, stdout: /it gave: This is not allowed here/ })
  t.equal(made('denied.txt'), false)
  const allowed = await desk.spawn(claude, 'SAY hello', ['-I', '-a'])
  t.match(await ask(allowed, 'RUN touch allowed.txt'), { code: 0, stdout: /it gave:/ })
  t.equal(made('allowed.txt'), true)
  t.match(await desk.events(denied, ['permission']), [{ tool: 'bash', granted: false, by: 'deny' }])
  t.match(await desk.events(allowed, ['permission']), [{ tool: 'bash', granted: true, by: 'auto' }])
  for (const id of [denied, allowed]) t.match(await ask(id, '--end'), { code: 0 })
})

t.test('one that dies goes on in another process; one that is cancelled in mid-stream leaves nothing', async t => {
  const id = await desk.spawn(claude, 'SAY one', ['-I'])
  t.match(await ask(id, 'COUNT'), { stdout: /^2 messages/ })
  for (const pid of processesOf(id)) process.kill(Number(pid), 'SIGKILL')
  await until(() => processesOf(id).length === 0)
  t.match(await ask(id, 'RECALL'), { code: 0, stdout: /^first you said: SAY one/ })
  t.match(await ask(id, '-b', 'HANG here'), { code: 0 })
  await desk.asked('HANG here')
  t.ok(processesOf(id).length > 0)
  t.match(await desk.go('cancel', [id]), { code: 0 })
  t.match(await desk.summary(id), { status: 'cancelled' })
  t.same(processesOf(id), [])
})

t.test('a limit within a turn', async t => {
  const id = await desk.spawn(claude, 'SAY one', ['-I'])
  t.match(await ask(id, 'LIMIT 4 here'), { code: 0, stdout: /^the limit is over|^you said: Continue/i })
  const events = await desk.events(id, ['usage_limit_hit', 'usage_limit_resumed', 'turn_ended'])
  t.match(events[1], { type: 'usage_limit_hit', scope: String, reset_at: String })
  t.match(events.slice(-2), [{ type: 'usage_limit_resumed' }, { type: 'turn_ended', turn: 2, success: true }])
  t.match(await ask(id, 'RECALL'), { stdout: /^first you said: SAY one/ })
  t.match(await ask(id, '--end'), { code: 0 })
  t.match(await desk.summary(id), { turns: 3 })
})
