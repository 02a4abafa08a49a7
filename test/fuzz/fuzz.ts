// How the tests of this folder are run: so many cases each, times FUZZ for long runs. A case that fails is told with its seed; FUZZ_SEED=n
// begins with that one.

import fc from 'fast-check'
import t from 'tap'
import { Fault } from '../../lib/base/exit.js'

export function cases(count: number): { numRuns: number; seed?: number } {
  const { FUZZ = 1, FUZZ_SEED } = process.env
  return { numRuns: Math.ceil(count * Number(FUZZ)), ...(FUZZ_SEED === undefined ? {} : { seed: Number(FUZZ_SEED) }) }
}

/** So many values for a test that takes them all at once; the seed is told if the test fails. */
export function sample<T>(of: fc.Arbitrary<T>, count: number): T[] {
  const { numRuns, seed = Date.now() % 2 ** 31 } = cases(count)
  t.comment(`FUZZ_SEED=${seed}`)
  return fc.sample(of, { numRuns, seed })
}

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

/** Any value that JSON can hold, also with keys that every object of JavaScript has. */
export const json = (): fc.Arbitrary<fc.JsonValue> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
    {
      weight: 1,
      arbitrary: fc.dictionary(fc.constantFrom('toString', 'valueOf', 'toJSON', 'length', 'then'), fc.constantFrom(null, 0, 'x', []), {
        minKeys: 1,
      }),
    },
  )

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
