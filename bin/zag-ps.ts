#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { shortId } from '../lib/base/id.js'
import { formatDuration } from '../lib/base/time.js'
import { command } from '../lib/command/command.js'
import type { Context } from '../lib/command/data.js'
import { pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import { contentOf } from '../lib/command/input.js'
import { field, type Output } from '../lib/command/output.js'
import { printTable } from '../lib/command/table.js'
import { cancelAll } from '../lib/run/cancel.js'
import { GRACE } from '../lib/run/request.js'
import { handIn, self } from '../lib/run/self.js'
import { type Pick, pick } from '../lib/session/pick.js'
import { rowOf } from '../lib/session/row.js'
import { type Branch, type Listed, list, listOne, newestTrees, treeOf } from '../lib/verb/list.js'

const jsonFlag = { json: { type: 'boolean', does: 'rows as JSON' } } as const
const session = { name: 'session' } as const
const onlyFlag = { only: { type: 'boolean', does: 'leave alone the sessions that they started' } } as const
const { all: _, ...narrowing } = pickFlags
const HEADING = ['ID', 'STATE', 'PROVIDER', 'PID', 'AGE', 'NAME', 'ERROR']

export default command(import.meta, {
  name: 'zag-ps',
  does: 'list sessions and what runs of them, and end it',
  default: 'list',
  commands: {
    list: {
      does: 'list the sessions that are not over',
      usage: ['[--tree] [--all] [-n <count>] [-q | --json]'],
      flags: {
        ...narrowing,
        ...jsonFlag,
        all: { type: 'boolean', short: 'a', does: 'also those that are over' },
        tree: { type: 'boolean', does: 'each under the session that started it; of those named the whole trees' },
        newest: {
          type: 'number',
          short: 'n',
          value: 'count',
          does: 'only the newest; with --tree: the newest trees',
        },
        quiet: { type: 'boolean', short: 'q', does: 'only ids' },
      },
      operands: session,
      exits: { ...pickExits, [EXIT.ok]: 'listed, if there were any' },
      examples: [
        ['zag-ps', 'what is at work'],
        ['zag-ps list --all -n 5', 'the five newest, over or not'],
        ['zag-ps --tree', 'what is at work, and who started it'],
      ],
      async run({ all, tree, newest, quiet, json, ...which }, { stdin, out }) {
        if (quiet && json) throw usage('--quiet or --json, not both')
        const rows = await chosen(which, all, stdin)
        if (tree) return printTree(await treeOf(rows, isNamed(which) ? 'down' : 'up'), { newest, quiet, json }, out)
        const shown = newest === undefined ? rows : rows.slice(rows.length - Math.min(newest, rows.length))
        if (quiet) for (const row of shown) out.line(row.session_id)
        else if (json) out.value(shown)
        else printTable(out, HEADING, shown.map(cells(out.isTerminal)))
      },
    },
    show: {
      does: 'show sessions in full',
      usage: [`[--json] ${pickUsage}`],
      flags: { ...pickFlags, ...jsonFlag },
      operands: session,
      exits: { ...pickExits, [EXIT.ok]: 'shown' },
      examples: [['zag-ps show --latest', 'all that is known of the newest session']],
      async run({ json, ...which }, { stdin, out }) {
        for (const id of await pick(which, stdin)) {
          const row = await listOne(id)
          if (json) out.value(row)
          else for (const [key, value] of Object.entries(row)) if (value !== undefined && value !== null) out.line(`${key}=${field(value)}`)
        }
      },
    },
    stop: {
      does: 'end sessions gently, then firmly, as zag cancel',
      usage: [`[--only] { self | ${pickUsage} }`],
      flags: { ...pickFlags, ...onlyFlag, ...jsonFlag },
      operands: session,
      exits: {
        ...pickExits,
        [EXIT.ok]: 'none of them runs any more',
        [EXIT.no]: 'some could not be ended',
      },
      examples: [['zag-ps stop --tag review', 'end what has a tag']],
      run: (flags, context) => end(flags, context, GRACE),
    },
    kill: {
      does: 'end sessions at once, by SIGKILL; or hand in the result of the own one and end it',
      usage: [`[--only] ${pickUsage}`, 'self [<result> | --file <path>]'],
      flags: {
        ...pickFlags,
        ...onlyFlag,
        ...jsonFlag,
        file: {
          type: 'string',
          value: 'path',
          does: 'with self: the result from a file',
        },
      },
      operands: session,
      exits: {
        ...pickExits,
        [EXIT.ok]: 'none of them runs any more',
        [EXIT.notNow]: 'with a result: the session has ended already',
        [EXIT.no]: 'some could not be ended, self outside of a session, or its result does not fit its schema',
      },
      examples: [
        ['zag-ps kill --tag review', 'end what has a tag, now'],
        ['zag-ps kill self "all tests pass"', 'inside a session: hand in its result and end it'],
      ],
      async run({ file, ...flags }, context) {
        const [word, result, ...more] = flags.operands
        if (word !== 'self') {
          if (file !== undefined) throw usage('--file goes with self')
          return end(flags, context, 0)
        }
        if (flags.only && (file !== undefined || result !== undefined))
          throw usage('what hands in its result leaves its children alone: no --only')
        if (more.length > 0 || (file !== undefined && result !== undefined)) throw usage('one result: quote it, or give --file')
        if (file === undefined && result === undefined) return end(flags, context, 0)
        const refused = await handIn(file === undefined ? (result as string) : contentOf(file, 'the result').toString())
        for (const reason of refused) context.err.complain(`the result does not fit: ${reason}`)
        return refused.length > 0 ? EXIT.no : EXIT.ok
      },
    },
    self: {
      does: 'show the session this is',
      usage: ['[--json]'],
      flags: jsonFlag,
      exits: {
        ...pickExits,
        [EXIT.ok]: 'inside a session',
        [EXIT.no]: 'not inside a session',
      },
      examples: [['zag-ps self --json', 'inside a session: its row']],
      async run({ json }, { out }) {
        const row = await listOne(self().session)
        out.json = json
        out.row(row, `${row.session_id}\t${row.status}`)
      },
    },
  },
})

/** The rows asked for: of the sessions named if any are, else of all that the table has. */
async function chosen(which: Pick, all: boolean, stdin: Context['stdin']): Promise<Listed[]> {
  const named = await pick(which, stdin, { otherwise: 'none', empty: true })
  const narrows = which.state !== undefined || which.root !== undefined
  const nothing = !isNamed(which)
  if (nothing && !narrows) return list({ all })
  if (!nothing) return Promise.all(named.map(listOne))
  const ids = new Set(await pick({ ...which, all: true }, stdin, { empty: true }))
  return (await list({ all: all || which.state !== undefined })).filter(row => ids.has(row.session_id))
}

function isNamed({ operands = [], tag = [], name, parent, latest }: Pick): boolean {
  return operands.length + tag.length > 0 || Boolean(name || parent || latest)
}

function printTree(grown: Branch[], { newest, quiet, json }: { newest?: number; quiet: boolean; json: boolean }, out: Output): void {
  const branches = newest === undefined ? grown : newestTrees(grown, newest)
  if (quiet) for (const { row } of branches) out.line(row.session_id)
  else if (json) out.value(branches.map(({ row }) => row))
  else {
    const cellsOf = cells(out.isTerminal)
    const rows = branches.map(({ row, lines }) => cellsOf(row).map((cell, at) => (at === 0 ? `${lines}${cell}` : cell)))
    printTable(out, HEADING, rows)
  }
}

function cells(short: boolean): (row: Listed) => unknown[] {
  return row => {
    const age = formatDuration(Date.now() - Date.parse(row.created_at))
    return [short ? shortId(row.session_id) : row.session_id, row.status, row.provider, row.pid, age, row.name, row.error]
  }
}

async function end(
  { only, ...which }: Pick & { only: boolean; json: boolean },
  { stdin, out, err }: Context,
  grace: number,
): Promise<number> {
  const operands = (which.operands ?? []).map(word => (word === 'self' ? self().session : word))
  const failed = await cancelAll(await pick({ ...which, operands }, stdin), { grace, only }, ({ status }) => {
    out.row(rowOf(status), `${status.id}\t${status.state}`)
  })
  for (const { message } of failed) err.complain(message)
  return failed.length > 0 ? EXIT.no : EXIT.ok
}
