// Which providers can be used on this machine, and why the others cannot.

import type { Config } from '../config/config.js'
import { providers } from './list.js'
import type { Feature } from './provider.js'

export interface Surveyed {
  provider: string
  does: string
  usable: boolean
  path?: string
  version?: string
  can: Feature[]
  why?: string
  install?: string
}

/** A row for each provider there is. */
export async function survey(config: Config): Promise<Surveyed[]> {
  return Promise.all(
    (await providers(config)).map(async ({ name, does, can, find, version, live }) => {
      const found = await find()
      const all: Feature[] = [...can, ...(live ? (['relays'] as const) : [])]
      const asked = found.path !== undefined && found.version === undefined ? await version?.(found.path) : undefined
      return { provider: name, does, usable: found.path !== undefined, can: all, ...found, ...(asked ? { version: asked } : {}) }
    }),
  )
}
