// Stripping a session that is over to what is needed to list it and to read its log and its result. What goes is what the agent
// wrote, which the log has, and what it was given to read. session.json says since when, because such a session cannot be
// asked for again.

import { join } from 'node:path'
import { paths } from '../base/paths.js'
import { timestamp } from '../base/time.js'
import { LONGEST_FIELD } from '../log/write.js'
import { listIfThere, removeTree, sizeIfThere } from '../store/file.js'
import { read, update } from '../table/sessions.js'

/** What of a session can go, as paths; nothing once it has gone. */
export function expendable(id: string): string[] {
  const turns = paths.inSession(id, 'turns')
  const candidates = [
    ...(['stdout', 'stderr', 'stdin', 'context', 'task', 'schema-errors'] as const).map(name => paths.inSession(id, name)),
    // A longer one is a part of the log, which has only its head and tail.
    ...((sizeIfThere(paths.inSession(id, 'prompt')) ?? 0) > LONGEST_FIELD ? [] : [paths.inSession(id, 'prompt')]),
    ...listIfThere(turns).flatMap(turn => [join(turns, turn, 'prompt'), join(turns, turn, 'result')]),
  ]
  return candidates.filter(path => sizeIfThere(path) !== undefined)
}

/** The same with its worktree. Throws as strip does, and strips nothing if git finds that something would be lost. Held by the caller, as there. */
export async function stripApart(id: string): Promise<void> {
  const worktree = read(id)?.worktree
  if (worktree) await (await import('../session/loss.js')).removeWorktree(worktree)
  await strip(id)
}

/** Strips a session that the caller holds. Throws a Fault: 3 if it was removed meanwhile, 5 if the disk refuses. */
export async function strip(id: string): Promise<void> {
  await update(id, session => ({ ...session, stripped_at: session.stripped_at ?? timestamp() }))
  for (const path of expendable(id)) removeTree(path)
}
