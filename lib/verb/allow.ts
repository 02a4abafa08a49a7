// What zag allow does with the rules of a group: lists, adds and removes them, and says what they make of a call.

import { EXIT, Fault, quoted, usage } from '../base/exit.js'
import { checkName } from '../base/name.js'
import { defaults, inside, projectRoot } from '../base/paths.js'
import type { Call, Place } from '../permission/call.js'
import { coverOpenRelays } from '../permission/cover.js'
import { covers, refuses } from '../permission/match.js'
import { formatRule, isAnything, parseRule, type Rule } from '../permission/rule.js'
import { addRule, foldRules, type GroupRule, groupRules, groupSources, type RuleKind, removeRule } from '../permission/rules.js'
import { checkRule } from '../run/permissions.js'
import { checkHome } from '../store/home.js'
import { readIfIntact } from '../table/sessions.js'

/** The group that is meant: the one given, that of the environment, or that of the project this process is in. Throws a Fault (5) if the home is none. */
export function groupOf(given: string | undefined): string {
  checkHome()
  return given === undefined ? (defaults().group ?? projectRoot(process.cwd())) : checkName('group', given)
}

/** What was added, and what there is to say about it. */
export interface Added extends GroupRule {
  added: boolean
  warning?: string
}

/**
 * Adds rules to a group, all or none of them, and answers the open questions that they decide. Throws usage for a rule that does not parse,
 * or that can fit nothing, a Fault (4) inside of a session of the group for one that allows.
 */
export async function addRules(group: string, texts: readonly string[], kind: RuleKind): Promise<Added[]> {
  if (kind !== 'never') notItself(group)
  const rules = texts.map(text => checkRule(text, kind === 'never' ? 'deny' : 'allow'))
  const added = rules.map(rule => ({ ...addRule(group, rule, kind, inside()?.session ?? 'person'), warning: warningOf(rule, kind) }))
  await foldRules(group)
  coverOpenRelays(group)
  return added
}

/** An agent that gives itself leave asks nobody. It keeps agents from that mistake; one set on it is held by --sandbox. */
function notItself(group: string): void {
  const around = inside()
  if (around === undefined || readIfIntact(around.session)?.group !== group) return
  throw new Fault(`the rules of the group ${quoted(group)} are not for a session in it to loosen: run it outside`, EXIT.notNow)
}

/** What there is to say of a rule that allows everything a tool can do. */
export function warningOf(rule: Rule, kind: RuleKind): string | undefined {
  if (kind === 'never' || !isAnything(rule)) return undefined
  return `the rule ${quoted(formatRule(rule))} allows anything that the tool ${quoted(rule.tool)} can do`
}

/** Takes rules out of a group, by text, id or the end of an id, all or none of them. Throws a Fault: 3 for one that is not there, 4 inside of a session of the group for one that forbids. */
export function removeRules(group: string, which: readonly string[], kind: RuleKind | undefined): GroupRule[] {
  const found = which.map(each => {
    const fit = groupRules(group).filter(rule => (kind === undefined || rule.kind === kind) && isMeant(rule, each))
    const byText = fit.filter(({ rule }) => rule === textOf(each))
    if (fit.length === 0) throw new Fault(`no rule ${quoted(each)} in the group ${quoted(group)}: zag allow list shows them`, EXIT.none)
    if (byText.length === 0 && fit.length > 1) throw new Fault(`several rules fit ${quoted(each)}: give more of the id`, EXIT.none)
    return byText.length > 0 ? byText : fit
  })
  if (found.flat().some(({ kind }) => kind === 'never')) notItself(group)
  const ids = new Set(found.flat().map(({ id }) => id))
  return [...ids].flatMap(id => removeRule(group, id))
}

function isMeant({ id, rule }: GroupRule, which: string): boolean {
  return rule === textOf(which) || (which.length >= 4 && id.endsWith(which))
}

function textOf(which: string): string {
  try {
    return formatRule(parseRule(which))
  } catch {
    // It is an id, or nothing that could be found.
    return which
  }
}

/** What rules make of one part of a call. */
export interface Checked {
  part: string
  allowed: boolean
  rule?: string
  reason?: string
}

/** What the given rules, or those of the group, make of a call, part by part. */
export function check(call: Call, texts: readonly string[], group: string): Checked[] {
  const place: Place = { root: projectRoot(process.cwd()), cwd: process.cwd() }
  const of = texts.length > 0 ? { never: [], always: texts.map(parseRule), once: [] } : groupSources(group)
  const against = refuses(of.never, call, place)
  return covers([...of.always, ...of.once], call, place).parts.map(({ part, rule, why }) => {
    if (against) return { part, allowed: false, rule: formatRule(against), reason: 'a never rule refuses it' }
    return rule ? { part, allowed: true, rule: formatRule(rule) } : { part, allowed: false, reason: why }
  })
}

/** The call that the words of a command line mean: a shell line, or a tool with parameters. Throws usage. */
export function callOf(line: readonly string[] | undefined, tool: string | undefined, params: readonly string[]): Call {
  if (line !== undefined && tool !== undefined) throw usage('give a shell line after --, or --tool: not both')
  if (line !== undefined) return { tool: 'bash', tool_kind: 'shell', params: { command: line[0] } }
  if (tool === undefined) throw usage("nothing to check: give a shell line after --, as in zag allow check -- 'git status', or --tool")
  const pairs = params.map(each => {
    const equals = each.indexOf('=')
    if (equals < 1) throw usage(`${quoted(each)} is no parameter: write --param name=value`)
    return [each.slice(0, equals), each.slice(equals + 1)]
  })
  return { tool, tool_kind: 'other', params: Object.fromEntries(pairs) }
}
