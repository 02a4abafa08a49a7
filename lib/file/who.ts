// On whose behalf a file is read or written: what one session has read, no other has.

import { visible } from '../base/exit.js'
import { shortId } from '../base/id.js'

/** The name under which somebody outside of all sessions reads and writes. */
export const PERSON = 'user'

export interface Who {
  /** The id of the session, or PERSON. */
  session: string
  /** The session's name, for what others are told. */
  name?: string
  /** Whose table it is. */
  group: string
  /** The folder that no path leads out of. */
  root: string
  /** Where relative paths are seen from. */
  cwd: string
}

/** How others are told of somebody: by the short id and the name of a session. */
export function called({ session, name }: Pick<Who, 'session' | 'name'>): string {
  if (session === PERSON) return 'a person outside of all sessions'
  return name === undefined ? `session ${shortId(session)}` : `session ${shortId(session)} (${visible(name)})`
}
