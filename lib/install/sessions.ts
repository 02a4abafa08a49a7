// Checks of what the home holds: sessions against the table, the index and the markers, which are made again from them.

import { existsSync } from 'node:fs'
import { EXIT, Fault, quoted } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { isAlive } from '../process/identity.js'
import { settle } from '../run/settle.js'
import { mark, rowFor } from '../run/turn.js'
import { statusOf } from '../session/state.js'
import { removeTree } from '../store/file.js'
import { parseLine, scan } from '../store/lines.js'
import { type ProcessRow, processes } from '../table/processes.js'
import { type Misfiled, misfiled, refile } from '../table/refile.js'
import { ids, read, type Session } from '../table/sessions.js'
import { remainsOfCrashes } from '../verb/gc.js'
import { count, each, type Found, fine, type Known, REPAIR, type Seen, someOf, wrong } from './finding.js'

export function lookAtSessions(seen: Seen): Found[] {
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
    if (error instanceof Fault) return error.message.replace(/: see zag doctor$/, '')
    throw error
  }
}

const isWhole = ({ provider, root, group, created_at, depends_on }: Partial<Session>) =>
  [provider, root, group, created_at].every(value => typeof value === 'string') && Array.isArray(depends_on)

export function lookAtDead({ known }: Seen): Found[] {
  const dead = known.filter(isDead)
  if (dead.length === 0) return [fine('every session that is over has its end in its log')]
  const message = `${count(dead.length, 'session')} lost the runner and did not end: ${idsOf(dead)}`
  return [wrong(message, `${REPAIR} ends them, as looking at them does`, () => each(dead, end))]
}

/** Dead without an end that all can see, and nobody is at it. */
function isDead({ status: { state, ended, owner } }: Known): boolean {
  return state === 'dead' && !ended && !(owner?.role === 'close' && isAlive(owner))
}

async function end(known: Known): Promise<void> {
  known.status = await settle(known.session.id)
  if (isDead(known)) throw new Fault(`session ${known.session.id} cannot be ended here`, EXIT.system)
}

export function lookAtTable({ known }: Seen): Found[] {
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
    // Up to its end a row may lag behind who has the session in hand.
    return !row || row.rev < due.rev || (row.rev === due.rev && one.status.ended && row.status !== due.status)
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
function rowDue({ session, status: { run, started, ended, owner, state } }: Known): ProcessRow {
  if (ended) {
    const { status, exit_code, error, ts } = ended
    return rowFor(session, ended.run, 'ended', { status, exit_code, error, ended_at: ts })
  }
  if (started) return rowFor(session, run, 'started', { pid: started.pid, runner_pid: owner?.pid })
  return rowFor(session, run, 'created', state === 'queued' ? { status: state } : {})
}

/** A row for each session that can be read. */
function rowsOfAll(): ProcessRow[] {
  return wholeOnes(ids().map(open)).map(rowDue)
}

export function lookAtIndex({ known }: Seen): Found[] {
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

export function lookAtMarkers({ known }: Seen): Found[] {
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
  return over && ended !== undefined && !existsSync(paths.marker(session.id, 'ended')) && !(owner && isAlive(owner))
}

export function lookAtRemains(): Found[] {
  const remains = remainsOfCrashes()
  if (remains.length === 0) return [fine('no remains of crashes')]
  const message = `${remains.length} remains of crashes: ${someOf(remains.map(quoted))}`
  return [wrong(message, `${REPAIR} removes them, as zag gc --force does`, () => each(remains, removeTree))]
}

export function lookAtLogs({ known }: Seen): Found[] {
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
