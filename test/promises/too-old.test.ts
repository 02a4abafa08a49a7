// Agents of a version that zag does not know any more: told before a session is made where files say so, and where only the program
// does, by the list of providers and by the failure of a run.

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const bin = join(zag.home, 'bin')
mkdirSync(bin)
const env = { PATH: `${bin}:${process.env.PATH}` }

/** A program that says its version and knows none of the flags. */
function old(name: string, version: string): void {
  const script = `#!/bin/sh\n[ "$1" = --version ] && { echo '${version}.'; exit; }\necho "error: unknown option '$1'" >&2\nexit 1\n`
  writeFileSync(join(bin, name), script)
  chmodSync(join(bin, name), 0o755)
}

const CASES = [
  { name: 'claude', has: '1.0.5', least: '2.1.0', install: '@anthropic-ai/claude-code@latest' },
  { name: 'codex', has: '0.50.0', least: '0.100.0', install: '@openai/codex@latest' },
  { name: 'gemini', has: '0.9.1', least: '0.40.0', install: '@google/gemini-cli@latest' },
  { name: 'copilot', has: '1.0.2', least: '1.0.89', install: '@github/copilot@latest' },
  { name: 'opencode', has: '1.2.0', least: '1.18.0', install: 'opencode-ai@latest' },
]
for (const { name, has } of CASES) old(name, `the ${name} ${has}`)

t.test('zag providers: no, with the version that is needed and the way to it', async t => {
  const listed = rows((await zag.go('providers', ['--json'], { env })).stdout)
  for (const { name, has, least, install } of CASES) {
    const why = `'${join(bin, name)}' is version ${has}, and ${least} or later is needed`
    t.match(
      listed.find(({ provider }) => provider === name),
      { usable: false, why, install: `npm install -g ${install}` },
    )
  }
})

t.test('a run that fails names the version that there is and the one that is needed', async t => {
  for (const { name, has, least } of CASES) {
    const { code, stderr } = await zag.go('exec', ['-p', name, 'x'], { env })
    t.match({ code, stderr }, { code: 1, stderr: `is version ${has}, and ${least} or later is needed: npm install -g` }, name)
  }
})

t.test('-I: it is over at once, and says why', async t => {
  for (const { name, has, least } of CASES) {
    const id = (await zag.go('spawn', ['-p', name, '-I', 'x'], { env })).stdout.trim()
    t.match(await zag.go('wait', [id]), { code: 1, stdout: /\tfailed\t/ }, name)
    const [ended] = rows(readFileSync(zag.file(id, 'log.ndjson'), 'utf8')).filter(({ type }) => type === 'session_ended')
    t.match(ended, { status: 'failed', reason: 'start', error: `is version ${has}, and ${least} or later is needed` })
  }
})

t.test('where its package.json tells, no session is made', async t => {
  const before = zag.ids()
  writeFileSync(join(bin, 'package.json'), JSON.stringify({ name: '@openai/codex', version: '0.99.0' }))
  const why = `'${join(bin, 'codex')}' is version 0.99.0, and 0.100.0 or later is needed: npm install -g @openai/codex@latest\n`
  for (const word of ['exec', 'spawn']) t.match(await zag.go(word, ['-p', 'codex', 'x'], { env }), { code: 127, stdout: '', stderr: why })
  t.same(zag.ids(), before)
})
