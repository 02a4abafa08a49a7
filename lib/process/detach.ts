// Starting a process that outlives this one and holds nothing of it: a session of its own, no terminal, no descriptor but 0 1 2.
//
// A descriptor that leaks to such a process keeps a caller's pipe open for hours: the caller waits for its end and hangs.
// Node marks inherited descriptors close-on-exec only up to the first gap above 15, so the rest is closed here before a start.

import type { ChildProcess } from 'node:child_process'
import { closeSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { codeOf, EXIT, Fault, quoted, refused } from '../base/exit.js'
import { programAt } from './program.js'

export interface DetachOptions {
  env: NodeJS.ProcessEnv
  cwd: string
  /** Of the descriptors 0, 1 and 2; by default all are the null device. */
  stdio?: ('ignore' | number)[]
}

const CLOSE_ON_EXEC = 0o2000000

let closed = false

/**
 * Closes the inherited descriptors above 2 that a child would get, but for those in `keep`. Those that Node and zag open
 * are close-on-exec and stay. Whatever was named /dev/fd/N must be read before. On macOS nothing is done: the system does
 * not tell a descriptor's flags.
 */
export function closeInherited(keep: readonly number[] = []): void {
  // What is inherited is there from the beginning: looked at once, because a server of many starts thousands.
  if (process.platform !== 'linux' || closed) return
  closed = true
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name)
    if (fd > 2 && !keep.includes(fd) && isHandedOn(fd)) closeSync(fd)
  }
}

function isHandedOn(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1]
    return flags !== undefined && (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0
  } catch (error) {
    // The descriptor through which the list was read is closed again.
    if (codeOf(error) === 'ENOENT') return false
    throw refused('cannot look at open descriptors', error)
  }
}

/**
 * Starts a program in a session of its own and lets go of it; resolves to its pid. A relative program is looked for from `cwd`.
 * Throws a Fault: 127 if the program is not found, 126 if it cannot be run, 5 if the folder is not there or the system refuses.
 */
export async function startDetached(file: string, args: readonly string[], { env, cwd, stdio }: DetachOptions): Promise<number> {
  const { spawn } = await import('node:child_process')
  if (!statSync(cwd, { throwIfNoEntry: false })?.isDirectory()) throw new Fault(`no folder ${quoted(cwd)} to start in`, EXIT.system)
  const program = programAt(file, env.PATH, cwd)
  closeInherited(stdio?.filter(each => typeof each === 'number'))
  let child: ChildProcess
  try {
    child = spawn(program, args, { env, cwd, detached: true, stdio: stdio ?? 'ignore' })
  } catch (error) {
    throw cannotStart(file, error)
  }
  const pid = await pidOf(file, child)
  child.unref()
  return pid
}

/** The pid, or the Fault that tells why there is none: Node knows at once that a start failed, but says why an instant later. */
export async function pidOf(file: string, child: ChildProcess): Promise<number> {
  if (child.pid !== undefined) return child.pid
  const error = await new Promise(resolve => child.once('error', resolve))
  throw cannotStart(file, error)
}

/** The Fault that a program which was found could not be started: 126, or 5 if the system had another reason. */
export function cannotStart(file: string, error: unknown): Fault {
  const code = codeOf(error) ?? ''
  if (code === 'ENOENT') return new Fault(`cannot run ${quoted(file)}: the interpreter in its first line is not there`, EXIT.cannotRun)
  if (code === 'E2BIG') return new Fault(`cannot run ${quoted(file)}: its arguments are longer than the system allows`, EXIT.cannotRun)
  if (['EACCES', 'EPERM', 'ELOOP', 'ETXTBSY'].includes(code))
    return new Fault(`cannot run ${quoted(file)}: ${code}`, EXIT.cannotRun, { cause: error })
  return refused(`cannot run ${quoted(file)}`, error)
}
