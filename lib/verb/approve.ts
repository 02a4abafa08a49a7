// Answering relays from outside: whoever is first. `always` adds rules to the group of each, which answer what else they cover.
//
// An agent must not approve itself: from inside a session none is answered that a session of the same tree asks, be it the session
// itself, one that it started or one that it was started by. That keeps an agent from a mistake; one set on it is held by --sandbox.

import { EXIT, Fault, quoted, usage } from '../base/exit.js'
import { shortId } from '../base/id.js'
import { inside } from '../base/paths.js'
import { coverOpenRelays, rulesOf } from '../permission/cover.js'
import { derive, deriveNever } from '../permission/derive.js'
import { covers, refuses } from '../permission/match.js'
import { answerRelay, openRelays, type Relay } from '../permission/relay.js'
import { formatRule, parseRule, type Rule } from '../permission/rule.js'
import { addRule, groupSources } from '../permission/rules.js'
import type { Lines } from '../session/pick.js'
import { topOf } from '../table/sessions.js'
import { warningOf } from './allow.js'
import { whatOf } from './relay-row.js'
import { type RelayPick, selectRelays } from './relays.js'

export interface AnswerOptions {
  /** For the agent. */
  reason?: string
  /** Add the rules that are derived of each call to its group, or this one. */
  always?: true | string
  /** Called before rules are added to a group, with what there is to say of those that are wide. */
  onRules?(rules: readonly string[], group: string, warnings: readonly string[]): void
}

export interface Answered {
  /** The relays answered here, by name or by a rule that was added. */
  answered: string[]
  /** Those that somebody else had answered before. */
  late: string[]
  /** The rules that were added. */
  rules: { group: string; rule: string }[]
}

/** Lets agents do what they ask for. Throws Faults 2, 3 and 4 before anything is answered. */
export function approve(which: RelayPick, options: AnswerOptions = {}, stdin?: Lines): Promise<Answered> {
  return answerAll(which, true, options, stdin)
}

/** Refuses what agents ask for. Throws as approve() does. */
export function deny(which: RelayPick, options: AnswerOptions = {}, stdin?: Lines): Promise<Answered> {
  return answerAll(which, false, options, stdin)
}

async function answerAll(which: RelayPick, approved: boolean, options: AnswerOptions, stdin?: Lines): Promise<Answered> {
  const selection = await selectRelays(which, stdin)
  const open = openRelays().filter(selection.has)
  const late = selection.answered()
  if (open.length + late.length === 0) throw new Fault('no open relay is meant: see zag relay', EXIT.none)
  const done = answer(open, approved, options)
  return { ...done, late: [...late, ...done.late] }
}

/** Answers these. Throws Fault 2 for rules that cannot be had, 4 for relays that are not this session's to answer; then nothing is done. */
export function answer(relays: readonly Relay[], approved: boolean, { reason, always, onRules = () => {} }: AnswerOptions): Answered {
  refuseOwn(relays)
  const wanted = always === undefined ? new Map<Relay, string[]>() : rulesFor(relays, approved, always)
  const answerer = inside()?.session
  const done: Answered = { answered: [], late: [], rules: [] }
  for (const relay of relays) {
    // A rule that was added for one before may have answered it.
    if (done.answered.includes(relay.relay_id)) continue
    const first = answerRelay(relay.relay_id, { approved, by: 'person', reason, answerer })
    done[first ? 'answered' : 'late'].push(relay.relay_id)
    const rules = first ? (wanted.get(relay) ?? []) : []
    if (rules.length === 0) continue
    onRules(
      rules,
      relay.group,
      rules.flatMap(rule => warningOf(parseRule(rule), approved ? 'always' : 'never') ?? []),
    )
    for (const rule of rules) {
      addRule(relay.group, rule, approved ? 'always' : 'never', answerer ?? 'person')
      done.rules.push({ group: relay.group, rule })
    }
    done.answered.push(...coverOpenRelays(relay.group).map(({ relay_id }) => relay_id))
  }
  return done
}

/** The rules that `always` adds for a relay: the narrowest that would have let it. Empty if nothing but the bare tool would. */
export function alwaysRules(relay: Relay): string[] {
  return derive(relay, relay, allowing(relay))
}

function allowing(relay: Relay): Rule[] {
  return [...groupSources(relay.group).always, ...rulesOf(relay.session_id).allow]
}

function rulesFor(relays: readonly Relay[], approved: boolean, always: true | string): Map<Relay, string[]> {
  if (always !== true) return givenRule(relays, approved, parseRule(always))
  return new Map(
    relays.map(relay => {
      const rules = approved ? alwaysRules(relay) : deriveNever(relay, relay, allowing(relay))
      const isAllowed = covers(allowing(relay), relay, relay).allowed
      // What a rule that came meanwhile allows needs none.
      if (rules.length > 0 || (approved && isAllowed)) return [relay, rules]
      const why = isAllowed ? 'rules allow each part of' : `no rule but ${quoted(relay.tool)} alone covers`
      throw usage(`${why} ${quoted(whatOf(relay))}: answer it without --always, or give --always=RULE`)
    }),
  )
}

/** A rule that fits none of what it is given for was meant otherwise. */
function givenRule(relays: readonly Relay[], approved: boolean, rule: Rule): Map<Relay, string[]> {
  const fits = (relay: Relay) =>
    approved ? covers([rule], relay, relay).parts.some(part => part.rule) : refuses([rule], relay, relay) !== undefined
  const text = formatRule(rule)
  const [first] = relays
  if (first && !relays.some(fits)) throw usage(`the rule ${quoted(text)} does not cover ${quoted(whatOf(first))}`)
  return new Map(relays.map(relay => [relay, [text]]))
}

function refuseOwn(relays: readonly Relay[]): void {
  const me = inside()?.session
  if (me === undefined) return
  const tree = topOf(me)
  const own = relays.find(({ session_id: id }) => id !== undefined && topOf(id) === tree)
  if (!own) return
  throw new Fault(
    `relay ${shortId(own.relay_id)} is not for session ${shortId(me)} to answer: an agent does not decide for itself, nor for those it started or was started by`,
    EXIT.notNow,
  )
}
