// What is looked for in logs: a text or a regular expression, and the part of it that every line with a match must have.
//
// Where any case will do, letters are alike as /i has it, without /u: ASCII letters only among themselves.

import { usage } from '../base/exit.js'

/** The pattern of a text or a regular expression; ^ and $ stand at the ends of lines. Throws usage for one that does not compile. */
export function patternOf(text: string, { regex, anyCase }: { regex: boolean; anyCase: boolean }): RegExp {
  if (text === '') throw usage('an empty text is everywhere: give one to look for')
  try {
    return new RegExp(regex ? text : text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), anyCase ? 'im' : 'm')
  } catch (error) {
    throw usage((error as Error).message.replace(/^I/, 'i').replace(/\s*\n\s*/g, ' '))
  }
}

/** A part of the text that stands in every line of a log with a match, as JSON.stringify writes it; empty if none is certain. */
export function certainPart(text: string, { regex, anyCase }: { regex: boolean; anyCase: boolean }): string {
  const parts = (regex ? literalsOf(text) : [text]).flatMap(literal => certainParts(literal, anyCase))
  return parts.reduce((longest, part) => (part.length > longest.length ? part : longest), '')
}

/** Control characters and broken ones have several spellings; where any case will do, so have letters beyond ASCII. */
function certainParts(text: string, anyCase: boolean): string[] {
  const parts: string[] = ['']
  for (const char of text) {
    const oneCase = char <= '\x7f' || (char.toLowerCase() === char && char.toUpperCase() === char)
    if (!/[\p{Cc}\p{Cs}]/u.test(char) && (oneCase || !anyCase)) parts.push(`${parts.pop()}${JSON.stringify(char).slice(1, -1)}`)
    else parts.push('')
  }
  return parts
}

/** One step of a regular expression: an escape, a class, a quantifier, or a character. */
const STEP = /\\(?:u[\da-f]{4}|x[\da-f]{2}|c[a-z]|k<[^>]*>|\d+|[\s\S])|\[(?:\\[\s\S]|[^\]\\])*\]|[*+?]\??|\{\d+(?:,\d*)?\}\??|[\s\S]/gi

/**
 * The texts that stand in every match: what is in no group and no class, and may not be left out. Of an expression with a choice at
 * its top level, none. The expression has to be one that compiles.
 */
function literalsOf(source: string): string[] {
  const literals: string[] = []
  let run: string[] = []
  let depth = 0
  const end = () => {
    literals.push(run.join(''))
    run = []
  }
  for (const [step] of source.matchAll(STEP)) {
    if (step === '(' || step === ')') depth += step === '(' ? 1 : -1
    else if (depth === 0 && step === '|') return []
    const char = /^\\[^\w]$/.test(step) ? step.slice(1) : /^[^\\.^$()|[\]{}*+?]$/.test(step) ? step : undefined
    if (depth === 0 && char !== undefined) run.push(char)
    else {
      // What may be there no times, or how often is not looked into, counts as not there.
      if (/^(?:[*?]|\{)/.test(step)) run.pop()
      end()
    }
  }
  end()
  return literals
}
