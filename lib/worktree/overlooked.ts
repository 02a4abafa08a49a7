// What git status passes over in a worktree, and is work all the same: files that git was told not to look at, and the commits of
// submodules, whose repositories lie in git's own folder of the worktree and go with it.

import { lstatSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readIfThere, sizeIfThere } from '../store/file.js'
import { git, tryGit, word } from './git.js'

/** git's own folder of a worktree; nothing if it has none. */
export function gitFolderOf(path: string): string | undefined {
  const named = isFolder(join(path, '.git')) ? undefined : /^gitdir: (.*)\n/.exec(readIfThere(join(path, '.git')) ?? '')?.[1]
  return named === undefined ? undefined : resolve(path, named)
}

/** What would be lost with a worktree that has no changes, in words that follow "it". Throws a Fault (5) if it cannot be looked at. */
export async function overlookedIn(path: string): Promise<string | undefined> {
  const { hidden, repositories } = await lookInto(path)
  if (hidden > 0) return `has ${hidden} ${hidden === 1 ? 'file' : 'files'} that git was told not to look at`
  const folder = gitFolderOf(path)
  for (const repository of [...repositories, ...(folder ? repositoriesIn(join(folder, 'modules')) : [])]) {
    const why = await lossOf(repository)
    if (why !== undefined) return why
  }
  return undefined
}

/** Of a tree and its submodules: how many files are hidden, and the repositories that lie within. */
async function lookInto(tree: string): Promise<{ hidden: number; repositories: string[] }> {
  const found = { hidden: 0, repositories: [] as string[] }
  const listed = await git('cannot look for hidden files', tree, ['ls-files', '-v', '--stage', '-z'])
  for (const line of listed.toString().split('\0')) {
    const [, tag = '', mode = '', name = ''] = /^(.) (\d+) \S+ \d\t(.*)$/s.exec(line) ?? []
    const path = join(tree, name)
    if (mode === '160000' && sizeIfThere(join(path, '.git')) !== undefined) {
      if (isFolder(join(path, '.git'))) found.repositories.push(join(path, '.git'))
      const within = await lookInto(path)
      found.hidden += within.hidden
      found.repositories.push(...within.repositories)
    }
    // Where only a part is checked out, all else has the same mark and is not there.
    else if (/[a-zS]/.test(tag) && mode.startsWith('1') && sizeIfThere(path) !== undefined) found.hidden += 1
  }
  return found
}

/** The repositories of submodules, and of theirs, checked out or not. The name of one may have slashes. */
function repositoriesIn(modules: string): string[] {
  if (!isFolder(modules)) return []
  return readdirSync(modules).flatMap(name => {
    const folder = join(modules, name)
    if (sizeIfThere(join(folder, 'HEAD')) === undefined) return repositoriesIn(folder)
    return [folder, ...repositoriesIn(join(folder, 'modules'))]
  })
}

async function lossOf(repository: string): Promise<string | undefined> {
  // Its tree may be gone, which is no matter here.
  const here = ['--git-dir=.', '--work-tree=.']
  const { ok, stdout, why } = await tryGit(repository, [...here, 'rev-list', '--count', '--all', 'HEAD', '--not', '--remotes', '--'])
  if (!ok) return `has a submodule that cannot be looked at: git: ${why}`
  const only = Number(word(stdout))
  return only > 0 ? `has ${only} ${only === 1 ? 'commit' : 'commits'} in a submodule that no remote has` : undefined
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
