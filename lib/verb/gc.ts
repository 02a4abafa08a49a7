// Removing what is old and over. A session that is not over is never touched, nor one on which such a session depends; one that is
// old goes whole or not at all, or is stripped to its log.

import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { EXIT, Fault } from '../base/exit.js'
import { isId, timeOf } from '../base/id.js'
import { paths } from '../base/paths.js'
import { deadClaims, forgetClaim } from '../file/lock.js'
import { forgetReaders } from '../file/times.js'
import { forgetAnswer, oldAnswers, openRelays } from '../permission/relay.js'
import { forgetMark, oldMarks } from '../permission/rules.js'
import { isAlive } from '../process/identity.js'
import { isAwaited } from '../run/queue.js'
import { settle } from '../run/settle.js'
import { whileHeld } from '../session/hold.js'
import { type Dirty, dirtyIn, hasWorktree } from '../session/loss.js'
import { removeApart } from '../session/remove.js'
import type { Status } from '../session/state.js'
import { listIfThere, removeOldTemporaries, removeTree, walk } from '../store/file.js'
import { homeIsThere } from '../store/home.js'
import { deadLocks } from '../store/lock.js'
import { ownerIn } from '../table/owners.js'
import { processes } from '../table/processes.js'
import { exists, readIfIntact } from '../table/sessions.js'
import { expendable, strip, stripApart } from './strip.js'

/** What is younger may be of somebody at work, in milliseconds. */
const FRESH = 60_000

export interface GcOptions {
  /** Only what ended longer ago, in milliseconds. */
  olderThan: number
  /** So many stay however old they are: those made last. */
  keepLast?: number
  /** What is needed to list a session and read its log stays, and its result. */
  keepLogs?: boolean
  /** Really remove; otherwise only say what would be. */
  force: boolean
}

export interface Gone {
  /** The sessions that are old and over, or of which more than the log is left. */
  sessions: string[]
  /** The bytes on disk of what goes. */
  bytes: number
  /** How many were looked at and stay as they are. */
  kept: number
  /** Those that are old and over, and stay because their worktrees hold work that is nowhere else. */
  dirty: Dirty[]
  /** Those that could not be removed, and why. */
  failed: Failed[]
  /** How many answers to relays are old, or of sessions that are gone. */
  answers: number
  /** How many marks are old of once-rules that were used up, and of locks of files whose holders died. */
  marks: number
  /** Remains of crashes: folders made aside, markers of no session, locks that nobody holds. */
  remains: string[]
}

export interface Failed {
  session_id: string
  why: string
}

/** What is looked for, and what came of it so far. */
interface Search {
  before: number
  keepLogs: boolean
  force: boolean
  found: Omit<Gone, 'kept' | 'remains' | 'answers' | 'marks'>
}

/** Removes those of the sessions that are over and old, and the remains of crashes; none that another waits for. Dead ones are ended on the way. One that cannot be removed keeps none of the others. */
export async function gc(ids: string[], { olderThan, keepLast = 0, keepLogs = false, force }: GcOptions): Promise<Gone> {
  const newest = new Set(keepLast === 0 ? [] : [...ids].sort().slice(-keepLast))
  const found: Search['found'] = { sessions: [], bytes: 0, dirty: [], failed: [] }
  const search = { before: Date.now() - olderThan, keepLogs, force, found }
  // One after the other, so that little time passes between the look at a session and its end.
  for (const id of ids) {
    try {
      if (!newest.has(id)) await gcOne(id, search)
    } catch (error) {
      if (!(error instanceof Fault && error.exit === EXIT.system)) throw error
      found.failed.push({ session_id: id, why: error.message })
    }
  }
  const answers = oldAnswers(search.before)
  // One that was just made may be of what is under way.
  const done = Math.min(search.before, Date.now() - FRESH)
  const used = oldMarks(done)
  const dead = deadClaims(done)
  const remains = remainsOfCrashes()
  if (force && homeIsThere()) {
    // What nobody waits for is closed first.
    openRelays()
    for (const id of answers) forgetAnswer(id)
    for (const path of used) forgetMark(path)
    for (const path of dead) forgetClaim(path)
    for (const path of remains) removeTree(path)
    const folders = [paths.events(), paths.processes(), paths.relays(), paths.server(), paths.groups(), ...ids.map(paths.session)]
    for (const folder of folders) removeOldTemporaries(folder)
    await processes().fold()
    await forgetReaders(id => isId(id) && !exists(id))
  }
  return { ...found, kept: ids.length - found.sessions.length, answers: answers.length, marks: used.length + dead.length, remains }
}

async function gcOne(id: string, { before, keepLogs, force, found }: Search): Promise<void> {
  const status = await ifOld(id, before)
  const parts = status ? partsOf(id, keepLogs) : []
  if (!status || (parts.length === 0 && !hasWorktree(id))) return
  const dirty = await dirtyIn(id)
  if (dirty) found.dirty.push(dirty)
  // With its log a session keeps a worktree that holds work; without its folder nobody would know of it.
  if ((dirty && (!keepLogs || parts.length === 0)) || isAwaited(id)) return
  const bytes = parts.reduce((sum, path) => sum + sizeOf(path), 0)
  const act = () => (dirty ? strip(id) : keepLogs ? stripApart(id) : removeApart(id))
  if (force && !(await whileHeld(status, act))) return
  found.sessions.push(id)
  found.bytes += bytes
}

/** What would go of a session. */
function partsOf(id: string, keepLogs: boolean): string[] {
  return keepLogs ? expendable(id) : [paths.session(id)]
}

/** The status of a session that is over and old, and that no other waits for. */
async function ifOld(id: string, before: number): Promise<Status | undefined> {
  if (isDamaged(id)) return undefined
  const status = await settle(id)
  const end = status.ended ? Date.parse(status.ended.ts) : timeOf(id)
  return status.over && end <= before && !isAwaited(id) ? status : undefined
}

/** A session that cannot be read stays, and does not keep the others: zag doctor names it. */
function isDamaged(id: string): boolean {
  return readIfIntact(id) === undefined
}

/** What crashes left: folders of sessions that never came to be or were being removed, markers of no session, and locks that nobody holds. */
export function remainsOfCrashes(): string[] {
  const aside = listIfThere(paths.aside()).filter(name => isAbandoned(join(paths.aside(), name)))
  const markers = listIfThere(paths.events()).filter(name => {
    const id = name.split('.')[0] as string
    return isId(id) && !exists(id)
  })
  const locks = [paths.sessions(), paths.processes()].flatMap(deadLocks)
  return [...aside.map(name => join(paths.aside(), name)), ...markers.map(name => join(paths.events(), name)), ...locks]
}

/** A session being made has a live owner; what is being removed does not count as abandoned for a minute. */
function isAbandoned(path: string): boolean {
  const owner = ownerIn(path, 1)
  if (owner && isAlive(owner)) return false
  const touched = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
  return Date.now() - touched > FRESH
}

function sizeOf(path: string): number {
  const there = lstatSync(path, { throwIfNoEntry: false })
  if (!there?.isDirectory()) return there?.size ?? 0
  return [...walk(path)]
    .filter(({ entry }) => entry.isFile())
    .reduce((sum, file) => sum + (lstatSync(file.path, { throwIfNoEntry: false })?.size ?? 0), 0)
}
