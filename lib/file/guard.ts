// Files of a project for its agents: whoever writes one has read its present version, two writers of one file take turns, and no file
// is ever half written. ACP, the native tools and zag file all go through here.
//
// What a session has read is known for the whole file, also where it was shown a part. Between the look at a file and its change
// its lock is held; who changes files without zag is found by that look.

import { resolve } from 'node:path'
import { EXIT, Fault, quoted, usage } from '../base/exit.js'
import { within } from '../base/within.js'
import type { Edit } from '../store/edit.js'
import { applyPatch, type Change } from './apply.js'
import { editWhole } from './journal.js'
import type { LockOptions } from './lock.js'
import { parsePatch, type Section } from './patch.js'
import { type Content, contentOf, FileTimes, type Known, LARGEST } from './times.js'
import { makeWhole, withWhole } from './undo.js'
import type { Who } from './who.js'

/** Lines of a file: from `line`, counted from 1, and so many. */
export interface Portion {
  line?: number | null
  limit?: number | null
}

/** The real path of a file that somebody may touch. Throws a Fault (5) for one outside of the project. */
export function locate({ root, cwd }: Who, path: string): string {
  if (path === '' || path.includes('\0')) throw usage(`${quoted(path)} is no path`)
  try {
    return within(root, resolve(cwd, path))
  } catch (error) {
    throw new Fault((error as Error).message, EXIT.system, { cause: error })
  }
}

const NOT_THERE = Object.assign(new Error('no such file or directory'), { code: 'ENOENT' })

/** The bytes of a file, which the session has read from now on. Throws a Fault (5) if it is not there, no file, or not in the project. */
export async function readBytes(who: Who, path: string): Promise<Buffer> {
  const real = locate(who, path)
  await makeWhole(who, [real])
  const content = await contentOf(real)
  if (!content) throw new Fault(`cannot read ${quoted(path)}: no such file or directory`, EXIT.system, { cause: NOT_THERE })
  await new FileTimes(who).noteRead(real, content)
  return content.bytes
}

/** The text of a file or of some of its lines; the session has read it from now on. Throws as readBytes does. */
export async function readText(who: Who, path: string, { line, limit }: Portion = {}): Promise<string> {
  const text = (await readBytes(who, path)).toString()
  if (line == null && limit == null) return text
  const first = Math.max(1, line ?? 1) - 1
  return text
    .split('\n')
    .slice(first, limit == null ? undefined : first + limit)
    .join('\n')
}

/** Why the session must not write the file now, in one line; nothing if it has read its present version. Throws a Fault (5) if it cannot be looked at. */
export async function checkFile(who: Who, path: string): Promise<string | undefined> {
  const real = locate(who, path)
  await makeWhole(who, [real])
  const why = await new FileTimes(who).staleness(real)
  return why === undefined ? undefined : `${quoted(path)} ${why}`
}

/** The version of a file that the session has read last or written; nothing if it has none, or may not. */
export async function knownVersion(who: Who, path: string): Promise<Known | undefined> {
  let real: string
  try {
    real = locate(who, path)
  } catch (error) {
    // Whoever writes there is told why not.
    if (error instanceof Fault) return undefined
    throw error
  }
  return new FileTimes(who).known(real)
}

/**
 * Writes a file whole. Throws a Fault: 5 if it is there and the session has not read its present version, or the system refuses; 4 if
 * somebody else holds its lock for too long. With `known` the session knows no later version, whatever it has read. A file that holds these very bytes already counts as written: its writer knows it.
 */
