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

function startProcess(env: NodeJS.ProcessEnv): Promise<number> {
  return startDetached(process.execPath, [join(distribution(), 'lib', 'zag-runner.js')], { env: { ...process.env, ...env }, cwd: '/' })
}
