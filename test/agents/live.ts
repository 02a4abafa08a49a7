// Agents that live on for several turns: one list for all of them.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Cases } from './answers.js'
import { processesOf } from './desk.js'

const PERMISSIONS = ['permission']

export const LIVE: Cases = {
  async 'two turns in one life, and one after it'(t, desk, agent) {
    const id = await desk.spawn(agent, 'SAY first', ['-I'])
    t.match(await desk.go('input', ['--session', id, 'RECALL']), { code: 0, stdout: /first you said: SAY first/ })
    t.match(await desk.go('input', ['--session', id, '--end', 'COUNT']), { code: 0, stdout: '3 messages' })
    t.match(await desk.go('wait', [id]), { code: 0 })
    t.match(await desk.events(id, ['session_started', 'turn_ended']), [
      { type: 'session_started' },
      { turn: 1, success: true },
      { turn: 2, success: true },
      { turn: 3, success: true },
    ])
    t.equal((await desk.events(id, ['usage'])).length, 3)
    t.same(processesOf(id), [])
    t.match(await desk.go('input', ['--session', id, 'RECALL']), { code: 0, stdout: /first you said: SAY first/ })
    t.same((await desk.events(id, ['assistant_message'])).length, 4, 'nothing is told twice')
  },

  async 'it asks, and the answer is no'(t, desk, agent) {
    const id = await desk.spawn(agent, 'RUN touch denied', ['-I', '--no-ask'])
    await desk.go('input', ['--session', id, '--end', 'SAY still here'])
    t.match(await desk.go('output', [id]), { stdout: /still here/ })
    t.match(await desk.events(id, PERMISSIONS), [{ granted: false, by: 'deny' }])
    t.notOk(existsSync(join(desk.project, 'denied')))
  },

  async 'it asks, and the answer is yes'(t, desk, agent) {
    const id = await desk.spawn(agent, 'RUN echo made >allowed', ['-I', '-a'])
    t.match(await desk.go('input', ['--session', id, '--end', 'SAY done']), { code: 0 })
    t.ok(existsSync(join(desk.project, 'allowed')))
    t.match(await desk.events(id, ['tool_call', 'permission', 'tool_result']), [
      { type: 'tool_call', tool_kind: 'shell' },
      { granted: true, by: 'auto' },
      { type: 'tool_result', success: true },
    ])
  },

  async 'a plan changes nothing while it lives on'(t, desk, agent) {
    const id = await desk.spawn(agent, 'RUN touch planned', ['-I', '--plan', '-a'])
    await desk.go('input', ['--session', id, '--end'])
    t.match(await desk.go('wait', [id]), { code: 0 })
    t.notOk(existsSync(join(desk.project, 'planned')))
  },

  async 'cancelled in the middle of a turn'(t, desk, agent) {
    const id = await desk.spawn(agent, 'HANG live', ['-I'])
    await desk.asked('HANG live')
    t.match(await desk.go('cancel', [id]), { code: 0 })
    t.match(await desk.summary(id), { status: 'cancelled' })
    t.same(processesOf(id), [])
  },

  async 'a limit in the life of an agent'(t, desk, agent) {
    const id = await desk.spawn(agent, 'LIMIT 2 live', ['-I'])
    t.match(await desk.go('input', ['--session', id, '--end', 'SAY after']), { code: 0, stdout: 'after' })
    if (!agent.limit?.startsWith('waits')) {
      const events = await desk.events(id, ['usage_limit_hit', 'usage_limit_resumed', 'turn_ended'])
      t.match(events[0], { type: 'usage_limit_hit' })
      t.match(events.slice(-2), [
        { turn: 1, success: true },
        { turn: 2, success: true },
      ])
    }
  },

  async 'what begins like a command is told'(t, desk, agent) {
    const id = await desk.spawn(agent, '/help me @README.md', ['-I'])
    t.match(await desk.go('input', ['--session', id, '--end', '/clear']), { code: 0, stdout: /\/clear/ })
    t.match((await desk.events(id, ['assistant_message']))[0], { content: /\/help me @README.md/ })
  },
}
