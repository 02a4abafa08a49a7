// A table after any order of appends, folds, kills in the middle of a fold, and rebuilds has the rows of a plain map: of an id the highest
// rev, of equal ones the first.

import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { Table } from '../../lib/table/journal.js'
import { cases } from './fuzz.js'

interface Row {
  id: string
  rev: number
  live: boolean
  pad: number
}

type Step =
  | { do: 'append'; rows: Row[] }
  | { do: 'gone'; id: string }
  /** whoever folds is killed after it sealed the journal */
  | { do: 'seal' }
  /** a whole fold, but so many of the files that it removes at the end stay */
  | { do: 'fold'; stay: number }
  | { do: 'rebuild' }
  /** a line that is none */
  | { do: 'spoil' }

const id = fc.constantFrom('a', 'b', 'c', 'd', 'long '.repeat(40), '"\n')
const row = fc.record({ id, rev: fc.nat(5), live: fc.boolean(), pad: fc.nat(1000) })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), rows: fc.array(row, { minLength: 1, maxLength: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('gone' as const), id }) },
  { weight: 1, arbitrary: fc.constant({ do: 'seal' as const }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('fold' as const), stay: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'rebuild' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'spoil' as const }) },
)

let tables = 0

/** The table and the map beside it. */
class Pair {
  readonly #folder: string
  readonly #table: Table<Row>
  readonly #rows = new Map<string, Row>()
  /** an id that was taken out is never used again */
  readonly #gone = new Set<string>()
  #sealed = 0

  constructor(top: string) {
    tables += 1
    this.#folder = join(top, String(tables))
    mkdirSync(this.#folder)
    this.#table = new Table<Row>(this.#folder, ({ live }) => live)
  }

  async take(step: Step): Promise<void> {
    if (step.do === 'append') this.#append(step.rows)
    else if (step.do === 'gone') this.#remove(step.id)
    else if (step.do === 'seal') this.#seal()
    else if (step.do === 'fold') await this.#fold(step.stay)
    else if (step.do === 'rebuild') await this.#table.rebuild(() => [...this.#rows.values()])
    else writeFileSync(join(this.#folder, 'journal.ndjson'), '{"id":"a","rev":9\n', { flag: 'a' })
  }

  #append(rows: Row[]): void {
    const fresh = rows.filter(({ id }) => !this.#gone.has(id))
    if (fresh.length > 0) this.#table.append(fresh)
    for (const row of fresh) {
      const before = this.#rows.get(row.id)
      if (!before || row.rev > before.rev) this.#rows.set(row.id, row)
    }
  }

  #remove(id: string): void {
    this.#table.append({ id, rev: Number.MAX_SAFE_INTEGER, gone: true })
    this.#gone.add(id)
    this.#rows.delete(id)
  }

  #seal(): void {
    const journal = join(this.#folder, 'journal.ndjson')
    this.#sealed += 1
    if (existsSync(journal)) renameSync(journal, join(this.#folder, `sealed-${String(this.#sealed).padStart(15, '0')}-1-000001`))
  }

  async #fold(stay: number): Promise<void> {
    this.#seal()
    const kept = `${this.#folder}.kept`
    cpSync(this.#folder, kept, { recursive: true })
    await this.#table.fold({ now: true })
    const there = new Set(readdirSync(this.#folder))
    const removed = readdirSync(kept).filter(name => !there.has(name) && /^(sealed|snap)-/.test(name))
    // They go one after the other: a kill leaves the last of them.
    for (const name of stay === 0 ? [] : removed.slice(-stay)) cpSync(join(kept, name), join(this.#folder, name))
    rmSync(kept, { recursive: true })
  }

  /** Throws where the two differ. */
  compare(): void {
    const due = [...this.#rows.values()]
    same(this.#table.rows({ all: true }).rows, due, 'all')
    same(
      this.#table.rows().rows,
      due.filter(({ live }) => live),
      'live',
    )
    for (const id of [...this.#rows.keys(), ...this.#gone, 'nobody'])
      same([this.#table.find(id) ?? []].flat(), [this.#rows.get(id) ?? []].flat(), `find ${id}`)
  }
}

function same(found: Row[], due: Row[], what: string): void {
  const text = (rows: Row[]) =>
    JSON.stringify(rows.sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ id, rev, live, pad }) => [id, rev, live, pad]))
  if (text(found) !== text(due)) throw new Error(`${what}: ${text(found)}, not ${text(due)}`)
}

t.test('a table is the map of its rows', async t => {
  const top = t.testdir()
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async steps => {
      const pair = new Pair(top)
      for (const each of steps) {
        await pair.take(each)
        pair.compare()
      }
    }),
    cases(120),
  )
})
