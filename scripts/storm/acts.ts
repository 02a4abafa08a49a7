// The commands of a storm, and how often each comes. What they are about is chosen among what was told before.

import { randomUUID } from 'node:crypto'
import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Dice } from './dice.js'
import { FILES, FIXTURES, type Place, TWINS } from './place.js'
import type { Act } from './run.js'
import { anyName, GONE, name, patch, row, rule, script, TAGS, turns } from './words.js'

export interface Told {
  id: string
  kind: 'staying' | 'going'
}

export interface World {
  place: Place
  /** seconds that only processes of this storm sleep */
  nap: string
  /** every id that a command printed, in that order */
  told: Told[]
}

type Maker = (dice: Dice, world: World) => Act

/** Each with how often it comes, as a weight. */
const ACTS: Record<string, [number, Maker]> = {
  spawn: [22, (dice, world) => ({ program: 'spawn', ...task(dice, world) })],
  each: [3, each],
  agent: [5, (dice, world) => agent(dice, world, [])],
  live: [3, (dice, world) => live(dice, world)],
  exec: [
    5,
    (dice, world) => ({ program: 'exec', args: ['-p', 'sh', '--timeout', '3s', ...tagged(dice).args, '--', script(dice, world.nap)] }),
  ],
  pipe: [4, pipe],
  cancel: [5, (dice, world) => ({ program: 'cancel', args: ['--grace', dice.pick(['0', '100ms', '1s']), ...which(dice, world)] })],
  retry: [3, retry],
  input: [5, input],
  broadcast: [1, dice => ({ program: 'broadcast', args: ['-b', '--tag', dice.pick(TAGS), '--', 'echo to all'] })],
  wait: [
    6,
    (dice, world) => ({
      program: 'wait',
      args: ['--timeout', `${dice.int(1, 30) / 10}s`, ...dice.pick([[], ['--any']]), ...which(dice, world)],
    }),
  ],
  ps: [6, (_, world) => everything(world)],
  tree: [1, () => ({ program: 'ps', args: ['--tree', '--all'] })],
  status: [3, (dice, world) => ({ program: 'status', args: which(dice, world) })],
  listen: [4, (dice, world) => ({ program: 'listen', args: [...dice.pick([['--json'], []]), ...one(dice, world)], follows: true })],
  subscribe: [2, () => ({ program: 'subscribe', args: ['--replay', '--all'], follows: true })],
  watch: [
    2,
    (dice, world) => ({
      program: 'watch',
      args: ['--once', ...which(dice, world), '--', 'echo', '{session_id}', '{event_type}'],
      follows: true,
    }),
  ],
  events: [2, (dice, world) => ({ program: 'events', args: which(dice, world), wrong: unnumbered })],
  log: [5, log],
  collect: [3, (dice, world) => ({ program: 'collect', args: ['--json', ...which(dice, world)] })],
  output: [3, (dice, world) => ({ program: 'output', args: which(dice, world) })],
  summary: [2, (dice, world) => ({ program: 'summary', args: which(dice, world) })],
  search: [2, dice => ({ program: 'search', args: [dice.pick(['line', 'done', 'no such text'])] })],
  gc: [4, dice => ({ program: 'gc', args: ['--force', '--older-than', '0', '--tag', GONE, ...dice.pick([[], ['--keep-logs']])] })],
  'gc of all': [2, () => ({ program: 'gc', args: ['--force', '--json'], wrong: removedAny })],
  delete: [2, () => ({ program: 'session delete', args: ['--tag', GONE] })],
  update: [
    3,
    (dice, world) => ({ program: 'session update', args: ['--name', name(dice), '--tag', dice.pick(TAGS), ...one(dice, world)] }),
  ],
  doctor: [2, dice => ({ program: 'doctor', args: dice.pick([['--repair'], []]) })],
  fold: [4, fold],
  allow: [
    3,
    (dice, world) => ({
      program: `allow ${dice.pick(['add', 'add', 'remove'])}`,
      args: [...dice.pick([[], ['--never'], ['--once']]), ...dice.pick([[], elsewhere(world)]), rule(dice)],
    }),
  ],
  rules: [1, () => ({ program: 'allow list', args: [] })],
  relay: [2, () => ({ program: 'relay', args: ['--json'] })],
  approve: [6, answer],
  patch: [4, (dice, world) => ({ program: 'file patch', args: inSession(dice, world), input: patch(dice) })],
  twins: [4, twins],
  lock: [
    2,
    (dice, world) => ({
      program: 'file lock',
      args: ['--timeout', '1s', ...inSession(dice, world), dice.pick(FILES), '--', 'sleep', '0.1'],
    }),
  ],
  read: [3, (dice, world) => ({ program: `file ${dice.pick(['read', 'check'])}`, args: [...inSession(dice, world), dice.pick(FILES)] })],
}

