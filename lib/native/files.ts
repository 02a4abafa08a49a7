// How zag's own agent reads and changes files: through the group's table of file times, so that nobody overwrites what he has not seen.

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { isWithin, realOf } from '../base/within.js'
import { patchFiles, readBytes } from '../file/guard.js'
import type { Who } from '../file/who.js'
import type { Workshop } from './toolbox.js'

/** The real path of a file that the model named, in one of the folders. Throws an Error that the model is told. */
export function placeOf(path: string, { cwd, folders, outputs }: Workshop, to: 'read' | 'change' = 'change'): string {
  if (path === '' || path.includes('\0')) throw new Error('the path is empty, or no path')
  const real = realOf(resolve(cwd, path))
  if (folders.some(folder => isWithin(folder, real)) || (to === 'read' && isWithin(outputs, real))) return real
  throw new Error(`'${path}' is not in ${folders[0]}, and it may read and change nothing else`)
}

/** The bytes of a file at its real path, which the session has read from now on. Throws an Error that the model is told. */
export async function contentOf(place: string, workshop: Workshop): Promise<Buffer> {
  // That is no file of the project's, which others could change.
  if (isWithin(workshop.outputs, place)) return readFileSync(place)
  return readBytes(whoIn([place], workshop), place)
}

/** Changes files by a patch, all or none; says what became of each. Throws an Error that the model is told, and has changed nothing then. */
export async function change(patch: string, places: readonly string[], workshop: Workshop): Promise<string> {
  const done = await patchFiles(whoIn(places, workshop), patch)
  if (done.length === 0) return 'the files are as the patch wants them already'
  return done.map(({ did, path, from }) => (from === undefined ? `${did} ${path}` : `${did} ${from} to ${path}`)).join('\n')
}

/** On whose behalf, and in which of the folders. */
function whoIn(places: readonly string[], { session, name, group, cwd, folders }: Workshop): Who {
  const root = folders.find(folder => places.every(place => isWithin(folder, place)))
  if (root === undefined) throw new Error('these files are not all in one of the folders: change those of each by a patch of its own')
  return { session, name, group, root, cwd }
}
