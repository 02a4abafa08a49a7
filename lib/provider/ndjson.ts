// Output that is one JSON object a line in the form of zag-log(5): any program can so report text, tools and usage.
// Lines that are no event of ours are kept as provider_status, so nothing the program said is lost.

import { wordOf } from '../base/word.js'
import { EVENT_TYPES, type NewEvent } from '../log/events.js'
import { parseLine } from '../store/lines.js'
import { isConversation } from './fields.js'
import type { Reader } from './provider.js'
import { byExit } from './text.js'

/** Kinds a program may report; the others are zag's own account of what happened. */
const OURS: ReadonlySet<string> = new Set([
  'session_started',
  'session_ended',
  'stderr',
  'user_message',
  'parse_warning',
  'relay',
  'permission',
])
const KNOWN: ReadonlySet<string> = new Set(EVENT_TYPES.filter(type => !OURS.has(type)))
/** The field without which an event of the kind says nothing. */
const NEEDS: Record<string, string> = {
  assistant_message: 'content',
  reasoning: 'content',
  session_result: 'result',
  tool_call: 'tool',
  tool_result: 'tool',
}

/** The reader of a program that prints events. Its result is its last session_result, else its last assistant_message;
 * a session_id in any of its lines is its own id of the conversation, and the last one counts. */
export function ndjsonReader(): Reader {
  let last: string | undefined
  let handed: string | undefined
  let conversation: string | undefined
  const eventOf = (line: Buffer): NewEvent => {
    const object = parseLine(line)
    const type = object?.type
    if (isConversation(object?.session_id)) conversation = object.session_id
    const needed = NEEDS[wordOf(type)]
    if (!object || !KNOWN.has(wordOf(type)) || (needed && typeof object[needed] !== 'string')) {
      return {
        type: 'provider_status',
        message: object ? 'not an event' : 'not JSON',
        raw: String(line),
      }
    }
    const { ts, session_id, parent_id, seq, offset, spilled, ...event } = object
    if (type === 'assistant_message') last = String(event.content)
    if (type === 'session_result') handed = String(event.result)
    return event as unknown as NewEvent
  }
  return {
    each: true,
    out: lines => lines.filter(line => line.length > 0).map(eventOf),
    verdict: exit => ({ ...byExit(exit), result: handed ?? last, conversation }),
  }
}
