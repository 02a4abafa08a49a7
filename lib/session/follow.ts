// Following the log of one session as it grows, to its end.

import { paths } from '../base/paths.js'
import type { LogEvent } from '../log/events.js'
import { eventOf } from '../log/read.js'
import { Follower } from '../store/lines.js'
import { watchFile } from '../store/watch.js'
import { settle } from './settle.js'

/** A runner that died writes nothing: look for that so often, in milliseconds. */
const SWEEP = 1_000

/** The events of a session from line `afterSeq` + 1 on, as they are appended, until the session is over. */
export async function* follow(id: string, { afterSeq = 0 }: { afterSeq?: number } = {}): AsyncGenerator<LogEvent> {
  const file = new Follower(paths.inSession(id, 'log.ndjson'))
  let wake = () => {}
  let changed = false
  const watch = watchFile(paths.inSession(id, 'log.ndjson'), () => {
    changed = true
    wake()
  })
  try {
    for (;;) {
      changed = false
      // Whether it is over is asked before the log is read to its end, so that the end itself is always given.
      const { over } = await settle(id)
      for (const { bytes, number } of file.take()) if (number > afterSeq) yield eventOf(bytes, number, id)
      if (over) return
      if (!changed) await new Promise<void>(resolve => waitAtMost(SWEEP, resolve, then => (wake = then)))
    }
  } finally {
    watch.close()
  }
}

/** Calls `done` once: when `time` milliseconds are over, or when what is handed to `onWake` is called. */
function waitAtMost(time: number, done: () => void, onWake: (then: () => void) => void): void {
  const timer = setTimeout(done, time)
  onWake(() => {
    clearTimeout(timer)
    done()
  })
}
