// The index of a home against its sessions, by the files alone.

import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { asked, folders } from './files.js'
import type { Place } from './place.js'

/** What a session is to be found by, as kind and key. */
function keysOf(place: Place, id: string): string[] {
  const {
    tags = [],
    name,
    parent,
    group,
    depends_on = [],
  } = asked(place, id) as Partial<Record<string, string>> & {
    tags?: string[]
    depends_on?: string[]
  }
  const one = (kind: string, key: string | undefined) => (key === undefined ? [] : [`${kind}/${key}`])
  return [
    ...one('end', id.slice(-2)),
    ...one('name', name),
    ...one('parent', parent),
    ...one('group', group),
    ...tags.map(tag => `tag/${tag}`),
    ...depends_on.map(other => `after/${other}`),
  ]
}

/** The entries there are: ids by kind and key. A key that is too long for one name goes on in a folder that ends in `+`. */
function entries({ home }: Place): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  const index = join(home, 'index')
  for (const entry of existsSync(index) ? readdirSync(index, { recursive: true, withFileTypes: true }) : []) {
    if (entry.isDirectory()) continue
    const key = decodeURIComponent(entry.parentPath.slice(index.length + 1).replaceAll('+/', ''))
    found.set(key, (found.get(key) ?? new Set()).add(entry.name))
  }
  return found
}

/** The sessions of these that are there, and not found by all that they are to be found by. */
export function unfiled(place: Place, ids: Iterable<string>): string[] {
  const found = entries(place)
  const there = new Set(folders(place))
  return [...new Set(ids)].flatMap(id =>
    there.has(id)
      ? keysOf(place, id)
          .filter(key => !found.get(key)?.has(id))
          .map(key => `${id}: is not in the index under ${key}`)
      : [],
  )
}

/** Entries that no session is behind. */
export function stray(place: Place): string[] {
  const due = new Set(folders(place).flatMap(id => keysOf(place, id).map(key => `${key}/${id}`)))
  const found = [...entries(place)].flatMap(([key, ids]) => [...ids].map(id => `${key}/${id}`))
  return found.filter(entry => !due.has(entry)).map(entry => `the index has ${dirname(entry)} of ${basename(entry)}, which is not so`)
}
