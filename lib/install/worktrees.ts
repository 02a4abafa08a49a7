// The check of worktrees in the home that no session has any more: a kill while one was made, or a session's folder that was
// removed by hand. Only those are removed that hold nothing.

import { existsSync, lstatSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { quoted } from '../base/exit.js'
import { isId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { lossIn, type Removable, removeWorktree } from '../session/loss.js'
import { listIfThere, readIfThere } from '../store/file.js'
import { parseLine } from '../store/lines.js'
import { tryGit, word } from '../worktree/git.js'
import { count, type Found, fine, REPAIR, wrong } from './finding.js'

/** One that is younger (ms) may be on its way to a session. */
const YOUNG = 10 * 60_000

export async function lookAtWorktrees(): Promise<Found[]> {
  const all = listIfThere(paths.worktrees())
    .filter(key => /-[0-9a-f]{12}$/.test(key))
    .map(key => join(paths.worktrees(), key))
    .filter(isFolder)
    .flatMap(folder => listIfThere(folder).map(name => join(folder, name)))
    .filter(path => !/\/\.[^/]*$/.test(path) && isFolder(path))
  const found: Found[] = []
  for (const path of all.filter(isOrphan)) found.push(await findingOf(path))
  return found.length > 0
    ? found
    : [fine(all.length === 0 ? 'no worktrees' : `every one of ${count(all.length, 'worktree')} is that of a session`)]
}

/** What else somebody put there is none of ours. */
function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** The file beside it names its session; one without such a file never became a session's. */
function isOrphan(path: string): boolean {
  const session = parseLine(readIfThere(paths.ofWorktree(path)) ?? '')?.session
  if (typeof session === 'string' && isId(session) && existsSync(paths.session(session))) return false
  const made = lstatSync(join(path, '.git'), { throwIfNoEntry: false })?.mtimeMs ?? 0
  return Date.now() - made > YOUNG
}

async function findingOf(path: string): Promise<Found> {
  const message = `the worktree ${quoted(path)} is that of no session`
  const worktree = await describe(realpathSync(path))
  if (!worktree) return wrong(`${message}, and of no repository`, 'look what is in it, and remove it')
  const loss = await lossIn(worktree)
  if (loss === undefined) return wrong(message, `${REPAIR} removes it, as nothing is lost`, () => removeWorktree(worktree))
  return wrong(`${message}, and ${loss}`, `save that, then git -C ${quoted(worktree.repo)} worktree remove --force ${quoted(path)}`)
}

/** What git knows of it; nothing if it is no worktree of a repository. */
async function describe(path: string): Promise<Removable | undefined> {
  const top = await tryGit(path, ['rev-parse', '--show-toplevel', '--git-common-dir'])
  const [at, common = ''] = word(top.stdout).split('\n')
  if (!top.ok || at !== path) return undefined
  const head = word((await tryGit(path, ['symbolic-ref', '--quiet', '--short', 'HEAD'])).stdout)
  const branch = head.startsWith('zag/') ? head : `zag/${path.slice(dirname(path).length + 1)}`
  return { path, branch, repo: common.replace(/\/\.git$/, '') }
}
