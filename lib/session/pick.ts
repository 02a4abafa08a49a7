// Which sessions are meant: the one function behind every program that takes sessions. zag-session(7) is its page.
//
// What is given adds up, in the order given and without repeats; --state and --root narrow it. Only folders are asked for
// what is true; the index finds candidates.

import { EXIT, Fault, quoted, usage } from '../base/exit.js'
import { isId, shortId } from '../base/id.js'
import { projectRoot } from '../base/paths.js'
import { checkHome } from '../store/home.js'
import { endOf, indexed } from '../table/filing.js'
import { exists, ids, readIfIntact } from '../table/sessions.js'
import { STATES, type State, statusOf } from './state.js'

/** The selecting flags in camelCase, and the operands. */
export interface Pick {
  operands?: string[]
  tag?: string[]
  name?: string
  parent?: string
  state?: string
  latest?: boolean
  all?: boolean
  root?: string
}

/** Lines of stdin, asked for only when an operand is `-`. */
export interface Lines {
  lines(): AsyncIterable<string>
}

/** For who has no stdin: `-` is wrong usage there. */
export const NO_LINES: Lines = {
  // biome-ignore lint/correctness/useYield: there are none
  async *lines() {
    throw usage("'-' reads stdin, and there is none")
  },
}

interface Options {
  /** Nothing named at all means this, instead of wrong usage. */
  otherwise?: 'all' | 'none'
  /** It is no error if --state and --root leave none. */
  empty?: boolean
}

/**
 * The ids of the sessions meant. Throws Fault 3 for a session that is not there or is one of several, and for an empty
 * set; Fault 2 if nothing says which.
 */
export async function pick(which: Pick, stdin: Lines, options: Options = {}): Promise<string[]> {
  const states = statesOf(which.state)
  checkHome()
  const named = await candidates(which, stdin)
  if (!named && !options.otherwise) throw usage('which sessions? name some, or give --tag, --latest or --all')
  if (!named && options.otherwise === 'none') return []
  const found = named ?? all()
  const root = which.root === undefined ? undefined : projectRoot(which.root)
  const left = found.filter(id => (root === undefined || readIfIntact(id)?.root === root) && (!states || states.has(statusOf(id).state)))
  // What was named has to be there, even where nothing has to be left of it.
  const mayBeEmpty = options.empty && (found.length > 0 || !named || which.all)
  if (left.length === 0 && !mayBeEmpty) throw new Fault(`no session ${describe(which)}`, EXIT.none)
  return left
}

/** The id of the one session an operand names. Throws Fault 3 if there is none or more than one. */
export function one(word: string): string {
  if (!checkHome()) throw new Fault(`no session ${quoted(word)}: there are none yet`, EXIT.none)
  if (isId(word) && exists(word)) return word
  const named = newestNamed(word)
  if (named) return named
  const fitting = byPart(word)
  if (fitting.length === 1) return fitting[0] as string
  if (fitting.length === 0) throw new Fault(`no session ${quoted(word)}: see zag ps --all`, EXIT.none)
  const shown = fitting.slice(0, 5).map(id => `${id}${nameAfter(id)}`)
  const more = fitting.length > shown.length ? `, and ${fitting.length - shown.length} more` : ''
  throw new Fault(`${quoted(word)} fits ${fitting.length} sessions: ${shown.join(', ')}${more}: give more of the id`, EXIT.none)
}

/** Everything named, or nothing if nothing was. */
async function candidates(which: Pick, stdin: Lines): Promise<string[] | undefined> {
  const { operands = [], tag = [], name, parent, latest } = which
  const sets: string[][] = []
  for (const word of operands) sets.push(word === '-' ? await fromLines(stdin) : [one(word)])
  if (tag.length > 0) sets.push(withTags(tag))
  if (name !== undefined) sets.push([newestNamed(name) ?? notNamed(name)])
  if (parent !== undefined) sets.push(indexed('parent', one(parent)).filter(exists))
  if (latest) sets.push(newest())
  if (which.all) sets.push(all())
  return sets.length === 0 ? undefined : [...new Set(sets.flat())]
}

/** Sessions that have every one of the tags, oldest first, but for those known already. */
export function withTags(tags: string[], known: ReadonlySet<string> = new Set()): string[] {
  const [first = [], ...rest] = tags.map(tag => filed('tag', tag))
  const others = rest.map(ids => new Set(ids))
  return first.filter(id => !known.has(id) && others.every(set => set.has(id)) && exists(id))
}

function all(): string[] {
  return checkHome() ? ids().filter(exists) : []
}

function newest(): string[] {
  const id = checkHome() ? ids().findLast(exists) : undefined
  return id === undefined ? [] : [id]
}

/** The newest session of the project that a folder belongs to. Throws a Fault (3) if there is none. */
export function newestIn(folder: string): string {
  const root = projectRoot(folder)
  const id = checkHome() ? ids().findLast(id => readIfIntact(id)?.root === root) : undefined
  if (id !== undefined) return id
  throw new Fault(`no session of the project in ${quoted(root)}`, EXIT.none)
}

/** A change that was cut short leaves an old name in the index; of a session that is damaged nobody else knows its name. */
function newestNamed(name: string): string | undefined {
  return filed('name', name).findLast(id => exists(id) && (readIfIntact(id)?.name ?? name) === name)
}

/** The ids filed under a name or tag. A word that checkName does not allow for its length has none, and no path of its own. */
function filed(kind: 'name' | 'tag', word: string): string[] {
  const bytes = Buffer.byteLength(word)
  return bytes > 0 && bytes <= 200 ? indexed(kind, word) : []
}

