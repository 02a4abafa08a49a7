// Every provider there is: the built-in ones, then those of the configuration. A built-in one is loaded when it is asked for.

import { EXIT, Fault, quoted } from '../base/exit.js'
import { nearest } from '../base/name.js'
import type { Config } from '../config/config.js'
import { BUILTIN_PROVIDERS } from '../config/keys.js'
import { configured } from './configured.js'
import type { Provider } from './provider.js'
import { sh } from './sh.js'

/** In the order in which the first that is there is taken. */
const BUILT_IN = new Map<string, () => Promise<Provider>>([
  ['sh', async () => sh],
  ['claude', async () => (await import('./claude.js')).claude],
  ['codex', async () => (await import('./codex.js')).codex],
  ['gemini', async () => (await import('./gemini.js')).gemini],
  ['copilot', async () => (await import('./copilot.js')).copilot],
  ['opencode', async () => (await import('./opencode.js')).opencode],
  ['ollama', async () => (await import('./ollama.js')).ollama],
  ['acp', async () => (await import('./acp.js')).acp],
  ['native', async () => (await import('./native.js')).native],
])

/** All providers, built-in ones first. */
export async function providers(config: Config): Promise<Provider[]> {
  const builtIn = await Promise.all([...BUILT_IN.values()].map(load => load()))
  return [...builtIn, ...namesIn(config).map(name => configuredAs(name, config) as Provider)]
}

/** What agents set for whatever runs inside them. */
export async function enclosing(): Promise<RegExp[]> {
  const builtIn = await Promise.all([...BUILT_IN.values()].map(load => load()))
  return builtIn.flatMap(({ marks }) => marks ?? [])
}

/** The provider of that name. Throws a Fault (127) that names the ones there are. */
export async function providerOf(name: string, config: Config): Promise<Provider> {
  const found = (await BUILT_IN.get(name)?.()) ?? configuredAs(name, config)
  if (found) return found
  const names = [...BUILT_IN.keys(), ...namesIn(config)]
  const [near] = nearest(name, names)
  throw new Fault(
    `no provider ${quoted(name)}: ${near ? `did you mean ${near}?` : `there are ${names.join(', ')}; ${wayOut(name)}`}`,
    EXIT.notFound,
  )
}

function namesIn({ providers }: Config): string[] {
  return Object.keys(providers).filter(name => !BUILTIN_PROVIDERS.has(name))
}

function configuredAs(name: string, { providers }: Config): Provider | undefined {
  const settings = BUILTIN_PROVIDERS.has(name) ? undefined : providers[name]
  return settings && configured(name, settings)
}

/** How to get a provider of that name. */
function wayOut(name: string): string {
  return `add [providers.${/^[a-z][a-z0-9_-]{0,40}$/.test(name) ? name : 'NAME'}] to config.toml`
}
