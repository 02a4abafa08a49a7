#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { shortId } from '../lib/base/id.js'
import { command } from '../lib/command/command.js'
import { pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import type { Output } from '../lib/command/output.js'
import { pick } from '../lib/session/pick.js'
import type { Row } from '../lib/session/row.js'
import { collect, collectInto, NOTHING_CHANGED, patchFields, whatIsMissing, whyNoResult } from '../lib/verb/collect.js'

export default command(import.meta, {
  name: 'zag-collect',
  does: 'print the results of many sessions, missing ones included',
  usage: [`[--patch] [--json | --into <folder>] [--max-bytes <size>] ${pickUsage}`],
  flags: {
    ...pickFlags,
    json: { type: 'boolean', does: 'one array of rows with result' },
    into: {
      type: 'string',
      value: 'folder',
      does: 'write a file each and index.json; overwrites nothing',
    },
    patch: { type: 'boolean', does: 'what each changed in its worktree, as a patch for git apply' },
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
    ['zag-collect --patch --latest', 'what the newest session changed in its worktree'],
  ],
  async run({ json, into, maxBytes, patch, ...which }, { stdin, out, err }) {
    if (into !== undefined && (json || maxBytes !== undefined)) throw usage('--into writes whole files: leave out --json and --max-bytes')
    if (patch && !json && maxBytes !== undefined) throw usage('--max-bytes cuts results, and a patch that is cut is none: leave it out')
    const ids = await pick(which, stdin)
    const tell = (id: string, without: string[] | undefined) => {
      const missing = whatIsMissing(id, without)
      if (missing !== undefined) err.notice(missing)
    }
    if (into !== undefined) {
      const { rows, index } = await collectInto(into, ids, { patches: patch })
      for (const { session_id, patch_without } of rows) tell(session_id, patch_without)
      return out.line(index)
    }
    const rows = await collect(ids, maxBytes)
    if (patch) return printPatches(rows, json, out, tell)
    if (json) return out.value(rows)
    for (const [at, row] of rows.entries()) {
      const body = row.result ?? `(no result: ${whyNoResult(row)})`
      out.text(`${head(row, at, out)}${body}${body.endsWith('\n') ? '' : '\n'}`)
    }
  },
})

/** The line above what is collected of a session, with an empty one between two. */
function head({ session_id, name, status }: Row, at: number, out: Output): string {
  return `${at > 0 ? '\n' : ''}${out.paint.bold(`== ${shortId(session_id)}${name ? ` ${name}` : ''} (${status}) ==`)}\n`
}

type Tell = (id: string, without: string[] | undefined) => void

async function printPatches(rows: Row[], json: boolean, out: Output, tell: Tell): Promise<void> {
  const { patchOf } = await import('../lib/worktree/patch.js')
  const all: object[] = []
  for (const [at, row] of rows.entries()) {
    const patch = await patchOf(row.session_id)
    tell(row.session_id, patch.without)
    if (json) {
      all.push({ ...row, ...patchFields(patch) })
      continue
    }
    out.text(head(row, at, out))
    if (patch.bytes && patch.bytes.length > 0) out.text(patch.bytes)
    else out.line(`(no patch: ${patch.why ?? NOTHING_CHANGED})`)
  }
  if (json) out.value(all)
}
