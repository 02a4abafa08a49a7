// Removing worktrees without losing work. What is nowhere else is: files that are not committed, commits that only the
// session's own branch has. What git ignores does not count, as everywhere in git.

import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { EXIT, Fault, quoted } from '../base/exit.js'
import { shortId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { openFolders, remove, removeTree, sizeIfThere } from '../store/file.js'
import { processes } from '../table/processes.js'
import { readIfIntact, type Session, type Worktree } from '../table/sessions.js'
import { git, tryGit, word } from '../worktree/git.js'
import { gitFolderOf, overlookedIn } from '../worktree/overlooked.js'
import { statusOf } from './state.js'

/** Where a worktree is and whose it is: all that its removal needs. */
export type Removable = Pick<Worktree, 'path' | 'branch' | 'repo'>

/** A session that stays because of its worktree. */
export interface Dirty {
  session_id: string
  worktree: string
  branch: string
  repo: string
  why: string
}

/** Why a worktree may not be removed, in words that follow "it"; nothing if no work is lost by it, or if it is gone already. */
export async function lossIn(worktree: Removable): Promise<string | undefined> {
  if (sizeIfThere(worktree.path) === undefined) return undefined
  try {
    const user = userOf(worktree.path)
    if (user !== undefined) return `is where session ${user} works`
    if (isLocked(worktree.path)) return 'is locked: git worktree unlock opens it'
    const changes = await changesIn(worktree.path)
    if (changes.length > 0) return `has ${changes.length} uncommitted or untracked ${changes.length === 1 ? 'file' : 'files'}`
    const overlooked = await overlookedIn(worktree.path)
    if (overlooked !== undefined) return overlooked
    const only = await commitsOnlyIn(worktree)
    return only > 0 ? `has ${only} ${only === 1 ? 'commit' : 'commits'} that no other branch has` : undefined
  } catch (error) {
    // What cannot be looked at may hold work.
    if (error instanceof Fault) return `cannot be looked at: ${error.message}`
    throw error
  }
}

/** Whether there is a worktree of the session. */
export function hasWorktree(id: string): boolean {
  const worktree = readIfIntact(id)?.worktree
  return worktree !== undefined && sizeIfThere(worktree.path) !== undefined
}

/** What keeps a session: work in its worktree that would be lost with it. */
export async function dirtyIn(session_id: string): Promise<Dirty | undefined> {
  const worktree = readIfIntact(session_id)?.worktree
  if (!worktree) return undefined
  const why = await lossIn(worktree)
  const { path, branch, repo } = worktree
  return why === undefined ? undefined : { session_id, worktree: path, branch, repo, why }
}

/** The Fault (4) for a session that is to be removed and whose worktree holds work. */
export function wouldLose({ session_id, worktree, repo, why }: Dirty): Fault {
  const save = `zag collect --patch ${shortId(session_id)} shows the changes, git -C ${quoted(repo)} worktree remove --force ${quoted(worktree)} gives up what is not committed`
  return new Fault(`the worktree of session ${session_id} ${why}: ${save}`, EXIT.notNow)
}

/**
 * Removes a worktree and its branch. The branch stays where it has commits of its own, as it does when the worktree was
 * removed by hand. Throws a Fault (5) if git refuses, as it does when there is something to lose after all.
 */
export async function removeWorktree({ path, branch, repo }: Removable): Promise<void> {
  if (sizeIfThere(path) !== undefined) await detach({ path, branch, repo })
  remove(paths.ofWorktree(path))
  if (sizeIfThere(repo) === undefined) return
  await tryGit(repo, ['worktree', 'prune'])
  const tip = await tipOf(repo, branch)
  if (tip !== undefined && (await commitsOnlyIn({ path, branch, repo })) === 0) await tryGit(repo, ['branch', '--quiet', '-D', branch])
}

async function detach(worktree: Removable): Promise<void> {
  const { path, repo } = worktree
  let { ok, why } = await tryGit(repo, ['worktree', 'remove', path])
  // Git leaves alone what has submodules, changed or not.
  if (!ok && /submodule/.test(why)) {
    const loss = await lossIn(worktree)
    if (loss !== undefined) throw new Fault(`cannot remove the worktree ${quoted(path)}: it ${loss}`, EXIT.system)
    ;({ ok, why } = await tryGit(repo, ['worktree', 'remove', '--force', path]))
  }
  if (ok) return
  if (!/failed to delete/.test(why) || (await isKnown(repo, path)))
    throw new Fault(`cannot remove the worktree ${quoted(path)}: git: ${why}`, EXIT.system)
  // Git found nothing to lose in it, and has forgotten it, though an agent left folders there that nobody may write to.
  openFolders(path)
  removeTree(path)
}

async function isKnown(repo: string, path: string): Promise<boolean> {
  const listed = await git('cannot list worktrees', repo, ['worktree', 'list', '--porcelain'])
  return listed.toString().split('\n').includes(`worktree ${path}`)
}

/** Whether somebody told git to keep it. */
function isLocked(path: string): boolean {
  const folder = gitFolderOf(path)
  return folder !== undefined && sizeIfThere(join(folder, 'locked')) !== undefined
}

/** A session that is not over and works below the folder. */
function userOf(folder: string): string | undefined {
  const { rows } = processes().rows({ all: false })
  return rows.map(({ id }) => id).find(id => isBelow(folder, readIfIntact(id)) && !statusOf(id).over)
}

const isBelow = (folder: string, session: Session | undefined) => session !== undefined && `${session.cwd}/`.startsWith(`${folder}/`)

async function changesIn(path: string): Promise<string[]> {
  const what = 'cannot look for changes'
  const said = await git(what, path, ['status', '--porcelain', '-z', '--no-renames', '--untracked-files=all', '--ignore-submodules=none'])
  return said.toString().split('\0').filter(Boolean)
}

/** How many commits of the branch, and of what is checked out, no other branch, tag or remote has, nor the main tree. */
async function commitsOnlyIn({ path, branch, repo }: Removable): Promise<number> {
  const what = 'cannot look for commits'
  const head = lstatSync(path, { throwIfNoEntry: false }) ? word(await git(what, path, ['rev-parse', 'HEAD'])) : undefined
  const tips = [await tipOf(repo, branch), head].filter(tip => tip !== undefined)
  if (tips.length === 0) return 0
  const elsewhere = ['--not', `--exclude=${branch}`, '--branches', '--remotes', '--tags', 'HEAD']
  return Number(word(await git(what, repo, ['rev-list', '--count', ...tips, ...elsewhere])))
}

async function tipOf(repo: string, branch: string): Promise<string | undefined> {
  const { ok, stdout } = await tryGit(repo, ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`])
  return ok ? word(stdout) : undefined
}
