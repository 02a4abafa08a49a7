// Following the logs of many sessions at once, also of those to come. Events of one session keep their order; between
// sessions there is none.
//
// A session is watched as long as it is not over; then it is let go, and a marker of its next run brings it back where it was
// left. Markers and watches only say "look": a sweep now and then finds what they did not tell, and carries on alone where the
// system cannot watch. Whether a session is over is asked before its log is read to the end, so the end is always given.

import { isId } from '../base/id.js'
import { paths } from '../base/paths.js'
import type { LogEvent } from '../log/events.js'
import { endOfLog, eventOf, isOfKind, lastEndBefore, mayBeOf, type Position } from '../log/read.js'
import { isAlive } from '../process/identity.js'
import { settle } from '../run/settle.js'
import type { Filter } from '../session/filter.js'
import type { Status } from '../session/state.js'
import { changeOf, listIfThere, sizeIfThere } from '../store/file.js'
import { Follower } from '../store/lines.js'
import { type Watch, watchFile, watchFolder } from '../store/watch.js'
import type { Owner } from '../table/owners.js'
import { exists } from '../table/sessions.js'

/** The sessions that are followed, now and as they come: a Selection is one. */
export interface Followed {
  /** Those that came into it since the last call. `anew`: look also where nothing seems to have changed. */
  fresh(options?: { anew?: boolean }): string[]
  /** Takes a session in of which is known only that it is there. True if it belongs and was not in it yet. */
  offer(id: string): boolean
  has(id: string): boolean
  known(): string[]
  readonly size: number
}

export interface SubscribeOptions {
  /** From the beginning of each log; else from now on. A session that comes later is always given from its beginning. */
  replay?: boolean
  /** Only events that fit. */
  filter?: Filter
  /** It ends when all sessions are over that came into the selection, and there was one; with a signal from when that is aborted, whether there was one or not. */
  untilDone?: boolean | AbortSignal
  /** What is found at one look is given in the order of its time, and not session by session. */
  inOrder?: boolean
  /** Ends it. */
  stop?: AbortSignal
  /** Called once if there is nothing to follow yet. */
  onNone?(): void
}

/** Milliseconds between two sweeps: at least the first, and so many a session. */
const SWEEP = 1_000
const SWEEP_PER_SESSION = 2
/** The same where the system does not tell of changes. */
const POLL = 100
const POLL_PER_SESSION = 0.3
/** Every so many sweeps the markers are read, in case one was missed. */
const DEEP_SWEEP = 5
const MANY = 500
/** So many events of a session are given before it is another's turn, and so many milliseconds until signals have theirs. */
const PORTION = 1_000
const TURN = 20

/** An event and the session in whose log it is, whatever its writer put into it. */
export interface Told {
  id: string
  event: LogEvent
}

/** The events of the selected sessions as they are appended. Throws a Fault (5) if a log cannot be read. */
export function subscribe(selection: Followed, options: SubscribeOptions = {}): AsyncGenerator<Told> {
  return new Subscription(selection, options).events()
}

/** A session that is not known to be over. */
interface Live {
  id: string
  log: Follower
  watch?: Watch
  owner?: Owner
  /** Whether it is over has to be asked, and is being asked. */
  ask: boolean
  asking: boolean
  /** The answer, for the next look. */
  status?: Status
}

class Subscription {
  readonly #selection: Followed
  readonly #options: SubscribeOptions
  readonly #mayBe: ((line: Buffer) => boolean) | undefined
  readonly #began = Date.now()
  readonly #live = new Map<string, Live>()
  /** Where sessions were left that are over. */
  readonly #left = new Map<string, Position>()
  readonly #due = new Set<Live>()
  /** Markers that changed, not looked at yet. */
  readonly #marked = new Set<string>()
  #unknown = false
  #blind = false
  #error: unknown
  #sweeps = 0
  #sweepAt = 0
  #wholeSweepAt = 0
  /** when the folder of markers was changed, at its last listing */
  #listed = ''
  #wake = () => {}

  constructor(selection: Followed, options: SubscribeOptions) {
    this.#selection = selection
    this.#options = options
    this.#mayBe = options.filter?.types && mayBeOf(options.filter.types)
  }

