// A conversation goes on, whatever became of the process that held it or of the one that watched: by the agent's own id of it where
// that was told, else by what was said so far.

import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { until } from '../help/run.js'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const env = { PATH: `${zag.home}:${process.env.PATH}` }
const ID = '0199a213-81c0-7800-8aa1-bbab2a035a53'

/** What each agent prints when it tells its id, and the words that lead it back. */
const AGENTS = {
  claude: { tells: `{"type":"system","subtype":"init","session_id":"${ID}"}`, back: `--resume ${ID}` },
  codex: { tells: `{"type":"thread.started","thread_id":"${ID}"}`, back: `resume ${ID}` },
  gemini: { tells: `{"type":"init","session_id":"${ID}"}`, back: `--resume ${ID}` },
  opencode: { tells: '{"type":"step_start","sessionID":"ses_1"}', back: '--session ses_1' },
}

/** An agent that keeps its words and its prompt, prints a line, and goes on for ever. */
function agent(name: string, tells: string): void {
  const script = `echo "$*" >"$HOME/${name}.argv"; cat >"$HOME/${name}.prompt"; echo '${tells}'; touch "$HOME/${name}.$ZAG_PROCESS_ID"; exec sleep 300`
  writeFileSync(join(zag.home, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(zag.home, name), 0o755)
}

const there = (name: string) => () => {
  try {
    return readFileSync(join(zag.home, name), 'utf8') !== undefined
  } catch {
    return false
  }
}
const kept = (name: string, what: string) => readFileSync(join(zag.home, `${name}.${what}`), 'utf8')

/** Kills the runner of a first run in mid-turn, lets somebody find that, and sends a message; the session's id. */
async function killedAndTold(name: string): Promise<string> {
  const id = (await zag.go('spawn', ['-p', name, 'the word is pelican'], { env })).stdout.trim()
  await until(there(`${name}.${id}.1`))
  const [row] = rows((await zag.go('status', ['--json', id])).stdout)
  process.kill(row?.runner_pid as number, 'SIGKILL')
  t.match(await zag.go('wait', [id]), { code: 1 })
  await zag.go('input', ['--session', id, '-b', 'which word?'], { env })
  await until(there(`${name}.${id}.2`))
  await zag.go('cancel', [id])
  return id
}

for (const [name, { tells, back }] of Object.entries(AGENTS)) {
  t.test(`${name}: a run whose runner was killed is gone on with`, async t => {
    agent(name, tells)
    await killedAndTold(name)
    t.match(kept(name, 'argv'), back)
    t.equal(kept(name, 'prompt'), 'which word?')
  })

  t.test(`${name}: killed before it told its id, it is told what was said so far`, async t => {
    agent(name, '{"type":"other"}')
    await killedAndTold(name)
    t.notMatch(kept(name, 'argv'), back)
    t.match(kept(name, 'prompt'), /<conversation-message role="user" from="prompt">\s*the word is pelican[\s\S]*which word\?$/)
  })
}

t.test('copilot, whose id is chosen for it, goes on with that', async t => {
  agent('copilot', '{"type":"other"}')
  const id = await killedAndTold('copilot')
  t.match(kept('copilot', 'argv'), `--session-id ${id}`)
  t.equal(kept('copilot', 'prompt'), 'which word?')
})
