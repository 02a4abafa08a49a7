// The edge: command() makes a program of its data and one function.
//
// It alone reads argv, turns a Fault into one line and a code, and ends the process: by process.exitCode, because
// process.exit() would lose what is still to be done. A program runs only when its file is the one that was started, so the
// dispatcher, the manual and the tests can import it.

import { readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { EXIT, Fault, reason } from '../base/exit.js'
import { distribution } from '../base/paths.js'
import type { Data, Family, Flags, Part, Program, Values } from './data.js'
import { Input } from './input.js'
import { Output, ReaderGone, Talk } from './output.js'

export interface Command {
  data: Data
  /** Runs the program with these words in this process, sets process.exitCode and returns it. Never rejects. */
  main(argv: readonly string[]): Promise<number>
}

/** A program from its data. It runs at once if `meta` is of the file that was started. */
export function command<const F extends Flags>(meta: ImportMeta, data: Program<F>): Command
export function command<const C extends Record<string, Flags>>(meta: ImportMeta, data: Family<C>): Command
export function command(meta: ImportMeta, data: Program | Family): Command {
  const main = (argv: readonly string[]) => runMain(data, argv)
  if (isStarted(meta)) void main(process.argv.slice(2))
  return { data, main }
}

/** Bundles say so themselves (scripts/build), as Node 24 does; a source file compares. */
function isStarted(meta: ImportMeta & { main?: boolean }): boolean {
  if (meta.main !== undefined) return meta.main
  const started = process.argv[1]
  if (started === undefined) return false
  try {
    return realpathSync(started) === meta.filename
  } catch {
    // Started from something that is no file, such as node -e.
    return false
  }
}

async function runMain(data: Program | Family, argv: readonly string[]): Promise<number> {
  const out = new Output()
  const err = new Talk(data.name)
  watchForBugs(out, err)
  let code: number
  try {
    code = (await runParts(data, argv, out, err)) ?? EXIT.ok
    out.flush()
  } catch (error) {
    code = report(error, out, err)
  }
  process.exitCode = code
  return code
}

// biome-ignore lint/suspicious/noConfusingVoidType: what run returns
async function runParts(data: Program | Family, argv: readonly string[], out: Output, err: Talk): Promise<number | void> {
  const context = { stdin: new Input(), out, err }
  if ('raw' in data && data.raw) return data.run({ operands: [...argv], afterDashes: undefined } as Values<Flags>, context)
  const { choose, parse } = await import('./parse.js')
  const { part, word, rest } = 'commands' in data ? choose(data, argv) : { part: data as Part, word: undefined, rest: argv }
  const asked = await parse(part, rest, word === undefined ? data.name : `${data.name} ${word}`)
  if (asked === 'help') return out.text((await import('./help.js')).helpText(data, word, out.columns))
  if (asked === 'version') return out.line(`${data.name} ${version()}`)
  const { quiet, debug, json } = asked as Record<string, unknown>
  err.quiet = quiet === true
  err.debug = debug === true
  out.json = json === true
  return part.run(asked, context)
}

/** The version of this installation. */
export function version(): string {
  return JSON.parse(readFileSync(join(distribution(), '../package.json'), 'utf8')).version
}

/** Says what went wrong in one line and gives the code. Rows that were printed before it still leave. */
function report(error: unknown, out: Output, err: Talk): number {
  if (error instanceof ReaderGone) return leave(error)
  try {
    out.flush()
  } catch (second) {
    if (second instanceof ReaderGone) return leave(second)
    // The fault in hand came first; that of stdout is told only when it is the only one.
  }
  if (error instanceof Fault) {
    err.complain(error.message)
    err.trace(error)
    return error.exit
  }
  err.complain(`a bug in zag: ${reason(error).replace(/\s*\n\s*/g, ' ')} (ZAG_DEBUG=1 shows where)`)
  err.trace(error)
  return EXIT.bug
}

/** Ends the process at once, whatever still waits: nobody reads stdout, and there is nothing else to lose. */
function leave(gone: ReaderGone): never {
  process.exit(gone.exit)
}

/** What is thrown outside of `run`, from timers and promises that nobody waits for, ends the program as well. */
function watchForBugs(out: Output, err: Talk): void {
  const end = (error: unknown) => process.exit(report(error, out, err))
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    // In the dispatcher the program that was called takes the place of zag itself.
    process.removeAllListeners(event)
    process.on(event, end)
  }
}
