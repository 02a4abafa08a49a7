// What a hook is answered, in the format that it was asked in: the value to print, if any, and the exit code.
//
// An agent goes on where its hook merely fails, so what the system refuses is a refusal of the call. What was told wrongly is a Fault
// 2, which Claude Code takes for one.

import { EXIT, Fault, usage } from '../base/exit.js'
import { claudeAnswer, claudeHook, type HookCall } from '../provider/claude-hook.js'
import { cannotDecide, noteHook, type Permit, type PermitOptions, permitCall, permitHook, questionOf } from './permit.js'

/** `json` is the one vocabulary, with exit codes; `claude-hook` the protocol of Claude Code. */
export type HookFormat = 'json' | 'claude-hook'

type Told = Record<string, unknown>

interface Answer {
  line?: object
  code: number
}

/** Decides about the call that was told. Throws usage for what is none; with json also what permitCall throws. */
export function hookAnswer(format: HookFormat, told: Told, options: PermitOptions): Promise<Answer> {
  return format === 'json' ? toJson(told, options) : toClaude(told, options)
}

async function toJson(told: Told, options: PermitOptions): Promise<Answer> {
  const decision = await permitCall(questionOf(told), options)
  if (!decision) return { line: { decision: 'ask' }, code: EXIT.no }
  const { granted, by, rule, reason, relay_id } = decision
  return { line: { decision: granted ? 'allow' : 'deny', by, rule, reason, relay_id }, code: granted ? EXIT.ok : EXIT.no }
}

async function toClaude(told: Told, options: PermitOptions): Promise<Answer> {
  const hook = hookOf(told)
  if (hook?.when === 'after') await noteHook(hook, 'claude', options)
  if (hook?.when !== 'before') return { code: EXIT.ok }
  let decision: Permit | undefined
  try {
    decision = await permitHook(hook, 'claude', options)
  } catch (error) {
    if (!(error instanceof Fault) || error.exit === EXIT.usage) throw error
    decision = cannotDecide(error)
  }
  return { line: decision && claudeAnswer(decision), code: EXIT.ok }
}

function hookOf(told: Told): HookCall | undefined {
  try {
    return claudeHook(told)
  } catch (error) {
    throw usage(`stdin is no hook of Claude Code: ${(error as Error).message}`)
  }
}
