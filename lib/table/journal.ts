// A table: rows `{id, rev, …}` of one kind in a folder, written by many processes. Of an id the highest rev counts; among equal
// ones the first written. A row with `gone: true` takes the id out of the table.
//
//   journal.ndjson   rows are appended here, without a lock
//   sealed-*         journals that wait to be folded, oldest first by name
//   snap-<n>         all rows folded so far; the highest n counts (store/snapshot.ts)
//
// fold() renames the journal to a sealed name, merges all that is sealed with the highest snapshot, publishes the next one by
// link(2), and only then removes what went into it. A kill at any step leaves files that the next fold takes up or, if the snapshot
// names them, removes. Two folders at once are safe: one number is published once. An appender whose journal was renamed
// under it appends again, and repeated rows do no harm. Readers take journal first, then the rest as listed afterwards, so a
// row on the move is seen at least once. Once folded, a tombstone is forgotten: an id is never used again after it.

import { join } from 'node:path'
import { EXIT, Fault, quoted } from '../base/exit.js'
import { claim, listIfThere, makeFolder, moveIfThere, readBytesIfThere, remove, removeOldTemporaries, sizeIfThere } from '../store/file.js'
import { Appender, parseLine } from '../store/lines.js'
import { tryLock, withLock } from '../store/lock.js'
import { Snapshot, snapshotText } from '../store/snapshot.js'

/** A journal is folded when it is longer than this (bytes): what each reader of the table reads at most beside live rows. */
export const FOLD_AT = 256 * 1024

const TRIES = 1000
const NEWLINE = 10
const NOTHING = Buffer.alloc(0)

export interface TableRow {
  id: string
  rev: number
}

/** A row that takes its id out of the table. */
export interface Gone extends TableRow {
  gone: true
}

export interface Rows<Row> {
  /** in no order */
  rows: Row[]
  /** lines that are no row: kept in the files until they are folded, and never in the way */
  bad: number
}

/** What a reader holds of a table: enough to merge. */
interface Parts {
  names: string[]
  journal: Buffer
  sealed: Buffer[]
  snapshot: Snapshot | undefined
}

export class Table<Row extends TableRow> {
  readonly #folder: string
  readonly #isLive: (row: Row) => boolean

  /** `isLive` says whether a row is of the kind that lists show by default; it must depend on nothing but the row. */
  constructor(folder: string, isLive: (row: Row) => boolean = () => true) {
    this.#folder = folder
    this.#isLive = isLive
  }

  /** Appends a row or several; they are in the table when this returns. Throws a Fault (exit 5) if they do not fit on the disk. */
  append(rows: Row | Gone | readonly (Row | Gone)[]): void {
    const lines = (Array.isArray(rows) ? rows : [rows]).map(row => JSON.stringify(row))
    while (!this.#appendTo(this.#journal, lines)) {
      // The journal was sealed meanwhile, perhaps too late for its reader: the rows go into the new one as well.
    }
  }

  #appendTo(path: string, lines: string[]): boolean {
    if (sizeIfThere(path) === undefined) makeFolder(this.#folder)
    const journal = new Appender(path)
    try {
      journal.append(lines)
      return !journal.moved()
    } finally {
      journal.close()
    }
  }

