#!/usr/bin/env node
// zag <program> runs the program in this process; what is not ours and is on PATH as zag-<program> runs beside it.

import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, isAbsolute, join } from 'node:path'
import { EXIT, quoted, usage } from '../lib/base/exit.js'
import { nearest } from '../lib/base/name.js'
import { distribution, programs } from '../lib/base/paths.js'
import { type Command, command, version } from '../lib/command/command.js'
import type { Context } from '../lib/command/data.js'
import { beside } from '../lib/process/beside.js'
import { findProgram } from '../lib/process/program.js'

export default command(import.meta, {
  name: 'zag',
  does: 'start, wait for, gather and chain many coding agents',
  usage: ['<program> [<word>...]', 'help <program>', '--help-agent', '--version'],
  flags: {},
  raw: true,
  exits: { [EXIT.ok]: 'the programs were listed; else the code of the program', [EXIT.cannotRun]: 'a zag-<program> on PATH cannot be run' },
  examples: [
    ['zag', 'list the programs'],
    ['zag -p sh exec "echo hi"', 'flags may stand before the program'],
    ['zag help wait', 'the same as zag wait --help'],
  ],
  async run({ operands }, context) {
    const { before, word, after } = split(operands)
    if (word === undefined) return alone(before, context)
    if (word === 'help' && before.length === 0)
      return after.length > 0 ? start(after[0] as string, ['--help'], context) : alone([], context)
    return start(word, [...before, ...after], context)
  },
})

function split(argv: readonly string[]): { before: string[]; word: string | undefined; after: string[] } {
  const isFlag = (word: string | undefined) => word !== undefined && /^-./.test(word)
  // Flags that take the next word with them; asked for only when one stands before the program's name.
  const valued = isFlag(argv[0]) ? new Set(own().flatMap(program => program.valued)) : undefined
  let at = 0
  while (isFlag(argv[at])) at += valued?.has(argv[at] as string) ? 2 : 1
  return { before: argv.slice(0, at), word: argv[at], after: argv.slice(at + 1) }
}

/** What zag does when no program is named: it lists them. */
async function alone(flags: readonly string[], context: Context): Promise<number> {
  const { out } = context
  if (flags.length === 1 && flags[0] === '--help-agent') return start('help-agent', [], context)
  if (flags.length === 1 && flags[0] === '--version') out.line(`zag ${version()}`)
  else if (flags.length === 0 || flags.includes('--help') || flags.includes('-h')) out.text(tour(out.paint.bold))
  else
    throw usage(`no program is named: zag ${flags.map(flag => (/\s/.test(flag) ? quoted(flag) : flag)).join(' ')} <program> (zag --help)`)
  return EXIT.ok
}

function tour(bold: (text: string) => string): string {
  const listed = own().filter(({ name }) => name !== 'zag')
  const width = Math.max(...listed.map(({ name }) => name.length)) - 'zag-'.length
  const rows = listed.map(({ name, does }) => `  ${bold(name.replace(/^zag-/, '').padEnd(width))}  ${does}`)
  return [
    'zag: start, wait for, gather and chain many coding agents',
    '',
    'zag <program> [<word>...]',
    '',
    ...rows,
    '',
    'More: zag help <program>, zag man; for agents: zag --help-agent',
    '',
  ].join('\n')
}

/** Our programs, as the build wrote them down. */
function own(): { name: string; does: string; valued: string[] }[] {
  return JSON.parse(readFileSync(join(distribution(), 'lib/programs.json'), 'utf8'))
}

async function start(word: string, argv: readonly string[], { err }: Context): Promise<number> {
  const name = `zag-${word}`
  if (/^[a-z][a-z0-9-]*$/.test(word)) {
    const file = join(programs(), name)
    if (existsSync(file)) return (createRequire(file)(file) as { default: Command }).default.main(argv)
    // A folder on PATH that is relative means another program in every place.
    const path = (process.env.PATH ?? '').split(delimiter).filter(isAbsolute).join(delimiter)
    const found = findProgram(name, path)
    if (found.path) return beside(found.path, argv, !err.isTerminal)
  }
  const near = nearest(
    word,
    own().map(program => program.name.replace(/^zag-/, '')),
  )
  throw usage(`no program ${quoted(word)}${near.length > 0 ? `: did you mean ${near.join(' or ')}?` : ''} (zag --help)`)
}
