#!/usr/bin/env node
// zag <program> runs the program in this process; what is not ours and is on PATH as zag-<program> runs beside it.

import type { ChildProcess } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { constants as system } from 'node:os'
import { delimiter, join } from 'node:path'
import { EXIT, Fault, quoted, refused, usage } from '../lib/base/exit.js'
import { nearest } from '../lib/base/name.js'
import { distribution, programs } from '../lib/base/paths.js'
import { type Command, command, version } from '../lib/command/command.js'
import type { Context } from '../lib/command/data.js'

/** Flags that may stand before the program's name and take the next word with them. Others stand alone. */
const WITH_VALUE = new Set(['-p', '--provider', '-m', '--model', '-r', '--root', '-s', '--system-prompt', '--add-dir', '--size'])

export default command(import.meta, {
  name: 'zag',
  does: 'start, wait for, gather and chain many coding agents',
  usage: ['<program> [<word>...]', 'help <program>', '--version'],
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
  let at = 0
  while (at < argv.length && /^-./.test(argv[at] as string)) at += WITH_VALUE.has(argv[at] as string) ? 2 : 1
  return { before: argv.slice(0, at), word: argv[at], after: argv.slice(at + 1) }
}

/** What zag does when no program is named: it lists them. */
function alone(flags: readonly string[], { out }: Context): number {
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
    'More: zag help <program>, zag man',
    '',
  ].join('\n')
}

/** Our programs, as the build wrote them down. */
function own(): { name: string; does: string }[] {
  return JSON.parse(readFileSync(join(distribution(), 'lib/programs.json'), 'utf8'))
}

async function start(word: string, argv: readonly string[], { err }: Context): Promise<number> {
  const name = `zag-${word}`
  if (/^[a-z][a-z0-9-]*$/.test(word)) {
    const file = join(programs(), name)
    if (existsSync(file)) return (createRequire(file)(file) as { default: Command }).default.main(argv)
    const found = onPath(name)
    if (found) return beside(found, argv, !err.isTerminal)
  }
  const near = nearest(
    word,
    own().map(program => program.name.replace(/^zag-/, '')),
  )
  throw usage(`no program ${quoted(word)}${near.length > 0 ? `: did you mean ${near.join(' or ')}?` : ''} (zag --help)`)
}

function onPath(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(folder => folder.startsWith('/'))
  return folders.map(folder => join(folder, name)).find(isProgram)
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    // Not here: the next folder may have it.
    return false
  }
}

/** Runs a program that is not ours with our streams, and ends as it ends. On a terminal Ctrl-C reaches it without us. */
async function beside(file: string, argv: readonly string[], passInterrupt: boolean): Promise<number> {
  const { spawn } = await import('node:child_process')
  // The handlers stand before the program does: a signal in between would leave it behind.
  const pass = (signal: NodeJS.Signals) => void ((signal !== 'SIGINT' || passInterrupt) && child.kill(signal))
  for (const signal of SIGNALS) process.on(signal, pass)
  const child = spawn(file, argv, { stdio: 'inherit' })
  const { code, signal } = await ended(child, file)
  for (const each of SIGNALS) process.off(each, pass)
  if (signal === null) return code ?? EXIT.bug
  process.kill(process.pid, signal)
  return 128 + (system.signals[signal] ?? 0)
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

function ended(child: ChildProcess, file: string): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((done, fail) => {
    child.on('error', error => fail(new Fault(refused(`cannot run ${quoted(file)}`, error).message, EXIT.cannotRun, { cause: error })))
    child.on('exit', (code, signal) => done({ code, signal }))
  })
}
