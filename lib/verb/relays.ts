// Which relays are meant, and the lists of them. They are named as sessions are, by any unique beginning or ending of four characters
// or more, or by the sessions that asked; --matching leaves those whose call a rule covers.

import { EXIT, Fault, quoted, usage } from '../base/exit.js'
import { isId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { covers } from '../permission/match.js'
import { answerOf, idsIn, openRelays, type Relay, readRelay } from '../permission/relay.js'
import { parseRule, type Rule } from '../permission/rule.js'
import { type Lines, NO_LINES, type Pick } from '../session/pick.js'
import { type Selection, select } from '../session/selection.js'
import { checkHome } from '../store/home.js'
import { parseLine } from '../store/lines.js'
import { watchFolder } from '../store/watch.js'
import { lateText, type RelayRow, relayRow } from './relay-row.js'

/** The flags and operands that choose relays, in camelCase. What is given adds up, but for `matching`, `state` and `root`, which narrow it. */
export interface RelayPick extends Omit<Pick, 'operands'> {
  relays?: string[]
  session?: string[]
  matching?: string
}

/** A choice of relays that goes on. */
export interface RelaySelection {
  has(relay: Relay): boolean
  /** Those named that have their answer by now: asked after a look at those that are open, which closes what nobody waits for. */
  answered(): string[]
}

/** In case the system's notice of a new one got lost, in milliseconds. */
const SWEEP = 5_000

/**
 * What the flags mean. Throws Fault 3 for a relay or session that is not there or is one of several; Fault 2 for a rule that is
 * none, or if nothing is named and `otherwise` does not say that this means all.
 */
export async function selectRelays(
  which: RelayPick,
  stdin: Lines = NO_LINES,
  { otherwise }: { otherwise?: 'all' } = {},
): Promise<RelaySelection> {
  const { relays = [], session = [], matching, ...more } = which
  const rule = matching === undefined ? undefined : parseRule(matching)
  checkHome()
  const ids: string[] = []
  for (const word of relays) ids.push(...(word === '-' ? await fromLines(stdin) : [relayNamed(word)]))
  const named = new Set(ids)
  const sessions = await sessionsOf({ ...more, operands: session }, stdin, {
    named: relays.length > 0,
    otherwise: matching === undefined ? otherwise : 'all',
  })
  return {
    has: relay => (named.has(relay.relay_id) || sessions(relay)) && (!rule || isCovered(relay, rule)),
    answered: () => [...named].filter(id => answerOf(id) !== undefined),
  }
}

/** Which relays are meant by their sessions. */
async function sessionsOf(
  which: Pick,
  stdin: Lines,
  { named, otherwise }: { named: boolean; otherwise?: 'all' },
): Promise<(relay: Relay) => boolean> {
  const { operands = [], tag = [], name, parent, latest, all, state, root } = which
  const narrows = state !== undefined || root !== undefined
  const chosen = operands.length + tag.length > 0 || name !== undefined || parent !== undefined || latest === true || all === true
  if (!chosen && named) return () => false
  if (!chosen && !narrows && otherwise !== 'all') throw usage('which relays? name some, or give --session, --tag, --all or --matching')
  // Also those that no session asked.
  if ((!chosen || (all && operands.length + tag.length === 0)) && !narrows) return () => true
  const selection: Selection = await select(which, stdin, { otherwise: 'all' })
  if (selection.closed) selection.fresh()
  return ({ session_id: id }) => id !== undefined && (selection.has(id) || selection.offer(id))
}

/** The open relays that are meant, oldest first. */
export async function listRelays(which: RelayPick = {}, stdin?: Lines): Promise<RelayRow[]> {
  const selection = await selectRelays(which, stdin, { otherwise: 'all' })
  return openIn(selection).map(relayRow)
}

/** The open relays of a selection, oldest first. Throws Fault 4 if one that was named has its answer. */
export function openIn({ has, answered }: RelaySelection): Relay[] {
  const found = openRelays().filter(has)
  const [id] = answered()
  if (id !== undefined) throw new Fault(lateText(id), EXIT.notNow)
  return found
}

/** Open relays, then each new one as it comes, until it is stopped. */
export async function* followRelays({ has }: RelaySelection, { stop }: { stop?: AbortSignal } = {}): AsyncGenerator<RelayRow> {
  let told = new Set<string>()
  let due = true
  let wake = () => {}
  const look = () => {
    due = true
    wake()
  }
  const watch = watchFolder(paths.relays(), look)
  const sweep = setInterval(look, SWEEP)
  stop?.addEventListener('abort', look)
  try {
    while (!stop?.aborted) {
      due = false
      const open = openRelays().filter(has)
      const fresh = open.filter(({ relay_id }) => !told.has(relay_id))
      told = new Set(open.map(({ relay_id }) => relay_id))
      for (const relay of fresh) yield relayRow(relay)
      if (!due && !stop?.aborted) await new Promise<void>(resolve => (wake = resolve))
    }
  } finally {
    watch.close()
    clearInterval(sweep)
    stop?.removeEventListener('abort', look)
  }
}

/** Whether a rule covers all that a relay asks for. */
function isCovered(relay: Relay, rule: Rule): boolean {
  return covers([rule], relay, relay).allowed
}

/** The id of the relay that a word names, open or answered; of several, the open one. Throws Fault 3. */
function relayNamed(word: string): string {
  if (isId(word) && (readRelay(word) || answerOf(word))) return word
  const part = word.toLowerCase()
  const answered = new Set(idsIn(paths.answers()))
  const fits = (id: string) => id.startsWith(part) || id.endsWith(part)
  const fitting = /^[0-9a-f-]{4,36}$/.test(part) ? idsIn(paths.relays()).filter(id => fits(id) && !answered.has(id)) : []
  const found = fitting.length > 0 || part.length < 4 || !/^[0-9a-f-]+$/.test(part) ? fitting : [...answered].filter(fits)
  const [id] = found
  if (id === undefined) throw new Fault(`no relay ${quoted(word)}: see zag relay`, EXIT.none)
  if (found.length === 1) return id
  const more = found.length > 5 ? `, and ${found.length - 5} more` : ''
  throw new Fault(`${quoted(word)} fits ${found.length} relays: ${found.slice(0, 5).join(', ')}${more}: give more of the id`, EXIT.none)
}

/** Ids, parts of them, and rows with relay_id, a line each. */
async function fromLines(stdin: Lines): Promise<string[]> {
  const found: string[] = []
  for await (const line of stdin.lines()) {
    const word = line.trim()
    const row = word.startsWith('{') ? (parseLine(word) ?? {}) : undefined
    if (row && typeof row.relay_id !== 'string') throw usage(`a row of stdin has no relay_id: ${quoted(word)}`)
    if (word !== '') found.push(relayNamed(row ? String(row.relay_id) : word))
  }
  if (found.length === 0) throw new Fault("stdin has no relay: '-' reads ids or rows with relay_id, a line each", EXIT.none)
  return found
}
