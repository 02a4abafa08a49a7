// What people and agents write into logs themselves.

import type { Level } from '../log/events.js'
import { appendEvents, LogWriter } from '../log/write.js'
import { readIfIntact } from '../table/sessions.js'

export interface Note {
  level: Level
  /** A session, or `user`. */
  by: string
  data?: unknown
}

/** Writes one user_event into each session's log. */
export function addUserEvent(ids: string[], note: Note & { message: string }): void {
  for (const id of ids) appendEvents(id, readIfIntact(id)?.parent, { type: 'user_event', ...note })
}

/** Writes a user_event a line, as the lines come. */
export async function addUserEvents(ids: string[], lines: AsyncIterable<string>, note: Note): Promise<void> {
  const logs = ids.map(id => new LogWriter(id, readIfIntact(id)?.parent))
  try {
    for await (const message of lines) for (const log of logs) log.append({ type: 'user_event', ...note, message })
  } finally {
    for (const log of logs) log.close()
  }
}
