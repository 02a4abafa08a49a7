// What a patch makes of the contents of files.
//
// Places are found by what stands there, never by number. Where that fits several places nothing is guessed. All here is pure: a patch
// goes as a whole or throws a Fault and changes nothing: 2 for what is no patch, 1 for one that does not fit.

import { EXIT, Fault, quoted } from '../base/exit.js'
import { type Hunk, parsePatch, type Section } from './patch.js'

/** What becomes of the files of a patch. */
export interface Change {
  path: string
  /** What it held; nothing if there was none. */
  before?: string
  /** What it holds afterwards; nothing if there is none. */
  after?: string
  /** The file that it was before it got this name. */
  from?: string
}

/**
 * What a patch makes of files: their contents by path, nothing for one that is not there. Gives each file that is touched once, without those
 * that come out as they were. Throws a Fault: 2 for what is no patch, 1 for one that does not fit, with the file and the line of the hunk.
 */
export function applyPatch(patch: string | readonly Section[], contentOf: (path: string) => string | undefined): Change[] {
  const files = new Map<string, Change>()
  const fileOf = (path: string) => {
    const file = files.get(path) ?? { path, before: contentOf(path), after: contentOf(path) }
    files.set(path, file)
    return file
  }
  for (const section of typeof patch === 'string' ? parsePatch(patch) : patch) {
    const file = fileOf(section.path)
    if (section.kind === 'add') {
      if (file.after !== undefined) throw unfit(section, 'it is there already: update it, or delete it first')
      file.after = section.content
      continue
    }
    if (file.after === undefined) throw unfit(section, `there is no such file to ${section.kind}`)
    const content = section.kind === 'delete' ? undefined : patched(file.after, section, section.hunks)
    const to = section.kind === 'update' ? section.to : undefined
    if (to === undefined || to === section.path) {
      file.after = content
      continue
    }
    const target = fileOf(to)
    if (target.after !== undefined) throw unfit(section, `it cannot be moved to ${quoted(to)}, which is there already`)
    file.after = undefined
    target.after = content
    target.from = file.path
  }
  return [...files.values()].filter(({ before, after }) => before !== after)
}

function unfit({ path, line }: Pick<Section, 'path' | 'line'>, why: string): Fault {
  return new Fault(`the patch does not fit: ${quoted(path)} (line ${line} of the patch): ${why}`, EXIT.no)
}

/** A line of a file with its end. */
interface Line {
  text: string
  end: string
}

function patched(content: string, { path }: Section, hunks: readonly Hunk[]): string {
  const mark = content.startsWith('\ufeff') ? '\ufeff' : ''
  const lines = linesOf(content.slice(mark.length))
  const whole = lines.length === 0 || lines.at(-1)?.end !== ''
  const usual = lines[0]?.end || '\n'
  let from = 0
  for (const [n, hunk] of hunks.entries()) {
    const at = placeOf(lines, hunk, from, why => unfit({ path, line: hunk.line }, `hunk ${n + 1}: ${why}`))
    // What is only context stays as it is in the file, byte for byte.
    const fresh = hunk.new.map((text, i) => {
      const kept = hunk.kept[i]
      return (kept === undefined ? undefined : lines[at + kept]) ?? { text, end: usual }
    })
    lines.splice(at, hunk.old.length, ...fresh)
    from = at + fresh.length
  }
  const last = lines.length - 1
  return mark + lines.map(({ text, end }, n) => text + (n < last ? end || usual : whole ? end || usual : '')).join('')
}

function linesOf(text: string): Line[] {
  const lines: Line[] = []
  for (let at = 0; at < text.length; ) {
    const stop = text.indexOf('\n', at)
    const line = stop < 0 ? text.slice(at) : text.slice(at, stop)
    const bare = stop >= 0 && line.endsWith('\r') ? line.slice(0, -1) : line
    lines.push({ text: bare, end: stop < 0 ? '' : text.slice(at + bare.length, stop + 1) })
    at = stop < 0 ? text.length : stop + 1
  }
  return lines
}

/** How alike two lines have to be: as they are, but for blanks at the end, at both ends, and for what a keyboard does not have. */
const ALIKE: ((text: string) => string)[] = [
  text => text,
  text => text.trimEnd(),
  text => text.trim(),
  text =>
    text
      .trim()
      .replace(/[\u2010-\u2015\u2212]/g, '-')
      .replace(/[\u2018-\u201b]/g, "'")
      .replace(/[\u201c-\u201f]/g, '"')
      .replace(/[\u00a0\u2002-\u200a\u202f\u205f\u3000]/g, ' '),
]

/** The line of the file, from 0, at which a hunk has its place: at or after `from`. */
function placeOf(lines: readonly Line[], { after, old, end }: Hunk, from: number, unfit: (why: string) => Fault): number {
  let start = from
  for (const above of after) {
    const [at] = placesOf(lines, [above], start)
    if (at === undefined) throw unfit(`no line ${quoted(above)}${start > 0 ? ` after line ${start}` : ''}`)
    start = at + 1
  }
  if (old.length === 0) return after.length > 0 && !end ? start : lines.length
  // What is said to be the end is sought nowhere else.
  const places = placesOf(lines, old, end ? Math.max(start, lines.length - old.length) : start)
  const [at, second] = places
  if (at === undefined) throw unfit(missing(lines, old, start, end))
  // A line above the place says which is meant: the first after it.
  if (second !== undefined && after.length === 0)
    throw unfit(
      `it fits ${places.length} places (lines ${places
        .slice(0, 5)
        .map(n => n + 1)
        .join(', ')}): give more lines around it, or one above it after '@@'`,
    )
  return at
}

/** All the places where the lines stand, at the first degree of likeness at which there is one. */
function placesOf(lines: readonly Line[], wanted: readonly string[], from: number): number[] {
  for (const alike of ALIKE) {
    const sought = wanted.map(alike)
    const there = lines.map(({ text }) => alike(text))
    const places: number[] = []
    for (let at = from; at + sought.length <= there.length; at++) if (sought.every((text, n) => there[at + n] === text)) places.push(at)
    if (places.length > 0) return places
  }
  return []
}

/** Why there is no place: how far it fits where it fits best. */
function missing(lines: readonly Line[], old: readonly string[], from: number, end: boolean): string {
  const alike = ALIKE[3] as (text: string) => string
  let best = { at: -1, count: 0 }
  for (let at = from; at < lines.length; at++) {
    let count = 0
    while (count < old.length && at + count < lines.length && alike(lines[at + count]?.text ?? '') === alike(old[count] ?? '')) count += 1
    if (count > best.count) best = { at, count }
  }
  const where = end ? ' at the end of the file' : from > 0 ? ` after line ${from}` : ''
  if (best.count === 0 || best.count === old.length) return `its lines do not stand${where || ' in the file'}: ${quoted(old[0] ?? '')}`
  const found = lines[best.at + best.count]
  const instead = found ? quoted(found.text) : 'the end of the file'
  return `its lines do not stand${where || ' in the file'}: line ${best.at + best.count + 1} is ${instead}, not ${quoted(old[best.count] ?? '')}`
}
