#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { command } from '../lib/command/command.js'
import { pickExits, pickFlags } from '../lib/command/flags.js'
import { assignments } from '../lib/command/shell.js'
import { environmentOf, self } from '../lib/run/self.js'
import { pickAbout } from '../lib/session/pick.js'

export default command(import.meta, {
  name: 'zag-env',
  does: 'print the variables of a session',
  usage: ['[--shell | --json] [<session>]'],
  flags: {
    ...pickFlags,
    shell: {
      type: 'boolean',
      does: 'export commands that a shell can eval, whatever is in a name',
    },
    json: { type: 'boolean', does: 'one object' },
  },
  operands: { name: 'session' },
  exits: {
    ...pickExits,
    [EXIT.ok]: 'printed',
    [EXIT.no]: 'no session was named and this is not inside one',
  },
  examples: [['eval "$(zag-env --shell build)"', 'act as if inside the session named build']],
  async run({ shell, json, ...which }, { stdin, out }) {
    if (shell && json) throw usage('--shell or --json, not both')
    const ids = await pickAbout(which, stdin, () => self().session)
    const [id] = ids as [string]
    if (ids.length > 1) throw usage(`one session, not ${ids.length}`)
    const variables = environmentOf(id)
    if (json) return out.value(variables)
    for (const line of assignments(variables, shell ? 'export' : 'plain')) out.line(line)
  },
})
