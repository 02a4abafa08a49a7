#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { shortId } from '../lib/base/id.js'
import { command } from '../lib/command/command.js'
import { pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import { collect, collectInto, whyNoResult } from '../lib/session/collect.js'
import { pick } from '../lib/session/pick.js'

export default command(import.meta, {
  name: 'zag-collect',
  does: 'print the results of many sessions, missing ones included',
  usage: [`[--json | --into <folder>] [--max-bytes <size>] ${pickUsage}`],
  flags: {
    ...pickFlags,
    json: { type: 'boolean', does: 'one array of rows with result' },
    into: {
      type: 'string',
      value: 'folder',
      does: 'write a file each and index.json; overwrites nothing',
    },
    maxBytes: {
      type: 'size',
      value: 'size',
      does: 'cut longer results to head and tail and say where the whole is',
    },
  },
  operands: { name: 'session' },
  exits: { ...pickExits, [EXIT.ok]: 'collected, whatever became of the sessions' },
  examples: [
    ['zag-collect --tag review --json', 'all results of a tag as one array'],
    ['zag-collect --tag review --into results', 'each result in a file'],
  ],
  async run({ json, into, maxBytes, ...which }, { stdin, out }) {
    if (into !== undefined && (json || maxBytes !== undefined)) throw usage('--into writes whole files: leave out --json and --max-bytes')
    const ids = await pick(which, stdin)
    if (into !== undefined) return out.line((await collectInto(into, ids)).index)
    const rows = await collect(ids, maxBytes)
    if (json) return out.value(rows)
    for (const [at, row] of rows.entries()) {
      const head = `== ${shortId(row.session_id)}${row.name ? ` ${row.name}` : ''} (${row.status}) ==`
      const body = row.result ?? `(no result: ${whyNoResult(row)})`
      out.text(`${at > 0 ? '\n' : ''}${out.paint.bold(head)}\n${body}${body.endsWith('\n') ? '' : '\n'}`)
    }
  },
})
