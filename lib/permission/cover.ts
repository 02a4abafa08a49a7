// What a new rule of a group means for those that wait already: whoever adds one calls this, and nobody else does.

import { readIfIntact } from '../table/sessions.js'
import { conclude, settle, type Verdict } from './decide.js'
import { answerRelay, openRelays, type Relay } from './relay.js'
import { parseRule, type Rule } from './rule.js'
import { groupSources, onceRules } from './rules.js'

/** Answers every open relay of a group that the group's rules decide by now, alone or with its session's own. Gives those answered here. */
export function coverOpenRelays(group: string): Relay[] {
  const keeper = onceRules(group)
  let isBack = false
  const answered = openRelays({ group }).filter(relay => {
    // A once-rule may be used up by the one before.
    const { never, always, once } = groupSources(group)
    const { allow, deny } = rulesOf(relay.session_id)
    const verdict = settle(relay, relay, { deny, never, always, allow, once, auto: false }, keeper)
    const first = answerBy(relay.relay_id, verdict)
    isBack = conclude(verdict, keeper, first) || isBack
    return first
  })
  // Whoever asked meanwhile found it taken.
  return isBack ? [...answered, ...coverOpenRelays(group)] : answered
}

/** Answers a relay by what rules say; false if they leave it open, or if it was answered before. */
export function answerBy(relay: string, { granted, by, rule, reason }: Verdict): boolean {
  return granted !== undefined && answerRelay(relay, { approved: granted, by: by === 'once' ? 'once' : 'rule', rule, reason })
}

/** The rules that a session was started with. */
export function rulesOf(id: string | undefined): { allow: Rule[]; deny: Rule[] } {
  const { allow = [], deny = [] } = (id === undefined ? undefined : readIfIntact(id)?.permissions) ?? {}
  return { allow: allow.map(parseRule), deny: deny.map(parseRule) }
}
