// The tool bash: a command of a shell, in a process group of its own, with an end.
//
// What it writes goes straight into a file of the session, so nothing is lost however much it is and whoever is left behind holds no
// pipe. The model gets the beginning and the end of what is long, and the path of the whole.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { reason } from '../base/exit.js'
import { formatDuration } from '../base/time.js'
import { endAll, endGroupLeftovers } from '../process/end.js'
import { identify } from '../process/identity.js'
import { findProgram } from '../process/program.js'
import { remove, sizeIfThere } from '../store/file.js'
import { watchFile } from '../store/watch.js'
import type { Outcome, Tool, Workshop } from './toolbox.js'

/** Seconds. */
const TIMEOUT = 120
const LONGEST = 3600
/** From TERM to KILL, in milliseconds. */
const GRACE = 2_000
/** So much of the output the model is told, in bytes: of what is longer the beginning and the end. */
const SHOWN = 32 * 1024
const HEAD = 12 * 1024
/** A command that wrote more than this is ended. */
const MOST = 256 * 1024 * 1024
/** One word of a command ends at 128 KiB on Linux. */
const LONGEST_COMMAND = 128 * 1024 - 1

export const bash: Tool = {
  name: 'bash',
  kind: 'execute',
  does: `Runs a command in a shell of its own, in the working folder; nothing of it is left for the next. stdin is empty. Gives stdout and stderr together and the exit code. Longer output is cut in its middle, and the path of the whole is told. What is to go on in the background needs its output sent to a file.`,
  input: {
    type: 'object',
    properties: {
      command: { type: 'string', description: 'the command line' },
      timeout: {
        type: 'integer',
        minimum: 1,
        description: `seconds after which it is ended, ${TIMEOUT} if not given, ${LONGEST} at the most`,
      },
    },
    required: ['command'],
    additionalProperties: false,
  },
  prepare(input, workshop) {
    const command = String(input.command)
    const timeout = Math.min(Number(input.timeout ?? TIMEOUT), LONGEST)
    if (command.trim() === '') throw new Error('the command is empty')
    if (command.includes('\0')) throw new Error('a command has no NUL character')
    if (Buffer.byteLength(command) > LONGEST_COMMAND) throw new Error('the command is too long: write a script with patch and run that')
    return { title: command, run: signal => run(command, timeout * 1000, signal, workshop) }
  },
}

let count = 0

/** The groups of commands that were run, with when each began: what they left in the background is still in them. */
const groups = new Map<number, string | undefined>()

/** Ends what commands left in the background, and waits for that. */
export async function endBackground(): Promise<void> {
  const all = [...groups].map(([pid, start]) => endGroupLeftovers(pid, start, markOf(pid)))
  groups.clear()
  await Promise.all(all)
}

/** No process carries it: a command's are found by its group and by what descends from it. */
const markOf = (pid: number) => `command.${pid}`

async function run(command: string, timeout: number, signal: AbortSignal, { cwd, env, outputs }: Workshop): Promise<Outcome> {
  const path = join(outputs, `${process.pid}-${++count}`)
  const fd = openSync(path, 'wx', 0o600)
  let child: ChildProcess
  try {
    const shell = findProgram('bash', env.PATH).path ?? '/bin/sh'
    child = spawn(shell, ['-c', command], { cwd, env, detached: true, stdio: ['ignore', fd, fd] })
  } finally {
    closeSync(fd)
  }
  const ended = await endOf(child, timeout, signal, path)
  const size = sizeIfThere(path) ?? 0
  const output = size > SHOWN ? cut(path, size) : part(path, 0, size)
  if (size <= SHOWN) remove(path)
  const words = [output.replace(/\n$/, ''), ended.words].filter(Boolean).join('\n')
  return { text: words, failed: ended.failed }
}

/** What ended it, for the model; nothing of it is left then, but for what it sent into the background when it ended by itself. */
async function endOf(child: ChildProcess, timeout: number, signal: AbortSignal, path: string): Promise<{ words: string; failed: boolean }> {
  const exited = new Promise<string>(resolve => {
    child.once('error', error => resolve(`it could not be started: ${reason(error)}`))
    child.once('exit', (code, name) => resolve(name === null ? `exit code ${code}` : `ended by ${name}`))
  })
  if (child.pid === undefined) return { words: await exited, failed: true }
  const identity = identify(child.pid)
  groups.set(child.pid, identity?.start)
  const target = { ...identity, pid: child.pid, mark: markOf(child.pid), watched: true }
  let why: string | undefined
  const cutShort = new Promise<void>(resolve => {
    const end = (words: string) => {
      if (why !== undefined) return
      why = words
      // Whoever was not ended is told by the session's own end, which knows how to find what has left the group.
      endAll(target, { grace: GRACE, first: 'SIGTERM' }).then(
        () => resolve(),
        () => resolve(),
      )
    }
    const timer = setTimeout(() => end(`it was ended: not done after ${formatDuration(timeout)}`), timeout)
    const watch = watchFile(path, () => {
      if ((sizeIfThere(path) ?? 0) > MOST) end(`it was ended: it wrote more than ${MOST} bytes`)
    })
    const stop = () => end('it was interrupted')
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    exited.then(() => {
      clearTimeout(timer)
      watch.close()
      signal.removeEventListener('abort', stop)
    })
  })
  const words = await Promise.race([exited, cutShort.then(() => why ?? '')])
  if (why !== undefined) await cutShort
  return { words: why ?? words, failed: why !== undefined || words !== 'exit code 0' }
}

function cut(path: string, size: number): string {
  const left = size - SHOWN
  const tail = SHOWN - HEAD
  return `${part(path, 0, HEAD)}\n[… ${left} bytes left out; all ${size} are in ${path} …]\n${part(path, size - tail, tail)}`
}

/** Bytes that make no character are shown as such. */
function part(path: string, from: number, length: number): string {
  const fd = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(length)
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, length, from))
  } finally {
    closeSync(fd)
  }
}
