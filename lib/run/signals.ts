// What signals mean to a process that supervises a session, detached or in the foreground.

import { constants } from 'node:os'
import { GRACE } from './request.js'

/** What can be ended: a session, or all that a process supervises. */
interface Endable {
  look(): boolean
  cancel(reason: string, grace: number): void
}

/** It is looked so often without a signal, in milliseconds: one can be lost, and who removes a session sends none. */
const LOOK = 5_000

/**
 * USR2 says that somebody asked for an end. INT and TERM look for a request to end, and end it if there is none; a second one
 * ends it at once. HUP is ignored unless `hangUp`: a runner outlives its terminal. Returns a function that gives 128 + n once a
 * signal n ended it.
 */
export function onStop(life: Endable, { hangUp = false } = {}): () => number | undefined {
  let exit: number | undefined
  const stop = (signal: NodeJS.Signals) => {
    if (life.look()) return
    life.cancel(`the runner got ${signal}`, exit === undefined ? GRACE : 0)
    exit = 128 + constants.signals[signal]
  }
  process.on('SIGUSR2', () => life.look())
  setInterval(() => life.look(), LOOK).unref()
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  process.on('SIGHUP', hangUp ? stop : () => {})
  return () => exit
}
