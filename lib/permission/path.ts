// Which file a call means, and whether the glob of a rule means it too.
//
// An allow rule is asked about the file that would really be touched: absolute and without links. A deny rule is asked about the path
// as the agent gave it as well, and refuses what nobody can see through. Links in a rule are never followed to allow something: an agent
// that may write in a folder could put one there.

import { readlinkSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import picomatch from 'picomatch'
import { isWithin, realOf } from '../base/within.js'
import type { Place } from './call.js'
import type { Piece } from './glob.js'

/** The files that a path of a call may mean. */
export interface Meant {
  /** as given, absolute: for deny rules */
  given: string[]
  /** without links; nothing where a link leads nowhere, or cannot be read */
  real: string[]
  /** why there is no real one */
  why?: string
}

const MOST_LINKS = 40

/** What files the path of a call means. A `~` is read both ways: some tools know it, others do not. */
export function meant(path: string, { cwd }: Place): Meant {
  const given = [resolve(cwd, path)]
  if (path === '~' || path.startsWith('~/')) given.push(join(homedir(), path.slice(1)))
  if (path.includes('\0')) return { given, real: [], why: 'it has a NUL in it' }
  try {
    return { given, real: given.map(realOf) }
  } catch (error) {
    return { given: [...given, ...given.flatMap(followed)], real: [], why: (error as Error).message }
  }
}

/** Where the links of a path lead that leads nowhere, as far as they can be read. */
function followed(path: string): string[] {
  const seen: string[] = []
  for (let at = path; seen.length < MOST_LINKS; ) {
    try {
      const folder = realOf(dirname(at))
      at = resolve(folder, readlinkSync(join(folder, basename(at))))
      seen.push(at)
    } catch {
      // What is no link, or not there, is where it ends.
      return seen
    }
  }
  return seen
}

/** Whether the glob of an allow rule fits all that a path may mean; where that is to be changed, .git has to be spelled. */
export function fits(glob: readonly Piece[], path: Meant, place: Place, isChanged: boolean): boolean {
  return path.real.length > 0 && path.real.every(real => fitsFile(glob, real, realOf(place.root), isChanged ? isGit : undefined))
}

/** Git runs what it is told there, whoever calls it next, and no diff shows it. Some file systems take any case for the same. */
const isGit = (name: string) => name.toLowerCase() === '.git'

/** Whether the glob of a deny rule may fit: also if nobody can tell where the path leads. */
export function mayFit(glob: readonly Piece[], path: Meant, place: Place): boolean {
  const root = realOf(place.root)
  if (path.real.length === 0 && path.given.length < 2) return true
  return (
    path.real.some(real => fitsFile(glob, real, root) || fitsFile(throughLinks(glob), real, root)) ||
    path.given.some(given => fitsFile(glob, given, root) || fitsFile(glob, given, resolve(place.root)))
  )
}

/** `file` and `root` are absolute; `isSpelled`: the names that no star stands for. */
function fitsFile(glob: readonly Piece[], file: string, root: string, isSpelled?: (name: string) => boolean): boolean {
  const parts = partsOf(glob)
  const first = textOfPart(parts[0])
  if (parts.length > 1 && first === '') return fitsParts(parts.slice(1), namesOf(file), isSpelled)
  if (first === '~') {
    const home = realOf(homedir())
    return isWithin(home, file) && fitsParts(parts.slice(1), namesOf(relative(home, file)), isSpelled)
  }
  let from = root
  let at = 0
  for (; at < parts.length; at++) {
    const text = textOfPart(parts[at])
    if (text === '..') from = dirname(from)
    else if (text !== '.') break
  }
  return isWithin(from, file) && fitsParts(parts.slice(at), namesOf(relative(from, file)), isSpelled)
}

const namesOf = (path: string) => path.split(sep).filter(name => name !== '')

/** `**` stands for any number of names. */
function fitsParts(parts: readonly Piece[][], names: readonly string[], isSpelled: (name: string) => boolean = () => false): boolean {
  let reached = new Set([0])
  const spread = (at: Set<number>) => {
    for (const each of at) if (isAll(parts[each])) at.add(each + 1)
    return at
  }
  reached = spread(reached)
  for (const name of names) {
    const next = new Set<number>()
    for (const at of reached) {
      const part = parts[at]
      if (isSpelled(name) && textOfPart(part) === undefined) continue
      if (part && isAll(part)) next.add(at)
      else if (part && fitsName(part, name)) next.add(at + 1)
    }
    reached = spread(next)
  }
  return reached.has(parts.length)
}

const isAll = (part: readonly Piece[] | undefined) => part?.length === 1 && part[0]?.kind === 'star' && part[0].double

function fitsName(part: readonly Piece[], name: string): boolean {
  const text = textOfPart(part)
  return text === undefined ? picomatch.makeRe(part.map(spelt).join(''), OPTIONS).test(name) : text === name
}

/** A name is matched, so nothing but these pieces means anything; `s`, because names may have newlines. */
const OPTIONS = { dot: true, nonegate: true, noextglob: true, nobrace: true, strictBrackets: true, flags: 's' } as const

function spelt(piece: Piece): string {
  const escaped = (text: string) => text.replace(/[!-/:-@[-`{-~\s]/g, '\\$&')
  if (piece.kind === 'text') return escaped(piece.text)
  if (piece.kind === 'star') return '*'
  if (piece.kind === 'one') return '?'
  return `[${piece.not ? '^' : ''}${piece.ranges.map(([from, to]) => `${escaped(from)}-${escaped(to)}`).join('')}]`
}

/** The pieces between the slashes. */
function partsOf(glob: readonly Piece[]): Piece[][] {
  const parts: Piece[][] = [[]]
  for (const piece of glob) {
    const texts = piece.kind === 'text' ? piece.text.split('/') : undefined
    if (!texts) parts.at(-1)?.push(piece)
    texts?.forEach((text, i) => {
      if (i > 0) parts.push([])
      if (text !== '') parts.at(-1)?.push({ kind: 'text', text })
    })
  }
  // Slashes that follow each other are one, as in any path; the first part stays, because it says that the path is absolute.
  return parts.filter((part, i) => i === 0 || part.length > 0)
}

function textOfPart(part: readonly Piece[] | undefined): string | undefined {
  if (part?.length === 0) return ''
  const [only] = part ?? []
  return part?.length === 1 && only?.kind === 'text' ? only.text : undefined
}

/** A glob with the links followed in the names it begins with: more than it says, so only to refuse. */
function throughLinks(glob: readonly Piece[]): readonly Piece[] {
  const [first, ...rest] = glob
  if (first?.kind !== 'text' || !isAbsolute(first.text)) return glob
  const folder = rest.length === 0 ? first.text : first.text.slice(0, first.text.lastIndexOf('/') + 1)
  try {
    const real = realOf(resolve(folder))
    return [{ kind: 'text', text: join(real, folder.endsWith('/') ? '/' : '') + first.text.slice(folder.length) }, ...rest]
  } catch {
    // It leads nowhere: then there is nothing more that it could mean.
    return glob
  }
}
