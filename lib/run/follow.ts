// Following the log of one session as it grows, to its end.

import { paths } from '../base/paths.js'
import type { LogEvent } from '../log/events.js'
import { eventOf, type Position } from '../log/read.js'
import { Follower } from '../store/lines.js'
import { watchFile } from '../store/watch.js'
import { settle } from './settle.js'

/** A runner that died writes nothing: look for that so often, in milliseconds. */
const SWEEP = 1_000

export interface FollowOptions {
  /** Only events after this number. */
  afterSeq?: number
  /** Only what comes after this place in the log. */
  after?: Position
  /** Ends it early, after what is in the log by then. */
  until?: AbortSignal
}

/** The events of a session, all or from a place on, as they are appended, until the session is over. */
export async function* follow(id: string, { afterSeq = 0, after, until }: FollowOptions = {}): AsyncGenerator<LogEvent> {
  const file = new Follower(paths.inSession(id, 'log.ndjson'), after)
  let wake = () => {}
  let changed = false
  const notice = () => {
    changed = true
    wake()
  }
  const watch = watchFile(paths.inSession(id, 'log.ndjson'), notice)
  until?.addEventListener('abort', notice)
  // Asking costs a look through all that the run has logged: so at first, after an end, and now and then.
  let ask = true
  try {
    for (;;) {
      changed = false
      // Whether it is over is asked before the log is read to its end, so that the end itself is always given.
      const over = until?.aborted || (ask && (await settle(id)).over)
      ask = false
      for (const { bytes, number } of file.take()) {
        const event = eventOf(bytes, number, id)
        ask ||= event.type === 'session_ended'
        if (number > afterSeq) yield event
      }
      if (over) return
      if (!changed && !ask) ask = !(await new Promise<boolean>(resolve => waitAtMost(SWEEP, resolve, then => (wake = then))))
    }
  } finally {
    until?.removeEventListener('abort', notice)
    watch.close()
  }
}

/** Calls `done` once: with false when `time` milliseconds are over, with true when what is handed to `onWake` is called. */
function waitAtMost(time: number, done: (woken: boolean) => void, onWake: (then: () => void) => void): void {
  const timer = setTimeout(done, time, false)
  onWake(() => {
    clearTimeout(timer)
    done(true)
  })
}
