// The prompt of a later turn, made from the messages that were delivered to it. A script is what was sent and nothing else;
// an agent that reads text is told who sent a message from inside a session, and what was said so far if it cannot go on
// with a conversation of its own.

import { EXIT, Fault } from '../base/exit.js'
import { isId } from '../base/id.js'
import { checkAsked } from '../provider/asked.js'
import type { Provider } from '../provider/provider.js'
import { ABOUT_ESCAPES, block } from '../session/fence.js'
import { bytesOf, type Message } from '../session/inbox.js'
import { begunOf, messagesOf, promptFile } from '../session/turns.js'
import { replaceFile, sizeIfThere } from '../store/file.js'
import { exists, type Session } from '../table/sessions.js'
import { attached } from './attach.js'
import { hasBegun, transcript } from './conversation.js'
import { isLive } from './turn-output.js'

const BETWEEN = Buffer.from('\n\n')

/** Writes the prompt of a turn from its messages; that of the first is there already, and a turn tried again keeps what it had. Throws usage if the provider cannot take it. */
export function writePrompt(session: Session, provider: Provider, turn: number): void {
  const { id, model } = session
  const path = promptFile(id, turn)
  if (turn === 1 || (begunOf(id, turn) && sizeIfThere(path) !== undefined)) return
  const messages = messagesOf(id, turn)
  if (messages.length === 0) throw new Fault(`turn ${turn} of session ${id} has no message`, EXIT.system)
  const before = canGoOn(session, provider) || !hasBegun(session, turn) ? '' : transcript(session)
  const prompt = Buffer.concat([Buffer.from(before), promptOf(provider, messages)])
  checkAsked(provider, { model, prompt, flags: session.flags })
  replaceFile(path, prompt)
}

/** Whether the agent knows what was said before. One that was killed before it told its id of the conversation cannot be led back into it. */
function canGoOn(session: Session, provider: Provider): boolean {
  const isKnown = session.native_id !== undefined || (provider.ownConversation === true && !isLive(session, provider))
  return provider.prompt === 'script' || (provider.can.has('resume') && isKnown)
}

/** What messages come to as a prompt, without what was said before them. */
export function promptOf(provider: Provider, messages: readonly Message[]): Buffer {
  if (provider.prompt === 'script') return joined(messages.map(bytesOf))
  const escapes = messages.some(isWrapped) ? [Buffer.from(ABOUT_MESSAGES)] : []
  const files = messages.flatMap(({ files = [] }) => files)
  const said = messages.map(message => (isWrapped(message) ? Buffer.from(envelope(message)) : bytesOf(message)))
  return joined([...escapes, ...said, ...attached(provider, files)])
}

function joined(parts: Buffer[]): Buffer {
  return Buffer.concat(parts.flatMap((part, at) => (at === 0 ? [part] : [BETWEEN, part])))
}

/** A message from inside a session is wrapped, unless it was sent bare. */
function isWrapped({ raw, from }: Message): boolean {
  return !raw && isId(from)
}

const ABOUT_MESSAGES = `A message from another session follows, in a block that says who sent it and how to reply. ${ABOUT_ESCAPES}`

/** A message with who sent it and how to reply. */
function envelope(message: Message): string {
  const { from, name } = message
  const reply = exists(from) ? `zag input --session ${from} -b -` : undefined
  return block(
    'session-message',
    [
      ['from', from],
      ['name', name],
      ['reply', reply],
    ],
    String(bytesOf(message)),
  )
}
