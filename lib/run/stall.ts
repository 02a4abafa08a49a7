// Noticing that an agent says nothing any more, by the files that it writes to.
//
// The time is that of this process and of the files both, whichever is shorter: a machine that slept through the night, or a clock
// that was set, makes nobody silent.

import { paths } from '../base/paths.js'
import { at } from '../base/time.js'
import { changedAt } from '../store/file.js'

/** What shows that an agent is at work. */
const OUTPUT = ['stdout', 'stderr'] as const

/**
 * Calls `then` when the agent of a session wrote nothing for so long, in milliseconds, or nothing but that it waits since the moment that
 * `waits` gives; 0 is never. One that was answered at the moment that `asked` gives could say nothing until then. Returns the way to stop that.
 */
export function whenSilent(
  id: string,
  time: number,
  { waits, asked }: { waits(): number | undefined; asked(): number | undefined },
  then: () => void,
): () => void {
  if (time === 0) return () => {}
  let disarm = () => {}
  const wait = (silent: number) => {
    const since = performance.now() - silent
    disarm = at(Date.now() + time - silent, () => {
      const now = Math.min(performance.now() - since, Math.max(0, Date.now() - Math.max(waits() ?? lastWrite(id), asked() ?? 0)))
      if (now >= time) then()
      else wait(now)
    })
  }
  wait(0)
  return () => disarm()
}

function lastWrite(id: string): number {
  return Math.max(0, ...OUTPUT.map(name => changedAt(paths.inSession(id, name)) ?? 0))
}
