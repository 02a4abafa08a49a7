// What a session changed in its worktree since the commit it began with: committed, uncommitted, and new files that git does not
// ignore. Git reads a copy of the index and writes what it must into a folder of its own, so neither the worktree nor the
// repository is touched; the agent may be at work meanwhile.

import { join, resolve } from 'node:path'
import { Fault, quoted } from '../base/exit.js'
import { newId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { copySlice, makeFolder, removeTree, sizeIfThere } from '../store/file.js'
import { openHome } from '../store/home.js'
import { read, type Worktree } from '../table/sessions.js'
import { git, tryGit, word } from './git.js'

/** A diff that `git apply` takes, byte for byte; empty if nothing was changed. Or in words that follow "no patch:", why there is none. `without`: repositories in it that are none of its submodules, of whose files no patch can tell. */
export type Patch = { bytes: Buffer; why?: undefined; without?: string[] } | { bytes?: undefined; why: string; without?: undefined }

/** As git prints a patch that holds everything: plumbing, which no setting of a user bends. */
const WHOLE = ['--patch', '--binary', '--full-index', '--no-color', '--no-ext-diff', '--no-textconv']

/** What a session changed. What stands in the way of an answer is told in its place. */
export async function patchOf(id: string): Promise<Patch> {
  const worktree = read(id)?.worktree
  if (!worktree) return { why: 'it has no worktree' }
  try {
    if (sizeIfThere(worktree.path) !== undefined) return await patchOfFiles(worktree)
    return await patchOfBranch(worktree)
  } catch (error) {
    if (error instanceof Fault) return { why: error.message }
    throw error
  }
}

/** The paths, below the worktree, of all that differs from the commit it began with; nothing where that cannot be told. */
export async function changedIn({ path, base }: Worktree): Promise<string[] | undefined> {
  if (sizeIfThere(path) === undefined) return undefined
  const committed = await tryGit(path, ['diff-tree', '-r', '--name-only', '--no-renames', '-z', base, 'HEAD'])
  const others = await tryGit(path, ['status', '--porcelain', '-z', '--no-renames', '--untracked-files=all'])
  if (!committed.ok || !others.ok) return undefined
  const named = (text: Buffer) => text.toString().split('\0').filter(Boolean)
  return [...new Set([...named(committed.stdout), ...named(others.stdout).map(line => line.slice(3))])].sort()
}

async function patchOfFiles({ path, base }: Worktree): Promise<Patch> {
  const what = `cannot compare ${quoted(path)}`
  openHome()
  // What a kill leaves there, zag gc takes for what it is.
  const folder = join(paths.aside(), `${newId()}.patch`)
  try {
    makeFolder(join(folder, 'objects'))
    const env = await apart(path, folder)
    // Those git lists as folders, and all other new files one by one.
    const others = await git(what, path, ['ls-files', '--others', '--exclude-standard', '-z'], env)
    const without = others
      .toString()
      .split('\0')
      .filter(name => name.endsWith('/'))
      .map(name => name.slice(0, -1))
    await git(what, path, ['add', '--all', '--', '.', ...without.map(name => `:(exclude,top,literal)${name}`)], env)
    const bytes = await git(what, path, ['diff-index', '--cached', ...WHOLE, base, '--'], env)
    return without.length > 0 ? { bytes, without } : { bytes }
  } finally {
    removeTree(folder)
  }
}

/** An index and a place for objects that are nobody else's. */
async function apart(path: string, folder: string): Promise<NodeJS.ProcessEnv> {
  const said = await git(`cannot compare ${quoted(path)}`, path, ['rev-parse', '--git-path', 'index', '--git-path', 'objects'])
  const [index = '', objects = ''] = word(said)
    .split('\n')
    .map(each => resolve(path, each))
  const size = sizeIfThere(index)
  if (size !== undefined) copySlice(index, 0, size, join(folder, 'index'))
  const own = { GIT_INDEX_FILE: join(folder, 'index') }
  // In a list of paths a colon separates: such an object store is written to, which does it no harm.
  if (/[:"\n]/.test(objects)) return own
  return { ...own, GIT_OBJECT_DIRECTORY: join(folder, 'objects'), GIT_ALTERNATE_OBJECT_DIRECTORIES: objects }
}

async function patchOfBranch({ repo, base, branch }: Worktree): Promise<Patch> {
  const { ok } = await tryGit(repo, ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`])
  if (!ok) return { why: 'its worktree is gone, and so is its branch' }
  const what = `cannot compare the branch ${quoted(branch)}`
  return { bytes: await git(what, repo, ['diff-tree', '-r', ...WHOLE, base, `refs/heads/${branch}`, '--']) }
}
