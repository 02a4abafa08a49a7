// Sessions that wait although their turn has come: whoever looks has to start them.

import type { Ask } from './check.js'
import { asked, FINAL, type Row, rowsIn } from './files.js'
import { LIMITS, type Place } from './place.js'

/** So long those that look may take until nobody waits in vain, in milliseconds. */
const GRACE = 15_000

/** Those that still wait in vain after many looks. */
export async function stranded(place: Place, ask: Ask): Promise<string[]> {
  const end = performance.now() + GRACE
  for (let left: string[] | undefined; ; ) {
    const { stdout } = await ask('ps', ['--all', '--json'])
    const due = dueAmong(place, rowsIn(stdout) ?? [])
    left = left?.filter(id => due.includes(id)) ?? due
    if (left.length === 0 || performance.now() > end) return left
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

interface Asked {
  id: string
  group?: string
  provider?: string
  slots?: number
  depends_on?: string[]
}

/** Those that wait, of the rows of all sessions, and that nothing holds back. */
function dueAmong(place: Place, rows: readonly Row[]): string[] {
  const open = rows
    .filter(({ status }) => !FINAL.includes(status))
    .map(({ session_id, status }) => ({ ...(asked(place, String(session_id)) as Partial<Asked>), id: String(session_id), status }))
  const isOpen = new Set(open.map(({ id }) => id))
  const atWork = open.filter(({ status }) => status !== 'queued')
  const free = open.filter(({ status, depends_on = [] }) => status === 'queued' && !depends_on.some(id => isOpen.has(id)))
  const groups = new Set<string | undefined>()
  return free
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .filter(({ group, provider = '', slots }) => {
      // None overtakes an older one of its group that waits for a slot.
      if (slots !== undefined && groups.has(group)) return false
      if (slots !== undefined) groups.add(group)
      const beside = atWork.filter(other => other.group === group && other.slots !== undefined)
      const alike = atWork.filter(other => other.provider === provider)
      return beside.length < (slots ?? Number.POSITIVE_INFINITY) && alike.length < (LIMITS[provider] ?? Number.POSITIVE_INFINITY)
    })
    .map(({ id }) => id)
}
