// How the tests of this folder are run: so many cases each, times FUZZ for long runs. A case that fails is told with the seed and the path
// to have it again.

import fc from 'fast-check'
import { Fault } from '../../lib/base/exit.js'

export const cases = (count: number): { numRuns: number } => ({ numRuns: Math.ceil(count * Number(process.env.FUZZ ?? 1)) })

/** Any text, also with what means something to a shell, a path, a terminal or a parser. */
export const text = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map(pieces => pieces.join('')),
  )

const PIECES = [
  ...[
    'a',
    'b',
    ' ',
    '\n',
    '\r',
    '\t',
    '\0',
    "'",
    '"',
    '`',
    '$(x)',
    '\\',
    '/',
    '../',
    '..',
    '.',
    '-',
    '--',
    '=',
    ',',
    ';',
    '|',
    '&',
    '*',
    '?',
  ],
  ...['[', ']', '{', '}', '(', ')', '<', '>', '#', '%2e', '\u001b[31m', '\ud800', '\u2028', 'é', '😀', '0', '9'],
]

/** Any value that JSON can hold. */
export const json = (): fc.Arbitrary<fc.JsonValue> => fc.jsonValue({ maxDepth: 3 })

/** What a call gives, or the Fault it throws; any other error is a bug, and so is a message of two lines or none. */
export function orFault<T>(call: () => T): T | Fault {
  try {
    return call()
  } catch (error) {
    return faultIn(error)
  }
}

export function faultIn(error: unknown): Fault {
  if (!(error instanceof Fault)) throw error
  if (error.message === '' || /[\n\r]/.test(error.message)) throw new Error(`not one line: ${JSON.stringify(error.message)}`)
  return error
}
