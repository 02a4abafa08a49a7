// Operands by which a program that checks, builds or runs a project turns to something else: paths that lead out of it. `*` in a rule
// does not stand for them: who allowed `pytest *` did not allow what lies in /tmp to be run.
//
// It holds for the programs that run what they are pointed at, and of which rules are derived; those that only print what they read
// are free, and so is a rule that leaves open what is to be done, such as `npm *`.

import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { codeOf } from '../base/exit.js'
import { isWithin, realOf } from '../base/within.js'
import type { Place } from './call.js'
import { everyWord, type Simple, type WordOf } from './shell.js'
import { CHECKERS, depthOf } from './subcommands.js'

const RUN_PROJECTS = new Set([
  ...CHECKERS,
  ...'npm pnpm yarn bun cargo go ruff dotnet gradle mvn swift mix terraform node python python3 ruby php'.split(' '),
])

/** What a rule has to spell to allow a command: what is run, and the words that lead out of the project, if there are any. */
export interface Leaving {
  what: string
  words: WordOf[]
}

/** The operands that lead out of the project, or may, because nobody knows them before they are run. */
export function leaving(simple: Simple, place: Place): Leaving {
  const { words } = simple
  const depth = RUN_PROJECTS.has(words[0]?.value ?? '') ? depthOf(words.map(({ value }) => value)) : 0
  const behind = depth === 0 ? [] : everyWord({ ...simple, words: words.slice(depth) })
  return { what: words[depth - 1]?.text ?? '', words: behind.filter(word => leads(word, place)) }
}

function leads({ text, value }: WordOf, place: Place): boolean {
  if (value === '/dev/null') return false
  if (value === undefined) return mayLead(text)
  if (/^(?!file:)[a-z][a-z\d+.-]*:\/\//i.test(value)) return false
  // `--config=/x`, `-o/x`, `@/x`, `a,/x`, `a:/x`
  const pieces = value.replace(/^-\w(?=[/~.])/, '').split(/[=,:@]/)
  return pieces.some(piece => isOutside(piece, place))
}

/** Of globs and braces it is seen where they begin; of any other expansion nothing is. */
function mayLead(text: string): boolean {
  if (text.includes('$')) return true
  const pieces = text.split(/[=,:@{}'"]/)
  return pieces.some(piece => /^[/~]/.test(piece) || piece.split('/').some(part => part === '..' || /^\.[^.]*[*?[]/.test(part)))
}

function isOutside(piece: string, { root, cwd }: Place): boolean {
  if (/^~[^/]/.test(piece)) return true
  try {
    const real = realOf(piece.startsWith('~') ? join(homedir(), piece.slice(1)) : resolve(cwd, piece))
    return ![root, cwd].some(folder => isWithin(realOf(folder), real))
  } catch (error) {
    // A link to nothing, or what cannot be read: nobody knows where it leads. What is too long is no path.
    return codeOf(error) !== 'ENAMETOOLONG'
  }
}
