// Starting sessions: in the background under a runner of its own, or in the foreground under this process.

import { join } from 'node:path'
import { distribution, paths, runnerEnvironment } from '../base/paths.js'
import { startDetached } from '../process/detach.js'
import { endOne } from '../process/end.js'
import { type Identity, identify } from '../process/identity.js'
import { latestOwner, takeOver } from '../table/owners.js'
import type { Session } from '../table/sessions.js'
import { type Ask, makeSession } from './ask.js'
import { undoApart } from './remove.js'

export interface Spawned {
  id: string
  /** The runner's. */
  pid: number
  logPath: string
}

/** Starts a session in the background and returns as soon as nothing can lose it any more. Throws Faults 2, 5, 126, 127. */
export async function spawn(ask: Ask): Promise<Spawned> {
  return start(await makeSession(ask, 'spawn'))
}

/** Starts a session that was made for it. Throws a Fault (5) and forgets the session then. */
export async function start(session: Session): Promise<Spawned> {
  const { id } = session
  return {
    id,
    pid: await startRunner(session, 1),
    logPath: paths.inSession(id, 'log.ndjson'),
  }
}

/** Starts the runner of a run and claims the session in its name. What could not be started is forgotten again. */
async function startRunner(session: Session, run: number): Promise<number> {
  const { id } = session
  let runner: Identity | undefined
  try {
    const pid = await startDetached(process.execPath, [join(distribution(), 'lib', 'zag-runner.js')], {
      env: environmentOf(id, run),
      cwd: '/',
    })
    runner = identify(pid)
    const owner = latestOwner(id)
    // The runner claims the session itself if it is quicker; if it is gone already, its session is found dead by its log.
    if (runner && owner?.role === 'spawn') takeOver(id, owner, { role: 'run', run, ...runner })
    return pid
  } catch (error) {
    if (runner && latestOwner(id)?.role === 'run') return runner.pid
    if (runner) await endOne(runner)
    if (latestOwner(id)?.role === 'spawn') await undoApart(session)
    throw error
  }
}

const environmentOf = (id: string, run: number) => ({ ...process.env, ...runnerEnvironment(id, run) })
