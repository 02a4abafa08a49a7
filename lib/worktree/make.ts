// Making the worktree of a session, and looking that it is the right one before the agent starts.
//
// A worktree has a branch of its own, zag/<name>, that follows no other, from a commit that is looked up once. Branches and worktrees
// of one repository are made one after another, because git's own files get in each other's way; the files are checked out
// outside of the lock. The lock is a politeness: git itself makes a branch for one caller only. What goes wrong at any step takes
// away all that was made.

import { realpathSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { EXIT, Fault, quoted, usage } from '../base/exit.js'
import { outOfWorktree, paths } from '../base/paths.js'
import { makeFolder, remove, removeTree, replaceFile, sizeIfThere } from '../store/file.js'
import { openHome } from '../store/home.js'
import { withLock } from '../store/lock.js'
import type { Session, Worktree } from '../table/sessions.js'
import { carry } from './carry.js'
import { git, tryGit, word } from './git.js'
import { worktreeNames } from './name.js'

/** How long to wait (ms) while others make branches in the same repository. */
const WAIT = 60_000

/** Where a worktree is made from. */
interface Origin {
  /** The tree that the folder is in, with no symbolic link in its path; and of a worktree of zag the main tree it came from. */
  top: string
  repo: string
  /** The folder that all worktrees of the repository share. */
  common: string
  /** The commit that HEAD is. */
  base: string
}

export interface Wanted {
  /** A name that has to be free; `true` for one that is made from `after`, or from the session's. */
  name: string | true
  after?: string
  /** Paths of the project that git ignores and that are to be there all the same. */
  carried: readonly string[]
}

/**
 * The session with a worktree of its own, made just now. Throws a Fault and leaves nothing: 2 if there can be no such worktree,
 * 4 if others are at the repository for too long, 5 if the system refuses, 127 without git.
 */
export async function giveWorktree(session: Session, { name, after = session.name, carried }: Wanted): Promise<Session> {
  const names = worktreeNames({ id: session.id, name: after }, name)
  const origin = await originOf(session.cwd)
  openHome()
  const folder = join(paths.worktrees(), await keyOfRepository(origin.common))
  makeFolder(folder)
  const worktree = await withLock(folder, () => addFirst(realpathSync(folder), names, origin), { wait: WAIT })
  try {
    replaceFile(paths.ofWorktree(worktree.path), `${JSON.stringify({ repo: worktree.repo, session: session.id })}\n`)
    // --force, because without files or an index everything counts as deleted.
    await git('cannot fill the worktree', worktree.path, ['checkout', '--quiet', '--force'])
    await carry(session.root, worktree, carried)
  } catch (error) {
    await takeAway(worktree)
    throw error
  }
  return { ...session, cwd: join(worktree.path, relative(origin.top, session.cwd)), worktree }
}

/** Takes a worktree away again that nobody has used, with its branch. What went wrong before is what is told. */
export async function takeAway({ path, branch, repo }: Worktree): Promise<void> {
  try {
    await tryGit(repo, ['worktree', 'remove', '--force', '--force', path])
    removeTree(path)
    await tryGit(repo, ['worktree', 'prune'])
    await tryGit(repo, ['branch', '--quiet', '-D', branch])
    remove(paths.ofWorktree(path))
  } catch (error) {
    if (!(error instanceof Fault)) throw error
  }
}

/** Throws a Fault (5) unless the session's folder is in the worktree that was made for it, on its branch when its agent is `first` started: later that is the agent's to choose. */
export async function checkWorktree({ cwd, worktree }: Session, { first }: { first: boolean }): Promise<void> {
  if (!worktree) return
  const { path, branch, repo } = worktree
  const at = await tryGit(cwd, ['rev-parse', '--show-toplevel'])
  if (!at.ok) throw gone(path, `git: ${at.why}`)
  if (word(at.stdout) !== path) throw gone(path, `${quoted(cwd)} is in ${quoted(word(at.stdout))}`)
  const head = await tryGit(cwd, ['symbolic-ref', '--quiet', 'HEAD'])
  if (first && word(head.stdout) !== `refs/heads/${branch}`) throw gone(path, `it is not on the branch ${quoted(branch)}`)
  const [own, theirs] = [await commonOf(cwd), await commonOf(repo)]
  if (own !== theirs) throw gone(path, `it is no longer one of ${quoted(repo)}`)
}

function gone(path: string, why: string): Fault {
  return new Fault(`the worktree ${quoted(path)} is not as it was made: ${why}`, EXIT.system)
}

async function originOf(cwd: string): Promise<Origin> {
  const at = await tryGit(cwd, ['rev-parse', '--show-toplevel'])
  if (!at.ok && /not a git repository/.test(at.why)) throw usage(`${quoted(cwd)} is in no git repository: --worktree needs one`)
  if (!at.ok) throw usage(`there can be no worktree of ${quoted(cwd)}: git: ${at.why}`)
  const top = realpathSync(word(at.stdout))
  const head = await tryGit(top, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'])
  if (!head.ok) throw usage(`the repository ${quoted(top)} has no commit yet: --worktree needs one to begin with`)
  const base = word(head.stdout)
  const below = relative(top, cwd)
  if (below !== '' && word((await tryGit(top, ['cat-file', '-t', `${base}:${below}`])).stdout) !== 'tree')
    throw usage(`the folder ${quoted(below)} is in no commit, so a worktree would not have it: commit it, or give another --root`)
  return { top, repo: outOfWorktree(top), common: await commonOf(top), base }
}

/** The folder with what all worktrees of a repository share, without symbolic links. */
async function commonOf(folder: string): Promise<string> {
  const said = word(await git(`cannot find the repository of ${quoted(folder)}`, folder, ['rev-parse', '--git-common-dir']))
  return realpathSync(resolve(folder, said))
}

/** A name for people and a hash of the path, so that no two repositories share a folder. */
async function keyOfRepository(common: string): Promise<string> {
  const { createHash } = await import('node:crypto')
  const label = basename(basename(common) === '.git' ? dirname(common) : common).replace(/[^A-Za-z0-9._-]+/g, '-')
  return `${label.replace(/^\.+/, '').slice(0, 60)}-${createHash('sha256').update(common).digest('hex').slice(0, 12)}`
}

/** Adds a worktree, without its files, by the first name that is free. */
async function addFirst(folder: string, names: readonly string[], { repo, top, base }: Origin): Promise<Worktree> {
  for (const [at, name] of names.entries()) {
    const worktree = { path: join(folder, name), branch: `zag/${name}`, base, repo }
    const taken = (await whyTaken(top, worktree)) ?? (await add(top, worktree))
    if (taken === undefined) return worktree
    if (at === names.length - 1) throw usage(taken)
  }
  throw new Error('a worktree has at least one name')
}

/**
 * Makes the branch, then the worktree: of the two git makes each for one caller only, so the branch is ours once that is done, and
 * nothing before. Gives why the name is taken, if another came first after all, as can be if two hold the lock.
 */
async function add(top: string, { branch, path, base }: Worktree): Promise<string | undefined> {
  const made = await tryGit(top, ['branch', '--no-track', branch, base])
  if (!made.ok && /already exists|File exists/.test(made.why))
    return `the branch ${quoted(branch)} is taken: give another name: git: ${made.why}`
  if (!made.ok) throw new Fault(`cannot make the branch ${quoted(branch)}: git: ${made.why}`, EXIT.system)
  const { ok, why } = await tryGit(top, ['worktree', 'add', '--no-checkout', path, branch])
  if (ok) return undefined
  // What it made of the folder git has taken away itself, and what is there now is somebody else's.
  await tryGit(top, ['branch', '--quiet', '-D', branch])
  if (/already exists/.test(why)) return `the folder ${quoted(path)} is there already: give another name, or remove it`
  throw new Fault(`cannot make the worktree ${quoted(path)}: git: ${why}`, EXIT.system)
}

async function whyTaken(top: string, { branch, path }: Worktree): Promise<string | undefined> {
  const found = await tryGit(top, ['show-ref', '--verify', '--quiet', `refs/heads/${branch}`])
  const there = sizeIfThere(path) !== undefined
  if (found.ok && there)
    return `the branch ${quoted(branch)} is there already, and its worktree: give another name, or delete the session that has it`
  if (found.ok) return `the branch ${quoted(branch)} is there already: give another name, or remove it: git branch -d ${branch}`
  return !there ? undefined : `the folder ${quoted(path)} is there already: give another name, or remove it`
}
