// Processes of a Linux machine, read from /proc by plain file reads: 8 microseconds a process, nothing is started.
// A process may end between two reads; whatever cannot be read is not there, or not ours to see.

import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { codeOf, refused } from '../base/exit.js'
import type { EnvironmentReader, ProcessEntry, System } from './entry.js'

export const linux: System = { entryOf, entries, bootId, environments }

/** More than 52 numbers and a name take. Read whole by one call: a wait on a thousand sessions asks for theirs again and again. */
const line = Buffer.alloc(4096)

function entryOf(pid: number): ProcessEntry | undefined {
  const length = readIfShown(`/proc/${pid}/stat`, path => {
    const fd = openSync(path, 'r')
    try {
      return readSync(fd, line, 0, line.length, 0)
    } finally {
      closeSync(fd)
    }
  })
  return length === undefined ? undefined : parseStat(pid, line.toString('latin1', 0, length))
}

/** The line of /proc/PID/stat. The name in parentheses may hold blanks and parentheses of its own, so fields count from the last one. */
export function parseStat(pid: number, stat: string): ProcessEntry | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ', 20)
  const [state, ppid, pgid, sid] = fields
  const start = fields[19]
  if (!state || start === undefined) return undefined
  return { pid, ppid: Number(ppid), pgid: Number(pgid), sid: Number(sid), start, state }
}

function entries(): ProcessEntry[] {
  const found: ProcessEntry[] = []
  for (const name of folders()) {
    const entry = /^\d+$/.test(name) ? entryOf(Number(name)) : undefined
    if (entry) found.push(entry)
  }
  return found
}

function folders(): string[] {
  try {
    return readdirSync('/proc')
  } catch (error) {
    throw refused('cannot list the processes in /proc', error)
  }
}

function bootId(): string {
  // Where a sandbox hides it, start times alone must tell processes apart: an empty id equals itself.
  return contents('/proc/sys/kernel/random/boot_id')?.toString('latin1').trim() ?? ''
}

function environments(): EnvironmentReader {
  const read = new Map<number, Buffer>()
  return (pid, name) => {
    let environment = read.get(pid)
    if (!environment) {
      environment = contents(`/proc/${pid}/environ`) ?? Buffer.alloc(0)
      read.set(pid, environment)
    }
    return valueIn(environment, name)
  }
}

/** The value of the first entry `name=...` of an environment whose entries end in NUL. */
export function valueIn(environment: Buffer, name: string): string | undefined {
  const start = `${name}=`
  for (let at = environment.indexOf(start); at !== -1; at = environment.indexOf(start, at + 1)) {
    if (at > 0 && environment[at - 1] !== 0) continue
    const end = environment.indexOf(0, at)
    return environment.toString('utf8', at + start.length, end === -1 ? environment.length : end)
  }
  return undefined
}

const contents = (path: string) => readIfShown(path, path => readFileSync(path))

/** What is read of a file of /proc, or nothing if its process is gone (ENOENT, ESRCH) or another user's (EACCES, EPERM). */
function readIfShown<T>(path: string, read: (path: string) => T): T | undefined {
  try {
    return read(path)
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(codeOf(error) ?? '')) return undefined
    throw refused(`cannot read ${path}`, error)
  }
}
