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
import { globOf } from './words.js'

const RUN_PROJECTS = new Set([
  ...CHECKERS,
  ...'npm pnpm yarn bun cargo go ruff dotnet swift mix tap terraform node python python3 ruby php'.split(' '),
])

/** All their operands are things to do: `mvn test deploy` tests and deploys. */
const TAKE_GOALS = new Set('gradle gradlew ./gradlew mvn mvnw ./mvnw'.split(' '))

/** What a rule has to spell to allow a command: what is run, and the words that lead out of the project, if there are any. */
export interface Leaving {
  what: string
  words: WordOf[]
}

/** The operands that lead out of the project, or may, because nobody knows them before they are run; and goals besides the first. */
export function leaving(simple: Simple, place: Place): Leaving {
  const { words } = simple
  const program = words[0]?.value ?? ''
  const hasGoals = TAKE_GOALS.has(program)
  const depth = hasGoals ? firstGoal(words) : RUN_PROJECTS.has(program) ? depthOf(words.map(({ value }) => value)) : 0
  const behind = depth === 0 ? [] : everyWord({ ...simple, words: words.slice(depth) })
  const isGoal = ({ value }: WordOf, at: number) => hasGoals && isFree(value) && behind[at - 1]?.value !== '--tests'
  return { what: words[depth - 1]?.text ?? '', words: behind.filter((word, at) => isGoal(word, at) || leads(word, place)) }
}

const firstGoal = (words: readonly WordOf[]) => words.findIndex(({ value }, at) => at > 0 && !value?.startsWith('-')) + 1

/** No option, or one that sets what a goal does. */
const isFree = (value: string | undefined) => value === undefined || !value.startsWith('-') || /^-(?:[DP]|-(?:def|sys|pro|act))/.test(value)

function leads({ text, value }: WordOf, place: Place): boolean {
  if (value === '/dev/null') return false
  if (value === undefined) return mayLead(text, place)
  const parts = value.split(/[\s'"]+/).filter(part => !/^(?!file:)[a-z][a-z\d+.-]*:\/\/[^,]*$/i.test(part))
  return parts.flatMap(piecesOf).some(piece => isOutside(piece, place))
}

/** `--config=/x`, `-o/x`, `-xo/x`, `@/x`, `a,/x`, `a:/x` */
const piecesOf = (text: string) => text.split(/[=,:;@]/).map(piece => piece.replace(/^-[^/~.]*(?=[/~.])/, ''))

/** Of globs it is seen where they begin, and that they cannot go up; of any other expansion nothing is. */
function mayLead(text: string, place: Place): boolean {
  const glob = globOf(text)
  if (glob === undefined) return true
  return piecesOf(glob).some(piece => {
    const isUp = piece.split('/').some(part => part === '..' || /^\.[^.]*[*?[]/.test(part))
    return isUp || isOutside(/^[^*?[]*\/|/.exec(piece)?.[0] ?? '', place)
  })
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
