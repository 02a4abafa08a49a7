// Locks of files: one holder at a time of the same real path in a group, for milliseconds or for as long as a command runs.
//
// The claims of a path are files `<key>.<n>` in the group's folder, made by link(2); the highest counts, and it holds while the
// process that it names lives. So a lock outlives no kill, and nothing has to be kept fresh. Whoever finds the highest claim dead makes the
// next. A holder removes its own claim; that of a dead one stays for zag gc. As a number may so be free again for somebody who saw it
// taken, whoever has made a claim looks whether another lives, and begins anew if one does: of two who claim, the second sees the
// first, so no two processes of this machine ever hold a lock together. Claims of the dead are removed by none but who holds the lock
// just then, so what it saw dead is what it removes: nobody else makes the number free, and nobody takes one that is not.
//
// What a holder starts is told so by its environment: it goes on under the lock of its own, inside of the holder's.

import { basename, dirname, join } from 'node:path'
import { EXIT, Fault, quoted } from '../base/exit.js'
import { newId } from '../base/id.js'
import { type GroupTable, locksAround, paths } from '../base/paths.js'
import { formatDuration } from '../base/time.js'
import { type Identity, isAlive, isElsewhere, myself } from '../process/identity.js'
import { removeLeftover } from '../store/edit.js'
import { claim, listIfThere, makeFolder, readIfThere, remove, removeOldTemporaries, sizeIfThere } from '../store/file.js'
import { openHome } from '../store/home.js'
import { parseLine } from '../store/lines.js'
import { watchFolder } from '../store/watch.js'
import { foldersOf } from '../table/groups.js'
import { cutShort } from './journal.js'
import { called, PERSON, type Who } from './who.js'

/** So long a lock is waited for if nothing else is said, in milliseconds: what is done under one is mostly done at once. */
const WAIT = 10_000
/** A death gives no notice: so often it is looked, in milliseconds. */
const LOOK = 100

export interface LockOptions {
  /** How long to wait, in milliseconds; Infinity is for ever. */
  wait?: number
  signal?: AbortSignal
}

/** A lock that this process holds. */
export interface Held {
  /** The real path of the file. */
  path: string
  /** The word by which it is known. */
  token: string
  release(): void
}

/** What stands in a claim. */
interface Claim extends Identity {
  token: string
  path: string
  session: string
  name?: string
  since: number
}

/**
 * Runs `work` while it holds the locks of real paths, and gives the words of the locks by path. Throws a Fault 4 that names the
 * holder of one which did not become free. They are taken in the order of their names, so that no two wait for each other.
 */
export async function withLocks<T>(
  who: Who,
  files: readonly string[],
  work: (tokens: ReadonlyMap<string, string>) => T | Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const held: Held[] = []
  try {
    for (const path of [...new Set(files)].sort()) held.push(await lockFile(who, path, options))
    return await work(new Map(held.map(({ path, token }) => [path, token])))
  } finally {
    for (const lock of held.reverse()) lock.release()
  }
}

/** Takes the lock of a real path. Throws a Fault 4 that names the holder if it does not become free in time. */
export async function lockFile(who: Who, path: string, { wait = WAIT, signal }: LockOptions = {}): Promise<Held> {
  openHome()
  const folder = paths.inGroup(who.group, 'locks')
  makeFolder(folder)
  const mine: Claim = { ...myself(), token: newId(), path, session: who.session, name: who.name, since: Date.now() }
  const around = new Set(locksAround())
  const end = Date.now() + wait
  for (let key = await keyOf(path); ; ) {
    const last = lastClaim(folder, key)
    // Released in this very moment.
    if (last === 'gone') continue
    if (last && isAlive(last.by)) {
      if (around.delete(last.by.token)) key += `-${last.by.token}`
      else await freed(folder, `${key}.${last.number}`, last.by, path, { end, signal })
      continue
    }
    const mark = claimNext(folder, key, last?.number ?? 0, mine)
    if (mark === undefined) continue
    if (last) clearUp(folder, last.by)
    return { path, token: mine.token, release: () => remove(mark) }
  }
}

/** The path of a claim that counts from now on; nothing if somebody else was first. */
function claimNext(folder: string, key: string, last: number, mine: Claim): string | undefined {
  const mark = join(folder, `${key}.${last + 1}`)
  if (!claim(mark, JSON.stringify({ ...mine, since: Date.now() }))) return undefined
  if (!livesBeside(folder, key, mark)) return mark
  remove(mark)
  return undefined
}

