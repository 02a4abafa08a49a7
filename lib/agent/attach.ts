// Files that go with a prompt or a message, for agents that read text and cannot be handed a file: each is a block after it,
// with the text of the file, or, if it is none, with the place where it is.

import { isUtf8 } from 'node:buffer'
import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs'
import { quoted, reason, refused, usage } from '../base/exit.js'
import type { Provider } from '../provider/provider.js'
import { CONTEXT_BYTES, limited } from '../session/context.js'
import { ABOUT_ESCAPES, block } from '../session/fence.js'

/** A larger file is not read, only named, in bytes. */
const LARGEST = 16 * CONTEXT_BYTES

/** The absolute paths of files that can be read. Throws a Fault (5) for one that cannot. */
export function filesAt(paths: readonly string[]): string[] {
  return paths.map(path => {
    try {
      const real = realpathSync(path)
      if (!statSync(real).isFile()) throw new Error('it is no file')
      accessSync(real, constants.R_OK)
      return real
    } catch (error) {
      throw refused(`cannot read the file ${quoted(path)} that goes with it`, error)
    }
  })
}

/** Throws usage for files that go with a script, which has no place for them. */
export function checkFiles({ name, prompt, can }: Provider, files: readonly string[]): void {
  if (files.length > 0 && prompt === 'script' && !can.has('file'))
    throw usage(`provider ${quoted(name)} has no --file: leave it out, or choose another provider`)
}

/** The blocks of files, with a word before them; nothing where the provider hands files on by itself, or there are none. */
export function attached({ can }: Provider, files: readonly string[]): Buffer[] {
  if (can.has('file') || files.length === 0) return []
  const blocks = files.map(path => block('attached-file', [['path', path]], textAt(path)))
  return [Buffer.from([`Files that go with it follow, one block each. ${ABOUT_ESCAPES}`, ...blocks].join('\n\n'))]
}

/** What stands for a file: its text, or why there is none. One that went away since says so in its place. */
function textAt(path: string): string {
  try {
    const { size } = statSync(path)
    if (size > LARGEST) return `(${size} bytes: read it where it is)`
    const bytes = readFileSync(path)
    return isUtf8(bytes) ? limited(String(bytes), CONTEXT_BYTES, path) : `(${size} bytes that are no text: read it where it is)`
  } catch (error) {
    return `(cannot be read: ${reason(error)})`
  }
}
