// Whole files and folders: how they are made, replaced, claimed, read and removed.
//
// What zag makes is 0600 (files) or 0700 (folders) whatever the umask. A file appears under its name only when its content
// is complete: it is written to a temporary file beside it, which starts with a dot and ends in .tmp, and then renamed or
// linked. A kill can leave such a file; listIfThere does not show it and removeOldTemporaries takes it away.
// All functions are synchronous; what the system refuses is a Fault (exit 5) that names the path.

import {
  chmodSync,
  closeSync,
  constants,
  cp,
  type Dirent,
  existsSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { codeOf, quoted, refused } from '../base/exit.js'

const COPY_CHUNK = 1 << 20
const OLD_TEMPORARY = 10 * 60_000

let temporaries = 0

export interface WriteOptions {
  /** wait until the content is on the disk */
  sync?: boolean
  /** refuse if there is a file of that name */
  fresh?: boolean
}

/** Makes the folder, and those above it that are missing, with mode 0700. A folder that is there keeps its mode. */
export function makeFolder(path: string): void {
  try {
    makeMissing(path)
  } catch (error) {
    throw refused(`cannot make folder ${quoted(path)}`, error)
  }
}

/** Others may make the folders above, or remove them, between any two steps: so it is tried several times. */
function makeMissing(path: string, tries = 5): void {
  try {
    mkdirSync(path, 0o700)
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && statSync(path).isDirectory()) return
    if (codeOf(error) !== 'ENOENT' || tries === 1) throw error
    if (!existsSync(dirname(path))) makeMissing(dirname(path), tries)
    makeMissing(path, tries - 1)
    return
  }
  // A strict umask takes bits away even from the owner.
  chmodSync(path, 0o700)
}

/** Writes a file that must not be there yet. */
export function writeNew(path: string, data: string | Buffer): void {
  try {
    const fd = openNew(path)
    fill(path, fd, () => writeFileSync(fd, data))
  } catch (error) {
    throw refused(`cannot write ${quoted(path)}`, error)
  }
}

/** Puts a file in the place of the one of that name, if any: readers see the old content or the new, never a part. */
export function replaceFile(path: string, data: string | Buffer, options: WriteOptions = {}): void {
  replaceBy(path, fd => writeFileSync(fd, data), options)
}

/**
 * Replaces the file `to`, or with `fresh` makes it where none is, by the bytes of `from` in [start, end). Returns how many there were: fewer than asked for when
 * `from` is shorter. Memory does not grow with the size.
 */
export function copySlice(from: string, start: number, end: number, to: string, { fresh = false } = {}): number {
  let source: number
  try {
    source = openSync(from, 'r')
  } catch (error) {
    throw refused(`cannot read ${quoted(from)}`, error)
  }
  let copied = 0
  try {
    replaceBy(
      to,
      fd => {
        const chunk = Buffer.allocUnsafe(Math.max(1, Math.min(COPY_CHUNK, end - start)))
        for (let at = start; at < end; ) {
          const count = readSome(from, source, chunk, Math.min(chunk.length, end - at), at)
          if (count === 0) break
          writeFileSync(fd, chunk.subarray(0, count))
          at += count
          copied += count
        }
      },
      { fresh },
    )
  } finally {
    closeSync(source)
  }
  return copied
}

function readSome(path: string, fd: number, into: Buffer, count: number, at: number): number {
  try {
    return readSync(fd, into, 0, count, at)
  } catch (error) {
    throw refused(`cannot read ${quoted(path)}`, error)
  }
}

/** Makes the file if nobody has: true for exactly one caller, however many try. Its content is complete once it is seen. */
export function claim(path: string, data: string | Buffer, options: WriteOptions = {}): boolean {
  try {
    const temporary = writeBeside(path, fd => writeFileSync(fd, data), options)
    try {
      linkSync(temporary, path)
      return true
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      throw error
    } finally {
      discard(temporary)
    }
  } catch (error) {
    throw refused(`cannot write ${quoted(path)}`, error)
  }
}

function replaceBy(path: string, write: (fd: number) => void, options: WriteOptions = {}): void {
  try {
    const temporary = writeBeside(path, write, options)
    try {
      if (options.fresh) linkSync(temporary, path)
      else renameSync(temporary, path)
    } catch (error) {
      discard(temporary)
      throw error
    }
    if (options.fresh) discard(temporary)
  } catch (error) {
    throw refused(`cannot write ${quoted(path)}`, error)
  }
}

/** The path of a new file beside `path` with what `write` wrote. */
function writeBeside(path: string, write: (fd: number) => void, { sync = false }: WriteOptions): string {
  for (;;) {
    const temporary = join(dirname(path), `.${process.pid}-${++temporaries}-${Date.now().toString(36)}.tmp`)
    let fd: number
    try {
      fd = openNew(temporary)
    } catch (error) {
      // Another machine or container that shares the folder can have a process of the same number.
      if (codeOf(error) === 'EEXIST') continue
      throw error
    }
    fill(temporary, fd, () => {
      write(fd)
      if (sync) fsyncSync(fd)
    })
    return temporary
  }
}

function openNew(path: string): number {
  const fd = openSync(path, 'wx', 0o600)
  fchmodSync(fd, 0o600)
  return fd
}

/** Runs `write` and closes the new file; a file that could not be filled is taken away again. */
function fill(path: string, fd: number, write: () => void): void {
  try {
    try {
      write()
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    discard(path)
    throw error
  }
}

function discard(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // It is hidden and swept later; what is reported is the error, or the success, that came before.
  }
}

/** The text of a file, or undefined if there is none. */
export function readIfThere(path: string): string | undefined {
  return readBytesIfThere(path)?.toString()
}

