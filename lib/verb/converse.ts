// A prompt to a session that is there already, in the foreground: the events of the turn that it becomes, then what that came to.
//
// The session is supervised by its own runner, as for any message. Whoever asked may be stopped: then what is at work on the prompt is
// ended, and a prompt that was not delivered yet is taken back.

import { EXIT, Fault } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { loadConfig } from '../config/config.js'
import type { LogEvent } from '../log/events.js'
import { endOfLog, readEvents } from '../log/read.js'
import { providerOf } from '../provider/list.js'
import { askForJson } from '../run/ask.js'
import { cancel } from '../run/cancel.js'
import { follow } from '../run/follow.js'
import { type Answer as Came, endOf, exitOf } from '../run/foreground.js'
import { compose, send } from '../run/send.js'
import { settle } from '../run/settle.js'
import { onStop } from '../run/signals.js'
import { type Message, takeBack } from '../session/inbox.js'
import { rowOf } from '../session/row.js'
import { statusOf } from '../session/state.js'
import { lastTurn } from '../session/turns.js'
import { read } from '../table/sessions.js'
import { type Answer, answerTo } from './answer.js'
import { notItself, theOne } from './input.js'
import { isOfTurn, Portion } from './portion.js'

/** What a session is asked for once more. */
export interface Prompted {
  prompt: string | Buffer
  files: string[]
  /** The answer has to be JSON. */
  answerJson: boolean
}

/**
 * Sends a prompt to the one session among `ids` and gives each event of its turn as it is logged. Throws as send does, 3 if there is
 * more than one session, and usage for who waits for itself.
 */
export async function converse(ids: readonly string[], asked: Prompted, onEvent: (event: LogEvent) => void): Promise<Came> {
  const id = theOne(ids)
  notItself(id)
  const message = compose({ content: await contentOf(id, asked), by: 'input', raw: false, files: asked.files })
  const { over, state } = await settle(id)
  const limit = state === 'limited' ? limitOf(id) : undefined
  const after = endOfLog(id)
  // It waits for that as well.
  if (limit) onEvent(limit)
  const portion = new Portion(id, message.id)
  const talk = new Talk(id, message, over, portion)
  const signalled = onStop(talk, { hangUp: true })
  // Before that a session that has ended is over.
  await talk.sent
  const answer = await endOf(talk, portion.of(follow(id, { after, until: talk.through })), onEvent)
  const exit = answer?.success ? EXIT.ok : (signalled() ?? exitOf(answer ?? {}))
  return { row: { ...rowWith(id, answer), ...portion.sums() }, result: answer?.result, exit }
}

/** The limit that it waits for the end of. */
function limitOf(id: string): LogEvent | undefined {
  let limit: LogEvent | undefined
  const take = (event: LogEvent) => {
    limit = event
    return true
  }
  readEvents(id, take, { types: ['usage_limit_hit'] })
  return limit
}

async function contentOf(id: string, { prompt, answerJson }: Prompted): Promise<Buffer> {
  const session = read(id)
  if (!session) throw new Fault(`session ${id} was removed`, EXIT.none)
  const reads = answerJson && (await providerOf(session.provider, await loadConfig(session.root))).prompt === 'text'
  return Buffer.concat([Buffer.from(prompt), Buffer.from(reads ? askForJson({ answerJson }) : '')])
}

/** The row of the session, with what became of the prompt in place of what became of the session since. */
function rowWith(id: string, answer: Answer | undefined): Came['row'] {
  const { signal: _, ...row } = rowOf(statusOf(id))
  const log_path = paths.inSession(id, 'log.ndjson')
  if (!answer) return { ...row, error: 'its prompt was taken back before it got to it', log_path }
  const { status, error = null, reason, exit_code } = answer
  return { ...row, status, error, reason, exit_code, log_path }
}

/** A prompt on its way to its answer; nothing if it was taken back. */
class Talk {
  readonly ended: Promise<Answer | undefined>
  /** The prompt is on its way, or could not be sent, which `ended` tells. */
  readonly sent: Promise<void>
  readonly #id: string
  readonly #message: Message
  /** The session works for this prompt alone. */
  readonly #alone: boolean
  readonly #answered = new AbortController()
  readonly #stopped = new AbortController()
  #isSent = false
  #stop: { reason: string; grace: number } | undefined
  #cancelled: Promise<unknown> = Promise.resolve()

  constructor(id: string, message: Message, alone: boolean, portion: Portion) {
    this.#id = id
    this.#message = message
    this.#alone = alone
    const sending = send(id, message)
    this.sent = sending.then(
      () => {},
      () => {},
    )
    this.ended = this.#go(sending, portion)
    // Also of one that could not be had, nobody waits for more events.
    this.ended.finally(() => this.#answered.abort()).catch(() => {})
  }

  /** Aborted when no more of its events will come. */
  get through(): AbortSignal {
    return this.#answered.signal
  }

  look(): boolean {
    return false
  }

  cancel(reason: string, grace: number): void {
    this.#stop = { reason, grace }
    if (this.#isSent) this.#end(this.#stop)
  }

  /** Ends what works on the prompt; one that was not delivered to a session with other work is taken back. */
  #end(stop: { reason: string; grace: number }): void {
    if (!this.#alone) takeBack(this.#id, this.#message.id)
    if (!this.#alone && !isDelivered(this.#id, this.#message.id)) this.#stopped.abort()
    else {
      this.#cancelled = cancel(this.#id, stop)
      // Told where its end is waited for.
      this.#cancelled.catch(() => {})
    }
  }

  async #go(sending: Promise<unknown>, portion: Portion): Promise<Answer | undefined> {
    await sending
    this.#isSent = true
    if (this.#stop) this.#end(this.#stop)
    const answer = await answerTo(this.#id, this.#message.id, undefined, this.#stopped.signal)
    await this.#cancelled
    // What was cancelled before it began must not be said to it with the next message.
    if (answer?.turn === undefined) takeBack(this.#id, this.#message.id)
    else await portion.has(answer.turn)
    return answer
  }
}

function isDelivered(id: string, message: string): boolean {
  for (let turn = lastTurn(id); turn > 1; turn--) if (isOfTurn(id, turn, message)) return true
  return false
}
