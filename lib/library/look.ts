// What is known of sessions, of agents and of this installation, without changing any of it.

import { projectRoot } from '../base/paths.js'
import { loadConfig } from '../config/config.js'
import type { LogEvent } from '../log/events.js'
import { type Surveyed, survey } from '../provider/survey.js'
import { environmentOf, self } from '../run/self.js'
import { settleAll } from '../run/settle.js'
import { filterOf } from '../session/filter.js'
import { type Row, rowOf } from '../session/row.js'
import { collect as collectAll, outputOf } from '../verb/collect.js'
import { type Listed, list, listOne, treeOf as rowsOfTree } from '../verb/list.js'
import { query } from '../verb/query.js'
import { type Hit, search as searchIn, type Wanted } from '../verb/search.js'
import { type Grown, type Stats, type Summary, statsOf, summaryOf, type Totals, totalsOf, treeOf } from '../verb/summary.js'
import { idsOf, listOf, type Sessions } from './which.js'

/** The state of each, as a row. Throws Faults 2, 3. */
export async function status(which: Sessions): Promise<Row[]> {
  return (await settleAll(await idsOf(which))).map(status => rowOf(status))
}

/** Sessions that are not over, or with `all` those that are too; of a choice all. Throws a Fault (3) for what is not there. */
export async function ps({ all = false, ...which }: Sessions = {}): Promise<Listed[]> {
  const ids = await idsOf(which, { otherwise: 'none', empty: true })
  return ids.length > 0 ? Promise.all(ids.map(listOne)) : list({ all })
}

/** The same in the order of their trees, with the children of those that were named; without names also those that the living descend from. */
export async function psTree(which: Sessions & { all?: boolean } = {}): Promise<(Listed & { parent_id: string | null; depth: number })[]> {
  const isNamed = (await idsOf(which, { otherwise: 'none', empty: true })).length > 0
  return (await rowsOfTree(await ps(which), isNamed ? 'down' : 'up')).map(({ row }) => row)
}

/** Results of many in the order asked for, missing ones included. Throws Faults 2, 3. */
export async function collect({ maxBytes, ...which }: Sessions & { maxBytes?: number }): Promise<Row[]> {
  return collectAll(await idsOf(which), maxBytes)
}

/** The final text of one session, byte for byte. Throws a Fault: 4 if it is not over, 1 if it ended without one. */
export async function output(which: Sessions): Promise<Buffer> {
  const [id] = (await idsOf(which)) as [string]
  return outputOf(id)
}

export interface EventsOptions extends Sessions {
  type?: string | readonly string[]
  filter?: string | readonly string[]
  last?: number
  afterSeq?: number
  beforeSeq?: number
  /** Milliseconds since 1970. */
  since?: number
}

/** Events that were logged. Throws Faults 2, 3. */
export async function events({ type, filter, last, afterSeq, beforeSeq, since, ...which }: EventsOptions): Promise<LogEvent[]> {
  const wanted = { filter: filterOf(listOf(type), listOf(filter)), last, afterSeq, beforeSeq, since }
  const found: LogEvent[] = []
  for (const id of await idsOf(which)) query(id, wanted, event => found.push(event))
  return found
}

export interface Summarised<S extends Summary = Summary> {
  sessions: S[]
  totals: Totals
  stats: Stats[]
}

/** What sessions did, in numbers. Throws Faults 2, 3. */
export async function summary(which: Sessions): Promise<Summarised> {
  const sessions: Summary[] = []
  for (const id of await idsOf(which)) sessions.push(await summaryOf(id))
  return summarised(sessions)
}

/** The same with all that descends from them; each that was named has the totals of its tree. */
export async function summaryTree(which: Sessions): Promise<Summarised<Grown>> {
  return summarised((await treeOf(await idsOf(which))).map(({ row }) => row))
}

function summarised<S extends Summary>(sessions: S[]): Summarised<S> {
  return { sessions, totals: totalsOf(sessions), stats: statsOf(sessions) }
}

/** Finds a text in the logs of sessions, all if none are named, at most `max` times. Throws Faults 2, 3. */
export async function search({ max = Number.POSITIVE_INFINITY, ...options }: Sessions & Wanted & { max?: number }): Promise<Hit[]> {
  const { sessions, tag, name, parent, state, latest, all, root, ...wanted } = options
  const hits: Hit[] = []
  const ids = await idsOf({ sessions, tag, name, parent, state, latest, all, root }, { otherwise: 'all', empty: true })
  searchIn(ids, wanted, hit => hits.push(hit) < max)
  return hits
}

/** The agents there are, and what they can. Throws a Fault (2) for a broken configuration. */
export async function providers({ root = '.' }: { root?: string } = {}): Promise<Surveyed[]> {
  return survey(await loadConfig(projectRoot(root)))
}

/** The session this process is in. Throws a Fault (1) outside of one. */
export function whoami(): ReturnType<typeof self> {
  return self()
}

/** The variables of a session's agent, of the own session if none is named. */
export async function env(which: Sessions = {}): Promise<Record<string, string>> {
  const [id] = await idsOf(which, { otherwise: 'none' })
  return environmentOf(id ?? self().session)
}
