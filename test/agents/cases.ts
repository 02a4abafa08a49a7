// Runs all cases for one agent, one after the other: what they leave in its home is what a user would have there.
//
// ONLY in the environment is a part of the names of those to run.

import t from 'tap'
import type { Agent } from './agents.js'
import { ANSWERS } from './answers.js'
import { Desk } from './desk.js'
import { ENDS } from './ends.js'
import { LIVE } from './live.js'

export async function runCases(agent: Agent): Promise<void> {
  const desk = await Desk.open(t, [agent])
  desk.zag.configure('[limits]\nfallback = "2s"\n')
  for (const [name, run] of Object.entries({ ...ANSWERS, ...ENDS, ...(agent.live ? LIVE : {}) })) {
    if (name.includes(process.env.ONLY ?? '')) t.test(name, t => run(t, desk, agent))
  }
  t.test('nothing was asked that the server does not know', async t => {
    const unknown = desk.models.requests.filter(({ talk, status, method }) => !talk && status === 404 && method !== 'HEAD')
    t.same(
      unknown.map(({ method, path }) => `${method} ${path}`),
      [],
    )
  })
}
