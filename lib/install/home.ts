// Checks of the home as files: room on its disk, whose it is, who can read it.

import { accessSync, chmodSync, constants, existsSync, lstatSync, type Stats, statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { quoted } from '../base/exit.js'
import { home, paths } from '../base/paths.js'
import { listIfThere, readIfThere } from '../store/file.js'
import { checkHome, FOLDERS, openHome } from '../store/home.js'
import { ids } from '../table/sessions.js'
import { count, each, type Found, fine, REPAIR, type Seen, someOf, wrap, wrong } from './finding.js'

/** Free space below this is not enough to work with, in bytes, and so many files. */
const LITTLE_SPACE = 100e6
const FEW_FILES = 1_000

export function lookAtSpace(): Found[] {
  let folder = home()
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder)
  const disk = wrap(`cannot read the disk of ${quoted(folder)}`, () => statfsSync(folder))
  const free = disk.bavail * disk.bsize
  const message = `${Math.floor(free / 1e6)} MB free on the disk of ${quoted(folder)}`
  if (free < LITTLE_SPACE) return [wrong(message, 'make room: zag gc --force removes old sessions')]
  // File systems that make inodes as they go count none.
  if (disk.files > 0 && disk.ffree < FEW_FILES)
    return [wrong(`${message}, but only for ${count(disk.ffree, 'file')}`, 'zag gc --force removes old sessions')]
  return [fine(message)]
}

export function lookAtHome(seen: Seen): Found[] {
  const isHome = checkHome()
  if (!isHome && ids().length === 0) return [fine(`no home at ${quoted(home())} yet, so no sessions yet`)]
  seen.home = true
  const missing = [paths.layout, ...FOLDERS].map(path => path()).filter(path => !existsSync(path))
  if (missing.length === 0) return [fine(`${quoted(home())}, layout ${readIfThere(paths.layout())?.trim()}`)]
  const names = missing.map(path => quoted(path.slice(home().length + 1)))
  return [wrong(`${quoted(home())} has no ${names.join(', ')}`, `${REPAIR} makes what is missing`, openHome)]
}

export function lookAtWriting(): Found[] {
  for (const folder of [home(), ...FOLDERS.map(path => path()).filter(path => existsSync(path))]) {
    wrap(`cannot write ${quoted(folder)}`, () => accessSync(folder, constants.W_OK | constants.X_OK))
  }
  return [fine('the home can be written')]
}

export function lookAtPermissions(): Found[] {
  const open: [string, Stats][] = []
  const foreign: string[] = []
  const user = process.geteuid?.()
  for (const [path, stats] of withAllBelow(home())) {
    if (stats.uid !== user) foreign.push(path)
    else if (!stats.isSymbolicLink() && (stats.mode & 0o077) !== 0) open.push([path, stats])
  }
  // A configuration written with an editor is not private itself; behind a closed home nobody gets to it.
  const bare = open[0]?.[0] === home() ? open : open.filter(([path]) => path !== paths.config())
  const found: Found[] = []
  if (bare.length > 0) {
    const message = `${count(bare.length, 'path')} can be got at by others: ${someOf(bare.map(([path]) => quoted(path)))}`
    found.push(wrong(message, `${REPAIR} makes them private`, () => each(bare, ([path, stats]) => makePrivate(path, stats))))
  }
  if (foreign.length > 0) found.push(wrong(`another user owns ${someOf(foreign.map(quoted))}`, 'chown them to yourself'))
  return found.length > 0 ? found : [fine('nobody else can read the home')]
}

function makePrivate(path: string, stats: Stats): void {
  wrap(`cannot make ${quoted(path)} private`, () => chmodSync(path, stats.isDirectory() ? 0o700 : 0o600))
}

/** A folder and all in it. What disappears meanwhile is left out. */
function* withAllBelow(path: string): Generator<[string, Stats]> {
  const stats = wrap(`cannot look at ${quoted(path)}`, () => lstatSync(path, { throwIfNoEntry: false }))
  if (!stats) return
  yield [path, stats]
  // What is in a worktree has the modes that git gives it; nobody else gets to it.
  if (!stats.isDirectory() || path === paths.worktrees()) return
  for (const name of listIfThere(path)) if (name !== 'lost+found') yield* withAllBelow(join(path, name))
}
