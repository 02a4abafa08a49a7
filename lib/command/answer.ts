// How a session that ran in the foreground is printed: exec and pipe do it alike.

import { EXIT, Fault, quoted } from '../base/exit.js'
import { unfenced } from '../base/fence.js'
import { startExits } from './ask.js'
import type { Flags } from './data.js'
import { clean } from './event.js'
import type { Output, Talk } from './output.js'

export const answerFlags = {
  output: {
    type: 'choice',
    short: 'o',
    choices: ['text', 'json', 'json-pretty', 'stream-json'],
    default: 'text',
    does: 'what to print: the result, a row with it, or each event as it happens',
  },
  json: { type: 'boolean', does: 'ask for JSON and print just that, on one line' },
} as const satisfies Flags

/** What a session that runs in the foreground can come to. */
export const answerExits = {
  ...startExits,
  [EXIT.ok]: 'completed',
  [EXIT.no]: 'it failed, was cancelled, or its answer is no JSON where --json asks for it',
  [EXIT.timeout]: 'its --timeout ran out',
  [EXIT.hungUp]: 'ended by SIGHUP',
  [EXIT.interrupted]: 'ended by SIGINT',
  [EXIT.terminated]: 'ended by SIGTERM',
} as const

export type Form = 'text' | 'json' | 'json-pretty' | 'stream-json'

interface Answered {
  row: { session_id: string; status: string; error: string | null }
  result: Buffer | undefined
  exit: number
}

/** Prints what an event is worth while the session runs: with stream-json all of it, else what the agent says on stderr. */
export function printEvent(event: { type: string; message?: unknown }, form: Form, out: Output, err: Talk): void {
  if (form === 'stream-json') {
    out.value(event)
    // At once, so that the caller is told where it happens that nobody reads any more, and can end the agent.
    out.flush()
  } else if (event.type === 'stderr' && form === 'text') err.text(`${err.isTerminal ? clean(event.message) : String(event.message)}\n`)
}

/** Prints what the session came to and returns the exit code. Throws a Fault (1) if JSON was asked for and is not there. */
export function printAnswer({ row, result, exit }: Answered, form: Form, json: boolean, out: Output, err: Talk): number {
  if (form === 'json' || form === 'json-pretty')
    out.line(JSON.stringify({ ...row, result: result?.toString() }, null, form === 'json' ? 0 : 2))
  else if (form === 'text' && json && exit === EXIT.ok) out.line(jsonIn(result?.toString() ?? ''))
  else if (form === 'text' && result && !json) out.text(endedLine(result, out))
  if (exit !== EXIT.ok) err.complain(`session ${row.session_id} ${row.status}${row.error ? `: ${row.error}` : ''}`)
  return exit
}

/** A result as it is, on a terminal with its last line ended. */
export function endedLine(result: Buffer, out: Output): Buffer {
  return out.isTerminal && result.at(-1) !== 10 ? Buffer.concat([result, Buffer.from('\n')]) : result
}

/** The JSON value that a text is, without a code fence around it, on one line. */
function jsonIn(text: string): string {
  try {
    return JSON.stringify(JSON.parse(unfenced(text)))
  } catch (error) {
    throw new Fault(`the answer is no JSON: ${quoted(text.trim())}`, EXIT.no, { cause: error })
  }
}
