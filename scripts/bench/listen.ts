// Following the log of one session.

import { join } from 'node:path'
import { paths } from '../../lib/base/paths.js'
import { append, delaysOf, follow } from './follow.js'
import { pause } from './measure.js'
import { write } from './past.js'
import { enter, environment, place } from './place.js'
import { ms, type Row } from './table.js'

const TARGET_MS = 50

export async function listen(quick: boolean): Promise<Row[]> {
  const home = join(place, 'listen')
  const [id = ''] = await write({ home, count: 1, running: true })
  enter(home)
  const zag = follow('zag-listen', ['--json', id], environment(home))
  const tail = follow('tail', ['-f', paths.inSession(id, 'log.ndjson')], environment(home))
  await pause(1000)
  const appended = await append([id], quick ? 60 : 200)
  await pause(500)
  zag.child.kill()
  tail.child.kill()
  const mine = delaysOf(appended, zag.seen)
  const theirs = delaysOf(appended, tail.seen)
  return [
    {
      what: 'listen: append to output, median / p95',
      zag: mine.text,
      beside: `tail -f: ${theirs.text}`,
      target: ms(TARGET_MS),
      met: mine.middle <= TARGET_MS && mine.missed === 0,
      share: mine.middle / TARGET_MS,
      peers: { 'tail -f': mine.middle / theirs.middle },
    },
  ]
}
