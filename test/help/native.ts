// A project, a model that answers by a script, and zag's own agent between them.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { serveModels } from './model/server.js'
import { repository } from './repository.js'
import { rows, Zag } from './sessions.js'

/** That of the endpoint. */
export const KEY = 'sk-none-of-your-business'
/** The ways of speaking that the agent knows. */
export const APIS = ['openai', 'anthropic'] as const
const PRICES = 'attempts = 2\ninput_price = 2\noutput_price = 10\ncache_read_price = 0.5'

/** A line of a prompt that makes the model call a tool. */
export const call = (tool: string, fields: object) => `CALL ${tool} ${JSON.stringify(fields)}`
export const patch = (...lines: string[]) => call('patch', { patch: ['*** Begin Patch', ...lines, '*** End Patch'].join('\n') })

export async function scene(t: Pick<Test, 'testdir' | 'teardown'>) {
  const server = await serveModels()
  t.teardown(() => server.close())
  const zag = new Zag(t)
  const project = repository(join(zag.home, 'project'), { 'README.md': 'one\ntwo\nthree\n' }).top
  const env = { OPENAI_API_KEY: KEY, ANTHROPIC_API_KEY: KEY }
  const flagsOf = (flags: readonly string[], prompt: string) => ['-p', 'native', '-r', project, ...flags, prompt]
  const events = (id: string) => (existsSync(zag.file(id, 'log.ndjson')) ? rows(readFileSync(zag.file(id, 'log.ndjson'), 'utf8')) : [])
  const of = (id: string, ...types: string[]) => events(id).filter(({ type }) => types.includes(String(type)))
  return {
    server,
    zag,
    project,
    env,
    events,
    of,
    configure: (api: (typeof APIS)[number]) =>
      zag.configure(`[providers.native]\napi = "${api}"\nbase_url = "${server.url}/v1"\nmodel = "m1"\n${PRICES}\n`),
    /** Runs it in the foreground; its id comes with its end. */
    async exec(prompt: string, flags: readonly string[] = ['-a']) {
      const before = new Set(zag.ids())
      const ended = await zag.go('exec', flagsOf(flags, prompt), { env })
      // Its children come after it.
      return { ...ended, id: zag.ids().find(id => !before.has(id)) ?? '' }
    },
    async spawn(prompt: string, flags: readonly string[] = ['-a']): Promise<string> {
      const { stdout, stderr, code } = await zag.go('spawn', flagsOf(flags, prompt), { env })
      if (code !== 0) throw new Error(`zag-spawn: ${code}: ${stderr}`)
      return stdout.trim()
    },
    input: (id: string, text: string, ...flags: string[]) => zag.go('input', ['--session', id, ...flags, text], { env }),
    /** What beside the conversation the log tells. */
    told: (id: string) => of(id, 'provider_status').map(({ message }) => String(message)),
    /** The questions that the model got. */
    asked: () => server.requests.filter(({ talk }) => talk !== undefined),
  }
}
