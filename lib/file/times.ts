// The file times of a group: which session has read which version of a file, and who wrote it last through zag.
//
// One table with two kinds of rows. `<session>:<key>` is the version that a session last read or wrote; only the session of that
// name ever asks for it, so none inherits what another has read. `:<key>` is the last write of a file through zag. A version is known by the hash of its
// content; times and sizes only spare the reading.

import { type BigIntStats, closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs'
import { codeOf, EXIT, Fault, quoted, refused } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { formatDuration } from '../base/time.js'
import { isAt, leadsTo } from '../base/within.js'
import { openHome } from '../store/home.js'
import { foldersOf } from '../table/groups.js'
import { Table, type TableRow } from '../table/journal.js'
import { keyOf } from './lock.js'
import { called, PERSON, type Who } from './who.js'

/** Larger files are refused: an agent has no use for all of one, and it is read as a whole. In bytes. */
export const LARGEST = 64 * 1024 * 1024

/** A file that was changed so shortly before it was looked at can be changed again at what its system takes for the same time. In milliseconds. */
const SAME_TIME = 2_000
/** So often a file is read anew that changes while it is read. */
const TRIES = 20

/** What a file is at one moment. Times in nanoseconds since 1970, as text, because they are no numbers of JSON. */
export interface Version {
  mtime: string
  ctime: string
  ino: string
  size: number
  /** SHA-256 of the content; '' is no file. */
  hash: string
}

export interface Content extends Version {
  mode: number
  bytes: Buffer
}

/** A version, and since when it is known, in milliseconds since 1970. */
export interface Known extends Version {
  at: number
}

interface Row extends TableRow, Known {
  path: string
  session: string
  name?: string
}

const NOTHING: Version = { mtime: '0', ctime: '0', ino: '0', size: 0, hash: '' }

// Rows are asked for by their id and never listed, so all of them are kept where one is found without reading the others.
const tableIn = (folder: string) => new Table<Row>(folder, () => false)

/** Forgets, in every group, what sessions have read that are no more. Throws a Fault (5) if a table is damaged or the disk full. */
export async function forgetReaders(isGone: (session: string) => boolean): Promise<void> {
  for (const folder of foldersOf('filetimes')) {
    const table = tableIn(folder)
    const rows = table.rows({ all: true }).rows.filter(({ id, session }) => !id.startsWith(':') && isGone(session))
    if (rows.length === 0) continue
    table.append(rows.map(({ id, rev }) => ({ id, rev: rev + 1, gone: true })))
    await table.fold({ now: true })
  }
}

/** The file times of a group, as one of its sessions sees them. */
export class FileTimes {
  readonly #who: Who
  readonly #table: Table<Row>

  constructor(who: Who) {
    this.#who = who
    this.#table = tableIn(paths.inGroup(who.group, 'filetimes'))
  }

  /** What the session knows of a file. */
  async known(path: string): Promise<Known | undefined> {
    return this.#table.find(await this.#ownId(path))
  }

  /** Notes what the session has read of a file, now or before. */
  async noteRead(path: string, version: Version & Partial<Known>): Promise<void> {
    await this.#note(await this.#ownId(path), path, version)
  }

  /** Notes that the session has written this to a file, and so knows it; or that it removed the file. */
  async noteWrite(path: string, written?: Buffer): Promise<void> {
    // Should somebody who knows no locks have changed it since, that is found by the hash.
    const stats = written && statIfThere(path)
    const version = stats ? { ...versionOf(stats, await hashOf(written)), size: written.length } : NOTHING
    await this.#note(`:${await keyOf(path)}`, path, version)
    await this.#note(await this.#ownId(path), path, version)
  }

  /**
   * Why the session must not write the file as it is, in words that go on after its path, and end with the way out; nothing if it has read its present version. `now` is what the
   * file holds, if that is known.
   */
  async staleness(path: string, now?: Version): Promise<string | undefined> {
    const read = this.#table.find(await this.#ownId(path))
    const present = now ?? this.#unchanged(path, read) ?? (await contentOf(path)) ?? NOTHING
    if (read && read.hash === present.hash) return undefined
    if (present.hash === '') return read ? `is gone${await this.#by(path, present)}` : 'is not there'
    if (!read || read.hash === '') return `was not read by ${this.#me}${await this.#by(path, present)}: read it first`
    const sizes = read.size === present.size ? `still ${present.size} bytes` : `${read.size} bytes then, ${present.size} now`
    const when = `changed at ${timeOf(present.mtime)}`
    return `is not as ${this.#me} read it ${ago(read.at)} ago: ${sizes}, ${when}${await this.#by(path, present)}: read it again`
  }

  /** The version that was read, if a look at the file's times is enough to know that it is as it was. */
  #unchanged(path: string, read: Row | undefined): Version | undefined {
    const stats = read && statIfThere(path)
    if (!stats || read.hash === '') return undefined
    const { mtime, ctime, ino, size } = versionOf(stats, '')
    const same = mtime === read.mtime && ctime === read.ctime && ino === read.ino && size === read.size
    return same && read.at - Number(BigInt(ctime) / 1_000_000n) > SAME_TIME ? read : undefined
  }

  /** Who wrote what is there, as far as it is known. */
  async #by(path: string, present: Version): Promise<string> {
    const last = this.#table.find(`:${await keyOf(path)}`)
    if (!last) return ''
    const what = present.hash === '' ? 'removed' : 'written'
    const whose = last.session === this.#who.session ? this.#me : called(last)
    if (last.hash === present.hash) return `, ${what} by ${whose} ${ago(last.at)} ago`
    return `, ${what} by something that keeps no file times, after ${whose} ${ago(last.at)} ago`
  }

  get #me(): string {
    return this.#who.session === PERSON ? 'you' : called(this.#who)
  }

  async #ownId(path: string): Promise<string> {
    return `${encodeURIComponent(this.#who.session)}:${await keyOf(path)}`
  }

  async #note(id: string, path: string, version: Version & Partial<Known>): Promise<void> {
    openHome()
    const { mtime, ctime, ino, size, hash, at = Date.now() } = version
    // A clock that was set back must not make an old row the latest.
    const rev = Math.max(Date.now(), (this.#table.find(id)?.rev ?? 0) + 1)
    const { session, name } = this.#who
    this.#table.append({ id, rev, path, session, name, mtime, ctime, ino, size, hash, at })
    await this.#table.fold()
  }
}

