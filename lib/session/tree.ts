// Sessions as a tree: who started whom. The index finds the children of a session; rows of any kind can be put in tree order.
//
// Broken data can make a loop of parents: whatever walks here visits each session once, and so comes to an end.

import { indexed } from '../table/filing.js'
import { exists, readIfIntact } from '../table/sessions.js'

/** The sessions that a session started and that are still there, oldest first. */
export function childrenOf(id: string): string[] {
  return indexed('parent', id).filter(child => exists(child) && (readIfIntact(child)?.parent ?? id) === id)
}

/** What descends from sessions, each once with how far below the nearest of them it was found; none of them itself. */
export function descendantsOf(ids: readonly string[], children: (id: string) => string[] = childrenOf): Map<string, number> {
  const roots = new Set(ids)
  const found = new Map<string, number>()
  for (let [level, depth] = [[...roots], 1]; level.length > 0; depth++) {
    const next: string[] = []
    for (const child of level.flatMap(children)) {
      if (roots.has(child) || found.has(child)) continue
      found.set(child, depth)
      next.push(child)
    }
    level = next
  }
  return found
}

/** The sessions that one descends from and that are still there, nearest first. */
export function ancestorsOf(id: string): string[] {
  const found = new Set<string>()
  for (let at = readIfIntact(id)?.parent; at !== undefined && at !== id && !found.has(at) && exists(at); at = readIfIntact(at)?.parent)
    found.add(at)
  return [...found]
}

/** One of many in tree order: how far it is below the top of its tree, and the lines that lead to it on a page. */
export interface Placed<T> {
  one: T
  depth: number
  lines: string
}

/**
 * Many in the order of their trees: each under its parent, brothers and roots as they were given. What has no parent among them is a
 * root; of a loop the first one is.
 */
export function inTreeOrder<T>(all: readonly T[], idOf: (one: T) => string, parentOf: (one: T) => string | undefined): Placed<T>[] {
  const known = new Map(all.map(one => [idOf(one), one]))
  const below = new Map<string, T[]>()
  const roots: T[] = []
  for (const one of known.values()) {
    const parent = parentOf(one)
    const brothers = parent === undefined || !known.has(parent) || parent === idOf(one) ? roots : (below.get(parent) ?? [])
    if (brothers !== roots) below.set(parent as string, brothers)
    brothers.push(one)
  }
  const placed: Placed<T>[] = []
  const seen = new Set<string>()
  // What no root leads to is in a loop, or below one.
  for (const root of [...roots, ...known.values()]) walk(root)
  return placed

  function walk(root: T): void {
    const waiting = [{ one: root, depth: 0, lines: '', indent: '' }]
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const { one, depth, lines, indent } = next
      if (seen.has(idOf(one))) continue
      seen.add(idOf(one))
      placed.push({ one, depth, lines })
      const children = (below.get(idOf(one)) ?? []).filter(child => !seen.has(idOf(child)))
      const nodes = children.map((child, at) => {
        const isLast = at === children.length - 1
        return { one: child, depth: depth + 1, lines: `${indent}${isLast ? '└─ ' : '├─ '}`, indent: `${indent}${isLast ? '   ' : '│  '}` }
      })
      waiting.push(...nodes.reverse())
    }
  }
}
