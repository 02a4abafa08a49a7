// A configured provider: words replaced whole, and what cannot be a word refused.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Config } from '../../../lib/config/config.js'
import { configured } from '../../../lib/provider/configured.js'
import { providerOf, providers } from '../../../lib/provider/list.js'

const folder = t.testdir({ prompt: 'the $(prompt)' })
const task = {
  session: 'ID',
  run: 1,
  root: '/root dir',
  cwd: '/',
  model: 'm',
  promptFile: join(folder, 'prompt'),
  flags: {},
  resumed: false,
  env: {},
  keep: () => '',
  kept: () => undefined,
}
const launch = (command: [string, ...string[]], more = {}) => configured('x', { command, env: {} }).launch({ ...task, ...more })
const check = (command: [string, ...string[]], prompt: Buffer) => configured('x', { command, env: {} }).check?.({ prompt, flags: {} })

t.test('words', async t => {
  t.match(launch(['a', '{prompt}', '{prompt_file}', '{model}', '{root}', '{session}', 'x{root}', '{other}']), {
    argv: ['a', 'the $(prompt)', task.promptFile, 'm', '/root dir', 'ID', 'x{root}', '{other}'],
    stdin: '/dev/null',
  })
  t.equal(launch(['a', '{prompt_file}']).stdin, '/dev/null')
  t.equal(launch(['a']).stdin, task.promptFile)
  t.throws(() => check(['a', '{model}'], Buffer.from('x')), { exit: 2, message: /provider 'x' needs a model/ })
})

t.test('resume: an argv of its own for what the agent was told before', async t => {
  const provider = configured('x', { command: ['a'], resume: ['b', '{session}', '{prompt}'], env: {} })
  t.ok(provider.can.has('resume'))
  t.match(provider.launch({ ...task }), { argv: ['a'], stdin: task.promptFile })
  t.match(provider.launch({ ...task, resumed: true }), { argv: ['b', 'ID', 'the $(prompt)'], stdin: '/dev/null' })
  t.match(provider.launch({ ...task, resumed: true, conversation: 'own' }).argv, ['b', 'own', 'the $(prompt)'])
  t.match(launch(['a', '{session}'], { resumed: true, conversation: 'own' }).argv, ['a', 'own'])
  t.throws(() => provider.check?.({ prompt: Buffer.alloc(128 * 1024), flags: {} }), { exit: 2, message: /too many/ })
})

t.test('a prompt that can be no word', async t => {
  writeFileSync(join(folder, 'most'), 'x'.repeat(128 * 1024 - 1))
  t.equal(launch(['a', '{prompt}'], { promptFile: join(folder, 'most') }).argv[1]?.length, 131_071)
  const more = Buffer.alloc(128 * 1024, 'x')
  t.throws(() => check(['a', '{prompt}'], more), { exit: 2, message: /has 131072 bytes, too many/ })
  t.throws(() => check(['a', '{prompt}'], Buffer.from('a\0b')), { exit: 2, message: /NUL byte/ })
  check(['a', '{prompt}'], more.subarray(1))
  check(['a', '{prompt_file}'], more)
})

t.test('what it can, and whether it is there', async t => {
  t.same([...configured('x', { command: ['a'], env: {} }).can], [])
  t.same([...configured('x', { command: ['a', '{model}'], env: {} }).can], ['model'])
  t.match(await configured('x', { command: ['no-such-program'], env: {} }).find(), {
    why: "'no-such-program' was not found",
    install: /\[providers\.x\] command/,
  })
  t.match(await configured('x', { command: [task.promptFile], env: {} }).find(), { why: /may not be executed/, denied: true })
  t.match(await configured('x', { command: ['/bin/sh'], env: {} }).find(), { path: '/bin/sh' })
})

t.test('the list', async t => {
  const config = { providers: { mine: { command: ['a'], env: {} } }, models: {}, listen: {} } as unknown as Config
  const names = (await providers(config)).map(({ name }) => name)
  t.match(names, { 0: 'sh', [names.length - 1]: 'mine' }, 'those of the configuration come after those that zag has')
  t.equal((await providerOf('mine', config)).name, 'mine')
  await t.rejects(providerOf('mime', config), { exit: 127, message: "no provider 'mime': did you mean mine?" })
  await t.rejects(providerOf('Other One', config), {
    exit: 127,
    message: /there are sh, .*mine; add \[providers\.NAME\] to config\.toml/,
  })
})
