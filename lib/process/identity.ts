// Which process a recorded pid means. Pids are used again, within a minute on a busy machine, so a process is
// its pid, its start time and the boot of the machine it runs on; no signal and no verdict rests on a pid alone.
// A home may be shared by machines: of processes of another host nothing is judged and nothing is signalled.
// Every short program loads this file: on Linux it only reads files.

import { hostname } from 'node:os'
import { codeOf, EXIT, Fault } from '../base/exit.js'
import { hasEnded } from './entry.js'
import { system } from './system.js'

export interface Identity {
  pid: number
  /** When it was started, as the system writes it: ticks since boot on Linux, a date on macOS. */
  start: string
  boot: string
  host: string
}

let boot: string | undefined
let host: string | undefined
let self: Identity | undefined

/** The boot of this machine, read once. */
export function thisBoot(): string {
  boot ??= system.bootId()
  return boot
}

/** The host this process runs on. In a container it is the container's own name. */
export function thisHost(): string {
  // A call of the system each time, and asked once for every owner that is looked at.
  host ??= hostname()
  return host
}

/** The identity of a process of this machine, zombies included; nothing if there is none. */
export function identify(pid: number): Identity | undefined {
  const entry = isPid(pid) ? system.entryOf(pid) : undefined
  return entry && { pid, start: entry.start, boot: thisBoot(), host: thisHost() }
}

/** The identity of this process. Throws a Fault (5) if the system does not tell it. */
export function myself(): Identity {
  self ??= identify(process.pid)
  if (!self) throw new Fault('cannot tell the start time of this process: /proc must be there', EXIT.system)
  return self
}

/**
 * Whether that very process still runs: not one that has its number now, not a zombie, not one from before a reboot.
 * A process of another host counts as alive, because nothing here can say otherwise; ask isElsewhere first.
 */
export function isAlive(identity: Identity): boolean {
  // What has no pid is nobody, on whatever host that was written.
  if (!isPid(identity.pid)) return false
  if (isElsewhere(identity)) return true
  if (identity.boot !== thisBoot()) return false
  const existence = exists(identity.pid)
  if (existence === 'gone') return false
  const entry = system.entryOf(identity.pid)
  // Another user's process may be hidden from /proc; that it exists is then all there is to know.
  if (!entry) return existence === 'foreign'
  return entry.start === identity.start && !hasEnded(entry)
}

/** isAlive for one look at many sessions, of which one process may supervise hundreds: each process is looked at once. */
export function aliveNow(): (identity: Identity) => boolean {
  const known = new Map<string, boolean>()
  return identity => {
    const { pid, start, boot, host } = identity
    const key = `${pid} ${start} ${boot} ${host}`
    const alive = known.get(key) ?? isAlive(identity)
    known.set(key, alive)
    return alive
  }
}

/** Whether it belongs to another host, where nothing can be judged or signalled from here. */
export function isElsewhere({ host }: Pick<Identity, 'host'>): boolean {
  return host !== thisHost()
}

/** A number that can mean one process other than init: kill(2) takes 0 and negative ones as many. */
function isPid(pid: number): boolean {
  return Number.isSafeInteger(pid) && pid > 0
}

/** The cheap question first: a tenth of the cost of a look at the start time. */
function exists(pid: number): 'ours' | 'foreign' | 'gone' {
  try {
    process.kill(pid, 0)
    return 'ours'
  } catch (error) {
    return codeOf(error) === 'EPERM' ? 'foreign' : 'gone'
  }
}
