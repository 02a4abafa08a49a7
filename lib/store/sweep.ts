// Finding the lines of a log that may hold a text, at the speed of memory: for searches, which parse only those.
//
// Buffer.indexOf knows no case and is slow for short words of common letters, so the loop over bytes is a WebAssembly function
// that looks at 16 at once. It stops at every place where the text stands, whatever the case of its ASCII letters, and at
// every escape that JSON.stringify does not write, because a text may hide behind that. So no line with the text is ever
// passed over; lines without it may be given. Where it cannot run every line is given.

import { countLines } from './count.js'
import { scanBlocks } from './lines.js'
import {
  add,
  again,
  all,
  and,
  below,
  bits,
  block,
  both,
  butNot,
  byteAt,
  type Code,
  char,
  constant,
  differ,
  either,
  give,
  leaveIf,
  local,
  loop,
  lowestBit,
  machine,
  not,
  or,
  type Program,
  same,
  set,
  shiftedRight,
  sixteenAt,
  sub,
  when,
} from './wasm.js'

const NEWLINE = 10
/** Where things lie in the memory: the text, which of its bytes have two cases, and the block. */
const TEXT = 0
const CASES = 256
const BLOCK = 512
/** Bytes behind the block that the loop looks at in vain. */
const SLACK = 512
const LONGEST = 200

/** Looks through a file as it is now; see sweeper. */
export type Sweep = (path: string, onLine: (line: Buffer, number: number) => boolean | undefined) => void

/**
 * Gives, file by file, the lines that may hold one of the texts, with their numbers, until `onLine` returns false. The texts are bytes
 * as JSON.stringify writes them, without control characters; an empty one fits every line. The buffer is valid only during the
 * call, in which no other sweep of the same may begin: what is made to find the texts is made once for all files.
 */
export function sweeper(texts: readonly Buffer[], { anyCase }: { anyCase: boolean }): Sweep {
  const finders = texts.map(text => finderOf(text, anyCase))
  return (path, onLine) => {
    let counted = { lines: 0, upTo: 0 }
    scanBlocks(path, {}, (block, offset) => {
      const next = finders.map(find => find(block))
      for (let from = 0; from < block.length; ) {
        const at = Math.min(...next.map(each => each(from)))
        if (at >= block.length) return
        const start = at === 0 ? 0 : block.lastIndexOf(NEWLINE, at - 1) + 1
        const stop = block.indexOf(NEWLINE, at)
        counted = { lines: linesUpTo(path, block, offset, counted, start), upTo: offset + start }
        // The newline of an empty line is its own end.
        if (stop > start && onLine(block.subarray(start, stop), counted.lines + 1) === false) return false
        from = stop + 1
      }
      return
    })
  }
}

/** How many lines end before `start` in the block. Those of earlier blocks are counted only now that somebody wants to know. */
function linesUpTo(path: string, block: Buffer, offset: number, { lines, upTo }: { lines: number; upTo: number }, start: number): number {
  let count = lines
  if (upTo < offset) count += countLines(path, offset, upTo)
  for (let at = block.indexOf(NEWLINE, Math.max(0, upTo - offset)); at >= 0 && at < start; at = block.indexOf(NEWLINE, at + 1)) count += 1
  return count
}

/** Gives, for a block, a function that gives the first place at or after `from` to look at, or the block's length. */
type Finder = (block: Buffer) => (from: number) => number

function finderOf(text: Buffer, anyCase: boolean): Finder {
  const search = text.length === 0 ? undefined : searchFor(text.subarray(0, LONGEST), anyCase)
  return block => {
    const find = search?.load(block)
    // Asked again for a place before the one it found last, it still knows.
    let found = -1
    return from => {
      if (!find) return from
      if (found < from) found = find(from)
      return found
    }
  }
}

/** How common a byte is in logs: of the text, the two rarest are looked for. Letters in the order of their frequency. */
const COMMON = Buffer.from(' etaoinsrhldcumfpgwybvk"\\,.:/_-0123456789xjqz')
const rarity = (byte: number) => {
  const at = COMMON.indexOf(byte >= 65 && byte <= 90 ? byte | 32 : byte)
  return at < 0 ? COMMON.length : at
}

