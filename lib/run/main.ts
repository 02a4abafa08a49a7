// The detached runner of one session, or of those from the queue, started by begin.ts: it outlives the shell and the terminal that asked for it.

import { runnerOf } from '../base/paths.js'
import { myself } from '../process/identity.js'
import { latestOwner, takeOver } from '../table/owners.js'
import { foldIfLong } from '../table/processes.js'
import { read } from '../table/sessions.js'
import { STARTING } from './begin.js'
import { Life } from './life.js'
import { onStop } from './signals.js'

async function main(): Promise<void> {
  const task = runnerOf()
  if (task === 'queue') return (await import('./serve.js')).serve()
  const session = task && read(task.session)
  if (!task || !session || !isMine(task.session, task.run)) return
  const life = new Life(session, task.run)
  onStop(life)
  await life.ended
  await foldIfLong()
}

/** The starter claims the run for this process; whichever of the two comes first does it. */
function isMine(id: string, run: number): boolean {
  const me = myself()
  const before = latestOwner(id)
  if (before && STARTING.has(before.role)) takeOver(id, before, { role: 'run', run, ...me })
  const owner = latestOwner(id)
  return owner?.role === 'run' && owner.run === run && owner.pid === me.pid && owner.start === me.start
}

main().catch(error => {
  // Nobody reads what a runner says. Its session is found dead with all that the agent said, and says that it lost its runner.
  process.exitCode = error?.exit ?? 70
})
