// The globs of rules: what their text means, how a text is written so that it means just itself, and how they are matched against
// texts. Paths are matched part by part (path.ts), by the same pieces.
//
//   *  **      any text, also none; in a path within a part, and as a whole part `**` any number of parts
//   ?          one character; [a-z] [!a-z] one of these, or none of them
//   {a,b}      either; braces without a comma mean themselves
//   \x         the character x itself, for all that is no letter or digit; \n \r \t and \u{1f} stand for characters

/** A glob that means nothing; `at` is where in its text, counted from 0. */
export class BadGlob extends Error {
  readonly at: number

  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}

/** One piece of a glob. */
export type Piece =
  | { kind: 'text'; text: string }
  | { kind: 'star'; double: boolean }
  | { kind: 'one' }
  | { kind: 'set'; not: boolean; ranges: [string, string][] }

/** What stands in a text for a part that nobody knows before it runs: it may be any text. */
export const UNKNOWN = Symbol('unknown')

/** A text, character by character. */
export type Text = readonly (string | typeof UNKNOWN)[]

/** More alternatives than this are no rule that anybody could read. */
const MOST_ALTERNATIVES = 256
const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t' }
const SPECIAL = /[\\*?[\]{}(),]/

/** The alternatives of a glob, each a list of pieces. Throws BadGlob. */
export function readGlob(glob: string): Piece[][] {
  return alternatives(glob, 0, glob.length)
}

/** A text as a glob that matches it and nothing else. In the middle of a rule it needs no more escapes. */
export function literally(text: string): string {
  const all = Array.from(text)
  return all
    .map((c, at) => {
      const shown = visibly(c)
      // Blanks at the ends of a glob do not count.
      const isEnd = (at === 0 || at === all.length - 1) && /\s/.test(c)
      return shown === c && (SPECIAL.test(c) || isEnd) ? `\\${c}` : shown
    })
    .join('')
}

/** The text that a glob matches, if it is one text alone. */
export function onlyText(pieces: readonly Piece[]): string | undefined {
  return pieces.every(piece => piece.kind === 'text') ? pieces.map(piece => (piece.kind === 'text' ? piece.text : '')).join('') : undefined
}

/** Whether pieces match a text, or where something in it is unknown, may match it. */
export function matches(pieces: readonly Piece[], text: Text): boolean {
  const steps = pieces.flatMap((piece): Piece[] =>
    piece.kind === 'text' ? Array.from(piece.text, c => ({ kind: 'text' as const, text: c })) : [piece],
  )
  let reached = withStars(steps, new Set([0]))
  for (const c of text) {
    if (reached.size === 0) return false
    const next = new Set<number>()
    if (c === UNKNOWN) for (let at = Math.min(...reached); at <= steps.length; at++) next.add(at)
    else {
      for (const at of reached) {
        const step = steps[at]
        if (step?.kind === 'star') next.add(at)
        else if (step && takes(step, c)) next.add(at + 1)
      }
    }
    reached = withStars(steps, next)
  }
  return reached.has(steps.length)
}

/** The characters of a text, to be matched. */
export function textOf(text: string): Text {
  return Array.from(text)
}

/** A control character as an escape, any other character as it is. */
export function visibly(c: string): string {
  const named = Object.keys(ESCAPES).find(key => ESCAPES[key] === c)
  if (named) return `\\${named}`
  return /[\p{Cc}\p{Cs}\u2028\u2029\ufeff]/u.test(c) ? `\\u{${c.codePointAt(0)?.toString(16)}}` : c
}

/** A star matches no character as well. */
function withStars(steps: readonly Piece[], at: Set<number>): Set<number> {
  for (const each of at) if (steps[each]?.kind === 'star') at.add(each + 1)
  return at
}

function takes(piece: Piece, c: string): boolean {
  if (piece.kind === 'text') return piece.text === c
  if (piece.kind === 'set') return inSet(piece, c) !== piece.not
  return true
}

function inSet({ ranges }: { ranges: [string, string][] }, c: string): boolean {
  const code = c.codePointAt(0) ?? 0
  return ranges.some(([from, to]) => (from.codePointAt(0) ?? 0) <= code && code <= (to.codePointAt(0) ?? 0))
}

