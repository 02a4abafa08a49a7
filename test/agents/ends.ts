// How a run of every agent ends when not all is well: one list for all of them.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../help/run.js'
import type { Cases } from './answers.js'
import { type Desk, processesOf } from './desk.js'

/** Not every agent passes on what the model's server said. */
const REFUSED = /failed on purpose with 401|HTTP 401/

const LIMITS = ['usage_limit_hit', 'usage_limit_resumed', 'usage_limit_failed']

export const ENDS: Cases = {
  async 'an error of the model'(t, desk, agent) {
    const { code, stderr, id } = await desk.ask(agent, 'FAIL 401')
    t.match({ code, stderr }, { code: 1, stderr: REFUSED })
    t.match(await desk.summary(id), { status: 'failed', error: REFUSED })
    t.match(await desk.events(id, ['session_ended']), [{ success: false, status: 'failed' }])
  },

  async 'a model that does not exist'(t, desk, agent) {
    const { code, stderr, id } = await desk.ask({ ...agent, flags: ['--model', agent.badModel ?? 'no-such-model'] }, 'SAY no')
    t.match({ code, stderr }, { code: 1, stderr: /model/i })
    t.match(await desk.summary(id), { status: 'failed', error: /model/i })
  },

  async 'a limit is over at last'(t, desk, agent) {
    const waits = agent.limit === 'waits' || agent.limit === 'waits a while'
    const id = await desk.spawn(agent, 'LIMIT 3 first')
    if (!waits) await until(async () => (await desk.summary(id)).status === 'limited', 60_000)
    t.match(await desk.go('wait', [id]), { code: 0 })
    t.match(await desk.summary(id), { status: 'completed', error: null })
    t.ok(desk.latest().includes('LIMIT 3 first'), 'the model knows what it was asked')
    const events = await desk.events(id, LIMITS)
    if (waits) t.same(events, [], 'it waited by itself')
    else t.match([events[0], events.at(-1)], [{ type: 'usage_limit_hit', resume_at: String }, { type: 'usage_limit_resumed' }])
    if (agent.limit === 'told' || agent.limit === 'minute') t.match(events[0], { reset_at: String })
    // It takes a minute, or there is nothing of zag's own in it.
    if (agent.limit === 'minute' || waits) return

    t.match(await desk.go('input', ['--session', id, 'LIMIT 2 second']), { code: 0 })
    t.match(await desk.summary(id), { status: 'completed', error: null })
    const talk = desk.latest()
    t.ok(talk.includes('LIMIT 3 first') && talk.includes('LIMIT 2 second'), 'also in a later turn, and what was before')
  },

  async 'a limit that is not waited for'(t, desk, agent) {
    if (agent.limit === 'waits') return void t.plan(0, 'it waits by itself, and says nothing of it')
    const { code, stderr, id } = await desk.ask(agent, 'LIMIT 900 fail', ['--on-limit', 'fail'])
    t.match({ code, stderr }, { code: 1, stderr: /limit|quota/i })
    t.match(await desk.events(id, LIMITS), [{ type: 'usage_limit_hit' }, { type: 'usage_limit_failed' }])
    t.match(await desk.events(id, ['session_ended']), [{ status: 'failed', reason: 'limit' }])
  },

  async 'cancelled in the middle of an answer'(t, desk, agent) {
    const id = await desk.spawn(agent, 'HANG middle')
    await desk.asked('HANG middle')
    t.ok(processesOf(id).length > 0, 'it is marked')
    await cancelled(t, desk, id)
  },

  async 'cancelled while its shell is at work'(t, desk, agent) {
    if (agent.toolless) return void t.plan(0, 'it has no tools')
    const time = `300.${process.pid}`
    const id = await desk.spawn(agent, `RUN touch at-work; sleep ${time}`, ['-a'])
    await until(() => existsSync(join(desk.project, 'at-work')), 60_000)
    await cancelled(t, desk, id)
    t.same(
      readdirSync('/proc').filter(pid => /^\d+$/.test(pid) && commandOf(pid).includes(time)),
      [],
      'nor its command',
    )
  },
}

async function cancelled(t: Parameters<Cases[string]>[0], desk: Desk, id: string): Promise<void> {
  t.match(await desk.go('cancel', [id]), { code: 0 })
  t.match(await desk.summary(id), { status: 'cancelled' })
  t.same(processesOf(id), [], 'none of its processes is left')
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    // It is gone.
    return ''
  }
}
