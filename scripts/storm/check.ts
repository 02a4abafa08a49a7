// What must be true when a storm is over, by the files and by the system, and of zag by no more than its lists. Each thing that is not
// is one line.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Told, World } from './acts.js'
import { type Process, processesOf } from './kills.js'
import { type Place, TWINS } from './place.js'
import type { Ended } from './run.js'

/** Runs a command of zag to its end. */
export type Ask = (program: string, args: string[], env?: Record<string, string>) => Promise<Ended>

type Row = Record<string, unknown>

const FINAL = ['completed', 'failed', 'cancelled', 'dead']
const HOUR = 3_600_000

/** Everything that is broken. */
export async function broken(world: World, ask: Ask): Promise<string[]> {
  const { place } = world
  const wrong: string[] = []
  wrong.push(...(await sessions(world, ask)))
  wrong.push(...(await left(world)))
  for (const id of folders(place)) wrong.push(...session(place, id).map(what => `${id}: ${what}`))
  wrong.push(...relays(place), ...twice(place))
  // What a kill cut short of an index or a patch is put right by a repair, and is looked at after that.
  wrong.push(...(await doctor(ask)))
  for (const id of folders(place)) wrong.push(...index(place, id).map(what => `${id}: ${what}`))
  wrong.push(...twins(place))
  // An hour later what crashes left is old enough to be swept.
  const later = place.wrongClock(HOUR, 0, HOUR)
  for (const [program, ...args] of [
    ['gc', '--force'],
    ['doctor', '--repair'],
  ] as const)
    await ask(program, [...args], later)
  wrong.push(...remains(place.home))
  wrong.push(...place.strangers().map(path => `${path} was written outside of the home`))
  return wrong
}

const folders = (place: Place) => list(place.home, 'sessions').filter(name => /^[0-9a-f-]{36}$/.test(name))

/** Each that was told is there and over, and so is each that is on disk; none is there twice. */
async function sessions({ place, told }: World, ask: Ask): Promise<string[]> {
  const { code, stdout, stderr } = await ask('ps', ['--all', '--json'])
  if (code !== 0) return [`ps --all exits with ${code}: ${stderr.trim()}`]
  const wrong: string[] = []
  const listed = new Map<string, number>()
  for (const { session_id, status } of JSON.parse(stdout) as Row[]) {
    const id = String(session_id)
    listed.set(id, (listed.get(id) ?? 0) + 1)
    const end = logOf(place, id)
      .map(parse)
      .findLast(event => event?.type === 'session_ended')?.status
    if (status !== end) wrong.push(`${id}: is ${status} in ps --all, and its log ends with ${end}`)
    if (!FINAL.includes(String(status))) wrong.push(`${id}: is ${status} although all was cancelled and waited for`)
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
    const { session_id, seq } = JSON.parse(line)
    if (seq !== (last.get(session_id) ?? 0) + 1) wrong.push(`${session_id}: event ${seq} comes after ${last.get(session_id) ?? 0}`)
    last.set(session_id, seq)
  }
  for (const id of folders(place)) {
    const lines = logOf(place, id).length
    if (lines !== (last.get(id) ?? 0)) wrong.push(`${id}: its log has ${lines} lines, and zag gives ${last.get(id) ?? 0} events`)
  }
  return wrong
}

const logOf = (place: Place, id: string) => (text(place.home, 'sessions', id, 'log.ndjson') ?? '').split('\n').slice(0, -1)

/** A session that is over: its log reads line by line, and each run that began ended once. */
function session(place: Place, id: string): string[] {
  const wrong: string[] = []
  const events = logOf(place, id).flatMap((line, at): Row[] => {
    const event = parse(line)
    // A full disk cuts a line off; a kill does not.
    if (!event && !place.isSmall) wrong.push(`line ${at + 1} of its log is no JSON: ${line.slice(0, 100)}`)
    return event ? [event] : []
  })
  const runsOf = (type: string) => events.filter(event => event.type === type).map(({ run }) => Number(run))
  const [starts, ends] = [runsOf('session_started'), runsOf('session_ended')]
  for (const run of new Set([...starts, ...ends])) {
    const count = ends.filter(each => each === run).length
    if (count !== 1) wrong.push(`run ${run} has ${count} ends`)
    if (starts.filter(each => each === run).length > 1) wrong.push(`run ${run} began more than once`)
  }
  if (ends.length === 0) wrong.push('its log has no end')
  const { run, status } = parse(text(place.home, 'events', `${id}.ended`) ?? '') ?? {}
  const end = events.findLast(({ type }) => type === 'session_ended')
  if (run !== end?.run || status !== end?.status)
    wrong.push(`its marker says ${status} of run ${run}, its log ${end?.status} of run ${end?.run}`)
  return [...wrong, ...told(place, id, events, starts.length)]
}