const WEIGHTS = Object.fromEntries(Object.entries(ACTS).map(([key, [weight]]) => [key, weight]))

/** The next command. */
export function next(dice: Dice, world: World): Act {
  const [, make] = ACTS[dice.weighted(WEIGHTS)] as [number, Maker]
  return make(dice, world)
}

function tagged(dice: Dice): { args: string[]; makes: 'staying' | 'going' } {
  if (dice.chance(0.2)) return { args: ['--tag', GONE], makes: 'going' }
  return { args: ['--tag', dice.pick(TAGS), ...dice.pick([[], ['--name', name(dice)]])], makes: 'staying' }
}

function task(dice: Dice, world: World): Omit<Act, 'program'> {
  const { args, makes } = tagged(dice)
  const more: string[] = []
  const some = (of: number, ...words: string[]) => dice.chance(of) && more.push(...words)
  const before = dice.chance(0.2) ? someId(dice, world) : undefined
  if (before) more.push('--depends-on', before, ...dice.pick([[], ['--after-any'], ['--inject-context']]))
  some(0.15, '--slots', String(dice.int(1, 3)))
  some(0.3, '--timeout', `${dice.int(1, 40) / 10}s`)
  some(0.1, '--retries', '1')
  some(0.05, '--env', `ODD=$(touch $STORM_OUTSIDE/env)'"`)
  if (dice.chance(0.15)) {
    const provider = dice.pick(['parrot', 'teller', 'words'])
    return { args: ['-p', provider, ...args, ...more, '--', 'say \'it\' "twice" $(touch $STORM_OUTSIDE/prompt)'], makes }
  }
  // A script that is left running is for the end of the storm.
  return { args: ['-p', 'sh', ...args, ...more, '--', script(dice, world.nap)], makes }
}

function each(dice: Dice, world: World): Act {
  const rows = Array.from({ length: dice.int(1, 12) }, () => row(dice, world.nap))
  const { args, makes } = tagged(dice)
  return { program: 'spawn', args: ['-p', 'sh', '--each', '--slots', String(dice.int(1, 4)), ...args], input: rows.join('\n'), makes }
}

const elsewhere = (world: World) => ['--group', `group of ${world.nap}`]

/** An agent that asks, and waits for an answer. */
function agent(dice: Dice, world: World, more: string[]): Act {
  const { args, makes } = tagged(dice)
  const asks = dice.pick([
    [],
    ['--relay-timeout', '2s'],
    ['--no-ask'],
    ['--allow', rule(dice)],
    ['--deny', rule(dice)],
    ['--allow-once', rule(dice)],
  ])
  const group = dice.chance(0.3) ? elsewhere(world) : []
  const program = `'${join(FIXTURES, 'acp-agent')}'`
  return { program: 'spawn', args: ['-p', 'acp', '--agent', program, ...asks, ...group, ...args, ...more, '--', turns(dice)], makes }
}

/** A session that lives on between its turns. */
function live(dice: Dice, world: World): Act {
  if (dice.chance(0.5)) return agent(dice, world, ['-I'])
  const { args, makes } = tagged(dice)
  return { program: 'spawn', args: ['-p', 'sh', '-I', ...args], makes }
}

function pipe(dice: Dice, world: World): Act {
  const { args, makes } = tagged(dice)
  const describe = args.map(word => (word === '--tag' ? '--as-tag' : word))
  const background = dice.chance(0.5)
  return {
    program: 'pipe',
    args: ['-p', 'sh', '--timeout', '3s', ...(background ? ['-b'] : []), ...describe, ...one(dice, world), '--', 'cat | head -c 1000'],
    makes: background ? makes : undefined,
  }
}

function retry(dice: Dice, world: World): Act {
  const of = dice.pick(world.told.length > 0 ? world.told : [{ id: 'none', kind: 'staying' as const }])
  return { program: 'retry', args: [of.id], makes: of.kind }
}

function input(dice: Dice, world: World): Act {
  const id = someId(dice, world) ?? 'none'
  if (dice.chance(0.2)) return { program: 'input', args: ['--session', id, '--end'] }
  return {
    program: 'input',
    args: ['--session', id, ...dice.pick([['-b'], ['--timeout', '1s']]), '--', dice.pick(['echo more', 'exit 1', 'say more', 'sleep 1'])],
  }
}