/** A name for a path that fits into a folder. */
export async function keyOf(path: string): Promise<string> {
  const { createHash } = await import('node:crypto')
  return createHash('sha256').update(path).digest('hex').slice(0, 40)
}

/** The claims that dead holders left before `before` (milliseconds since 1970), as paths; none of a lock that somebody holds. */
export function deadClaims(before: number): string[] {
  const all = foldersOf('locks').flatMap(folder => listIfThere(folder).map(name => join(folder, name)))
  return all.filter(path => {
    const by = claimIn(path)
    return by && !isAlive(by) && (by.since ?? 0) <= before && deadLast(path) !== undefined
  })
}

/** The last claim of the lock that a claim is of, if its holder is dead. */
function deadLast(path: string): { number: number; by: Claim } | undefined {
  const last = lastClaim(dirname(path), keyIn(path))
  return !last || last === 'gone' || isAlive(last.by) ? undefined : last
}

const keyIn = (path: string) => basename(path).replace(/\.\d+$/, '')

/** Takes the claim of a dead holder away, and what it left half done. One of a lock that somebody holds stays. */
export function forgetClaim(path: string): void {
  const folder = dirname(path)
  const last = deadLast(path)
  if (!last) return
  const mark = claimNext(folder, keyIn(path), last.number, { ...myself(), token: newId(), path: last.by.path, session: PERSON, since: 0 })
  if (mark === undefined) return
  try {
    // The number may be somebody else's by now, who has let go of it meanwhile, or was killed too.
    const by = claimIn(path)
    if (!by || isAlive(by)) return
    clearUp(folder, by)
    remove(path)
  } finally {
    remove(mark)
  }
}

function claimIn(path: string): Claim | undefined {
  const text = readIfThere(path)
  // One that a power cut left torn is that of nobody.
  return text === undefined ? undefined : ((parseLine(text) as Claim | undefined) ?? ({ pid: 0, host: '' } as Claim))
}

/** Whether another claim of the same lock is that of somebody who lives. */
function livesBeside(folder: string, key: string, mark: string): boolean {
  const others = listIfThere(folder).flatMap(name => (name.startsWith(`${key}.`) && join(folder, name) !== mark ? join(folder, name) : []))
  return others.some(path => {
    const by = claimIn(path)
    return by !== undefined && isAlive(by)
  })
}

function lastClaim(folder: string, key: string): { number: number; by: Claim } | 'gone' | undefined {
  const numbers = listIfThere(folder).map(name => (name.startsWith(`${key}.`) ? Number(name.slice(key.length + 1)) : 0))
  const number = Math.max(0, ...numbers)
  if (number === 0) return undefined
  const by = claimIn(join(folder, `${key}.${number}`))
  return by ? { number, by } : 'gone'
}

/** What a dead holder of a lock in this folder of a group left half done. */
function clearUp(folder: string, { path, token }: Partial<Claim>): void {
  // What a journal speaks of is still needed, to undo what it says.
  const patches: GroupTable = 'patches'
  const isNeeded = [...cutShort(join(dirname(folder), patches)).values()].some(({ edits }) => edits.some(edit => edit.token === token))
  if (path !== undefined && token !== undefined && !isNeeded) removeLeftover({ path, token })
  removeOldTemporaries(folder)
}

/** Waits until it is worth to look again. */
async function freed(
  folder: string,
  mark: string,
  by: Claim,
  path: string,
  { end, signal }: { end: number; signal?: AbortSignal },
): Promise<void> {
  const left = end - Date.now()
  if (left <= 0) throw busy(join(folder, mark), by, path)
  signal?.throwIfAborted()
  await new Promise<void>(resolve => {
    const done = () => {
      clearTimeout(timer)
      watch.close()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, Math.min(left, LOOK))
    const watch = watchFolder(folder, name => {
      if (name === undefined || (name === mark && sizeIfThere(join(folder, mark)) === undefined)) done()
    })
    signal?.addEventListener('abort', done)
  })
  signal?.throwIfAborted()
}

function busy(mark: string, by: Claim, path: string): Fault {
  const { pid, host, since } = by
  const age = since > 0 ? ` for ${formatDuration(Math.max(0, Date.now() - since))}` : ''
  const way = isElsewhere(by) ? `; that is on '${host}': remove ${quoted(mark)} if it is over there` : ': try again later'
  return new Fault(
    `${quoted(path)} is locked by process ${pid}, ${called(by)},${age}${way}`.replace(',:', ':').replace(',;', ';'),
    EXIT.notNow,
  )
}
