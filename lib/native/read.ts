// The tool read: lines of a file with their numbers, a picture or a PDF for models that can look at it, or what is in a folder. That a
// file was read is noted in the group's table of file times.

import { isUtf8 } from 'node:buffer'
import { readdirSync, statSync } from 'node:fs'
import { extname } from 'node:path'
import { quoted } from '../base/exit.js'
import { contentOf, placeOf } from './files.js'
import type { Outcome, Tool, Workshop } from './toolbox.js'

/** Lines that it gives unless told otherwise; bytes of text at the most; characters of a line; names of a folder. */
const LINES = 2_000
const TEXT = 128 * 1024
const WIDTH = 2_000
const NAMES = 500
/** The largest file of each sort that is handed to a model, in bytes. */
const PICTURE = 3_750_000
const DOCUMENT = 20_000_000
const LARGEST = 256 * 1024 * 1024

const SORTS: Record<string, { mediaType: string; is: (bytes: Buffer) => boolean }> = {
  '.png': { mediaType: 'image/png', is: begins([0x89, 0x50, 0x4e, 0x47]) },
  '.jpg': { mediaType: 'image/jpeg', is: begins([0xff, 0xd8, 0xff]) },
  '.jpeg': { mediaType: 'image/jpeg', is: begins([0xff, 0xd8, 0xff]) },
  '.gif': { mediaType: 'image/gif', is: begins([0x47, 0x49, 0x46, 0x38]) },
  '.webp': { mediaType: 'image/webp', is: bytes => begins([0x52, 0x49, 0x46, 0x46])(bytes) && bytes.toString('latin1', 8, 12) === 'WEBP' },
  '.pdf': { mediaType: 'application/pdf', is: begins([0x25, 0x50, 0x44, 0x46]) },
}

export const read: Tool = {
  name: 'read',
  kind: 'read',
  does: `Gives lines of a text file with their numbers, ${LINES} unless told otherwise; a picture (png, jpeg, gif, webp) or a PDF to look at; or the names in a folder.`,
  input: {
    type: 'object',
    properties: {
      path: { type: 'string', description: 'the file or folder' },
      offset: { type: 'integer', minimum: 1, description: 'the first line, counted from 1' },
      limit: { type: 'integer', minimum: 1, description: 'how many lines' },
    },
    required: ['path'],
    additionalProperties: false,
  },
  prepare(input, workshop) {
    const { path, offset = 1, limit = LINES } = input as { path: string; offset?: number; limit?: number }
    const place = placeOf(path, workshop, 'read')
    return {
      title: `read ${path}`,
      locations: [{ path: place, line: offset }],
      run: async () => outcomeOf(path, place, { offset, limit }, workshop),
    }
  },
}

async function outcomeOf(path: string, place: string, lines: { offset: number; limit: number }, workshop: Workshop): Promise<Outcome> {
  const there = statSync(place, { throwIfNoEntry: false })
  if (!there) throw new Error(`there is no ${quoted(path)}`)
  if (there.isDirectory()) return { text: namesIn(place) }
  if (!there.isFile()) throw new Error(`${quoted(path)} is no file`)
  if (there.size > LARGEST) throw new Error(`${quoted(path)} has ${there.size} bytes: look at parts of it with bash`)
  const bytes = await contentOf(place, workshop)
  const sort = SORTS[extname(place).toLowerCase()]
  if (sort?.is(bytes)) return media(path, place, sort.mediaType, bytes)
  if (bytes.includes(0) || !isUtf8(bytes)) throw new Error(`${quoted(path)} is no text (${bytes.length} bytes): use bash to look at it`)
  return { text: numbered(String(bytes), lines) }
}

function media(path: string, place: string, mediaType: string, bytes: Buffer): Outcome {
  const most = mediaType === 'application/pdf' ? DOCUMENT : PICTURE
  if (bytes.length > most)
    throw new Error(`${quoted(path)} has ${bytes.length} bytes, more than the ${most} that can be looked at: make it smaller`)
  return { text: `${path}: ${mediaType}, ${bytes.length} bytes`, media: { mediaType, base64: bytes.toString('base64'), path: place } }
}

/** The lines, each after its number, with a word on what is left out. */
export function numbered(text: string, { offset, limit }: { offset: number; limit: number }): string {
  const all = text.split('\n')
  if (all.at(-1) === '') all.pop()
  if (all.length === 0) return '(the file is empty)'
  if (offset > all.length) throw new Error(`it has ${all.length} lines, and line ${offset} is asked for`)
  const given: string[] = []
  let size = 0
  for (const line of all.slice(offset - 1, offset - 1 + limit)) {
    const shown = line.length > WIDTH ? `${line.slice(0, WIDTH)}[… ${line.length - WIDTH} characters left out …]` : line
    size += Buffer.byteLength(shown) + 8
    if (size > TEXT && given.length > 0) break
    given.push(`${String(offset + given.length).padStart(6)}\t${shown}`)
  }
  const next = offset + given.length
  return next > all.length
    ? given.join('\n')
    : `${given.join('\n')}\n[… lines ${next} to ${all.length} left out: go on with offset ${next} …]`
}

function namesIn(folder: string): string {
  const names = readdirSync(folder, { withFileTypes: true })
    .map(entry => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort()
  if (names.length === 0) return '(the folder is empty)'
  const left = names.length - NAMES
  return [...names.slice(0, NAMES), ...(left > 0 ? [`[… ${left} more: use bash …]`] : [])].join('\n')
}

function begins(head: number[]): (bytes: Buffer) => boolean {
  return bytes => head.every((byte, at) => bytes[at] === byte)
}