function alternatives(glob: string, from: number, to: number): Piece[][] {
  let all: Piece[][] = [[]]
  const add = (piece: Piece) => {
    all = all.map(each => joined(each, piece))
  }
  for (let at = from; at < to; ) {
    const c = glob[at] as string
    const group = c === '{' ? braces(glob, at, to) : undefined
    if (group) {
      const inner = group.parts.flatMap(([start, stop]) => alternatives(glob, start, stop))
      if (all.length * inner.length > MOST_ALTERNATIVES) throw new BadGlob(at, `more than ${MOST_ALTERNATIVES} alternatives`)
      all = all.flatMap(each => inner.map(more => more.reduce(joined, each)))
      at = group.end
    } else if (c === '*') {
      const double = glob[at + 1] === '*'
      add({ kind: 'star', double })
      while (glob[at] === '*') at += 1
    } else if (c === '?') {
      add({ kind: 'one' })
      at += 1
    } else if (c === '[') {
      const { piece, end } = set(glob, at, to)
      add(piece)
      at = end
    } else {
      const { text, end } = character(glob, at, to)
      add({ kind: 'text', text })
      at = end
    }
  }
  return all
}

function joined(pieces: readonly Piece[], piece: Piece): Piece[] {
  const last = pieces.at(-1)
  if (last?.kind !== 'text' || piece.kind !== 'text') return [...pieces, piece]
  return [...pieces.slice(0, -1), { kind: 'text', text: last.text + piece.text }]
}

/** The parts between the commas of a pair of braces and where it ends, or nothing if there is no comma in it. */
export function braces(glob: string, open: number, to: number): { parts: [number, number][]; end: number } | undefined {
  const parts: [number, number][] = []
  let start = open + 1
  for (let at = open + 1, depth = 1; at < to; at++) {
    const c = glob[at]
    if (c === '\\') at += 1
    else if (c === '[') at = setEnd(glob, at, to) ?? at
    else if (c === '{') depth += 1
    else if (c === '}') depth -= 1
    else if (c === ',' && depth === 1) {
      parts.push([start, at])
      start = at + 1
    }
    if (depth === 0) return parts.length > 0 ? { parts: [...parts, [start, at]], end: at + 1 } : undefined
  }
  return undefined
}

/** Where the `]` is that closes a set, if there is one. */
export function setEnd(glob: string, open: number, to: number): number | undefined {
  const first = glob[open + 1] === '!' || glob[open + 1] === '^' ? open + 2 : open + 1
  for (let at = first; at < to; at++) {
    if (glob[at] === '\\') at += 1
    else if (glob[at] === ']' && at > first) return at
  }
  return undefined
}

function set(glob: string, open: number, to: number): { piece: Piece; end: number } {
  const close = setEnd(glob, open, to)
  if (close === undefined) throw new BadGlob(open, "nothing closes this '[': write \\[ for the character itself")
  const not = glob[open + 1] === '!' || glob[open + 1] === '^'
  const ranges: [string, string][] = []
  for (let at = open + (not ? 2 : 1); at < close; ) {
    const from = character(glob, at, close)
    const ranged = glob[from.end] === '-' && from.end + 1 < close
    const upTo = ranged ? character(glob, from.end + 1, close) : from
    if (/\s/.test(from.text)) throw new BadGlob(open, "a blank between '[' and ']': write \\[ for the character itself")
    if ((from.text.codePointAt(0) ?? 0) > (upTo.text.codePointAt(0) ?? 0)) throw new BadGlob(at, 'this range ends before it begins')
    ranges.push([from.text, upTo.text])
    at = upTo.end
  }
  return { piece: { kind: 'set', not, ranges }, end: close + 1 }
}

function character(glob: string, at: number, to: number): { text: string; end: number } {
  const c = String.fromCodePoint(glob.codePointAt(at) ?? 0)
  if (c !== '\\') return { text: c, end: at + c.length }
  if (at + 1 >= to) throw new BadGlob(at, 'nothing follows this \\: write \\\\ for the character itself')
  const next = String.fromCodePoint(glob.codePointAt(at + 1) ?? 0)
  const named = Object.hasOwn(ESCAPES, next) ? ESCAPES[next] : undefined
  if (named !== undefined) return { text: named, end: at + 2 }
  const code = /^\\u\{([0-9a-f]{1,6})\}/i.exec(glob.slice(at, to))
  if (code && Number.parseInt(code[1] as string, 16) <= 0x10ffff) {
    return { text: String.fromCodePoint(Number.parseInt(code[1] as string, 16)), end: at + code[0].length }
  }
  if (/[a-z0-9]/i.test(next)) throw new BadGlob(at, `no escape \\${next}: there are \\n, \\r, \\t, \\u{...}, and \\ before any sign`)
  return { text: next, end: at + 1 + next.length }
}
