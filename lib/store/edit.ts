// Files of the user's, not of zag's: changed as a careful editor would, several at once or none.
//
// A file is replaced by rename, so whoever reads it has the old content or the new, also after a kill; its mode and owner stay. It
// is written in place only where a rename would part it from something: another hard link to it, an owner that we cannot give, a
// folder that we may not write to, a mount. What cannot be done to the end is undone. Callers hold the locks of the files.
//
// Only a file that is written in place can be half written: from its beginning on as it is to be, the rest as it was. Which ones are is
// told before they are touched, so that after a kill no other mixture of the two, which somebody else may have made, counts as one.

import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { codeOf, EXIT, Fault, quoted, reason, refused } from '../base/exit.js'
import { isAt, leadsTo } from '../base/within.js'

/** What becomes of one file. */
export interface Edit {
  /** The real path. */
  path: string
  /** What it holds; nothing if there is none. */
  before?: Buffer
  /** What it is to hold; nothing if it is to go. */
  after?: Buffer
  /** The mode of a new file, if not what the umask leaves. */
  mode?: number
  /** A word for temporary files, by which whoever finds it later knows whose it was. */
  token: string
  /** Of an edit that is taken back: the file was, or may have been, written in place. */
  inPlace?: boolean
}

/** The temporary file of an edit, beside the file: hidden, and gone when the edit is done. */
function temporaryOf({ path, token }: Pick<Edit, 'path' | 'token'>): string {
  return join(dirname(path), `.zag-${token}.tmp`)
}

/** Removes what an edit left behind whose process was killed. */
export function removeLeftover(edit: Pick<Edit, 'path' | 'token'>): void {
  discard(temporaryOf(edit))
}

/**
 * Does all of the edits or none. New contents are on the disk, beside the files, before the first file is touched. Throws a Fault (5) that
 * names the file which the system refused; those that were done before it are as they were. `begin` is called between the two, told which files
 * have to be written in place; what it gives is called when all is done or undone. When it turns out that one more has to be, `begin` is called
 * anew, then what it gave before.
 */
export function editFiles(edits: readonly Edit[], begin: (inPlace: ReadonlySet<Edit>) => () => void = () => () => {}): void {
  const folders: string[] = []
  const done: Edit[] = []
  const inPlace = new Set<Edit>()
  let at = edits[0]
  let end = () => {}
  const mark = (edit: Edit) => {
    if (inPlace.has(edit)) return
    inPlace.add(edit)
    const before = end
    end = begin(inPlace)
    before()
  }
  try {
    for (const edit of edits) {
      at = edit
      if (edit.after !== undefined && !prepare(edit, folders)) inPlace.add(edit)
    }
    end = begin(inPlace)
    for (const edit of edits) {
      at = edit
      // One that fails half-way undoes itself.
      apply(edit, inPlace.has(edit), () => mark(edit))
      done.push(edit)
    }
    end()
  } catch (error) {
    const lost = done.reverse().flatMap(edit => undo(edit, () => mark(edit)))
    end()
    for (const edit of edits) discard(temporaryOf(edit))
    for (const folder of folders.reverse()) discardFolder(folder)
    const fault = error instanceof Fault ? error : refused(`cannot write ${quoted(at?.path ?? '')}`, error)
    throw lost.length === 0 ? fault : new Fault(`${fault.message}; and cannot put back ${lost.join(', ')}`, EXIT.system, { cause: error })
  }
  for (const edit of edits) discard(temporaryOf(edit))
}

/** Puts the new content beside the file, to be renamed; false if the file has to be written in place. Adds the folders it made to `folders`. */
function prepare(edit: Edit, folders: string[]): boolean {
  const old = edit.before === undefined ? undefined : statSync(edit.path)
  if (old) accessSync(edit.path, constants.W_OK)
  else makeFolders(dirname(edit.path), folders)
  if (old && old.nlink > 1) return false
  return writeTemporary(edit, edit.after as Buffer, old)
}

