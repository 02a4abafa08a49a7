// Codex that lives on, the real program, against a model server: several prompts in one life, questions, limits, its death and its end.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { until } from '../help/run.js'
import { AGENTS } from './agents.js'
import { Desk, processesOf } from './desk.js'

const agent = AGENTS.codex
const desk = await Desk.open(t, [agent])
const tell = (id: string, text: string) => desk.go('input', ['--session', id, text])
const end = async (id: string) => {
  await desk.go('input', ['--session', id, '--end'])
  return desk.go('wait', [id])
}

t.test('several prompts in one life; without --auto-approve it may do nothing', async t => {
  const id = await desk.spawn(agent, 'SAY one', ['-I', '--no-ask'])
  t.match(await tell(id, 'RECALL'), { code: 0, stdout: /^first you said: SAY one\n?$/ })
  t.match(await tell(id, 'RUN touch denied.txt'), { code: 0, stdout: /rejected by user/ })
  t.notOk(existsSync(join(desk.project, 'denied.txt')))
  t.match(await desk.events(id, ['permission']), [{ granted: false, by: 'deny' }])
  t.match(await tell(id, 'FAIL 401'), { code: 1, stderr: /failed on purpose with 401/ })
  t.match(await tell(id, 'COUNT'), { code: 0, stdout: /^5 messages\n?$/ })
  t.match(await end(id), { code: 0 })
  t.match(await desk.summary(id), { turns: 5, runs: 1, usage: { input_tokens: 5000, output_tokens: 250, cache_read_tokens: 1000 } })
})

t.test('with it, it may; what it was told outlives it, and its folder is not noted as trusted', async t => {
  const id = await desk.spawn(agent, 'RUN echo made | tee made.txt', ['-I', '-a', '--system-prompt', 'Be brief.'])
  t.match(await tell(id, 'COUNT'), { code: 0, stdout: /^2 messages\n?$/ })
  t.equal(readFileSync(join(desk.project, 'made.txt'), 'utf8'), 'made\n')
  t.match(await desk.events(id, ['permission', 'tool_result']), [{}, {}])
  t.match(await desk.events(id, ['permission']), [{ granted: true, by: 'auto' }])
  t.match(await desk.events(id, ['tool_result']), [{ success: true, output: 'made\n', exit_code: 0 }])
  const [started] = await desk.events(id, ['session_started'])
  process.kill(Number(started?.pid), 'SIGKILL')
  t.match(await tell(id, 'RECALL'), { code: 0, stdout: /^first you said: RUN echo made/ })
  t.match(await end(id), { code: 0 })
  t.match(await desk.summary(id), { usage: { input_tokens: 4000, output_tokens: 200 } })
  t.notMatch(readFileSync(join(desk.zag.home, '.codex/config.toml'), 'utf8'), 'trust')
})

t.test('a limit within a turn', async t => {
  const id = await desk.spawn(agent, 'SAY one', ['-I'])
  t.match(await tell(id, 'LIMIT 2 soon'), { code: 0 })
  t.match(await desk.events(id, ['usage_limit_hit', 'usage_limit_resumed']), [{ reset_at: String }, {}])
  t.match(await desk.summary(id), { turns: 2, runs: 1 })
  t.match(await end(id), { code: 0 })
})

t.test('cancelled in the middle of an answer, and while its shell is at work', async t => {
  const id = await desk.spawn(agent, 'HANG here', ['-I'])
  await desk.asked('HANG here')
  t.ok(processesOf(id).length > 0, 'it is marked')
  const other = await desk.spawn(agent, 'RUN touch at-work; sleep 300', ['-I', '-a'])
  await until(() => existsSync(join(desk.project, 'at-work')), 60_000)
  for (const session of [id, other]) {
    t.match(await desk.go('cancel', [session]), { code: 0 })
    t.match(await desk.summary(session), { status: 'cancelled' })
    t.same(processesOf(session), [], 'none of its processes is left')
  }
})
