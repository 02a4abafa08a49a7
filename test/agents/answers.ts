// What every agent is to do when all is well: one list for all of them.
//
// What the model says is in the prompts (test/help/model/script.ts); what is compared is what a user sees.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { INPUT, USED } from '../help/model/talk.js'
import type { Agent } from './agents.js'
import type { Desk } from './desk.js'

/** A case: what it is, and how it is tried. */
export type Cases = Record<string, (t: Test, desk: Desk, agent: Agent) => Promise<void>>

const SHOWN = ['user_message', 'assistant_message', 'tool_call', 'tool_result', 'session_ended']

/** What answers are said to have used, when there were so many. */
async function used(t: Test, desk: Desk, { cost, cached }: Agent, id: string, answers: number): Promise<void> {
  const { usage, cost_usd } = await desk.summary(id)
  t.match(usage, { input_tokens: answers * (cached ? USED.input : INPUT), output_tokens: answers * USED.output }, 'what it used')
  if (cached) t.match(usage, { cache_read_tokens: answers * USED.cached }, 'what it had from a cache')
  if (cost) t.ok(Number(cost_usd) > 0, 'what it cost')
}

export const ANSWERS: Cases = {
  async 'a text'(t, desk, agent) {
    const { code, stdout, stderr, id } = await desk.ask(agent, 'SAY hello there')
    t.match({ code, stdout }, { code: 0, stdout: /^hello there\n?$/ }, stderr)
    t.match((await desk.go('output', [id])).stdout, /^hello there\n?$/)
    t.same(await desk.kinds(id, SHOWN), ['user_message', 'assistant_message', 'session_ended'])
    await used(t, desk, agent, id, 1)
  },

  async 'a call of a tool'(t, desk, agent) {
    if (agent.toolless) return void t.plan(0, 'it has no tools')
    const { code, stdout, stderr, id } = await desk.ask(agent, 'RUN expr 40 + 2 | sed s,^,made-, | tee made.txt', ['-a'])
    t.match({ code, stdout }, { code: 0, stdout: /it gave: .*made-42/s }, stderr)
    t.equal(readFileSync(join(desk.project, 'made.txt'), 'utf8'), 'made-42\n')
    const around = (inside: string[]) => ['user_message', 'assistant_message', ...inside, 'assistant_message', 'session_ended']
    t.same(await desk.kinds(id, SHOWN), around(['tool_call', 'tool_result']))
    const [call, result] = await desk.events(id, ['tool_call', 'tool_result'])
    t.match(call, { tool: String, tool_kind: 'shell', tool_id: String })
    t.match(JSON.stringify(call?.input), /tee made\.txt/)
    t.match(result, { tool: call?.tool, tool_kind: 'shell', tool_id: call?.tool_id, success: true })
    t.match(JSON.stringify(result?.output), /made-42/)
    t.match((await desk.summary(id)).tools, [{ tool_kind: 'shell', calls: 1, failed: 0 }])
    await used(t, desk, agent, id, 2)
  },

  async 'a plan changes nothing'(t, desk, agent) {
    if (agent.toolless) return void t.plan(0, 'it has no tools')
    const { id } = await desk.ask(agent, 'RUN touch planned', ['--plan', '-a'])
    t.equal((await desk.events(id, ['session_ended'])).length, 1)
    t.notOk(existsSync(join(desk.project, 'planned')))
  },

  async 'two at once go on with their own conversations after their ends'(t, desk, agent) {
    const both = await Promise.all(['SAY I am one', 'SAY I am two'].map(prompt => desk.spawn(agent, prompt)))
    t.match(await desk.go('wait', both), { code: 0 })
    const recalled = await Promise.all(both.map(id => desk.go('input', ['--session', id, 'RECALL'])))
    t.match(recalled, [
      { code: 0, stdout: /^first you said: SAY I am one\n?$/ },
      { code: 0, stdout: /^first you said: SAY I am two\n?$/ },
    ])
    for (const id of both) {
      t.match(await desk.summary(id), { status: 'completed', turns: 2 })
      await used(t, desk, agent, id, 2)
    }
  },

  async 'a prompt of 300 KB'(t, desk, agent) {
    const prompt = `SIZE\n${'all of this line has to arrive, ąnd so do its neighbours\n'.repeat(5_200)}the end`
    const { code, stdout, stderr } = await desk.ask(agent, prompt)
    t.match({ code, stdout: stdout.trim() }, { code: 0, stdout: `${prompt.length} characters` }, stderr)
  },

  async 'one of its kind from within'(t, desk, agent) {
    if (agent.toolless) return void t.plan(0, 'it has no tools')
    const { code, stdout, stderr } = await desk.ask(agent, `RUN . ~/.profile; zag-exec -p ${agent.name} 'SAY from within'`, ['-a'])
    t.match({ code, stdout }, { code: 0, stdout: /it gave: .*from within/s }, stderr)
    const [outer, inner] = desk.zag.ids().slice(-2) as [string, string]
    t.equal((await desk.go('output', [inner])).stdout.trim(), 'from within')
    t.match((await desk.go('ps', ['--all', '--json', '--parent', outer])).stdout, inner)
  },
}