/** False if what takes the place of a file cannot be as that is. */
function writeTemporary(edit: Edit, data: Buffer, old: Stats | undefined): boolean {
  const temporary = temporaryOf(edit)
  let fd: number
  try {
    // What somebody else put there under the name is none of ours, and is not followed.
    discard(temporary)
    fd = openSync(temporary, 'wx', old ? 0o600 : (edit.mode ?? 0o666))
  } catch (error) {
    if (old && (codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM')) return false
    throw error
  }
  try {
    // Should the folder be swapped after this, it holds no such file to be renamed.
    checkPlace(fd, temporary, edit.path)
    if (old && !dress(fd, temporary, old)) return false
    if (!old && edit.mode !== undefined) fchmodSync(fd, edit.mode & 0o7777)
    writeFileSync(fd, data)
    fsyncSync(fd)
    return true
  } catch (error) {
    discard(temporary)
    throw error
  } finally {
    closeSync(fd)
  }
}

/** Gives a new file the owner and mode of another; false if that is not allowed. */
function dress(fd: number, path: string, { uid, gid, mode }: Stats): boolean {
  const made = statSync(path)
  try {
    if (made.uid !== uid || made.gid !== gid) fchownSync(fd, uid, gid)
  } catch (error) {
    if (codeOf(error) !== 'EPERM') throw error
    discard(path)
    return false
  }
  // After the owner, because a change of that takes the set-id bits away.
  fchmodSync(fd, mode & 0o7777)
  return true
}

/** `mark` is called before a file is written in place that was to be replaced. */
function apply(edit: Edit, inPlace: boolean, mark: () => void): void {
  const { path, before, after } = edit
  const temporary = temporaryOf(edit)
  if (after === undefined) takeAway(path, temporary)
  else if (before === undefined) appear(temporary, path)
  else if (inPlace || !takePlace(temporary, path)) {
    mark()
    overwrite(path, before, after)
  }
}

/** False for a mount of a single file, as containers have them. */
function takePlace(temporary: string, path: string): boolean {
  try {
    renameSync(temporary, path)
    return true
  } catch (error) {
    if (codeOf(error) !== 'EBUSY') throw error
    return false
  }
}

/** Put back if it turns out to have been a file of another folder. */
function takeAway(path: string, temporary: string): void {
  renameSync(path, temporary)
  if (leadsTo(temporary)) return
  renameSync(temporary, path)
  throw elsewhere(path)
}

function checkPlace(fd: number, opened: string, path: string): void {
  if (!isAt(fd, opened)) throw elsewhere(path)
}

const elsewhere = (path: string) => new Fault(`cannot write ${quoted(path)}: a folder above it has become a link`, EXIT.system)

/** Where somebody who knows no locks has made a file of that name meanwhile, it is not replaced. */
function appear(temporary: string, path: string): void {
  try {
    linkSync(temporary, path)
  } catch (error) {
    // A file system without hard links.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error) ?? '')) throw error
    renameSync(temporary, path)
  }
}

/** Not truncated before it is written: what it held can then be put back even on a full disk. */
function overwrite(path: string, before: Buffer, after: Buffer): void {
  const fd = openSync(path, 'r+')
  try {
    checkPlace(fd, path, path)
  } catch (error) {
    closeSync(fd)
    throw error
  }
  try {
    fill(fd, after)
  } catch (error) {
    fill(fd, before)
    throw error
  } finally {
    closeSync(fd)
  }
}

function fill(fd: number, data: Buffer): void {
  for (let at = 0; at < data.length; ) at += writeSync(fd, data, at, data.length - at, at)
  ftruncateSync(fd, data.length)
  fsyncSync(fd)
}

/** Takes back what was done; says what could not be. */
function undo(edit: Edit, mark: () => void): string[] {
  try {
    takeBack(edit, mark)
    return []
  } catch (error) {
    return [`${quoted(edit.path)} (${reason(error)})`]
  }
}

function takeBack(edit: Edit, mark: () => void): void {
  const { path, before, after } = edit
  if (before === undefined) unlinkSync(path)
  else if (after === undefined) renameSync(temporaryOf(edit), path)
  else {
    const now = statSync(path)
    if (now.nlink === 1 && writeTemporary(edit, before, now) && takePlace(temporaryOf(edit), path)) return
    mark()
    overwrite(path, after, before)
  }
}

/**
 * Takes back an edit of a process that was killed before it had done or undone all of its edits, if it came so far. May be done again. `mark` is called before a
 * file is written in place that was replaced: from then on the edit is to say so. Throws a Fault (5) if the system refuses.
 */
export function putBack(edit: Edit, mark: () => void): void {
  try {
    if (isDone(edit)) takeBack(edit, () => edit.inPlace || mark())
    discard(temporaryOf(edit))
  } catch (error) {
    throw refused(`cannot write ${quoted(edit.path)}`, error)
  }
}

/** Whether a file is as the edit left it, wholly or in part; not if somebody has changed it since. */
function isDone(edit: Edit): boolean {
  const { path, before, after, inPlace } = edit
  const there = statSync(path, { throwIfNoEntry: false })
  if (after === undefined) return !there && statSync(temporaryOf(edit), { throwIfNoEntry: false }) !== undefined
  if (!there?.isFile()) return false
  const now = readFileSync(path)
  if (before === undefined || now.equals(after)) return now.equals(after)
  // Put back half-way, it is the other way round.
  return inPlace === true && !now.equals(before) && (isHalf(now, before, after) || isHalf(now, after, before))
}

/** Whether a file that held `old` was cut short while it was written over with `data`: what there is of that, then the rest of the old. */
function isHalf(now: Buffer, old: Buffer, data: Buffer): boolean {
  const end = Math.min(now.length, data.length)
  let at = 0
  while (at < end && now[at] === data[at]) at += 1
  return now.subarray(at).equals(old.subarray(at))
}

/** Makes the folders that are missing, with the modes that the umask leaves, and adds them, the highest first. */
function makeFolders(path: string, made: string[]): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  makeFolders(dirname(path), made)
  try {
    mkdirSync(path)
    made.push(path)
  } catch (error) {
    // Somebody else made it just now.
    if (codeOf(error) !== 'EEXIST' || !statSync(path).isDirectory()) throw error
  }
}

function discard(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Mostly it is not there; what is reported is what came before.
  }
}

function discardFolder(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // Somebody else has put something into it.
  }
}
