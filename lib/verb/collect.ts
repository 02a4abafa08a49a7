// The results of many sessions, in the order asked for. One that has none is there all the same and says why.

import { isUtf8 } from 'node:buffer'
import { join } from 'node:path'
import { EXIT, Fault, quoted } from '../base/exit.js'
import { shortId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { settle, settleAll } from '../run/settle.js'
import { fileNameOf, limited } from '../session/context.js'
import { type Row, resultOf, rowOf } from '../session/row.js'
import { copySlice, makeFolder, readBytesIfThere, sizeIfThere, writeNew } from '../store/file.js'
import { readIfIntact } from '../table/sessions.js'
import type { Patch } from '../worktree/patch.js'

/** A row with the result, cut to `maxBytes` with a mark that says where the whole is. */
export async function collect(ids: string[], maxBytes = Number.POSITIVE_INFINITY): Promise<Row[]> {
  const statuses = await settleAll(ids)
  return statuses.map(status => {
    const result = resultOf(status.id)
    return {
      ...rowOf(status),
      ...(result === undefined
        ? {}
        : {
            result: limited(result, maxBytes, paths.inSession(status.id, 'result')),
          }),
    }
  })
}

/** What a session changed, as fields of its row: bytes that are no UTF-8 cannot be told in JSON as they are. */
export function patchFields(patch: Patch): { patch?: string; patch_base64?: string; no_patch?: string; patch_without?: string[] } {
  if (!patch.bytes) return { no_patch: patch.why }
  const text = isUtf8(patch.bytes) ? { patch: patch.bytes.toString() } : { patch_base64: patch.bytes.toString('base64') }
  return { ...text, patch_without: patch.without }
}

/** What is said of a patch that does not hold everything; nothing if it does. */
export function whatIsMissing(id: string, without: readonly string[] | undefined): string | undefined {
  if (!without) return undefined
  const are = without.length > 1 ? 'which are repositories of their own' : 'which is a repository of its own'
  return `the patch of session ${id} is without what is in ${without.map(quoted).join(', ')}, ${are}`
}

/** Why a row has no result, for people. */
export function whyNoResult({ status, error }: Row): string {
  if (error) return error
  return status === 'completed' ? 'it said nothing' : `it is ${status}`
}

/**
 * Writes each result into a file of the folder, named after its session, and index.json with all rows; with `patches` what
 * each session changed beside it. Throws a Fault (5) before anything is written if one of the files is there already.
 */
export async function collectInto(
  folder: string,
  ids: string[],
  { patches = false } = {},
): Promise<{ rows: (Row & { patch_without?: string[] })[]; index: string }> {
  const rows = (await settleAll(ids)).map(status => rowOf(status))
  const names = fileNames(ids)
  const files = names.map(name => `${name}.txt`)
  const index = join(folder, 'index.json')
  const wanted = [...files, ...(patches ? names.map(name => `${name}.patch`) : [])].map(file => join(folder, file))
  const inTheWay = [index, ...wanted].find(path => sizeIfThere(path) !== undefined)
  if (inTheWay !== undefined) throw new Fault(`${quoted(inTheWay)} is there already: give another folder to --into`, EXIT.system)
  makeFolder(folder)
  const listed: (Row & { patch_without?: string[] })[] = []
  for (const [at, row] of rows.entries()) {
    const name = names[at] as string
    listed.push({ ...row, ...resultInto(folder, `${name}.txt`, row), ...(patches ? await patchInto(folder, `${name}.patch`, row) : {}) })
  }
  writeNew(index, `${JSON.stringify(listed, null, 2)}\n`)
  return { rows: listed, index }
}

function resultInto(folder: string, file: string, { session_id }: Row): { file?: string } {
  const size = sizeIfThere(paths.inSession(session_id, 'result'))
  if (size === undefined) return {}
  copySlice(paths.inSession(session_id, 'result'), 0, size, join(folder, file), { fresh: true })
  return { file }
}

/** No file where nothing was changed: git takes an empty one for an error. */
async function patchInto(
  folder: string,
  file: string,
  { session_id }: Row,
): Promise<{ patch_file?: string; no_patch?: string; patch_without?: string[] }> {
  const { patchOf } = await import('../worktree/patch.js')
  const { bytes, why, without: patch_without } = await patchOf(session_id)
  if (!bytes) return { no_patch: why }
  if (bytes.length === 0) return { no_patch: NOTHING_CHANGED, patch_without }
  writeNew(join(folder, file), bytes)
  return { patch_file: file, patch_without }
}

export const NOTHING_CHANGED = 'nothing was changed'

/** A file name a session, without its ending: its name or short id, with the short id added where a name comes twice. */
function fileNames(ids: string[]): string[] {
  const plain = ids.map(id => fileNameOf(id, readIfIntact(id)?.name))
  const clashes = (name: string) => plain.filter(other => other.toLowerCase() === name.toLowerCase()).length > 1 || name === 'index'
  return plain.map((name, at) => `${clashes(name) ? `${name}-${fileNameOf(ids[at] as string, undefined)}` : name}`)
}

/** The final text of a session, byte for byte. Throws a Fault: 4 if it is not over, 1 if it ended without a result. */
export async function outputOf(id: string): Promise<Buffer> {
  const status = await settle(id)
  const result = readBytesIfThere(paths.inSession(id, 'result'))
  if (!status.over) throw new Fault(`session ${id} is ${status.state}: zag wait ${shortId(id)} waits for its result`, EXIT.notNow)
  if (result) return result
  throw new Fault(`session ${id} ended without a result: ${whyNoResult(rowOf(status))}`, EXIT.no)
}
