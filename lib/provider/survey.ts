// Which providers can be used on this machine, and why the others cannot.

import type { Config } from '../config/config.js'
import { providers } from './list.js'
import type { Feature } from './provider.js'

/** What it can do by itself, and what zag does for it: to live on and be asked while it works, and to fit its results to a schema. */
type Able = Feature | 'interactive' | 'relays' | 'schema'

const LIVING: readonly Able[] = ['interactive', 'relays']

export interface Surveyed {
  provider: string
  does: string
  usable: boolean
  path?: string
  version?: string
  can: Able[]
  why?: string
  install?: string
}

/** A row for each provider there is. */
export async function survey(config: Config): Promise<Surveyed[]> {
  return Promise.all(
    (await providers(config)).map(async ({ name, does, can, find, ask, live }) => {
      const seen = await find()
      const found = seen.path !== undefined && seen.version === undefined && ask ? await ask(seen.path) : seen
      const all: Able[] = [...can, ...(live ? LIVING : []), 'schema']
      return { provider: name, does, usable: found.path !== undefined, can: all, ...found }
    }),
  )
}
