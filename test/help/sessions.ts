// Sessions for a test: made with as few processes as possible, and ended with the test whatever becomes of it.

import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test as TapTest } from 'tap'
import { type Ended, type Options, run, zagHome } from './run.js'

type Test = Pick<TapTest, 'testdir' | 'teardown'>

export interface Row {
  session_id: string
  status: string
  [key: string]: unknown
}

type More = Omit<Options, 'home'>

/** The programs in a home of their own. */
export class Zag {
  readonly home: string

  constructor(t: Test, content: Parameters<Test['testdir']>[0] = {}) {
    // Before the folder is asked for: what is registered first is done first, and the folder goes with the test.
    t.teardown(() => this.endAll())
    this.home = t.testdir(content)
  }

  /** Runs `zag-<word>`; stdin is at its end unless there is an input. */
  go(word: string, args: readonly string[] = [], more: More = {}): Promise<Ended> {
    return run(word === 'zag' ? word : `zag-${word}`, args, { home: this.home, ...more })
  }

  /** Runs a script with the programs on PATH. */
  sh(script: string, more: More = {}): Promise<Ended> {
    return run('/bin/sh', ['-c', script], { home: this.home, ...more })
  }

  /** A session that runs in the background; its id. */
  async spawn(script: string, flags: readonly string[] = [], more: More = {}): Promise<string> {
    const { code, stdout, stderr } = await this.go('spawn', ['-p', 'sh', ...flags, script], more)
    if (code !== 0) throw new Error(`zag-spawn: ${code}: ${stderr}`)
    return stdout.trim()
  }

  /** The row of a session that is over: one process instead of three. */
  async over(script: string, flags: readonly string[] = [], more: More = {}): Promise<Row> {
    const { stdout, stderr } = await this.go('exec', ['-p', 'sh', '-o', 'json', ...flags, script], more)
    if (stdout === '') throw new Error(`zag-exec: ${stderr}`)
    return JSON.parse(stdout)
  }

  /** The file of a session. */
  file(id: string, name: string): string {
    return join(zagHome(this.home), 'sessions', id, name)
  }

  /** The ids on disk, oldest first. */
  ids(): string[] {
    try {
      return readdirSync(join(zagHome(this.home), 'sessions')).sort()
    } catch {
      // No session was made yet.
      return []
    }
  }

  /** config.toml of the home. */
  configure(text: string): void {
    mkdirSync(zagHome(this.home), { recursive: true, mode: 0o700 })
    writeFileSync(join(zagHome(this.home), 'config.toml'), text)
  }

  /** The path of a file that is not there, and a script that goes on when it is. */
  gate(): { open(): void; script: string } {
    const path = join(this.home, `gate-${randomUUID()}`)
    return { open: () => writeFileSync(path, ''), script: `until [ -e ${path} ]; do sleep 0.02; done` }
  }

  private async endAll(): Promise<void> {
    if (this.ids().length > 0) await this.go('cancel', ['--all', '--grace', '0'])
  }
}

/** NDJSON as values. */
export function rows(text: string): Row[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
}

/** Calls `each` for all of `of`, four at a time: the machine is small. */
export async function several<T>(of: readonly T[], each: (item: T) => Promise<unknown>): Promise<void> {
  const left = [...of]
  const work = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await each(item)
  }
  await Promise.all([work(), work(), work(), work()])
}
