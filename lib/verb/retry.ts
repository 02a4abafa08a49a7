// The same again: new sessions that are asked for just as others were, with the prompt and the context that those got.
//
// Everything is looked at before anything is started: where one of them cannot be had again, none is.

import { join } from 'node:path'
import { trySandbox } from '../agent/sandbox.js'
import { EXIT, Fault } from '../base/exit.js'
import { newId, shortId } from '../base/id.js'
import { paths, realFolder } from '../base/paths.js'
import { timestamp } from '../base/time.js'
import { loadConfig } from '../config/config.js'
import { checkAsked } from '../provider/asked.js'
import type { Provider } from '../provider/provider.js'
import { checkFeatures, hasToWait, parentHere, record, usable } from '../run/ask.js'
import { settle } from '../run/settle.js'
import { type Spawned, start } from '../run/start.js'
import { limitsAgain } from '../session/nesting.js'
import { listIfThere, readBytesIfThere } from '../store/file.js'
import { read, type Session } from '../table/sessions.js'
import { withoutWorktree } from '../worktree/place.js'

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
 * started: 4 if one is not over, or would have to wait and this is a sandbox, 2, 126 or 127 if its provider cannot do it now, 5 if what it was asked is gone.
 */
export async function retry(ids: readonly string[], { failed, model }: Again, take: (started: Retried) => void): Promise<void> {
  const chosen: Session[] = []
  for (const id of ids) {
    const { over, state } = await settle(id)
    // What still runs or waits has not failed.
    if (!over && failed) continue
    if (!over) throw new Fault(`session ${id} is ${state}: zag wait ${shortId(id)} waits for it, zag cancel ends it`, EXIT.notNow)
    const session = read(id)
    if (session && !(failed && state === 'completed')) chosen.push(session)
  }
  for (const session of chosen) {
    const provider = await checkUsable(session, model)
    if (session.stripped_at !== undefined)
      throw new Fault(`session ${session.id} was stripped to its log by zag gc --keep-logs: what it was asked is gone`, EXIT.system)
    const prompt = promptOf(session)
    if (prompt === undefined) throw new Fault(`session ${session.id} is damaged: its prompt is gone`, EXIT.system)
    checkAsked(provider, { model: model ?? session.model, prompt, flags: session.flags })
  }
  const anew = new Map<string, string>()
  const wishes: { session: Session; next: Session }[] = []
  for (const session of inOrder(chosen)) {
    const next = await limited(again(session, model, anew))
    anew.set(session.id, next.id)
    wishes.push({ session, next })
  }
  for (const { next } of wishes) await hasToWait(next)
  for (const { session, next } of wishes) {
    const apart = await record(next, 'spawn', filesOf(session, next), await worktreeFor(next))
    take({ ...(await start(apart)), from: session.id })
  }
}

/** As asked for, unless one depends on another: then the oldest first, as only what was there can be depended on. */
function inOrder(sessions: Session[]): Session[] {
  const ids = new Set(sessions.map(({ id }) => id))
  const isGraph = sessions.some(({ depends_on }) => depends_on.some(id => ids.has(id)))
  return isGraph ? sessions.toSorted((a, b) => (a.id < b.id ? -1 : 1)) : sessions
}

/** One with a worktree gets another, from the project as it is now; a name that it was given can be taken by then. */
async function worktreeFor({ root, name, flags: { worktree } }: Session): Promise<Parameters<typeof record>[3]> {
  if (worktree === undefined) return {}
  const { carry } = (await loadConfig(root)).worktree
  return { name: true, after: typeof worktree === 'string' ? worktree : name, carried: carry }
}

async function checkUsable(session: Session, model: string | undefined): Promise<Provider> {
  const { provider, root, cwd, flags } = withoutWorktree(session)
  realFolder(cwd)
  const found = await usable(provider, await loadConfig(root))
  if (session.sandbox) await trySandbox(withoutWorktree(session))
  checkFeatures(model === undefined ? flags : { ...flags, model }, found)
  return found
}

/** It depends on what is started again with it. All else that it waited for is over; what it gave is looked up when it starts. */
function again(session: Session, model: string | undefined, anew: ReadonlyMap<string, string>): Session {
  const { size: _, ...flags } = session.flags
  return {
    ...withoutWorktree(session),
    id: newId(),
    created_at: timestamp(),
    parent: parentHere(),
    depends_on: session.depends_on.flatMap(id => anew.get(id) ?? []),
    context_of: contextOf(session, anew),
    native_id: undefined,
    retried_from: session.id,
    ...(model === undefined ? {} : { model, flags: { ...flags, model } }),
  }
}

/** With the limits that it has where it is started now: what was asked for then, as far as the session around leaves it. */
async function limited(next: Session): Promise<Session> {
  const { max_depth: maxDepth, max_children: maxChildren } = await loadConfig(next.root)
  return { ...next, ...limitsAgain(next.id, next.parent, next.flags, { maxDepth, maxChildren }) }
}

/**
 * Of whom it gets results when it starts: of those it had, if one of them is started again with it or it never got any. Nobody
 * otherwise, as what it got then is copied with its prompt.
 */
function contextOf({ id, context_of }: Session, anew: ReadonlyMap<string, string>): string[] | undefined {
  const isNew = context_of?.some(source => anew.has(source)) || !gotContext(id)
  return isNew ? context_of?.map(source => anew.get(source) ?? source) : undefined
}

/** Whether results of others were put before the task of a session, or beside it where it is a script. */
function gotContext(id: string): boolean {
  const [task, prompt, beside] = ['task', 'prompt', 'stdin'].map(name => readBytesIfThere(join(paths.session(id), name)))
  return beside !== undefined || (task !== undefined && prompt !== undefined && !task.equals(prompt))
}

const promptOf = ({ id }: Session) => readBytesIfThere(paths.inSession(id, 'prompt'))

/** The prompt, the context and the schema, byte for byte; where the context is gathered when it starts, the task in their place. */
function filesOf({ id }: Session, { context_of }: Session): Record<string, Buffer> {
  const context = listIfThere(paths.inSession(id, 'context')).map(name => join('context', name))
  const names = context_of ? ['task', 'schema'] : ['prompt', 'task', 'stdin', 'schema', ...context]
  const files = names.map(name => [name, readBytesIfThere(join(paths.session(id), name))] as const)
  const there = Object.fromEntries(files.filter((file): file is [string, Buffer] => file[1] !== undefined))
  return context_of && there.task ? { ...there, prompt: there.task } : there
}
