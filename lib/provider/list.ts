// Every provider there is: the built-in ones, then those of the configuration.

import { EXIT, Fault, quoted } from '../base/exit.js'
import { nearest } from '../base/name.js'
import type { Config } from '../config/config.js'
import { BUILTIN_PROVIDERS } from '../config/keys.js'
import { configured } from './configured.js'
import type { Provider } from './provider.js'
import { sh } from './sh.js'

const BUILT_IN: readonly Provider[] = [sh]

/** All providers, built-in ones first. */
export function providers(config: Config): Provider[] {
  const others = Object.entries(config.providers).filter(([name]) => !BUILTIN_PROVIDERS.has(name))
  return [...BUILT_IN, ...others.map(([name, settings]) => configured(name, settings))]
}

/** The provider of that name. Throws a Fault (127) that names the ones there are. */
export function providerOf(name: string, config: Config): Provider {
  const all = providers(config)
  const found = all.find(provider => provider.name === name)
  if (found) return found
  const names = all.map(provider => provider.name)
  const [near] = nearest(name, names)
  throw new Fault(
    `no provider ${quoted(name)}: ${near ? `did you mean ${near}?` : `there are ${names.join(', ')}; ${wayOut(name)}`}`,
    EXIT.notFound,
  )
}

/** How to get a provider of that name. Names of agents that zag will bring itself are kept free for it. */
function wayOut(name: string): string {
  if (BUILTIN_PROVIDERS.has(name)) return `this release does not bring it: add it to config.toml by another name, as [providers.my-${name}]`
  return `add [providers.${/^[a-z][a-z0-9_-]{0,40}$/.test(name) ? name : 'NAME'}] to config.toml`
}
