#!/usr/bin/env node
import { EXIT, visible } from '../lib/base/exit.js'
import { shortId } from '../lib/base/id.js'
import { command } from '../lib/command/command.js'
import { aboutFlags, aboutUsage, pickExits } from '../lib/command/flags.js'
import type { Output } from '../lib/command/output.js'
import { TOOL_KINDS } from '../lib/log/events.js'
import { pick } from '../lib/session/pick.js'
import { type Hit, ROLES, type Role, search } from '../lib/verb/search.js'

export default command(import.meta, {
  name: 'zag-search',
  does: 'find a text in logs',
  usage: [
    `[-E] [--case-sensitive] [--role <role>] [--tool <name>] [--tool-kind <kind>] [--from <when>] [--to <when>] [--max <n>] [--count | --json] ${aboutUsage} <text>`,
  ],
  flags: {
    ...aboutFlags,
    regex: { type: 'boolean', short: 'E', does: 'the text is a regular expression, as in JavaScript' },
    caseSensitive: { type: 'boolean', does: 'capital letters are not small ones' },
    role: { type: 'choice', choices: Object.keys(ROLES) as Role[], does: 'only what was said by this one, or is of this kind' },
    tool: { type: 'string', value: 'name', does: 'only calls of this tool and their results' },
    toolKind: { type: 'choice', choices: TOOL_KINDS, does: 'only calls of such tools and their results' },
    from: { type: 'moment', value: 'when', does: 'only events since 2026-11-21T10:00:00Z, or 30m ago' },
    to: { type: 'moment', value: 'when', does: 'only events until then' },
    max: { type: 'number', short: 'n', value: 'n', min: 1, does: 'stop after so many' },
    count: { type: 'boolean', short: 'c', does: 'print how many events there are' },
    json: { type: 'boolean', does: 'a row an event: session_id, name, seq, ts, type, field, text' },
  },
  operands: { name: 'text', min: 1, max: 1 },
  exits: { ...pickExits, [EXIT.ok]: 'found', [EXIT.no]: 'nothing found' },
  examples: [
    ['zag-search "out of memory"', 'in every log there is'],
    ['zag-search -r . --role tool -E "exit (code )?[1-9]"', 'what tools said, in sessions of this project'],
    ['zag-search --latest --count error', 'how many events of the newest session have it'],
  ],
  async run({ operands, session, max = Number.POSITIVE_INFINITY, count, json, ...flags }, { stdin, out }) {
    const [text] = operands as [string]
    const { tag, name, parent, state, latest, all, root, ...wanted } = flags
    const which = { operands: session, tag, name, parent, state, latest, all, root }
    let found = 0
    search(await pick(which, stdin, { otherwise: 'all', empty: true }), { ...wanted, text }, hit => {
      found += 1
      if (!count) print(hit, out)
      return found < max
    })
    if (count) out.row({ count: found }, String(found))
    return found > 0 ? EXIT.ok : EXIT.no
  },
})

function print({ at, length, ...row }: Hit, out: Output): void {
  const { text } = row
  const marked = visible(text.slice(0, at)) + out.paint.bold(visible(text.slice(at, at + length))) + visible(text.slice(at + length))
  out.row(row, `${shortId(row.session_id)}\t${row.seq}\t${row.type}\t${marked}`)
}
