// Whether what a run came to fits the schema of its session, and what follows if it does not: the agent is told why and answers
// again, three times at most. The reasons are in the session's folder, a line each, from a refusal until a result fits.

import { Fault } from '../base/exit.js'
import { newId } from '../base/id.js'
import { paths } from '../base/paths.js'
import type { Provider } from '../provider/provider.js'
import { openTurnFor } from '../session/turns.js'
import { readIfThere, remove, replaceFile } from '../store/file.js'
import type { Ended } from './turn.js'

/** So often an agent is asked again. */
const ATTEMPTS = 3
/** So many reasons an agent is told; a script finds all of them in the file. */
const TOLD = 50

type Outcome = Pick<Ended, 'success' | 'status' | 'error' | 'reason'>

/**
 * The outcome of a run whose result, if it has one, is stored: failed for the reason `schema` if the result does not fit. Of one that
 * fits and is in a code fence, what is inside takes its place.
 */
export async function fitted(id: string, outcome: Outcome): Promise<Outcome> {
  if (outcome.status !== 'completed') return outcome
  const { checked, hasSchema } = await import('../agent/schema.js')
  if (!hasSchema(id)) return outcome
  const file = paths.inSession(id, 'schema-errors')
  const result = readIfThere(paths.inSession(id, 'result')) ?? ''
  try {
    const { text, reasons } = await checked(id, result)
    if (reasons.length > 0) {
      replaceFile(file, reasons.map(reason => `${reason}\n`).join(''))
      return refused(errorOf(reasons))
    }
    remove(file)
    if (text !== result) replaceFile(paths.inSession(id, 'result'), text)
    return outcome
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    // The schema was damaged since, or the disk is full: asking the agent again would not help.
    remove(file)
    return refused(error.message)
  }
}

const refused = (error: string): Outcome => ({ success: false, status: 'failed', reason: 'schema', error })

function errorOf([first = '', ...more]: string[]): string {
  return `its result does not fit: ${first}${more.length > 0 ? `, and ${more.length} more` : ''}`
}

/**
 * What follows a run whose result did not fit, after so many of them in a row: the reasons as the next turn, or for a script, which
 * could not read them, the same turn again. Nothing if it was asked often enough.
 */
export function askAgain(id: string, { prompt }: Provider, refusals: number, turn: number): { again: boolean; turn(): number } | undefined {
  const reasons = readIfThere(paths.inSession(id, 'schema-errors'))
  if (reasons === undefined || refusals >= ATTEMPTS) return undefined
  if (prompt === 'script') return { again: true, turn: () => turn }
  return { again: false, turn: () => openTurnFor(id, { id: newId(), from: 'schema', content: wordsFor(reasons) }) }
}

function wordsFor(reasons: string): string {
  const lines = reasons.trimEnd().split('\n')
  const told = lines.slice(0, TOLD).map(line => `- ${line}`)
  if (lines.length > TOLD) told.push(`- and ${lines.length - TOLD} more`)
  const again = 'Answer again with one JSON value that fits it and nothing else: no prose before or after it.'
  return `Your answer does not fit the JSON Schema that it has to fit:\n\n${told.join('\n')}\n\n${again}\n`
}
