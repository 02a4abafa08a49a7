// From a call to the rules that would allow it next time too: the narrowest that still help. For a shell command the program and its
// subcommand; for a file the folder it is in; for anything else exactly what was asked for, and no parameter more.

import { statSync } from 'node:fs'
import { dirname, relative, resolve, sep } from 'node:path'
import { isWithin, realOf } from '../base/within.js'
import type { Call, Place } from './call.js'
import { literally } from './glob.js'
import { leaving } from './leave.js'
import { asText, covers, singles } from './match.js'
import { reaching } from './reach.js'
import { formatRule, KNOWN, parseRule, type Rule } from './rule.js'
import { type Simple, simpleOnes } from './shell.js'
import { depthOf } from './subcommands.js'

/**
 * The rules that allow a call together with those there are: one for each part that none of them allows, as text. Empty if no rule but
 * the tool's name alone could allow it, or if nothing is missing.
 */
export function derive(call: Call, place: Place, having: readonly Rule[] = []): string[] {
  const calls = call.tool === 'bash' ? [call] : singles(call)
  const made = [...new Set(calls.flatMap(each => ofCall(each, place, having)))]
  const enough = covers([...having, ...made.map(parseRule)], call, place).allowed
  return enough ? made : []
}

/**
 * The rules that refuse a call and its like: those that would allow it, but whatever else a call has. Where rules allow all of it already, the
 * one that would allow it without them; empty if no rule but the tool's name alone would do, or if any of several parts may be meant.
 */
export function deriveNever(call: Call, place: Place, having: readonly Rule[] = []): string[] {
  const missing = derive(call, place, having)
  const made = missing.length > 0 ? missing : derive(call, place)
  return missing.length === 0 && made.length > 1 ? [] : made.map(text => formatRule({ ...parseRule(text), only: undefined }))
}

function ofCall(call: Call, place: Place, having: readonly Rule[]): string[] {
  if (call.tool === 'bash') return ofShell(call, place, having)
  if (covers(having, call, place).allowed) return []
  const { path } = call.params
  if ((call.tool === 'read' || call.tool === 'edit') && typeof path === 'string') return [rule(call.tool, { path: folderOf(path, place) })]
  if (call.tool === 'search') return [rule('search', { path: treeOf(typeof path === 'string' ? path : '.', place) })]
  const params = exactly(call.params)
  // A rule without parameters allows more than what was asked for; one with others than the tool has, or with nothing in them, is none.
  const isRule = Object.keys(params).length > 0 && Object.entries(params).every(([key, glob]) => mayStand(call.tool, key, glob))
  return isRule ? [formatRule({ tool: call.tool, params, only: true })] : []
}

/** Whether parseRule takes it. */
function mayStand(tool: string, key: string, glob: string): boolean {
  const known = Object.hasOwn(KNOWN, tool) ? KNOWN[tool] : undefined
  return key !== '' && (!known || (known.includes(key) && glob !== ''))
}

function exactly(params: Record<string, unknown>): Record<string, string> {
  const all = Object.entries(params).flatMap(([key, value]) => {
    const text = asText(value)
    return text === undefined ? [] : [[key, literally(text)]]
  })
  return Object.fromEntries(all)
}

const rule = (tool: string, params: Record<string, string>) => formatRule({ tool, params })

function ofShell(call: Call, place: Place, having: readonly Rule[]): string[] {
  const { command } = call.params
  const line = typeof command === 'string' ? simpleOnes(command) : undefined
  if (!line || 'outside' in line) return []
  const open = line.commands.filter(({ text }) => !covers(having, { ...call, params: { command: text } }, place).allowed)
  return open.map(simple => rule('bash', { command: ofCommand(simple, place) }))
}

/** The program and its subcommand with anything behind it, or the very command where more would be too much. */
function ofCommand(simple: Simple, place: Place): string {
  const { text, words } = simple
  const isMore = reaching(simple).length > 0 || leaving(simple, place).words.length > 0
  const depth = isMore ? 0 : depthOf(words.map(({ value }) => value))
  const start = words.slice(0, depth).map(word => word.text)
  return depth === 0 ? literally(text) : `${literally(start.join(' '))} *`
}

/** The files beside one, if it is an ordinary one of the project; else the file alone. */
function folderOf(path: string, place: Place): string {
  const { root, real } = seen(path, place)
  const below = relative(root, real)
  const isPlain = real !== root && isWithin(root, real) && below.split(sep).every(name => !name.startsWith('.'))
  if (!isPlain) return alone(root, real)
  const folder = dirname(below)
  return folder === '.' ? '*' : `${literally(folder)}/*`
}

/** All of a folder, or the file alone. */
function treeOf(path: string, place: Place): string {
  const { root, real } = seen(path, place)
  const isFolder = statSync(real, { throwIfNoEntry: false })?.isDirectory() === true
  if (!isFolder) return alone(root, real)
  return real === root ? '**' : `${alone(root, real)}/**`.replace('//', '/')
}

function seen(path: string, { root, cwd }: Place): { root: string; real: string } {
  try {
    return { root: realOf(root), real: realOf(resolve(cwd, path)) }
  } catch {
    // A link to nothing: no rule will fit, which covers() finds out.
    return { root, real: resolve(cwd, path) }
  }
}

function alone(root: string, real: string): string {
  if (real === root) return '.'
  const text = isWithin(root, real) ? relative(root, real) : real
  return text.startsWith('~') ? `./${literally(text)}` : literally(text)
}
