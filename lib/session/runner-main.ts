// The detached runner of one session, started by start.ts: it outlives the shell and the terminal that asked for it.

import { Fault } from '../base/exit.js'
import { runnerOf } from '../base/paths.js'
import { myself } from '../process/identity.js'
import { latestOwner, takeOver } from '../table/owners.js'
import { processes } from '../table/processes.js'
import { read } from '../table/sessions.js'
import { Life } from './life.js'
import { onStop } from './signals.js'

async function main(): Promise<void> {
  const task = runnerOf()
  const session = task && read(task.session)
  if (!task || !session || !isMine(task.session, task.run)) return
  const life = new Life(session, task.run)
  onStop(life)
  await life.ended
  await tidy()
}

/** The session is over and told; that its table grew long must not spoil it. */
async function tidy(): Promise<void> {
  try {
    await processes().fold()
  } catch (error) {
    // Somebody else holds the lock, the disk is full, or the snapshot is damaged: zag doctor says so.
    if (!(error instanceof Fault)) throw error
  }
}

/** The starter claims the run for this process; whichever of the two comes first does it. */
function isMine(id: string, run: number): boolean {
  const me = myself()
  const before = latestOwner(id)
  if (before?.role === 'spawn') takeOver(id, before, { role: 'run', run, ...me })
  const owner = latestOwner(id)
  return owner?.role === 'run' && owner.run === run && owner.pid === me.pid && owner.start === me.start
}

main().catch(error => {
  // Nobody reads what a runner says. Its session is found dead with all that the agent said, and says that it lost its runner.
  process.exitCode = error?.exit ?? 70
})
