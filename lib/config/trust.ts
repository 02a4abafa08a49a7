// Which projects' files may name commands: those that a person accepted, byte for byte. A file that changes is accepted no more.
//
// One table in the home, a row for each decision, the last one about a file counts.

import { createHash } from 'node:crypto'
import { paths } from '../base/paths.js'
import { timestamp } from '../base/time.js'
import { readBytesIfThere } from '../store/file.js'
import { openHome } from '../store/home.js'
import { appendLines, parseLine, scan } from '../store/lines.js'

/** A file that was accepted; `holds` says whether it is still as it was. */
export interface Trusted {
  path: string
  accepted_at: string
  holds: boolean
}

interface Row {
  path: string
  /** nothing where it is accepted no more */
  sha256: string | null
  at: string
}

/** Whether these bytes were accepted as the content of this file. */
export function isTrusted(path: string, content: Buffer): boolean {
  return lastRows().get(path)?.sha256 === hashOf(content)
}

/** Accepts these bytes as the content of the file. */
export function trust(path: string, content: Buffer): void {
  decide({ path, sha256: hashOf(content) })
}

/** Takes that back. False if the file was not accepted. */
export function distrust(path: string): boolean {
  if (typeof lastRows().get(path)?.sha256 !== 'string') return false
  decide({ path, sha256: null })
  return true
}

/** The files that were accepted, in the order of their paths. */
export function trustedFiles(): Trusted[] {
  return [...lastRows().values()]
    .filter(({ sha256 }) => sha256 !== null)
    .map(({ path, sha256, at }) => ({ path, accepted_at: at, holds: sha256 === hashOf(readBytesIfThere(path)) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

function decide(row: Omit<Row, 'at'>): void {
  openHome()
  appendLines(paths.trusted(), [JSON.stringify({ ...row, at: timestamp() } satisfies Row)])
}

function lastRows(): Map<string, Row> {
  const rows = new Map<string, Row>()
  scan(paths.trusted(), {}, line => {
    const row = parseLine(line)
    if (typeof row?.path === 'string') rows.set(row.path, row as unknown as Row)
    return true
  })
  return rows
}

const hashOf = (content: Buffer | undefined) => (content ? createHash('sha256').update(content).digest('hex') : '')
