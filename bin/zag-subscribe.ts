#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { command } from '../lib/command/command.js'
import { eventText, labelled } from '../lib/command/event.js'
import { filterFlag, filterUsage, pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import { onStop } from '../lib/command/stop.js'
import { filterOf } from '../lib/session/filter.js'
import { labels } from '../lib/session/pick.js'
import { select } from '../lib/session/selection.js'
import { subscribe } from '../lib/verb/subscribe.js'

export default command(import.meta, {
  name: 'zag-subscribe',
  does: 'follow the logs of many sessions, also of those to come',
  usage: [`[--replay] [--until-done] [--type <kind>] ${filterUsage} [--text | --json] [${pickUsage.slice(2, -2)}]`],
  flags: {
    ...pickFlags,
    replay: { type: 'boolean', does: 'begin at the beginning of each log, not now' },
    untilDone: { type: 'boolean', does: 'end when all of them are over' },
    type: { type: 'strings', value: 'kind,...', does: 'only events of these kinds' },
    ...filterFlag,
    text: { type: 'boolean', does: 'print text for people' },
    json: { type: 'boolean', does: 'print a row an event, as without it' },
  },
  operands: { name: 'session' },
  exits: {
    ...pickExits,
    [EXIT.ok]: 'with --until-done: all are over, however they ended',
    [EXIT.none]: 'a session that was named is not there, or several fit',
    [EXIT.interrupted]: 'ended by SIGINT',
    [EXIT.terminated]: 'ended by SIGTERM',
  },
  examples: [
    ['zag-subscribe --tag review --replay --until-done', 'all that happens in sessions with a tag, until the last one ends'],
    ['zag-subscribe --all --replay --type session_ended --filter success=false --until-done', 'what failed, and what fails'],
  ],
  async run({ replay, untilDone, type, filter: words, text, json, ...which }, { stdin, out, err }) {
    if (text && json) throw usage('--text or --json, not both')
    const filter = filterOf(type, words)
    const selection = await select(which, stdin, { otherwise: 'all' })
    const stop = onStop(err)
    const labelOf = labels()
    const onNone = () => err.notice('no such session yet: waiting for one')
    for await (const { id, event } of subscribe(selection, { replay, untilDone, filter, stop: stop.signal, onNone }))
      out.line(text ? labelled(labelOf(id), eventText(event, out.paint), out.paint) : JSON.stringify(event))
    return stop.code()
  },
})
