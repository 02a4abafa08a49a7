#!/usr/bin/env node
import { availableParallelism } from 'node:os'
import { EXIT, Fault, usage } from '../lib/base/exit.js'
import { askFlags, callFlags, contextFlag, promptOf, startExits } from '../lib/command/ask.js'
import { command } from '../lib/command/command.js'
import type { Context, Flags, Values } from '../lib/command/data.js'
import { Progress } from '../lib/command/progress.js'
import { LONGEST, over, tasksOf } from '../lib/command/tasks.js'
import { prepare, type Spawned } from '../lib/run/start.js'
import { pick } from '../lib/session/pick.js'
import { sourcesOf } from '../lib/verb/sources.js'

/** What one session is asked for with, on the command line or in a row of --each. */
const taskFlags = {
  ...askFlags,
  ...callFlags,
  ...contextFlag,
  interactive: {
    type: 'boolean',
    short: 'I',
    does: 'live on after the prompt, which may be left out, and take messages until zag input --end',
  },
  dependsOn: { type: 'strings', value: 'session', does: 'start when this session is completed; several: all of them' },
  afterAny: { type: 'boolean', does: 'with --depends-on: start when they are over, whatever became of them' },
  injectContext: { type: 'boolean', does: 'with --depends-on: put their results before the prompt' },
  slots: { type: 'number', value: 'n', min: 1, does: 'wait until fewer than so many of the group run with --slots' },
} as const satisfies Flags

type Task = Values<typeof taskFlags>

export default command(import.meta, {
  name: 'zag-spawn',
  does: 'start a session in the background',
  usage: [
    '[<flags>] { <prompt> | - | --prompt <text> | --file-prompt <path> }',
    '-I [<flags>] [<prompt>]',
    '--each [--each-format { text | json }] [<flags>]',
  ],
  flags: {
    ...taskFlags,
    each: { type: 'boolean', does: 'start one for each line of stdin: a prompt, or a JSON object with flags as keys' },
    eachFormat: { type: 'choice', choices: ['text', 'json'], does: 'take each line for this, whatever it begins with' },
    json: {
      type: 'boolean',
      does: 'print a row: session_id, pid of its runner, log_path, interactive',
    },
  },
  operands: { name: 'prompt' },
  exits: {
    ...startExits,
    [EXIT.ok]: 'the session is on its way; its id is on stdout',
    [EXIT.usage]: 'wrong usage; with --each: a line was refused, the others are on their way',
    [EXIT.none]: 'a session for --context or --depends-on was not found',
  },
  examples: [
    ['zag-spawn -p sh "echo hi"', 'start a shell script as a session'],
    ['zag-spawn -p sh --name tests --tag ci --timeout 10m "npm test"', 'with a name, a tag and a limit'],
    ['zag-spawn -p sh -w --sandbox --name fix "make fix"', 'in a worktree of its own, and able to write nothing else'],
    ['printf "wc -l README.md\\n" | zag-spawn -p sh -', 'with the prompt from stdin'],
    ['zag-spawn -p sh -I --name worker', 'one that takes scripts as messages: zag-input --name worker "echo hi"'],
    ['seq 3 | sed "s/^/echo /" | zag-spawn -p sh --each --slots 2 --tag batch', 'one for each line, two at a time'],
  ],
  async run({ each, eachFormat, json: _, ...task }, context) {
    if (each) return spawnEach(task, eachFormat, context)
    if (eachFormat) throw usage('--each-format goes with --each')
    const begin = await prepareOne(task, context)
    row(await begin(), context)
  },
})

/** Checks and reads all that one session is asked for with, and gives what starts it. */
async function prepareOne(
  { operands, prompt, filePrompt, context, dependsOn, ...ask }: Task,
  { stdin }: Context,
): Promise<() => Promise<Spawned>> {
  const isLeftOut = ask.interactive && operands.length === 0 && prompt === undefined && filePrompt === undefined
  const text = isLeftOut ? '' : await promptOf({ prompt, filePrompt }, operands, stdin)
  const waitFor = await pick({ operands: dependsOn }, stdin, { otherwise: 'none' })
  const contextOf = await sourcesOf(await pick({ operands: context }, stdin, { otherwise: 'none' }), false)
  return prepare({ ...ask, prompt: text, contextOf, dependsOn: waitFor })
}

function row({ id, pid, logPath, interactive }: Spawned, { out }: Context): void {
  out.row({ session_id: id, pid: pid ?? null, log_path: logPath, interactive }, id)
}

/** Gives the code of the first line that was refused. */
async function spawnEach(common: Task, format: 'text' | 'json' | undefined, context: Context): Promise<number> {
  if (common.operands.length > 0 || common.prompt !== undefined || common.filePrompt !== undefined)
    throw usage('--each reads the prompts from stdin: give none beside it')
  const { stdin, err } = context
  const progress = new Progress(err)
  const base = { ...(await found(common, context)), slots: common.slots ?? availableParallelism() }
  let [accepted, exit]: [number, number] = [0, EXIT.ok]
  for await (const { row: number, values } of tasksOf(stdin.byteLines(LONGEST), format, taskFlags)) {
    const spawned = values instanceof Fault ? values : await spawnRow(over(base, values), number, context)
    if (spawned instanceof Fault) {
      progress.clear()
      err.complain(`row ${number}: ${spawned.message}`)
      exit ||= spawned.exit
      continue
    }
    tell(spawned, number, context)
    accepted += 1
    progress.show(() => `${accepted} accepted`)
  }
  progress.clear()
  return exit
}

/** Whoever reads may go on with a row while the next is started. */
function tell(spawned: Spawned, number: number, context: Context): void {
  try {
    row(spawned, context)
    context.out.flush()
  } catch (error) {
    if (!(error instanceof Fault) || error.exit !== EXIT.system) throw error
    throw new Fault(`row ${number}: ${error.message}; it was started as ${spawned.id}, and no row after it`, error.exit, { cause: error })
  }
}

/** What all rows depend on and get: found once, so that what is not there is told once, before anything is started. */
async function found(common: Task, { stdin }: Context): Promise<Task> {
  const dependsOn = await pick({ operands: common.dependsOn }, stdin, { otherwise: 'none' })
  const context = await sourcesOf(await pick({ operands: common.context }, stdin, { otherwise: 'none' }), false)
  return { ...common, dependsOn, context }
}

/** The session of a row, or what is wrong with the row. What no other row would escape, such as a full disk, is thrown. */
async function spawnRow(task: Task, number: number, context: Context): Promise<Spawned | Fault> {
  let isSound = false
  try {
    const begin = await prepareOne(task, context)
    isSound = true
    return await begin()
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    if (!isSound || error.exit !== EXIT.system) return error
    throw new Fault(`row ${number}: ${error.message}; neither this row nor any after it was started`, error.exit, { cause: error })
  }
}
