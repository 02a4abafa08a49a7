// What a process inside a session can know and do of its own session.

import { exportsOf, markOf } from '../agent/agent.js'
import { checked } from '../agent/schema.js'
import { EXIT, Fault, quoted } from '../base/exit.js'
import { type Inside, inside, paths } from '../base/paths.js'
import { appendEvents } from '../log/write.js'
import { statusOf } from '../session/state.js'
import { replaceFile } from '../store/file.js'
import { checkHome } from '../store/home.js'
import { exists, read } from '../table/sessions.js'
import { cancel } from './cancel.js'

/** The session this process runs in. Throws a Fault: 1 outside of one or if it was removed, 5 if the home is not of this version. */
export function self(): Inside {
  const me = inside()
  if (!me) throw new Fault('not inside a session: ZAG_SESSION_ID is not set', EXIT.no)
  checkHome()
  if (!exists(me.session)) throw new Fault(`ZAG_SESSION_ID names no session of this home: ${quoted(me.session)}`, EXIT.no)
  return me
}

/** Hands in the result of the own session and ends it; or gives the reasons why it does not fit the session's schema, and does nothing. */
export async function handIn(result: string): Promise<string[]> {
  const { session: id, process: mark } = self()
  const { over, run } = statusOf(id)
  if (over || mark !== markOf(id, run)) throw new Fault(`session ${id} has ended: its result stays as it is`, EXIT.notNow)
  const { text, reasons } = await checked(id, result)
  if (reasons.length > 0) return reasons
  replaceFile(paths.inSession(id, 'result'), text)
  appendEvents(id, read(id)?.parent, { type: 'session_result', result: text })
  await cancel(id, { outcome: 'completed', reason: 'handed in' })
  return []
}

/** The variables that a session's agent has, but for the mark of its processes: what carries that is ended with the run. */
export function environmentOf(id: string): Record<string, string> {
  const session = read(id)
  if (!session) throw new Fault(`session ${quoted(id)} was removed`, EXIT.none)
  const { ZAG_PROCESS_ID: _, ...variables } = exportsOf(session, statusOf(id).run)
  return variables
}
