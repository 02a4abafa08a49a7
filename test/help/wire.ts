// zag's end of the wire to an agent, for tests of drivers: what was sent and asked, and answers as a test wants them.

import type { NewEvent } from '../../lib/log/events.js'
import type { Call, Decision, Question } from '../../lib/permission/call.js'
import type { Wire } from '../../lib/provider/provider.js'

export const YES: Decision = { granted: true, by: 'rule', rule: 'any' }
export const NO: Decision = { granted: false, by: 'person', relay_id: 'r', reason: 'not today' }
export const UNASKED: Decision = { granted: false, by: 'deny', reason: 'nobody can be asked' }

export interface TestWire extends Wire {
  sent: Record<string, unknown>[]
  logged: NewEvent[]
  asked: Question[]
  /** Why it is to be told of refusals later. */
  later: Decision[]
  signals: (AbortSignal | undefined)[]
}

/** A wire on which every question gets this answer; a call is forbidden if `against` says so. */
export function wireWith(answer: Decision | Promise<Decision> = UNASKED, against?: (call: Call) => Decision | undefined): TestWire {
  const wire: TestWire = {
    sent: [],
    logged: [],
    asked: [],
    later: [],
    signals: [],
    send: message => void wire.sent.push({ ...message }),
    log: (...events) => void wire.logged.push(...events),
    async ask(question, signal) {
      wire.asked.push(question)
      wire.signals.push(signal)
      return answer
    },
    forbids: call => against?.(call),
    files: { read: async () => '', write: async () => {}, known: async () => undefined },
    untold: (_, refusal) => void wire.later.push(refusal),
  }
  return wire
}
