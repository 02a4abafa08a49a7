// Checks of relays: that somebody waits for each, and that each mark of a session has one.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { quoted } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { answerOf, idsIn, marksOf, openRelays, readRelay, tidy } from '../permission/relay.js'
import { isAlive } from '../process/identity.js'
import { remove } from '../store/file.js'
import { ids } from '../table/sessions.js'
import { count, each, type Found, fine, REPAIR, someOf, wrong } from './finding.js'

export function lookAtRelays(): Found[] {
  const all = idsIn(paths.relays())
  const damaged = all.filter(id => existsSync(paths.relay(id)) && !readRelay(id))
  const left = all.filter(isLeft)
  const first = straysOf(ids())
  // One that is being opened has its mark already, one that is being tidied away has it still.
  const marks = first.length === 0 ? first : straysOf(first.map(({ session }) => session))
  const found = [
    ...(left.length === 0
      ? []
      : [
          wrong(
            `${count(left.length, 'relay')} that nobody waits for: ${someOf(left)}`,
            `${REPAIR} closes them, as looking at them does`,
            () => openRelays(),
          ),
        ]),
    ...(damaged.length === 0
      ? []
      : [
          wrong(`${count(damaged.length, 'relay')} that cannot be read: ${someOf(damaged.map(quoted))}`, `${REPAIR} removes them`, () =>
            each(damaged, id => remove(paths.relay(id))),
          ),
        ]),
    ...(marks.length === 0
      ? []
      : [
          wrong(
            `${count(marks.length, 'mark')} of relays that are not there: ${someOf(marks.map(({ path }) => quoted(path)))}`,
            `${REPAIR} removes them`,
            () => each(marks, ({ id, session }) => tidy({ relay_id: id, session_id: session })),
          ),
        ]),
  ]
  return found.length > 0 ? found : [fine(`${count(all.length, 'relay')}, and somebody waits for each`.replace(/^0.*/, 'no open relays'))]
}

/** Its opener is dead. */
function isLeft(id: string): boolean {
  const relay = readRelay(id)
  return relay !== undefined && !isAlive(relay.opener) && (existsSync(paths.relay(id)) || answerOf(id) === undefined)
}

function straysOf(sessions: string[]): { session: string; id: string; path: string }[] {
  return [...new Set(sessions)].flatMap(session =>
    marksOf(session)
      .filter(id => !existsSync(paths.relay(id)))
      .map(id => ({ session, id, path: join(session, 'relays', id) })),
  )
}
