#!/usr/bin/env node
import { EXIT, quoted, usage } from '../lib/base/exit.js'
import { inside } from '../lib/base/paths.js'
import { command } from '../lib/command/command.js'
import { aboutFlags, aboutUsage, pickExits } from '../lib/command/flags.js'
import { LEVELS } from '../lib/log/events.js'
import { addUserEvent, addUserEvents } from '../lib/session/note.js'
import { pickAbout } from '../lib/session/pick.js'

export default command(import.meta, {
  name: 'zag-log',
  does: 'write an event of your own into the log of a session',
  usage: [`[--level <level>] [--data <json>] ${aboutUsage} <message>`, `[--level <level>] ${aboutUsage} -`],
  flags: {
    ...aboutFlags,
    level: {
      type: 'choice',
      choices: LEVELS,
      default: 'info',
      does: 'how grave it is',
    },
    data: {
      type: 'string',
      value: 'json',
      does: 'a JSON value to go with the message',
    },
  },
  operands: { name: 'message', min: 1, max: 1 },
  exits: { ...pickExits, [EXIT.ok]: 'in the log of each session' },
  examples: [
    ['zag-log "half of it is done"', 'inside a session: into its own log'],
    ['zag-log --session build --level warn "the disk is nearly full"', 'into that of another'],
  ],
  async run({ operands, session, level, data, ...which }, { stdin }) {
    const [message] = operands as [string]
    const ids = await pickAbout({ ...which, operands: session }, stdin, around)
    const note = {
      level,
      by: inside()?.session ?? 'user',
      ...(data === undefined ? {} : { data: jsonOf(data) }),
    }
    if (message === '-') return addUserEvents(ids, stdin.lines(), note)
    addUserEvent(ids, { ...note, message })
  },
})

function around(): string {
  const me = inside()
  if (!me) throw usage('which session? give --session: this is not inside one')
  return me.session
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw usage(`--data ${quoted(text)} is no JSON`)
  }
}
