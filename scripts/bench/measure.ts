// Measuring whole processes: variants take turns in every round, so that a machine that is busy for a while is so for all.

import { spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { environment } from './place.js'

export interface Variant {
  name: string
  command: readonly string[]
  env?: NodeJS.ProcessEnv
  /** Its stdin; nothing by default. */
  input?: string
  /** Not measured: what has to be over before the next variant has its turn. Throws if what was printed is not right. */
  after?(stdout: string): void
}

/** Milliseconds of each round, by the name of the variant. */
export type Times = Map<string, number[]>

/** What takes longer hangs, in milliseconds. */
const PATIENCE = 120_000

/** Rounds that do not count: caches fill in them. */
const WARM_UP = 2

/** Runs each variant once a round, beginning with another each time. Throws if one fails. */
export function race(variants: readonly Variant[], rounds: number, warmUp = WARM_UP): Times {
  const times: Times = new Map(variants.map(({ name }) => [name, []]))
  for (let round = -warmUp; round < rounds; round += 1) {
    for (let turn = 0; turn < variants.length; turn += 1) {
      const variant = variants[(turn + round + warmUp) % variants.length] as Variant
      const ms = once(variant)
      if (round >= 0) times.get(variant.name)?.push(ms)
    }
  }
  return times
}

function once({ name, command: [program = '', ...args], env = environment(), input, after }: Variant): number {
  const began = process.hrtime.bigint()
  const { status, stdout, error } = spawnSync(program, args, {
    env,
    input,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    maxBuffer: 1 << 28,
    timeout: PATIENCE,
  })
  const ms = Number(process.hrtime.bigint() - began) / 1e6
  if (error || status !== 0) throw new Error(`${name} failed: ${error?.message ?? `exit ${status}`}`)
  try {
    after?.(String(stdout))
  } catch (cause) {
    throw new Error(`${name}: ${cause instanceof Error ? cause.message : cause}`)
  }
  return ms
}

/** Runs a command to its end and gives its stdout. Throws if it fails. */
export function run(command: readonly string[], env: NodeJS.ProcessEnv, input = ''): Promise<string> {
  const [program = '', ...args] = command
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: [input === '' ? 'ignore' : 'pipe', 'pipe', 'pipe'] })
    child.stdin?.end(input)
    let out = ''
    let err = ''
    child.stdout?.on('data', bytes => (out += bytes))
    child.stderr?.on('data', bytes => (err += bytes))
    child.on('error', reject)
    child.on('close', code => (code === 0 ? resolve(out) : reject(new Error(`${command.join(' ')}: exit ${code}: ${err.trim()}`))))
  })
}

/** The moment, in milliseconds since 1970 with fractions: comparable with `date +%s%N`. */
export const now = () => performance.timeOrigin + performance.now()

export const pause = (ms: number) => new Promise<void>(done => setTimeout(done, ms))

/** Of an even number of values, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const half = values.length / 2
  const sorted = [...values].sort((a, b) => a - b)
  return ((sorted[Math.ceil(half) - 1] ?? Number.NaN) + (sorted[Math.floor(half)] ?? Number.NaN)) / 2
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** Milliseconds of CPU that a process has had in all its threads. */
export function cpuOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  return threads.reduce((sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6, 0)
}

/** Throws unless what was printed has, on lines of their own, the numbers from 1 to that one, each once. */
export function checkNumbers(printed: string, last: number): void {
  const numbers = (printed.match(/^\d+$/gm) ?? []).map(Number).sort((a, b) => a - b)
  if (numbers.length !== last || numbers.some((number, at) => number !== at + 1))
    throw new Error(`not the results of ${last} jobs: ${numbers.length} numbers in ${printed.length} characters`)
}

/** The median of the ratios of each round. */
export function ratio(times: Times, of: string, to: string): number {
  const base = times.get(to) ?? []
  return median((times.get(of) ?? []).map((ms, round) => ms / (base[round] ?? Number.NaN)))
}
