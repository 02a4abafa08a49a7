// A command that runs while its files are locked. Its words are those that were given, no shell is between, and it ends before
// the locks do, unless this process is killed: nobody holds a lock for a holder that is dead.

import type { ChildProcess } from 'node:child_process'
import { constants } from 'node:os'
import { lockEnvironment } from '../base/paths.js'
import { cannotStart, pidOf } from '../process/detach.js'
import { programAt } from '../process/program.js'
import { locate } from './guard.js'
import type { LockOptions } from './lock.js'
import { withWhole } from './undo.js'
import type { Who } from './who.js'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Runs a command, with the streams of this process, while files are locked, and gives its exit code, 128 + n if signal n ended it. Signals are passed on; INT
 * only with `passInterrupt`, because on a terminal it reaches the command without us. Throws a Fault: 4 if a file does not become free in time, 5 for
 * one outside of the project, 127 or 126 if there is no such command.
 */
export async function runLocked(
  who: Who,
  files: readonly string[],
  words: readonly string[],
  { passInterrupt, ...options }: LockOptions & { passInterrupt: boolean },
): Promise<number> {
  const [name = '', ...args] = words
  const program = programAt(name, process.env.PATH)
  const real = files.map(path => locate(who, path))
  return withWhole(
    who,
    real,
    async tokens => {
      const { spawn } = await import('node:child_process')
      let child: ChildProcess | undefined
      // They stand before the command runs: a signal in between would leave it behind.
      let early: NodeJS.Signals | undefined
      const pass = (signal: NodeJS.Signals) => {
        if (signal === 'SIGINT' && !passInterrupt) return
        if (child) child.kill(signal)
        else early = signal
      }
      for (const signal of SIGNALS) process.on(signal, pass)
      try {
        child = started(name, () =>
          spawn(program, args, { argv0: name, stdio: 'inherit', env: { ...process.env, ...lockEnvironment(tokens.values()) } }),
        )
        const ended = endOf(child)
        await pidOf(name, child)
        if (early) child.kill(early)
        return await ended
      } finally {
        for (const signal of SIGNALS) process.off(signal, pass)
      }
    },
    options,
  )
}

function started(name: string, start: () => ChildProcess): ChildProcess {
  try {
    return start()
  } catch (error) {
    throw cannotStart(name, error)
  }
}

function endOf(child: ChildProcess): Promise<number> {
  return new Promise(resolve => {
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })
}
