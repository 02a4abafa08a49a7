// What all programs say of themselves, as the build wrote it down: for what speaks of all of them at once. A program's own
// help needs none of this.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { distribution } from '../base/paths.js'
import type { Data } from './data.js'

/** The data of every program of this installation, by name. */
export function catalogue(): Data[] {
  return JSON.parse(readFileSync(join(distribution(), 'lib/data.json'), 'utf8'))
}
