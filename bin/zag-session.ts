#!/usr/bin/env node
import { EXIT } from '../lib/base/exit.js'
import { shortId } from '../lib/base/id.js'
import { formatDuration } from '../lib/base/time.js'
import { command } from '../lib/command/command.js'
import { pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import { field } from '../lib/command/output.js'
import { printTable } from '../lib/command/table.js'
import { pick } from '../lib/session/pick.js'
import { IMPORTED_PROVIDERS, importFiles } from '../lib/verb/import.js'
import { change, checkChange, discard, listed, type Recorded, wholeOf } from '../lib/verb/record.js'

const jsonFlag = { json: { type: 'boolean', does: 'rows as JSON' } } as const
const whoseFlag = {
  provider: { type: 'choice', short: 'p', choices: IMPORTED_PROVIDERS, does: 'whose files they are, if they should not be asked' },
} as const
const session = { name: 'session' } as const
const { tag: _tag, name: _name, ...selecting } = pickFlags

export default command(import.meta, {
  name: 'zag-session',
  does: 'list, show, change, delete and import sessions',
  default: 'list',
  commands: {
    list: {
      does: 'list sessions, the newest last',
      usage: [`[-n <count>] [--json] [${pickUsage}]`],
      flags: {
        ...pickFlags,
        newest: { type: 'number', short: 'n', value: 'count', does: 'only the newest' },
        json: { type: 'boolean', does: 'one array of rows' },
      },
      operands: session,
      exits: { ...pickExits, [EXIT.ok]: 'listed, if there were any' },
      examples: [['zag-session list -n 10', 'the ten newest']],
      async run({ newest, json, ...which }, { stdin, out }) {
        const rows = await listed(await pick(which, stdin, { otherwise: 'all', empty: true }), newest)
        if (json) return out.value(rows)
        printTable(out, ['ID', 'STATE', 'PROVIDER', 'AGE', 'NAME', 'TAGS', 'DESCRIPTION'], rows.map(cells(out.isTerminal)))
      },
    },
    show: {
      does: 'show all that is known of sessions',
      usage: [`[--json] ${pickUsage}`],
      flags: { ...pickFlags, ...jsonFlag },
      operands: session,
      exits: { ...pickExits, [EXIT.ok]: 'shown' },
      examples: [['zag-session show --latest', 'the newest, with its flags, files and runs']],
      async run({ json, ...which }, { stdin, out }) {
        for (const id of await pick(which, stdin)) {
          const { runs, ...whole } = await wholeOf(id)
          if (json) out.value({ ...whole, runs })
          else {
            for (const [key, value] of Object.entries(whole)) if (value !== undefined && value !== null) out.line(`${key}=${field(value)}`)
            for (const run of runs) out.line(`run=${field(run)}`)
          }
        }
      },
    },
    update: {
      does: 'call sessions otherwise',
      usage: [
        '[--name <name>] [--description <text>] [--clear-tags] [--tag <tag>] { <session>... | - | --parent <session> | --latest | --all }',
      ],
      flags: {
        ...selecting,
        name: { type: 'string', value: 'name', does: 'the new name' },
        description: { type: 'string', value: 'text', does: 'what it is for' },
        tag: { type: 'strings', value: 'tag', does: 'a tag to add' },
        clearTags: { type: 'boolean', does: 'take away the tags it had' },
        ...jsonFlag,
      },
      operands: session,
      exits: { ...pickExits, [EXIT.ok]: 'changed', [EXIT.notNow]: 'somebody else is changing it' },
      examples: [['zag-session update --latest --name tests --tag ci', 'give the newest a name and one more tag']],
      async run({ name, description, tag, clearTags, json: _, ...which }, { stdin, out }) {
        const ids = await pick(which, stdin)
        checkChange({ name, description, tag, clearTags })
        for (const id of ids) {
          const row = await change(id, { name, description, tag, clearTags })
          if (out.json) out.row(row)
        }
      },
    },
    delete: {
      does: 'forget sessions that are over',
      usage: [`[--json] ${pickUsage}`],
      flags: { ...pickFlags, ...jsonFlag },
      operands: session,
      exits: {
        ...pickExits,
        [EXIT.ok]: 'they are gone',
        [EXIT.notNow]: 'one of them is not over, or its worktree holds work that is nowhere else; nothing was deleted',
      },
      examples: [['zag-session delete --tag review', 'all that has a tag']],
      async run({ json: _, ...which }, { stdin, out }) {
        await discard(await pick(which, stdin), row => out.row(row, row.session_id))
      },
    },
    import: {
      does: 'take in conversations from the session files of agents',
      usage: ['[--provider <provider>] [--tag <tag>] [--json] <path>...'],
      flags: {
        ...whoseFlag,
        tag: { type: 'strings', value: 'tag', does: 'a tag for the new sessions' },
        ...jsonFlag,
      },
      operands: { name: 'path', min: 1 },
      exits: {
        [EXIT.ok]: 'imported; their ids are on stdout',
        [EXIT.usage]: 'wrong usage, or a file that is no session file; nothing was imported',
        [EXIT.notNow]: 'a conversation is here already; nothing was imported',
      },
      examples: [['zag-session import --tag old ~/.claude/projects/*/*.jsonl', 'all conversations held with Claude Code']],
      async run({ operands, provider, tag, json: _ }, { out }) {
        for (const row of await importFiles(operands, { provider, tag })) out.row(row, row.session_id)
      },
    },
  },
})

function cells(short: boolean): (row: Recorded) => unknown[] {
  return ({ session_id, status, provider, created_at, name, tags, description }) => {
    const age = formatDuration(Math.max(0, Date.now() - Date.parse(created_at)))
    return [short ? shortId(session_id) : session_id, status, provider, age, name, tags.join(','), description]
  }
}
