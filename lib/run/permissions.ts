// Who decides what the agent of a new session may: its rules, whether anybody is asked, and so whether its agent is run in the mode in
// which it asks. Decided once and kept in session.json: a rule that comes later does not change how an agent is talked with.

import { quoted, usage } from '../base/exit.js'
import type { Config } from '../config/config.js'
import { neverFits } from '../permission/match.js'
import { formatRule, parseRule, type Rule } from '../permission/rule.js'
import { groupRules } from '../permission/rules.js'
import type { Provider } from '../provider/provider.js'
import type { Permissions } from '../table/sessions.js'
import type { Ask } from './ask.js'

const RULES = ['allow', 'deny', 'allowOnce'] as const

/** What is kept of it in session.json; nothing for an agent that asks nobody. Throws usage for a rule that is none, and flags that contradict. */
export function permissionsOf(ask: Ask, config: Config, { live }: Provider, group: string): Permissions | undefined {
  for (const key of RULES) for (const rule of ask[key] ?? []) checkRule(rule, key === 'deny' ? 'deny' : 'allow')
  if (ask.ask && ask.noAsk) throw usage('--ask or --no-ask, not both')
  const asks = !ask.noAsk && (ask.ask || (config.ask ?? (ask.interactive === true || live?.only === true)))
  if (ask.relayTimeout === 0) throw usage('--relay-timeout 0 leaves nobody the time to answer: --no-ask asks nobody')
  if (ask.relayTimeout !== undefined && !asks) throw usage('--relay-timeout is for what is asked: give --ask with it')
  if (!live) return undefined
  const hasRules = RULES.some(key => (ask[key] ?? []).length > 0) || groupRules(group).length > 0
  return {
    allow: given(ask.allow),
    deny: given(ask.deny),
    allow_once: given(ask.allowOnce),
    ask: asks || undefined,
    relay_timeout_ms: ask.relayTimeout,
    live: asks || hasRules || undefined,
  }
}

/** Throws usage for a rule that is none, and for one that can fit nothing. */
export function checkRule(text: string, as: 'allow' | 'deny'): Rule {
  const rule = parseRule(text)
  const never = neverFits(rule, as)
  if (never) throw usage(`rule ${quoted(formatRule(rule))} can never fit: ${never}`)
  return rule
}

const given = (rules: string[] = []) => (rules.length > 0 ? rules : undefined)
