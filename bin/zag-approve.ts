#!/usr/bin/env node
import { EXIT } from '../lib/base/exit.js'
import { answeringFlags, answeringUsage, tellLate, tellRules } from '../lib/command/answering.js'
import { command } from '../lib/command/command.js'
import { pickExits } from '../lib/command/flags.js'
import { approve } from '../lib/verb/approve.js'
import { lateText } from '../lib/verb/relay-row.js'

export default command(import.meta, {
  name: 'zag-approve',
  does: 'let agents do what they ask for',
  usage: [answeringUsage],
  flags: {
    ...answeringFlags,
    always: { type: 'optional', value: 'rule', does: 'from now on for the whole group: adds the rule derived from the call, or this one' },
  },
  operands: { name: 'relay' },
  exits: {
    ...pickExits,
    [EXIT.ok]: 'approved',
    [EXIT.none]: 'no such relay or session, several fit, or none of it is open',
    [EXIT.notNow]: 'one was answered before, or is not for this session to answer; all others are answered',
  },
  examples: [
    ['zag-approve --all', 'all that is asked now'],
    ["zag-approve --matching 'bash(command=git status*)' --always", 'and what is like it from now on'],
  ],
  async run({ operands, matching, reason, always, ...which }, { stdin, err }) {
    const { late } = await approve({ ...which, relays: operands, matching }, { reason, always, onRules: tellRules(err, 'always') }, stdin)
    return tellLate(err, late.map(lateText), always) ? EXIT.notNow : EXIT.ok
  },
})
