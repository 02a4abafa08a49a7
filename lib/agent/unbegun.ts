// Why an agent that failed did not even begin: its error alone does not tell, where it says one.

import type { Provider } from '../provider/provider.js'
import type { Said } from './turn-output.js'

/**
 * What a turn came to, with the version of the agent in its error if zag does not know that any more, because it is too old. Files tell
 * that before it is started, of most; of the others only the program itself does, which takes up to two seconds.
 */
export async function withAge<S extends Said>(said: S, provider: Provider): Promise<S> {
  const { find, ask } = provider
  if (didBegin(said) || !ask || hasCollided(said, provider)) return said
  const found = await find()
  if (found.path === undefined || found.version !== undefined) return said
  const asked = await ask(found.path)
  if (asked.path !== undefined) return said
  const { verdict } = said
  return { ...said, verdict: { ...verdict, error: `${verdict.error ?? 'it failed'}; ${asked.why}: ${asked.install}` } }
}

/** Whether it could not begin because others of its kind began at that moment. */
export function hasCollided(said: Said, { collides }: Provider): boolean {
  return !didBegin(said) && collides !== undefined && collides.test(said.stderr ?? '')
}

/** Whatever has begun says what conversation it is in. */
const didBegin = ({ verdict }: Said) => verdict.success || verdict.limit !== undefined || verdict.conversation !== undefined
