// Files that a worktree is to have though git ignores them: [worktree] carry. They are copied, never linked, so nothing that
// an agent does to them reaches the main tree. A symbolic link that still leads there from the copy is refused.
//
// What is not in the main tree is passed over, because a list is for every clone; what the commit has already stays as it is.

import { existsSync, lstatSync, realpathSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { codeOf, quoted, refused, usage } from '../base/exit.js'
import { copyTree, makeFolder, walk } from '../store/file.js'
import type { Worktree } from '../table/sessions.js'
import { tryGit } from './git.js'
import { rootOfAgent } from './place.js'

/** Copies the paths, which are relative to the project's root. Throws usage for one that leads out of it or that git would not ignore. */
export async function carry(root: string, worktree: Worktree, carried: readonly string[]): Promise<void> {
  const into = rootOfAgent({ root, worktree })
  for (const path of carried) {
    const [from, to] = [join(root, path), join(into, path)]
    if (!isThere(from) || lstatSync(to, { throwIfNoEntry: false })?.isDirectory() === false) continue
    if (!isWithin(root, from) || !isWithin(worktree.path, nearestThere(to)))
      throw usage(`[worktree] carry: ${quoted(path)} leads out of the project`)
    makeFolder(dirname(to))
    // Of a link it is the target that is copied.
    await copyTree(realpathSync(from), to)
    const link = linkInto(worktree.repo, to, worktree.path)
    if (link !== undefined)
      throw usage(
        `[worktree] carry: ${quoted(relative(into, link))} would be a link into the main tree, where the agent would write: make it relative, or do without`,
      )
    const ignored = await tryGit(worktree.path, ['check-ignore', '--quiet', '--', to])
    if (!ignored.ok)
      throw usage(`[worktree] carry: ${quoted(path)} is not ignored by git, so it would count as a change: add it to .gitignore`)
  }
}

/** A link into the main tree among what was copied. */
function linkInto(repo: string, copied: string, own: string): string | undefined {
  if (!lstatSync(copied).isDirectory()) return undefined
  return [...walk(copied)].find(({ path, entry }) => entry.isSymbolicLink() && isWithin(repo, path) && !isWithin(own, path))?.path
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    // Below a file there is nothing.
    if (codeOf(error) === 'ENOTDIR') return false
    throw refused(`cannot look at ${quoted(path)}`, error)
  }
}

/** Whether a path that is there lies in a folder, symbolic links followed. */
function isWithin(folder: string, path: string): boolean {
  const real = realPath(path)
  return real !== undefined && !/^\.\.(?:\/|$)/.test(relative(realpathSync(folder), real))
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    // A symbolic link to nothing: where it leads cannot be told.
    return undefined
  }
}

function nearestThere(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : nearestThere(dirname(path))
}
