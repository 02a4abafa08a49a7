// Removing what is old and over. A session that is not over is never touched; one that is old goes whole or not at all.

import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../base/exit.js'
import { isId, timeOf } from '../base/id.js'
import { paths } from '../base/paths.js'
import { isAlive } from '../process/identity.js'
import { listIfThere, removeOldTemporaries, removeTree } from '../store/file.js'
import { homeIsThere } from '../store/home.js'
import { ownerIn } from '../table/owners.js'
import { processes } from '../table/processes.js'
import { exists, read } from '../table/sessions.js'
import { removeApart } from './remove.js'
import { settle } from './settle.js'
import { type Dirty, dirtyAmong } from './worktree-loss.js'

export interface GcOptions {
  /** Only what ended longer ago, in milliseconds. */
  olderThan: number
  /** Really remove; otherwise only say what would be. */
  force: boolean
}

export interface Gone {
  /** The sessions that are old and over. */
  sessions: string[]
  /** Their bytes on disk. */
  bytes: number
  /** How many were looked at and stay because they are not over, are young, or are dirty. */
  kept: number
  /** Those that are old and over, and stay because their worktrees hold work that is nowhere else. */
  dirty: Dirty[]
  /** Remains of crashes: folders made aside, markers of no session. */
  remains: string[]
}

/** Removes those of the sessions that are over and old, and the remains of crashes. Dead ones are ended on the way. */
export async function gc(ids: string[], { olderThan, force }: GcOptions): Promise<Gone> {
  const over: string[] = []
  for (const id of ids) if (await isOld(id, Date.now() - olderThan)) over.push(id)
  const dirty = await dirtyAmong(over)
  const held = new Set(dirty.map(({ session_id }) => session_id))
  const old = over.filter(id => !held.has(id))
  const remains = remainsOfCrashes()
  const bytes = old.reduce((sum, id) => sum + sizeOf(paths.session(id)), 0)
  if (force && homeIsThere()) {
    for (const id of old) await removeApart(id)
    for (const path of remains) removeTree(path)
    for (const folder of [paths.events(), paths.processes()]) removeOldTemporaries(folder)
    await processes().fold()
  }
  return { sessions: old, bytes, kept: ids.length - old.length, dirty, remains }
}

async function isOld(id: string, before: number): Promise<boolean> {
  if (isDamaged(id)) return false
  const { over, ended } = await settle(id)
  const end = ended ? Date.parse(ended.ts) : timeOf(id)
  return over && end <= before
}

/** A session that cannot be read stays, and does not keep the others: zag doctor names it. */
function isDamaged(id: string): boolean {
  try {
    return read(id) === undefined
  } catch (error) {
    if (error instanceof Fault) return true
    throw error
  }
}

/** What crashes left: folders of sessions that never came to be or were being removed, and markers of no session. */
export function remainsOfCrashes(): string[] {
  const aside = listIfThere(paths.aside()).filter(name => isAbandoned(join(paths.aside(), name)))
  const markers = listIfThere(paths.events()).filter(name => {
    const id = name.split('.')[0] as string
    return isId(id) && !exists(id)
  })
  return [...aside.map(name => join(paths.aside(), name)), ...markers.map(name => join(paths.events(), name))]
}

/** A session being made has a live owner; what is being removed does not count as abandoned for a minute. */
function isAbandoned(path: string): boolean {
  const owner = ownerIn(path, 1)
  if (owner && isAlive(owner)) return false
  const touched = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return Date.now() - touched > 60_000
}

function sizeOf(folder: string): number {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
  return names
    .filter(entry => entry.isFile())
    .reduce(
      (sum, entry) =>
        sum +
        (lstatSync(join(entry.parentPath, entry.name), {
          throwIfNoEntry: false,
        })?.size ?? 0),
      0,
    )
}
