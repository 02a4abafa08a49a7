// Where a path really leads: whoever keeps something within a folder asks here, because links and `..` lead out of it.

import { fstatSync, lstatSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { codeOf, quoted, reason } from './exit.js'

/** The real path of a file in the folder, wherever links lead; of one that is still to be made, by its folder. Throws an Error, which an agent can be told, for any other. */
export function within(root: string, path: string): string {
  const real = realOf(resolve(root, path))
  if (!isWithin(realpathSync(root), real)) throw new Error(`${quoted(path)} is not in the project`)
  return real
}

/** Whether what was opened by a real path is there: not where a folder above it has meanwhile become a link to another. */
export function isAt(fd: number, real: string): boolean {
  const opened = fstatSync(fd, { bigint: true })
  const there = lstatSync(real, { bigint: true, throwIfNoEntry: false })
  return there !== undefined && there.ino === opened.ino && there.dev === opened.dev && leadsTo(real)
}

/** Whether a path, which was a real one, still is: no folder above it has become a link. */
export function leadsTo(real: string): boolean {
  try {
    return realOf(real) === real
  } catch {
    // A link to nothing.
    return false
  }
}

/** Whether a real path is the folder or in it. */
export function isWithin(folder: string, real: string): boolean {
  return real === folder || real.startsWith(folder === sep ? sep : folder + sep)
}

/** The real path of a file, also of one that is still to be made. `path` is absolute. Throws an Error for a link that leads to nothing. */
export function realOf(path: string): string {
  try {
    return realpathSync(path)
  } catch (error) {
    const code = codeOf(error)
    // Below a file, or too long, nothing can be made.
    if (code === 'ENOTDIR' || code === 'ENAMETOOLONG')
      throw Object.assign(new Error(`cannot look at ${quoted(path)}: ${reason(error)}`), { code })
    const folder = dirname(path)
    // Whoever writes through a link to nothing makes what it leads to.
    const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()
    if (folder === path || isLink) throw new Error(`cannot look at ${quoted(path)}: ${reason(error)}`)
    return join(realOf(folder), basename(path))
  }
}
