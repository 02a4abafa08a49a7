// The index: empty files that tell which sessions have a tag, a name, a parent. It only finds candidates and can be made again.

import { join } from 'node:path'
import { isId } from '../base/id.js'
import { ofKey } from '../base/name.js'
import { type IndexKind, paths } from '../base/paths.js'
import { listIfThere, remove, removeEmptyFolder, touch } from '../store/file.js'
import type { Session } from './sessions.js'

/** The ids filed under a key, oldest first. */
export function indexed(kind: IndexKind, key: string): string[] {
  return listIfThere(paths.index(kind, key)).filter(isId).sort()
}

/** The keys that sessions are filed under, in the order of their encoding. What has no key is left out. */
export function keys(kind: IndexKind): string[] {
  return filesBelow(join(paths.indexes(), kind), '').flatMap(path => ofKey(path) ?? [])
}

/** Folders that are no part of a longer key: a long one goes on in a folder of its own (base/name, keyOf). */
function filesBelow(folder: string, before: string): string[] {
  const names = listIfThere(join(folder, before)).sort()
  return names.flatMap(name => (name.endsWith('+') ? filesBelow(folder, `${before}${name}/`) : `${before}${name}`))
}

/** The key of the index `end`: what an id ends in. */
export const endOf = (id: string) => id.slice(-2)

/** Files a session under all that it can be found by. */
export function file(session: Session): void {
  for (const entry of entriesOf(session)) touch(join(entry, session.id))
}

/** Takes a session out of the index, but for what `after`, the same session changed, is filed under. */
export function unfile(session: Session, after?: Session): void {
  const kept = after ? entriesOf(after) : []
  for (const entry of entriesOf(session)) if (!kept.includes(entry)) removeEntry(entry, session.id)
}

/** Removes one entry, and its folder if it was the last. */
export function removeEntry(folder: string, id: string): void {
  remove(join(folder, id))
  removeEmptyFolder(folder)
}

/** The folders of the index that a session is filed in. */
export function entriesOf(session: Session): string[] {
  return [
    paths.index('end', endOf(session.id)),
    paths.index('group', session.group),
    ...(session.name ? [paths.index('name', session.name)] : []),
    ...(session.parent ? [paths.index('parent', session.parent)] : []),
    ...[...new Set(session.tags)].map(tag => paths.index('tag', tag)),
    ...session.depends_on.map(id => paths.index('after', id)),
  ]
}
