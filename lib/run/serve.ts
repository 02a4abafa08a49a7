// The one process of a home that serves the queue: it supervises the sessions that need a slot, and starts the next ones as
// slots come free. It lives only while something is in the queue or at work, and holds no state that is not on disk.
//
// Who serves is decided by claims in the folder server/. A session is put into queue/ before anybody looks who serves, and the
// server gives up its claim before it looks into queue/ for the last time: so one of the two always sees the other.

import { join } from 'node:path'
import { Fault } from '../base/exit.js'
import { isId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { isAlive, myself } from '../process/identity.js'
import { statusOf } from '../session/state.js'
import { listIfThere, makeFolder, remove, sizeIfThere } from '../store/file.js'
import { watchFolder } from '../store/watch.js'
import { latestIn, latestOwner, nobody, ownerIn, takeOver, takeOverIn } from '../table/owners.js'
import { foldIfLong, processes } from '../table/processes.js'
import { exists, read, type Session } from '../table/sessions.js'
import { Life } from './life.js'
import { settle } from './settle.js'
import { onStop } from './signals.js'
import { Slots } from './slots.js'

/** So long it stays when nothing is left, in milliseconds: a loop of spawns should not start it anew each time. */
const LINGER = 250
/** A session that cannot be written to any more is let go of; tried so often, in milliseconds, until the disk takes it. */
const LET_GO = 1_000
/** So many sessions are read in one go; then whatever else there is to do comes first. */
const READ_AT_ONCE = 50
/** Claims of those who served before that are kept: numbers must not be given out twice while somebody counts. */
const KEPT_CLAIMS = 8

/** Serves the queue until nothing is left in it; returns at once if another process does. */
export async function serve(): Promise<void> {
  const server = new Server()
  onStop(server)
  while (claim()) {
    makeFolder(paths.queue())
    if (wasKilled()) await settleOrphans()
    await server.work()
    takeOverIn(paths.server(), latestIn(paths.server()), { role: 'run', run: 0, ...nobody() })
    if (server.stopped || waiting().length === 0) return
  }
}

/** Whether this process is the one that serves from now on. */
function claim(): boolean {
  const folder = paths.server()
  for (;;) {
    const before = latestIn(folder)
    // Whoever starts a server claims the queue as `start`, for itself and then for the server, until that is there.
    if (before && before.role !== 'start' && isAlive(before)) return false
    if (takeOverIn(folder, before, { role: 'run', run: 0, ...myself() })) break
  }
  const mine = latestIn(folder)
  const old = claims().filter(number => number <= (mine?.claim ?? 0) - KEPT_CLAIMS)
  for (const number of old) remove(join(folder, `owner.${number}`))
  return mine?.pid === process.pid
}

/** The numbers of the claims that are kept. */
function claims(): number[] {
  return listIfThere(paths.server()).flatMap(name => Number(/^owner\.(\d+)$/.exec(name)?.[1] ?? []))
}

/** Whether whoever served before is not known to have said that it was done. */
function wasKilled(): boolean {
  const newestFirst = claims().sort((a, b) => b - a)
  const [, before] = newestFirst.map(number => ownerIn(paths.server(), number)).filter(owner => owner?.role === 'run')
  return before?.pid !== nobody().pid
}

/** What a server that was killed left at work is ended before anything is started: nobody would count it. */
async function settleOrphans(): Promise<void> {
  // The row of one that had just been started may say yet that it waits.
  for (const { id } of processes().rows({ all: false }).rows) await settleIfAtWork(id)
}

async function settleIfAtWork(id: string): Promise<void> {
  try {
    if (read(id) && statusOf(id).state !== 'queued') await settle(id)
  } catch (error) {
    // One that is damaged must not keep the others from being served: zag doctor names it.
    if (!(error instanceof Fault)) throw error
  }
}

const waiting = () => listIfThere(paths.queue()).filter(isId).sort()

class Server {
  /** Somebody wants the process itself to end. */
  stopped = false
  /** Sessions that wait, oldest first, by what holds them back. */
  #lines = new Map<string, Session[]>()
  /** What is in a line or at work. */
  #known = new Set<string>()
  #atWork = new Map<string, Life | undefined>()
  #slots = new Slots()
  #unread = new Set<string>()
  #timers = new Map<'read' | 'stagger' | 'idle', NodeJS.Timeout>()
  #filling = false
  #done = () => {}

  /** Until there is nothing left to do. */
  async work(): Promise<void> {
    const done = new Promise<void>(resolve => {
      this.#done = resolve
    })
    const watch = watchFolder(paths.queue(), name => this.#notice(name))
    this.#notice(undefined)
    try {
      await done
    } finally {
      watch.close()
      for (const timer of this.#timers.values()) clearTimeout(timer)
      this.#timers.clear()
    }
  }

  /** Lets each run look whether somebody wants it to end. False: whatever they find, a signal to this process was about all. */
  look(): boolean {
    for (const run of this.#atWork.values()) run?.look()
    return false
  }

  /** Ends all that is at work; what waits stays in the queue. */
  cancel(reason: string, grace: number): void {
    this.stopped = true
    for (const run of this.#atWork.values()) run?.cancel(reason, grace)
    this.#fillSoon()
  }

  /** Something changed in queue/: a session of that name, or nobody knows what. */
  #notice(name: string | undefined): void {
    for (const id of name === undefined ? waiting() : [name]) if (isId(id) && !this.#known.has(id)) this.#unread.add(id)
    this.#after('read', 0, () => this.#read())
  }

  #read(): void {
    for (const id of [...this.#unread].slice(0, READ_AT_ONCE)) {
      this.#unread.delete(id)
      if (!this.#known.has(id) && sizeIfThere(paths.queued(id)) !== undefined) this.#line(id)
    }
    if (this.#unread.size > 0) this.#after('read', 0, () => this.#read())
    this.#fillSoon()
  }

  #line(id: string): void {
    const session = readable(id)
    if (!session) {
      remove(paths.queued(id))
      return
    }
    this.#known.add(id)
    const key = JSON.stringify([session.group, session.slots, session.provider, session.parent])
    const line = this.#lines.get(key)
    if (!line) this.#lines.set(key, [session])
    // They come in the order they were made, but for a few.
    else line.splice(line.findLastIndex(other => other.id < id) + 1, 0, session)
  }

  #fillSoon(): void {
    if (this.#filling) return
    this.#filling = true
    this.#fill().catch(error => {
      // A bug, not a failure of a session: without the server its sessions are found dead and the queue is served by another.
      throw error
    })
  }

  /** Starts what there is room for. */
  async #fill(): Promise<void> {
    await this.#slots.readLimits([...this.#lines.values()].flatMap(([first]) => first?.provider ?? []))
    this.#filling = false
    let pause = Number.POSITIVE_INFINITY
    while (!this.stopped) {
      const { head, time } = this.#choose()
      pause = time
      if (!head) break
      this.#leaveLine(head.key)
      this.#supervise(head.first)
    }
    if (Number.isFinite(pause) && pause > 0) this.#after('stagger', pause, () => this.#fillSoon())
    this.#endIfIdle()
  }

  /** The oldest that may start now, or the time until one may. */
  #choose(): { head?: { key: string; first: Session }; time: number } {
    const heads = [...this.#lines].flatMap(([key, [first]]) => (first ? [{ key, first }] : []))
    const held = new Set<string>()
    let time = Number.POSITIVE_INFINITY
    for (const head of heads.sort((a, b) => (a.first.id < b.first.id ? -1 : 1))) {
      const left = this.#slots.timeUntil(head.first, held)
      if (left === 0) return { head, time: 0 }
      time = Math.min(time, left)
    }
    return { time }
  }

  #leaveLine(key: string): void {
    const line = this.#lines.get(key)
    line?.shift()
    if (line?.length === 0) this.#lines.delete(key)
  }

  /** One session, from the queue to its end. */
  async #supervise(session: Session): Promise<void> {
    const { id } = session
    this.#slots.take(session)
    this.#atWork.set(id, undefined)
    let run: number | undefined
    try {
      run = claimed(id)
      remove(paths.queued(id))
      // It may have got another name while it waited.
      if (run !== undefined) await this.#run(readable(id) ?? session, run)
    } catch (error) {
      await letGo(id, run, error)
    } finally {
      this.#slots.give(id)
      this.#atWork.delete(id)
      this.#known.delete(id)
      // What could not be claimed is in the queue still, and so may be its next run.
      if (sizeIfThere(paths.queued(id)) !== undefined) this.#notice(id)
      this.#fillSoon()
      foldIfLong()
    }
  }

  async #run(session: Session, run: number): Promise<void> {
    const life = new Life(session, run)
    this.#atWork.set(session.id, life)
    await life.ended
  }

  #endIfIdle(): void {
    const idle = this.#atWork.size === 0 && (this.stopped || (this.#lines.size === 0 && this.#unread.size === 0))
    if (idle) this.#after('idle', this.stopped ? 0 : LINGER, () => this.#done())
    else {
      clearTimeout(this.#timers.get('idle'))
      this.#timers.delete('idle')
    }
  }

  /** One timer for each purpose; a later one does not replace one that is set. */
  #after(what: 'read' | 'stagger' | 'idle', time: number, then: () => void): void {
    if (this.#timers.has(what)) return
    const fire = () => {
      this.#timers.delete(what)
      then()
    }
    this.#timers.set(what, setTimeout(fire, time))
  }
}

/** A session of the queue, unless it is gone or cannot be read: zag doctor names those. */
function readable(id: string): Session | undefined {
  try {
    return read(id)
  } catch (error) {
    if (error instanceof Fault) return undefined
    throw error
  }
}

/** The run of a session that waited and is this process's now; nothing if it waits no longer. */
function claimed(id: string): number | undefined {
  const { state, run, owner } = statusOf(id)
  return state === 'queued' && takeOver(id, owner, { role: 'run', run, shared: true, ...myself() }) ? run : undefined
}

/**
 * A session that could not be brought to its end, because the disk is full or its provider is gone, must not look alive as
 * long as this process is: it becomes nobody's, so that whoever looks ends it. One that could not even be claimed waits on.
 */
async function letGo(id: string, run: number | undefined, reason: unknown): Promise<void> {
  if (!(reason instanceof Fault)) throw reason
  // Not the whole line in a moment: whatever keeps this one back will keep the next.
  if (run === undefined) return new Promise(resolve => setTimeout(resolve, LET_GO))
  for (;;) {
    try {
      if (exists(id)) takeOver(id, latestOwner(id), { role: 'run', run, ...nobody() })
      return
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      await new Promise(resolve => setTimeout(resolve, LET_GO))
    }
  }
}
