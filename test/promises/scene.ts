// A home of its own for a test, and what the tests of promises look at: files and processes, not what zag says of them.
//
// Every agent of a scene sleeps for a number of seconds that no other process on the machine has, so that its processes are
// found whatever they did to their environment, group or session. All that is left of a scene is killed with its test.

import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stateOf } from '../help/processes.js'
import { begin, type Ended, type Options, PROGRAMS, type Running, run, zagHome } from '../help/run.js'

type More = Omit<Options, 'home'>
type Event = Record<string, unknown> & { type: string }

interface Test {
  teardown(then: () => void): void
  comment(text: string): void
}

export class Scene {
  readonly home: string
  /** seconds that only processes of this scene sleep: `sleep ${nap}` */
  readonly nap = `300.${process.pid}${String(Math.random()).slice(2, 8)}`
  /** pids that the test started itself and that must live on: they are no leftovers */
  readonly bystanders = new Set<number>()

  /** In a new folder, or in one that the caller has made and will remove. */
  constructor(t: Test, home?: string) {
    this.home = home ?? mkdtempSync(join(tmpdir(), 'zag-promise-'))
    t.teardown(() => {
      for (const pid of [...this.leftovers({ all: true }), ...this.bystanders]) kill(pid)
      if (home === undefined) rmSync(this.home, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
    })
  }

  path(...parts: string[]): string {
    return join(zagHome(this.home), ...parts)
  }

  /** Runs a program to its end. */
  zag(program: string, args: string[], more: More = {}): Promise<Ended> {
    return run(`zag-${program}`, args, { home: this.home, ...more })
  }

  /** Starts a program and leaves it running. */
  begin(program: string, args: string[], more: More = {}): Running {
    const running = begin(program.includes('/') ? program : `zag-${program}`, args, { home: this.home, ...more })
    running.child.stdin.end()
    return running
  }

  /** Starts a shell script as a session and gives its id. */
  async spawn(script: string, ...flags: string[]): Promise<string> {
    const { stdout, stderr, code } = await this.zag('spawn', ['-p', 'sh', ...flags, '--prompt', script])
    if (code !== 0) throw new Error(`spawn gave ${code}: ${stderr}`)
    return stdout.trim()
  }

  /** What a program printed, without the last newline. */
  async ask(program: string, ...args: string[]): Promise<string> {
    return (await this.zag(program, args)).stdout.replace(/\n$/, '')
  }

  /** The lines of a log that are events; what is no JSON is left out. */
  events(id: string, type?: string): Event[] {
    const text = this.read('sessions', id, 'log.ndjson') ?? ''
    const events = text.split('\n').flatMap(line => {
      try {
        return [JSON.parse(line) as Event]
      } catch {
        // Empty, torn or half written.
        return []
      }
    })
    return type === undefined ? events : events.filter(event => event.type === type)
  }

  /** What the events say that the agent said. */
  said(id: string): string {
    return this.events(id, 'assistant_message')
      .map(({ content }) => content)
      .join('\n')
  }

  read(...parts: string[]): string | undefined {
    try {
      return readFileSync(this.path(...parts), 'utf8')
    } catch {
      // Not there.
      return undefined
    }
  }

  /** The names in a folder of the home, without the files that a kill left half written. */
  list(...parts: string[]): string[] {
    try {
      return readdirSync(this.path(...parts)).filter(name => !name.endsWith('.tmp'))
    } catch {
      // Not there.
      return []
    }
  }

  /** The latest owner of a session, with its number. */
  owner(id: string): { pid: number; role: string; claim: number } | undefined {
    const claim = Math.max(
      0,
      ...this.list('sessions', id)
        .filter(name => /^owner\.\d+$/.test(name))
        .map(name => Number(name.slice(6))),
    )
    return claim === 0 ? undefined : { ...JSON.parse(this.read('sessions', id, `owner.${claim}`) ?? '{}'), claim }
  }

  /**
   * Live processes that carry this scene's home or sleep its seconds, but for this process and bystanders. A runner is not
   * counted: it has a moment to live after it has told the end of its session. With `all` it is.
   */
  leftovers({ all = false } = {}): number[] {
    return pids().filter(pid => {
      if (pid === process.pid || this.bystanders.has(pid) || !/^[^ZX]$/.test(stateOf(pid))) return false
      if (!all && has(pid, 'environ', '\0ZAG_RUNNER=')) return false
      return has(pid, 'cmdline', this.nap) || has(pid, 'environ', `ZAG_HOME=${zagHome(this.home)}\0`)
    })
  }
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
}

function has(pid: number, file: string, text: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/${file}`).includes(text)
  } catch {
    // It is gone.
    return false
  }
}

/** Whether a process is told by the system of changes in a folder. */
export function watches(pid: number | undefined): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some(fd => readlinkSync(`/proc/${pid}/fd/${fd}`).includes('inotify'))
  } catch {
    // It is gone, or has closed the very file that is looked at.
    return false
  }
}

export function kill(pid: number | undefined, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (pid === undefined || pid <= 1) return
  try {
    process.kill(pid, signal)
  } catch {
    // It is gone already.
  }
}

export const pause = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

/** Random numbers below 1 that can be had again: PROMISE_SEED=n runs a test with the kills of an earlier one. */
export function dice(t: Test): () => number {
  let state = Number(process.env.PROMISE_SEED ?? Date.now() % 1_000_000)
  t.comment(`PROMISE_SEED=${state}`)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** What a program named as in bin/ is called on disk, for those that are started by hand. */
export const programPath = (program: string) => join(PROGRAMS, `zag-${program}`)
