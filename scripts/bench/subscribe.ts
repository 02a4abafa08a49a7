// Following many sessions at once.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LogWriter } from '../../lib/log/write.js'
import { append, delaysOf, follow } from './follow.js'
import { cpuOf, now, pause } from './measure.js'
import { write } from './past.js'
import { enter, environment, place } from './place.js'
import { ms, type Row } from './table.js'

const TARGET_MS = 50
const TARGET_CPU = 1
const COUNT = 1000

export async function subscribe(quick: boolean): Promise<Row[]> {
  const home = join(place, 'subscribe')
  const ids = await write({ home, count: COUNT, tag: 'all', running: true })
  enter(home)
  const { child, seen } = follow('zag-subscribe', ['--tag', 'all'], environment(home))
  const pid = child.pid as number
  await begun(ids[0] as string, seen)
  const [cpu, idle] = [cpuOf(pid), now()]
  await pause(quick ? 5000 : 15_000)
  const share = (100 * (cpuOf(pid) - cpu)) / (now() - idle)
  const appended = await append(ids, quick ? 200 : 1000)
  await pause(500)
  const memory = memoryOf(pid)
  child.kill()
  const { middle, missed, text } = delaysOf(appended, seen)
  const many = COUNT.toLocaleString('en')
  return [
    {
      what: `subscribe, ${many} sessions: append to output, median / p95`,
      zag: text,
      beside: '',
      target: ms(TARGET_MS),
      met: middle <= TARGET_MS && missed === 0,
      share: middle / TARGET_MS,
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

/** The memory that a process has for itself, in MiB. */
function memoryOf(pid: number): number {
  const pages = /^Private_Dirty:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]
  return Math.round(Number(pages) / 1024)
}
