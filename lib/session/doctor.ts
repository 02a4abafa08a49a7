// Whether this installation is in order, check by check, and what of it can be put right.
//
// What is true of a session is in its folder, so the table, the index and the markers are held against the folders and made again
// from them, never the other way round; no session is deleted, however damaged. Nothing is changed unless a repair is asked
// for. Others go on working meanwhile: what looks wrong is looked at a second time, because it may just have been on its way.
// The checks run one after another, each after the repairs of those before it.

import { accessSync, chmodSync, constants, existsSync, lstatSync, readFileSync, realpathSync, type Stats, statfsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { EXIT, Fault, quoted, refused } from '../base/exit.js'
import { distribution, home, paths, programs, projectRoot } from '../base/paths.js'
import { type Config, loadConfig } from '../config/config.js'
import { findProgram } from '../process/program.js'
import { survey } from '../provider/survey.js'
import { listIfThere, readIfThere, removeTree } from '../store/file.js'
import { checkHome, FOLDERS, openHome } from '../store/home.js'
import { parseLine, scan } from '../store/lines.js'
import { type ProcessRow, processes } from '../table/processes.js'
import { type Misfiled, misfiled, refile } from '../table/refile.js'
import { ids, read, type Session } from '../table/sessions.js'
import { remainsOfCrashes } from './gc.js'
import { settle } from './settle.js'
import { lives, type Status, statusOf } from './state.js'
import { mark, rowFor } from './turn.js'

export interface Finding {
  check: string
  /** Nothing is wrong (any more). With advice it is a hint. */
  ok: boolean
  message: string
  advice?: string
  /** It was wrong and was put right. */
  repaired: boolean
}

/** What a check found. `repair` throws a Fault if it cannot put it right. */
interface Found {
  ok: boolean
  message: string
  advice?: string
  repair?(): unknown
}

interface Known {
  session: Session
  status: Status
}

/** What later checks need of earlier ones. */
interface Seen {
  config?: Config
  /** There is a home of ours to look into. */
  home: boolean
  known: Known[]
}

const OLDEST_NODE = [20, 19] as const
/** Free space below this is not enough to work with, in bytes, and so many files. */
const LITTLE_SPACE = 100e6
const FEW_FILES = 1_000
/** Below these more programs have to poll than one would like. */
const FEW_WATCHERS = 128
const FEW_WATCHES = 8_192

const REPAIR = 'zag doctor --repair'

/** Those in the home come after the one that says whether there is any. */
const CHECKS: [string, (seen: Seen) => Found[] | Promise<Found[]>][] = [
  ['node', lookAtNode],
  ['programs', lookAtPrograms],
  ['path', lookAtPath],
  ['configuration', lookAtConfiguration],
  ['providers', lookAtProviders],
  ['inotify', lookAtInotify],
  ['space', lookAtSpace],
  ['home', lookAtHome],
]
const CHECKS_OF_HOME: typeof CHECKS = [
  ['writable', lookAtWriting],
  ['permissions', lookAtPermissions],
  ['sessions', lookAtSessions],
  ['dead', lookAtDead],
  ['table', lookAtTable],
  ['index', lookAtIndex],
  ['markers', lookAtMarkers],
  ['remains', lookAtRemains],
  ['logs', lookAtLogs],
]

/** All findings, one after another. With `repair`, what can be put right is, as soon as it is found. */
export async function* examine({ repair }: { repair: boolean }): AsyncGenerator<Finding> {
  const seen: Seen = { home: false, known: [] }
  for (const [check, look] of [...CHECKS, ...CHECKS_OF_HOME]) {
    if (look === lookAtWriting && !seen.home) return
    for (const found of await attempt(() => look(seen))) yield repair && found.repair ? await mend(check, found) : findingOf(check, found)
  }
}

function findingOf(check: string, { ok, message, advice }: Found): Finding {
  return { check, ok, message, advice, repaired: false }
}

/** What keeps a check from being made is its finding. */
async function attempt(look: () => Found[] | Promise<Found[]>): Promise<Found[]> {
  try {
    return await look()
  } catch (error) {
    if (error instanceof Fault) return [wrong(error.message)]
    throw error
  }
}

async function mend(check: string, found: Found): Promise<Finding> {
  try {
    await found.repair?.()
    return { check, ok: true, message: found.message, repaired: true }
  } catch (error) {
    if (error instanceof Fault) return { ...findingOf(check, found), advice: `the repair failed: ${error.message}` }
    throw error
  }
}

/** With advice it is a hint. */
const fine = (message: string, advice?: string): Found => ({ ok: true, message, advice })
const wrong = (message: string, advice?: string, repair?: () => unknown): Found => ({ ok: false, message, advice, repair })
const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`

/** Does all that can be done, then throws the first Fault there was. */
async function each<T>(items: Iterable<T>, act: (item: T) => unknown): Promise<void> {
  let first: Fault | undefined
  for (const item of items) {
    try {
      await act(item)
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      first ??= error
    }
  }
  if (first) throw first
}

function lookAtNode(): Found[] {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [needed, neededMinor] = OLDEST_NODE
  if (major > needed || (major === needed && minor >= neededMinor)) return [fine(`node ${process.versions.node}`)]
  return [wrong(`node ${process.versions.node} is too old`, `install ${OLDEST_NODE.join('.')} or later`)]
}

function lookAtPrograms(): Found[] {
  const manifest = readIfThere(join(distribution(), '../package.json'))
  const names = Object.keys((parseLine(manifest ?? '')?.bin as object | undefined) ?? {})
  const files = names.map(name => join(programs(), name))
  const runner = join(distribution(), 'lib', 'zag-runner.js')
  const missing = [...files, runner].filter(path => !existsSync(path))
  const barred = files.filter(path => !missing.includes(path) && findProgram(path).denied)
  const found = [
    ...(names.length === 0 ? [wrong(`the list of programs beside ${quoted(distribution())} cannot be read`, 'install zag again')] : []),
    ...missing.map(path => wrong(`${quoted(path)} is missing`, 'install zag again')),
    ...barred.map(path => wrong(`${quoted(path)} may not be executed`, `chmod +x ${quoted(path)}`)),
  ]
  return found.length > 0 ? found : [fine(`${count(files.length, 'program')} in ${quoted(programs())}`)]
}

function lookAtPath(): Found[] {
  const { path } = findProgram('zag', process.env.PATH)
  if (path === undefined) return [fine('zag is not on PATH', `add ${quoted(programs())} to PATH`)]
  const here = join(programs(), 'zag')
  if (existsSync(here) && realpathSync(path) === realpathSync(here)) return [fine(`zag is on PATH as ${quoted(path)}`)]
  return [fine(`the zag on PATH is another one: ${quoted(path)}`, `put ${quoted(programs())} before it on PATH`)]
}

async function lookAtConfiguration(seen: Seen): Promise<Found[]> {
  seen.config = await loadConfig(projectRoot('.'))
  return [fine(existsSync(paths.config()) ? `${quoted(paths.config())} is right` : `no ${quoted(paths.config())}: the defaults count`)]
}

async function lookAtProviders({ config }: Seen): Promise<Found[]> {
  if (!config) return []
  const rows = await survey(config)
  const usable = rows.filter(row => row.usable).map(row => row.provider)
  if (usable.length === 0) return [wrong('no provider can be used', 'zag providers says why')]
  return [fine(`${usable.length} of ${count(rows.length, 'provider')} can be used: ${usable.join(', ')}`)]
}

function lookAtInotify(): Found[] {
  if (process.platform !== 'linux') return []
  const [instances, watches] = ['max_user_instances', 'max_user_watches'].map(name => Number(limit(name)))
  if (instances === undefined || watches === undefined || Number.isNaN(instances + watches)) {
    return [fine('the limits of inotify cannot be read', 'where the system cannot watch, zag polls')]
  }
  const message = `${instances} instances and ${watches} watches a user`
  if (instances >= FEW_WATCHERS && watches >= FEW_WATCHES) return [fine(message)]
  return [fine(message, `that is few: programs beyond it poll every 100 ms; raise fs.inotify with sysctl`)]
}

function limit(name: string): string {
  try {
    return readFileSync(`/proc/sys/fs/inotify/${name}`, 'latin1')
  } catch {
    // A kernel without inotify, or a container that hides it: reported as not readable.
    return 'unknown'
  }
}

function lookAtSpace(): Found[] {
  let folder = home()
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder)
  const disk = wrap(`cannot read the disk of ${quoted(folder)}`, () => statfsSync(folder))
  const free = disk.bavail * disk.bsize
  const message = `${Math.floor(free / 1e6)} MB free on the disk of ${quoted(folder)}`
  if (free < LITTLE_SPACE) return [wrong(message, 'make room: zag gc --force removes old sessions')]
  // File systems that make inodes as they go count none.
  if (disk.files > 0 && disk.ffree < FEW_FILES)
    return [wrong(`${message}, but only for ${count(disk.ffree, 'file')}`, 'zag gc --force removes old sessions')]
  return [fine(message)]
}

function lookAtHome(seen: Seen): Found[] {
  const isHome = checkHome()
  if (!isHome && ids().length === 0) return [fine(`no home at ${quoted(home())} yet, so no sessions yet`)]
  seen.home = true
  const missing = [paths.layout, ...FOLDERS].map(path => path()).filter(path => !existsSync(path))
  if (missing.length === 0) return [fine(`${quoted(home())}, layout ${readIfThere(paths.layout())?.trim()}`)]
  const names = missing.map(path => quoted(path.slice(home().length + 1)))
  return [wrong(`${quoted(home())} has no ${names.join(', ')}`, `${REPAIR} makes what is missing`, openHome)]
}

function lookAtWriting(): Found[] {
  for (const folder of [home(), ...FOLDERS.map(path => path()).filter(path => existsSync(path))]) {
    wrap(`cannot write ${quoted(folder)}`, () => accessSync(folder, constants.W_OK | constants.X_OK))
  }
  return [fine('the home can be written')]
}

function lookAtPermissions(): Found[] {
  const open: [string, Stats][] = []
  const foreign: string[] = []
  const user = process.geteuid?.()
  for (const [path, stats] of withAllBelow(home())) {
    if (stats.uid !== user) foreign.push(path)
    else if (!stats.isSymbolicLink() && (stats.mode & 0o077) !== 0) open.push([path, stats])
  }
  // A configuration written with an editor is not private itself; behind a closed home nobody gets to it.
  const bare = open[0]?.[0] === home() ? open : open.filter(([path]) => path !== paths.config())
  const found: Found[] = []
  if (bare.length > 0) {
    const message = `${count(bare.length, 'path')} can be got at by others: ${someOf(bare.map(([path]) => quoted(path)))}`
    found.push(wrong(message, `${REPAIR} makes them private`, () => each(bare, ([path, stats]) => makePrivate(path, stats))))
  }
  if (foreign.length > 0) found.push(wrong(`another user owns ${someOf(foreign.map(quoted))}`, 'chown them to yourself'))
  return found.length > 0 ? found : [fine('nobody else can read the home')]
}

function makePrivate(path: string, stats: Stats): void {
  wrap(`cannot make ${quoted(path)} private`, () => chmodSync(path, stats.isDirectory() ? 0o700 : 0o600))
}

/** A folder and all in it. What disappears meanwhile is left out. */
function* withAllBelow(path: string): Generator<[string, Stats]> {
  const stats = wrap(`cannot look at ${quoted(path)}`, () => lstatSync(path, { throwIfNoEntry: false }))
  if (!stats) return
  yield [path, stats]
  if (!stats.isDirectory()) return
  for (const name of listIfThere(path)) if (name !== 'lost+found') yield* withAllBelow(join(path, name))
}

function lookAtSessions(seen: Seen): Found[] {
  const found: Found[] = []
  for (const id of ids()) {
    const known = open(id)
    if (typeof known === 'string') found.push(wrong(known, `nothing of it is deleted: mend it, or move ${quoted(paths.session(id))} away`))
    else if (known) seen.known.push(known)
  }
  return [fine(seen.known.length === 0 ? 'no sessions yet' : count(seen.known.length, 'session')), ...found]
}

/** A session and its state; nothing if it is gone by now; in words, what is wrong with its files. */
function open(id: string): Known | string | undefined {
  try {
    const session = read(id)
    if (session && isWhole(session)) return { session, status: statusOf(id) }
    if (session) return `session ${id} is damaged: its session.json is not complete`
    return existsSync(paths.session(id)) ? `session ${id} is damaged: it has no session.json` : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return `session ${id} is damaged: its latest owner.* is no JSON`
    if (error instanceof Fault) return error.message.replace(/: see zag doctor$/, '')
    throw error
  }
}

const isWhole = ({ provider, root, group, created_at, depends_on }: Partial<Session>) =>
  [provider, root, group, created_at].every(value => typeof value === 'string') && Array.isArray(depends_on)

function lookAtDead({ known }: Seen): Found[] {
  const dead = known.filter(isDead)
  if (dead.length === 0) return [fine('every session that is over has its end in its log')]
  const message = `${count(dead.length, 'session')} lost the runner and did not end: ${idsOf(dead)}`
  return [wrong(message, `${REPAIR} ends them, as looking at them does`, () => each(dead, end))]
}

/** Dead without an end that all can see, and nobody is at it. */
function isDead({ status: { state, ended, owner } }: Known): boolean {
  return state === 'dead' && !ended && !(owner?.role === 'close' && lives(owner))
}

async function end(known: Known): Promise<void> {
  known.status = await settle(known.session.id)
  if (isDead(known)) throw new Fault(`session ${known.session.id} cannot be ended here`, EXIT.system)
}

function lookAtTable({ known }: Seen): Found[] {
  const rebuild = () => processes().rebuild(rowsOfAll)
  try {
    const { rows, bad } = processes().rows({ all: true })
    const late = lateAmong(known, rows)
    const stray = strayAmong(rows)
    if (late.length + stray.length === 0)
      return [fine(`${count(rows.length, 'row')}${bad > 0 ? `, and ${count(bad, 'line')} that is none` : ''}`)]
    const parts = [
      late.length > 0 && `lacks the present state of ${count(late.length, 'session')}: ${idsOf(late)}`,
      stray.length > 0 && `has ${count(stray.length, 'row')} of no session`,
    ]
    return [wrong(`the process table ${parts.filter(Boolean).join('; it ')}`, `${REPAIR} makes it again`, rebuild)]
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return [wrong(error.message.replace(/: run zag doctor --repair$/, ''), `${REPAIR} makes it again`, rebuild)]
  }
}

/** Sessions that have no row, or one that is behind the log. */
function lateAmong(known: Known[], rows: ProcessRow[]): Known[] {
  const late = lateIn(known, rows)
  if (late.length === 0) return []
  const again = wholeOnes(late.map(({ session }) => open(session.id)))
  return lateIn(again, processes().rows({ all: true }).rows)
}

function lateIn(known: Known[], rows: ProcessRow[]): Known[] {
  const byId = new Map(rows.map(row => [row.id, row]))
  return known.filter(one => {
    const due = rowDue(one)
    const row = byId.get(due.id)
    return !row || row.rev < due.rev || (row.rev === due.rev && row.status !== due.status)
  })
}

function strayAmong(rows: ProcessRow[]): ProcessRow[] {
  const stray = rows.filter(({ id }) => !existsSync(paths.session(id)))
  return stray.length === 0
    ? []
    : processes()
        .rows({ all: true })
        .rows.filter(({ id }) => !existsSync(paths.session(id)))
}

/** The row that the table must have of a session, or a later one. */
function rowDue({ session, status: { run, started, ended, owner } }: Known): ProcessRow {
  if (ended) {
    const { status, exit_code, error, ts } = ended
    return rowFor(session, ended.run, 'ended', { status, exit_code, error, ended_at: ts })
  }
  if (started) return rowFor(session, run, 'started', { pid: started.pid, runner_pid: owner?.pid })
  return rowFor(session, run, 'created', {})
}

/** A row for each session that can be read. */
function rowsOfAll(): ProcessRow[] {
  return wholeOnes(ids().map(open)).map(rowDue)
}

function lookAtIndex({ known }: Seen): Found[] {
  const { missing, stray } = misfiledAmong(known.map(({ session }) => session))
  if (missing.length + stray.length === 0) return [fine('every session can be found by its name, tags and id')]
  const parts = [
    missing.length > 0 && `lacks entries of ${count(missing.length, 'session')}: ${someOf(missing.map(({ id }) => id))}`,
    stray.length > 0 && `has ${entries(stray.length)} that no session is behind`,
  ]
  return [wrong(`the index ${parts.filter(Boolean).join('; it ')}`, `${REPAIR} makes it again`, () => refile({ missing, stray }))]
}

/** What is wrong at a second look too, with sessions as they are by then. */
function misfiledAmong(sessions: Session[]): Misfiled {
  const first = misfiled(sessions)
  if (first.missing.length + first.stray.length === 0) return first
  return misfiled(wholeOnes(sessions.map(({ id }) => open(id))).map(({ session }) => session))
}

function lookAtMarkers({ known }: Seen): Found[] {
  const first = known.filter(lacksMarker)
  const unmarked = wholeOnes(first.map(({ session }) => open(session.id))).filter(lacksMarker)
  if (unmarked.length === 0) return [fine('every end has its marker')]
  const message = `no marker of the end of ${count(unmarked.length, 'session')}: ${idsOf(unmarked)}`
  return [
    wrong(message, `${REPAIR} makes them`, () =>
      each(unmarked, ({ session, status: { ended } }) => ended && mark(session.id, 'ended', ended)),
    ),
  ]
}

/** Of a session that somebody has in hand the marker may be on its way. */
function lacksMarker({ session, status: { over, ended, owner } }: Known): boolean {
  return over && ended !== undefined && !existsSync(paths.marker(session.id, 'ended')) && !(owner && lives(owner))
}

function lookAtRemains(): Found[] {
  const remains = remainsOfCrashes()
  if (remains.length === 0) return [fine('no remains of crashes')]
  const message = `${remains.length} remains of crashes: ${someOf(remains.map(quoted))}`
  return [wrong(message, `${REPAIR} removes them, as zag gc --force does`, () => each(remains, removeTree))]
}

function lookAtLogs({ known }: Seen): Found[] {
  const hints: Found[] = []
  for (const { session } of known) {
    const bad = badLinesOf(session.id)
    if (bad > 0)
      hints.push(
        fine(
          `the log of session ${session.id} has ${count(bad, 'line')} that cannot be read`,
          'readers go on after it and show a parse_warning',
        ),
      )
  }
  return hints.length > 0 ? hints : [fine(`every line of ${count(known.length, 'log')} can be read`)]
}

function badLinesOf(id: string): number {
  let bad = 0
  scan(paths.inSession(id, 'log.ndjson'), {}, line => {
    if (typeof parseLine(line)?.type !== 'string') bad += 1
    return undefined
  })
  return bad
}

const wholeOnes = (opened: (Known | string | undefined)[]) => opened.filter(one => typeof one === 'object')
const entries = (number: number) => `${number} ${number === 1 ? 'entry' : 'entries'}`
const idsOf = (known: Known[]) => someOf(known.map(({ session }) => session.id))

/** Three of them by name. */
function someOf(words: string[]): string {
  const more = words.length - 3
  return `${words.slice(0, 3).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** Runs a call of the system; what it refuses is a Fault that begins with `what`. */
function wrap<T>(what: string, call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw refused(what, error)
  }
}
