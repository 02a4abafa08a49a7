// Which sessions a function of the library is about: what every program takes as operands and flags, zag-session(7), as an object.

import { NO_LINES, type Pick, pick } from '../session/pick.js'
import { type Selection, select } from '../session/selection.js'

/** Sessions, named as on the command line; what is given adds up, `state` and `root` narrow it. */
export interface Sessions extends Omit<Pick, 'operands' | 'tag'> {
  /** Ids, unique parts of one, or names. */
  sessions?: string | readonly string[]
  tag?: string | readonly string[]
}

export const listOf = (given: string | readonly string[] | undefined): string[] => (given === undefined ? [] : ([given].flat() as string[]))

function asFlags({ sessions, tag, name, parent, state, latest, all, root }: Sessions): Pick {
  return { operands: listOf(sessions), tag: listOf(tag), name, parent, state, latest, all, root }
}

/** The ids of the sessions meant. Throws a Fault: 3 for what is not there, 2 if nothing says which and nothing is meant then. */
export function idsOf(which: Sessions, options: { otherwise?: 'all' | 'none'; empty?: boolean } = {}): Promise<string[]> {
  return pick(asFlags(which), NO_LINES, options)
}

/** The same as a choice that sessions still come into. */
export function selectionOf(which: Sessions, options: { otherwise?: 'all' } = {}): Promise<Selection> {
  return select(asFlags(which), NO_LINES, options)
}

/** Ids of sessions that an option names. */
export function named(words: string | readonly string[] | undefined): Promise<string[]> {
  return idsOf({ sessions: words }, { otherwise: 'none' })
}
