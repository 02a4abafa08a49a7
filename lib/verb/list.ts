// The list of sessions from the process table. A row that says it is not over is believed only after a look at its session.

import { timeOf } from '../base/id.js'
import { timestamp } from '../base/time.js'
import { settle } from '../run/settle.js'
import { Round } from '../session/round.js'
import { type Row, rowOf } from '../session/row.js'
import { ancestorsOf, descendantsOf, inTreeOrder } from '../session/tree.js'
import { type ProcessRow, processes } from '../table/processes.js'
import { exists, ids, readIfIntact } from '../table/sessions.js'

/** A row of `ps`: that of its session, and when it was made and ended. */
export interface Listed extends Row {
  root: string
  parent?: string
  created_at: string
  ended_at?: string
}

/** Rows of sessions that are not over, or of all, oldest first. Dead ones are ended on the way. */
export async function list({ all = false }: { all?: boolean } = {}): Promise<Listed[]> {
  const { rows } = processes().rows({ all })
  const listed: Listed[] = []
  const round = new Round()
  // One look at the folder costs less than one for each of many rows.
  const there = rows.length > 100 ? new Set(ids()) : undefined
  for (const row of rows.filter(({ id }) => (there ? there.has(id) : exists(id)))) {
    const fresh = row.ended_at === undefined ? await look(row, round) : shown(row)
    if (all || fresh.ended_at === undefined) listed.push(fresh)
  }
  return listed.sort((a, b) => (a.session_id < b.session_id ? -1 : 1))
}

/** A row in a tree: whose child it is, how far below the top of its tree, and the lines that lead to it on a page. */
export interface Branch {
  row: Listed & { parent_id: string | null; depth: number }
  lines: string
}

/** What to add to rows to make trees of them: what descends from them, or those that they descend from. */
export type Grown = 'down' | 'up'

/** Rows in the order of their trees, oldest first; what is added to them is shown whether it is over or not. */
export async function treeOf(rows: readonly Listed[], grown: Grown): Promise<Branch[]> {
  const ids = rows.map(({ session_id }) => session_id)
  const known = new Set(ids)
  const more = grown === 'down' ? [...descendantsOf(ids).keys()] : ids.flatMap(ancestorsOf)
  const added: Listed[] = []
  for (const id of new Set(more)) if (!known.has(id)) added.push(await listOne(id))
  const all = [...rows, ...added].sort((a, b) => (a.session_id < b.session_id ? -1 : 1))
  return inTreeOrder(
    all,
    ({ session_id }) => session_id,
    ({ parent }) => parent,
  ).map(({ one, depth, lines }) => ({ row: { ...one, parent_id: one.parent ?? null, depth }, lines }))
}

/** The last `count` trees of many. */
export function newestTrees(branches: readonly Branch[], count: number): Branch[] {
  const roots = branches.flatMap(({ row }, at) => (row.depth === 0 ? [at] : []))
  return count === 0 ? [] : branches.slice(roots.at(-count) ?? 0)
}

/** The row of one session, in the form of the list. */
export async function listOne(id: string): Promise<Listed> {
  return look({ id })
}

async function look({ id }: { id: string }, round?: Round): Promise<Listed> {
  const status = await settle(id, round)
  const session = readIfIntact(id)
  const { root = '', parent, created_at = timestamp(timeOf(id)) } = session ?? {}
  return { ...rowOf(status, session), root, parent, created_at, ended_at: status.ended?.ts }
}

/** One literal: an object that is spread into another costs many times as much, and there may be 100,000 of them. */
function shown(row: ProcessRow): Listed {
  return {
    session_id: row.id,
    name: row.name ?? null,
    status: row.status,
    provider: row.provider,
    model: row.model ?? null,
    error: row.error ?? null,
    exit_code: row.exit_code,
    worktree: row.worktree,
    branch: row.branch,
    root: row.root,
    parent: row.parent,
    created_at: row.created_at,
    ended_at: row.ended_at,
  }
}