/** The file at a real path, read as a whole while it did not change; nothing if there is none. Throws a Fault (5) for what is no file or too large. */
export async function contentOf(path: string): Promise<Content | undefined> {
  for (let tries = 0; tries < TRIES; tries++) {
    const stats = statIfThere(path)
    if (!stats) return undefined
    checkKind(path, stats)
    const read = readOnce(path)
    if (read) return { ...versionOf(read.stats, await hashOf(read.bytes)), mode: Number(read.stats.mode) & 0o7777, bytes: read.bytes }
  }
  throw new Fault(`${quoted(path)} is written all the time: try again later`, EXIT.notNow)
}

async function hashOf(bytes: Buffer): Promise<string> {
  const { createHash } = await import('node:crypto')
  return createHash('sha256').update(bytes).digest('hex')
}

/** Nothing if it changed meanwhile. */
function readOnce(path: string): { bytes: Buffer; stats: BigIntStats } | undefined {
  let fd: number
  try {
    // Should it have become a pipe meanwhile, nobody waits for its writer.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw refused(`cannot read ${quoted(path)}`, error)
  }
  try {
    const stats = fstatSync(fd, { bigint: true })
    checkKind(path, stats)
    const bytes = readFileSync(fd)
    const after = fstatSync(fd, { bigint: true })
    if (!leadsTo(path)) throw new Fault(`cannot read ${quoted(path)}: a folder above it has become a link`, EXIT.system)
    if (!isAt(fd, path)) return undefined
    return after.mtimeNs === stats.mtimeNs && after.size === stats.size && BigInt(bytes.length) === stats.size
      ? { bytes, stats: after }
      : undefined
  } catch (error) {
    throw refused(`cannot read ${quoted(path)}`, error)
  } finally {
    closeSync(fd)
  }
}

function checkKind(path: string, stats: BigIntStats): void {
  if (stats.isDirectory()) throw new Fault(`${quoted(path)} is a folder: give a file`, EXIT.system)
  if (!stats.isFile()) throw new Fault(`${quoted(path)} is a device, pipe or socket: give a file`, EXIT.system)
  if (stats.size > BigInt(LARGEST)) throw new Fault(`${quoted(path)} is too large: ${stats.size} bytes, ${LARGEST} at most`, EXIT.system)
}

function statIfThere(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    if (codeOf(error) === 'ENOTDIR') return undefined
    throw refused(`cannot read ${quoted(path)}`, error)
  }
}

function versionOf({ mtimeNs, ctimeNs, ino, size }: BigIntStats, hash: string): Version {
  return { mtime: String(mtimeNs), ctime: String(ctimeNs), ino: String(ino), size: Number(size), hash }
}

const ago = (at: number) => formatDuration(Math.max(0, Date.now() - at))
const timeOf = (mtime: string) => new Date(Number(BigInt(mtime) / 1_000_000n)).toISOString()
