// Whether an agent may do what it asks for, in the order of DESIGN 10: rules that refuse, rules that allow, rules that allow once,
// --auto-approve, and where nobody has decided by then a relay, if somebody is to be asked. Every decision is in the log.
//
// A rule that allows once counts for the one who used it up; who came second decides anew without it.

import { Fault, quoted } from '../base/exit.js'
import type { NewEvent } from '../log/events.js'
import type { Call, Decision, Place, Question } from '../permission/call.js'
import { answerBy, coverOpenRelays } from '../permission/cover.js'
import { conclude, decide, type Sources, settle, type Verdict } from '../permission/decide.js'
import { openRelay, takeBack, waitForAnswer } from '../permission/relay.js'
import { parseRule } from '../permission/rule.js'
import { groupSources, isSessionOnceUsed, onceRules } from '../permission/rules.js'
import { described } from '../provider/calls.js'
import type { Session } from '../table/sessions.js'

/** Who wants to know. */
export interface Asker {
  /** The session of the agent, whose rules and flags count; without one those of the group do. */
  session?: Session
  group: string
  place: Place
  provider?: string
  name?: string
  /** Whether what no rule decides is asked; by default as the session was asked for. */
  ask?: boolean
  /** Milliseconds after which nobody's answer is a no; by default as the session was asked for. */
  timeout?: number
}

/** Where decisions go, and what ends the asking. */
export interface Asking {
  log?: (...events: NewEvent[]) => void
  signal?: AbortSignal
}

/** Decides about a call, and waits for somebody's answer if need be. An abort of the signal closes the question. Throws a Fault (5) for rules that cannot be read. */
export async function askPermission(who: Asker, question: Question, { log = () => {}, signal }: Asking = {}): Promise<Decision> {
  const decision = await decided(who, question, log, signal)
  log(eventOf(question, decision))
  return decision
}

/** What is against a call that nobody asks about, if a rule is. Throws as askPermission does. */
export function forbidden(who: Asker, call: Call, { log = () => {} }: Asking = {}): Decision | undefined {
  const { granted, rule, reason } = decide(call, who.place, { ...sourcesOf(who), always: [], allow: [], once: [], auto: false })
  if (granted !== false) return undefined
  const decision: Decision = { granted, by: 'deny', rule, reason }
  log(eventOf(call, decision))
  return decision
}

/** What rules and --auto-approve say, where an agent has a way of its own to ask about the rest; nothing if they leave it open. Throws as askPermission does. */
export function ruled(who: Asker, question: Question, { log = () => {} }: Asking = {}): Decision | undefined {
  const decision = byRules(who, question)
  if (decision) log(eventOf(question, decision))
  return decision
}

async function decided(who: Asker, question: Question, log: NonNullable<Asking['log']>, signal?: AbortSignal): Promise<Decision> {
  const plan = who.session?.flags.plan === true
  if (plan) return { granted: false, by: 'deny', reason: `nobody is asked about ${quoted(described(question))}: --plan only looks` }
  const decision = byRules(who, question)
  if (decision) return decision
  if (who.ask ?? who.session?.permissions?.ask) return answered(who, question, log, signal)
  const way = who.session ? '--ask asks, --allow RULE or --auto-approve lets it' : '--ask asks, a rule of zag allow add lets it'
  const reason = `nobody can be asked about ${quoted(described(question))}: ${way}`
  return { granted: false, by: 'deny', reason }
}

/** What rules say, and that is what the call goes by; nothing if they leave it open. */
function byRules(who: Asker, call: Call): Decision | undefined {
  const verdict = settle(call, who.place, sourcesOf(who), keeperOf(who))
  const { granted, by = 'deny', rule, reason } = verdict
  if (conclude(verdict, keeperOf(who), true)) coverOpenRelays(who.group)
  return granted === undefined ? undefined : { granted, by, rule, reason }
}

const keeperOf = ({ group, session }: Asker) => onceRules(group, session?.id)

/** All that decides without people: the rules of the group as they are now, those of the session, and --auto-approve. */
function sourcesOf({ session, group }: Asker): Sources {
  const { allow = [], deny = [], allow_once = [] } = session?.permissions ?? {}
  const of = groupSources(group)
  const once = allow_once.flatMap((rule, at) => (session && isSessionOnceUsed(session.id, at) ? [] : [{ ...parseRule(rule), once: at }]))
  return {
    deny: deny.map(parseRule),
    never: of.never,
    always: of.always,
    allow: allow.map(parseRule),
    once: [...once, ...of.once],
    auto: session?.flags.autoApprove === true,
  }
}

/** Asks people, who see a relay. */
async function answered(who: Asker, question: Question, log: NonNullable<Asking['log']>, signal?: AbortSignal): Promise<Decision> {
  const { session, group, place, provider = session?.provider, name = session?.name } = who
  const timeout = who.timeout ?? session?.permissions?.relay_timeout_ms
  const relay = openRelay(question, { ...place, session_id: session?.id, group, provider, name }, { timeout })
  const { relay_id } = relay
  const { tool_id, tool, tool_kind, params, raw } = question
  try {
    log({ type: 'relay', relay_id, kind: 'permission', tool_id, tool, tool_kind, params, raw })
    // A rule that came between the look at them and the relay found no relay to answer.
    answerByRules(who, relay_id, settle(question, place, sourcesOf(who), keeperOf(who)))
  } catch (error) {
    takeBack(relay)
    throw error
  }
  const { approved: granted, by, rule, reason } = await waitForAnswer(relay, { signal })
  return { relay_id, granted, by: by === 'closed' ? 'deny' : by, rule, reason }
}

/** Answers a relay by what rules say. If somebody was first the once-rules that it took are there for others, who may wait for one. */
function answerByRules(who: Asker, relay: string, verdict: Verdict): void {
  if (conclude(verdict, keeperOf(who), answerBy(relay, verdict))) coverOpenRelays(who.group)
}

function eventOf({ tool_id, tool, params }: Question, { relay_id, granted, by, rule, reason }: Decision): NewEvent {
  return { type: 'permission', relay_id, tool_id, tool, params, granted, by, rule, reason }
}

/** A refusal in place of a decision that could not be made, so that no agent goes on without one. */
export function undecided(error: unknown): Decision {
  if (!(error instanceof Fault)) throw error
  return { granted: false, by: 'deny', reason: error.message }
}
