// Checks of what waits: entries of the queue that nobody is behind, and sessions whose turn has come and whom nobody starts.
// Both are left by kills; whoever looks at such a session puts it right as well.

import { EXIT, Fault } from '../base/exit.js'
import { isId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { isAlive } from '../process/identity.js'
import { isStranded } from '../session/queue.js'
import { settle } from '../session/settle.js'
import { statusOf } from '../session/state.js'
import { listIfThere, remove, sizeIfThere } from '../store/file.js'
import { latestIn } from '../table/owners.js'
import { readIfIntact } from '../table/sessions.js'
import { count, each, type Found, fine, REPAIR, type Seen, someOf, wrong } from './finding.js'

export function lookAtQueue({ known }: Seen): Found[] {
  const found: Found[] = []
  // What has just been claimed is there for a moment more: only what is so at a second look counts.
  const stray = strayEntries(strayEntries(listIfThere(paths.queue()))).sort()
  if (stray.length > 0) {
    const message = `${stray.length} ${stray.length === 1 ? 'entry' : 'entries'} of the queue ${stray.length === 1 ? 'is' : 'are'} of no session that waits: ${someOf(stray)}`
    found.push(wrong(message, `${REPAIR} removes them`, () => each(stray, removeIfStray)))
  }
  const queued = known.filter(({ status }) => status.state === 'queued').map(({ session }) => session.id)
  const left = queued.filter(isLeft).filter(isLeft)
  if (left.length > 0)
    found.push(
      wrong(
        `nobody starts ${count(left.length, 'session')} whose turn has come: ${someOf(left)}`,
        `${REPAIR} does, as looking at them does`,
        () => each(left, start),
      ),
    )
  return found.length > 0
    ? found
    : [
        fine(
          queued.length === 0
            ? 'no session waits'
            : `${count(queued.length, 'session')} wait${queued.length === 1 ? 's' : ''} for good reason`,
        ),
      ]
}

const isQueued = (id: string) => readIfIntact(id) !== undefined && statusOf(id).state === 'queued'
const strayEntries = (names: string[]) => names.filter(name => !isId(name) || !isQueued(name))

function removeIfStray(name: string): void {
  if (strayEntries([name]).length > 0) remove(paths.queued(name))
}

/** It waits although nothing it waits for is in its way, and it is not in the queue of a process that serves it. */
function isLeft(id: string): boolean {
  const session = readIfIntact(id)
  if (!session || statusOf(id).state !== 'queued' || !isStranded(session)) return false
  const server = latestIn(paths.server())
  return !(server && isAlive(server) && sizeIfThere(paths.queued(id)) !== undefined)
}

async function start(id: string): Promise<void> {
  await settle(id)
  if (isLeft(id)) throw new Fault(`session ${id} cannot be started here`, EXIT.system)
}