export async function writeText(
  who: Who,
  path: string,
  content: string,
  { known, ...options }: LockOptions & { known?: Known } = {},
): Promise<void> {
  const real = locate(who, path)
  const after = Buffer.from(content)
  if (after.length > LARGEST) throw new Fault(`cannot write ${quoted(path)}: ${after.length} bytes, ${LARGEST} at most`, EXIT.system)
  await withWhole(
    who,
    [real],
    async tokens => {
      const times = new FileTimes(who)
      const present = await contentOf(real)
      if (!present?.bytes.equals(after)) {
        if (present && known && known.hash !== present.hash) await times.noteRead(real, known)
        if (present) await checkFresh(times, real, path, present)
        editWhole(who, [{ path: real, before: present?.bytes, after, token: tokens.get(real) ?? '' }])
      }
      await times.noteWrite(real, after)
    },
    options,
  )
}

async function checkFresh(times: FileTimes, real: string, path: string, present: Content): Promise<void> {
  const why = await times.staleness(real, present)
  if (why !== undefined) throw new Fault(`${quoted(path)} ${why}`, EXIT.system)
}

/** What a patch did to a file, by the path as the patch has it. */
export interface Patched {
  path: string
  did: 'added' | 'updated' | 'deleted' | 'moved'
  /** Of one that was moved. */
  from?: string
}

/**
 * Applies a patch (lib/file/patch.ts) to the files that it names: all of them or none. Throws a Fault and has changed nothing: 2 for what is no
 * patch, 1 for one that does not fit, 5 if the session has not read the present version of a file or the system refuses, 4 if one is locked for too long.
 */
export async function patchFiles(who: Who, text: string, options?: LockOptions): Promise<Patched[]> {
  const sections = parsePatch(text)
  const names = new Map<string, string>()
  for (const path of sections.flatMap(pathsOf)) if (!names.has(locate(who, path))) names.set(locate(who, path), path)
  return withWhole(
    who,
    [...names.keys()],
    async tokens => {
      const times = new FileTimes(who)
      const present = new Map<string, Content>()
      for (const [real, path] of names) {
        const content = await contentOf(real)
        if (!content) continue
        present.set(real, content)
        await checkFresh(times, real, path, content)
      }
      // The same file under two names is one file.
      const first = (path: string) => names.get(locate(who, path)) ?? path
      const changes = applyPatch(
        sections.map(section => renamed(section, first)),
        path => textOf(path, present.get(locate(who, path))),
      )
      const edits = changes.map(change => editOf(locate(who, change.path), change, present, tokens, who))
      editWhole(who, edits)
      for (const edit of edits) await times.noteWrite(edit.path, edit.after)
      return changes.flatMap(change => doneBy(change, changes))
    },
    options,
  )
}

const pathsOf = (section: Section) => [section.path, ...(section.kind === 'update' && section.to !== undefined ? [section.to] : [])]

function renamed(section: Section, name: (path: string) => string): Section {
  const path = name(section.path)
  if (section.kind !== 'update' || section.to === undefined) return { ...section, path }
  return { ...section, path, to: name(section.to) }
}

/** The text of a file as it is. Throws a Fault (1) for one that would not come out of it as it was. */
function textOf(path: string, content: Content | undefined): string | undefined {
  if (!content) return undefined
  const text = content.bytes.toString()
  if (Buffer.from(text).equals(content.bytes)) return text
  throw new Fault(`the patch does not fit: ${quoted(path)} is no text in UTF-8`, EXIT.no)
}

function editOf(real: string, change: Change, present: Map<string, Content>, tokens: ReadonlyMap<string, string>, who: Who): Edit {
  const { after, from } = change
  return {
    path: real,
    before: present.get(real)?.bytes,
    after: after === undefined ? undefined : Buffer.from(after),
    mode: from === undefined ? undefined : present.get(locate(who, from))?.mode,
    token: tokens.get(real) ?? '',
  }
}

/** A file that moved is told of once. */
function doneBy({ path, before, after, from }: Change, all: readonly Change[]): Patched[] {
  if (after === undefined) return all.some(other => other.from === path) ? [] : [{ path, did: 'deleted' }]
  if (from !== undefined) return [{ path, did: 'moved', from }]
  return [{ path, did: before === undefined ? 'added' : 'updated' }]
}
