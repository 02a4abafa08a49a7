// A message to one session, and its answer.

import { EXIT, Fault, usage } from '../base/exit.js'
import { inside } from '../base/paths.js'
import { compose, type Said, send } from '../run/send.js'
import { settle } from '../run/settle.js'
import { waitFor } from '../run/wait.js'
import { isBareEnd } from '../session/inbox.js'
import { errorOf } from '../session/row.js'
import type { Status } from '../session/state.js'
import { read } from '../table/sessions.js'
import { type Answer, answerTo } from './answer.js'

export interface InputOptions {
  /** Do not wait for the answer. */
  background: boolean
  /** Milliseconds after which to give up waiting. */
  timeout?: number
}

/** What came of it; without waiting that is only that it was sent. */
export type Reply = Answer | Pick<Answer, 'session_id' | 'message_id' | 'success' | 'status' | 'error' | 'result'>

/**
 * Sends a message to the one session among `ids` and waits for the answer, and with `end` for the end of the session; nothing if
 * that is not there in time. Throws as send does, 3 if there is more than one, and usage for who waits for itself.
 */
export async function input(ids: readonly string[], said: Said, { background, timeout }: InputOptions): Promise<Reply | undefined> {
  const id = theOne(ids)
  if (!background) notItself(id, ': give -b')
  const deadline = timeout === undefined ? undefined : Date.now() + timeout
  const left = () => (deadline === undefined ? undefined : Math.max(0, deadline - Date.now()))
  const message = compose(said)
  const sent = await send(id, message)
  if (background) return { session_id: id, message_id: message.id, success: true, status: 'sent' }
  if (!isBareEnd(message)) {
    const answer = await answerTo(id, message.id, left())
    if (!answer || !said.end) return answer
    return (await isOver(id, left())) ? answer : undefined
  }
  const status = sent ? await isOver(id, left()) : await settle(id)
  return status && ended(status, message.id)
}

/** The only session of those that were named. Throws a Fault (3) if there are more. */
export function theOne(ids: readonly string[]): string {
  const [id] = ids
  if (id === undefined || ids.length > 1) throw new Fault(`${ids.length} sessions fit: zag broadcast sends to several`, EXIT.none)
  return id
}

/** Throws usage, with a way out, if this is inside of the session whose answer is to be waited for. */
export function notItself(id: string, instead = ''): void {
  if (inside()?.session === id) throw usage(`this is inside of that session, which cannot answer while it waits${instead}`)
}

async function isOver(id: string, timeout: number | undefined): Promise<Status | undefined> {
  return (await waitFor([id], { timeout })).ended[0]
}

function ended(status: Status, message_id: string): Reply {
  const { id: session_id, state } = status
  return {
    session_id,
    message_id,
    success: state === 'completed',
    status: state,
    error: errorOf(status),
    name: read(session_id)?.name ?? null,
  }
}
