// What agents may do: rules, questions and their answers, and files that several of them change. What zag-allow, zag-relay, zag-approve,
// zag-deny and zag-file do.

import { checkFile, locate, type Patched, patchFiles, readBytes } from '../file/guard.js'
import type { Held } from '../file/lock.js'
import { lockWhole } from '../file/undo.js'
import type { Call, Decision } from '../permission/call.js'
import { type GroupRule, groupRules, type RuleKind } from '../permission/rules.js'
import { whoHere } from '../session/who.js'
import { type Added, addRules, type Checked, check, groupOf, removeRules } from '../verb/allow.js'
import { type Answered, type AnswerOptions, approve as approveAll, deny as denyAll } from '../verb/approve.js'
import { type PermitOptions, permitCall, questionOf } from '../verb/permit.js'
import type { RelayRow } from '../verb/relay-row.js'
import { followRelays, listRelays, type RelayPick, selectRelays } from '../verb/relays.js'
import { listOf } from './which.js'

interface OfGroup {
  /** The group, if not that of the environment or the project. */
  group?: string
}

/** What zag-allow does with the rules of a group. */
export const allow = {
  list: ({ group }: OfGroup = {}): GroupRule[] => groupRules(groupOf(group)),
  /** Adds rules, all or none, and answers the open relays that they decide. Throws a Fault (2) for one that does not parse or can never fit. */
  async add({ rules, kind = 'always', group }: OfGroup & { rules: string | readonly string[]; kind?: RuleKind }): Promise<Added[]> {
    return addRules(groupOf(group), listOf(rules), kind)
  },
  /** Takes rules away, by text or id, all or none. Throws a Fault (3) for one that is not there. */
  async remove({ rules, kind, group }: OfGroup & { rules: string | readonly string[]; kind?: RuleKind }): Promise<GroupRule[]> {
    return removeRules(groupOf(group), listOf(rules), kind)
  },
  /** What these rules, or those of the group, make of a call, part by part. */
  check: ({ call, rules, group }: OfGroup & { call: Omit<Call, 'tool_kind'>; rules?: readonly string[] }): Checked[] =>
    check({ tool_kind: 'other', ...call }, listOf(rules), groupOf(group)),
}

/** Relays by id and by the sessions that ask. */
export type Relays = RelayPick

/** What zag-relay does. */
export const relay = {
  /** The open ones, oldest first. Throws Faults 2, 3, 4. */
  list: (which: Relays = {}): Promise<RelayRow[]> => listRelays(which),
  /** The open ones, then each as it comes, until the signal is aborted. */
  async *follow({ signal, ...which }: Relays & { signal?: AbortSignal } = {}): AsyncGenerator<RelayRow> {
    yield* followRelays(await selectRelays(which, undefined, { otherwise: 'all' }), { stop: signal })
  },
}

/** Lets agents do what they ask for. Throws Faults 2, 3, and 4 for relays that are this session's own; those answered before are in `late`. */
export function approve({ reason, always, ...which }: Relays & AnswerOptions): Promise<Answered> {
  return approveAll(which, { reason, always })
}

/** Refuses it, with a reason for the agent. Throws as approve does. */
export function deny({ reason, always, ...which }: Relays & AnswerOptions): Promise<Answered> {
  return denyAll(which, { reason, always })
}

/**
 * Whether an agent may do what a call says: by the rules, and with `ask` by whoever answers first. Nothing outside of sessions where no rule
 * decides and nobody is to be asked. Throws Faults 2, 3, 5.
 */
export function permit({
  call,
  ...options
}: PermitOptions & { call: Omit<Call, 'tool_kind'> & Partial<Call> }): Promise<Decision | undefined> {
  return permitCall(questionOf(call), options)
}

interface OfFile extends OfGroup {
  path: string
  /** On behalf of this session, if not of the one around. */
  session?: string
  root?: string
}

/** What zag-file does: files of a project that several change, each knowing what it has read. */
export const file = {
  /** What is in a file; the session then knows its present version. Throws a Fault (5). */
  async read({ path, ...whose }: OfFile): Promise<Buffer> {
    return readBytes(whoHere(whose), path)
  },
  /** Why the session must not write a file without reading it again; nothing if it may. */
  async check({ path, ...whose }: OfFile): Promise<string | undefined> {
    return checkFile(whoHere(whose), path)
  },
  /** Changes files by a patch, all of them or none. Throws a Fault: 1 if it does not fit, 2 if it is none, 4 for a file that is locked, 5 for one that is stale. */
  async patch({ patch, timeout, ...whose }: Omit<OfFile, 'path'> & { patch: string; timeout?: number }): Promise<Patched[]> {
    return patchFiles(whoHere(whose), patch, { wait: timeout })
  },
  /** Keeps others from writing a file until `release` is called. Throws a Fault (4) if it does not become free in time. */
  async lock({ path, timeout, ...whose }: OfFile & { timeout?: number }): Promise<Held> {
    const who = whoHere(whose)
    return lockWhole(who, locate(who, path), { wait: timeout })
  },
}