interface Search {
  load(block: Buffer): (from: number) => number
}

let finding: Program | undefined

function searchFor(text: Buffer, anyCase: boolean): Search | undefined {
  finding ??= { parameters: 9, integers: 4, vectors: 1, pages: 5, body: findBody() }
  const made = machine(finding)
  if (!made) return undefined
  const { memory, run } = made
  const twoCased = (byte: number) => anyCase && ((byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122))
  const lower = text.map(byte => (twoCased(byte) ? byte | 32 : byte))
  const cases = text.map(byte => (twoCased(byte) ? 32 : 0))
  const [rarest = 0, second = rarest] = [...lower.keys()].sort((a, b) => rarity(lower[b] as number) - rarity(lower[a] as number))
  const [p, q] = [Math.min(rarest, second), Math.max(rarest, second)]
  const cased = (at: number) => [lower[at] as number, (lower[at] as number) & ~(cases[at] as number)]
  return {
    load(block) {
      const missing = BLOCK + block.length + SLACK - memory.buffer.byteLength
      if (missing > 0) memory.grow(Math.ceil(missing / 65_536))
      const bytes = new Uint8Array(memory.buffer)
      bytes.set(lower, TEXT)
      bytes.set(cases, CASES)
      bytes.set(block, BLOCK)
      bytes.fill(0, BLOCK + block.length, BLOCK + block.length + SLACK)
      return from => run(BLOCK + from, BLOCK + block.length, p, q - p, ...cased(p), ...cased(q), text.length) - BLOCK
    },
  }
}

/** find(from, to, p, gap, a, A, b, B, length): where to look next in [from, to), or `to`. a or A stands at p of the text, b or B `gap` after it. */
function findBody(): Code {
  const [from, to, p, gap, a, A, b, B, length] = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(local) as [
    Code,
    Code,
    Code,
    Code,
    Code,
    Code,
    Code,
    Code,
    Code,
  ]
  const FROM = 0
  const [FOREIGN, MASK, AT, K] = [9, 10, 11, 12]
  const SIXTEEN = 13
  const here = local(SIXTEEN)
  const after = (n: number) => sixteenAt(add(from, constant(n)))
  const probe = both(
    either(same(here, all(a)), same(here, all(A))),
    either(same(sixteenAt(add(from, gap)), all(b)), same(sixteenAt(add(from, gap)), all(B))),
  )
  // JSON.stringify writes \u000x and \u001x, and no other \u but for broken characters; it does not write \/.
  const control = both(
    both(same(after(2), char('0')), same(after(3), char('0'))),
    either(same(after(4), char('0')), same(after(4), char('1'))),
  )
  const foreign = both(same(here, char('\\')), either(same(after(1), char('/')), butNot(same(after(1), char('u')), control)))
  const fits = [
    set(K, constant(0)),
    block(
      loop(
        when(not(below(local(K), length)), give(local(AT))),
        leaveIf(differ(or(byteAt(sub(add(local(AT), local(K)), p)), byteAt(local(K), CASES)), byteAt(local(K), TEXT)), 1),
        set(K, add(local(K), constant(1))),
        again(0),
      ),
    ),
  ]
  return [
    block(
      loop(
        leaveIf(not(below(from, to)), 1),
        set(SIXTEEN, sixteenAt(from)),
        set(FOREIGN, bits(foreign)),
        set(MASK, or(bits(probe), local(FOREIGN))),
        block(
          loop(
            leaveIf(not(local(MASK)), 1),
            set(AT, add(from, lowestBit(local(MASK)))),
            when(not(below(local(AT), to)), give(to)),
            when(and(shiftedRight(local(FOREIGN), sub(local(AT), from)), constant(1)), give(local(AT))),
            ...fits,
            set(MASK, and(local(MASK), sub(local(MASK), constant(1)))),
            again(0),
          ),
        ),
        set(FROM, add(from, constant(16))),
        again(0),
      ),
    ),
    to,
  ].flat()
}
