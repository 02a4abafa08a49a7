// A word in all logs there are, beside the program that does nothing else.

import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { paths } from '../../lib/base/paths.js'
import { median, race, ratio } from './measure.js'
import { write } from './past.js'
import { enter, environment, installed, place } from './place.js'
import { ABSENT, ms, type Row, times } from './table.js'

const TARGET = 2.5
const SESSIONS = 500
/** In some lines of each log: what it costs to find, and not just to look. */
const WORD = 'Quetzal'
const LINES = 3

export async function search(quick: boolean): Promise<Row[]> {
  const bytes = quick ? 200e6 : 1e9
  const home = join(place, 'search')
  const ids = await write({ home, count: SESSIONS })
  enter(home)
  for (const id of ids) fill(paths.inSession(id, 'log.ndjson'), id, bytes / SESSIONS)
  const logs = join(home, 'sessions')
  const env = environment(home)
  const rows = [
    { how: 'as it is written', flags: ['--case-sensitive'], grep: ['-F'] },
    { how: 'in whatever case', flags: [], grep: ['-F', '-i'] },
  ].map(({ how, flags, grep }) => {
    const words = ['grep', ...grep, '-r', '-c', '--include=log.ndjson', WORD, logs]
    const variants = [
      { name: 'zag', command: ['zag-search', '--count', ...flags, WORD], env, after: checkCount },
      ...(installed('grep') ? [{ name: 'grep', command: words, env, after: checkCount }] : []),
    ]
    const taken = race(variants, quick ? 3 : 7, 1)
    const factor = ratio(taken, 'zag', 'grep')
    const name = `grep ${grep.join(' ')} -r`
    return {
      what: `search of ${(bytes / 1e9).toFixed(1)} GB in ${SESSIONS} logs, a word ${how}`,
      zag: ms(median(taken.get('zag') ?? [])),
      beside: `${name}: ${taken.has('grep') ? ms(median(taken.get('grep') ?? [])) : ABSENT}`,
      ratio: taken.has('grep') ? times(factor) : undefined,
      target: times(TARGET),
      met: taken.has('grep') ? factor <= TARGET : undefined,
      share: factor / TARGET,
      peers: { [name]: factor },
    }
  })
  // The parts behind this one need the room.
  rmSync(logs, { recursive: true })
  return rows
}

/** Throws unless the counts that were printed, of all logs or of each, are those of the lines that have the word. */
function checkCount(printed: string): void {
  const found = (printed.match(/\d+$/gm) ?? []).reduce((sum, count) => sum + Number(count), 0)
  if (found !== LINES * SESSIONS) throw new Error(`found ${found} of ${LINES * SESSIONS}`)
}

/** Makes a log long: lines as agents write them, of which a few have the word. */
function fill(log: string, id: string, bytes: number): void {
  const stamp = { ts: new Date().toISOString(), session_id: id }
  const line = (content: string) => `${JSON.stringify({ type: 'assistant_message', ...stamp, content })}\n`
  const plain = line('The quick brown fox has looked at a file and says what is in there. '.repeat(6))
  const block = Buffer.from(plain.repeat(Math.ceil(bytes / LINES / plain.length)) + line(`This is the ${WORD} that is looked for.`))
  const fd = openSync(log, 'a')
  for (let written = 0; written < LINES; written += 1) writeSync(fd, block)
  closeSync(fd)
}
