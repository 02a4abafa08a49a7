// Files that a worktree is to have though git ignores them: [worktree] carry. They are copied, never linked, so nothing that
// an agent does to them reaches the main tree.
//
// What is not in the main tree is passed over, because a list is for every clone; what the commit has already stays as it is.

import { existsSync, lstatSync, realpathSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { quoted, usage } from '../base/exit.js'
import { copyTree, makeFolder } from '../store/file.js'
import type { Worktree } from '../table/sessions.js'
import { tryGit } from './git.js'
import { rootOfAgent } from './place.js'

/** Copies the paths, which are relative to the project's root. Throws usage for one that leads out of it or that git would not ignore. */
export async function carry(root: string, worktree: Worktree, carried: readonly string[]): Promise<void> {
  const into = rootOfAgent({ root, worktree })
  for (const path of carried) {
    const [from, to] = [join(root, path), join(into, path)]
    if (lstatSync(from, { throwIfNoEntry: false }) === undefined || lstatSync(to, { throwIfNoEntry: false })?.isDirectory() === false)
      continue
    if (!isWithin(root, from) || !isWithin(worktree.path, nearestThere(to)))
      throw usage(`[worktree] carry: ${quoted(path)} leads out of the project`)
    makeFolder(dirname(to))
    await copyTree(from, to)
    const ignored = await tryGit(worktree.path, ['check-ignore', '--quiet', '--', to])
    if (!ignored.ok)
      throw usage(`[worktree] carry: ${quoted(path)} is not ignored by git, so it would count as a change: add it to .gitignore`)
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
