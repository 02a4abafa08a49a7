// How a session that runs in the foreground is printed: exec and pipe do it alike.
//
// On a terminal the text is there as the agent says it; the result follows only where it is not what was said last. Anywhere else
// the result alone is printed, byte for byte, when the session is over.

import { EXIT, Fault, quoted } from '../base/exit.js'
import { unfenced } from '../base/fence.js'
import { formatDuration } from '../base/time.js'
import { startExits } from './ask.js'
import type { Flags } from './data.js'
import { clean, moment, usageText } from './event.js'
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
  showUsage: { type: 'boolean', does: 'then say on stderr how many tokens it took, what they cost and how long' },
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

interface Asked {
  output: Form
  json: boolean
  showUsage: boolean
}

interface Answered {
  row: { session_id: string; status: string; error: string | null } & Parameters<typeof usageText>[0]
  result: Buffer | undefined
  exit: number
}

/** An event as far as it is printed here. */
interface Shown {
  type: string
  ts?: string
  content?: unknown
  message?: unknown
  error?: unknown
  resume_at?: unknown
}

/** Prints one session: its events as they come, then what it came to. */
export class AnswerPrinter {
  readonly #form: Form
  readonly #json: boolean
  readonly #showUsage: boolean
  readonly #out: Output
  readonly #err: Talk
  readonly #streams: boolean
  /** What the run said so far, where it is printed at once. */
  #said = ''
  #began: number | undefined
  #last = 0

  constructor({ output, json, showUsage }: Asked, out: Output, err: Talk) {
    this.#form = output
    this.#json = json
    this.#showUsage = showUsage
    this.#out = out
    this.#err = err
    this.#streams = output === 'text' && !json && out.isTerminal
  }

  /** Prints what an event is worth while the session runs. */
  readonly event = (event: Shown): void => {
    this.#last = Date.parse(event.ts ?? '') || this.#last
    this.#began ??= this.#last
    if (this.#form === 'stream-json') this.#atOnce(() => this.#out.value(event))
    else if (event.type.startsWith('usage_limit_')) this.#tellLimit(event)
    else if (this.#form === 'text') this.#show(event)
  }

  #show(event: Shown): void {
    if (event.type === 'stderr') this.#err.text(`${this.#err.isTerminal ? clean(event.message) : String(event.message)}\n`)
    else if (event.type === 'session_started') this.#said = ''
    else if (event.type === 'assistant_message' && this.#streams) this.#say(String(event.content))
  }

  /** Prints what the session came to and returns the exit code. Throws a Fault (1) if JSON was asked for and is not there. */
  end({ row, result, exit }: Answered): number {
    try {
      this.#printResult(row, result, exit)
    } finally {
      if (this.#showUsage) this.#tellUsage(row)
    }
    if (exit !== EXIT.ok) this.#err.complain(`session ${row.session_id} ${row.status}${row.error ? `: ${row.error}` : ''}`)
    return exit
  }

  #printResult(row: Answered['row'], result: Buffer | undefined, exit: number): void {
    const [form, out] = [this.#form, this.#out]
    if (form === 'json' || form === 'json-pretty')
      out.line(JSON.stringify({ ...row, result: result?.toString() }, null, form === 'json' ? 0 : 2))
    else if (form === 'text' && this.#json && exit === EXIT.ok) out.line(jsonIn(result?.toString() ?? ''))
    else if (form === 'text' && result && !this.#json && !this.#wasSaid(result)) out.text(endedLine(result, out))
    // Before what stderr says of it.
    out.flush()
  }

  #say(text: string): void {
    this.#said += `${text}\n`
    this.#atOnce(() => this.#out.line(clean(text)))
  }

  #wasSaid(result: Buffer): boolean {
    return this.#streams && this.#said.trimEnd().endsWith(result.toString().trimEnd())
  }

  /** So that the caller is told where it happens that nobody reads any more, and can end the agent. */
  #atOnce(print: () => void): void {
    print()
    this.#out.flush()
  }

  #tellLimit({ type, error, resume_at }: Shown): void {
    const until = Date.parse(String(resume_at))
    if (type === 'usage_limit_hit' && until)
      this.#err.notice(`usage limit: ${error}: it waits until ${moment(until)}, for ${formatDuration(Math.max(0, until - Date.now()))}`)
    else if (type === 'usage_limit_resumed') this.#err.notice('it goes on after the usage limit')
  }

  #tellUsage(row: Answered['row']): void {
    const time = this.#began === undefined ? [] : [formatDuration(this.#last - this.#began)]
    this.#err.notice(`usage: ${[usageText(row), ...time].join(', ')}`)
  }
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
