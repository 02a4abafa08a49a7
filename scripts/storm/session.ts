// What must be true of one session that is over, by its folder and its marker.

import { asked, bytes, eventsOf, logOf, parse, type Row, text } from './files.js'
import type { Place } from './place.js'

/** Its log reads line by line, each run that began ended once, and what was printed is in it. */
export function session(place: Place, id: string): string[] {
  // A full disk cuts a line off; a kill does not.
  const cut = place.isSmall ? [] : logOf(place, id).filter(line => !parse(line))
  const events = eventsOf(place, id)
  const { provider, interactive } = asked(place, id)
  return [
    ...cut.map(line => `a line of its log is no JSON: ${line.slice(0, 100)}`),
    ...runs(runsOf(events, 'session_started'), runsOf(events, 'session_ended')),
    ...marker(place, id, events),
    ...(provider === 'sh' && !interactive ? [...logged(place, id, events), ...result(place, id, events)] : []),
  ]
}

const runsOf = (events: Row[], kind: string) => events.filter(({ type }) => type === kind).map(({ run }) => Number(run))

function runs(starts: number[], ends: number[]): string[] {
  const wrong = [...new Set([...starts, ...ends])].flatMap(run => {
    const [begun, ended] = [starts, ends].map(each => each.filter(other => other === run).length) as [number, number]
    return [...(ended === 1 ? [] : [`run ${run} has ${ended} ends`]), ...(begun > 1 ? [`run ${run} began more than once`] : [])]
  })
  return ends.length === 0 ? [...wrong, 'its log has no end'] : wrong
}

function marker({ home }: Place, id: string, events: Row[]): string[] {
  const { run, status } = parse(text(home, 'events', `${id}.ended`)) ?? {}
  const end = events.findLast(({ type }) => type === 'session_ended')
  if (run === end?.run && status === end?.status) return []
  return [`its marker says ${status} of run ${run}, its log ${end?.status} of run ${end?.run}`]
}

/** What a script printed in its one run is in the log, once and in order. */
function logged({ home }: Place, id: string, events: Row[]): string[] {
  const stdout = text(home, 'sessions', id, 'stdout')
  const messages = events.filter(({ type }) => type === 'assistant_message')
  if (stdout === undefined || runsOf(events, 'session_started').length !== 1 || messages.some(({ spilled }) => spilled)) return []
  const said = messages.map(({ content }) => content).join('\n')
  return said === stdout.replace(/\n$/, '') ? [] : [`${stdout.length} characters were printed, and its log has ${said.length}, or others`]
}

/** The result of a script that completed is what it handed in, or else what it printed in its last run. */
function result({ home }: Place, id: string, events: Row[]): string[] {
  const start = events.findLastIndex(({ type }) => type === 'session_started')
  const stdout = bytes(home, 'sessions', id, 'stdout')
  if (!stdout || events.findLast(({ type }) => type === 'session_ended')?.status !== 'completed') return []
  const handedIn = events.slice(start).findLast(({ type }) => type === 'session_result')?.result
  const due = handedIn === undefined ? stdout.subarray(Number(events[start]?.stdout_from ?? 0)) : Buffer.from(String(handedIn))
  // Who says nothing has none.
  const there = bytes(home, 'sessions', id, 'result') ?? Buffer.alloc(0)
  return there.equals(due) ? [] : [`its result has ${there.length} bytes, or others than the ${due.length} that it is to have`]
}
