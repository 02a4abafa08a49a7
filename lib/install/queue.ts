// Checks of what waits: entries of the queue that nobody is behind, and sessions whose turn has come and whom nobody starts.
// Both are left by kills; whoever looks at such a session puts it right as well.

import { EXIT, Fault } from '../base/exit.js'
import { isId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { isAlive } from '../process/identity.js'
import { isStranded } from '../run/queue.js'
import { settle } from '../run/settle.js'
import { statusOf } from '../session/state.js'
import { listIfThere, remove, sizeIfThere } from '../store/file.js'
import { latestIn } from '../table/owners.js'
import { readIfIntact } from '../table/sessions.js'
import { count, each, type Found, fine, REPAIR, type Seen, someOf, wrong } from './finding.js'

export function lookAtQueue({ known }: Seen): Found[] {
  const queued = known.filter(({ status }) => status.state === 'queued').map(({ session }) => session.id)
  const found = [...lookAtEntries(), ...lookAtWaiting(queued)]
  if (found.length > 0) return found
  return [
    fine(queued.length === 0 ? 'no session waits' : `nothing is in the way of ${count(queued.length, 'session')} but what they wait for`),
  ]
}

function lookAtEntries(): Found[] {
  // What has just been claimed is there for a moment more: only what is so at a second look counts.
  const stray = strayAmong(strayAmong(listIfThere(paths.queue()))).sort()
  if (stray.length === 0) return []
  const message = `the queue has ${stray.length} that ${stray.length === 1 ? 'is no session' : 'are no sessions'} waiting: ${someOf(stray)}`
  return [wrong(message, `${REPAIR} takes them out`, () => each(stray, removeIfStray))]
}

function lookAtWaiting(queued: string[]): Found[] {
  const left = queued.filter(isLeft).filter(isLeft)
  if (left.length === 0) return []
  const message = `nobody starts ${count(left.length, 'session')} whose turn has come: ${someOf(left)}`
  return [wrong(message, `${REPAIR} does, as looking at them does`, () => each(left, start))]
}

const isQueued = (id: string) => readIfIntact(id) !== undefined && statusOf(id).state === 'queued'
const strayAmong = (names: string[]) => names.filter(name => !isId(name) || !isQueued(name))

function removeIfStray(name: string): void {
  if (strayAmong([name]).length > 0) remove(paths.queued(name))
}

/** It waits although nothing it waits for is in its way, and it is not in the queue of a process that serves it. */
function isLeft(id: string): boolean {
  const session = readIfIntact(id)
  const { state, run } = statusOf(id)
  if (!session || state !== 'queued' || !isStranded(session, run)) return false
  const server = latestIn(paths.server())
  return !(server && isAlive(server) && sizeIfThere(paths.queued(id)) !== undefined)
}

async function start(id: string): Promise<void> {
  await settle(id)
  if (isLeft(id)) throw new Fault(`session ${id} cannot be started here`, EXIT.system)
}
