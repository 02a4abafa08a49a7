// Short programs on a session that is over, beside an empty Node program.

import { join } from 'node:path'
import { median, race, ratio, type Variant } from './measure.js'
import { write } from './past.js'
import { environment, place } from './place.js'
import { ms, type Row, times } from './table.js'

const TARGET = 1.3

export async function startup(quick: boolean): Promise<Row[]> {
  const home = join(place, 'startup')
  const [over = '', written = ''] = await write({ home, count: 2 })
  const env = environment(home)
  const inside = environment(home, { ZAG_SESSION_ID: over, ZAG_PROCESS_ID: `${over}.1`, ZAG_PROVIDER: 'sh', ZAG_ROOT: '/', ZAG_GROUP: '/' })
  const variants: Variant[] = [
    { name: 'node -e 0', command: ['node', '-e', '0'], env },
    { name: 'zag-status', command: ['zag-status', over], env },
    { name: 'zag status', command: ['zag', 'status', over], env },
    { name: 'zag-output', command: ['zag-output', over], env },
    { name: 'zag-log', command: ['zag-log', '--session', written, 'a message'], env },
    { name: 'zag-whoami', command: ['zag-whoami'], env: inside },
    { name: 'zag-env', command: ['zag-env', over], env },
    { name: 'zag-wait, on one that is over', command: ['zag-wait', over], env },
  ]
  const taken = race(variants, quick ? 12 : 40)
  const base = median(taken.get('node -e 0') ?? [])
  return variants.slice(1).map(({ name }) => {
    const factor = ratio(taken, name, 'node -e 0')
    return {
      what: name,
      zag: ms(median(taken.get(name) ?? [])),
      beside: `node -e 0: ${ms(base)}`,
      ratio: times(factor),
      target: times(TARGET),
      met: factor <= TARGET,
    }
  })
}
