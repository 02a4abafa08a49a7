// The conversation of a session with its agent, for the turns after the first: the agent's own id of it, where the agent told
// one; else, for agents that cannot go on with a conversation, all that was said so far, fenced, before the new message.

import { isDeepStrictEqual } from 'node:util'
import { Fault } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { readEvents } from '../log/read.js'
import { appendEvents } from '../log/write.js'
import { CONTEXT_BYTES, limited } from '../session/context.js'
import { ABOUT_ESCAPES, block } from '../session/fence.js'
import { begunOf, lastTurn } from '../session/turns.js'
import { lastLine, parseLine } from '../store/lines.js'
import { type Session, update } from '../table/sessions.js'

/** The most of a conversation that goes before a message, in characters; the oldest of it is left out, and that is said. */
const LONGEST = 512 * 1024

/** Keeps the agent's own id of the conversation, if it told one; gives the session as it is then. */
export async function keepConversation(session: Session, told: string | undefined): Promise<Session> {
  if (told === undefined || told === session.native_id) return session
  try {
    return await update(session.id, before => ({ ...before, native_id: told }))
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    // The turn is as good without; the next one may have to begin anew, and this says why.
    appendEvents(session.id, session.parent, {
      type: 'provider_status',
      message: `its conversation ${told} was not kept: ${error.message}`,
    })
    return session
  }
}

/** Whether the agent was told anything before this turn. */
export function hasBegun({ id, native_id }: Session, turn: number): boolean {
  // Also in one that was held without zag.
  if (native_id !== undefined) return true
  for (let before = Math.min(turn, lastTurn(id) + 1) - 1; before > 0; before--) if (begunOf(id, before)) return true
  const started = lastLine(paths.inSession(id, 'log.ndjson'), line => line.indexOf(STARTED) === 0 && parseLine(line)?.pid !== undefined)
  return started !== undefined
}

const STARTED = '{"type":"session_started"'

interface Part {
  role: 'user' | 'assistant'
  from?: string
  text: string
}

/** All that was said so far, a block each, oldest first, with a word before them on what they are; empty if nothing was. */
export function transcript({ id, flags }: Session): string {
  const limit = typeof flags.contextBytes === 'number' ? flags.contextBytes : CONTEXT_BYTES
  const log = paths.inSession(id, 'log.ndjson')
  const blocks = partsOf(id).map(({ role, from, text }) =>
    block(
      'conversation-message',
      [
        ['role', role],
        ['from', from],
      ],
      limited(text, limit, log),
    ),
  )
  if (blocks.length === 0) return ''
  let first = blocks.length
  for (let room = LONGEST; first > 0 && room > 0; room -= blocks[first]?.length ?? 0) first -= 1
  const left = first === 0 ? '' : `[... ${first} earlier messages left out; all are in ${log} ...]\n\n`
  return `${PREFACE}\n\n${left}${blocks.slice(first).join('\n\n')}\n\n${AFTER}\n\n`
}

const PREFACE = `The conversation so far follows, one block a message, oldest first. What you said has the role "assistant". ${ABOUT_ESCAPES}`
const AFTER = 'The new message follows.'

/** What was said, with what the agent said in one go as one. */
function partsOf(id: string): Part[] {
  const parts: Part[] = []
  readEvents(
    id,
    event => {
      const last = parts.at(-1)
      if (event.type === 'user_message') {
        const part: Part = { role: 'user', from: event.from, text: event.content }
        // An agent that could not begin is told the same once more.
        if (!isDeepStrictEqual(part, last)) parts.push(part)
      } else if (event.type !== 'assistant_message') return true
      else if (last?.role === 'assistant') last.text += `\n${event.content}`
      else parts.push({ role: 'assistant', text: event.content })
      return true
    },
    { types: ['user_message', 'assistant_message'] },
  )
  return parts
}
