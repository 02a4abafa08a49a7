// What zag trust does: it shows which commands a project's .zag.toml names, and accepts or forgets that very file.

import { basename, dirname } from 'node:path'
import { EXIT, Fault, quoted } from '../base/exit.js'
import { inside, projectRoot } from '../base/paths.js'
import { type Named, namedIn, projectFile } from '../config/config.js'
import { distrust, isTrusted } from '../config/trust.js'
import { checkHome } from '../store/home.js'

/** One setting of a provider that a project's file names. */
export interface Setting {
  provider: string
  key: string
  value: unknown
}

/** A project's file as it is now: what it names, and whether it was accepted. */
export interface Seen extends Named {
  settings: Setting[]
  accepted: boolean
}

/**
 * Reads the file of the project of a folder, to accept it. Throws a Fault: 3 if there is none, 2 for the first line that is wrong or a
 * folder that is none, 4 inside of a session: an agent could accept what it wrote itself.
 */
export async function look(folder: string): Promise<Seen> {
  checkHome()
  if (inside()) throw new Fault('which commands a project may name is not for a session to say: run it outside', EXIT.notNow)
  const root = rootOf(folder)
  const named = await namedIn(root)
  if (!named) throw new Fault(`no ${quoted(projectFile(root))}: there is nothing to accept`, EXIT.none)
  const settings = Object.entries(named.providers).flatMap(([provider, keys]) =>
    Object.entries(keys).map(([key, value]) => ({ provider, key, value })),
  )
  return { ...named, settings, accepted: isTrusted(named.path, named.content) }
}

/** Forgets that the file of a folder's project was accepted. Throws a Fault (3) if it was not. */
export function forget(folder: string): void {
  checkHome()
  const path = projectFile(rootOf(folder))
  if (!distrust(path)) throw new Fault(`${quoted(path)} was not accepted: zag trust --list shows what was`, EXIT.none)
}

/** The project of a folder, or of a .zag.toml that was named itself. */
function rootOf(folder: string): string {
  return projectRoot(basename(folder) === '.zag.toml' ? dirname(folder) : folder)
}
