// What must be true when a storm is over, by the files and by the system, and of zag by no more than its lists. Each thing that is not
// is one line.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Told, World } from './acts.js'
import { stray, unfiled } from './filed.js'
import { eventsOf, FINAL, folders, list, logOf, parse, type Row, rowsIn, text } from './files.js'
import { type Process, processesOf } from './kills.js'
import { type Place, TWINS } from './place.js'
import type { Ended } from './run.js'
import { session } from './session.js'

/** Runs a command of zag to its end. */
export type Ask = (program: string, args: string[], env?: Record<string, string>) => Promise<Ended>

const HOUR = 3_600_000

/** Everything that is broken. */
export async function* broken(world: World, ask: Ask): AsyncGenerator<string> {
  const { place, told } = world
  const ids = folders(place)
  // What was told is found by all that finds it, whatever came later; of the rest a kill may have cut short what the repair makes good.
  yield* unfiled(
    place,
    told.map(({ id }) => id),
  )
  yield* await sessions(world, ask)
  yield* await left(world)
  for (const id of ids) yield* session(place, id).map(what => `${id}: ${what}`)
  yield* [...relays(place), ...twice(place)]
  yield* await doctor(ask)
  yield* [...unfiled(place, folders(place)), ...stray(place), ...twins(place)]
  // An hour later what crashes left is old enough to be swept.
  const later = place.wrongClock(HOUR, 0, HOUR)
  const { code, stderr } = await ask('gc', ['--force'], later)
  if (code !== 0) yield `gc --force exits with ${code}: ${stderr.trim()}`
  yield* await examined(ask, 'an hour later', ({ ok }) => !ok, ['--repair'], later)
  yield* await kept(ids, ask)
  yield* remains(place.home)
  yield* place.strangers().map(path => `${path} was written outside of the home`)
}

/** Nothing is old enough to be removed by anybody by now. */
async function kept(ids: string[], ask: Ask): Promise<string[]> {
  const { stdout } = await ask('ps', ['--all', '-q'])
  const listed = stdout.split('\n').filter(Boolean).sort()
  return listed.join() === [...ids].sort().join() ? [] : [`ps --all lists ${listed} in the end, and there were ${ids}`]
}

/** Each that was told is there and over, and so is each that is on disk; none is there twice. */
async function sessions({ place, told }: World, ask: Ask): Promise<string[]> {
  const { code, stdout, stderr } = await ask('ps', ['--all', '--json'])
  const rows = rowsIn(stdout)
  if (code !== 0 || !rows) return [`ps --all exits with ${code}: ${stderr.trim() || stdout.slice(0, 200)}`]
  const wrong: string[] = []
  const listed = new Map<string, number>()
  for (const { session_id, status } of rows) {
    const id = String(session_id)
    listed.set(id, (listed.get(id) ?? 0) + 1)
    const end = eventsOf(place, id).findLast(({ type }) => type === 'session_ended')?.status
    if (status !== end) wrong.push(`${id}: is ${status} in ps --all, and its log ends with ${end}`)
    if (!FINAL.includes(status)) wrong.push(`${id}: is ${status} although all was cancelled and waited for`)
  }
  for (const { id, kind } of told) if (kind === 'staying' && !listed.has(id)) wrong.push(`${id}: was told, and ps --all does not list it`)
  for (const { id } of doubles(told)) wrong.push(`${id}: was told twice`)
  for (const id of folders(place)) if (!listed.has(id)) wrong.push(`${id}: has a folder, and ps --all does not list it`)
  for (const [id, times] of listed) if (times > 1) wrong.push(`${id}: is listed ${times} times`)
  const { stdout: events } = await ask('events', ['--all'])
  return [...wrong, ...numbers(place, events)]
}

const doubles = (told: Told[]) => told.filter(({ id }, at) => told.findIndex(each => each.id === id) !== at)

/** Events are numbered by the lines of the log. */
function numbers(place: Place, events: string): string[] {
  const last = new Map<string, number>()
  const wrong: string[] = []
  for (const line of events.split('\n').filter(Boolean)) {
    const { session_id, seq } = parse(line) ?? {}
    const [id, before] = [String(session_id), last.get(String(session_id)) ?? 0]
    if (seq !== before + 1) wrong.push(`${id}: event ${seq} comes after ${before}: ${line.slice(0, 100)}`)
    last.set(id, Number(seq))
  }
  for (const id of folders(place)) {
    const lines = logOf(place, id).length
    if (lines !== (last.get(id) ?? 0)) wrong.push(`${id}: its log has ${lines} lines, and zag gives ${last.get(id) ?? 0} events`)
  }
  return wrong
}

