// Being told to stop: for programs that go on until then.

import { constants } from 'node:os'
import type { Talk } from './output.js'

export interface Stop {
  /** Aborted by SIGINT and SIGTERM. The reason is the signal, if what this process started has not got it as well. */
  signal: AbortSignal
  /** 128 + n once it came. */
  code(): number | undefined
}

/** From now on the first SIGINT or SIGTERM asks to stop; a second one ends the process at once, as without this. */
export function onStop(err: Talk): Stop {
  const control = new AbortController()
  let code: number | undefined
  const stop = (signal: NodeJS.Signals) => {
    for (const each of ['SIGINT', 'SIGTERM'] as const) process.off(each, stop)
    code = 128 + constants.signals[signal]
    // At a terminal Ctrl-C reaches all of the group.
    control.abort(signal === 'SIGINT' && err.isTerminal ? undefined : signal)
  }
  for (const each of ['SIGINT', 'SIGTERM'] as const) process.on(each, stop)
  return { signal: control.signal, code: () => code }
}
