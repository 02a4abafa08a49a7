// GitHub Copilot CLI as an agent that lives on: `copilot --acp`, which speaks the Agent Client Protocol.
//
// What goes wrong it says as if it was its answer, in a message that begins with a word of its own; that it tries again is said
// before, in the same message. What it tells of tokens is the sum over the conversation, so a turn has what that grew by.
//
// Where any agent can be run, as `-p acp`, it is known by the name that it gives itself when the talk begins.

import { parseLine } from '../store/lines.js'
import { oneLine } from './account.js'
import { type AcpWords, acpReader, type UsageFields, usageIn } from './acp-reader.js'
import { acpDriver } from './acp-talk.js'
import type { Line } from './fields.js'
import { fieldsOf } from './fields.js'
import type { Live, Past } from './provider.js'

const WORDS: AcpWords = { usage: usageOf, failure: failureIn }

/** What it says in a way of its own; nothing of another agent. */
export function wordsOfCopilot(past: Past): AcpWords | undefined {
  let name: unknown
  past.line(bytes => {
    const about = bytes.includes('"agentInfo"') ? fieldsOf(parseLine(bytes)?.result) : {}
    if (about.protocolVersion !== undefined) name = fieldsOf(about.agentInfo).name
    return about.protocolVersion !== undefined
  })
  return name === 'Copilot' ? WORDS : undefined
}

/** How it is run; `start` gives its words but for what makes it speak the protocol. */
export function copilotLive(start: Live['start']): Live {
  return { start, reader: past => acpReader(past, WORDS), driver: (task, wire) => acpDriver(task, wire, { modelByArgv: true }) }
}

/** That it tries again, as often as it did. */
const RETRIES = /^(?:Info: (?:(?!Retrying\.\.\.)[^\n])*Retrying\.\.\.)+/

function failureIn(text: string): ReturnType<NonNullable<AcpWords['failure']>> {
  const [, error] = /^(?:Error|Info): (.*)/s.exec(text.replace(RETRIES, '') || text) ?? []
  if (error === undefined) return undefined
  const message = oneLine(error)
  return /^429\b|rate limit|usage limit|quota/i.test(message) ? { error: message, limit: { message } } : { error: message }
}

/** What the sum grew by since the turn before of the same process. */
function usageOf({ usage }: Line, past: Past): UsageFields | undefined {
  const now = usageIn(fieldsOf(usage))
  if (!now) return undefined
  const before = sumBefore(past)
  const grown = Object.entries(now).map(([key, count = 0]) => [key, Math.max(0, count - (before[key as keyof UsageFields] ?? 0))])
  return Object.fromEntries(grown)
}

function sumBefore(past: Past): UsageFields {
  let sum: UsageFields | undefined
  past.line(bytes => {
    if (bytes.includes('"stopReason"') && bytes.includes('"usage"')) sum = usageIn(fieldsOf(fieldsOf(parseLine(bytes)?.result).usage))
    return sum !== undefined
  })
  return sum ?? {}
}