/** What a script printed is in the log, once and in order. */
function told(place: Place, id: string, events: Row[], runs: number): string[] {
  const { provider, interactive } = parse(text(place.home, 'sessions', id, 'session.json') ?? '') ?? {}
  if (provider !== 'sh' || interactive || runs !== 1) return []
  const printed = text(place.home, 'sessions', id, 'stdout')
  const messages = events.filter(({ type }) => type === 'assistant_message')
  if (printed === undefined || messages.some(({ spilled }) => spilled)) return []
  const said = messages.map(({ content }) => content).join('\n')
  return said === printed.replace(/\n$/, '') ? [] : [`${printed.length} characters were printed, and its log has ${said.length}, or others`]
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

/** What made itself a session of its own lives on after an agent that ended by itself, and only then. Of a session that was removed nobody can tell. */
function mayStay(place: Place, { kind, run = '', leads }: Process): boolean {
  const [id = '', number] = run.split('.')
  if (kind === 'agent' && leads && !existsSync(join(place.home, 'sessions', id))) return true
  const end = logOf(place, id)
    .map(parse)
    .findLast(event => event?.type === 'session_ended' && event.run === Number(number))
  return kind === 'agent' && leads && (end?.status === 'completed' || (end?.status === 'failed' && end.reason === undefined))
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
  const look = async (...args: string[]): Promise<Row[]> => {
    const { stdout, stderr } = await ask('doctor', ['--json', ...args])
    const rows = stdout.split('\n').flatMap((line): Row[] => [parse(line) ?? []].flat())
    if (rows.length === 0) return [{ check: 'doctor', ok: false, message: stderr.trim() }]
    return rows.filter(({ check }) => !ELSEWHERE.includes(String(check)))
  }
  const say = (when: string, rows: Row[]) => rows.map(({ check, message, advice }) => `doctor, ${when}: ${check}: ${message} (${advice})`)
  const first = (await look('--repair')).filter(({ ok }) => !ok)
  const second = (await look()).filter(({ ok }) => !ok)
  const third = (await look('--repair')).filter(({ ok, repaired }) => !ok || repaired)
  return [...say('cannot repair', first), ...say('after a repair', second), ...say('repairs again', third)]
}

/** A session is found by each of its tags and its name. */
function index({ home }: Place, id: string): string[] {
  const { tags = [], name } = (parse(text(home, 'sessions', id, 'session.json') ?? '') ?? {}) as { tags?: string[]; name?: string }
  const isIn = (kind: string, key: string) =>
    list(home, 'index', kind).some(folder => decodeURIComponent(folder) === key && existsSync(join(home, 'index', kind, folder, id)))
  return [
    ...tags.filter(tag => !isIn('tag', tag)).map(tag => `is not in the index of tags under '${tag}'`),
    ...(name !== undefined && !isIn('name', name) ? [`is not in the index of names under '${name}'`] : []),
  ]
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
      // What a kill left half written in the folder of a session goes with the session.
      .filter(path => !/^sessions\/[^/]+\/.*\.tmp$/.test(path))
      .filter(path => /(^|\/)\.[^/]*\.tmp$|\.lock$|\.holder$|^aside\/|sealed-|^queue\/|\/limited$/.test(path))
      .map(path => `${path} is left`)
  )
}

function list(...parts: string[]): string[] {
  try {
    return readdirSync(join(...parts))
  } catch {
    // It is not there.
    return []
  }
}

function text(...parts: string[]): string | undefined {
  try {
    return readFileSync(join(...parts), 'utf8')
  } catch {
    // It is not there.
    return undefined
  }
}

function parse(line: string): Row | undefined {
  try {
    const value = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
