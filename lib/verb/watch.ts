// Running a command for events, one after the other. Its words are those that were given, with braces replaced inside of
// single words: no shell sees them, and what stands in an event never becomes another word. The event itself is its stdin.

import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import type { LogEvent } from '../log/events.js'
import { cannotStart, pidOf } from '../process/detach.js'
import { programAt } from '../process/program.js'
import { readIfIntact } from '../table/sessions.js'

/** A command that was told to stop gets this long before it is killed, in milliseconds. */
const GRACE = 5_000

/** Runs the command for an event of a session and gives its exit code, 128 + n if signal n ended it. */
export type Reaction = (id: string, event: LogEvent) => Promise<number>

/**
 * What runs a command, its program first. When `stop` is aborted the command is given that signal, and is killed if it does not end.
 * Throws a Fault, now or for an event: 127 if the program is not found, 126 if it cannot be run.
 */
export function reactionOf(words: readonly [string, ...string[]], stop: AbortSignal): Reaction {
  // One with braces in its name is known only when there is an event.
  if (!PLACES.test(words[0])) programAt(words[0], process.env.PATH)
  const providers = new Map<string, string>()
  return async (id, event) => {
    const provider = providers.get(id) ?? readIfIntact(id)?.provider ?? 'unknown'
    providers.set(id, provider)
    const values = { session_id: id, provider, event_type: event.type, seq: event.seq, ts: event.ts }
    const child = await start(words.map(word => filled(word, values)))
    child.stdin?.end(`${JSON.stringify(event)}\n`)
    return endOf(child, stop)
  }
}

async function start(words: readonly string[]): Promise<ChildProcess> {
  const [name = '', ...args] = words
  const program = programAt(name, process.env.PATH)
  const { spawn } = await import('node:child_process')
  let child: ChildProcess
  try {
    child = spawn(program, args, { argv0: name, stdio: ['pipe', 'inherit', 'inherit'] })
  } catch (error) {
    throw cannotStart(name, error)
  }
  await pidOf(name, child)
  // A command need not read it.
  child.stdin?.on('error', () => {})
  return child
}

async function endOf(child: ChildProcess, stop: AbortSignal): Promise<number> {
  const ended = new Promise<number>(resolve => {
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })
  let kill: NodeJS.Timeout | undefined
  const end = () => {
    if (typeof stop.reason === 'string') child.kill(stop.reason as NodeJS.Signals)
    kill = setTimeout(() => child.kill('SIGKILL'), GRACE)
  }
  stop.addEventListener('abort', end)
  if (stop.aborted) end()
  try {
    return await ended
  } finally {
    clearTimeout(kill)
    stop.removeEventListener('abort', end)
  }
}

const PLACES = /\{(session_id|provider|event_type|seq|ts)\}/

/** The word with its braces replaced, once: braces in what is put there stay. No word can hold a NUL. */
function filled(word: string, values: Readonly<Record<string, string | number>>): string {
  return word.replace(new RegExp(PLACES, 'g'), (_, name: string) => String(values[name] ?? '').replaceAll('\0', ''))
}
