// zag's side of the talk with a Claude Code that lives on, by its control protocol: messages of the user on its stdin, and requests
// in both directions, each with an id that its answer bears. What it says of its work is read by claude-reader.ts. Source of the
// format: the program itself (2.1.197).
//
// It asks about what its own rules do not allow. A yes is for one call, never for those to come, so that the log has what was allowed and
// the user's own prohibitions hold, and root needs no leave to skip the asking. A no is told to the model with its reason, and the turn
// goes on.

import { wordOf } from '../base/word.js'
import { oneLine } from './account.js'
import { refusal } from './calls.js'
import { claudeQuestion } from './claude-calls.js'
import { BEGIN, noConversation } from './claude-reader.js'
import { fieldsOf, type Line, textOf } from './fields.js'
import type { Driver, Task, Wire } from './provider.js'

export function claudeDriver(task: Task, wire: Wire): Driver {
  return new Talk(task, wire)
}

class Talk implements Driver {
  readonly #task: Task
  readonly #wire: Wire
  /** What it asked and has no answer to, by the id of the request. */
  readonly #asked = new Map<unknown, AbortController>()
  #opening: { done(conversation: string | undefined): void; fail(error: Error): void } | undefined

  constructor(task: Task, wire: Wire) {
    this.#task = task
    this.#wire = wire
  }

  open(): Promise<string | undefined> {
    return new Promise((done, fail) => {
      this.#opening = { done, fail }
      this.#wire.send({ type: 'control_request', request_id: BEGIN, request: { subtype: 'initialize', hooks: this.#hooks } })
    })
  }

  /** What its own rules allow it does without asking; with this it says so first, and what rules here forbid is refused. */
  get #hooks(): Line | null {
    return this.#task.decided ? { PreToolUse: [{ matcher: '', hookCallbackIds: ['before'] }] } : null
  }

  prompt(text: string): void {
    // One that begins with `/word` would be taken for a command of its own, and the model never asked.
    const content = [{ type: 'text', text: text.startsWith('/') ? `\n${text}` : text }]
    this.#wire.send({ type: 'user', session_id: '', message: { role: 'user', content }, parent_tool_use_id: null })
  }

  take(line: Line): void {
    if (line.type === 'control_request') this.#answer(textOf(line.request_id), fieldsOf(line.request))
    else if (line.type === 'control_cancel_request') this.#asked.get(line.request_id)?.abort()
    else if (line.type === 'control_response') this.#begun(fieldsOf(line.response))
    else if (line.type === 'result') this.#ended(line)
  }

  #begun({ subtype, error, request_id }: Line): void {
    // It repeats zag's own answers too.
    if (request_id !== BEGIN) return
    const { resumed, conversation } = this.#task
    if (subtype === 'success') this.#opening?.done(resumed ? conversation : undefined)
    else this.#opening?.fail(new Error(oneLine(textOf(error) ?? `it answered ${wordOf(subtype)}`)))
  }

  /** A result before it was told anything is why it ends, such as a conversation that is not there. */
  #ended({ result, errors }: Line): void {
    const words = textOf(result) ?? (Array.isArray(errors) ? errors.map(String).join('; ') : 'it ended')
    this.#opening?.fail(new Error(noConversation(oneLine(words))))
  }

  #answer(request_id: string | undefined, request: Line): void {
    if (request.subtype === 'hook_callback') {
      this.#answered(request_id, this.#beforehand(fieldsOf(request.input)))
      return
    }
    if (request.subtype !== 'can_use_tool') {
      const error = `${request.subtype} is not done here`
      this.#wire.send({ type: 'control_response', response: { subtype: 'error', request_id, error } })
      return
    }
    this.#decide(request_id, request)
  }

  async #decide(request_id: string | undefined, request: Line): Promise<void> {
    const asked = new AbortController()
    this.#asked.set(request_id, asked)
    const decision = await this.#wire.ask(claudeQuestion(request), asked.signal)
    this.#asked.delete(request_id)
    const response = decision.granted
      ? { behavior: 'allow', updatedInput: fieldsOf(request.input) }
      : { behavior: 'deny', message: refusal(decision) }
    this.#answered(request_id, response)
  }

  /** What is said before a call, also one that it will ask about: nothing, unless a rule is against it. */
  #beforehand(input: Line): Line {
    const against = this.#wire.forbids(claudeQuestion({ ...input, input: input.tool_input }))
    if (!against) return {}
    const permissionDecisionReason = refusal(against)
    return { hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'deny', permissionDecisionReason } }
  }

  #answered(request_id: string | undefined, response: Line): void {
    this.#wire.send({ type: 'control_response', response: { subtype: 'success', request_id, response } })
  }
}
