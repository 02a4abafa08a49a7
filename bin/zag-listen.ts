#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { projectRoot } from '../lib/base/paths.js'
import { command } from '../lib/command/command.js'
import { eventText } from '../lib/command/event.js'
import { pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import { loadConfig } from '../lib/config/config.js'
import { countEvents } from '../lib/log/read.js'
import { follow } from '../lib/session/follow.js'
import { pick } from '../lib/session/pick.js'

export default command(import.meta, {
  name: 'zag-listen',
  does: 'follow the log of a session until it is over',
  usage: [`[--new] [--text | --json] ${pickUsage}`],
  flags: {
    ...pickFlags,
    new: {
      type: 'boolean',
      does: 'begin at the end of the log, not at its beginning',
    },
    text: { type: 'boolean', does: 'a line or more an event, for people' },
    json: { type: 'boolean', does: 'a row an event' },
  },
  operands: { name: 'session' },
  exits: { ...pickExits, [EXIT.ok]: 'the session is over, however it ended' },
  examples: [
    ['zag-listen --latest', 'see what the newest session does'],
    ['zag-listen --json --latest | jq -r .type', 'the kinds of its events, as they happen'],
  ],
  async run({ new: fresh, text, json, ...which }, { stdin, out }) {
    if (text && json) throw usage('--text or --json, not both')
    const ids = await pick(which, stdin)
    const [id] = ids as [string]
    if (ids.length > 1) throw usage(`listen follows one session, not ${ids.length}`)
    out.json = json || (!text && (await loadConfig(projectRoot('.'))).listen.format === 'json')
    for await (const event of follow(id, {
      afterSeq: fresh ? countEvents(id) : 0,
    }))
      out.row(event, out.json ? '' : eventText(event, out.paint))
  },
})
