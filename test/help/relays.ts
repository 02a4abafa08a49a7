// Sessions that ask, for tests of who answers: their agent is a program that opens relays, and prints the answers it gets.

import { join } from 'node:path'
import { workers } from '../fixtures/workers.js'
import { begin, type Running, until } from './run.js'
import { rows, type Zag } from './sessions.js'

export interface Open {
  relay_id: string
  session_id?: string
  what: string
  [key: string]: unknown
}

/** What is asked: a command, or all that is to be said of it. */
type Asked = string | Record<string, unknown>

export class Asking {
  readonly #zag: Zag
  readonly #worker: string

  constructor(zag: Zag) {
    this.#zag = zag
    workers('relay-worker', zag.home, { define: { 'import.meta.dirname': '""' } })
    this.#worker = join(zag.home, 'relay-worker.cjs')
  }

  /** The script of a session that asks all this at once and ends when all is answered. */
  script(asked: Asked[]): string {
    const words = JSON.stringify(asked.map(each => (typeof each === 'string' ? { command: each } : each)))
    return `exec node '${this.#worker}' open '${words.replaceAll("'", `'\\''`)}'`
  }

  /** A session in the background that waits for answers; given when it does. */
  async session(asked: Asked[], flags: readonly string[] = []): Promise<{ id: string; relays: string[] }> {
    const id = await this.#zag.spawn(this.script(asked), flags)
    const open = await until(async () => {
      const found = (await this.open()).filter(({ session_id }) => session_id === id)
      return found.length === asked.length && found
    }, 20_000)
    return { id, relays: open.map(({ relay_id }) => relay_id) }
  }

  /** A process that is no session. */
  outside(asked: Asked[]): Running {
    return begin('/bin/sh', ['-c', this.script(asked)], { home: this.#zag.home })
  }

  async open(args: readonly string[] = []): Promise<Open[]> {
    return rows((await this.#zag.go('relay', ['--json', ...args])).stdout) as unknown as Open[]
  }

  /** The answers a session got, as it printed them, once it is over. */
  async answers(id: string): Promise<Record<string, unknown>[]> {
    await this.#zag.go('wait', [id])
    const { stdout } = await this.#zag.go('output', [id])
    return rows(stdout).filter(row => row.answered_at !== undefined)
  }
}

/** A command on a terminal of its own: what is typed is written to its stdin, and what is seen is its stdout. */
export function onTerminal(
  zag: Zag,
  command: string,
  env: Record<string, string> = {},
): Running & { type(line: string): void; sees(text: string): Promise<unknown> } {
  const running = begin('/usr/bin/script', ['-q', '-e', '-c', command, '/dev/null'], { home: zag.home, env })
  let seen = 0
  return Object.assign(running, {
    type: (line: string) => void running.child.stdin.write(`${line}\n`),
    /** Waits for a text behind the last one waited for. */
    sees: async (text: string) => {
      await until(() => running.stdout.indexOf(text, seen) >= 0)
      seen = running.stdout.indexOf(text, seen) + text.length
    },
  })
}
