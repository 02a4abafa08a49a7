// Many agents in the hands of one program: it starts them, sees all that they and their children do in one stream, answers what they
// ask, and ends them. It holds nothing that is not on disk but which sessions are its own, so zag ps, zag approve and zag listen
// work with them as with any other, and they live on if the program dies.

import { EXIT, Fault, quoted, usage } from '../base/exit.js'
import { newId } from '../base/id.js'
import type { LogEvent } from '../log/events.js'
import { openRelays } from '../permission/relay.js'
import { cancelAll } from '../run/cancel.js'
import { ancestorsOf } from '../session/tree.js'
import { indexed } from '../table/filing.js'
import { exists } from '../table/sessions.js'
import { answer } from '../verb/approve.js'
import { type RelayRow, relayRow } from '../verb/relay-row.js'
import { type Followed, subscribe } from '../verb/subscribe.js'
import { type SpawnOptions, spawnAs } from './begin.js'
import { checkSpawn } from './check.js'

/** What each of its sessions is asked for with, unless spawn says otherwise. */
export type OrchestratorOptions = Omit<Partial<SpawnOptions>, 'prompt'>

/** An event, and the session in whose log it is. */
export interface AgentEvent {
  agentId: string
  event: LogEvent
}

/** An answer to what an agent asks. */
export interface Resolution {
  approved: boolean
  /** Add the rules that are derived of the call to the group, or this one, for every agent of it and from now on. */
  always?: boolean | string
  /** For the agent. */
  reason?: string
}

export class AgentOrchestrator {
  readonly #defaults: OrchestratorOptions
  readonly #family = new Family()
  readonly #over = new AbortController()
  readonly #stop = new AbortController()

  /** Throws a Fault (2) for options that are none. */
  constructor(defaults: OrchestratorOptions = {}) {
    checkSpawn(defaults, { whole: false })
    this.#defaults = defaults
  }

  /** Starts an agent in the background and gives its id as soon as nothing can lose it. Throws Faults 2, 3, 4, 5, 126, 127. */
  async spawn(options: SpawnOptions): Promise<string> {
    if (this.#over.signal.aborted) throw new Fault('this orchestrator was cleaned up: make another', EXIT.notNow)
    const id = newId()
    // Before it begins: whoever follows must not miss it.
    this.#family.add(id)
    try {
      await spawnAs(id, { ...this.#defaults, ...options })
      return id
    } catch (error) {
      this.#family.drop(id)
      throw error
    }
  }

  /**
   * All events of its agents and of what those start, from the first on, in the order in which they occurred as far as clocks tell it;
   * the events of one agent never change their order. It ends after cleanup.
   */
  async *events(): AsyncGenerator<AgentEvent> {
    const told = subscribe(this.#family.follower(), { replay: true, inOrder: true, untilDone: this.#over.signal, stop: this.#stop.signal })
    for await (const { id, event } of told) yield { agentId: id, event }
  }

  /** What its agents ask, and those that they started, and wait to have answered; oldest first. */
  getPendingRelays(): RelayRow[] {
    return this.#asked().map(relayRow)
  }

  /**
   * Answers a question of an agent. True if this was the answer; false if it has one already, or is no question of its agents. Throws a
   * Fault: 2 for a rule that does not parse or does not cover the call, 4 inside of a session of the same tree as the agent.
   */
  resolveRelay(id: string, { approved, always = false, reason }: Resolution): boolean {
    if (typeof approved !== 'boolean') throw usage("'approved' is true or false")
    const asked = this.#asked().filter(({ relay_id }) => relay_id === id)
    return answer(asked, approved, { reason, always: always === false ? undefined : always }).answered.includes(id)
  }

  #asked() {
    return openRelays().filter(({ session_id }) => session_id !== undefined && this.#family.has(session_id))
  }

  /** The ids of its agents, oldest first. */
  agents(): string[] {
    return this.#family.own()
  }

  /** Ends an agent, and what it started; it is cancelled then. Throws a Fault: 3 for one that is not its own, 4 if it cannot be ended from here. */
  async kill(id: string): Promise<void> {
    if (!this.#family.has(id)) throw new Fault(`no agent ${quoted(String(id))} of this orchestrator`, EXIT.none)
    const [failed] = await cancelAll([id], { grace: KILL_GRACE, reason: 'killed' }, () => {})
    if (failed) throw failed
  }

  /** Ends all agents that are not over, and the streams of events once they have told that. Throws the first Fault of those that cannot be ended. */
  async cleanup(): Promise<void> {
    const [failed] = await cancelAll(this.agents(), { grace: KILL_GRACE, reason: 'cleaned up' }, () => {})
    this.#over.abort()
    if (!failed) return
    // Of one that goes on nobody would see the end.
    this.#stop.abort()
    throw failed
  }
}

/** The step of the ladder from INT to KILL, in milliseconds. */
const KILL_GRACE = 1_000

/** The sessions of an orchestrator, and all that descend from them. */
class Family {
  readonly #own = new Set<string>()

  add(id: string): void {
    this.#own.add(id)
  }

  drop(id: string): void {
    this.#own.delete(id)
  }

  own(): string[] {
    return [...this.#own].filter(exists)
  }

  has(id: string): boolean {
    return [id, ...ancestorsOf(id)].some(each => this.#own.has(each))
  }

  /** What one stream of events follows. */
  follower(): Followed {
    const seen = new Set<string>()
    const take = (id: string) => !seen.has(id) && exists(id) && seen.add(id) !== undefined
    const fresh = () => {
      const found = this.own().filter(take)
      // Those they started, and what these did.
      for (const id of seen) found.push(...indexed('parent', id).filter(take))
      return found
    }
    return {
      fresh,
      offer: id => this.has(id) && take(id),
      has: id => seen.has(id),
      known: () => [...seen],
      get size() {
        return seen.size
      },
    }
  }
}
