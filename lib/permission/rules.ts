// The rules of a group: what is always or never allowed to any agent in it, and what once. A table in the group's folder; who has a
// once-rule is decided by a claim beside it, so exactly one call has it: it uses it up, or puts it back if something else decided.

import { basename, dirname, join } from 'node:path'
import { newId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { timestamp } from '../base/time.js'
import { changedAt, claim, listIfThere, makeFolder, remove, sizeIfThere } from '../store/file.js'
import { openHome } from '../store/home.js'
import { foldersOf } from '../table/groups.js'
import { Table, type TableRow } from '../table/journal.js'
import type { OnceKeeper, OnceRule } from './decide.js'
import { formatRule, parseRule, type Rule } from './rule.js'

export type RuleKind = 'always' | 'never' | 'once'

/** A rule of a group as it is kept. */
export interface GroupRule {
  id: string
  /** as formatRule writes it */
  rule: string
  kind: RuleKind
  /** who added it: `person`, or the id of a session */
  by: string
  created_at: string
}

type Row = GroupRule & TableRow

/** The rules of a group, oldest first. Of a group that has none this is one look at a folder that is not there. */
export function groupRules(group: string): GroupRule[] {
  const folder = paths.inGroup(group, 'rules')
  if (listIfThere(folder).length === 0) return []
  return new Table<Row>(folder)
    .rows()
    .rows.filter(({ kind, id }) => kind !== 'once' || !isUsed(group, id))
    .map(({ rev: _, ...rule }) => rule)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** The rules of a group as decide() takes them. Throws usage if one of them cannot be read: a "never" must not be passed over. */
export function groupSources(group: string): { never: Rule[]; always: Rule[]; once: OnceRule[] } {
  const rules = groupRules(group)
  const of = (kind: RuleKind) => rules.filter(rule => rule.kind === kind)
  return {
    never: of('never').map(({ rule }) => parseRule(rule)),
    always: of('always').map(({ rule }) => parseRule(rule)),
    once: of('once').map(({ rule, id }) => ({ ...parseRule(rule), once: id })),
  }
}

/** Adds a rule, or returns the one that says the same. A once-rule is added each time: it is good for one more call. */
export function addRule(group: string, rule: Rule | string, kind: RuleKind, by: string): GroupRule & { added: boolean } {
  const text = formatRule(typeof rule === 'string' ? parseRule(rule) : rule)
  openHome()
  const same = kind === 'once' ? undefined : groupRules(group).find(each => each.kind === kind && each.rule === text)
  if (same) return { ...same, added: false }
  const row: GroupRule = { id: newId(), rule: text, kind, by, created_at: timestamp() }
  new Table<Row>(paths.inGroup(group, 'rules')).append({ ...row, rev: 1 })
  return { ...row, added: true }
}

/** Takes rules out of a group, by id or by their text, and returns them: none if there is none such. */
export function removeRule(group: string, which: string, kind?: RuleKind): GroupRule[] {
  const text = textOf(which)
  const fit = groupRules(group).filter(each => (each.id === which || each.rule === text) && (kind === undefined || each.kind === kind))
  if (fit.length > 0) new Table<Row>(paths.inGroup(group, 'rules')).append(fit.map(({ id }) => ({ id, rev: 2, gone: true as const })))
  return fit
}

/** Folds the table of a group if it grew long. */
export async function foldRules(group: string): Promise<void> {
  await new Table<Row>(paths.inGroup(group, 'rules')).fold()
}

/** The once-rules of a group, whose `once` is an id, and those of a session, whose `once` is the number of its --allow-once. */
export function onceRules(group: string, session?: string): OnceKeeper {
  const markOf = (once: string | number) =>
    typeof once === 'string' ? usedMark(group, once) : paths.ofSession(session ?? '', `once-${once}`)
  return {
    take({ once }) {
      if (typeof once === 'string') makeFolder(paths.inGroup(group, 'once'))
      else if (session === undefined) return false
      return claim(markOf(once), '')
    },
    putBack({ once }) {
      remove(markOf(once))
    },
    useUp({ once }) {
      // The mark stays: who read the table before has the rule still.
      if (typeof once === 'string') new Table<Row>(paths.inGroup(group, 'rules')).append({ id: once, rev: 2, gone: true })
    },
  }
}

/** Whether a once-rule of a session is used up. */
export function isSessionOnceUsed(session: string, index: number): boolean {
  return sizeIfThere(paths.ofSession(session, `once-${index}`)) !== undefined
}

/** The marks of once-rules that were used up before `before` (milliseconds since 1970), as paths. */
export function oldMarks(before: number): string[] {
  const all = foldersOf('once').flatMap(folder => listIfThere(folder).map(name => join(folder, name)))
  return all.filter(path => (changedAt(path) ?? Number.POSITIVE_INFINITY) <= before)
}

/** Takes a mark away, once the rule itself is gone: whoever took it may have been killed before it could say so. */
export function forgetMark(path: string): void {
  const id = basename(path)
  const table = new Table<Row>(join(dirname(dirname(path)), 'rules'))
  if (table.find(id)) table.append({ id, rev: 2, gone: true })
  remove(path)
}

const usedMark = (group: string, id: string) => `${paths.inGroup(group, 'once')}/${id}`

function isUsed(group: string, id: string): boolean {
  return sizeIfThere(usedMark(group, id)) !== undefined
}

/** A rule as it would be kept; what is no rule may be an id. */
function textOf(which: string): string {
  try {
    return formatRule(parseRule(which))
  } catch {
    // It is an id, or nothing that could be found.
    return which
  }
}
