// How deep sessions may start sessions, and how many children of one may be alive at once. Both are in session.json, from where
// every descendant inherits them: what the environment says counts for nothing, and no child can have more than its parent leaves.
//
// A living child has a place in children/ of its parent's folder, a file <place>.<turn>; of a place the file with the highest turn
// counts. Whoever makes a child claims a place by link(2): one that nobody had yet, or that of a child which is over. So nothing has
// to give a place back, and of many who try at once only as many get one as there are.

import { EXIT, Fault } from '../base/exit.js'
import { shortId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { type Identity, isAlive, myself } from '../process/identity.js'
import { claim, listIfThere, makeFolder, readIfThere, remove, replaceFile } from '../store/file.js'
import { parseLine } from '../store/lines.js'
import { latestOwner } from '../table/owners.js'
import { exists, read, readIfIntact, type Session } from '../table/sessions.js'
import { statusOf } from './state.js'

/** So deep sessions may nest below one that was started outside of any, unless somebody says otherwise: a fork bomb ends here. */
const MAX_DEPTH = 5
/** So many children of a session may be alive at once, unless somebody says otherwise. */
const MAX_CHILDREN = 100

/** What is asked for, by flags or by the configuration. */
export interface Wish {
  maxDepth?: number
  maxChildren?: number
}

export type Limits = Pick<Session, 'max_depth' | 'max_children' | 'limited_by'>

/**
 * The limits of a new session, whose parent is given if it has one. `asked` goes before `usual`, which counts outside of sessions only.
 * Throws a Fault (4) if the parent may have no child so deep, if it is being ended, or if more is asked for than it leaves.
 */
export function limitsFor(id: string, parent: string | undefined, asked: Wish, usual: Wish): Limits {
  const above = parent === undefined ? undefined : read(parent)
  if (!above) {
    const { maxDepth = usual.maxDepth ?? MAX_DEPTH, maxChildren = usual.maxChildren ?? MAX_CHILDREN } = asked
    // They are its own.
    return { max_depth: maxDepth, max_children: maxChildren, limited_by: undefined }
  }
  const { max_depth = MAX_DEPTH, max_children = MAX_CHILDREN, limited_by = { depth: above.id, children: above.id } } = above
  if (max_depth < 1)
    throw new Fault(
      `session ${above.id} is as deep as sessions may nest: ${source('depth', limited_by.depth)}: do it in this one, or ask for more when that one is started`,
      EXIT.notNow,
    )
  mustBeOpen(above.id)
  mustLeave('--max-depth', asked.maxDepth, max_depth - 1, above.id)
  mustLeave('--max-children', asked.maxChildren, max_children, above.id)
  const { maxDepth = max_depth - 1, maxChildren = max_children } = asked
  return {
    max_depth: maxDepth,
    max_children: maxChildren,
    limited_by: {
      depth: maxDepth < max_depth - 1 ? id : limited_by.depth,
      children: maxChildren < max_children ? id : limited_by.children,
    },
  }
}

/** The same where more than a parent leaves is no wish of now: the least of both. */
export function limitsAgain(id: string, parent: string | undefined, before: Wish, usual: Wish): Limits {
  const above = parent === undefined ? undefined : read(parent)
  const { max_depth = MAX_DEPTH, max_children = MAX_CHILDREN } = above ?? {}
  const least = (wish: number | undefined, left: number) => (wish === undefined || !above ? wish : Math.min(wish, left))
  const asked = { maxDepth: least(before.maxDepth, Math.max(0, max_depth - 1)), maxChildren: least(before.maxChildren, max_children) }
  return limitsFor(id, parent, asked, usual)
}

function mustLeave(flag: string, asked: number | undefined, left: number, parent: string): void {
  if (asked !== undefined && asked > left)
    throw new Fault(`${flag} ${asked} is more than session ${parent} leaves, in which this is asked for: ${left} at the most`, EXIT.notNow)
}

/** Whose limit it is, in words. */
function source(what: 'depth' | 'children', id: string): string {
  const { name, flags, max_depth, max_children } = readIfIntact(id) ?? {}
  const [flag, key, value] =
    what === 'depth'
      ? ['--max-depth', 'max_depth', flags?.maxDepth ?? max_depth]
      : ['--max-children', 'max_children', flags?.maxChildren ?? max_children]
  const whose = `session ${shortId(id)}${name === undefined ? '' : ` ${name}`}`
  const asked = what === 'depth' ? flags?.maxDepth : flags?.maxChildren
  if (value === undefined) return `the limit of ${whose}`
  return asked === undefined ? `${key} = ${value} held when ${whose} was started` : `${flag} ${value} of ${whose}`
}

/** From now on this run of a session starts no other: it is being ended. Throws a Fault (5) if that cannot be written. */
export function closeTo(id: string, run: number): void {
  replaceFile(paths.inSession(id, 'closed'), JSON.stringify({ run }))
}

/** Throws a Fault (4) if a session is being ended, or was and did not run since. */
export function mustBeOpen(id: string): void {
  const text = readIfThere(paths.inSession(id, 'closed'))
  const run = text === undefined ? undefined : parseLine(text)?.run
  if (typeof run === 'number' && run >= (latestOwner(id)?.run ?? 0))
    throw new Fault(`session ${id} is being ended and starts no other: start it from outside of that session`, EXIT.notNow)
}

/** A place among the living children of a session. */
export interface Place {
  /** The child is on record: the place is its until it is over. */
  keep(): void
  /** There is no child after all. */
  giveBack(): void
}

/** A place for a new session among its parent's children; nothing if it has no parent. Throws Faults: 4 if there is none, 5 if it cannot be claimed. */
export function placeFor({ id, parent }: Pick<Session, 'id' | 'parent'>): Place | undefined {
  const above = parent === undefined ? undefined : read(parent)
  if (!above) return undefined
  const { max_children: most = MAX_CHILDREN, limited_by } = above
  const folder = paths.inSession(above.id, 'children')
  makeFolder(folder)
  const path = claimPlace(above.id, most, JSON.stringify({ child: id, maker: myself() }))
  if (path === undefined)
    throw new Fault(
      `session ${above.id} has ${most} living children and may have no more: ${source('children', limited_by?.children ?? above.id)}: wait until one is over`,
      EXIT.notNow,
    )
  return {
    keep: () => replaceFile(path, JSON.stringify({ child: id })),
    // Removed it would let a turn be counted twice.
    giveBack: () => replaceFile(path, '{}'),
  }
}

function claimPlace(parent: string, most: number, holder: string): string | undefined {
  for (let turns = turnsIn(parent), place = turns.size + 1; place <= most; place++) {
    if (turns.has(place)) continue
    const path = placePath(parent, place, 1)
    if (!claim(path, holder)) continue
    if (turnsIn(parent).get(place) === 1) return path
    remove(path)
  }
  for (const [place, turn] of turnsIn(parent)) {
    if (place > most || isHeld(parent, place, turn)) continue
    const path = placePath(parent, place, turn + 1)
    if (!claim(path, holder)) continue
    // One who was asleep meanwhile can have claimed a turn that is long over.
    if (turnsIn(parent).get(place) === turn + 1) {
      remove(placePath(parent, place, turn))
      return path
    }
    remove(path)
  }
  return undefined
}

/** The highest turn of each place. */
function turnsIn(parent: string): Map<number, number> {
  const turns = new Map<number, number>()
  for (const name of listIfThere(paths.inSession(parent, 'children'))) {
    const [, place, turn] = /^(\d+)\.(\d+)$/.exec(name) ?? []
    if (place !== undefined) turns.set(Number(place), Math.max(turns.get(Number(place)) ?? 0, Number(turn)))
  }
  return turns
}

/** Whether a child that is not over has the place, or somebody is making one for it. */
function isHeld(parent: string, place: number, turn: number): boolean {
  const text = readIfThere(placePath(parent, place, turn))
  // Somebody followed this moment.
  if (text === undefined) return true
  const { child, maker } = parseLine(text) ?? {}
  if (typeof child === 'string' && exists(child)) return !statusOf(child).over
  return maker !== undefined && isAlive(maker as Identity)
}

function placePath(parent: string, place: number, turn: number): string {
  return paths.ofSession(parent, `children/${place}.${turn}`)
}
