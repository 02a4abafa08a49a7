#!/usr/bin/env node
import { EXIT } from '../lib/base/exit.js'
import { command } from '../lib/command/command.js'
import { pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import { pick } from '../lib/session/pick.js'
import { retry } from '../lib/verb/retry.js'

export default command(import.meta, {
  name: 'zag-retry',
  does: 'start the same again as new sessions',
  usage: [`[--failed] [--model <model>] [--json] ${pickUsage}`],
  flags: {
    ...pickFlags,
    failed: { type: 'boolean', does: 'only those that ended otherwise than completed' },
    model: { type: 'string', short: 'm', value: 'model', does: 'with this model' },
    json: { type: 'boolean', does: 'a row each: session_id, retried_from, pid of its runner, log_path, interactive' },
  },
  operands: { name: 'session' },
  exits: {
    ...pickExits,
    [EXIT.ok]: 'they are on their way; their ids are on stdout',
    [EXIT.notNow]:
      'one of them is not over, or would have to wait and this is a sandbox, or the session this is asked for in may start no more',
    [EXIT.cannotRun]: 'the agent program may not be executed',
    [EXIT.notFound]: 'the provider, its program, git or bubblewrap was not found, or there can be no sandbox here',
  },
  examples: [
    ['zag-retry --failed --tag review', 'once more, what failed of a tag'],
    ['zag-retry --latest | zag-wait -', 'the newest once more, and wait for it'],
  ],
  async run({ failed, model, json: _, ...which }, { stdin, out, err }) {
    let count = 0
    await retry(await pick(which, stdin), { failed, model }, ({ id, from, pid, logPath, interactive }) => {
      count += 1
      out.row({ session_id: id, retried_from: from, pid: pid ?? null, log_path: logPath, interactive }, id)
      // Whoever reads may go on with it while the next is started.
      out.flush()
    })
    if (count === 0) err.notice('nothing to retry: none of them failed')
  },
})
