// The results of many sessions, in the order asked for. One that has none is there all the same and says why.

import { join } from 'node:path'
import { EXIT, Fault, quoted } from '../base/exit.js'
import { shortId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { copySlice, makeFolder, readBytesIfThere, sizeIfThere, writeNew } from '../store/file.js'
import { readIfIntact } from '../table/sessions.js'
import { fileNameOf, limited } from './context.js'
import { type Row, resultOf, rowOf } from './row.js'
import { settle, settleAll } from './settle.js'

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

/** Why a row has no result, for people. */
export function whyNoResult({ status, error }: Row): string {
  if (error) return error
  return status === 'completed' ? 'it said nothing' : `it is ${status}`
}

/**
 * Writes each result into a file of the folder, named after its session, and index.json with all rows. Throws a Fault (5)
 * before anything is written if one of the files is there already.
 */
export async function collectInto(folder: string, ids: string[]): Promise<{ rows: Row[]; index: string }> {
  const rows = (await settleAll(ids)).map(status => rowOf(status))
  const files = fileNames(ids)
  const index = join(folder, 'index.json')
  const inTheWay = [index, ...files.map(file => join(folder, file))].find(path => sizeIfThere(path) !== undefined)
  if (inTheWay !== undefined) throw new Fault(`${quoted(inTheWay)} is there already: give another folder to --into`, EXIT.system)
  makeFolder(folder)
  const listed = rows.map((row, at) => {
    const size = sizeIfThere(paths.inSession(row.session_id, 'result'))
    if (size === undefined) return row
    const file = files[at] as string
    copySlice(paths.inSession(row.session_id, 'result'), 0, size, join(folder, file), { fresh: true })
    return { ...row, file }
  })
  writeNew(index, `${JSON.stringify(listed, null, 2)}\n`)
  return { rows: listed, index }
}

/** A file name a session: its name or short id, with the short id added where a name comes twice. */
function fileNames(ids: string[]): string[] {
  const plain = ids.map(id => fileNameOf(id, readIfIntact(id)?.name))
  const clashes = (name: string) => plain.filter(other => other.toLowerCase() === name.toLowerCase()).length > 1 || name === 'index'
  return plain.map((name, at) => `${clashes(name) ? `${name}-${fileNameOf(ids[at] as string, undefined)}` : name}.txt`)
}

/** The final text of a session, byte for byte. Throws a Fault: 4 if it is not over, 1 if it ended without a result. */
export async function outputOf(id: string): Promise<Buffer> {
  const status = await settle(id)
  const result = readBytesIfThere(paths.inSession(id, 'result'))
  if (!status.over) throw new Fault(`session ${id} is ${status.state}: zag wait ${shortId(id)} waits for its result`, EXIT.notNow)
  if (result) return result
  throw new Fault(`session ${id} ended without a result: ${whyNoResult(rowOf(status))}`, EXIT.no)
}
