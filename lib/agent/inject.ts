// Results of other sessions put before a prompt when its session starts, not when it is asked for: --inject-context.
//
// The prompt as it was asked stays in the file `task`, so that whoever takes a start over can do this again.

import { dirname } from 'node:path'
import { EXIT, Fault } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { checkAsked } from '../provider/asked.js'
import type { Provider } from '../provider/provider.js'
import { filesFor, gather } from '../session/context.js'
import { makeFolder, readBytesIfThere, replaceFile } from '../store/file.js'
import type { Session } from '../table/sessions.js'

/** Writes the prompt of a session that waited for the results of others. Throws a Fault (5), and usage if with them it is too much for its provider. */
export function putContext({ id, context_of, flags, model }: Session, provider: Provider): void {
  const { prompt: kind } = provider
  if (!context_of) return
  const task = readBytesIfThere(paths.inSession(id, 'task'))
  if (!task) throw new Fault(`session ${id} is damaged: its task is gone`, EXIT.system)
  const given = gather(context_of, typeof flags.contextBytes === 'number' ? flags.contextBytes : undefined)
  const files = filesFor(task, given, kind)
  checkAsked(provider, { model, prompt: files.prompt, flags })
  for (const [name, data] of Object.entries(files)) {
    const path = paths.ofSession(id, name)
    makeFolder(dirname(path))
    replaceFile(path, data)
  }
}
