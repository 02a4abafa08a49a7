// The one place that says what becomes of a call, from rules alone: deny rules and "never" refuse; "always", allow and once rules together
// have to cover all of it; then -a allows; and whoever is left has to be asked. It reads nothing but the links of paths.

import type { Call, Decision, Place } from './call.js'
import { type Coverage, covers, refuses } from './match.js'
import { formatRule, type Rule } from './rule.js'

/** A rule that is used up by the call it allows; `once` is for whoever keeps it. */
export interface OnceRule extends Rule {
  once: string | number
}

/** Whoever keeps once-rules. One that was taken is nobody else's, until it is put back; it is used up by the call that it let through. */
export interface OnceKeeper {
  /** True for exactly one caller. */
  take(rule: OnceRule): boolean
  putBack(rule: OnceRule): void
  useUp(rule: OnceRule): void
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
  /** the once-rules it takes */
  once: OnceRule[]
  /** once-rules were taken and put back on the way: somebody may have found them taken */
  isBack?: boolean
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

/** The same, with the once-rules it takes taken. Without one that somebody else took first it is decided anew; call conclude() with what comes out. */
export function settle(call: Call, place: Place, sources: Sources, keeper: OnceKeeper): Verdict {
  let isBack = false
  for (let once = sources.once; ; ) {
    const verdict: Verdict = { ...decide(call, place, { ...sources, once }), isBack }
    // In one order for all, so that of two who want the same ones one gets them.
    const wanted = [...verdict.once].sort((a, b) => (String(a.once) < String(b.once) ? -1 : 1))
    const lost = wanted.findIndex(rule => !keeper.take(rule))
    if (lost < 0) return verdict
    for (const rule of wanted.slice(0, lost)) keeper.putBack(rule)
    isBack ||= lost > 0
    once = once.filter(rule => rule !== wanted[lost])
  }
}

/**
 * What becomes of the once-rules that a verdict took: used up if it is what the call went by, else put back. True if some are there again
 * that were taken for a while: then call coverOpenRelays(), for who found them taken may wait.
 */
export function conclude({ once, isBack = false }: Verdict, keeper: OnceKeeper, counted: boolean): boolean {
  for (const rule of once) keeper[counted ? 'useUp' : 'putBack'](rule)
  return isBack || (!counted && once.length > 0)
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