/** The bytes of a file, or undefined if there is none. */
export function readBytesIfThere(path: string): Buffer | undefined {
  // An error costs ten times what a look does, and most of what is asked for so is not there.
  if (sizeIfThere(path) === undefined) return undefined
  try {
    return readFileSync(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw refused(`cannot read ${quoted(path)}`, error)
  }
}

/** The size of a file in bytes, or undefined if there is none. */
export function sizeIfThere(path: string): number | undefined {
  try {
    return lookAt(path)?.size
  } catch (error) {
    throw refused(`cannot read ${quoted(path)}`, error)
  }
}

/** What is at a path. Node 22 and 24 tell one below a file as not there, by which damage would pass for nothing: here it throws under all. */
function lookAt(path: string): Stats | undefined {
  const there = statSync(path, { throwIfNoEntry: false })
  if (there) return there
  for (let above = dirname(path); ; above = dirname(above)) {
    const folder = statSync(above, { throwIfNoEntry: false })
    if (folder && !folder.isDirectory()) return statSync(path)
    if (folder || above === dirname(above)) return undefined
  }
}

/** When a file was last written, in milliseconds since 1970, or undefined if there is none. */
export function changedAt(path: string): number | undefined {
  try {
    return lookAt(path)?.mtimeMs
  } catch (error) {
    throw refused(`cannot read ${quoted(path)}`, error)
  }
}

/** The names in a folder, in no order and without temporary files; none if there is no such folder. */
export function listIfThere(folder: string): string[] {
  if (sizeIfThere(folder) === undefined) return []
  try {
    return readdirSync(folder).filter(name => !TEMPORARY.test(name))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw refused(`cannot read ${quoted(folder)}`, error)
  }
}

/** When the list of a folder's files last changed, to be compared and nothing else: it differs also if the folder was made anew. */
export function changeOf(folder: string): string {
  try {
    const there = lookAt(folder)
    return there ? `${there.ino} ${there.mtimeMs}` : ''
  } catch (error) {
    throw refused(`cannot read ${quoted(folder)}`, error)
  }
}

/** All that is below a folder, each with its path. Links are not followed, as readdir's own way into folders does from Node 22 on. */
export function* walk(folder: string): Generator<{ path: string; entry: Dirent }> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    yield { path, entry }
    if (entry.isDirectory()) yield* walk(path)
  }
}

/** The name of a file still being written, or left by a kill while it was: with the process that writes it. */
const TEMPORARY = /^\.(\d+)-\d+-[0-9a-z]+\.tmp$/

/**
 * Removes the temporary files in a folder, and in those within, that are older than ten minutes: their writers are gone. By a clock that
 * jumped a file may be as old that was begun a moment ago, so one whose process is there stays. A folder that is missing is fine.
 */
export function removeOldTemporaries(folder: string): void {
  try {
    for (const { path } of walk(folder)) if (isLeft(path)) remove(path)
  } catch (error) {
    // Others may remove the folder meanwhile, or one within.
    if (codeOf(error) !== 'ENOENT') throw refused(`cannot clean ${quoted(folder)}`, error)
  }
}

/** Whether it is a temporary file whose writer is gone. */
function isLeft(path: string): boolean {
  const [, writer] = TEMPORARY.exec(basename(path)) ?? []
  if (writer === undefined || isBusy(Number(writer))) return false
  const made = statSync(path, { throwIfNoEntry: false })?.mtimeMs
  return made !== undefined && made < Date.now() - OLD_TEMPORARY
}

/** Whether there is a process of this number, whichever: one that was given the number since only lets a file stay longer. */
function isBusy(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

/** Renames a file or folder within one file system. False if it was not there. */
export function moveIfThere(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw refused(`cannot move ${quoted(from)}`, error)
  }
}

/** Removes a file; one that is missing is fine. */
export function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw refused(`cannot remove ${quoted(path)}`, error)
  }
}

/** Removes a folder if nothing is in it. */
export function removeEmptyFolder(path: string): void {
  try {
    rmdirSync(path)
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(codeOf(error) ?? '')) throw refused(`cannot remove ${quoted(path)}`, error)
  }
}

/** Makes an empty file, and the folders above it that are missing; one that is there stays as it is. */
export function touch(path: string): void {
  try {
    for (;;) {
      try {
        closeSync(openSync(path, 'a', 0o600))
        return
      } catch (error) {
        // Somebody may remove the empty folder between the two steps.
        if (codeOf(error) !== 'ENOENT') throw error
        makeFolder(dirname(path))
      }
    }
  } catch (error) {
    throw refused(`cannot write ${quoted(path)}`, error)
  }
}

/** Copies a file, or a folder with all in it, beside what is there already. Symbolic links stay as they are; modes are kept. */
export async function copyTree(from: string, to: string): Promise<void> {
  // Where the file system can share blocks until one of the two is changed, nothing is really copied.
  const options = { recursive: true, force: false, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE }
  try {
    await new Promise<void>((done, fail) => cp(from, to, options, error => (error ? fail(error) : done())))
  } catch (error) {
    throw refused(`cannot copy ${quoted(from)} to ${quoted(to)}`, error)
  }
}

/** Removes a folder and all in it; one that is missing is fine. */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 })
  } catch (error) {
    throw refused(`cannot remove ${quoted(path)}`, error)
  }
}

/** Lets the owner write to a folder and to all in it. What cannot be changed stays, and whoever needs it is told by what fails then. */
export function openFolders(path: string): void {
  try {
    chmodSync(path, statSync(path).mode | 0o700)
    for (const entry of readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) openFolders(join(path, entry.name))
  } catch (error) {
    // Somebody else's, or gone meanwhile.
    if (!['EPERM', 'EACCES', 'ENOENT', 'EROFS'].includes(codeOf(error) ?? '')) throw refused(`cannot open ${quoted(path)}`, error)
  }
}
