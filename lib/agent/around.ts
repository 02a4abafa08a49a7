// What a session that waits keeps of the process that asked for it, because another one starts its agent: the environment and the
// umask, in the file `environment`.
//
// As JSON: `env` and `umask`.

import { EXIT, Fault } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { readIfThere } from '../store/file.js'

export interface Around {
  env: NodeJS.ProcessEnv
  /** Nothing if it is that of this process. */
  umask?: number
}

/** What the file `environment` of a session says that this process asked for. */
export function aroundHere(): string {
  return JSON.stringify({ umask: process.umask(), env: process.env })
}

/** The last that was read: the sessions of a batch have the same. */
let kept: { text: string; around: Around } | undefined

/** What a session was asked for in: this process's own, unless it was kept because another process starts it. Throws a Fault (5) if that is damaged. */
export function aroundOf(id: string): Around {
  const text = readIfThere(paths.inSession(id, 'environment'))
  if (text === undefined) return { env: process.env }
  if (kept?.text !== text) kept = { text, around: parse(id, text) }
  return kept.around
}

function parse(id: string, text: string): Around {
  try {
    return JSON.parse(text) as Around
  } catch (error) {
    throw new Fault(`session ${id} is damaged: its environment is no JSON`, EXIT.system, { cause: error })
  }
}

/** Does something that is done when it returns, such as starting a process, with this umask. */
export function withUmask<T>(umask: number | undefined, act: () => T): T {
  if (umask === undefined) return act()
  const before = process.umask(umask)
  try {
    return act()
  } finally {
    process.umask(before)
  }
}
