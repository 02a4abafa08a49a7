// Finding the lines of a log that may hold a text, at the speed of memory: for searches, which parse only those.
//
// Buffer.indexOf knows no case and is slow for short words of common letters, so the loop over bytes is a WebAssembly function
// that looks at 16 at once. It stops at every place where the text stands, whatever the case of its ASCII letters, and at
// every escape that JSON.stringify does not write, because a text may hide behind that. So no line with the text is ever
// passed over; lines without it may be given. Where there is no WebAssembly every line is given.

import { countLines, scanBlocks } from './lines.js'

const NEWLINE = 10
/** Where things lie in the memory: the text, which of its bytes have two cases, and the block. */
const TEXT = 0
const CASES = 256
const BLOCK = 512
/** Bytes behind the block that the loop looks at in vain. */
const SLACK = 512
const LONGEST = 200

/**
 * Gives the lines of a file as it is now that may hold one of the texts, with their numbers, until `onLine` returns false. The texts are
 * bytes as JSON.stringify writes them, without control characters; an empty one fits every line. The buffer is valid only during the call.
 */
export function sweep(
  path: string,
  texts: readonly Buffer[],
  { anyCase }: { anyCase: boolean },
  onLine: (line: Buffer, number: number) => boolean | undefined,
): void {
  const finders = texts.map(text => finderOf(text, anyCase))
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
  const machine = text.length === 0 ? undefined : machineFor(text.subarray(0, LONGEST), anyCase)
  return block => {
    const find = machine?.load(block)
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

interface Machine {
  load(block: Buffer): (from: number) => number
}

/** The part of WebAssembly used here, which the types of Node leave out. */
interface Wasm {
  Module: new (bytes: Uint8Array) => object
  Instance: new (
    module: object,
  ) => { exports: { memory: { buffer: ArrayBuffer; grow(pages: number): number }; find(...args: number[]): number } }
}

let compiled: object | undefined

function machineFor(text: Buffer, anyCase: boolean): Machine | undefined {
  let exports: InstanceType<Wasm['Instance']>['exports']
  try {
    const { Module, Instance } = (globalThis as unknown as { WebAssembly: Wasm }).WebAssembly
    compiled ??= new Module(new Uint8Array(program()))
    exports = new Instance(compiled).exports
  } catch {
    // No WebAssembly, or none with vectors: every line is looked at, which is slow and right.
    return undefined
  }
  const { memory, find } = exports
  const twoCased = (byte: number) => anyCase && ((byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122))
  const lower = text.map(byte => (twoCased(byte) ? byte | 32 : byte))
  const cases = text.map(byte => (twoCased(byte) ? 32 : 0))
  const [rarest = 0, second = rarest] = [...lower.keys()].sort((a, b) => rarity(lower[b] as number) - rarity(lower[a] as number))
  const [p, q] = [Math.min(rarest, second), Math.max(rarest, second)]
  const both = (at: number) => [lower[at] as number, (lower[at] as number) & ~(cases[at] as number)]
  return {
    load(block) {
      const missing = BLOCK + block.length + SLACK - memory.buffer.byteLength
      if (missing > 0) memory.grow(Math.ceil(missing / 65_536))
      const bytes = new Uint8Array(memory.buffer)
      bytes.set(lower, TEXT)
      bytes.set(cases, CASES)
      bytes.set(block, BLOCK)
      bytes.fill(0, BLOCK + block.length, BLOCK + block.length + SLACK)
      return from => find(BLOCK + from, BLOCK + block.length, p, q - p, ...both(p), ...both(q), text.length) - BLOCK
    },
  }
}

// What follows writes the function down as WebAssembly: each name makes the bytes of one instruction and of what it works on.

type Code = number[]

const local = (n: number): Code => [0x20, n]
const set = (n: number, value: Code): Code => [...value, 0x21, n]
const constant = (n: number): Code => {
  const bytes: Code = [0x41]
  for (let left = n; ; left >>= 7) {
    if (left < 64) return [...bytes, left]
    bytes.push((left & 0x7f) | 0x80)
  }
}
const add = (a: Code, b: Code): Code => [...a, ...b, 0x6a]
const sub = (a: Code, b: Code): Code => [...a, ...b, 0x6b]
const and = (a: Code, b: Code): Code => [...a, ...b, 0x71]
const or = (a: Code, b: Code): Code => [...a, ...b, 0x72]
const shiftedRight = (a: Code, b: Code): Code => [...a, ...b, 0x76]
const lowestBit = (a: Code): Code => [...a, 0x68]
const below = (a: Code, b: Code): Code => [...a, ...b, 0x49]
const differ = (a: Code, b: Code): Code => [...a, ...b, 0x47]
const not = (a: Code): Code => [...a, 0x45]
const byteAt = (address: Code, offset = 0): Code => [...address, 0x2d, 0, ...unsigned(offset)]
const sixteenAt = (address: Code): Code => [...address, 0xfd, 0, 0, 0]
const all = (value: Code): Code => [...value, 0xfd, 0x0f]
const same = (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0x23]
const both = (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0x4e]
const butNot = (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0x4f]
const either = (a: Code, b: Code): Code => [...a, ...b, 0xfd, 0x50]
const bits = (a: Code): Code => [...a, 0xfd, 0x64]
const block = (...body: Code[]): Code => [0x02, 0x40, ...body.flat(), 0x0b]
const loop = (...body: Code[]): Code => [0x03, 0x40, ...body.flat(), 0x0b]
const when = (condition: Code, ...body: Code[]): Code => [...condition, 0x04, 0x40, ...body.flat(), 0x0b]
const leaveIf = (condition: Code, depth: number): Code => [...condition, 0x0d, depth]
const again = (depth: number): Code => [0x0c, depth]
const give = (value: Code): Code => [...value, 0x0f]
const unsigned = (n: number): Code => (n < 128 ? [n] : [(n & 0x7f) | 0x80, ...unsigned(n >>> 7)])
const char = (c: string): Code => all(constant(c.charCodeAt(0)))

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

/** The module: one function, and the memory it looks at. */
function program(): Code {
  const [I32, V128] = [0x7f, 0x7b]
  const sized = (body: Code): Code => [...unsigned(body.length), ...body]
  const named = (name: string, ...what: Code): Code => [...sized([...Buffer.from(name)]), ...what]
  const section = (id: number, body: Code): Code => [id, ...sized(body)]
  const locals = [2, 4, I32, 1, V128]
  return [
    [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, [1, 0x60, ...sized(Array<number>(9).fill(I32)), 1, I32]),
    section(3, [1, 0]),
    section(5, [1, 0, 5]),
    section(7, [2, ...named('memory', 2, 0), ...named('find', 0, 0)]),
    section(10, [1, ...sized([...locals, ...findBody(), 0x0b])]),
  ].flat()
}
