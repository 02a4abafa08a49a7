// stdin, opened only when a program asks for it: an agent's stdin is often a pipe that never ends.
//
// It is read with fs.read, so no stream is built and the program goes on with other work while it waits.

import { read, readFileSync } from 'node:fs'
import { codeOf, quoted, refused, usage } from '../base/exit.js'
import { isTerminal } from './terminal.js'

export class Input {
  #opened = false

  /** All of stdin. Throws usage when it was read before or has more than `atMost` bytes, a Fault (exit 5) when it cannot be read. */
  async bytes(atMost = Number.POSITIVE_INFINITY): Promise<Buffer> {
    const chunks: Buffer[] = []
    let left = atMost
    for await (const chunk of this.#chunks()) {
      left -= chunk.length
      if (left < 0) throw usage(`stdin has more than ${atMost} bytes`)
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  /** All of stdin as UTF-8. Throws as bytes() does. */
  async text(): Promise<string> {
    return (await this.bytes()).toString()
  }

  /** The lines of stdin as they come, without their newlines; a last one that lacks it counts too. Throws as bytes() does. */
  async *lines(): AsyncGenerator<string> {
    for await (const line of this.byteLines()) yield line.toString()
  }

  /** The same as bytes; of a line that has more than `longest` only so many and one more, however long it is. Throws as bytes() does. */
  async *byteLines(longest = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer> {
    let begun: Buffer[] = []
    let room = longest + 1
    const add = (part: Buffer) => {
      if (room > 0 && part.length > 0) begun.push(part.subarray(0, room))
      room -= part.length
    }
    for await (const chunk of this.#chunks()) {
      let from = 0
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
        add(chunk.subarray(from, end))
        yield Buffer.concat(begun)
        begun = []
        room = longest + 1
        from = end + 1
      }
      add(chunk.subarray(from))
    }
    if (begun.length > 0) yield Buffer.concat(begun)
  }

  get isTerminal(): boolean {
    return isTerminal(0)
  }

  async *#chunks(): AsyncGenerator<Buffer> {
    if (this.#opened) throw usage("stdin can be read once: give '-' once")
    this.#opened = true
    for (;;) {
      const chunk = await readSome()
      if (chunk.length === 0) return
      yield chunk
    }
  }
}

/** The next bytes of stdin; none at its end. */
async function readSome(): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(65_536)
  for (;;) {
    try {
      const count = await new Promise<number>((done, fail) =>
        read(0, buffer, 0, buffer.length, null, (error, n) => (error ? fail(error) : done(n))),
      )
      return buffer.subarray(0, count)
    } catch (error) {
      const code = codeOf(error)
      if (code === 'EOF') return buffer.subarray(0, 0)
      if (code !== 'EAGAIN' && code !== 'EINTR') throw refused('cannot read stdin', error)
      // A pipe that somebody set to non-blocking and that is empty just now; the system cannot wake fs.read for it.
      await new Promise(done => setTimeout(done, 10))
    }
  }
}

/** The bytes of a file that a flag names. Throws a Fault (exit 5) that says what was wanted from it. */
export function contentOf(path: string, what: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw refused(`cannot read ${what} from ${quoted(path)}`, error)
  }
}
