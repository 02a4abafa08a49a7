// How zag's own agent reads and changes files of the project: through the group's table of file times, so that nobody overwrites
// what he has not seen.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { isWithin, realOf } from '../base/within.js'
import type { Workshop } from './toolbox.js'

/** The real path of a file that the model named, in one of the folders. Throws an Error that the model is told. */
export function placeOf(path: string, { cwd, folders }: Workshop): string {
  if (path === '' || path.includes('\0')) throw new Error('the path is empty, or no path')
  const real = realOf(resolve(cwd, path))
  if (folders.some(folder => isWithin(folder, real))) return real
  throw new Error(`'${path}' is not in ${folders[0]}, and it may read and change nothing else: use bash if it has to be`)
}

export async function contentOf(path: string, workshop: Workshop): Promise<Buffer> {
  return readFileSync(placeOf(path, workshop))
}
