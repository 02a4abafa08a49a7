// What approve and deny share: their flags, and what they say.

import type { Flags } from './data.js'
import { aboutFlags, aboutUsage } from './flags.js'
import type { Talk } from './output.js'

export const answeringFlags = {
  ...aboutFlags,
  matching: { type: 'string', value: 'rule', does: 'all whose call this rule covers; with others, only those' },
  reason: { type: 'string', value: 'text', does: 'why, for the agent' },
} as const satisfies Flags

export const answeringUsage = `[--always[=<rule>]] [--reason <text>] [--matching <rule>] { <relay>... | - | ${aboutUsage} }`

/** Says which rules are about to be added. */
export function tellRules(
  err: Talk,
  word: 'always' | 'never',
): (rules: readonly string[], group: string, warnings: readonly string[]) => void {
  return (rules, group, warnings) => {
    for (const rule of rules) err.notice(`${word} in group ${group}: ${rule}`)
    for (const warning of warnings) err.notice(warning)
  }
}

/** Says which were answered before, and that no rules were made of them if there were to be; true if any was. */
export function tellLate(err: Talk, texts: readonly string[], always: unknown): boolean {
  for (const text of texts) err.complain(always === undefined ? text : `${text}; no rule is added for it`)
  return texts.length > 0
}
