// Counting the lines of a file, which is all that a reader of a long log's end needs of its beginning: the numbers of lines.
//
// Looking for one newline after the other takes longer than reading, so a long file is read into the memory of a WebAssembly
// function that counts them 16 bytes at once. Of 1 GB with 3.4 million lines, counting took 0.24 s of CPU time before and takes
// 0.08 s so; reading it takes 0.2 s more.

import { readSync } from 'node:fs'
import { withFile } from './lines.js'
import {
  add,
  again,
  all,
  below,
  bits,
  block,
  type Code,
  constant,
  leaveIf,
  local,
  loop,
  machine,
  not,
  ones,
  type Program,
  same,
  set,
  sixteenAt,
} from './wasm.js'

const NEWLINE = 10
const CHUNK = 1 << 18
/** The function looks at so many bytes at once, also behind the last. */
const STEP = 64
/** What is shorter is counted before the function is made, if it is not there yet. */
const LONG = 1 << 20

/** How many lines a file has, torn tail excluded, or how many end in its first `upTo` bytes, and after the first `from`. */
export function countLines(path: string, upTo = Number.POSITIVE_INFINITY, from = 0): number {
  let lines = 0
  withFile(path, (fd, size) => {
    const end = Math.min(size, upTo)
    const { buffer, count } = (end - from < LONG && counter === undefined ? undefined : vectors()) ?? plain(end - from)
    for (let offset = from; offset < end; ) {
      const read = readSync(fd, buffer, 0, Math.min(CHUNK, end - offset), offset)
      if (read === 0) return
      lines += count(read)
      offset += read
    }
  })
  return lines
}

/** A buffer, and what counts the newlines in its first bytes. */
interface Counter {
  buffer: Buffer
  count(bytes: number): number
}

function plain(longest: number): Counter {
  const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(CHUNK, longest)))
  return {
    buffer,
    count(bytes) {
      const seen = buffer.subarray(0, bytes)
      let found = 0
      for (let at = seen.indexOf(NEWLINE); at >= 0; at = seen.indexOf(NEWLINE, at + 1)) found += 1
      return found
    },
  }
}

let counter: Counter | undefined

/** One for all files: counting calls nobody who could want it meanwhile. */
function vectors(): Counter | undefined {
  counter ??= makeVectors()
  return counter
}

function makeVectors(): Counter | undefined {
  const counting: Program = { parameters: 2, integers: 1, vectors: 0, pages: CHUNK / 65_536 + 1, body: countBody() }
  const made = machine(counting)
  if (!made) return undefined
  const { memory, run } = made
  const buffer = Buffer.from(memory.buffer)
  return {
    buffer,
    count(bytes) {
      buffer.fill(0, bytes, bytes + STEP)
      return run(0, bytes)
    },
  }
}

/** count(from, to): how many newlines are in [from, to), in steps of 64 bytes. */
function countBody(): Code {
  const [FROM, TO, COUNT] = [0, 1, 2] as const
  const from = local(FROM)
  const newlines = (offset: number) => ones(bits(same(sixteenAt(from, offset), all(constant(NEWLINE)))))
  const inStep = [0, 16, 32, 48].map(newlines).reduce((a, b) => add(a, b))
  return [
    block(
      loop(leaveIf(not(below(from, local(TO))), 1), set(COUNT, add(local(COUNT), inStep)), set(FROM, add(from, constant(STEP))), again(0)),
    ),
    local(COUNT),
  ].flat()
}
