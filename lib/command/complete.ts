// What can stand where on a command line, from the programs' data: the one description from which the completion scripts
// for bash, zsh and fish are made (complete-bash.ts and its neighbours).
//
// A command line is a way down a tree: zag, a program, one of its commands. What a value is follows from the placeholder
// that the data has for it, so a new flag is completed without a line here.

import { allFlags, type Data, type Flag, type Flags, longName, type Part, placeholder, takesValue } from './data.js'

/** Words that are asked for when they are wanted: zag completion words. */
export const LIVE = ['session', 'tag', 'name', 'group', 'provider', 'state', 'event', 'page'] as const
export type Live = (typeof LIVE)[number]

/** What a value is; `none` is a text of the user's own. */
export type Kind = Live | 'file' | 'folder' | 'command' | 'choice' | 'none'

export interface Meant {
  kind: Kind
  /** of a choice */
  choices: readonly string[]
}

export interface FlagSpot extends Meant {
  /** with their dashes: the letter first, if it has one */
  spelt: string[]
  does: string
  /** the next word is its value */
  valued: boolean
  repeated: boolean
  placeholder: string
}

/** A place in the tree, and what may stand there. */
export interface Spot {
  /** '' is zag itself, 'ps' a program, 'ps/list' one of its commands */
  path: string
  children: { word: string; does: string }[]
  /** the child that is meant when none is named */
  fallback?: string
  flags: FlagSpot[]
  operand: Meant
  /** what follows `--`, where that is something of its own */
  after?: Meant
}

type Described = Omit<Part, 'run'>

/** All places, zag itself first. */
export function spotsOf(programs: readonly Data[]): Spot[] {
  const ours = programs.filter(({ name }) => name !== 'zag')
  const children = ours.map(({ name, does }) => ({ word: wordOf(name), does }))
  const help: Spot = { path: 'help', children: [], flags: [], operand: { kind: 'choice', choices: children.map(({ word }) => word) } }
  const top: Spot = {
    path: '',
    children: [...children, { word: 'help', does: 'show the flags of a program' }],
    flags: flagsOf({}),
    operand: free,
  }
  return [top, help, ...ours.flatMap(spotsOfProgram)]
}

/** The flags of all places below one, for the words before it is known which is meant; of those spelt alike the first. */
export function flagsBelow(spots: readonly Spot[], path: string): FlagSpot[] {
  const below = spots.filter(spot => path === '' || spot.path === path || spot.path.startsWith(`${path}/`))
  return [...new Map(below.flatMap(({ flags }) => flags.map(flag => [flag.spelt.join(), flag] as const)).reverse()).values()].reverse()
}

/** `wait` of zag-wait. */
function wordOf(program: string): string {
  return program.replace(/^zag-/, '')
}

function spotsOfProgram(data: Data): Spot[] {
  const path = wordOf(data.name)
  if (!('commands' in data)) return [spotOf(path, data)]
  const parts = Object.entries(data.commands)
  const fallback = data.default === undefined ? undefined : data.commands[data.default]
  const own = fallback ? spotOf(path, fallback) : { path, flags: flagsOf({}), operand: free }
  const children = parts.map(([word, { does }]) => ({ word, does }))
  return [{ ...own, children, fallback: data.default }, ...parts.map(([word, part]) => spotOf(`${path}/${word}`, part))]
}

function spotOf(path: string, { flags, operands, afterDashes }: Described): Spot {
  const meant = (name: string | undefined): Meant => ({ kind: (name !== undefined && KINDS.get(name)) || 'none', choices: [] })
  return {
    path,
    children: [],
    flags: flagsOf(flags),
    operand: meant(operands?.name),
    ...(afterDashes ? { after: meant(afterDashes.name) } : {}),
  }
}

const free: Meant = { kind: 'none', choices: [] }

function flagsOf(own: Flags): FlagSpot[] {
  return Object.entries(allFlags(own)).map(([key, flag]) => ({
    spelt: [...(flag.short ? [`-${flag.short}`] : []), `--${longName(key)}`],
    does: flag.does,
    valued: takesValue(flag),
    repeated: flag.type === 'strings',
    placeholder: placeholder(key, flag),
    kind: kindOf(key, flag),
    choices: flag.choices ?? [],
  }))
}

/** By the placeholder of a flag or an operand; a `name` is that of whatever the flag is about. */
const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['session', 'session'],
  ['tag', 'tag'],
  ['group', 'group'],
  ['state,...', 'state'],
  ['kind', 'event'],
  ['kind,...', 'event'],
  ['page', 'page'],
  ['path', 'file'],
  ['folder', 'folder'],
  ['command', 'command'],
])
const NAMES: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['name', 'name'],
  ['provider', 'provider'],
])

function kindOf(key: string, flag: Flag): Kind {
  if (flag.type === 'choice') return 'choice'
  if (flag.type !== 'string' && flag.type !== 'strings') return 'none'
  const about = placeholder(key, flag)
  return (about === 'name' ? NAMES.get(key) : KINDS.get(about)) ?? 'none'
}