function log(dice: Dice, world: World): Act {
  const id = someId(dice, world) ?? 'none'
  const words = dice.pick(['said', "it's", '"quoted"\n$(x)', `${'l'.repeat(dice.int(1, 400))} long`])
  if (dice.chance(0.5)) return { program: 'log', args: ['--session', id, '--', words] }
  return { program: 'log', args: ['--session', id, '-'], input: `${words}\n`.repeat(dice.int(1, 50)) }
}

/** All there are, among which whatever was told before has to be, once. */
export function everything({ told }: World): Act {
  const due = told.filter(({ kind }) => kind === 'staying').map(({ id }) => id)
  return {
    program: 'ps list',
    args: ['--all', '-q'],
    wrong(stdout) {
      const listed = stdout.split('\n').filter(Boolean)
      const unique = new Set(listed)
      const missing = due.filter(id => !unique.has(id))
      if (missing.length > 0) return `lists ${listed.length} without ${missing.join(' ')}`
      return unique.size === listed.length
        ? undefined
        : `lists one twice: ${listed.filter((id, at) => listed.indexOf(id) !== at).join(' ')}`
    },
  }
}

/** Events of a session must be numbered from 1 without a gap. */
function unnumbered(stdout: string): string | undefined {
  const seen = new Map<string, number>()
  for (const line of stdout.split('\n').filter(Boolean)) {
    const { session_id, seq } = JSON.parse(line)
    const due = (seen.get(session_id) ?? 0) + 1
    if (seq !== due) return `gives number ${seq} of ${session_id} in the place of ${due}`
    seen.set(session_id, seq)
  }
  return undefined
}

function removedAny(stdout: string): string | undefined {
  const { sessions } = JSON.parse(stdout) as { sessions: unknown[] }
  return sessions.length === 0 ? undefined : `removed sessions that are not old: ${JSON.stringify(sessions)}`
}

/** Lets the process table grow by rows of nobody until it is time to fold it, and has that done by whoever is at hand. */
function fold(_: Dice, { place }: World): Act {
  const row = () => `${JSON.stringify({ id: randomUUID(), rev: Number.MAX_SAFE_INTEGER, gone: true })}\n`
  try {
    appendFileSync(join(place.home, 'processes/journal.ndjson'), Array.from({ length: 3500 }, row).join(''), { mode: 0o600 })
  } catch {
    // There is no table yet, or no room.
  }
  return { program: 'gc', args: ['--force', '--json'], wrong: removedAny }
}

function answer(dice: Dice, world: World): Act {
  const always = dice.chance(0.2) ? ['--always'] : []
  const open = inFolder(join(world.place.home, 'relays')).filter(file => file.endsWith('.json'))
  const whom = open.length > 0 && dice.chance(0.8) ? [dice.pick(open).slice(0, -5)] : ['--all']
  return { program: dice.pick(['approve', 'approve', 'deny']), args: [...always, ...whom] }
}

/** Writes one number into two files, by somebody who has read both. */
function twins(dice: Dice, { place }: World): Act {
  if (dice.chance(0.3)) return { program: 'file read', args: ['--note', ...TWINS] }
  const now = readFileSync(join(place.project, dice.pick(TWINS)), 'utf8').trim()
  const next = `number ${dice.int(1, 1_000_000)}`
  const hunks = TWINS.map(name => `*** Update File: ${name}\n@@\n-${now}\n+${next}\n`)
  return { program: 'file patch', args: [], input: `*** Begin Patch\n${hunks.join('')}*** End Patch\n` }
}

function inFolder(path: string): string[] {
  try {
    return readdirSync(path)
  } catch {
    // It is not there yet.
    return []
  }
}

/** Some sessions, in one of the ways to name them. */
function which(dice: Dice, world: World): string[] {
  switch (dice.int(0, 5)) {
    case 0:
      return ['--tag', dice.pick(TAGS)]
    case 1:
      return ['--name', anyName(dice)]
    case 2:
      return ['--latest']
    case 3:
      return [someId(dice, world), someId(dice, world)].map(id => id ?? 'none')
    default:
      return one(dice, world)
  }
}

const one = (dice: Dice, world: World) => [dice.chance(0.2) ? (someId(dice, world) ?? 'none').slice(-8) : (someId(dice, world) ?? 'none')]

/** One that was told, rather a late one. */
function someId(dice: Dice, { told }: World): string | undefined {
  const [late, at] = [dice.chance(0.5), dice.next()]
  const from = late ? Math.max(0, told.length - 10) : 0
  return told[from + Math.floor(at * (told.length - from))]?.id
}

const inSession = (dice: Dice, world: World) => {
  const id = someId(dice, world)
  return id === undefined ? [] : ['--session', id]
}
