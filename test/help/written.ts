// Sessions that a test plays itself: it writes what their runner would write, so that hundreds cost no process and every
// event comes when the test wants it. Their runner is the test process, which lives as long as the test.

import { newId } from '../../lib/base/id.js'
import { paths } from '../../lib/base/paths.js'
import { timestamp } from '../../lib/base/time.js'
import { appendEvents } from '../../lib/log/write.js'
import { myself } from '../../lib/process/identity.js'
import { mark } from '../../lib/run/turn.js'
import { remove } from '../../lib/store/file.js'
import { openHome } from '../../lib/store/home.js'
import { latestOwner, takeOver } from '../../lib/table/owners.js'
import { create, exists } from '../../lib/table/sessions.js'
import { zagHome } from './run.js'

interface Asked {
  tags?: string[]
  name?: string
  parent?: string
  root?: string
  depends_on?: string[]
}

/** The runs that have not ended. */
const open = new Map<string, number>()

/**
 * From now on this process writes into the home of the test. What it has not ended when the test is over it ends then, before
 * the test cancels all there is: that would be a signal to this process.
 */
export function writeInto(t: { teardown(then: () => void): void }, home: string): void {
  process.env.ZAG_HOME = zagHome(home)
  openHome()
  t.teardown(() => {
    for (const [id, run] of open) if (exists(id)) end(id, run)
  })
}

/** A session whose first run has begun; its id. */
export function started({ tags = [], root = '/', ...asked }: Asked = {}): string {
  const id = newId()
  const session = {
    id,
    created_at: timestamp(),
    provider: 'sh',
    root,
    cwd: root,
    tags,
    group: 'g',
    depends_on: [],
    flags: {},
    env: {},
    ...asked,
  }
  create(session, { role: 'run', run: 1, ...myself() }, { prompt: 'true\n' })
  begin(id, 1)
  return id
}

/** The next run of a session that is over. */
export function startedAgain(id: string, run: number): void {
  takeOver(id, latestOwner(id), { role: 'run', run, ...myself() })
  begin(id, run)
}

function begin(id: string, run: number): void {
  const from = { stdout_from: 0, stderr_from: 0 }
  appendEvents(id, undefined, {
    type: 'session_started',
    provider: 'sh',
    root: '/',
    cwd: '/',
    command: ['true'],
    process_id: `${id}.${run}`,
    run,
    resumed: run > 1,
    ...from,
  })
  remove(paths.marker(id, 'ended'))
  mark(id, 'started', { run, status: 'running' })
  open.set(id, run)
}

/** One event each. */
export function say(id: string, ...messages: string[]): void {
  appendEvents(id, undefined, ...messages.map(message => ({ type: 'user_event', level: 'info', message, by: 'user' }) as const))
}

/** Ends a run for all to see. */
export function end(id: string, run = 1): void {
  appendEvents(id, undefined, { type: 'session_ended', success: true, status: 'completed', run, exit_code: 0, duration_ms: 1 })
  mark(id, 'ended', { run, status: 'completed', success: true })
  open.delete(id)
}
