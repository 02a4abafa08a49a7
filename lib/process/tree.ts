// Which live processes belong to a run of a session: its agent's process group, the agent's descendants, and every process
// whose environment carries the run's mark, because tools start shells in sessions of their own (setsid) that leave both
// group and tree. What descends from one of these belongs as well.
//
// Never included: init, this process and those it descends from, and the runners of other sessions with all below them.
// A pid counts only with its start time; when another process has the agent's number now, only the mark counts.

import { type EnvironmentReader, hasEnded, type ProcessEntry } from './entry.js'
import { type Identity, thisBoot } from './identity.js'
import { system } from './system.js'

export type { ProcessEntry } from './entry.js'

/** The processes of one run of a session. */
export interface Target extends Partial<Identity> {
  /** The value of ZAG_PROCESS_ID in the environment of its processes. */
  mark: string
  /** The caller has watched the agent until now, so that a group of its number without a leader is surely the agent's. */
  watched?: boolean
}

export interface Belonging {
  processes: ProcessEntry[]
  /** The agent's group, if a signal to it reaches none but these processes. */
  group?: number
}

/** What was found before: it belongs for ever, also when it has left group and tree. Keys are by keyOfEntry. */
export type Known = ReadonlySet<string>

/** All processes of this machine at about one moment. Throws a Fault (5) if the system does not tell. */
export function snapshot(): ProcessEntry[] {
  return system.entries()
}

/** The live processes of a run; zombies are none. Throws a Fault (5) if the system does not tell. */
export function belongs(target: Target): ProcessEntry[] {
  return belonging(target).processes
}

/** Tells a process from all others of this boot. */
export function keyOfEntry({ pid, start }: Pick<ProcessEntry, 'pid' | 'start'>): string {
  return `${pid} ${start}`
}

/** As belongs, with those known from before, and with the group that one signal may be sent to. */
export function belonging(target: Target, known: Known = new Set()): Belonging {
  const view = new View(target)
  const roots = view.all.filter(entry => view.isRoot(entry) || known.has(keyOfEntry(entry)))
  const processes = view.withDescendants(roots).filter(entry => view.mayEnd(entry))
  return { processes, group: view.groupWithin(processes) }
}

/** The live processes of the agent's group alone, and those known from before. */
export function groupOf(target: Target, known: Known = new Set()): Belonging {
  const view = new View(target)
  const members = new Set(view.groupMembers)
  const processes = view.all.filter(entry => (members.has(entry) || known.has(keyOfEntry(entry))) && view.mayEnd(entry))
  return { processes, group: view.groupWithin(processes) }
}

/** One look at all processes, from the place of one run. */
class View {
  readonly all = snapshot()
  readonly groupMembers: ProcessEntry[]
  readonly #target: Target
  readonly #byPid = new Map(this.all.map(entry => [entry.pid, entry]))
  readonly #variable: EnvironmentReader = system.environments()
  readonly #agent: ProcessEntry | undefined
  readonly #spared = this.#selfAndAncestors()

  constructor(target: Target) {
    this.#target = target
    this.#agent = this.#verifiedAgent()
    this.groupMembers = this.#membersOfGroup()
  }

  isRoot(entry: ProcessEntry): boolean {
    return entry === this.#agent || this.groupMembers.includes(entry) || this.#isMarked(entry)
  }

  mayEnd(entry: ProcessEntry): boolean {
    return !hasEnded(entry) && !this.#spared.has(entry.pid) && !this.#isRunner(entry)
  }

  /** The processes and all below them, but for what is below a runner or this process. */
  withDescendants(roots: ProcessEntry[]): ProcessEntry[] {
    const children = this.#children()
    const found = new Set<ProcessEntry>()
    const open = [...roots]
    for (let entry = open.pop(); entry; entry = open.pop()) {
      if (found.has(entry) || this.#isRunner(entry)) continue
      found.add(entry)
      if (entry.pid !== process.pid) open.push(...(children.get(entry.pid) ?? []))
    }
    return [...found]
  }

  groupWithin(processes: ProcessEntry[]): number | undefined {
    const alive = this.groupMembers.filter(entry => !hasEnded(entry))
    const chosen = new Set(processes)
    return alive.length > 0 && alive.every(entry => chosen.has(entry)) ? this.#target.pid : undefined
  }

  /** The agent, if the process that has its number is the one that was recorded. */
  #verifiedAgent(): ProcessEntry | undefined {
    const { pid, start } = this.#target
    // Of init everything descends.
    const entry = this.#isOfThisBoot() && pid !== undefined && pid > 1 ? this.#byPid.get(pid) : undefined
    return entry && entry.start === start ? entry : undefined
  }

  #membersOfGroup(): ProcessEntry[] {
    const { pid, watched } = this.#target
    if (pid === undefined || pid <= 1 || !this.#isOfThisBoot()) return []
    const members = this.all.filter(entry => entry.pgid === pid)
    if (this.#agent) return members
    if (this.#byPid.has(pid)) return []
    // The leader is gone. The system gives its number to nobody while the group lasts, but the group may have ended long
    // ago and a daemon's may have taken its place: so one member must carry the mark, unless the agent was watched.
    const orphans = members.filter(entry => entry.sid === undefined || entry.sid === pid)
    return watched || orphans.some(entry => this.#isMarked(entry)) ? orphans : []
  }

  #isOfThisBoot(): boolean {
    return this.#target.boot === undefined || this.#target.boot === thisBoot()
  }

  #isMarked(entry: ProcessEntry): boolean {
    return this.#variable(entry.pid, 'ZAG_PROCESS_ID') === this.#target.mark
  }

  /** A runner never is the agent itself, whatever environment that one was started with. */
  #isRunner(entry: ProcessEntry): boolean {
    return entry !== this.#agent && Boolean(this.#variable(entry.pid, 'ZAG_RUNNER'))
  }

  #selfAndAncestors(): Set<number> {
    const spared = new Set([0, 1])
    for (let pid: number | undefined = process.pid; pid !== undefined && !spared.has(pid); pid = this.#byPid.get(pid)?.ppid) spared.add(pid)
    return spared
  }

  #children(): Map<number, ProcessEntry[]> {
    const children = new Map<number, ProcessEntry[]>()
    for (const entry of this.all) {
      const siblings = children.get(entry.ppid)
      if (siblings) siblings.push(entry)
      else children.set(entry.ppid, [entry])
    }
    return children
  }
}
