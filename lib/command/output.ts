// How rows and talk leave a program: stdout is data, stderr is talk.
//
// Writes are synchronous, so nothing is lost whenever the process ends, and no stream is built. Output is gathered up to
// 64 KiB and leaves at the latest when the program next waits for something, so a follower's rows are never late.
// A reader that went away is ReaderGone: the program ends quietly with 141, as SIGPIPE would have ended it.

import { writeSync } from 'node:fs'
import { codeOf, EXIT, Fault, refused, visible } from '../base/exit.js'
import { defaults } from '../base/paths.js'
import { columns, isTerminal, type Paint, paint } from './terminal.js'

const CHUNK = 65_536

/** Nobody reads stdout any more. It is not reported. */
export class ReaderGone extends Fault {
  constructor() {
    super('nobody reads the output', EXIT.brokenPipe)
  }
}

/** Writes all bytes, however small the pieces are that the descriptor takes. Throws what the system says. */
function writeAll(fd: number, bytes: Buffer): void {
  let pause = 1
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at, Math.min(CHUNK, bytes.length - at))
      pause = 1
    } catch (error) {
      const code = codeOf(error)
      if (code !== 'EAGAIN' && code !== 'EINTR') throw error
      // A full pipe that somebody set to non-blocking: wait for the reader.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause)
      pause = Math.min(pause * 2, 16)
    }
  }
}

/** stdout. */
export class Output {
  /** rows are JSON: set from --json */
  json = false
  #pending = ''
  #planned: NodeJS.Immediate | undefined
  #paint: Paint | undefined

  /** Text or bytes as they are. */
  text(chunk: string | Uint8Array): void {
    if (typeof chunk !== 'string') {
      this.flush()
      this.#write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
      return
    }
    this.#pending += chunk
    if (this.#pending.length >= CHUNK) this.flush()
    else this.#planned ??= setImmediate(() => this.flush())
  }

  line(text: string): void {
    this.text(`${text}\n`)
  }

  /** One row: with --json the object, else `text`, or where that is missing the object's values with tabs between them. */
  row(fields: object, text?: string): void {
    this.line(this.json ? JSON.stringify(fields) : (text ?? Object.values(fields).map(field).join('\t')))
  }

  /** Any value as one line of JSON, whatever the flags. */
  value(value: unknown): void {
    this.line(JSON.stringify(value))
  }

  /** Writes what is gathered. Throws ReaderGone, or a Fault (exit 5) when stdout takes no more. */
  flush(): void {
    if (this.#planned) clearImmediate(this.#planned)
    this.#planned = undefined
    const text = this.#pending
    this.#pending = ''
    if (text) this.#write(Buffer.from(text))
  }

  get isTerminal(): boolean {
    return isTerminal(1)
  }

  get columns(): number {
    return columns(1)
  }

  get paint(): Paint {
    this.#paint ??= paint(1)
    return this.#paint
  }

  #write(bytes: Buffer): void {
    try {
      writeAll(1, bytes)
    } catch (error) {
      if (codeOf(error) === 'EPIPE') throw new ReaderGone()
      throw refused('cannot write to stdout', error)
    }
  }
}

/** stderr. What it says begins with the program's name, because several programs share it. */
export class Talk {
  /** set from --quiet */
  quiet = false
  /** set from --debug */
  debug = false
  readonly #name: string
  #paint: Paint | undefined

  constructor(name: string) {
    this.#name = name
  }

  /** A line for whoever watches; not with --quiet. */
  notice(line: string): void {
    if (!this.quiet) this.complain(line)
  }

  /** A line that --quiet does not silence: something went wrong. */
  complain(line: string): void {
    this.#write(`${this.#name}: ${visible(line)}\n`)
  }

  /** Where an error came from, for whoever looks for a bug. */
  trace(error: unknown): void {
    if ((this.debug || defaults().debug) && error instanceof Error) this.#write(`${error.stack}\n`)
  }

  /** Text as it is, for progress and questions; not with --quiet. */
  text(text: string): void {
    if (!this.quiet) this.#write(text)
  }

  get isTerminal(): boolean {
    return isTerminal(2)
  }

  get columns(): number {
    return columns(2)
  }

  get paint(): Paint {
    this.#paint ??= paint(2)
    return this.#paint
  }

  #write(text: string): void {
    try {
      writeAll(2, Buffer.from(text))
    } catch {
      // Nobody is left to be told; the exit code still says it.
    }
  }
}

/** A value as one field of a text row: no tab, newline or control character of an agent's text gets through. */
export function field(value: unknown): string {
  if (value === undefined || value === null || value === '') return '-'
  return visible(typeof value === 'object' ? JSON.stringify(value) : String(value))
}
