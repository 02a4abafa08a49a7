// Options as JavaScript gives them: what is none is a Fault (2) that names it.

import t from 'tap'
import type { SpawnOptions } from '../../../lib/library/begin.js'
import { checkSpawn } from '../../../lib/library/check.js'
import { AgentOrchestrator, allow, spawn, spawnEach } from '../../../lib/library/zag.js'

t.test('what is right', async t => {
  t.doesNotThrow(() => {
    checkSpawn({ prompt: 'x', timeout: 0, tag: 'a', deny: ['bash'], env: { A: 'b' }, worktree: true, slots: 1, model: undefined })
    checkSpawn({ prompt: Buffer.from('x'), tag: ['a', 'b'] })
    checkSpawn({ ask: true }, { whole: false })
  })
})

t.test('what is none', async t => {
  const cases: [unknown, RegExp][] = [
    [undefined, /options are an object/],
    ['x', /options are an object/],
    [{}, /'prompt' is missing/],
    [{ prompt: 5 }, /'prompt' is a string or a Buffer, not 5/],
    [{ prompt: 'x', promt: 'y' }, /no option 'promt': did you mean prompt\?/],
    [{ prompt: 'x', timeout: '5m' }, /'timeout' is a number of milliseconds, not '5m'/],
    [{ prompt: 'x', timeout: Number.NaN }, /not NaN/],
    [{ prompt: 'x', timeout: -1 }, /not -1/],
    [{ prompt: 'x', deny: 'bash' }, /'deny' is an array of strings, not 'bash'/],
    [{ prompt: 'x', slots: 0 }, /'slots' is a whole number from 1/],
    [{ prompt: 'x', env: { A: 1 } }, /'env' is an object of strings, not an object/],
    [{ prompt: 'x', ask: 'yes' }, /'ask' is true or false/],
  ]
  for (const [options, message] of cases) {
    t.throws(() => checkSpawn(options), { exit: 2, message })
    await t.rejects(spawn(options as SpawnOptions), { exit: 2, message })
  }
  await t.rejects(spawnEach([{ prompt: 'x' }], { slots: 0 }), { exit: 2, message: /slots is a whole number/ })
  t.throws(() => new AgentOrchestrator({ provder: 'sh' } as object), { exit: 2, message: /did you mean provider/ })
})

t.test('an orchestrator', async t => {
  process.env.ZAG_HOME = t.testdir()
  const zag = new AgentOrchestrator({ provider: 'sh' })
  await t.rejects(zag.kill('no-such-agent'), { exit: 3, message: /no agent 'no-such-agent'/ })
  t.throws(() => zag.resolveRelay('x', { approved: 'no' as unknown as boolean }), { exit: 2, message: /true or false/ })
  t.equal(zag.resolveRelay('x', { approved: true }), false)
  await zag.cleanup()
  await t.rejects(zag.spawn({ prompt: 'x' }), { exit: 4, message: /cleaned up/ })
  for await (const _ of zag.events()) t.fail('it has no agents')
})

t.test('rules are named as the vocabulary has them', async t => {
  process.env.ZAG_HOME = t.testdir()
  await t.rejects(allow.add({ rules: 'Bash(command=rm *)', kind: 'never', group: 'g' }), {
    exit: 2,
    message: /no tool is called 'Bash' here: did you mean bash\?/,
  })
  await t.rejects(allow.add({ rules: 'bash(command=a; b)', group: 'g' }), { exit: 2, message: /can never fit/ })
})
