// How many sessions may run at once: of a group, by --slots, and of a provider, by its `slots` and `stagger` in config.toml.

import { Fault } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { loadConfig } from '../config/config.js'
import { changedAt, replaceFile } from '../store/file.js'
import { readIfIntact, type Session } from '../table/sessions.js'

/** What holds a session back. */
export interface Limits {
  /** At the most so many of the provider on this machine. */
  slots?: number
  /** Between two starts of the provider, in milliseconds. */
  stagger?: number
}

/** The limits of a provider. */
export async function limitsOf(provider: string): Promise<Limits> {
  const { slots, stagger } = (await loadConfig()).providers[provider] ?? {}
  return { slots, stagger }
}

/** Whether a session has to wait for its turn among others. */
export async function isLimited({ provider, slots }: Pick<Session, 'provider' | 'slots'>): Promise<boolean> {
  if (slots !== undefined) return true
  const limits = await limitsOrNone(provider)
  return limits.slots !== undefined || limits.stagger !== undefined
}

/** The configuration is read again after so long, in milliseconds. */
const FRESH = 1_000

/** Who has a slot, for the one process that gives them out. */
export class Slots {
  #taken = new Map<string, Session>()
  #limits = new Map<string, Limits>()
  #readAt = Number.NEGATIVE_INFINITY

  /** Sees to it that the limits of these providers are known. */
  async readLimits(providers: string[]): Promise<void> {
    if (performance.now() - this.#readAt > FRESH) this.#limits.clear()
    for (const provider of providers) {
      if (this.#limits.has(provider)) continue
      this.#limits.set(provider, await limitsOrNone(provider))
      this.#readAt = performance.now()
    }
  }

  take(session: Session): void {
    this.#taken.set(session.id, session)
    if (this.#staggerOf(session.provider) > 0) noteStart(session.provider)
  }

  give(id: string): void {
    this.#taken.delete(id)
  }

  /**
   * Milliseconds until a session may start: 0 is now, Infinity when another has ended. Asked for the oldest first, each time with the
   * same set of groups, in which none overtakes the one that its slots hold back.
   */
  timeUntil(session: Session, held: Set<string> = new Set()): number {
    const { group, provider, slots = Number.POSITIVE_INFINITY } = session
    const limits = this.#limits.get(provider) ?? {}
    const ancestors = ancestorsOf(session)
    const others = [...this.#taken.values()].filter(({ id }) => !ancestors.has(id))
    // One whose ancestor is at work overtakes: that may wait for it, and the others for that.
    const isHeld = session.slots !== undefined && held.has(group) && others.length === this.#taken.size
    if (isHeld || others.filter(other => other.slots !== undefined && other.group === group).length >= slots) {
      held.add(group)
      return Number.POSITIVE_INFINITY
    }
    if (others.filter(other => other.provider === provider).length >= (limits.slots ?? Number.POSITIVE_INFINITY))
      return Number.POSITIVE_INFINITY
    const stagger = this.#staggerOf(provider)
    return stagger > 0 ? timeLeft(stagger, changedAt(paths.lastStart(provider))) : 0
  }

  #staggerOf(provider: string): number {
    return this.#limits.get(provider)?.stagger ?? 0
  }
}

/** What is left of a pause that began at a moment. A moment to come is one before the clock was put back. */
function timeLeft(pause: number, began: number | undefined): number {
  const passed = began === undefined ? pause : Date.now() - began
  return passed >= 0 && passed < pause ? Math.ceil(pause - passed) : 0
}

/** On disk, because the process that gives out slots may be another by the next start. */
function noteStart(provider: string): void {
  try {
    replaceFile(paths.lastStart(provider), '')
  } catch (error) {
    // On a full disk the pause is not kept; that must not keep the session.
    if (!(error instanceof Fault)) throw error
  }
}

/** Those that a session descends from. They do not count against it: one that waits for its child would wait for ever. */
function ancestorsOf({ parent }: Session): Set<string> {
  const ancestors = new Set<string>()
  for (let id = parent; id !== undefined && !ancestors.has(id); id = readIfIntact(id)?.parent) ancestors.add(id)
  return ancestors
}

/** A configuration that went bad holds nothing back: the session says what is wrong with it when it starts. */
async function limitsOrNone(provider: string): Promise<Limits> {
  try {
    return await limitsOf(provider)
  } catch (error) {
    if (error instanceof Fault) return {}
    throw error
  }
}