  /**
   * The live rows, or with `all` the final ones too. Live rows alone cost the same however many final ones there are.
   * A missing table is empty. Throws a Fault (exit 5) if the snapshot is damaged.
   */
  rows({ all = false }: { all?: boolean } = {}): Rows<Row> {
    return this.#read(parts => {
      const merged = this.#merge(parts, all)
      const rows: Row[] = []
      for (const row of merged.rows.values()) {
        if (!isGone(row) && (all || (this.#isLive(row) && !this.#finalSince(parts, merged.folded, row)))) rows.push(row)
      }
      return { rows, bad: merged.bad }
    })
  }

  /** The row of an id, live or final, if it is in the table. */
  find(id: string): Row | undefined {
    return this.#read(parts => {
      const found = this.#merge(parts, false).rows.get(id)
      const final = asRow<Row>(parts.snapshot?.findFinal(id))
      const row = final && (!found || found.rev <= final.rev) ? final : found
      return row && !isGone(row) ? row : undefined
    })
  }

  /**
   * Folds the journal into a snapshot if it is long (or `now`), or if another that folded left a sealed one, and nobody else is at it. True
   * if it did. Throws a Fault if the disk is full or the snapshot damaged; nothing is lost then.
   */
  async fold({ now = false }: { now?: boolean } = {}): Promise<boolean> {
    if (!now && (sizeIfThere(this.#journal) ?? 0) < FOLD_AT && !listIfThere(this.#folder).some(isSealed)) return false
    makeFolder(this.#folder)
    return tryLock(join(this.#folder, 'fold'), () => this.#foldOnce())
  }

  /**
   * Replaces the whole table, also a damaged one, by the given rows; given a function, it is called after the old rows
   * were set apart, so that rows appended while it looks are kept. Throws a Fault (exit 4) if others fold all the time.
   */
  async rebuild(rows: readonly Row[] | (() => readonly Row[])): Promise<void> {
    makeFolder(this.#folder)
    await withLock(join(this.#folder, 'fold'), () => {
      for (let tries = 0; tries < TRIES; tries++) {
        this.#seal()
        const names = listIfThere(this.#folder)
        const byId = new Map<string, Row>()
        for (const row of typeof rows === 'function' ? rows() : rows) add(byId, row)
        if (this.#publish(names, byId.values())) return
      }
      throw this.#tooFast()
    })
  }

  get #journal(): string {
    return join(this.#folder, 'journal.ndjson')
  }

  #foldOnce(): boolean {
    this.#seal()
    const parts = this.#parts(NOTHING)
    // Something listed is gone already: another process is folding the same.
    if (!parts) return false
    try {
      const rows: Row[] = []
      for (const row of this.#merge(parts, true).rows.values()) if (!isGone(row)) rows.push(row)
      return this.#publish(parts.names, rows)
    } finally {
      parts.snapshot?.close()
    }
  }

  #seal(): void {
    sealed += 1
    const name = `sealed-${String(Date.now()).padStart(15, '0')}-${process.pid}-${String(sealed).padStart(6, '0')}`
    moveIfThere(this.#journal, join(this.#folder, name))
  }

  /** Publishes the snapshot that follows those among `names`, then removes what is in it. False if another process did first. */
  #publish(names: string[], rows: Iterable<Row>): boolean {
    const number = latest(names) + 1
    const folded = names.filter(isSealed)
    const path = this.#snapshot(number)
    if (!claim(path, snapshotText(rows, this.#isLive, folded), { sync: true })) return false
    // A number is free again once a higher one stands and ours comes late: then it was not us who published it first.
    if (latest(listIfThere(this.#folder)) > number) {
      remove(path)
      return false
    }
    for (const name of names) if (isSealed(name) || (isSnapshot(name) && numberOf(name) < number)) remove(join(this.#folder, name))
    removeOldTemporaries(this.#folder)
    return true
  }

  #snapshot(number: number): string {
    return join(this.#folder, `snap-${number}`)
  }

  /** Reads until nothing that was listed was folded away in the meantime. */
  #read<T>(use: (parts: Parts) => T): T {
    for (let tries = 0; tries < TRIES; tries++) {
      const parts = this.#parts(readBytesIfThere(this.#journal) ?? NOTHING)
      if (!parts) continue
      try {
        return use(parts)
      } finally {
        parts.snapshot?.close()
      }
    }
    throw this.#tooFast()
  }

  /** What is listed now, or undefined if some of it vanished before it could be read. */
  #parts(journal: Buffer): Parts | undefined {
    const names = listIfThere(this.#folder)
    const sealed = new Map<string, Buffer>()
    for (const name of names.filter(isSealed).sort()) {
      const bytes = readBytesIfThere(join(this.#folder, name))
      if (!bytes) return undefined
      sealed.set(name, bytes)
    }
    const number = latest(names)
    const snapshot = number > 0 ? Snapshot.open(this.#snapshot(number)) : undefined
    if (number > 0 && !snapshot) return undefined
    for (const name of snapshot?.folded ?? []) sealed.delete(name)
    return { names, journal, sealed: [...sealed.values()], snapshot }
  }

  /** Oldest first, so that of equal revs the first written counts. `folded` are the ids of the snapshot that were read. */
  #merge({ journal, sealed, snapshot }: Parts, all: boolean): { rows: Map<string, Row | Gone>; folded: Set<string>; bad: number } {
    const rows = new Map<string, Row | Gone>()
    let bad = 0
    if (snapshot) bad += addLines(rows, snapshot.live())
    if (snapshot && all) bad += addLines(rows, snapshot.final())
    const folded = new Set(rows.keys())
    for (const bytes of [...sealed, journal]) bad += addLines(rows, bytes)
    return { rows, folded, bad }
  }

  /** Whether a live row of a journal is older than the final one of its id, which was folded before it arrived. */
  #finalSince({ snapshot }: Parts, folded: Set<string>, row: Row): boolean {
    if (folded.has(row.id)) return false
    const final = asRow<Row>(snapshot?.findFinal(row.id))
    return final !== undefined && final.rev >= row.rev
  }

  #tooFast(): Fault {
    return new Fault(`table ${quoted(this.#folder)} is folded faster than it can be read: try again`, EXIT.notNow)
  }
}

let sealed = 0

const isSealed = (name: string) => name.startsWith('sealed-')
const isSnapshot = (name: string) => /^snap-[1-9]\d*$/.test(name)
const numberOf = (name: string) => Number(name.slice(5))
const latest = (names: string[]) => names.filter(isSnapshot).reduce((most, name) => Math.max(most, numberOf(name)), 0)

/** Adds the rows of whole lines; returns how many lines are none. */
function addLines<Row extends TableRow>(rows: Map<string, Row | Gone>, lines: Buffer): number {
  let bad = 0
  for (let start = 0, stop = lines.indexOf(NEWLINE); stop >= 0; start = stop + 1, stop = lines.indexOf(NEWLINE, start)) {
    if (stop === start) continue
    const row = asRow<Row>(parseLine(lines.subarray(start, stop)))
    if (row) add(rows, row)
    else bad += 1
  }
  return bad
}

function add<Row extends TableRow>(rows: Map<string, Row>, row: Row): void {
  const before = rows.get(row.id)
  if (!before || row.rev > before.rev) rows.set(row.id, row)
}

function asRow<Row extends TableRow>(value: Record<string, unknown> | undefined): Row | undefined {
  return typeof value?.id === 'string' && typeof value.rev === 'number' ? (value as unknown as Row) : undefined
}

function isGone(row: object): row is Gone {
  return 'gone' in row && row.gone === true
}
