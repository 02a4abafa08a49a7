// The right to remove a session that is over, or to strip it: a claim, so that nobody starts a run of it meanwhile. Looking what
// would be lost takes as long as a tree is big, so the claim follows the owner that was found before that look: if anybody had the
// session in hand since, it is not had.

import { Fault } from '../base/exit.js'
import { isAlive, myself } from '../process/identity.js'
import { type Owner, release, takeOver } from '../table/owners.js'
import { type Status, statusOf } from './state.js'
import { hasMessages } from './turns.js'

/** Whether a session is being removed just now, or stripped. */
export function isHeld(owner: Owner | undefined): boolean {
  return owner?.role === 'remove' && isAlive(owner)
}

/** Holds a session that was over before it was looked at; gives what lets go of it. Nothing if it is not over any more, or another holds it. */
export function hold({ id, over, ended, owner, run }: Status): (() => void) | undefined {
  if (!over || isHeld(owner)) return undefined
  // What has no end, because that could not be written, is not resumed either.
  if (!ended) return statusOf(id).over ? () => {} : undefined
  // Whoever supervised it looks once more at what was sent before the end was told, and takes it.
  if (ended.status !== 'cancelled' && owner?.role === 'run' && isAlive(owner) && hasMessages(id)) return undefined
  try {
    return takeOver(id, owner, { role: 'remove', run, ...myself() }) ? () => release(id, owner) : undefined
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    // A full disk takes no claim of anybody else's either, and to remove is what makes room.
    return statusOf(id).over ? () => {} : undefined
  }
}

/** Does something to a session while it is held. False, and nothing is done, if it cannot be. */
export async function whileHeld(status: Status, act: () => Promise<void>): Promise<boolean> {
  const letGo = hold(status)
  if (!letGo) return false
  try {
    await act()
  } finally {
    letGo()
  }
  return true
}
