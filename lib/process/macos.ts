// Processes of a macOS machine, as ps and sysctl tell them. UNTESTED on macOS; the parsers are tested with text of that form.
// Each question starts a program (about 20 ms), so ask for many processes at once where that is possible.
// Start times are texts of one second's resolution, made in one locale and zone, and only compared.

import { refused } from '../base/exit.js'
import type { EnvironmentReader, ProcessEntry, System } from './entry.js'

export const macos: System = { entryOf, entries, bootId, environments }

const COLUMNS = 'pid=,ppid=,pgid=,state=,lstart='

function entryOf(pid: number): ProcessEntry | undefined {
  return parseEntries(run('ps', ['-o', COLUMNS, '-p', String(pid)]))[0]
}

function entries(): ProcessEntry[] {
  return parseEntries(run('ps', ['-ax', '-o', COLUMNS]))
}

/** Lines such as `  501   1   501 Ss   Fri Nov 21 07:45:00 2026`. */
export function parseEntries(text: string): ProcessEntry[] {
  const found: ProcessEntry[] = []
  for (const line of text.split('\n')) {
    const [pid, ppid, pgid, state, ...start] = line.trim().split(/\s+/)
    if (!pid || !state || start.length === 0) continue
    found.push({ pid: Number(pid), ppid: Number(ppid), pgid: Number(pgid), start: start.join(' '), state: state.slice(0, 1) })
  }
  return found
}

function bootId(): string {
  return run('sysctl', ['-n', 'kern.bootsessionuuid']).trim() || bootTime(run('sysctl', ['-n', 'kern.boottime']))
}

/** The seconds of `{ sec = 1795246000, usec = 0 } Fri Nov 21 ...`: what follows depends on zone and locale. */
function bootTime(text: string): string {
  return /sec = (\d+)/.exec(text)?.[1] ?? text.trim()
}

function environments(): EnvironmentReader {
  let all: Map<number, string> | undefined
  return (pid, name) => {
    all ??= parseEnvironments(run('ps', ['-axEww', '-o', 'pid=,command=']))
    return wordIn(all.get(pid) ?? '', name)
  }
}

/** Lines of a pid, the command and its environment, all separated by blanks. */
export function parseEnvironments(text: string): Map<number, string> {
  const found = new Map<number, string>()
  for (const line of text.split('\n')) {
    const [, pid, words] = /^\s*(\d+)\s(.*)$/.exec(line) ?? []
    if (pid) found.set(Number(pid), words ?? '')
  }
  return found
}

/** The value of the last word `name=...`: the environment comes after the arguments. Values with blanks are cut there. */
export function wordIn(words: string, name: string): string | undefined {
  const word = words.split(' ').findLast(each => each.startsWith(`${name}=`))
  return word?.slice(name.length + 1)
}

function run(program: string, args: string[]): string {
  // Loaded here, because short programs on Linux read this file too and need no child_process.
  const { spawnSync } = process.getBuiltinModule('node:child_process')
  const env = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' }
  const { error, stdout } = spawnSync(program, args, { env, encoding: 'utf8', maxBuffer: 256 << 20, stdio: ['ignore', 'pipe', 'ignore'] })
  if (error) throw refused(`cannot run ${program}`, error)
  // Exit code 1 says that there is no such process or no such variable: the text is then empty.
  return stdout
}
