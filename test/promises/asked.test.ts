// What agents cannot be asked, whichever it is and however it is asked: told at once, and no session is made or run for it.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const bin = join(zag.home, 'bin')
mkdirSync(bin)
const AGENTS = ['claude', 'codex', 'gemini', 'copilot', 'opencode', 'ollama', 'acp']
for (const name of AGENTS) {
  writeFileSync(join(bin, name), '#!/bin/sh\nexit 1\n')
  chmodSync(join(bin, name), 0o755)
}
const env = { PATH: `${bin}:${process.env.PATH}` }
const flagsOf = (name: string) => ['-p', name, ...(name === 'acp' ? ['--agent', 'acp'] : name === 'ollama' ? ['-m', 'm'] : [])]
const no = Buffer.from([0x61, 0xff, 0x0a])

t.test('bytes that are no UTF-8: refused by all agents that read text, and none of the business of others', async t => {
  for (const name of AGENTS) {
    const ended = await zag.go('exec', [...flagsOf(name), '-'], { env, input: no })
    t.match(ended, { code: 2, stdout: '', stderr: `the prompt is no UTF-8, and '${name}' takes nothing else` }, name)
  }
  t.same(zag.ids(), [])
  zag.configure('[providers.bytes]\ncommand = ["od", "-An", "-tx1"]\n')
  t.match(await zag.go('exec', ['-p', 'bytes', '-'], { input: no }), { code: 0, stdout: / 61 ff 0a/ })
  t.match(await zag.go('exec', ['-p', 'sh', '-'], { input: Buffer.concat([Buffer.from('printf %s '), no]) }), { code: 0 })
})

t.test('a message of such bytes', async t => {
  const { stdout } = await zag.go('exec', ['-p', 'claude', '-o', 'json', 'x'], { env })
  const id = String(rows(stdout)[0]?.session_id)
  t.match(await zag.go('input', ['--session', id, '-'], { env, input: no }), { code: 2, stderr: /the prompt is no UTF-8/ })
})

t.test('a model that would be an option', async t => {
  const before = zag.ids()
  zag.configure('[providers.own]\ncommand = ["echo", "{model}"]\n')
  // Of a flag that is given twice zag says so itself.
  for (const name of [...AGENTS.filter(name => name !== 'ollama'), 'own']) {
    const ended = await zag.go('exec', [...flagsOf(name), '--model=--help', 'x'], { env })
    t.match(ended, { code: 2, stdout: '', stderr: /--model '--help' would be an option of the agent/ }, name)
  }
  t.match(await zag.go('exec', ['-p', 'codex', 'x'], { env: { ...env, ZAG_MODEL: '-c' } }), { code: 2, stderr: /would be an option/ })
  t.same(zag.ids(), before)
})

t.test('--agent with a quote that is never closed', async t => {
  for (const agent of [`'acp`, `acp "a b`, `acp it's`])
    t.match(
      await zag.go('exec', ['-p', 'acp', '--agent', agent, 'x'], { env }),
      { code: 2, stderr: /a quote is opened and never closed/ },
      agent,
    )
})

t.test('results put before it that make it too long: the run fails, and no agent is started', async t => {
  const long = await zag.spawn('head -c 1200000 /dev/zero | tr "\\0" x')
  const args = ['-p', 'codex', '--depends-on', long, '--inject-context', '--context-bytes', '1200000', 'x']
  const { stdout } = await zag.go('spawn', args, { env })
  t.match(await zag.go('wait', [stdout.trim()]), { code: 1, stdout: /\tfailed\t/ })
  const [row] = rows((await zag.go('status', ['--json', stdout.trim()])).stdout)
  t.match(row, { error: /the prompt has \d+ characters, and codex takes 1048576 at most/ })
})

t.test('-I: a message that cannot be told fails alone', async t => {
  zag.configure('[providers.word]\ncommand = ["printf", "%.5s", "{prompt}"]\n')
  const id = (await zag.go('spawn', ['-p', 'word', '-I', '--context-bytes', '200000', '-'], { input: 'x'.repeat(100_000) })).stdout.trim()
  const said = (text: string, ...flags: string[]) => zag.go('input', ['--session', id, ...flags, '-'], { input: text })
  t.match(await said('y'.repeat(100_000)), { code: 1, stdout: '', stderr: /too many for one word of a command/ })
  t.match(await said('z'), { code: 0 })
  t.match(await zag.go('status', [id]), { stdout: /running|idle/ })
  t.match(await zag.go('input', ['--session', id, '--end']), { code: 0 })
  t.match(await zag.go('wait', [id]), { code: 0 })
})
