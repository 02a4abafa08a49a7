// Starts one command of a storm and sees how it ends: in time, with a code that its help tells, and with lines of its own on stderr.

import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { programs } from '../../lib/base/paths.js'
import { catalogue } from '../../lib/command/catalogue.js'
import { exitsOf } from '../../lib/command/help.js'

export interface Act {
  /** `spawn`, or `ps list` */
  program: string
  args: string[]
  input?: string
  env?: Record<string, string>
  /** it goes on until it is killed */
  follows?: true
  /** it prints the ids of new sessions, a line each; what they are to be remembered as */
  makes?: 'staying' | 'going'
  /** what is wrong with its stdout, if it ended well */
  wrong?(stdout: string): string | undefined
}

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  /** somebody killed it, or was to */
  killed: boolean
}

/** No command of a storm has a reason to take as long, in milliseconds. */
const DEADLINE = 90_000

export interface Started {
  child: ChildProcess
  ended: Promise<Ended & { late: boolean }>
  kill(signal?: NodeJS.Signals): void
}

export function start({ program, args, input, env = {} }: Act, cwd: string, around: NodeJS.ProcessEnv): Started {
  const [word = '', ...sub] = program.split(' ')
  // A group of its own: a signal to the group of the storm is for the storm.
  const child = spawn(join(programs(), `zag-${word}`), [...sub, ...args], { cwd, env: { ...around, ...env }, detached: true })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const) child[stream].setEncoding('utf8').on('data', text => (said[stream] += text))
  // One that was killed does not read on.
  child.stdin.on('error', () => {})
  child.stdin.end(input ?? '')
  let killed = false
  let late = false
  const clock = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
    child.stdout.destroy()
    child.stderr.destroy()
  }, DEADLINE)
  const ended = new Promise<Ended & { late: boolean }>(resolve => {
    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      clearTimeout(clock)
      resolve({ code, signal, ...said, killed, late })
    }
    child.on('close', end)
    child.on('error', error => {
      said.stderr += `the storm cannot start it: ${error.message}`
      end(null, null)
    })
  })
  return {
    child,
    ended,
    kill(signal = 'SIGKILL') {
      killed = true
      child.kill(signal)
    },
  }
}

const documented = new Map<string, Set<number>>()

/** The codes that the help of a program, or of one of its commands, tells. */
function codesOf(program: string): Set<number> {
  let codes = documented.get(program)
  if (!codes) {
    const [word = '', sub] = program.split(' ')
    const data = catalogue().find(({ name }) => name === `zag-${word}`)
    const part = data && 'commands' in data ? data.commands[sub ?? data.default ?? ''] : data
    if (!part) throw new Error(`no program zag-${program}`)
    codes = new Set([0, ...exitsOf(part).map(([code]) => code)])
    documented.set(program, codes)
  }
  return codes
}

function wrongIn(act: Act, stdout: string): string | undefined {
  try {
    return act.wrong?.(stdout)
  } catch (error) {
    return `prints what cannot be read: ${error}`
  }
}

/** What is wrong with how a command ended. `room`: there was room on the disk all the time. */
export function faultOf(act: Act, ended: Ended & { late: boolean }, room: boolean): string | undefined {
  const { code, signal, stderr, killed, late } = ended
  if (late) return `was not over after ${DEADLINE / 1000} s`
  if (/^\s+at .*:\d+:\d+\)?$/m.test(stderr) || /a bug in zag/.test(stderr) || code === 70) return `has a bug: ${stderr.trim()}`
  const wrong = code === 0 ? wrongIn(act, ended.stdout) : undefined
  if (wrong) return wrong
  if (killed || signal === 'SIGKILL') return undefined
  // Its command was killed, and its code is that of the command.
  if (code === 137 && act.program === 'file lock') return undefined
  if (signal) return `ended by ${signal}`
  if (code === null || !codesOf(act.program).has(code)) return `exits with ${code}, which its help does not tell: ${stderr.trim()}`
  if (code === 5 && room && !act.program.startsWith('file')) return `was refused although there was room: ${stderr.trim()}`
  const strange = stderr.split('\n').find(line => line !== '' && !line.startsWith(`zag-${act.program.split(' ')[0]}`))
  return strange === undefined || act.program === 'exec' || act.program === 'pipe' ? undefined : `says on stderr: ${strange}`
}
