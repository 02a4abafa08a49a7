// Processes of a storm as the system sees them, without a word of zag's: who they are, and which of them is killed or stopped.

import { readdirSync, readFileSync } from 'node:fs'
import type { Dice } from './dice.js'

/** What a process is: one that supervises, one that belongs to an agent, or a command. */
export type Kind = 'runner' | 'server' | 'agent' | 'command'

export interface Process {
  pid: number
  kind: Kind
  words: string
  /** what zag marked it with: the run it belongs to */
  run?: string
  /** it leads a group of its own */
  leads: boolean
}

/** The live processes that have this home in their environment, or these seconds to sleep. */
export function processesOf(home: string, nap: string): Process[] {
  return readdirSync('/proc').flatMap(name => {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) return []
    const environment = read(pid, 'environ')
    const words = read(pid, 'cmdline').replaceAll('\0', ' ').trim()
    if (!`\0${environment}`.includes(`\0ZAG_HOME=${home}\0`) && !words.includes(nap)) return []
    // A zombie is what its parent has not looked at yet.
    const [, group] = /^\d+ \(.*\) [^ZX] \d+ (\d+) /s.exec(read(pid, 'stat')) ?? []
    if (group === undefined) return []
    return [
      {
        pid,
        kind: kindOf(environment),
        words,
        run: /(?:^|\0)ZAG_PROCESS_ID=([^\0]*)/.exec(environment)?.[1],
        leads: Number(group) === pid,
      },
    ]
  })
}

function kindOf(environment: string): Kind {
  const runner = /(?:^|\0)ZAG_RUNNER=([^\0]*)/.exec(environment)?.[1]
  if (runner) return runner.startsWith('queue') ? 'server' : 'runner'
  return /(?:^|\0)ZAG_PROCESS_ID=/.test(environment) ? 'agent' : 'command'
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1')
  } catch {
    // It is gone, or another's.
    return ''
  }
}

/** Kills one of a kind, or stops it for a while; what it was. */
export function strike(dice: Dice, home: string, nap: string, stops: boolean): string | undefined {
  const kind = dice.weighted<Kind>({ runner: 4, server: 1, agent: 2, command: 3 })
  const [which, how, long] = [dice.next(), dice.chance(0.25), dice.int(50, 7000)]
  const among = processesOf(home, nap).filter(each => each.kind === kind)
  const victim = among[Math.floor(which * among.length)]
  if (!victim) return undefined
  if (!stops || !how) return send(victim.pid, 'SIGKILL') ? `kill ${kind}` : undefined
  if (!send(victim.pid, 'SIGSTOP')) return undefined
  stopped.add(victim.pid)
  setTimeout(() => goOn(victim.pid), long)
  return `stop ${kind}`
}

const stopped = new Set<number>()

/** Lets all that was stopped go on. */
export function wake(): void {
  for (const pid of stopped) goOn(pid)
}

function goOn(pid: number): void {
  if (stopped.delete(pid)) send(pid, 'SIGCONT')
}

export function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    // It is gone.
    return false
  }
}
