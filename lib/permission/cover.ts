// What a new rule of a group means for those that wait already: whoever adds one calls this, and nobody else does.

import { readIfIntact } from '../table/sessions.js'
import { settle } from './decide.js'
import { answerRelay, openRelays, type Relay } from './relay.js'
import { parseRule, type Rule } from './rule.js'
import { groupSources, useOnce } from './rules.js'

/** Answers every open relay of a group that the group's rules decide by now, alone or with its session's own. Gives those answered here. */
export function coverOpenRelays(group: string): Relay[] {
  return openRelays({ group }).filter(relay => {
    // A once-rule may be used up by the one before.
    const { never, always, once } = groupSources(group)
    const { allow, deny } = rulesOf(relay.session_id)
    const use = (rule: { once: string | number }) => useOnce(group, String(rule.once))
    const { granted, rule, reason } = settle(relay, relay, { deny, never, always, allow, once, auto: false }, use)
    return granted !== undefined && answerRelay(relay.relay_id, { approved: granted, by: 'rule', rule, reason })
  })
}

/** The rules that a session was started with. */
export function rulesOf(id: string | undefined): { allow: Rule[]; deny: Rule[] } {
  const { allow = [], deny = [] } = (id === undefined ? undefined : readIfIntact(id)?.permissions) ?? {}
  return { allow: allow.map(parseRule), deny: deny.map(parseRule) }
}
