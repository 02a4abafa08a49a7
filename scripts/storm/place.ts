// Where a storm blows: a folder with a home of zag in it, a project, a folder for temporary files that has to stay empty, and a
// folder that nobody has any business in. The home may lie on a small disk of its own, which fills and empties.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { programs } from '../../lib/base/paths.js'

const TOP = resolve(programs(), '../..')
export const FIXTURES = join(TOP, 'test/fixtures')
/** A disk that a storm of some seconds can fill, in bytes. */
const SMALL = 12 * 1024 * 1024
export const FILES = ['a.txt', 'b.txt', 'sub/c.txt']
/** Files that are changed together only, and hold the same. */
export const TWINS = ['one.txt', 'sub/two.txt']

/** A clock that is wrong by STORM_SHIFT milliseconds, and after STORM_LATER milliseconds by STORM_AGAIN. */
const CLOCK = `'use strict'
const now = Date.now
const at = now()
const { STORM_SHIFT, STORM_LATER, STORM_AGAIN } = process.env
const wrong = () => now() + Number(now() - at < Number(STORM_LATER) ? STORM_SHIFT : STORM_AGAIN)
globalThis.Date = class Date extends globalThis.Date {
  constructor(...words) {
    words.length === 0 ? super(wrong()) : super(...words)
  }
  static now() {
    return wrong()
  }
}
`

/** How many of a provider may run at once. */
export const LIMITS: Readonly<Record<string, number>> = { parrot: 3 }

const CONFIG = `[providers.parrot]
command = ["cat"]
slots = ${LIMITS.parrot}
stagger = "20ms"

[providers.teller]
command = ["cat", "events.ndjson"]
format = "ndjson"

[providers.words]
command = ["printf", "%s\\\\n", "{prompt}", "{root}"]
`

export class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'zag-storm-'))
  readonly home = join(this.folder, 'disk/home')
  readonly project = join(this.folder, 'project')
  /** every script writes here which run it is, when it begins */
  readonly ran = join(this.folder, 'ran')
  /** nobody writes here, whatever names and prompts say */
  readonly outside = join(this.folder, 'outside')
  /** why the disk is not a small one, if it was to be */
  readonly onBigDisk: string | undefined
  readonly isSmall: boolean

  constructor(small: boolean) {
    for (const name of ['disk', 'project/sub', 'outside', 'tmp', 'bin', 'cache', 'user'])
      mkdirSync(join(this.folder, name), { recursive: true })
    this.onBigDisk = small ? mount(join(this.folder, 'disk')) : undefined
    this.isSmall = small && this.onBigDisk === undefined
    mkdirSync(this.home, { mode: 0o700 })
    chmodSync(this.home, 0o700)
    writeFileSync(join(this.home, 'config.toml'), CONFIG, { mode: 0o600 })
    symlinkSync(process.execPath, join(this.folder, 'bin/node'))
    writeFileSync(join(this.folder, 'clock.cjs'), CLOCK)
    writeFileSync(this.ran, '')
    for (const name of FILES) writeFileSync(join(this.project, name), `${'a line\n'.repeat(20)}`)
    for (const name of TWINS) writeFileSync(join(this.project, name), 'number 0\n')
    writeFileSync(join(this.project, 'events.ndjson'), EVENTS.map(event => `${JSON.stringify(event)}\n`).join(''))
  }

  /** The environment of what runs here: nothing of the caller's, and agents that are installed are not found. */
  environment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
    return {
      PATH: [programs(), join(this.folder, 'bin'), '/usr/bin', '/bin'].join(':'),
      HOME: join(this.folder, 'user'),
      TMPDIR: join(this.folder, 'tmp'),
      XDG_CACHE_HOME: join(this.folder, 'cache'),
      ZAG_HOME: this.home,
      STORM_RAN: this.ran,
      STORM_OUTSIDE: this.outside,
      ...more,
    }
  }

  /** What makes the clock of a process, and of what it starts, wrong by so many milliseconds; later by others. */
  wrongClock(shift: number, later: number, again: number): Record<string, string> {
    return {
      NODE_OPTIONS: `--require=${join(this.folder, 'clock.cjs')}`,
      STORM_SHIFT: String(shift),
      STORM_LATER: String(later),
      STORM_AGAIN: String(again),
    }
  }

  /** Leaves so much room on the small disk, in bytes. */
  leave(free: number): void {
    const ballast = join(this.folder, 'disk/ballast')
    writeFileSync(ballast, '')
    const { bavail, bsize } = statfsSync(join(this.folder, 'disk'))
    try {
      writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - free)))
    } catch {
      // Others write meanwhile: then it is full, too.
    }
  }

  /** All the room of the disk. */
  empty(): void {
    if (this.isSmall) truncateSync(join(this.folder, 'disk/ballast'))
  }

  /** What is in the place that nobody was to write there, and that is not there at the beginning. */
  strangers(): string[] {
    const below = (folder: string, ...known: string[]) =>
      readdirSync(join(this.folder, folder), { recursive: true, encoding: 'utf8' }).flatMap(name =>
        known.includes(name) ? [] : join(folder, name),
      )
    const top = readdirSync(this.folder).filter(name => !TOPMOST.includes(name))
    const onDisk = readdirSync(join(this.folder, 'disk')).filter(name => name !== 'home' && name !== 'ballast')
    return [...top, ...onDisk, ...below('project', ...PROJECT), ...below('outside'), ...below('tmp'), ...below('user')]
  }

  /** The runs that began, by what scripts wrote themselves. */
  begun(): string[] {
    return readFileSync(this.ran, 'utf8').split('\n').filter(Boolean)
  }

  remove(): void {
    if (this.isSmall) spawnSync('umount', ['-l', join(this.folder, 'disk')])
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

const TOPMOST = ['disk', 'project', 'outside', 'tmp', 'bin', 'cache', 'user', 'clock.cjs', 'ran']
const PROJECT = ['sub', 'events.ndjson', 'made.txt', ...FILES, ...TWINS]

const EVENTS = [
  { type: 'assistant_message', content: 'it\'s "so"\n$(touch $STORM_OUTSIDE/event)' },
  { type: 'tool_call', tool_id: 'x', tool: 'bash', tool_kind: 'shell', input: { command: 'ls' } },
  { type: 'tool_result', tool_id: 'x', tool: 'bash', tool_kind: 'shell', success: true, output: 'a'.repeat(5000) },
  { type: 'unheard_of', a: [1] },
  { type: 'usage', input_tokens: 3, output_tokens: 4 },
  { type: 'assistant_message', content: 'done' },
]

/** Puts a small disk there; why not, where that cannot be had. */
function mount(path: string): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may mount one'
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${SMALL}`, 'tmpfs', path], { stdio: 'ignore' })
  return status === 0 ? undefined : 'a tmpfs cannot be mounted here'
}
