#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { shortId } from '../lib/base/id.js'
import { formatDuration } from '../lib/base/time.js'
import { command } from '../lib/command/command.js'
import { printTable } from '../lib/command/table.js'
import { groupRules, type RuleKind } from '../lib/permission/rules.js'
import { addRules, callOf, check, groupOf, removeRules } from '../lib/verb/allow.js'

const groupFlag = { group: { type: 'string', value: 'group', does: "the group, if not ZAG_GROUP or the project's" } } as const
const jsonFlag = { json: { type: 'boolean', does: 'rows as JSON' } } as const
const kindFlags = {
  never: { type: 'boolean', does: 'a rule that refuses' },
  once: { type: 'boolean', does: 'a rule that is good for one call' },
} as const

const OWN = 'this is inside of a session of the group, which may only forbid; nothing was done'

export default command(import.meta, {
  name: 'zag-allow',
  does: 'list, add, remove and try the rules of a group',
  default: 'list',
  commands: {
    list: {
      does: 'list the rules of a group',
      usage: ['[--group <group>] [--json]'],
      flags: { ...groupFlag, ...jsonFlag },
      exits: { [EXIT.ok]: 'listed, if there were any' },
      examples: [['zag-allow list', 'the rules of this project']],
      run({ group }, { out }) {
        const rows = groupRules(groupOf(group))
        if (out.json) for (const row of rows) out.row(row)
        else printTable(out, ['ID', 'KIND', 'RULE', 'BY', 'AGE'], rows.map(cells(out.isTerminal)))
      },
    },
    add: {
      does: 'add rules, and answer the open questions that they decide',
      usage: ['[--never | --once] [--group <group>] [--json] <rule>...'],
      flags: { ...kindFlags, ...groupFlag, ...jsonFlag },
      operands: { name: 'rule', min: 1 },
      exits: {
        [EXIT.ok]: 'they are rules of the group',
        [EXIT.usage]: 'wrong usage, or a rule that does not parse or can never fit; nothing was added',
        [EXIT.notNow]: OWN,
      },
      examples: [
        [
          "zag-allow add 'bash(command=git status *)' 'edit(path=src/**)'",
          'let all agents of the project see what changed, and edit below src',
        ],
        ["zag-allow add --never 'bash(command=git push *)'", 'let none of them push'],
      ],
      async run({ operands, group, never, once }, { out, err }) {
        for (const { warning, ...row } of await addRules(groupOf(group), operands, kindOf({ never, once }) ?? 'always')) {
          if (warning) err.notice(warning)
          if (out.json || row.added) out.row(row, `${row.kind}\t${row.rule}`)
        }
      },
    },
    remove: {
      does: 'remove rules, by text or id',
      usage: ['[--never | --once] [--group <group>] [--json] <rule>...'],
      flags: { ...kindFlags, ...groupFlag, ...jsonFlag },
      operands: { name: 'rule', min: 1 },
      exits: {
        [EXIT.ok]: 'removed',
        [EXIT.none]: 'one of them is no rule of the group, or several fit; none was removed',
        [EXIT.notNow]: OWN,
      },
      examples: [["zag-allow remove 'edit(path=src/**)'", 'as if it had not been added']],
      run({ operands, group, never, once }, { out }) {
        for (const row of removeRules(groupOf(group), operands, kindOf({ never, once }))) if (out.json) out.row(row)
      },
    },
    check: {
      does: 'say what rules make of a call, part by part',
      usage: [
        '[--group <group>] [--json] [<rule>...] -- <line>',
        '[--group <group>] [--json] --tool <tool> [--param <name=value>] [<rule>...]',
      ],
      flags: {
        tool: { type: 'string', value: 'tool', does: 'check a call of this tool in place of a shell line' },
        param: { type: 'strings', value: 'name=value', does: 'a parameter of that call' },
        ...groupFlag,
        ...jsonFlag,
      },
      operands: { name: 'rule' },
      afterDashes: { name: 'line', max: 1 },
      exits: { [EXIT.ok]: 'all of it is allowed', [EXIT.no]: 'a part of it is not' },
      examples: [
        ["zag-allow check 'bash(command=git *)' -- 'git status; rm x'", 'what one rule makes of a line'],
        ['zag-allow check --tool edit --param path=src/main.ts', 'what the rules of the project make of an edit'],
      ],
      run({ operands, afterDashes, tool, param, group }, { out }) {
        if (afterDashes?.length === 0) throw usage('no line after --: put one there, in quotes')
        const parts = check(callOf(afterDashes, tool, param), operands, groupOf(group))
        if (out.json) for (const part of parts) out.row(part)
        else {
          const rows = parts.map(({ part, allowed, rule, reason }) => [allowed ? 'allowed' : 'not allowed', part, rule ?? reason])
          printTable(out, ['ANSWER', 'PART', 'WHY'], rows)
        }
        return parts.every(({ allowed }) => allowed) ? EXIT.ok : EXIT.no
      },
    },
  },
})

function kindOf({ never, once }: { never: boolean; once: boolean }): RuleKind | undefined {
  if (never && once) throw usage('--never and --once exclude each other')
  return never ? 'never' : once ? 'once' : undefined
}

function cells(short: boolean): (rule: ReturnType<typeof groupRules>[number]) => unknown[] {
  return ({ id, kind, rule, by, created_at }) => {
    const age = formatDuration(Math.max(0, Date.now() - Date.parse(created_at)))
    return [short ? shortId(id) : id, kind, rule, short && by !== 'person' ? shortId(by) : by, age]
  }
}
