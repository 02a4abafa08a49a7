#!/usr/bin/env node
import { EXIT, Fault } from '../lib/base/exit.js'
import { command } from '../lib/command/command.js'
import { pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import { pick } from '../lib/session/pick.js'
import { outputOf } from '../lib/verb/collect.js'

export default command(import.meta, {
  name: 'zag-output',
  does: 'print the final text of sessions',
  usage: [`[-0] ${pickUsage}`],
  flags: {
    ...pickFlags,
    null: {
      type: 'boolean',
      short: '0',
      does: 'end each text with a NUL byte',
    },
  },
  operands: { name: 'session' },
  exits: {
    ...pickExits,
    [EXIT.ok]: 'printed',
    [EXIT.no]: 'one ended without a result',
    [EXIT.notNow]: 'one is not over yet',
  },
  examples: [['zag-output --latest', 'what the newest session came to']],
  async run({ null: nul, ...which }, { stdin, out, err }) {
    const ids = await pick(which, stdin)
    const endings = nul ? '\0' : ids.length > 1 || out.isTerminal ? '\n' : ''
    let code: number = EXIT.ok
    for (const id of ids) {
      let text: Buffer
      try {
        text = await outputOf(id)
      } catch (error) {
        if (!(error instanceof Fault) || ids.length === 1) throw error
        err.complain(error.message)
        code = Math.max(code, error.exit)
        continue
      }
      out.text(text)
      if (nul || (endings && text.at(-1) !== 10)) out.text(endings)
    }
    return code
  },
})
