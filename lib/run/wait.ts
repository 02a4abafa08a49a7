// Waiting until sessions end, without polling where the system can wake us and without ever hanging on one that is over.
//
// The order is sweep, watch, sweep again: an end between two steps is seen by the second sweep. Markers wake us; a sweep at
// intervals finds runners that died without writing one, and watches that went deaf.

import { paths, projectRoot } from '../base/paths.js'
import { at } from '../base/time.js'
import { openRelays, type Relay } from '../permission/relay.js'
import { aliveNow } from '../process/identity.js'
import { withTags } from '../session/pick.js'
import type { Status } from '../session/state.js'
import { sizeIfThere } from '../store/file.js'
import { type Watch, watchFolder } from '../store/watch.js'
import type { Owner } from '../table/owners.js'
import { exists, readIfIntact } from '../table/sessions.js'
import { settleAll } from './settle.js'

export interface WaitOptions {
  /** Return when so many have ended; all by default. */
  count?: number
  /** Milliseconds after which to give up. */
  timeout?: number
  /** Sessions that get all of these tags meanwhile are waited for as well. */
  tags?: string[]
  /** But only those of the project that this folder is in. */
  root?: string
  /** Called for each session as it ends. */
  onEnd?(status: Status): void
  /** Called once for each question that one of them waits to have answered. True ends the waiting. */
  onRelay?(relay: Relay): boolean
  /** Called after every look with how many still run. */
  onLook?(ended: number, pending: number): void
}

export interface Waited {
  ended: Status[]
  pending: string[]
  timedOut: boolean
  /** It ended because one of them asked. */
  asked: boolean
}

/** Dead runners are looked for this often, in milliseconds, and more rarely if there are many sessions to look at. */
const SWEEP = 1_000
const SWEEP_PER_SESSION = 5
/** Every so many sweeps the logs are looked at too, in case a marker was missed. */
const DEEP_SWEEP = 15
/** Every so many sweeps those that wait their turn are looked after, in case nobody else does. */
const QUEUE_SWEEP = 3

/** Waits until the sessions, or `count` of them, have ended. */
export async function waitFor(ids: string[], options: WaitOptions = {}): Promise<Waited> {
  return new Wait(ids, options).result()
}

class Wait {
  #options: WaitOptions
  #root: string | undefined
  #pending = new Map<string, Owner | undefined>()
  #seen = new Set<string>()
  #ended: Status[] = []
  #wake: (() => void) | undefined
  #due = new Set<string>()
  #retag = false
  #timedOut = false
  /** Relays were opened, or answered. */
  #relays = false
  #asked = false
  readonly #told = new Set<string>()

  constructor(ids: string[], options: WaitOptions) {
    this.#options = options
    this.#root = options.root === undefined ? undefined : projectRoot(options.root)
    for (const id of ids) this.#add(id)
  }

