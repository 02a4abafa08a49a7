// Following logs: from the append of an event to its line on the follower's stdout.

import { type ChildProcess, spawn } from 'node:child_process'
import { LogWriter } from '../../lib/log/write.js'
import { median, now, pause, quantile } from './measure.js'
import { atEnd } from './place.js'
import { ms } from './table.js'

/** Moments, by the numbers of events. */
type Moments = Map<number, number>

/** A follower, and when it printed each event. */
export function follow(program: string, args: string[], env: NodeJS.ProcessEnv): { child: ChildProcess; seen: Moments } {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
  atEnd(() => child.kill('SIGKILL'))
  const seen: Moments = new Map()
  child.stdout.on('data', bytes => {
    const moment = now()
    for (const [, number] of String(bytes).matchAll(/"message":"event (-?\d+)"/g))
      if (!seen.has(Number(number))) seen.set(Number(number), moment)
  })
  return { child, seen }
}

/** Appends events one by one, each to another of the sessions, and gives the moment of each. */
export async function append(ids: readonly string[], count: number): Promise<Moments> {
  const moments: Moments = new Map()
  for (let number = 0; number < count; number += 1) {
    await pause(5 + (number % 7))
    const log = new LogWriter(ids[(number * 7919) % ids.length] as string)
    moments.set(number, now())
    log.append({ type: 'user_event', level: 'info', message: `event ${number}` })
    log.close()
  }
  return moments
}

/** How long after they were appended events were printed; those that never were came infinitely late. */
export function delaysOf(appended: Moments, seen: Moments): { middle: number; missed: number; text: string } {
  const delays = [...appended].map(([number, moment]) => (seen.get(number) ?? Number.POSITIVE_INFINITY) - moment)
  const middle = median(delays)
  const missed = delays.filter(delay => delay === Number.POSITIVE_INFINITY).length
  return { middle, missed, text: `${ms(middle)} / ${ms(quantile(delays, 0.95))}; ${missed} of ${delays.length} missed` }
}