/** No process of the storm is left, not even one that zag does not know. Runners have a moment to live after the end is told. */
async function left({ place, nap }: World): Promise<string[]> {
  const end = performance.now() + 15_000
  for (;;) {
    const processes = processesOf(place.home, nap).filter(each => !mayStay(place, each))
    if (processes.length === 0) return []
    if (performance.now() > end)
      return processes.map(({ pid, kind, words, run }) => `${run ?? 'no run'}: process ${pid} (${kind}) is left: ${words.slice(0, 120)}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/**
 * What made itself a session of its own lives on after an agent that ended by itself, and only then; never the agent itself. Of a
 * session that was removed nobody can tell more than that of the storm only `sleep` does so.
 */
function mayStay(place: Place, { pid, kind, words, run = '', leads }: Process): boolean {
  const [id = '', number] = run.split('.')
  if (kind !== 'agent' || !leads) return false
  if (!existsSync(join(place.home, 'sessions', id))) return words.startsWith('sleep ')
  const events = eventsOf(place, id)
  const end = events.findLast(({ type, run }) => type === 'session_ended' && run === Number(number))
  const endedByItself = end?.status === 'completed' || (end?.status === 'failed' && end.reason === undefined)
  return endedByItself && !events.some(event => event.type === 'session_started' && event.pid === pid)
}

function relays({ home }: Place): string[] {
  const open = list(home, 'relays').filter(name => name.endsWith('.json'))
  const marks = list(home, 'sessions').flatMap(id => list(home, 'sessions', id, 'relays').map(name => `sessions/${id}/relays/${name}`))
  return [...open.map(name => `relays/${name} is left open`), ...marks.map(path => `${path} is left`)].filter(
    line => !/\/\.[^/]*\.tmp /.test(line),
  )
}

/** No run of a script began a second time. */
function twice(place: Place): string[] {
  const seen = new Set<string>()
  return place.begun().flatMap(run => {
    if (seen.has(run)) return [`run ${run} was started twice`]
    seen.add(run)
    return []
  })
}

const ELSEWHERE = ['node', 'programs', 'path', 'configuration', 'providers', 'inotify', 'space']

/** What zag doctor repairs once is in order from then on. */
async function doctor(ask: Ask): Promise<string[]> {
  return [
    ...(await examined(ask, 'cannot repair', ({ ok }) => !ok, ['--repair'])),
    ...(await examined(ask, 'after a repair', ({ ok }) => !ok)),
    ...(await examined(ask, 'repairs again', ({ ok, repaired }) => !ok || repaired === true, ['--repair'])),
  ]
}

/** The findings of zag doctor that are wrong. */
async function examined(ask: Ask, when: string, isWrong: (row: Row) => boolean, args: string[] = [], env?: Record<string, string>) {
  const { stdout, stderr } = await ask('doctor', ['--json', ...args], env)
  const rows = rowsIn(stdout) ?? []
  if (rows.length === 0) return [`doctor, ${when}: ${stderr.trim() || stdout.slice(0, 200)}`]
  return rows
    .filter(row => !ELSEWHERE.includes(String(row.check)) && isWrong(row))
    .map(({ check, message, advice }) => `doctor, ${when}: ${check}: ${message} (${advice})`)
}

/** What patches write into two files is in both or in none. */
function twins({ project }: Place): string[] {
  const [one, two] = TWINS.map(name => text(project, name))
  return one === two ? [] : [`${TWINS.join(' and ')} are not the same: ${JSON.stringify([one, two])}`]
}

/** Files that were to be there for a moment only. */
function remains(home: string): string[] {
  const found = readdirSync(home, { recursive: true, encoding: 'utf8' })
  return (
    found
      // Its writer has gone, but another process may have that number by now.
      .filter(path => !existsSync(join('/proc', /\.(\d+)-[^/]*\.tmp$/.exec(path)?.[1] ?? 'none')))
      .filter(path => /(^|\/)\.[^/]*\.tmp$|\.lock$|\.holder$|^aside\/|sealed-|^queue\/|\/limited$/.test(path))
      .map(path => `${path} is left`)
  )
}
