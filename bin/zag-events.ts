#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { command } from '../lib/command/command.js'
import { eventText } from '../lib/command/event.js'
import { filterFlag, filterUsage, pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import { filterOf } from '../lib/session/filter.js'
import { pick } from '../lib/session/pick.js'
import { query } from '../lib/verb/query.js'

export default command(import.meta, {
  name: 'zag-events',
  does: 'query the log of sessions',
  usage: [
    `[--type <kind>] ${filterUsage} [--last <n>] [--after-seq <n>] [--before-seq <n>] [--since <when>] [--count | --text] ${pickUsage}`,
  ],
  flags: {
    ...pickFlags,
    type: {
      type: 'strings',
      value: 'kind',
      does: 'only events of this kind, or of one of several',
    },
    ...filterFlag,
    last: { type: 'number', value: 'n', does: 'only so many, from the end' },
    afterSeq: {
      type: 'number',
      value: 'n',
      does: 'only events after this number',
    },
    beforeSeq: {
      type: 'number',
      value: 'n',
      does: 'only events before this number',
    },
    since: {
      type: 'moment',
      value: 'when',
      does: 'only events since 2026-11-21T10:00:00Z, or 30m ago',
    },
    count: { type: 'boolean', does: 'print how many there are' },
    text: { type: 'boolean', does: 'print text for people' },
    json: { type: 'boolean', does: 'print a row an event, as without it' },
  },
  operands: { name: 'session' },
  exits: { ...pickExits, [EXIT.ok]: 'printed, if there were any' },
  examples: [
    ['zag-events --latest --last 1', 'the last event of the newest session'],
    ['zag-events --latest --type stderr --count', 'how often it wrote to stderr'],
    ['zag-events --all --type tool_result --filter success=false', 'every tool that failed'],
  ],
  async run({ type, filter: words, last, afterSeq, beforeSeq, since, count, text, json, ...which }, { stdin, out }) {
    if (Number(count) + Number(text) + Number(json) > 1) throw usage('one of --count, --text, --json')
    const filter = filterOf(type, words)
    let counted = 0
    for (const id of await pick(which, stdin)) {
      query(id, { filter, last, afterSeq, beforeSeq, since }, event => {
        counted += 1
        if (!count) out.line(text ? eventText(event, out.paint) : JSON.stringify(event))
      })
    }
    if (count) out.line(String(counted))
  },
})
