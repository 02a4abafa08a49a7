// What a question on a terminal can do about a relay: lib/command/question.ts puts it, and knows no more of relays than this.

import { paths } from '../base/paths.js'
import { answerOf, openRelays, readRelay } from '../permission/relay.js'
import { watchFolder } from '../store/watch.js'
import { answerText, type RelayRow, relayRow } from './relay-row.js'

/** In case nobody tells of it, because who asked was killed, in milliseconds. */
const SWEEP = 1_000

export const deeds = {
  find(id: string): RelayRow | undefined {
    const relay = answerOf(id) ? undefined : readRelay(id)
    return relay && relayRow(relay)
  },
  // The rest knows rules, and with them the grammar of shells: it is loaded when there is something to be asked.
  async rules(id: string): Promise<string[]> {
    const { alwaysRules } = await import('./approve.js')
    const relay = readRelay(id)
    return relay ? alwaysRules(relay) : []
  },
  async answer(id: string, approved: boolean, { always, reason }: { always?: true | string; reason?: string }): Promise<boolean> {
    const { answer } = await import('./approve.js')
    const relay = readRelay(id)
    return relay !== undefined && answer([relay], approved, { always, reason }).answered.includes(id)
  },
  /** Resolves when somebody answered, or nobody waits for it any more; or when it is stopped. */
  whenAnswered(id: string, stop: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        watch.close()
        clearInterval(sweep)
        resolve()
      }
      const look = () => {
        if (stop.aborted || answerOf(id)) done()
      }
      const watch = watchFolder(paths.answers(), look)
      // To look at those that are open closes those that nobody waits for.
      const sweep = setInterval(() => (openRelays().some(({ relay_id }) => relay_id === id) ? undefined : done()), SWEEP)
      stop.addEventListener('abort', done, { once: true })
      look()
    })
  },
  late: (id: string) => `answered meanwhile: ${answerText(answerOf(id))}`,
}
