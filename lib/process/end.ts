// Ending what belongs to a run: gently, then firmly, until nothing of it is left.
//
// Everything is listed before the first signal and remembered, because what loses its parent can no longer be found; what
// turns up later is signalled as well. Right before a signal the pid and the start time of its process are compared.
// A group gets one signal only while it holds nothing but what is to end. The last rung is KILL, and it is bounded: what
// cannot be ended (another user's, one stuck in the kernel, one that breeds faster than it dies) is reported as left.

import { codeOf, EXIT, Fault, quoted } from '../base/exit.js'
import { type Identity, isAlive, isElsewhere, thisBoot, thisHost } from './identity.js'
import { system } from './system.js'
import { type Belonging, belonging, groupOf, keyOfEntry, type ProcessEntry, type Target } from './tree.js'

export type EndSignal = 'SIGINT' | 'SIGTERM' | 'SIGKILL'

export interface Ended {
  /** The last signal that was sent; nothing if there was nothing to end. */
  signal?: EndSignal
  /** What could not be ended. */
  left: Identity[]
}

export interface EndOptions {
  /** Milliseconds from one rung to the next; 0 is KILL at once. A function is asked again all the time, so it may shorten it. */
  grace: number | (() => number)
  /** The first rung, by default SIGINT. */
  first?: 'SIGINT' | 'SIGTERM'
  /** Once it is aborted there is no grace any more. */
  hurry?: AbortSignal
}

/** How long KILL is repeated, and how long one round of it waits before it looks for new processes. */
const KILL_TIME = 5000
const KILL_ROUND = 100
const LADDER: EndSignal[] = ['SIGINT', 'SIGTERM', 'SIGKILL']

/**
 * Ends all processes of a run; resolves as soon as they are gone. The first signals are sent before it returns.
 * Throws a Fault: 4 if the run is of another host, 5 if the system does not tell its processes.
 */
export async function endAll(target: Target, { grace, first = 'SIGINT', hurry }: EndOptions): Promise<Ended> {
  mustBeHere(target.host)
  const graceNow = () => (hurry?.aborted ? 0 : typeof grace === 'function' ? grace() : grace)
  return climb(new Crowd(known => belonging(target, known)), LADDER.slice(LADDER.indexOf(first)), graceNow)
}

/**
 * Ends what is left of an agent's group after the agent exited; for its runner, right after that exit.
 * `grace` is milliseconds from TERM to KILL. Costs one system call if nothing is left.
 */
export async function endGroupLeftovers(pgid: number, start: string | undefined, mark: string, grace = 500): Promise<Ended> {
  if (!hasMembers(pgid)) return { left: [] }
  const target = { pid: pgid, start, mark, watched: true }
  return climb(new Crowd(known => groupOf(target, known)), ['SIGTERM', 'SIGKILL'], () => grace)
}

/** Kills one process and nothing else of its tree; true once it is gone, false if it is not within 5 s. Throws as endAll. */
export async function endOne(identity: Identity): Promise<boolean> {
  mustBeHere(identity.host)
  if (!isAlive(identity)) return true
  if (identity.pid === process.pid || identity.pid === 1) return false
  deliver(identity.pid, 'SIGKILL')
  const began = performance.now()
  await until(
    () => !isAlive(identity),
    () => performance.now() - began < KILL_TIME,
  )
  return !isAlive(identity)
}

/** Sends a signal to one process if it is the one that is meant, and to nobody if it is gone. Not for those of another host. */
export function signalOne(identity: Identity, signal: NodeJS.Signals): void {
  if (isAlive(identity)) deliver(identity.pid, signal)
}

function mustBeHere(host: string | undefined): void {
  if (host === undefined || !isElsewhere({ host })) return
  throw new Fault(`its processes are on host ${quoted(host)}: end it there`, EXIT.notNow)
}

async function climb(crowd: Crowd, ladder: EndSignal[], grace: () => number): Promise<Ended> {
  let sent: EndSignal | undefined
  for (const signal of ladder) {
    const isLast = signal === 'SIGKILL'
    if (!isLast && !(grace() > 0)) continue
    if (!crowd.look()) return { signal: sent, left: [] }
    sent = signal
    if (await rung(crowd, signal, isLast ? () => KILL_TIME : grace)) return { signal: sent, left: [] }
  }
  return { signal: sent, left: crowd.left() }
}

