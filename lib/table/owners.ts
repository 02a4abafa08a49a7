// Who has something in hand, a session or the queue: claims, numbered files in a folder that are made once and never
// changed. The highest counts.

import { join } from 'node:path'
import { paths } from '../base/paths.js'
import { type Identity, myself, thisHost } from '../process/identity.js'
import { claim, listIfThere, readIfThere, remove } from '../store/file.js'
import { parseLine } from '../store/lines.js'

/**
 * Who has a session in hand: `spawn` is making it, `queue` is nobody: it waits for its turn, `start` starts it when that has
 * come, `run` supervises it, `close` ends it in the place of a runner, `remove` removes or strips it when it is over.
 */
export interface Owner extends Identity {
  role: 'spawn' | 'queue' | 'start' | 'run' | 'close' | 'remove'
  /** The number of the claim; the highest counts. */
  claim: number
  /** The run it is for. */
  run: number
  /** The process supervises other sessions as well. */
  shared?: boolean
}

/** What a claim of nobody has for a process: there is none such. */
export function nobody(): Identity {
  return { pid: 0, start: '', boot: '', host: thisHost() }
}

/** The owner of a session whose claim is the latest; nothing if the folder has none. */
export function latestOwner(id: string): Owner | undefined {
  return latestIn(paths.session(id))
}

/** The owner whose claim in a folder is the latest; nothing if it has none. */
export function latestIn(folder: string): Owner | undefined {
  const latest = Math.max(0, ...listIfThere(folder).map(name => (/^owner\.\d+$/.test(name) ? Number(name.slice(6)) : 0)))
  return latest === 0 ? undefined : ownerIn(folder, latest)
}

/** The owner of a claim in a session's folder, wherever that is. One that a power cut left torn is that of a dead process. */
export function ownerIn(folder: string, number: number): Owner | undefined {
  const text = readIfThere(join(folder, `owner.${number}`))
  if (text === undefined) return undefined
  const owner = parseLine(text) ?? { role: 'run', run: 1, ...nobody() }
  return { ...(owner as unknown as Owner), claim: number }
}

/** Claims a session after the given owner. True for the first to do so, false for all others. */
export function takeOver(id: string, after: Owner | undefined, owner: Omit<Owner, 'claim'>): boolean {
  return takeOverIn(paths.session(id), after, owner)
}

/** Claims a folder after the given owner. True for the first to do so, false for all others. */
export function takeOverIn(folder: string, after: Owner | undefined, owner: Omit<Owner, 'claim'>): boolean {
  return claim(join(folder, `owner.${(after?.claim ?? 0) + 1}`), JSON.stringify(owner))
}

/** Claims the next run for this process, which has the present one in hand. False if it has it no more. */
export function claimNext(id: string, run: number): boolean {
  const owner = latestOwner(id)
  const me = myself()
  if (owner?.role !== 'run' || owner.run !== run || owner.pid !== me.pid || owner.start !== me.start) return false
  return takeOver(id, owner, { role: 'run', run: run + 1, shared: owner.shared, ...me })
}

/** Removes claims that were followed by so many that nobody can be about to follow them: a session can have many runs. */
export function forgetClaims(id: string): void {
  const folder = paths.session(id)
  const numbers = listIfThere(folder).map(name => Number(/^owner\.(\d+)$/.exec(name)?.[1] ?? 0))
  const last = Math.max(...numbers) - KEPT
  for (const number of numbers) if (number > 0 && number <= last) remove(join(folder, `owner.${number}`))
}

/** So many claims stay: a number must not be given out twice while somebody counts. */
const KEPT = 64

/** Takes back the claim that this process made after the given owner: what it was for could not be done. */
export function release(id: string, after: Owner | undefined): void {
  remove(join(paths.session(id), `owner.${(after?.claim ?? 0) + 1}`))
}
