#!/usr/bin/env node
import { EXIT } from '../lib/base/exit.js'
import { command } from '../lib/command/command.js'
import { pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import { cancelAll } from '../lib/run/cancel.js'
import { GRACE } from '../lib/run/request.js'
import { pick } from '../lib/session/pick.js'
import { rowOf } from '../lib/session/row.js'

export default command(import.meta, {
  name: 'zag-cancel',
  does: 'end sessions, those that they started, and all that belongs to them, gently, then firmly',
  usage: [`[--only] [--grace <time>] [--reason <text>] [--json] ${pickUsage}`],
  flags: {
    ...pickFlags,
    grace: {
      type: 'time',
      value: 'time',
      default: '5s',
      does: 'the time between SIGINT, SIGTERM and SIGKILL; 0 is SIGKILL at once',
    },
    reason: { type: 'string', value: 'text', does: 'why, for the log' },
    only: { type: 'boolean', does: 'leave alone the sessions that they started' },
    json: { type: 'boolean', does: 'print a row a session' },
  },
  operands: { name: 'session' },
  exits: {
    ...pickExits,
    [EXIT.ok]: 'none of them runs any more',
    [EXIT.no]: 'some could not be ended',
  },
  examples: [
    ['zag-cancel --tag review --grace 1s', 'end everything with a tag, and what descends from it'],
    ['zag-cancel --only --latest', 'end one, and not those it started'],
  ],
  async run({ grace, reason, only, json, ...which }, { stdin, out, err }) {
    const ids = await pick(which, stdin)
    const failed = await cancelAll(ids, { grace: grace ?? GRACE, reason, only }, ({ status }) => {
      out.row(json ? rowOf(status) : {}, `${status.id}\t${status.state}`)
    })
    for (const { message } of failed) err.complain(message)
    return failed.length > 0 ? EXIT.no : EXIT.ok
  },
})
