// File times of agents that use files by themselves and tell a hook of it: nothing is held between the look at a file and its change,
// so this finds what others did before, and the agent's own check what they do in that moment.
//
// Files outside of the project, those that are still to be made, and those too large for file times are left to the agent.

import { statSync } from 'node:fs'
import type { Asker } from '../agent/permit.js'
import { Fault, quoted } from '../base/exit.js'
import { locate } from '../file/guard.js'
import { contentOf, FileTimes, LARGEST } from '../file/times.js'
import { makeWhole } from '../file/undo.js'
import { PERSON, type Who } from '../file/who.js'
import type { HookCall, Shown } from '../provider/claude-hook.js'

/** So many characters of a line are compared: agents show the beginning of long ones. */
const COMPARED = 1_000

/** Why the agent must not edit the file now, for the agent; nothing if it has read its present version. Throws a Fault (4, 5) if that cannot be told. */
export async function staleness(hook: HookCall, asker: Asker): Promise<string | undefined> {
  const file = fileOf(hook, asker)
  if (!file) return undefined
  await makeWhole(file.who, [file.real])
  const why = await new FileTimes(file.who).staleness(file.real)
  return why === undefined ? undefined : `${quoted(file.path)} ${why}`
}

/** Notes that the agent knows the file as it is now: it read or wrote it. Not so if it was shown something else than is there by now. */
export async function noteFile(hook: HookCall, asker: Asker): Promise<void> {
  const file = fileOf(hook, asker)
  const content = file && (await contentOf(file.real))
  if (!content) return
  const times = new FileTimes(file.who)
  if (hook.question.tool === 'edit') await times.noteWrite(file.real, content.bytes)
  else if (!hook.shown || holds(content.bytes.toString(), hook.shown)) await times.noteRead(file.real, content)
}

interface File {
  path: string
  real: string
  who: Who
}

/** The file of a call, where file times are kept of it. */
function fileOf({ question, conversation }: HookCall, { session, group, provider, place }: Asker): File | undefined {
  const { path } = question.params
  if (typeof path !== 'string') return undefined
  // Agents outside of all sessions are told apart by their own ids.
  const id = session?.id ?? conversation
  const who: Who = { session: id ?? PERSON, name: session ? session.name : id && provider, group, ...place }
  const real = located(who, path)
  if (real === undefined) return undefined
  const there = statSync(real, { throwIfNoEntry: false })
  return there?.isFile() && there.size <= LARGEST ? { path, real, who } : undefined
}

function located(who: Who, path: string): string | undefined {
  try {
    return locate(who, path)
  } catch (error) {
    // It is not in the project.
    if (error instanceof Fault) return undefined
    throw error
  }
}

/** Whether the lines are those of the text. Ends of lines are shown in one way, marks before the first not at all, and of long ones the beginning. */
function holds(text: string, { text: shown, start }: Shown): boolean {
  const lines = (of: string) => of.replace(/^\ufeff/, '').split(/\r?\n/)
  const there = lines(text).slice(start - 1)
  return lines(shown).every((line, at) => (there[at] ?? '').startsWith(line.slice(0, COMPARED)))
}
