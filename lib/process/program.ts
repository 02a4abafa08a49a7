// Finding a program the way execvp(3) does, before anything is started: what is missing is then known at once.

import { accessSync, constants, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { EXIT, Fault, quoted } from '../base/exit.js'

export interface FoundProgram {
  /** Absolute; not there if nothing can be run under that name. */
  path?: string
  /** A file of that name is there, but may not be executed. */
  denied?: boolean
}

/** What the system searches when there is no PATH. */
const DEFAULT_PATH = '/usr/local/bin:/bin:/usr/bin'

/**
 * The program a name stands for: a path if it has a slash, else the first file on `path` that may be executed. Folders
 * are passed over. What is relative is taken from `cwd`; so is an empty element of `path`.
 */
export function findProgram(name: string, path: string | undefined = DEFAULT_PATH, cwd: string = process.cwd()): FoundProgram {
  if (name === '' || name.includes('\0')) return {}
  const folders = name.includes('/') ? [''] : path.split(':')
  let denied = false
  for (const folder of folders) {
    const candidate = resolve(cwd, folder, name)
    if (!isFile(candidate)) continue
    if (mayRun(candidate)) return { path: candidate }
    denied = true
  }
  return denied ? { denied } : {}
}

/** The same as a path. Throws a Fault: 127 if there is no such program, 126 if it may not be executed. */
export function programAt(name: string, path?: string, cwd?: string): string {
  const found = findProgram(name, path, cwd)
  if (found.path) return found.path
  if (found.denied) throw new Fault(`${quoted(name)} may not be executed: make it executable`, EXIT.cannotRun)
  throw new Fault(`${quoted(name)} was not found${name.includes('/') ? '' : ' on PATH'}`, EXIT.notFound)
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
  } catch {
    // A folder on the way that is none, or may not be entered: the search goes on after it.
    return false
  }
}

function mayRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Whatever the system has against it, it cannot be run.
    return false
  }
}
