// The models of an Ollama server. It has no agent program, only an HTTP API: what is started is one of zag's own, ollama-agent.ts,
// which talks to the server and reports as lines of zag-log(5). It answers and has no tools, so there is nothing to approve.
//
// Sources: docs.ollama.com, and Ollama's envconfig for what OLLAMA_HOST may be.

import { join } from 'node:path'
import { usage } from '../base/exit.js'
import { distribution } from '../base/paths.js'
import { findProgram } from '../process/program.js'
import { type Account, judged } from './account.js'
import { textOf } from './fields.js'
import { ndjsonReader } from './ndjson.js'
import { type Found, type Limit, type Provider, type Reader, STALL, type Task } from './provider.js'

/** What ollama-agent.ts is told by a file. */
export interface Settings {
  /** The conversation that its answer belongs to. */
  session: string
  model: string
  system?: string
  /** It goes on with what was said so far. */
  resumed: boolean
}

export const ollama: Provider = {
  name: 'ollama',
  does: 'a model of an Ollama server, which answers and has no tools',
  prompt: 'text',
  can: new Set(['model', 'system_prompt', 'auto_approve', 'resume']),
  stall: STALL,
  find,
  ask: async path => ({ path, version: await version() }),
  check({ model }) {
    // The server has no default, and the first of its models may be one that cannot talk.
    if (!model) throw usage("ollama needs a model: give --model, or set 'model' in config.toml; 'ollama list' shows those that are there")
  },
  ownConversation: true,
  launch: task => ({
    argv: [process.execPath, join(distribution(), 'lib', 'zag-ollama.js'), task.keep('ollama.json', JSON.stringify(settingsOf(task)))],
    stdin: task.promptFile,
  }),
  reader,
}

function settingsOf({ session, model = '', flags, resumed }: Task): Settings {
  return { session, model, system: flags.systemPrompt, resumed }
}

/** By a look at files alone: that a server is there is seen when it is asked something. */
function find(): Found {
  const { path } = findProgram('ollama', process.env.PATH)
  if (path) return { path }
  if (process.env.OLLAMA_HOST) return { path: serverOf(process.env) }
  return {
    why: "'ollama' was not found, and OLLAMA_HOST is not set",
    install: 'install it from ollama.com, or set OLLAMA_HOST to a server',
  }
}

async function version(): Promise<string | undefined> {
  try {
    const answer = await fetch(`${serverOf(process.env)}/api/version`, { signal: AbortSignal.timeout(2_000) })
    return textOf(((await answer.json()) as { version?: unknown } | null)?.version)
  } catch {
    // It does not run at the moment, or is something else.
    return undefined
  }
}

/** The address of the server as Ollama's own programs take it: a host, with a port, a scheme and a path if need be. */
export function serverOf({ OLLAMA_HOST = '' }: NodeJS.ProcessEnv): string {
  const set = OLLAMA_HOST.trim().replace(/^(["'])(.*)\1$/, '$2')
  if (set === 'ollama.com') return 'https://ollama.com:443'
  const [, scheme = 'http', rest = ''] = /^(?:([^:/]+):\/\/)?(.*)$/.exec(set) ?? []
  const [place = '', ...path] = rest.split('/')
  const { host, port } = placeOf(place)
  const usual = set.includes('://') ? (scheme === 'https' ? '443' : '80') : '11434'
  const number = /^\d+$/.test(port) && Number(port) <= 65_535 ? String(Number(port)) : usual
  const below = path.filter(part => part !== '').map(part => `/${part}`)
  return `${scheme}://${reachable(host)}:${number}${below.join('')}`
}

/** An address of version 6 is in brackets, unless it stands alone. */
function placeOf(place: string): { host: string; port: string } {
  const [, bracketed, named, port = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::([^:]*))?$/.exec(place) ?? []
  if (bracketed === undefined && named === undefined) return { host: `[${place}]`, port: '' }
  return { host: bracketed === undefined ? (named ?? '') : `[${bracketed}]`, port }
}

/** A server that listens everywhere is asked here. */
function reachable(host: string): string {
  if (host === '' || host === '0.0.0.0') return '127.0.0.1'
  return /^\[[0:]+\]$/.test(host) ? '[::1]' : host
}

/** Its last line says how the turn ended. */
function reader(): Reader {
  const lines = ndjsonReader()
  const account: Account = {}
  return {
    each: true,
    out(all) {
      const events = lines.out(all)
      for (const event of events) {
        if (event.type !== 'turn_ended') continue
        const { success, error, limit } = event as typeof event & { limit?: Limit }
        Object.assign(account, { success: success === true, error, limit })
      }
      return events
    },
    get through() {
      return account.success !== undefined
    },
    verdict(exit) {
      const { result, conversation } = lines.verdict(exit)
      return judged({ ...account, ...(typeof result === 'string' ? { result } : {}), conversation }, exit)
    },
  }
}
