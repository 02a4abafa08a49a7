// The words of a shell command in normal form: quotes are resolved where that changes nothing, and put back where a blank or a sign
// would mean something without them. So a command has one text however it was quoted, and no two commands share one.

import type { CommandArgument, ParameterExpansionPart, Word, WordPart } from 'unbash'

/** Why no rule but `bash` alone can allow a line. */
export class Outside extends Error {}

export interface NormalWord {
  /** The normal form. */
  text: string
  /** What the command gets for it, if that is known before it runs. */
  value?: string
}

/** What means itself without quotes, wherever in a word it stands. */
const BARE = /^[^\s\p{Cc}'"`$\\*?[\]{}~!#&|;<>()][^\s\p{Cc}'"`$\\*?[\]{}&|;<>()]*$/u
/** Braces without a comma or dots mean themselves: stash@{0}. */
const BARE_BRACES = /^[^\s\p{Cc}'"`$\\*?[\]{}~!#&|;<>(),]*\{[^\s\p{Cc}'"`$\\*?[\]{}&|;<>(),.]*\}[^\s\p{Cc}'"`$\\*?[\]{}&|;<>(),]*$/u
// biome-ignore lint/suspicious/noControlCharactersInRegex: as in shell.ts, where a line has none of these
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/
const PARAMETER = /^\$(?:[A-Za-z_]\w*|[0-9@*#?$!_-])$/

/** The normal form of a word. Throws Outside if it runs something, or if it is none that can be judged. */
export function normalWord(word: Word | CommandArgument): NormalWord {
  if (word.type === 'Assignment') throw new Outside(`it sets ${word.name}`)
  const value = staticValue(word)
  if (value !== undefined) return { text: quote(value, word.text.startsWith('~')), value }
  for (const part of word.parts ?? []) checkPart(part)
  return { text: word.text.replaceAll('\\\n', '') }
}

/** A text as one word of a shell line that means it. */
export function quote(text: string, tilde = false): string {
  if (BARE.test(text) || BARE_BRACES.test(text) || (tilde && (text === '~' || BARE.test(text.slice(1))))) return text
  if (text === '[' || text === ']' || text === '{}') return text
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** The text of a word that only globs decide, and braces around plain words, as one glob: `a{b,c}/*.d` as `ax/*.d`. */
export function globOf(text: string): string | undefined {
  const glob = text.replace(/\{\w+(?:,\w+)+\}/g, 'x')
  return /[{}\\'"$`\s]/.test(glob) ? undefined : glob
}

/** What a word is for the command, if no expansion decides it. Throws Outside for quotes that shells read differently. */
function staticValue(word: Word): string | undefined {
  if (!word.parts) {
    checkLiteral(word.text)
    if (word.text === '~' || word.text.startsWith('~')) return BARE.test(word.text.slice(1)) || word.text === '~' ? word.value : undefined
    return word.value
  }
  let value = ''
  for (const part of word.parts) {
    if (part.type === 'Literal') checkLiteral(part.text)
    if (part.type === 'Literal' || part.type === 'SingleQuoted') value += part.value
    else if (part.type === 'AnsiCQuoted') {
      // Where a shell does not know $'...', a quote after a backslash ends it.
      if (part.text.includes("\\'")) throw new Outside("shells differ on a quote within $'...'")
      if (CONTROL.test(part.value)) throw new Outside('it has a control character in it')
      value += part.value
    } else if (part.type === 'DoubleQuoted' && part.parts.every(each => each.type === 'Literal')) {
      for (const each of part.parts) {
        if (each.type !== 'Literal') continue
        checkLiteral(each.text)
        value += each.value
      }
    } else return undefined
  }
  return word.text.startsWith('~') ? undefined : value
}

/** What the parser took for mere text must look like it to any other parser as well. */
function checkLiteral(text: string): void {
  const bare = text.replace(/\\[\s\S]/g, '')
  if (/[`\0]|\$[({['"]|[<>]\(/.test(bare)) throw new Outside('it holds what may be a substitution')
}

function checkPart(part: WordPart): void {
  switch (part.type) {
    case 'Literal':
      checkLiteral(part.text)
      return
    case 'SingleQuoted':
      return
    case 'AnsiCQuoted':
      if (part.text.includes("\\'")) throw new Outside("shells differ on a quote within $'...'")
      return
    case 'DoubleQuoted':
      for (const each of part.parts) checkPart(each)
      return
    case 'Glob':
      for (const each of part.parts ?? []) checkPart(each)
      return
    case 'BraceExpansion':
      if (!part.parts) checkLiteral(part.text)
      for (const each of part.parts ?? []) checkPart(each)
      return
    case 'SimpleExpansion':
      if (!PARAMETER.test(part.text)) throw new Outside(`the expansion ${part.text} is one that no rule knows`)
      return
    case 'ParameterExpansion':
      checkParameter(part)
      return
    case 'CommandExpansion':
      throw new Outside('it has a command substitution in it')
    case 'ProcessSubstitution':
      throw new Outside('it has a process substitution in it')
    case 'ArithmeticExpansion':
      throw new Outside('it has arithmetic in it, which may run commands')
    default:
      throw new Outside('it has a pattern or a string in it that only some shells know')
  }
}

/** `${x}`, and operations whose operand runs nothing; what sets a variable, or takes its value for a name or an expression, is out. */
function checkParameter({ prefix, index, operation, parameter, text }: ParameterExpansionPart): void {
  const known = operation === undefined || ['Default', 'Remove'].includes(operation.type)
  const sets = operation?.type === 'Default' && !['-', ':-', '+', ':+'].includes(operation.operator)
  if (prefix === '!' || index || !known || sets || !PARAMETER.test(`$${parameter}`)) {
    throw new Outside(`the expansion ${text} is one that no rule knows`)
  }
  if (operation && 'operand' in operation && operation.operand) normalWord(operation.operand)
}
