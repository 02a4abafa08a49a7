// Running another program in the place of this one, as far as Node can: same streams, same end.

import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { EXIT, Fault, quoted, refused } from '../base/exit.js'

/**
 * Runs a program with the streams of this process and ends as it ends: its exit code, or its signal. INT is passed on only with
 * `passInterrupt`, because on a terminal Ctrl-C reaches it without us. Throws a Fault (126) if it cannot be run.
 */
export async function beside(file: string, argv: readonly string[], passInterrupt: boolean): Promise<number> {
  const { spawn } = await import('node:child_process')
  // The handlers stand before the program does: a signal in between would leave it behind.
  const pass = (signal: NodeJS.Signals) => void ((signal !== 'SIGINT' || passInterrupt) && child.kill(signal))
  for (const signal of SIGNALS) process.on(signal, pass)
  const child = spawn(file, argv, { stdio: 'inherit' })
  const { code, signal } = await ended(child, file)
  for (const each of SIGNALS) process.off(each, pass)
  if (signal === null) return code ?? EXIT.bug
  process.kill(process.pid, signal)
  return 128 + (constants.signals[signal] ?? 0)
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

function ended(child: ChildProcess, file: string): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((done, fail) => {
    child.on('error', error => fail(new Fault(refused(`cannot run ${quoted(file)}`, error).message, EXIT.cannotRun, { cause: error })))
    child.on('exit', (code, signal) => done({ code, signal }))
  })
}
