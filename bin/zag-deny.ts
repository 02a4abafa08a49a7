#!/usr/bin/env node
import { EXIT } from '../lib/base/exit.js'
import { answeringFlags, answeringUsage, tellLate, tellRules } from '../lib/command/answering.js'
import { command } from '../lib/command/command.js'
import { pickExits } from '../lib/command/flags.js'
import { deny } from '../lib/verb/approve.js'
import { lateText } from '../lib/verb/relay-row.js'

export default command(import.meta, {
  name: 'zag-deny',
  does: 'refuse what agents ask for',
  usage: [answeringUsage],
  flags: {
    ...answeringFlags,
    always: { type: 'optional', value: 'rule', does: 'never again in the whole group: adds the rule derived from the call, or this one' },
  },
  operands: { name: 'relay' },
  exits: {
    ...pickExits,
    [EXIT.ok]: 'denied',
    [EXIT.none]: 'no such relay or session, several fit, or none of it is open',
    [EXIT.notNow]: 'one was answered before, or is not for this session to answer; all others are answered',
  },
  examples: [
    ['zag-deny --all --reason "the release is frozen"', 'all that is asked now'],
    ["zag-deny --matching 'bash(command=rm *)' --always", 'and what is like it from now on'],
  ],
  async run({ operands, matching, reason, always, ...which }, { stdin, err }) {
    const { late } = await deny({ ...which, relays: operands, matching }, { reason, always, onRules: tellRules(err, 'never') }, stdin)
    return tellLate(err, late.map(lateText), always) ? EXIT.notNow : EXIT.ok
  },
})
