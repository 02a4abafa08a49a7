// Following many sessions at once: from the append of an event, in any of them, to its line on the follower's stdout.

import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LogWriter } from '../../lib/log/write.js'
import { median, now, pause, quantile } from './measure.js'
import { write } from './past.js'
import { atEnd, enter, environment, place } from './place.js'
import { ms, type Row } from './table.js'

const TARGET_MS = 50
const TARGET_CPU = 1
const COUNT = 1000

export async function subscribe(quick: boolean): Promise<Row[]> {
  const home = join(place, 'subscribe')
  const ids = await write({ home, count: COUNT, tag: 'all', running: true })
  enter(home)
  const { child, seen } = follow(environment(home))
  await begun(ids[0] as string, seen)
  const [cpu, idle] = [cpuOf(child), now()]
  await pause(quick ? 5000 : 15_000)
  const share = (100 * (cpuOf(child) - cpu)) / (now() - idle)
  const appended = await append(ids, quick ? 200 : 1000)
  await pause(500)
  const memory = memoryOf(child)
  child.kill()
  const delays = [...appended].map(([number, moment]) => (seen.get(number) ?? Number.POSITIVE_INFINITY) - moment)
  const missed = delays.filter(delay => delay === Number.POSITIVE_INFINITY).length
  const many = COUNT.toLocaleString('en')
  return [
    {
      what: `subscribe, ${many} sessions: append to output, median / p95`,
      zag: `${ms(median(delays))} / ${ms(quantile(delays, 0.95))}; ${missed} of ${appended.size} missed`,
      beside: '',
      target: ms(TARGET_MS),
      met: median(delays) <= TARGET_MS && missed === 0,
      share: median(delays) / TARGET_MS,
    },
    {
      what: `idle subscribe to ${many} sessions, CPU and memory`,
      zag: `${share.toFixed(2)} % of a core, ${memory} MiB`,
      beside: '',
      target: `${TARGET_CPU} %`,
      met: share < TARGET_CPU,
      share: share / TARGET_CPU,
    },
  ]
}

/** The follower, and when it printed the event with each number. */
function follow(env: NodeJS.ProcessEnv): { child: ChildProcess; seen: Map<number, number> } {
  const child = spawn('zag-subscribe', ['--tag', 'all'], { env, stdio: ['ignore', 'pipe', 'ignore'] })
  atEnd(() => child.kill('SIGKILL'))
  const seen = new Map<number, number>()
  child.stdout.on('data', bytes => {
    const moment = now()
    for (const [, number] of String(bytes).matchAll(/"message":"event (-?\d+)"/g))
      if (!seen.has(Number(number))) seen.set(Number(number), moment)
  })
  return { child, seen }
}

/** Appends until something of it is printed, and until its watches are up after that. */
async function begun(id: string, seen: Map<number, number>): Promise<void> {
  const log = new LogWriter(id)
  for (let tries = 0; tries < 100 && !seen.has(-1); tries += 1) {
    log.append({ type: 'user_event', level: 'info', message: 'event -1' })
    await pause(100)
  }
  log.close()
  await pause(2000)
}

/** Appends events one by one, each to another session, and gives the moment of each. */
async function append(ids: readonly string[], count: number): Promise<Map<number, number>> {
  const moments = new Map<number, number>()
  for (let number = 0; number < count; number += 1) {
    await pause(5 + (number % 7))
    const log = new LogWriter(ids[(number * 7919) % ids.length] as string)
    moments.set(number, now())
    log.append({ type: 'user_event', level: 'info', message: `event ${number}` })
    log.close()
  }
  return moments
}

/** Milliseconds of CPU that a process has had in all its threads. */
function cpuOf({ pid }: ChildProcess): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  return threads.reduce((sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6, 0)
}

/** The memory that a process has for itself, in MiB. */
function memoryOf({ pid }: ChildProcess): number {
  const pages = /^Private_Dirty:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]
  return Math.round(Number(pages) / 1024)
}
