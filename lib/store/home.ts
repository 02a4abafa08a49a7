// The home of zag: made by the first that writes, and refused when it is not ours to write to.
//
// A home has a file `layout` with the number of the arrangement of its files; it is written last, so where it is, the rest
// is. A folder without one becomes a home only if nothing strange lies in it. A refusal changes nothing.

import { accessSync, constants, type Stats, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { codeOf, EXIT, Fault, quoted, refused } from '../base/exit.js'
import { home, paths } from '../base/paths.js'
import { claim, listIfThere, makeFolder, readIfThere } from './file.js'

const LAYOUT = '1'
/** The folders of a home, as paths. */
export const FOLDERS = [paths.sessions, paths.aside, paths.indexes, paths.processes, paths.events, paths.relays, paths.answers]
/** What may lie in a folder that is to become a home: what zag makes, what a user writes first, what a file system has. */
const EXPECTED = [
  'sessions',
  'aside',
  'index',
  'processes',
  'events',
  'queue',
  'server',
  'worktrees',
  'relays',
  'groups',
  'hooks',
  'cache',
  'config.toml',
  'trusted',
  'lost+found',
]

const opened = new Set<string>()

/** The path of the home, made with all its folders if need be. Throws a Fault (exit 5) if it is not ours or not writable. */
export function openHome(): string {
  const path = home()
  if (opened.has(path)) return path
  if (!checkHome()) makeFolder(path)
  checkWritable(path)
  for (const folder of FOLDERS) if (!ownFolder(folder())) makeFolder(folder())
  if (!checkLayout() && !claim(paths.layout(), `${LAYOUT}\n`, { sync: true })) checkLayout()
  opened.add(path)
  return path
}

/** Whether there is a home. Creates nothing; throws what openHome would throw, except that a reader need not be able to write. */
export function checkHome(): boolean {
  const path = home()
  if (!ownFolder(path)) return false
  if (checkLayout()) return true
  const strange = listIfThere(path).find(name => !EXPECTED.includes(name) && name !== basename(paths.layout()))
  if (strange === undefined) return false
  throw new Fault(`${quoted(path)} is no home of zag: it holds ${quoted(strange)}; set ZAG_HOME to another folder`, EXIT.system)
}

/** Whether there is a home, without a word on whose it is. */
export function homeIsThere(): boolean {
  return statSync(paths.layout(), { throwIfNoEntry: false }) !== undefined
}

/** Whether the path is there; throws if it is not a folder of this user. */
function ownFolder(path: string): boolean {
  let found: Stats
  try {
    found = statSync(path)
  } catch (error) {
    // Node 22 and 24 tell a path below a file as one that is not there if it is not to throw.
    if (codeOf(error) === 'ENOENT') return false
    throw refused(`cannot read ${quoted(path)}`, error)
  }
  if (!found.isDirectory()) throw new Fault(`${quoted(path)} is not a folder: set ZAG_HOME to one`, EXIT.system)
  const user = process.geteuid?.()
  if (user === undefined || found.uid === user) return notOpen(path, found)
  throw new Fault(`${quoted(path)} belongs to another user (${found.uid}, you are ${user}): set ZAG_HOME to a folder of yours`, EXIT.system)
}

/** Where others can write they could put sessions of their own in the place of ours. */
function notOpen(path: string, { mode }: Stats): true {
  if ((mode & 0o022) === 0) return true
  throw new Fault(`${quoted(path)} can be written by others: chmod go-w it, or set ZAG_HOME to another folder`, EXIT.system)
}

/** Whether the layout is written; throws if it is not the one this zag knows. */
function checkLayout(): boolean {
  const layout = readIfThere(paths.layout())?.trim()
  if (layout === undefined) return false
  if (layout === LAYOUT) return true
  const where = quoted(dirname(paths.layout()))
  throw new Fault(`${where} was made by another version of zag: layout ${quoted(layout)}, this one knows '${LAYOUT}'`, EXIT.system)
}

function checkWritable(path: string): void {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw refused(`cannot write ${quoted(path)}`, error)
  }
}
