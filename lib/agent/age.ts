// Whether an agent that failed is one that zag does not know any more, because it is too old. Files tell that before it is started,
// of most; of the others only the program itself does, which takes up to two seconds: so it is asked when it did not even begin.

import type { Provider } from '../provider/provider.js'
import type { Said } from './turn-output.js'

/** What a turn came to, with the version of the agent in its error if that is too old. */
export async function withAge<S extends Said>(said: S, { find, ask }: Provider): Promise<S> {
  const { verdict } = said
  if (verdict.success || verdict.limit || verdict.conversation !== undefined || !ask) return said
  const found = await find()
  if (found.path === undefined || found.version !== undefined) return said
  const asked = await ask(found.path)
  if (asked.path !== undefined) return said
  return { ...said, verdict: { ...verdict, error: `${verdict.error ?? 'it failed'}; ${asked.why}: ${asked.install}` } }
}