  async *events(): AsyncGenerator<Told> {
    const { stop, untilDone } = this.#options
    const wake = () => this.#wake()
    const markers = watchFolder(paths.events(), name => this.#note(name))
    const signals = [stop, untilDone].filter(signal => signal instanceof AbortSignal)
    for (const signal of signals) signal.addEventListener('abort', wake)
    try {
      this.#begin()
      while (!stop?.aborted) {
        yield* this.#turn()
        this.#takeMarked()
        if (stop?.aborted || this.#done()) return
        if (!this.#hasWork()) await this.#sleep()
        // By the clock: sessions that never rest must not put it off.
        if (Date.now() >= this.#sweepAt) this.#sweep()
      }
    } finally {
      for (const signal of signals) signal.removeEventListener('abort', wake)
      markers.close()
      for (const { watch } of this.#live.values()) watch?.close()
    }
  }

  /** The sessions there are. Of those that are over only the next run is of interest, unless all of a log is. */
  #begin(): void {
    const { replay, onNone } = this.#options
    const over = new Set(replay ? [] : endedMarkers())
    for (const id of this.#selection.fresh({ anew: true })) if (!over.has(id)) this.#follow(id, replay ? undefined : endOfLog(id))
    if (this.#selection.size === 0) onNone?.()
  }

  /** Looks at what is due. Every now and then timers, watches and signals get their turn. */
  async *#turn(): AsyncGenerator<Told> {
    let began = Date.now()
    const held: Told[] = []
    for (const each of [...this.#due]) {
      this.#due.delete(each)
      if (this.#options.inOrder) held.push(...this.#look(each))
      else yield* this.#look(each)
      if (this.#error !== undefined) throw this.#error
      if (Date.now() - began < TURN) continue
      await new Promise(resolve => setImmediate(resolve))
      began = Date.now()
      if (this.#options.stop?.aborted) return
    }
    yield* held.sort((a, b) => (a.event.ts < b.event.ts ? -1 : Number(a.event.ts > b.event.ts)))
  }

  *#look(each: Live): Generator<Told> {
    const { status } = each
    let left = PORTION
    for (const { bytes, number } of each.log.take()) {
      if (isEnd(bytes)) each.ask = true
      const event = !this.#mayBe || this.#mayBe(bytes) ? eventOf(bytes, number, each.id) : undefined
      if (event && (this.#options.filter?.fits(event) ?? true)) yield { id: each.id, event }
      left -= 1
      if (left > 0) continue
      // The rest comes when others had their turn.
      this.#due.add(each)
      return
    }
    each.status = undefined
    if (status && !each.ask) this.#judge(each, status)
    if (each.ask && !each.asking) this.#ask(each)
  }

  /** What the answer means for a session whose log was read to its end after it was given. */
  #judge(each: Live, { over, owner }: Status): void {
    each.owner = owner
    if (over) {
      each.watch?.close()
      this.#live.delete(each.id)
      this.#due.delete(each)
      this.#left.set(each.id, { from: each.log.offset, line: each.log.lines })
    } else if (!each.watch) {
      each.watch = watchFile(paths.inSession(each.id, 'log.ndjson'), () => this.#isDue(each))
      // A watch of its own that polls is dear with many sessions: the sweep does it for all.
      if (!each.watch.live) each.watch.close()
      this.#blind ||= !each.watch.live
      // What was appended before the watch was up.
      this.#due.add(each)
    }
  }

  /** Asks beside all else whether a session is over: if its runner died, the answer takes a while. */
  #ask(each: Live): void {
    each.ask = false
    each.asking = true
    settle(each.id)
      .then(status => {
        each.status = status
      })
      .catch(error => {
        this.#error = error
      })
      .finally(() => {
        each.asking = false
        this.#isDue(each)
      })
  }

  #isDue(each: Live): void {
    if (this.#live.get(each.id) !== each) return
    this.#due.add(each)
    this.#wake()
  }

  #note(name: string | undefined): void {
    if (name === undefined) this.#unknown = true
    else this.#marked.add(name)
    this.#wake()
  }

  #takeMarked(): void {
    for (const name of this.#marked) {
      const [id = '', what] = name.split('.')
      if (isId(id) && (what === 'started' || what === 'ended')) this.#takeMarker(id, what === 'started')
    }
    this.#marked.clear()
    if (this.#unknown) this.#takeFresh()
    this.#unknown = false
  }

  #takeMarker(id: string, started: boolean): void {
    const each = this.#live.get(id)
    if (each) this.#askLater(each)
    else if (started && this.#selection.has(id)) this.#follow(id, this.#left.get(id) ?? lastEndBefore(id, this.#began))
    else if (this.#selection.offer(id)) this.#follow(id)
  }

  #askLater(each: Live): void {
    each.ask = true
    this.#due.add(each)
  }

  #follow(id: string, at?: Position): void {
    const each = { id, log: new Follower(paths.inSession(id, 'log.ndjson'), at), ask: true, asking: false }
    this.#live.set(id, each)
    this.#left.delete(id)
    this.#due.add(each)
  }

  #takeFresh(options?: { anew: boolean }): number {
    const fresh = this.#selection.fresh(options)
    for (const id of fresh) this.#follow(id)
    return fresh.length
  }

  /** What no watch has told: grown logs and new sessions, and less often runners that died, folders removed, runs that began. */
  #sweep(): void {
    this.#takeFresh()
    for (const each of this.#live.values()) if (each.log.moved) this.#due.add(each)
    const now = Date.now()
    this.#sweepAt = now + (this.#blind ? Math.max(POLL, POLL_PER_SESSION * this.#live.size) : this.#pause())
    if (now < this.#wholeSweepAt) return
    this.#wholeSweepAt = now + this.#pause()
    this.#sweeps += 1
    const alive = livingOwners()
    const deep = this.#sweeps % DEEP_SWEEP === 0
    // Of one that waits the owner is nobody.
    const isFine = (owner: Owner | undefined) => owner && (owner.role === 'queue' ? !deep : alive(owner))
    for (const each of this.#live.values()) if (!each.asking && (!isFine(each.owner) || (deep && !exists(each.id)))) this.#askLater(each)
    if (deep) this.#takeNewRuns()
  }

  /** Sessions that were over and are at work again. Their markers are asked one by one, or of many all at once if some changed. */
  #takeNewRuns(): void {
    const over = this.#selection.known().filter(id => !this.#live.has(id))
    const changed = over.length > MANY ? changeOf(paths.events()) : ''
    if (over.length > MANY && changed === this.#listed) return
    this.#listed = changed
    const names = over.length > MANY ? new Set(listIfThere(paths.events())) : undefined
    const has = (id: string, what: 'started' | 'ended') => names?.has(`${id}.${what}`) ?? sizeIfThere(paths.marker(id, what)) !== undefined
    for (const id of over) if (!has(id, 'ended') && has(id, 'started')) this.#takeMarker(id, true)
  }

  #done(): boolean {
    const { untilDone } = this.#options
    const ends = untilDone instanceof AbortSignal ? untilDone.aborted : untilDone && this.#selection.size > 0
    if (!ends || this.#live.size > 0 || this.#hasWork()) return false
    return this.#takeFresh({ anew: true }) === 0
  }

  #hasWork(): boolean {
    return this.#due.size > 0 || this.#marked.size > 0 || this.#unknown || this.#error !== undefined
  }

  /** Until something wakes us or it is time for a sweep. */
  #sleep(): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, Math.max(0, this.#sweepAt - Date.now()))
      this.#wake = () => {
        clearTimeout(timer)
        this.#wake = () => {}
        resolve()
      }
    })
  }

  #pause(): number {
    return Math.max(SWEEP, SWEEP_PER_SESSION * this.#live.size)
  }
}

const isEnd = isOfKind(['session_ended'])

function endedMarkers(): string[] {
  const names = listIfThere(paths.events()).filter(name => name.endsWith('.ended'))
  return names.map(name => name.slice(0, -'.ended'.length))
}

/** isAlive that asks the system once for each process: many sessions can have one runner. */
function livingOwners(): (owner: Owner) => boolean {
  const known = new Map<string, boolean>()
  return owner => {
    const key = `${owner.host} ${owner.boot} ${owner.pid} ${owner.start}`
    const alive = known.get(key) ?? isAlive(owner)
    known.set(key, alive)
    return alive
  }
}
