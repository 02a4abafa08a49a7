// Answers for hooks of agents: whose rules and whose log count for the process that asks, and what becomes of one call.
//
// Inside a session these are the session's own, and what nobody decides is asked as the session was asked for. Outside of all sessions
// the rules of the group count; what they leave open is for the agent to ask, unless --ask is given.

import { resolve } from 'node:path'
import { type Asker, askPermission, forbidden, ruled } from '../agent/permit.js'
import { EXIT, Fault, quoted, usage } from '../base/exit.js'
import { checkName } from '../base/name.js'
import { defaults, inside, projectRoot, realFolder } from '../base/paths.js'
import { type NewEvent, TOOL_KINDS, type ToolKind } from '../log/events.js'
import { appendEvents } from '../log/write.js'
import type { Decision, Question } from '../permission/call.js'
import type { HookCall } from '../provider/claude-hook.js'
import { checkHome } from '../store/home.js'
import { read } from '../table/sessions.js'
import { rootOfAgent } from '../worktree/place.js'

/** A decision, with what the agent is to be told where that is more than whether it may. */
export interface Permit extends Decision {
  words?: string
}

export interface PermitOptions {
  /** The group and the project that count outside of all sessions. */
  group?: string
  root?: string
  /** Whether people are asked about what no rule decides; by default as the session was asked for. */
  ask?: boolean
  /** Milliseconds after which nobody's answer is a no. */
  timeout?: number
  /** Closes the question. */
  signal?: AbortSignal
  /** Told of the relay once there is one. */
  onRelay?: (relay: string) => void
}

const KINDS: Readonly<Record<string, ToolKind>> = {
  bash: 'shell',
  read: 'file_read',
  edit: 'file_edit',
  search: 'search',
  fetch: 'web',
  agent: 'sub_agent',
}

/** A call as somebody tells it in the one vocabulary. Throws usage for what is none. */
export function questionOf({ tool, params = {}, tool_kind, tool_id, raw }: Record<string, unknown>): Question {
  if (typeof tool !== 'string' || tool === '') throw usage("stdin has no 'tool', or it is no text")
  if (typeof params !== 'object' || params === null || Array.isArray(params)) throw usage("'params' is no object")
  if (tool_id !== undefined && typeof tool_id !== 'string') throw usage("'tool_id' is no text")
  const kind = TOOL_KINDS.find(kind => kind === (tool_kind ?? (Object.hasOwn(KINDS, tool) ? KINDS[tool] : 'other')))
  if (kind === undefined) throw usage(`no tool_kind ${quoted(String(tool_kind))}: there are ${TOOL_KINDS.join(', ')}`)
  return { tool, tool_kind: kind, params: { ...params }, tool_id, raw }
}

/** Decides about a call; nothing outside of sessions where no rule does and nobody is to be asked. Throws a Fault as askPermission does, 3 for a session that is gone. */
export async function permitCall(question: Question, options: PermitOptions): Promise<Decision | undefined> {
  const who = whose(undefined, options)
  const asking = { log: logOf(who, options), signal: options.signal }
  return who.session || who.ask !== undefined ? askPermission(who, question, asking) : ruled(who, question, asking)
}

/**
 * Decides about a call that a hook was told of before it is done; nothing if that is for the agent's own rules and question. Throws as permitCall
 * does. An edit of a file that the agent has not read as it is now is refused whatever allows it; one that only plans is allowed nothing.
 */
export async function permitHook(hook: HookCall, provider: string, options: PermitOptions): Promise<Permit | undefined> {
  const who = { ...whoseHook(hook, options), provider }
  const log = logOf(who, options)
  const { question } = hook
  const against = forbidden(who, question, { log }) ?? (await staleEdit(hook, who, log))
  if (against) return against
  if (hook.plans || who.session?.flags.plan === true) return undefined
  const asks = who.ask ?? (who.session?.permissions?.ask === true && !asksItself(who))
  if (!asks && who.ask !== false) return ruled(who, question, { log })
  const decision = await askPermission({ ...who, ask: asks }, question, { log, signal: options.signal })
  // Until somebody answered, others went on.
  const late = decision.granted && decision.relay_id !== undefined ? await staleEdit(hook, who, log) : undefined
  return late ?? decision
}

/** Notes what an agent has read or written after it did. Throws a Fault (5) if that cannot be noted. */
export async function noteHook(hook: HookCall, provider: string, options: PermitOptions): Promise<void> {
  if (isFile(hook)) await (await import('./hook-files.js')).noteFile(hook, { ...whoseHook(hook, options), provider })
}

/** A refusal in place of a decision that could not be made: an agent goes on where its hook merely fails. */
export function cannotDecide(error: unknown): Permit {
  const reason = `zag permit cannot decide: ${(error as Error).message}`
  return { granted: false, by: 'deny', reason, words: reason }
}

/** Its rules are those of the project that it was started in: it takes itself out of them by going elsewhere no more than by other ways. */
function whoseHook({ cwd, project }: HookCall, options: PermitOptions): Asker {
  return whose(cwd, { ...options, root: options.root ?? project })
}

function whose(cwd: string | undefined, { group, root, ask, timeout }: PermitOptions): Asker {
  const me = inside()
  checkHome()
  if (!me) {
    const project = projectRoot(realFolder(root ?? cwd ?? '.'))
    const name = group === undefined ? (defaults().group ?? project) : checkName('group', group)
    return { group: name, place: { root: project, cwd: resolve(cwd ?? '.') }, ask, timeout }
  }
  const session = read(me.session)
  if (!session) throw new Fault(`ZAG_SESSION_ID names no session of this home: ${quoted(me.session)}`, EXIT.none)
  const place = { root: rootOfAgent(session), cwd: resolve(cwd ?? '.') }
  // Hooks are the project's, and whether people are asked is the session's: one with --no-ask must not wait for them.
  const own = session.permissions !== undefined && ask !== false
  return { session, group: session.group, place, ask: own ? undefined : ask, timeout }
}

/** An agent that is talked with in the mode in which it asks: its own question says better what has to be asked, and is logged as well. */
function asksItself({ session, provider }: Asker): boolean {
  return session?.provider === provider && session?.permissions?.live === true
}

function logOf({ session }: Asker, { onRelay }: PermitOptions): (...events: NewEvent[]) => void {
  return (...events) => {
    if (session) appendEvents(session.id, session.parent, ...events)
    for (const event of events) if (event.type === 'relay') onRelay?.(event.relay_id)
  }
}

const isFile = ({ question: { tool } }: HookCall) => tool === 'read' || tool === 'edit'

async function staleEdit(hook: HookCall, who: Asker, log: (event: NewEvent) => void): Promise<Permit | undefined> {
  if (hook.question.tool !== 'edit') return undefined
  const reason = await (await import('./hook-files.js')).staleness(hook, who)
  if (reason === undefined) return undefined
  const { tool, tool_id, params } = hook.question
  log({ type: 'permission', tool_id, tool, params, granted: false, by: 'deny', reason })
  return { granted: false, by: 'deny', reason, words: reason }
}
