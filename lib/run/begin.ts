// Starting the runner of a run: a process of its own that outlives whoever asked for it.

import { join } from 'node:path'
import { distribution, runnerEnvironment, serverEnvironment } from '../base/paths.js'
import { startDetached } from '../process/detach.js'
import { endOne } from '../process/end.js'
import { type Identity, identify } from '../process/identity.js'
import { latestOwner, type Owner, takeOver } from '../table/owners.js'

/** The roles of those who start a runner. */
export const STARTING: ReadonlySet<Owner['role']> = new Set<Owner['role']>(['spawn', 'start'])

/**
 * Starts the runner of a run, for a session that this process has claimed as `spawn` or `start`, and claims the session in its
 * name; resolves to its pid. Throws a Fault (5, 126, 127) if there is no runner then.
 */
export async function startRunner(id: string, run: number): Promise<number> {
  let runner: Identity | undefined
  try {
    const pid = await startProcess(runnerEnvironment(id, run))
    runner = identify(pid)
    const owner = latestOwner(id)
    // The runner claims the session itself if it is quicker; if it is gone already, its session is found dead by its log.
    if (runner && owner && STARTING.has(owner.role)) takeOver(id, owner, { role: 'run', run, ...runner })
    return pid
  } catch (error) {
    if (runner && latestOwner(id)?.role === 'run') return runner.pid
    if (runner) await endOne(runner)
    throw error
  }
}

/** Starts the process that serves the queue; resolves to its pid. Throws as startRunner does. */
export function startServer(): Promise<number> {
  return startProcess(serverEnvironment())
}

/**
 * A process that waits and starts others has to be small, most of all because starting one takes 0.04 ms for each MiB that has to be
 * marked as shared with it: so no threads that make code faster or sweep, and a nursery of 1 MiB instead of up to 48.
 */
const SMALL = ['--v8-pool-size=0', '--max-semi-space-size=1']

function startProcess(env: NodeJS.ProcessEnv): Promise<number> {
  const words = [...SMALL, join(distribution(), 'lib', 'zag-runner.js')]
  return startDetached(process.execPath, words, { env: { ...process.env, ...env }, cwd: '/' })
}
