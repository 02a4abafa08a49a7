// Taking a session out of everything: its folder, the index, the markers, the process table.

import { Fault } from '../base/exit.js'
import { processes } from '../table/processes.js'
import { forget, read, type Session } from '../table/sessions.js'

/** Removes a session; one that is gone already is fine. Throws a Fault (5) if the disk refuses. */
function remove(id: string): void {
  const session = read(id)
  if (session) forget(session)
  processes().append({ ...GONE, id })
}

/** The same with its worktree, of a session that the caller holds. Throws a Fault (5), and removes nothing, if git finds that something would be lost. */
export async function removeApart(id: string): Promise<void> {
  const worktree = read(id)?.worktree
  if (worktree) await (await import('./loss.js')).removeWorktree(worktree)
  remove(id)
}

/** Takes back a session that could not be started, as far as the disk lets it: what went wrong first is what is told. */
export function undo(id: string): void {
  try {
    remove(id)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
  }
}

/** The same with the worktree that was made for it. */
export async function undoApart({ id, worktree }: Session): Promise<void> {
  undo(id)
  if (worktree) await (await import('../worktree/make.js')).takeAway(worktree)
}

/** A tombstone: whatever rows of the session are still in the table, it is gone. */
const GONE = { rev: Number.MAX_SAFE_INTEGER, gone: true } as const
