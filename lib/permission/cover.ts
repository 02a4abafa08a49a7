// What a new rule of a group means for those that wait already: whoever adds one calls this, and nobody else does.

import { settle } from './decide.js'
import { answerRelay, openRelays, type Relay } from './relay.js'
import { groupSources, useOnce } from './rules.js'

/** Answers every open relay of a group that the group's rules decide by now. Gives those answered here. */
export function coverOpenRelays(group: string): Relay[] {
  return openRelays({ group }).filter(relay => {
    // A once-rule may be used up by the one before.
    const use = (rule: { once: string | number }) => useOnce(group, String(rule.once))
    const { granted, rule, reason } = settle(relay, relay, { deny: [], allow: [], ...groupSources(group), auto: false }, use)
    return granted !== undefined && answerRelay(relay.relay_id, { approved: granted, by: 'rule', rule, reason })
  })
}
