// Locks between processes, by proper-lockfile: a folder `<path>.lock`, and beside it `<path>.holder`, which says who has it.
//
// A lock here is a politeness that saves work, never what makes a result right: after a kill two waiters can both take over
// a stale lock, and a holder that was stopped for longer than STALE loses its own. So what is done under a lock must stay
// right with two holders; what must happen once is decided by claim(). Hold a lock for milliseconds.

import { existsSync, mkdir, rmdir, rmdirSync, stat, statSync, utimes } from 'node:fs'
import { dirname, join } from 'node:path'
import type { LockOptions } from 'proper-lockfile'
import { codeOf, EXIT, Fault, quoted, refused } from '../base/exit.js'
import { formatDuration } from '../base/time.js'
import { listIfThere, readIfThere, remove, replaceFile } from './file.js'
import { parseLine } from './lines.js'

/** A holder that gave no sign of life for so long (ms) has lost its lock. Waiting must take longer than this. */
const STALE = 5000
const WAIT = 10_000
const LONG_STALE = 60_000

/** How work under a lock can ask whether it is still alone. */
export interface Held {
  /** the lock was taken over by another process */
  readonly lost: boolean
  /** throws a Fault (exit 4) if the lock was lost: for work whose result would be wrong then */
  check(): void
}

/**
 * Runs `work` under the lock of a path, which need not exist (its folder must). Waits up to `wait` ms (10 s) for it; then
 * throws a Fault (exit 4) that names the holder. What `work` returns is returned, what it throws is thrown.
 */
export async function withLock<T>(path: string, work: (held: Held) => T | Promise<T>, { wait = WAIT }: { wait?: number } = {}): Promise<T> {
  const lock = (await take(path)) ?? (wait > 0 ? await take(path, wait) : undefined)
  if (!lock) throw new Fault(`${quoted(path)} is locked${holderOf(path)}: try again later`, EXIT.notNow)
  return await lock.run(work)
}

/** Runs `work` under the lock if it is free; false at once if somebody else holds it. */
export async function tryLock<T>(path: string, work: (held: Held) => T | Promise<T>): Promise<T | false> {
  const lock = await take(path)
  return lock ? await lock.run(work) : false
}

interface Lock {
  run<T>(work: (held: Held) => T | Promise<T>): Promise<T>
}

/** The lock, or undefined if another holds it; any other refusal is a Fault at once. */
async function take(path: string, wait = 0, tries = 5): Promise<Lock | undefined> {
  const { default: lockfile } = await import('proper-lockfile')
  const state = { lost: false }
  let release: () => Promise<void>
  try {
    release = await lockfile.lock(path, { ...options(wait), onCompromised: () => (state.lost = true) })
  } catch (error) {
    const code = codeOf(error)
    // Without a code it is the package's own word that the time for retries is over.
    if (code === 'ELOCKED' || code === undefined) return undefined
    // Made, and removed before it was ours: by the clock of some other process it was stale.
    if (code === 'ENOENT' && tries > 1 && existsSync(dirname(path))) return take(path, wait, tries - 1)
    throw refused(`cannot lock ${quoted(path)}`, error)
  }
  return {
    async run(work) {
      try {
        replaceFile(`${path}.holder`, JSON.stringify({ pid: process.pid, since: Date.now() }))
        return await work(heldBy(path, state))
      } finally {
        if (!state.lost) await giveBack(path, release)
      }
    },
  }
}

/** What is left in a folder of locks whose holders were killed. One in use gives a sign of life every second; these gave none for a minute. */
export function deadLocks(folder: string): string[] {
  return listIfThere(folder)
    .filter(name => /\.(?:lock|holder)$/.test(name))
    .map(name => join(folder, name))
    .filter(path => {
      const lock = path.replace(/holder$/, 'lock')
      const alive = (statSync(lock, { throwIfNoEntry: false }) ?? statSync(path, { throwIfNoEntry: false }))?.mtimeMs
      return alive !== undefined && Date.now() - alive > LONG_STALE
    })
}

function options(wait: number): LockOptions {
  const retries = { forever: true, retries: 20, factor: 1.4, minTimeout: 3, maxTimeout: 50, randomize: true, maxRetryTime: wait }
  return { stale: STALE, update: 1000, realpath: false, retries: wait > 0 ? retries : 0, fs: privateFs }
}

/** The package makes its folder with the mode that the umask leaves; ours is 0700. */
const privateFs = {
  mkdir: (path: string, done: (error: Error | null) => void) => mkdir(path, 0o700, done),
  rmdir,
  rmdirSync,
  stat,
  utimes,
}

function heldBy(path: string, state: { lost: boolean }): Held {
  return {
    get lost() {
      return state.lost
    },
    check() {
      if (state.lost) throw new Fault(`the lock of ${quoted(path)} was taken over${holderOf(path)}: try again`, EXIT.notNow)
    },
  }
}

async function giveBack(path: string, release: () => Promise<void>): Promise<void> {
  remove(`${path}.holder`)
  try {
    await release()
  } catch (error) {
    // Lost at this very moment: then it is no longer ours to release.
    if (codeOf(error) !== 'ERELEASED') throw refused(`cannot unlock ${quoted(path)}`, error)
  }
}

/** ` by process 123 for 4.2s` as far as it is known. */
function holderOf(path: string): string {
  const holder = parseLine(readIfThere(`${path}.holder`) ?? '')
  const since = statSync(`${path}.lock`, { throwIfNoEntry: false })?.birthtimeMs ?? holder?.since
  const age = typeof since === 'number' && since > 0 ? ` for ${formatDuration(Math.max(0, Date.now() - since))}` : ''
  return typeof holder?.pid === 'number' ? ` by process ${holder.pid}${age}` : age
}
