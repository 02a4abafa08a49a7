// The one place that says what becomes of a call, from rules alone: deny rules and "never" refuse; "always", allow and once rules together
// have to cover all of it; then -a allows; and whoever is left has to be asked. It reads nothing but the links of paths.

import type { Call, Decision, Place } from './call.js'
import { type Coverage, covers, refuses } from './match.js'
import { formatRule, type Rule } from './rule.js'

/** A rule that is used up by the call it allows; `once` is for whoever keeps it. */
export interface OnceRule extends Rule {
  once: string | number
}

/** What decides about the calls of a session. */
export interface Sources {
  /** --deny of the session */
  deny: readonly Rule[]
  /** of the group */
  never: readonly Rule[]
  always: readonly Rule[]
  /** --allow of the session */
  allow: readonly Rule[]
  /** of the session and the group */
  once: readonly OnceRule[]
  /** -a */
  auto: boolean
}

/** What was decided; without `granted`, somebody has to be asked, and `reason` says what no rule allows. */
export interface Verdict {
  granted: boolean | undefined
  by?: Decision['by']
  rule?: string
  reason?: string
  /** the once-rules it took: used up before the call goes on */
  once: OnceRule[]
}

/** Decides about a call, in the order of zag-permissions(7). */
export function decide(call: Call, place: Place, { deny, never, always, allow, once, auto }: Sources): Verdict {
  const against = refuses([...deny, ...never], call, place)
  if (against) {
    const rule = formatRule(against)
    return { granted: false, by: 'deny', rule, reason: `the rule ${rule} refuses it`, once: [] }
  }
  const lasting = covers([...always, ...allow], call, place)
  if (lasting.allowed) return { granted: true, by: 'rule', rule: named(lasting), once: [] }
  const all = once.length === 0 ? lasting : covers([...always, ...allow, ...once], call, place)
  if (all.allowed) {
    return { granted: true, by: 'once', rule: named(all), once: all.rules.filter((rule): rule is OnceRule => 'once' in rule) }
  }
  if (auto) return { granted: true, by: 'auto', once: [] }
  return { granted: undefined, reason: missing(all), once: [] }
}

/** The same, with the once-rules it takes used up by `use`, which is true for the one who came first; without that one it is decided anew. */
export function settle(call: Call, place: Place, sources: Sources, use: (rule: OnceRule) => boolean): Verdict {
  for (let once = sources.once; ; ) {
    const verdict = decide(call, place, { ...sources, once })
    const lost = verdict.once.find(rule => !use(rule))
    if (!lost) return verdict
    once = once.filter(rule => !verdict.once.slice(0, verdict.once.indexOf(lost) + 1).includes(rule))
  }
}

function named({ rules }: Coverage): string {
  return [...new Set(rules.map(formatRule))].join(' and ')
}

/** One line on the parts that no rule allows. */
function missing({ parts }: Coverage): string {
  return parts
    .filter(({ rule }) => !rule)
    .map(({ part, why }) => (parts.length === 1 ? (why ?? '') : `${part}: ${why}`))
    .join('; ')
}
