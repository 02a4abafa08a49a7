// zag's side of the talk with a Claude Code that lives on, by its control protocol: messages of the user on its stdin, and requests
// in both directions, each with an id that its answer bears. What it says of its work is read by claude-reader.ts. Source of the
// format: the program itself (2.1.197).
//
// It asks about what its own rules do not allow. With --auto-approve the answer is yes, to each call for itself, so that the log has
// what was allowed, the user's own prohibitions hold, and root needs no leave to skip the asking. Without it nobody can be asked.

import { oneLine } from './account.js'
import { BEGIN, noConversation } from './claude-reader.js'
import { fieldsOf, type Line, textOf } from './fields.js'
import type { Driver, Task, Wire } from './provider.js'

/** What the model is told when it may not. */
const DENIED = 'This is not allowed here, and nobody can be asked. Do without it, or say what you could not do.'

export function claudeDriver(task: Task, wire: Wire, approves: boolean): Driver {
  return new Talk(task, wire, approves)
}

class Talk implements Driver {
  readonly #task: Task
  readonly #wire: Wire
  readonly #approves: boolean
  #opening: { done(conversation: string | undefined): void; fail(error: Error): void } | undefined

  constructor(task: Task, wire: Wire, approves: boolean) {
    this.#task = task
    this.#wire = wire
    this.#approves = approves
  }

  open(): Promise<string | undefined> {
    return new Promise((done, fail) => {
      this.#opening = { done, fail }
      this.#wire.send({ type: 'control_request', request_id: BEGIN, request: { subtype: 'initialize', hooks: null } })
    })
  }

  prompt(text: string): void {
    // One that begins with `/word` would be taken for a command of its own, and the model never asked.
    const content = [{ type: 'text', text: text.startsWith('/') ? `\n${text}` : text }]
    this.#wire.send({ type: 'user', session_id: '', message: { role: 'user', content }, parent_tool_use_id: null })
  }

  take(line: Line): void {
    if (line.type === 'control_request') this.#answer(textOf(line.request_id), fieldsOf(line.request))
    else if (line.type === 'control_response') this.#begun(fieldsOf(line.response))
    else if (line.type === 'result') this.#ended(line)
  }

  #begun({ subtype, error, request_id }: Line): void {
    // It repeats zag's own answers too.
    if (request_id !== BEGIN) return
    const { resumed, conversation } = this.#task
    if (subtype === 'success') this.#opening?.done(resumed ? conversation : undefined)
    else this.#opening?.fail(new Error(oneLine(textOf(error) ?? `it answered ${subtype}`)))
  }

  /** A result before it was told anything is why it ends, such as a conversation that is not there. */
  #ended({ result, errors }: Line): void {
    const words = textOf(result) ?? (Array.isArray(errors) ? errors.map(String).join('; ') : 'it ended')
    this.#opening?.fail(new Error(noConversation(oneLine(words))))
  }

  #answer(request_id: string | undefined, request: Line): void {
    if (request.subtype !== 'can_use_tool') {
      const error = `${request.subtype} is not done here`
      this.#wire.send({ type: 'control_response', response: { subtype: 'error', request_id, error } })
      return
    }
    const granted = this.#approves
    const response = granted ? { behavior: 'allow', updatedInput: fieldsOf(request.input) } : { behavior: 'deny', message: DENIED }
    this.#wire.log({
      type: 'permission',
      tool: textOf(request.tool_name) ?? 'unknown',
      granted,
      by: granted ? 'auto' : 'deny',
      reason: granted ? '--auto-approve' : this.#whyNot,
    })
    this.#wire.send({ type: 'control_response', response: { subtype: 'success', request_id, response } })
  }

  get #whyNot(): string {
    return this.#task.flags.plan ? '--plan: nothing is done' : 'nobody can be asked: --auto-approve lets it use its tools'
  }
}
