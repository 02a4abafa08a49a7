// Who has a session in hand: claims, numbered files in its folder that are made once and never changed. The highest counts.

import { join } from 'node:path'
import { paths } from '../base/paths.js'
import { type Identity, myself, thisHost } from '../process/identity.js'
import { claim, listIfThere, readIfThere, remove } from '../store/file.js'
import { parseLine } from '../store/lines.js'

/** Who has a session in hand: `spawn` is making it, `run` supervises it, `close` found it dead and ends it. */
export interface Owner extends Identity {
  role: 'spawn' | 'run' | 'close'
  /** The number of the claim; the highest counts. */
  claim: number
  /** The run it is for. */
  run: number
}

/** The owner whose claim is the latest; nothing if the folder has none. */
export function latestOwner(id: string): Owner | undefined {
  const names = listIfThere(paths.session(id))
  const latest = Math.max(0, ...names.map(name => (/^owner\.\d+$/.test(name) ? Number(name.slice(6)) : 0)))
  return latest === 0 ? undefined : ownerIn(paths.session(id), latest)
}

/** The owner of a claim in a session's folder, wherever that is. One that a power cut left torn is that of a dead process. */
export function ownerIn(folder: string, number: number): Owner | undefined {
  const text = readIfThere(join(folder, `owner.${number}`))
  if (text === undefined) return undefined
  const owner = parseLine(text) ?? { role: 'run', run: 1, pid: 0, start: '', boot: '', host: thisHost() }
  return { ...(owner as unknown as Owner), claim: number }
}

/** Claims a session after the given owner. True for the first to do so, false for all others. */
export function takeOver(id: string, after: Owner | undefined, owner: Omit<Owner, 'claim'>): boolean {
  return claim(join(paths.session(id), `owner.${(after?.claim ?? 0) + 1}`), JSON.stringify(owner))
}

/** Claims the next run for this process, which has the present one in hand. False if it has it no more. */
export function claimNext(id: string, run: number): boolean {
  const owner = latestOwner(id)
  const me = myself()
  if (owner?.role !== 'run' || owner.run !== run || owner.pid !== me.pid || owner.start !== me.start) return false
  return takeOver(id, owner, { role: 'run', run: run + 1, ...me })
}

/** Takes back the claim that this process made after the given owner: what it was for could not be done. */
export function release(id: string, after: Owner | undefined): void {
  remove(join(paths.session(id), `owner.${(after?.claim ?? 0) + 1}`))
}
