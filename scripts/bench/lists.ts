// Questions about many sessions, and about one among many.

import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { paths } from '../../lib/base/paths.js'
import { pastHome, pastIds } from './homes.js'
import { median, race, ratio } from './measure.js'
import { write } from './past.js'
import { enter, environment, place } from './place.js'
import { ms, type Row, times } from './table.js'

const LIST_MS = 150

export async function lists(quick: boolean): Promise<Row[]> {
  return [...(await ps(quick)), await status(quick), await lastEvent(quick)]
}

async function ps(quick: boolean): Promise<Row[]> {
  const count = 10_000
  const env = environment(await pastHome(count))
  const variants = [
    { name: `ps --all of ${count.toLocaleString('en')} sessions`, command: ['zag-ps', '--all'], env },
    { name: `ps, nothing of ${count.toLocaleString('en')} at work`, command: ['zag-ps'], env },
    { name: 'ls', command: ['ls', '-l', join(await pastHome(count), 'sessions')], env },
  ]
  const taken = race(variants, quick ? 6 : 15)
  const beside = `ls -l of the folder: ${ms(median(taken.get('ls') ?? []))}`
  return variants.slice(0, 2).map(({ name }) => {
    const zag = median(taken.get(name) ?? [])
    return {
      what: name,
      zag: ms(zag),
      beside,
      ratio: times(ratio(taken, name, 'ls')),
      target: ms(LIST_MS),
      met: zag <= LIST_MS,
      share: zag / LIST_MS,
    }
  })
}

async function status(quick: boolean): Promise<Row> {
  const count = quick ? 10_000 : 100_000
  const sole = await pastIds(1)
  const many = await pastIds(count)
  const variants = [
    { name: 'one', command: ['zag-status', sole[0] ?? ''], env: environment(await pastHome(1)) },
    { name: 'many', command: ['zag-status', many[count >> 1] ?? ''], env: environment(await pastHome(count)) },
    { name: 'part', command: ['zag-status', (many[count >> 1] ?? '').slice(-8)], env: environment(await pastHome(count)) },
  ]
  const taken = race(variants, quick ? 12 : 40)
  const factor = ratio(taken, 'many', 'one')
  const beside = `among one: ${ms(median(taken.get('one') ?? []))}; by its last eight characters: ${ms(median(taken.get('part') ?? []))}`
  return {
    what: `status of one among ${count.toLocaleString('en')}`,
    zag: ms(median(taken.get('many') ?? [])),
    beside,
    ratio: times(factor),
    target: times(1.1),
    met: factor <= 1.1,
    share: factor / 1.1,
  }
}

/** The last event of a long log: its lines must be counted for the number of the event. */
async function lastEvent(quick: boolean): Promise<Row> {
  const megabytes = quick ? 200 : 1000
  const home = join(place, 'long')
  const [id = ''] = await write({ home, count: 1 })
  enter(home)
  const log = paths.inSession(id, 'log.ndjson')
  fill(log, id, megabytes * 1e6)
  const variants = [
    { name: 'events', command: ['zag-events', '--last', '1', id], env: environment(home) },
    { name: 'wc', command: ['wc', '-l', log] },
    { name: 'tail', command: ['tail', '-n', '1', log] },
  ]
  const taken = race(variants, quick ? 5 : 12)
  const zag = median(taken.get('events') ?? [])
  const beside = `wc -l: ${ms(median(taken.get('wc') ?? []))}; tail -n 1: ${ms(median(taken.get('tail') ?? []))}`
  const what = `last event of a log of ${(statSync(log).size / 1e9).toFixed(1)} GB`
  // The parts behind this one need the room.
  rmSync(log)
  return {
    what,
    zag: ms(zag),
    beside,
    ratio: times(ratio(taken, 'events', 'wc')),
    target: ms(LIST_MS),
    ...(quick ? {} : { met: zag <= LIST_MS, share: zag / LIST_MS }),
    peers: { 'wc -l': ratio(taken, 'events', 'wc'), 'tail -n 1': ratio(taken, 'events', 'tail') },
  }
}

/** Makes a log long, with lines of the length that those of agents have on average. */
function fill(log: string, id: string, bytes: number): void {
  const line = `${JSON.stringify({ type: 'assistant_message', ts: new Date().toISOString(), session_id: id, content: 'word '.repeat(86) })}\n`
  const block = Buffer.from(line.repeat(Math.ceil((1 << 20) / line.length)))
  const fd = openSync(log, 'a')
  for (let written = 0; written < bytes; written += block.length) writeSync(fd, block)
  closeSync(fd)
}
