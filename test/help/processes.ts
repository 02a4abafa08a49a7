// Starting small programs for a test and seeing, without the code under test, which of their processes live.
// Whatever they start is ended with the test, also when it fails.

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

interface Test {
  teardown(then: () => void): void
}

export interface Started {
  child: ChildProcess
  pid: number
  /** The pids that the program printed before it was ready. */
  others: number[]
}

const fixtures = resolve(import.meta.dirname, '../fixtures')

export function fixture(name: string): string {
  return resolve(fixtures, name)
}

/** Starts a fixture in a session of its own, and resolves when it is ready. */
export async function start(t: Test, name: string, env: NodeJS.ProcessEnv = {}): Promise<Started> {
  const child = spawn(fixture(name), { detached: true, stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, ...env } })
  const others: number[] = []
  t.teardown(() => {
    for (const pid of child.pid ? [-child.pid, child.pid, ...others] : []) kill(pid)
    child.stdout.destroy()
  })
  let ready = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    for (const word of text.split(/\s+/)) {
      if (/^\d+$/.test(word)) others.push(Number(word))
      if (word === 'ready') ready = true
    }
  })
  await until(() => ready, `${name} is ready`)
  return { child, pid: child.pid as number, others }
}

/** Whether a process lives by what the system says: a zombie does not. */
export function lives(pid: number): boolean {
  return /^[^Z]$/.test(stateOf(pid))
}

/** The letter of a process' state, or nothing if there is no such process. */
export function stateOf(pid: number): string {
  try {
    return /\) (.)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1] ?? ''
  } catch {
    // It is gone.
    return ''
  }
}

/** Looks every 5 ms; throws when it is not so after the deadline, in milliseconds. */
export async function until(isSo: () => boolean, what: string, deadline = 10_000): Promise<void> {
  const began = performance.now()
  while (!isSo()) {
    if (performance.now() - began > deadline) throw new Error(`not within ${deadline} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}