function notNamed(name: string): never {
  throw new Fault(`no session named ${quoted(name)}`, EXIT.none)
}

/** Ids that begin or end in the word, which has four characters or more. */
function byPart(word: string): string[] {
  const part = word.toLowerCase()
  if (!/^[0-9a-f-]{4,36}$/.test(part)) return []
  const ending = indexed('end', endOf(part)).filter(id => id.endsWith(part))
  // Beginnings need the whole list; all ids of some decades begin in the same four characters.
  const beginning = mayBegin(part) ? ids().filter(id => id.startsWith(part)) : []
  return [...new Set([...beginning, ...ending])].filter(exists).sort()
}

/** Ids begin in the time they were made at: one that lies ahead begins none, which spares most endings the whole list. */
function mayBegin(part: string): boolean {
  const digits = part.replace('-', '').slice(0, 12)
  const now = Date.now().toString(16).padStart(12, '0').slice(0, digits.length)
  return /^[0-9a-f]{1,8}(-|$)/.test(part) && digits <= now
}

/** Ids, parts and names, a line each; rows with session_id, or an array of them. No session at all is Fault 3: nothing was handed on. */
async function fromLines(stdin: Lines): Promise<string[]> {
  const found: string[] = []
  const lines = stdin.lines()[Symbol.asyncIterator]()
  for (let next = await lines.next(); !next.done; next = await lines.next()) {
    const word = next.value.trim()
    if (word.startsWith('{')) return [...found, ...(await fromRows(word, lines))]
    // A name may begin so too.
    if (word.startsWith('[') && newestNamed(word) === undefined) return [...found, ...(await fromArray(word, lines))]
    if (word !== '') found.push(one(word))
  }
  if (found.length === 0) throw new Fault("stdin has no session: '-' reads ids or rows with session_id, a line each", EXIT.none)
  return found
}

async function fromRows(first: string, rest: AsyncIterator<string>): Promise<string[]> {
  const { readRows } = await import('../store/rows.js')
  const found: string[] = []
  for await (const row of readRows(linesOf(first, rest))) {
    if (typeof row.session_id !== 'string') throw usage(`row ${found.length + 1} of stdin has no session_id`)
    found.push(one(row.session_id))
  }
  return found
}

/** What ps, collect and session list print with --json: one array, on one line or several. */
async function fromArray(first: string, rest: AsyncIterator<string>): Promise<string[]> {
  const lines: string[] = []
  for await (const line of linesOf(first, rest)) lines.push(line)
  return sessionsIn(lines.join('')).map(one)
}

function sessionsIn(text: string): string[] {
  let rows: unknown
  try {
    rows = JSON.parse(text)
  } catch (error) {
    throw new Fault(`stdin is no JSON array: ${quoted(text.trim())}`, EXIT.usage, { cause: error })
  }
  const found = (rows as unknown[]).map((row, at) => {
    const id = typeof row === 'object' && row !== null ? (row as Record<string, unknown>).session_id : undefined
    if (typeof id !== 'string') throw usage(`row ${at + 1} of the array on stdin has no session_id`)
    return id
  })
  if (found.length === 0) throw new Fault("the array on stdin is empty: '-' reads rows with session_id", EXIT.none)
  return found
}

async function* linesOf(first: string, rest: AsyncIterator<string>): AsyncGenerator<string> {
  yield `${first}\n`
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield `${next.value}\n`
}

function statesOf(text: string | undefined): Set<State> | undefined {
  if (text === undefined) return undefined
  const words = text.split(',').map(word => word.trim())
  const wrong = words.find(word => !(STATES as readonly string[]).includes(word))
  if (wrong !== undefined) throw usage(`${quoted(wrong)} is no state: ${STATES.join(', ')}`)
  return new Set(words as State[])
}

function nameAfter(id: string): string {
  const name = readIfIntact(id)?.name
  return name === undefined ? '' : ` ${quoted(name)}`
}

/** What was asked for, for the message that nothing fits. */
function describe({ operands = [], tag = [], parent, state, root, latest, all: every }: Pick): string {
  const parts = [
    ...operands.filter(word => word !== '-').map(quoted),
    ...tag.map(word => `with tag ${quoted(word)}`),
    ...(parent === undefined ? [] : [`started by ${quoted(parent)}`]),
    ...(state === undefined ? [] : [`in state ${quoted(state)}`]),
    ...(root === undefined ? [] : [`of the project in ${quoted(root)}`]),
  ]
  return parts.length > 0 ? parts.join(' and ') : latest || every ? 'there is yet' : 'named'
}

/** The short id with the name, for people. */
function label(id: string, name: string | undefined | null): string {
  return name ? `${shortId(id)} ${name}` : shortId(id)
}

/** label() of sessions by their ids, each looked up once. */
export function labels(): (id: string) => string {
  const known = new Map<string, string>()
  return id => {
    const text = known.get(id) ?? label(id, readIfIntact(id)?.name)
    known.set(id, text)
    return text
  }
}

/** pick for programs that mean the session around when none is named; `own` gives it, and throws outside of one. */
export async function pickAbout({ operands = [], ...which }: Pick, stdin: Lines, own: () => string): Promise<string[]> {
  return pick({ ...which, operands: nothingNamed({ ...which, operands }) ? [own()] : operands }, stdin)
}

function nothingNamed({ operands = [], tag = [], name, parent, latest, all: every }: Pick): boolean {
  return operands.length + tag.length === 0 && name === undefined && parent === undefined && !latest && !every
}
