// Where a benchmark runs: a temporary folder with homes in it, the environment of what is measured, and the way to leave
// nothing of it behind, however the run ends.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { programs } from '../../lib/base/paths.js'

/** Of what is measured: the caller's environment without zag's own variables, npm's, and the certificates that Node 20 parses at each start. */
const DROPPED = /^(ZAG_|npm_|NODE_OPTIONS$|NODE_EXTRA_CA_CERTS$|TS_|NQDIR$)/

/** A past of 100,000 sessions, and a long log, with some to spare, in bytes. */
const ROOM = 4e9

/** Memory if there is enough of it: figures are of programs, and a shared disk gives others each time. TMPDIR goes before. */
function spacious(): string {
  const memory = '/dev/shm'
  if (process.env.TMPDIR !== undefined || !existsSync(memory)) return tmpdir()
  const { bavail, bsize } = statfsSync(memory)
  return bavail * bsize > ROOM ? memory : tmpdir()
}

export const place = mkdtempSync(join(spacious(), 'zag-bench-'))
const homes = new Set<string>()
const written = new Set<string>()
const leaving: (() => void)[] = []

/** A folder of its own, made at once. */
export function folder(name: string): string {
  const path = join(place, name)
  mkdirSync(path, { recursive: true })
  return path
}

/** The environment of a measured program. Without `home` it has a home that stays empty. */
export function environment(home = join(place, 'empty'), more: Record<string, string> = {}): NodeJS.ProcessEnv {
  homes.add(home)
  const kept = Object.entries(process.env).filter(([name]) => !DROPPED.test(name))
  return {
    ...Object.fromEntries(kept),
    HOME: place,
    PATH: `${programs()}${delimiter}${process.env.PATH}`,
    TMPDIR: folder('tmp'),
    ZAG_HOME: home,
    ...more,
  }
}

/** Lets lib functions of this process write to a home. What is at work there is made up, or ends by itself at once. */
export function enter(home: string): void {
  written.add(home)
  process.env.ZAG_HOME = home
}

/** Runs `then` before the folder is removed. */
export function atEnd(then: () => void): void {
  leaving.push(then)
}

/** Ends what still runs and removes everything. */
export function leave(): void {
  for (const home of homes) if (!written.has(home)) endSessions(home)
  for (const then of leaving.splice(0).reverse()) then()
  // A million small files: rm takes half as long as Node. What a runner that is just ending made meanwhile goes the second time.
  for (let tries = 0; tries < 5 && existsSync(place); tries += 1) spawnSync('rm', ['-rf', place], { stdio: 'ignore' })
}

/** Ends the sessions of a home that are at work; there are some only if a part was interrupted. */
function endSessions(home: string): void {
  if (!existsSync(join(home, 'sessions'))) return
  const { stdout } = spawnSync('zag-ps', ['-q'], { env: environment(home), encoding: 'utf8' })
  if (stdout !== '')
    spawnSync('zag-cancel', ['-q', '--grace', '0', '-'], { env: environment(home), input: stdout, stdio: ['pipe', 'ignore', 'ignore'] })
}

/** Whether a program is installed. */
export function installed(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { stdio: 'ignore' }).status === 0
}
