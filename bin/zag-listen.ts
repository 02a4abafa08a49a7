#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { projectRoot } from '../lib/base/paths.js'
import { command } from '../lib/command/command.js'
import { clock, eventText, labelled } from '../lib/command/event.js'
import { filterFlag, filterUsage, pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import { markdown } from '../lib/command/markdown.js'
import { type Config, loadConfig } from '../lib/config/config.js'
import { countEvents } from '../lib/log/read.js'
import { follow } from '../lib/run/follow.js'
import { filterOf } from '../lib/session/filter.js'
import { pick } from '../lib/session/pick.js'

export default command(import.meta, {
  name: 'zag-listen',
  does: 'follow the log of a session until it is over',
  usage: [
    `[--new] [--type <kind>] ${filterUsage} [--text | --rich-text] [--timestamps] [--show-thinking] ${pickUsage}`,
    `[--new] [--type <kind>] ${filterUsage} --json ${pickUsage}`,
  ],
  flags: {
    ...pickFlags,
    new: {
      type: 'boolean',
      does: 'begin at the end of the log, not at its beginning',
    },
    type: { type: 'strings', value: 'kind,...', does: 'only events of these kinds' },
    ...filterFlag,
    text: { type: 'boolean', does: 'a line or more an event, for people' },
    richText: { type: 'boolean', does: 'the same, with what agents write as Markdown drawn for a terminal' },
    timestamps: { type: 'boolean', does: 'the time of day before each line' },
    showThinking: { type: 'boolean', does: 'also what the agent says to itself' },
    json: { type: 'boolean', does: 'a row an event' },
  },
  operands: { name: 'session' },
  exits: { ...pickExits, [EXIT.ok]: 'the session is over, however it ended' },
  examples: [
    ['zag-listen --latest', 'see what the newest session does'],
    ['zag-listen --json --latest | jq -r .type', 'the kinds of its events, as they happen'],
    ['zag-listen --latest --type tool_call,tool_result --timestamps', 'the tools it uses, and when'],
  ],
  async run({ new: fresh, type, filter: words, text, richText, timestamps, showThinking, json, ...which }, { stdin, out }) {
    if (Number(text) + Number(richText) + Number(json) > 1) throw usage('--text, --rich-text or --json: one of them')
    if (json && (timestamps || showThinking)) throw usage('--timestamps and --show-thinking are for text: --json has all of it')
    const filter = filterOf(type, words)
    const ids = await pick(which, stdin)
    const [id] = ids as [string]
    if (ids.length > 1) throw usage(`listen follows one session, not ${ids.length}`)
    const listen: Config['listen'] = json ? {} : (await loadConfig(projectRoot('.'))).listen
    const format = text ? 'text' : richText ? 'rich-text' : json ? 'json' : (listen.format ?? 'text')
    const draw = format === 'rich-text' ? await markdown(out.columns, out.paint) : undefined
    const stamped = timestamps || listen.timestamps === true
    // What was asked for by its kind is shown.
    const thinking = showThinking || (filter.types?.includes('reasoning') ?? false)
    for await (const event of follow(id, { afterSeq: fresh ? countEvents(id) : 0 })) {
      if (!filter.fits(event)) continue
      if (format === 'json') out.value(event)
      else if (event.type !== 'reasoning' || thinking) {
        const lines = eventText(event, out.paint, draw)
        out.line(stamped ? labelled(clock(event), lines, out.paint) : lines)
      }
    }
  },
})
