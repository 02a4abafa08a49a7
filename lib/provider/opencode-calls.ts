// What opencode asks for (1.18): in place of the input of a call it tells what its own rules are about. Of a call that reaches out of the
// project it asks twice, first about the folder. A tool that it has no kind for, such as a server's, is named in the title.

import type { Call } from '../permission/call.js'
import { edit, own } from './calls.js'
import { fieldsOf, type Line, listOf, textOf } from './fields.js'

export function opencodeTable(asked: Line, { kind, title, rawInput }: Line): Call | undefined {
  const input = fieldsOf(asked.rawInput)
  if (kind === 'other' && (input.parentDir !== undefined || input.directories !== undefined))
    return own('external_directory', { path: input.filepath ?? input.directories ?? input.parentDir, command: input.command })
  // The names in its input are joined where there are several.
  const places = listOf(asked.locations).flatMap(({ path }) => textOf(path) ?? [])
  if (kind === 'edit' && places.length > 0) return edit(places)
  return kind === 'other' && textOf(title) ? own(String(title), fieldsOf(rawInput)) : undefined
}