  async result(): Promise<Waited> {
    await this.#look([...this.#pending.keys()])
    if (!this.#enough()) await this.#watch()
    return {
      ended: this.#ended,
      pending: [...this.#pending.keys()],
      timedOut: this.#timedOut,
      asked: this.#asked,
    }
  }

  async #watch(): Promise<void> {
    const { timeout } = this.#options
    const stop = timeout === undefined ? () => {} : at(Date.now() + timeout, () => this.#wakeUp(() => (this.#timedOut = true)))
    const watch = watchFolder(paths.events(), name => this.#wakeUp(() => this.#noteMarker(name)))
    let relays = this.#watchRelays()
    let sweepAt = performance.now() + this.#interval()
    try {
      await this.#look([...this.#pending.keys()])
      this.#lookAtRelays()
      for (let sweeps = 1; !this.#enough() && !this.#timedOut && !this.#asked; ) {
        await this.#sleep(sweepAt - performance.now())
        if (performance.now() >= sweepAt) {
          this.#sweep(sweeps % DEEP_SWEEP === 0, sweeps % QUEUE_SWEEP === 0)
          sweeps += 1
          relays ??= this.#watchRelays()
          sweepAt = performance.now() + this.#interval()
        }
        const due = [...this.#due]
        this.#due.clear()
        await this.#look(due)
        this.#lookAtRelays()
      }
    } finally {
      watch.close()
      relays?.close()
      stop()
    }
  }

  /** Questions wake us as ends do. A home from before there were any has no folder for them, which would have to be polled. */
  #watchRelays(): Watch | undefined {
    if (!this.#options.onRelay || sizeIfThere(paths.relays()) === undefined) return undefined
    return watchFolder(paths.relays(), () => this.#wakeUp(() => (this.#relays = true)))
  }

  /** Tells of questions that are new. */
  #lookAtRelays(): void {
    const { onRelay } = this.#options
    if (!onRelay || !this.#relays) return
    this.#relays = false
    for (const relay of openRelays()) {
      const { relay_id: id, session_id: session } = relay
      if (session === undefined || !this.#pending.has(session) || this.#told.has(id)) continue
      this.#told.add(id)
      if (onRelay(relay)) this.#asked = true
    }
  }

  #interval(): number {
    return Math.max(SWEEP, SWEEP_PER_SESSION * this.#pending.size)
  }

  /** Until something wakes us, or for so many milliseconds. */
  #sleep(time: number): Promise<void> {
    if (this.#hasWork() || time <= 0) return Promise.resolve()
    return new Promise(resolve => {
      const timer = setTimeout(resolve, time)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #hasWork(): boolean {
    return this.#due.size > 0 || this.#retag || this.#relays || this.#timedOut
  }

  #wakeUp(note: () => void): void {
    note()
    if (this.#hasWork()) this.#wake?.()
  }

  #noteMarker(name: string | undefined): void {
    if (name === undefined) {
      // Not told which, or there is no watch: the markers are there to be looked at, and cost less than the logs.
      for (const id of this.#pending.keys()) if (sizeIfThere(paths.marker(id, 'ended')) !== undefined) this.#due.add(id)
      return
    }
    const [id = '', what] = name.split('.')
    if (what === 'ended' && this.#pending.has(id)) this.#due.add(id)
    // A start may be that of a session that has our tags.
    if (what === 'started' && this.#options.tags && !this.#seen.has(id)) this.#retag = true
  }

  /** Sessions that are gone or whose owner is, or all, and whoever has our tags by now. */
  #sweep(deep: boolean, queue: boolean): void {
    this.#retag = this.#options.tags !== undefined
    this.#relays = this.#options.onRelay !== undefined
    const isAlive = aliveNow()
    for (const [id, owner] of this.#pending) {
      const isFine = owner && (owner.role === 'queue' ? !queue : isAlive(owner))
      if (deep || !isFine || !exists(id)) this.#due.add(id)
    }
  }

  #add(id: string): void {
    if (this.#seen.has(id)) return
    this.#seen.add(id)
    this.#pending.set(id, undefined)
    this.#relays = this.#options.onRelay !== undefined
  }

  /** Looks at some sessions, and at what has our tags by now. */
  async #look(ids: string[]): Promise<void> {
    const { onEnd, onLook } = this.#options
    const looked = await atOnce([...ids, ...this.#lateJoiners()].filter(id => this.#pending.has(id)))
    for (const status of looked.sort(byEnd)) {
      if (!status.over) this.#pending.set(status.id, status.owner)
      else if (!this.#enough()) this.#done(status, onEnd)
    }
    // Nothing of a tag is left only when a last look finds nobody new.
    if (this.#pending.size === 0 && this.#options.tags) {
      this.#retag = true
      const fresh = this.#lateJoiners()
      if (fresh.length > 0) return this.#look(fresh)
    }
    onLook?.(this.#ended.length, this.#pending.size)
  }

  /** Sessions that have got our tags since the last look. */
  #lateJoiners(): string[] {
    const { tags } = this.#options
    const due = this.#retag
    this.#retag = false
    if (!tags || !due) return []
    const tagged = withTags(tags, this.#seen)
    const fresh = this.#root === undefined ? tagged : tagged.filter(id => readIfIntact(id)?.root === this.#root)
    for (const id of fresh) this.#add(id)
    // Those of other projects stay so, and need not be read again.
    for (const id of tagged) this.#seen.add(id)
    return fresh
  }

  #done(status: Status, onEnd: WaitOptions['onEnd']): void {
    this.#pending.delete(status.id)
    this.#ended.push(status)
    onEnd?.(status)
  }

  #enough(): boolean {
    return this.#pending.size === 0 || this.#ended.length >= (this.#options.count ?? Number.POSITIVE_INFINITY)
  }
}

/** The states of sessions, as of one moment: none is at work here that ended before another of them did. */
async function atOnce(ids: string[]): Promise<Status[]> {
  const over: Status[] = []
  for (let open = ids; ; ) {
    const looked = await settleAll(open)
    const still = looked.filter(status => !status.over)
    if (still.length === 0 || still.length === looked.length) return [...over, ...looked]
    over.push(...looked.filter(status => status.over))
    open = still.map(({ id }) => id)
  }
}

/** The order in which sessions ended, and in the same millisecond that in which they were asked for; those that have not come last. */
function byEnd(a: Status, b: Status): number {
  return keyOf(a) < keyOf(b) ? -1 : 1
}

const keyOf = ({ id, ended }: Status) => `${ended?.ts ?? '~'} ${id}`
