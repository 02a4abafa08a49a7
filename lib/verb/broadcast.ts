// One message to many sessions at once. One that cannot be sent to does not keep the others from getting it.

import { Fault } from '../base/exit.js'
import { newId } from '../base/id.js'
import { inside } from '../base/paths.js'
import { send } from '../run/send.js'
import type { Message } from '../session/inbox.js'
import { type Answer, answerTo } from './answer.js'

/** So many are sent to at once; all are waited for at once. */
const AT_ONCE = 8

export interface BroadcastOptions {
  /** Do not wait for answers. */
  background: boolean
  /** Milliseconds after which to give up waiting. */
  timeout?: number
  /** Called for each session that the message is on its way to. */
  onSent?(id: string, message: string): void
  /** Called for each answer, as it comes. */
  onAnswer?(answer: Answer): void
}

export interface Outcome {
  /** Why some could not be sent to, or were removed before they answered. */
  failed: Fault[]
  /** How many had not answered in time. */
  late: number
}

/** The sessions without the one that this process is in: a message of its own would be an answer to it. */
export function others(ids: readonly string[]): string[] {
  const own = inside()?.session
  return ids.filter(id => id !== own)
}

/** Sends a message to each of the sessions and waits for the answers. */
export async function broadcast(ids: readonly string[], message: Message, options: BroadcastOptions): Promise<Outcome> {
  const { background, timeout, onSent, onAnswer } = options
  const deadline = timeout === undefined ? undefined : Date.now() + timeout
  const outcome: Outcome = { failed: [], late: 0 }
  const waits: Promise<void>[] = []
  const guarded = async (work: Promise<void>) => {
    try {
      await work
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      outcome.failed.push(error)
    }
  }
  const wait = async (id: string, own: string) => {
    const answer = await answerTo(id, own, deadline === undefined ? undefined : Math.max(0, deadline - Date.now()))
    if (answer) onAnswer?.(answer)
    else outcome.late += 1
  }
  const sendOne = async (id: string) => {
    const own = newId()
    await send(id, { ...message, id: own })
    onSent?.(id, own)
    if (!background) waits.push(guarded(wait(id, own)))
  }
  const left = [...ids]
  const work = async () => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) await guarded(sendOne(id))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  await Promise.all(waits)
  return outcome
}
