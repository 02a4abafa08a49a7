// Short programs on a session that is over, beside an empty Node program, in each version of Node that is there.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { median, race, ratio, run, type Times, type Variant } from './measure.js'
import { write } from './past.js'
import { nodes, OWN, under } from './peers.js'
import { environment, folder, place } from './place.js'
import { ms, type Row, times } from './table.js'

const TARGET = 1.3
const EMPTY = 'node -e 0'

export async function startup(quick: boolean): Promise<Row[]> {
  const programs = await variants()
  const all = nodes().flatMap(node =>
    programs.map(variant => ({ ...variant, name: `${variant.name}, ${node.name}`, env: under(node, variant.env ?? {}) })),
  )
  const taken = race(all, quick ? 6 : 20)
  return programs.slice(1).map(({ name }) => rowOf(name, taken))
}

/** A row says what the program takes in the version that runs the benchmark, and beside it what in the others. */
function rowOf(what: string, taken: Times): Row {
  const of = (name: string, program = what) => `${program}, ${name}`
  const factor = ratio(taken, of(OWN.name), of(OWN.name, EMPTY))
  const byNode = nodes().map(({ name }) => {
    const time = ms(median(taken.get(of(name)) ?? []))
    return [name, `${time}, ${times(ratio(taken, of(name), of(name, EMPTY)))}`]
  })
  return {
    what,
    zag: ms(median(taken.get(of(OWN.name)) ?? [])),
    beside: `${EMPTY}: ${ms(median(taken.get(of(OWN.name, EMPTY)) ?? []))}`,
    ratio: times(factor),
    target: times(TARGET),
    met: factor <= TARGET,
    share: factor / TARGET,
    nodes: Object.fromEntries(byNode),
  }
}

async function variants(): Promise<Variant[]> {
  const home = join(place, 'startup')
  const [over = '', written = ''] = await write({ home, count: 2 })
  const env = environment(home)
  const inside = environment(home, { ZAG_SESSION_ID: over, ZAG_PROCESS_ID: `${over}.1`, ZAG_PROVIDER: 'sh', ZAG_ROOT: '/', ZAG_GROUP: '/' })
  return [
    { name: EMPTY, command: ['node', '-e', '0'], env },
    { name: 'zag-status', command: ['zag-status', over], env },
    { name: 'zag status', command: ['zag', 'status', over], env },
    { name: 'zag-output', command: ['zag-output', over], env },
    { name: 'zag-log', command: ['zag-log', '--session', written, 'a message'], env },
    { name: 'zag-whoami', command: ['zag-whoami'], env: inside },
    { name: 'zag-env', command: ['zag-env', over], env },
    { name: 'zag-wait, on one that is over', command: ['zag-wait', over], env },
    ...(await permits(env)),
  ]
}

/** What an agent's hook runs before a call: one of a program that a rule allows, and an edit of a file that was read before. */
async function permits(env: NodeJS.ProcessEnv): Promise<Variant[]> {
  const project = folder('permit')
  const file = join(project, 'src/a.txt')
  mkdirSync(join(project, 'src'))
  writeFileSync(file, 'one\n')
  const hook = (event: string, tool: string, input: object, more: object = {}) =>
    JSON.stringify({ session_id: 'a', cwd: project, hook_event_name: event, tool_name: tool, tool_input: input, ...more })
  const command = ['zag-permit', '--format', 'claude-hook', '--root', project]
  await run(['zag-allow', 'add', '--group', project, 'bash(command=git status*)', 'edit(path=src/**)'], env)
  await run(command, env, hook('PostToolUse', 'Read', { file_path: file }, { tool_response: { type: 'text' } }))
  const calls = {
    'zag-permit, a command': hook('PreToolUse', 'Bash', { command: 'git status -s' }),
    'zag-permit, an edit': hook('PreToolUse', 'Edit', { file_path: file, old_string: 'one', new_string: 'two' }),
  }
  for (const call of Object.values(calls)) {
    const answer = await run(command, env, call)
    if (!answer.includes('"allow"')) throw new Error(`zag-permit did not allow '${call}': '${answer}'`)
  }
  return Object.entries(calls).map(([name, input]) => ({ name, command, env, input }))
}
