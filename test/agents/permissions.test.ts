// What the real agents ask, and what becomes of the answers: one vocabulary, one set of rules, and people who answer from outside.
//
// Each runs one turn, in the mode in which it asks.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { answerRelay, openRelays, type Relay } from '../../lib/permission/relay.js'
import { until, zagHome } from '../help/run.js'
import { AGENTS } from './agents.js'
import { Desk, processesOf } from './desk.js'

const { claude, codex, gemini, opencode, copilot } = AGENTS
const agents = [claude, codex, gemini, opencode, copilot]
const desk = await Desk.open(t, agents)
process.env.ZAG_HOME = zagHome(desk.zag.home)
const made = (name: string) => existsSync(join(desk.project, name))

/** The one question of a session, once it is asked. */
async function question(session: string): Promise<Relay> {
  await until(() => openRelays({ session }).length === 1, 90_000)
  return openRelays({ session })[0] as Relay
}

for (const agent of agents) {
  const { name } = agent
  t.test(name, async t => {
    await t.test('asked, and approved once', async t => {
      const id = await desk.spawn(agent, `RUN touch approved-${name}`, ['--ask'])
      const relay = await question(id)
      t.match(relay, {
        tool: 'bash',
        tool_kind: 'shell',
        params: { command: `touch approved-${name}` },
        provider: name,
        group: desk.project,
      })
      t.notOk(made(`approved-${name}`))
      t.ok(answerRelay(relay.relay_id, { approved: true, by: 'person' }))
      t.match(await desk.go('wait', [id]), { code: 0 })
      t.match((await desk.go('output', [id])).stdout, /it gave:/)
      t.ok(made(`approved-${name}`))
      t.match(await desk.events(id, ['relay', 'permission', 'tool_result']), [
        { type: 'relay', tool: 'bash', relay_id: relay.relay_id },
        { type: 'permission', granted: true, by: 'person', relay_id: relay.relay_id },
        { type: 'tool_result', success: true },
      ])
      t.match(await desk.summary(id), { status: 'completed', runs: 1 })
      t.same(processesOf(id), [])
    })

    await t.test('denied: the reason reaches the model, and it goes on', async t => {
      const id = await desk.spawn(agent, `RUN touch denied-${name}`, ['--ask'])
      const { relay_id } = await question(id)
      t.match(await desk.go('deny', ['--reason', `the moon is full for ${name}`, relay_id]), { code: 0 })
      t.match(await desk.go('wait', [id]), { code: 0 })
      t.match(desk.latest(), new RegExp(`the moon is full for ${name}`))
      t.notOk(made(`denied-${name}`))
      t.match(await desk.events(id, ['permission']), [{ granted: false, by: 'person', reason: /the moon/ }])
      t.match((await desk.go('output', [id])).stdout, /the moon is full/)
      t.same(processesOf(id), [])
    })

    await t.test('a rule of the session: allowed without a question, and denied with one', async t => {
      const flags = ['--no-ask', '--allow', 'bash(command=touch ruled*)', '--deny', 'bash(command=touch ruled-no*)']
      const { code, stderr, id } = await desk.ask(agent, `RUN touch ruled-${name}`, flags)
      t.match({ code }, { code: 0 }, stderr)
      t.ok(made(`ruled-${name}`))
      t.match(await desk.events(id, ['relay', 'permission']), [{ type: 'permission', granted: true, by: 'rule' }])
      const denied = await desk.ask(agent, `RUN touch ruled-no-${name}`, flags)
      t.match(denied.stdout, /the rule bash\(command=touch ruled-no\*\) refuses it/, denied.stderr)
      t.notOk(made(`ruled-no-${name}`))
    })
  })
}

t.test('an "always" of one session holds for the agents of all vendors', async t => {
  const first = await desk.spawn(claude, 'RUN touch shared-first', ['--ask'])
  const { relay_id } = await question(first)
  t.match(await desk.go('approve', ['--always=bash(command=touch shared-*)', relay_id]), { code: 0 })
  t.match(await desk.go('wait', [first]), { code: 0 })
  for (const agent of agents) {
    // Also one that nobody said anything about: its group has a rule.
    const { code, stderr, id } = await desk.ask(agent, `RUN touch shared-${agent.name}`)
    t.match({ code }, { code: 0 }, stderr)
    t.ok(made(`shared-${agent.name}`), agent.name)
    t.match(await desk.events(id, ['relay', 'permission']), [
      { type: 'permission', granted: true, by: 'rule', rule: 'bash(command=touch shared-*)' },
    ])
  }
})
