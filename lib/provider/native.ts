// zag's own agent: a loop over the endpoint of a model, with tools of its own. Its program is lib/native/main.ts, which speaks the
// Agent Client Protocol; here is how it is started, and what has to be configured for it.

import { join } from 'node:path'
import { quoted, usage } from '../base/exit.js'
import { distribution } from '../base/paths.js'
import { loadConfig, type NativeConfig, nativeIn } from '../config/config.js'
import { acpReader } from './acp-reader.js'
import { acpDriver } from './acp-talk.js'
import { type Asked, type Found, type Provider, STALL, type Start, type Task } from './provider.js'

/** What lib/native/main.ts is told by a file; the rest it takes from the configuration. */
export interface Settings {
  session: string
  /** The top of the tree it works in. */
  root: string
  model?: string
  system?: string
  baseUrl?: string
  /** Folders beside the project that it may work in. */
  folders: string[]
  maxTurns?: number
  /** What its commands left in the background stays when it goes. */
  keepChildren: boolean
}

/** Where a model is, and whose key opens it. */
export interface Endpoint {
  api: 'openai' | 'anthropic'
  url: string
  /** The variable that has the key. */
  keyName: string
}

const USUAL = {
  openai: { url: 'https://api.openai.com/v1', keyName: 'OPENAI_API_KEY' },
  anthropic: { url: 'https://api.anthropic.com/v1', keyName: 'ANTHROPIC_API_KEY' },
} as const

export const native: Provider = {
  name: 'native',
  does: "zag's own agent over any endpoint of a model that speaks as OpenAI or Anthropic do",
  prompt: 'text',
  can: new Set(['model', 'system_prompt', 'add_dir', 'max_turns', 'auto_approve', 'resume', 'cost', 'base_url']),
  stall: STALL,
  named: true,
  find,
  model: config => nativeIn(config).model,
  check({ model, flags }) {
    if (flags.baseUrl !== undefined) checkUrl(flags.baseUrl)
    if (!model) throw usage("provider 'native' needs a model: give --model, or set model in [providers.native] of config.toml")
  },
  launch: task => ({ ...start(task), stdin: task.promptFile }),
  reader: past => acpReader(past),
  live: {
    only: true,
    start,
    reader: past => acpReader(past),
    driver: (task, wire) => acpDriver(task, wire, { modelByArgv: true, serversByConfig: true, reasons: true }),
  },
}

function start(task: Task): Start {
  const settings = task.keep('native.json', JSON.stringify(settingsOf(task)))
  return { argv: [process.execPath, join(distribution(), 'lib', 'zag-native.js'), settings] }
}

function settingsOf({ session, root, model, flags }: Task): Settings {
  const { systemPrompt, baseUrl, addDir = [], maxTurns, keepChildren } = flags
  return { session, root, model, system: systemPrompt, baseUrl, folders: addDir, maxTurns, keepChildren: keepChildren === true }
}

/** It needs an endpoint, or a key for the usual one. Throws usage for an address that is none. */
async function find({ baseUrl, env = [] }: Asked = {}): Promise<Found> {
  if (baseUrl !== undefined) checkUrl(baseUrl)
  const { api, url, keyName } = endpointOf(nativeIn(await loadConfig()), baseUrl)
  const hasKey = process.env[keyName] || env.some(word => word.startsWith(`${keyName}=`))
  // A server of one's own needs no key, and says so if it does.
  if (hasKey || url !== USUAL[api].url) return { path: shown(url) }
  return {
    why: `${keyName} is not set, and no endpoint is named`,
    install: `set ${keyName} to a key for ${url}; or name an endpoint by --base-url, or by base_url in [providers.native] of config.toml`,
  }
}

/** The endpoint that is configured, or the one of a flag in its place. */
export function endpointOf(settings: NativeConfig, baseUrl?: string): Endpoint {
  const api = settings.api ?? 'openai'
  const url = (baseUrl ?? settings.base_url ?? USUAL[api].url).replace(/\/+$/, '')
  return { api, url, keyName: settings.key_env ?? USUAL[api].keyName }
}

function checkUrl(text: string): void {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw usage(`--base-url ${quoted(text)} is no address: give one such as http://127.0.0.1:8080/v1`)
}

/** An address without a name and a password in it. */
export function shown(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname.replace(/\/$/, '')}`
}
