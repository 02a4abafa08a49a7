// The patch format of zag: that of apply_patch, which models know well. zag-file(1) describes it.
//
//   *** Begin Patch
//   *** Update File: path        (then perhaps `*** Move to: path`), hunks
//   @@ a line above the place    lines of a hunk: ' ' stays, '-' goes, '+' comes; `*** End of File` after the last line of the file
//   *** Add File: path           lines that all begin with '+'
//   *** Delete File: path
//   *** End Patch
//
// Here it is only read; apply.ts finds the places.

import { type Fault, quoted, usage } from '../base/exit.js'

/** A part of a file that is changed. Lines are without their ends. */
export interface Hunk {
  /** Lines above the place, each to be found after the one before it. */
  after: string[]
  old: string[]
  new: string[]
  /** For each new line that of `old` which it keeps, if any. */
  kept: (number | undefined)[]
  /** The old lines are the last of the file. */
  end: boolean
  /** Where it begins in the patch, from 1. */
  line: number
}

export type Section = { path: string; line: number } & (
  | { kind: 'add'; content: string }
  | { kind: 'delete' }
  | { kind: 'update'; to?: string; hunks: Hunk[] }
)

const BEGIN = '*** Begin Patch'
const END = '*** End Patch'
const END_OF_FILE = '*** End of File'
const HEAD = /^\*\*\* (Add|Update|Delete) File: (.+)$/
const MOVE = /^\*\*\* Move to: (.+)$/
/** As unified diffs have it: the numbers are of no use here, what follows them is. */
const NUMBERS = /^-\d+(?:,\d+)? \+\d+(?:,\d+)? @@/

/** The files of a patch, in its order. Throws usage, with the line of the patch, for what is none. */
export function parsePatch(text: string): Section[] {
  const lines = new Lines(text)
  lines.expect(BEGIN)
  const sections: Section[] = []
  while (lines.now !== END) {
    if (lines.now === '') {
      lines.next()
      continue
    }
    const head = HEAD.exec(lines.now ?? '')
    if (!head) throw lines.wrong(`'*** Add File: ', '*** Update File: ', '*** Delete File: ' or '${END}' has to be here`)
    const [, kind, name = ''] = head
    const start = { path: nameOfFile(lines, name), line: lines.number }
    lines.next()
    if (kind === 'Add') sections.push({ ...start, kind: 'add', content: added(lines) })
    else if (kind === 'Delete') sections.push({ ...start, kind: 'delete' })
    else sections.push({ ...start, kind: 'update', ...updated(lines) })
  }
  if (sections.length === 0) throw usage('the patch changes no file')
  return sections
}

/** The lines of a patch, one at a time. */
class Lines {
  readonly #lines: string[]
  #at = 0

  constructor(text: string) {
    this.#lines = text.replace(/^\s*\n|\s+$/g, '').split('\n')
    // Written with the line ends of another system, all of it is.
    if (this.#lines[0]?.endsWith('\r')) this.#lines = this.#lines.map(line => line.replace(/\r$/, ''))
    if (this.#lines[0]?.trim() === BEGIN) this.#lines[0] = BEGIN
    if (this.#lines.at(-1)?.trim() === END) this.#lines[this.#lines.length - 1] = END
  }

  get now(): string | undefined {
    return this.#lines[this.#at]
  }

  get number(): number {
    return this.#at + 1
  }

  next(): void {
    this.#at += 1
  }

  expect(line: string): void {
    if (this.now !== line) throw this.wrong(`a patch begins with '${line}' and ends with '${END}'`)
    this.next()
  }

  wrong(what: string): Fault {
    return usage(`no patch, line ${this.number}: ${what}; there is ${this.now === undefined ? 'nothing' : quoted(this.now)}`)
  }
}

/** What would be a folder gets no other name without a word. */
function nameOfFile(lines: Lines, name: string): string {
  const path = name.trim()
  if (/(?:^|\/)\.{0,2}$/.test(path)) throw lines.wrong(`${quoted(path)} is no name of a file`)
  return path
}

const isHead = (line: string) => line === END || HEAD.test(line)

function added(lines: Lines): string {
  const content: string[] = []
  // An empty line that is not marked stands between two files.
  for (; lines.now && !isHead(lines.now); lines.next()) {
    if (!lines.now.startsWith('+')) throw lines.wrong("each line of a new file begins with '+'")
    content.push(lines.now.slice(1))
  }
  return content.map(line => `${line}\n`).join('')
}

function updated(lines: Lines): { to?: string; hunks: Hunk[] } {
  const name = MOVE.exec(lines.now ?? '')?.[1]
  const to = name === undefined ? undefined : nameOfFile(lines, name)
  if (to !== undefined) lines.next()
  const hunks: Hunk[] = []
  while (lines.now !== undefined && !isHead(lines.now)) hunks.push(hunk(lines, hunks.length === 0))
  if (hunks.length === 0 && to === undefined) throw lines.wrong("a file that is updated has hunks, which begin with '@@'")
  return { to, hunks }
}

/** One hunk. The first of a file may lack its `@@`. */
function hunk(lines: Lines, first: boolean): Hunk {
  const found: Hunk = { after: [], old: [], new: [], kept: [], end: false, line: lines.number }
  if (!lines.now?.startsWith('@@') && !first) throw lines.wrong("a hunk begins with '@@'")
  for (; lines.now?.startsWith('@@'); lines.next()) {
    const above = lines.now.slice(2).trim().replace(NUMBERS, '').trim()
    if (above !== '') found.after.push(above)
  }
  let bare = 0
  for (; lines.now !== undefined && !isHead(lines.now) && !lines.now.startsWith('@@'); lines.next()) {
    if (lines.now === END_OF_FILE) {
      found.end = true
      bare = 0
      lines.next()
      break
    }
    bare = lines.now === '' ? bare + 1 : 0
    take(found, lines)
  }
  // Empty lines before the next hunk or file are there for the eye.
  for (const list of [found.old, found.new, found.kept]) list.length -= bare
  if (found.old.length === 0 && found.new.length === 0) throw lines.wrong("a hunk has lines that begin with ' ', '-' or '+'")
  return found
}

function take({ old, new: fresh, kept }: Hunk, lines: Lines): void {
  // An empty line of the file, whose blank was lost on the way.
  const line = lines.now || ' '
  const text = line.slice(1)
  if (!' +-'.includes(line.charAt(0))) throw lines.wrong("a line of a hunk begins with ' ', '-' or '+'")
  if (line.charAt(0) !== '-') {
    fresh.push(text)
    kept.push(line.charAt(0) === ' ' ? old.length : undefined)
  }
  if (line.charAt(0) !== '+') old.push(text)
}
