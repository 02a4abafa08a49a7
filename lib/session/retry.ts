// The same again: new sessions that are asked for just as others were, with the prompt and the context that those got.
//
// Everything is looked at before anything is started: where one of them cannot be had again, none is.

import { join } from 'node:path'
import { EXIT, Fault } from '../base/exit.js'
import { newId, shortId } from '../base/id.js'
import { paths, realFolder } from '../base/paths.js'
import { timestamp } from '../base/time.js'
import { loadConfig } from '../config/config.js'
import { listIfThere, readBytesIfThere } from '../store/file.js'
import { read, type Session } from '../table/sessions.js'
import { checkFeatures, parentHere, putApart, usable } from './ask.js'
import { trySandbox } from './sandbox.js'
import { settle } from './settle.js'
import { type Spawned, start } from './start.js'
import { withoutWorktree } from './worktree.js'

export interface Again {
  /** Only those that ended otherwise than completed. */
  failed?: boolean
  /** A model in place of the one they had. */
  model?: string
}

/** A session that was started again, and of which it is the same. */
export interface Retried extends Spawned {
  from: string
}

/**
 * Starts each of the sessions again, in the background, and gives each as it is on its way. Throws Faults before anything is
 * started: 4 if one is not over, 2, 126 or 127 if its provider cannot do it now, 5 if what it was asked is gone.
 */
export async function retry(ids: readonly string[], { failed, model }: Again, take: (started: Retried) => void): Promise<void> {
  const chosen: Session[] = []
  for (const id of ids) {
    const { over, state } = await settle(id)
    if (!over) throw new Fault(`session ${id} is ${state}: zag wait ${shortId(id)} waits for it, zag cancel ends it`, EXIT.notNow)
    const session = read(id)
    if (session && !(failed && state === 'completed')) chosen.push(session)
  }
  for (const session of chosen) {
    await checkUsable(session, model)
    if (promptOf(session) === undefined) throw new Fault(`session ${session.id} is damaged: its prompt is gone`, EXIT.system)
  }
  for (const session of chosen) {
    const next = again(session, model)
    const apart = await putApart(next, 'spawn', filesOf(session), await worktreeFor(next))
    take({ ...(await start(apart)), from: session.id })
  }
}

/** One with a worktree gets another, from the project as it is now; a name that it was given can be taken by then. */
async function worktreeFor({ root, name, flags: { worktree } }: Session): Promise<Parameters<typeof putApart>[3]> {
  if (worktree === undefined) return {}
  const { carry } = (await loadConfig(root)).worktree
  return { name: true, after: typeof worktree === 'string' ? worktree : name, carried: carry }
}

async function checkUsable(session: Session, model: string | undefined): Promise<void> {
  const { provider, root, cwd, flags } = withoutWorktree(session)
  realFolder(cwd)
  const found = await usable(provider, await loadConfig(root))
  if (session.sandbox) await trySandbox(withoutWorktree(session))
  checkFeatures(model === undefined ? flags : { ...flags, model }, found)
}

/** It depends on nothing: what it waited for is over, and its results are in the prompt. */
function again(session: Session, model: string | undefined): Session {
  const { size: _, ...flags } = session.flags
  return {
    ...withoutWorktree(session),
    id: newId(),
    created_at: timestamp(),
    parent: parentHere(),
    depends_on: [],
    retried_from: session.id,
    ...(model === undefined ? {} : { model, flags: { ...flags, model } }),
  }
}

const promptOf = ({ id }: Session) => readBytesIfThere(paths.inSession(id, 'prompt'))

/** The prompt and the context, byte for byte. */
function filesOf(session: Session): Record<string, Buffer> {
  const names = ['prompt', 'stdin', ...listIfThere(paths.inSession(session.id, 'context')).map(name => join('context', name))]
  const files = names.map(name => [name, readBytesIfThere(join(paths.session(session.id), name))] as const)
  return Object.fromEntries(files.filter((file): file is [string, Buffer] => file[1] !== undefined))
}
