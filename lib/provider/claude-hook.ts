// Hooks of Claude Code: what it tells a hook on stdin, what a hook may answer, and which of its tools are worth one. Source of the
// format: the program itself (2.1.197) and its manual on hooks.
//
// A hook that prints nothing has no opinion: then the agent's own rules, and its own question, decide.

import type { Decision, Question } from '../permission/call.js'
import { callIn, refusal } from './calls.js'
import { CLAUDE } from './claude-calls.js'
import { fieldsOf, type Line, textOf } from './fields.js'

/** A call of a tool, before or after it is done. */
export interface HookCall {
  when: 'before' | 'after'
  question: Question
  /** The agent's own id of the conversation. */
  conversation?: string
  /** The folder the agent is in. */
  cwd?: string
  /** The folder it was started in: the other one is where its commands went. */
  project?: string
  /** It only makes a plan: an allowance would let it act. */
  plans: boolean
  /** The lines of a file that it was shown, after it read one that is text. */
  shown?: Shown
}

/** Lines of a file, from the `start`th on, counted from 1. */
export interface Shown {
  text: string
  start: number
}

const EVENTS = new Map<unknown, HookCall['when']>([
  ['PreToolUse', 'before'],
  ['PostToolUse', 'after'],
])

/** What a hook was called for; nothing for an event that is no call of a tool. Throws an Error for what no hook is told. */
export function claudeHook(told: Line, env: NodeJS.ProcessEnv = process.env): HookCall | undefined {
  const { hook_event_name, tool_name, tool_input, tool_use_id, tool_response, session_id, cwd, permission_mode } = told
  if (textOf(hook_event_name) === undefined) throw new Error("no 'hook_event_name'")
  const when = EVENTS.get(hook_event_name)
  if (when === undefined) return undefined
  const tool = textOf(tool_name)
  if (tool === undefined) throw new Error("no 'tool_name'")
  const question = { ...callIn(CLAUDE, tool, fieldsOf(tool_input)), tool_id: textOf(tool_use_id), raw: { tool_name, input: tool_input } }
  return {
    when,
    question,
    conversation: textOf(session_id),
    cwd: textOf(cwd),
    project: textOf(env.CLAUDE_PROJECT_DIR),
    plans: permission_mode === 'plan',
    shown: shownIn(fieldsOf(tool_response)),
  }
}

function shownIn({ type, file }: Line): Shown | undefined {
  const { content, startLine } = fieldsOf(file)
  if (type !== 'text' || typeof content !== 'string' || typeof startLine !== 'number') return undefined
  return { text: content, start: Math.max(1, startLine) }
}

/** What it is told of a decision; `words` are for the agent in place of those for any refusal. */
export function claudeAnswer(decision: Decision & { words?: string }): object {
  const { granted, reason, words = refusal(decision) } = decision
  return {
    hookSpecificOutput: {
      hookEventName: 'PreToolUse',
      permissionDecision: granted ? 'allow' : 'deny',
      permissionDecisionReason: granted ? reason : words,
    },
  }
}

/** A hook in its settings. */
export interface HookEntry {
  event: 'PreToolUse' | 'PostToolUse'
  /** Names of tools with a bar between, or a pattern. */
  matcher: string
  /** Whether its calls change something or reach out, so that people may be asked about them. */
  acts: boolean
}

/** The hooks that its settings need: before all that acts and all that looks, and after what reads or writes files. */
export function claudeHooks(): HookEntry[] {
  const calls = Object.keys(CLAUDE).map(name => ({ name, ...callIn(CLAUDE, name, {}) }))
  const named = (fits: (call: { tool: string; tool_kind: string }) => boolean) =>
    calls
      .filter(fits)
      .map(({ name }) => name)
      .join('|')
  const acts = ({ tool_kind }: { tool_kind: string }) => ['shell', 'file_edit', 'web'].includes(tool_kind)
  return [
    { event: 'PreToolUse', matcher: named(acts), acts: true },
    { event: 'PreToolUse', matcher: 'mcp__.*', acts: true },
    { event: 'PreToolUse', matcher: named(call => !acts(call)), acts: false },
    { event: 'PostToolUse', matcher: named(({ tool }) => tool === 'read' || tool === 'edit'), acts: false },
  ]
}
