#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { command } from '../lib/command/command.js'
import { assignments } from '../lib/command/shell.js'
import { self } from '../lib/run/self.js'

export default command(import.meta, {
  name: 'zag-whoami',
  does: 'say which session this is',
  usage: ['[--shell | --json]'],
  flags: {
    shell: { type: 'boolean', does: 'quoted so that a shell can eval it' },
    json: { type: 'boolean', does: 'one object' },
  },
  exits: { [EXIT.ok]: 'inside a session', [EXIT.no]: 'not inside a session' },
  examples: [['zag-whoami', 'inside a session: session_id=..., name=..., one a line']],
  run({ shell, json }, { out }) {
    if (shell && json) throw usage('--shell or --json, not both')
    const { session, process, ...rest } = self()
    const me = Object.fromEntries(
      Object.entries({
        session_id: session,
        process_id: process,
        ...rest,
      }).filter(([, value]) => value !== undefined),
    )
    if (json) return out.value(me)
    for (const line of assignments(me as Record<string, string>, shell ? 'shell' : 'plain')) out.line(line)
  },
})