/** One signal to all that is there and all that turns up, until nothing is left (true) or the time of the rung is over. */
async function rung(crowd: Crowd, signal: EndSignal, time: () => number): Promise<boolean> {
  const began = performance.now()
  const isInTime = () => performance.now() - began < time()
  do {
    crowd.send(signal)
    const sent = performance.now()
    // KILL is not waited for until the last has gone: what breeds would have all that time to do so.
    await until(
      () => !crowd.hasLiving(),
      () => isInTime() && (signal !== 'SIGKILL' || performance.now() - sent < KILL_ROUND),
    )
    if (!crowd.look()) return true
  } while (isInTime())
  return false
}

/** Looks 5 to 50 ms apart, at first after 5, until it is done or there is no time left. A pid that is no child cannot be waited for. */
async function until(isDone: () => boolean, isInTime: () => boolean): Promise<void> {
  let pause = 5
  do {
    await new Promise(resolve => setTimeout(resolve, pause))
    pause = Math.min(50, pause * 1.5)
  } while (isInTime() && !isDone())
}

/** The processes to end: found at the last look, and remembered from all looks. */
class Crowd {
  readonly #find: (known: ReadonlySet<string>) => Belonging
  readonly #known = new Set<string>()
  #now: Belonging = { processes: [] }

  constructor(find: (known: ReadonlySet<string>) => Belonging) {
    this.#find = find
  }

  /**
   * Lists anew. False when nothing is left. A list takes a while: one that starts a successor which the list has just passed,
   * and ends before the list comes to it, hides both. So nothing is left only when two lists say so.
   */
  look(): boolean {
    return this.#list() || this.#list()
  }

  #list(): boolean {
    this.#now = this.#find(this.#known)
    for (const entry of this.#now.processes) this.#known.add(keyOfEntry(entry))
    return this.#now.processes.length > 0
  }

  hasLiving(): boolean {
    return this.#now.processes.some(entry => isAlive(identityOf(entry)))
  }

  left(): Identity[] {
    return this.#now.processes.map(identityOf).filter(isAlive)
  }

  /** To the group first, then to the others one by one. */
  send(signal: EndSignal): void {
    const { processes, group } = this.#now
    const members = processes.filter(entry => entry.pgid === group)
    const isOfOne = group !== undefined && members.some(isStillInGroup)
    if (isOfOne) deliver(-group, signal)
    for (const entry of processes) {
      if (!isOfOne || entry.pgid !== group) sendTo(entry, signal)
      // A stopped process takes no other signal than KILL until it goes on.
      if (entry.state === 'T' && signal !== 'SIGKILL') sendTo(entry, 'SIGCONT')
    }
  }
}

function identityOf({ pid, start }: ProcessEntry): Identity {
  return { pid, start, boot: thisBoot(), host: thisHost() }
}

function sendTo(entry: ProcessEntry, signal: NodeJS.Signals): void {
  if (system.entryOf(entry.pid)?.start === entry.start) deliver(entry.pid, signal)
}

/** A group lasts, and keeps its number, as long as one of its processes does. */
function isStillInGroup({ pid, start, pgid }: ProcessEntry): boolean {
  const entry = system.entryOf(pid)
  return entry?.start === start && entry.pgid === pgid
}

function deliver(to: number, signal: NodeJS.Signals): void {
  if (to >= -1 && to <= 1) throw new Error(`a signal to ${to} would reach strangers`)
  try {
    process.kill(to, signal)
  } catch (error) {
    // ESRCH: it has just ended. EPERM: another user's, such as a program run by sudo; it is reported as left.
    if (codeOf(error) !== 'ESRCH' && codeOf(error) !== 'EPERM') throw error
  }
}

/** Whether any process, zombies included, is in the group. */
function hasMembers(pgid: number): boolean {
  if (!(pgid > 1)) return false
  try {
    process.kill(-pgid, 0)
    return true
  } catch (error) {
    return codeOf(error) !== 'ESRCH'
  }
}
