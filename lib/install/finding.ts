// What a check of zag doctor finds, and the few words all checks share.

import { Fault, refused } from '../base/exit.js'
import type { Config } from '../config/config.js'
import type { Status } from '../session/state.js'
import type { Session } from '../table/sessions.js'

export interface Finding {
  check: string
  /** Nothing is wrong (any more). With advice it is a hint. */
  ok: boolean
  message: string
  advice?: string
  /** It was wrong and was put right. */
  repaired: boolean
}

/** What a check found. `repair` throws a Fault if it cannot put it right. */
export interface Found {
  ok: boolean
  message: string
  advice?: string
  repair?(): unknown
}

export interface Known {
  session: Session
  status: Status
}

/** What later checks need of earlier ones. */
export interface Seen {
  config?: Config
  /** There is a home of ours to look into. */
  home: boolean
  known: Known[]
}

export const REPAIR = 'zag doctor --repair'

/** With advice it is a hint. */
export const fine = (message: string, advice?: string): Found => ({ ok: true, message, advice })
export const wrong = (message: string, advice?: string, repair?: () => unknown): Found => ({ ok: false, message, advice, repair })
export const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`

/** Does all that can be done, then throws the first Fault there was. */
export async function each<T>(items: Iterable<T>, act: (item: T) => unknown): Promise<void> {
  let first: Fault | undefined
  for (const item of items) {
    try {
      await act(item)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      first ??= error
    }
  }
  if (first) throw first
}
/** Three of them by name. */
export function someOf(words: string[]): string {
  const more = words.length - 3
  return `${words.slice(0, 3).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** Runs a call of the system; what it refuses is a Fault that begins with `what`. */
export function wrap<T>(what: string, call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw refused(what, error)
  }
}
