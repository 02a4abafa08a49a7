// What a change of several files needs to be undone, written down before the first of them is touched, in the group's folder.
//
// A journal is there exactly while its change is neither done nor undone: its maker removes it as the last step of both. One of a process
// that is dead says that the change was cut short; undo.ts then takes it back. It is one line of JSON, then the contents of the files
// before and after, one after the other.

import { join } from 'node:path'
import { newId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { type Identity, isAlive, myself } from '../process/identity.js'
import { type Edit, editFiles } from '../store/edit.js'
import { claim, listIfThere, makeFolder, readBytesIfThere, remove, replaceFile } from '../store/file.js'
import { parseLine, scan } from '../store/lines.js'
import type { Who } from './who.js'

/** Bytes that mostly hold what a journal says before the contents. */
const HEAD = 64 * 1024

export interface Journal<E = Edit> {
  by: Identity
  who: Who
  edits: E[]
}

/** Contents are known by how long they are. */
type Entry = Omit<Edit, 'before' | 'after'> & { before?: number; after?: number }

/** A journal without the contents, which may be as long as the files are. */
export type Head = Journal<Entry>

/** Does all of the edits or none, also if this process is killed: whoever looks at the files next undoes what it did. Throws as editFiles does. */
export function editWhole(who: Who, edits: readonly Edit[]): void {
  // One file that takes the place of another is old or new of itself.
  editFiles(edits, inPlace => (edits.length > 1 || inPlace.size > 0 ? begin(who, edits, inPlace) : () => {}))
}

function begin(who: Who, edits: readonly Edit[], inPlace: ReadonlySet<Edit>): () => void {
  const folder = paths.inGroup(who.group, 'patches')
  makeFolder(folder)
  const path = join(folder, newId())
  claim(path, bytesOf({ by: myself(), who, edits: edits.map(edit => ({ ...edit, inPlace: inPlace.has(edit) })) }), { sync: true })
  return () => remove(path)
}

/** Puts down in the journal what became known since. */
export function rewriteJournal(path: string, journal: Journal): void {
  replaceFile(path, bytesOf(journal), { sync: true })
}

function bytesOf({ edits, ...rest }: Journal): Buffer {
  const entries: Entry[] = edits.map(edit => ({ ...edit, before: edit.before?.length, after: edit.after?.length }))
  const contents = edits.flatMap(({ before, after }) => [before ?? Buffer.of(), after ?? Buffer.of()])
  return Buffer.concat([Buffer.from(`${JSON.stringify({ ...rest, edits: entries })}\n`), ...contents])
}

/** The journals in a folder whose makers are dead, by their paths. Reads no more than the names while there are none. */
export function cutShort(folder: string): Map<string, Head> {
  const found = new Map<string, Head>()
  for (const path of listIfThere(folder).map(name => join(folder, name))) {
    scan(path, { chunk: HEAD }, line => {
      const head = parseLine(line) as Head | undefined
      if (head && !isAlive(head.by)) found.set(path, head)
      return false
    })
  }
  return found
}

/** Nothing if it is not there any more. */
export function readJournal(path: string): Journal | undefined {
  const bytes = readBytesIfThere(path)
  const line = bytes && parseLine(bytes.subarray(0, Math.max(0, bytes.indexOf('\n'))))
  if (!line) return undefined
  const { by, who, edits } = line as unknown as Head
  let at = bytes.indexOf('\n') + 1
  const next = (length: number | undefined) => {
    if (length === undefined) return undefined
    at += length
    return bytes.subarray(at - length, at)
  }
  return { by, who, edits: edits.map(entry => ({ ...entry, before: next(entry.before), after: next(entry.after) })) }
}
