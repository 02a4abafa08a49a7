// Whose file times count: those of a session, or of the person in front of the terminal.

import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { checkName } from '../base/name.js'
import { defaults, inside, projectRoot, realFolder } from '../base/paths.js'
import { PERSON, type Who } from '../file/who.js'
import { readIfIntact, type Session } from '../table/sessions.js'
import { rootOfAgent } from '../worktree/place.js'
import { one } from './pick.js'

/** A session: what it reads and writes, it does in its project, or in its worktree. */
export function whoOf(session: Session): Who {
  const { id, name, group, cwd } = session
  return { session: id, name, group, root: rootOfAgent(session), cwd }
}

/**
 * Whoever runs a program here: the session that was named, else the one around, else the person. Paths are seen from the present folder. Throws
 * usage for a group or folder that is none, Fault 3 for a session that is not there.
 */
export function whoHere(asked: { session?: string; group?: string; root?: string }): Who {
  const around = inside()
  const id = asked.session === undefined ? around?.session : one(asked.session)
  const known = id === undefined ? undefined : readIfIntact(id)
  const cwd = realpathSync(process.cwd())
  const root = asked.root ?? (known ? rootOfAgent(known) : around?.root)
  const group = asked.group === undefined ? (known?.group ?? defaults().group ?? projectRoot(cwd)) : checkName('group', asked.group)
  return {
    session: id ?? PERSON,
    name: known?.name,
    group,
    root: root === undefined ? topOf(cwd) : realFolder(root),
    cwd,
  }
}

/** The top of the tree that a folder is in: also where that is a worktree, which is no part of the main tree. */
function topOf(folder: string): string {
  for (let at = folder; at !== dirname(at); at = dirname(at))
    if (existsSync(join(at, '.zag.toml')) || existsSync(join(at, '.git'))) return at
  return folder
}
