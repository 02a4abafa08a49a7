#!/usr/bin/env node
import { EXIT } from '../lib/base/exit.js'
import { command } from '../lib/command/command.js'
import { pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import { settleAll } from '../lib/run/settle.js'
import { pick } from '../lib/session/pick.js'
import { rowOf } from '../lib/session/row.js'

export default command(import.meta, {
  name: 'zag-status',
  does: 'say what state sessions are in',
  usage: [`[--exit-code] [--json] ${pickUsage}`],
  flags: {
    ...pickFlags,
    exitCode: { type: 'boolean', does: 'answer with the exit code too' },
    json: { type: 'boolean', does: 'print a row a session' },
  },
  operands: { name: 'session' },
  exits: {
    ...pickExits,
    [EXIT.ok]: 'shown; with --exit-code: all are completed',
    [EXIT.no]: 'with --exit-code: all are over, one not completed',
    [EXIT.notNow]: 'with --exit-code: one is not over',
  },
  examples: [
    ['zag-status --latest', 'one word: the state of the newest session'],
    ['zag-status --exit-code --tag review && echo "all reviews are done"', 'ask in a script'],
  ],
  async run({ exitCode, json, ...which }, { stdin, out }) {
    const statuses = await settleAll(await pick(which, stdin))
    for (const status of statuses)
      out.row(json ? rowOf(status) : {}, statuses.length === 1 ? status.state : `${status.id}\t${status.state}`)
    if (!exitCode || statuses.every(({ state }) => state === 'completed')) return EXIT.ok
    return statuses.every(({ over }) => over) ? EXIT.no : EXIT.notNow
  },
})
