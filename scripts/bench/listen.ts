// Following a log: from the append of an event to its line on the follower's stdout.

import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { paths } from '../../lib/base/paths.js'
import { LogWriter } from '../../lib/log/write.js'
import { median, now, pause, quantile } from './measure.js'
import { write } from './past.js'
import { atEnd, enter, environment, place } from './place.js'
import { ms, type Row } from './table.js'

const TARGET_MS = 50

export async function listen(quick: boolean): Promise<Row[]> {
  const home = join(place, 'listen')
  const [id = ''] = await write({ home, count: 1, running: true })
  enter(home)
  const zag = follow('zag-listen', ['--json', id], environment(home))
  const tail = follow('tail', ['-f', paths.inSession(id, 'log.ndjson')], environment(home))
  await pause(1000)
  const appended = await append(id, quick ? 60 : 200)
  await pause(500)
  zag.child.kill()
  tail.child.kill()
  const show = (seen: Map<number, number>) => {
    const delays = [...appended].map(([number, moment]) => (seen.get(number) ?? Number.POSITIVE_INFINITY) - moment)
    return { middle: median(delays), text: `${ms(median(delays))} / ${ms(quantile(delays, 0.95))}` }
  }
  const mine = show(zag.seen)
  const theirs = show(tail.seen)
  return [
    {
      what: 'listen: append to output, median / p95',
      zag: mine.text,
      beside: `tail -f: ${theirs.text}`,
      target: ms(TARGET_MS),
      met: mine.middle <= TARGET_MS,
      share: mine.middle / TARGET_MS,
      peers: { 'tail -f': mine.middle / theirs.middle },
    },
  ]
}

/** A follower, and when it printed the event with each number. */
function follow(program: string, args: string[], env: NodeJS.ProcessEnv): { child: ChildProcess; seen: Map<number, number> } {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
  atEnd(() => child.kill('SIGKILL'))
  const seen = new Map<number, number>()
  child.stdout.on('data', bytes => {
    const moment = now()
    for (const [, number] of String(bytes).matchAll(/"message":"event (\d+)"/g))
      if (!seen.has(Number(number))) seen.set(Number(number), moment)
  })
  return { child, seen }
}

/** Appends events one by one, and gives the moment of each. */
async function append(id: string, count: number): Promise<Map<number, number>> {
  const log = new LogWriter(id)
  const moments = new Map<number, number>()
  for (let number = 0; number < count; number += 1) {
    await pause(15 + (number % 7))
    moments.set(number, now())
    log.append({ type: 'user_event', level: 'info', message: `event ${number}` })
  }
  log.close()
  return moments
}
