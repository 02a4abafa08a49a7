// Starting sessions: in the background under a runner of its own, or in the foreground under this process.

import { join } from 'node:path'
import { distribution, paths, runnerEnvironment } from '../base/paths.js'
import { startDetached } from '../process/detach.js'
import { identify } from '../process/identity.js'
import { latestOwner, takeOver } from '../table/sessions.js'
import { type Ask, makeSession } from './ask.js'

export interface Spawned {
  id: string
  /** The runner's. */
  pid: number
  logPath: string
}

/** Starts a session in the background and returns as soon as nothing can lose it any more. Throws Faults 2, 5, 126, 127. */
export async function spawn(ask: Ask): Promise<Spawned> {
  const { id } = await makeSession(ask, 'spawn')
  return {
    id,
    pid: await startRunner(id, 1),
    logPath: paths.inSession(id, 'log.ndjson'),
  }
}

/** Starts the runner of a run and claims the session in its name. */
async function startRunner(id: string, run: number): Promise<number> {
  const env = { ...process.env, ...runnerEnvironment(id, run) }
  const pid = await startDetached(process.execPath, [join(distribution(), 'lib', 'zag-runner.js')], { env, cwd: '/' })
  const identity = identify(pid)
  const owner = latestOwner(id)
  // The runner claims the session itself if it is quicker; if it is gone already, its session is found dead by its log.
  if (identity && owner?.role === 'spawn') takeOver(id, owner, { role: 'run', run, ...identity })
  return pid
}
