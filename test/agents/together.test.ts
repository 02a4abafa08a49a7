// Agents of several vendors in one home: a fan-out that is gathered by one program, and the same events from all. And several copies of
// one where each makes what the others want to make as well.

import t from 'tap'
import { AGENTS } from './agents.js'
import { Desk } from './desk.js'

const agents = [AGENTS.claude, AGENTS.codex, AGENTS.gemini, AGENTS.opencode]
const desk = await Desk.open(t, agents)

t.test('a fan-out over four vendors, gathered by one collect', async t => {
  // Two at a time: the largest of them takes more than a gigabyte.
  const flags = ['--tag', 'together', '--slots', '2']
  const ids: string[] = []
  for (const agent of agents) ids.push(await desk.spawn(agent, `SAY I am ${agent.name}`, flags))
  t.match(await desk.go('wait', ['--tag', 'together']), { code: 0 })
  const { code, stdout } = await desk.go('collect', ['--json', '--tag', 'together'])
  t.equal(code, 0)
  t.match(
    JSON.parse(stdout),
    agents.map(({ name }, at) => ({ session_id: ids[at], provider: name, status: 'completed', result: new RegExp(`^I am ${name}\n?$`) })),
  )
  const told = await Promise.all(ids.map(id => desk.kinds(id, ['user_message', 'assistant_message', 'session_ended'])))
  for (const kinds of told) t.same(kinds, told[0], 'the same events')
})

for (const agent of [...agents, AGENTS.copilot]) {
  t.test(`${agent.name}: four at once where it never ran before`, async t => {
    const desk = await Desk.open(t, [agent])
    const ids = await Promise.all([1, 2, 3, 4].map(n => desk.spawn(agent, `SAY I am ${n}`)))
    t.match(await desk.go('wait', ids), { code: 0 })
    const said = await Promise.all(ids.map(async id => (await desk.go('output', [id])).stdout.trim()))
    t.same(said, ['I am 1', 'I am 2', 'I am 3', 'I am 4'])
  })
}
