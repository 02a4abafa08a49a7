// Rows that come in on a stream, such as NDJSON on stdin.
//
// A row that is no JSON object is a Fault that names its line, never skipped: the user meant it. The ndjson package parses; it
// is handed one line at a time, because a line `null` would end its stream without a word and its errors name no line.

import { StringDecoder } from 'node:string_decoder'
import { quoted, usage } from '../base/exit.js'

/** The objects of an NDJSON stream, one a line; empty lines are skipped. Throws usage (exit 2) at the first bad row. */
export async function* readRows(chunks: AsyncIterable<string | Buffer>): AsyncGenerator<Record<string, unknown>> {
  const parse = await rowParser()
  let number = 0
  for await (const line of linesOf(chunks)) {
    number += 1
    const text = line.trim()
    if (text === '') continue
    const row = text.startsWith('{') ? parse(text) : undefined
    if (!row) throw usage(`row ${number} is no JSON object: ${quoted(text)}`)
    yield row
  }
}

/** A parser of single lines: undefined for what is no JSON. */
async function rowParser(): Promise<(line: string) => Record<string, unknown> | undefined> {
  const { default: ndjson } = await import('ndjson')
  const stream = ndjson.parse({ strict: true })
  let failed = false
  stream.on('error', () => {
    failed = true
  })
  return line => {
    failed = false
    stream.write(`${line}\n`)
    const row = stream.read()
    return failed ? undefined : row
  }
}

/** The lines of a stream, the last one also if it has no newline. Each chunk is searched once, however long a line is. */
async function* linesOf(chunks: AsyncIterable<string | Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let held: string[] = []
  for await (const chunk of chunks) {
    const pieces = (typeof chunk === 'string' ? chunk : decoder.write(chunk)).split('\n')
    const last = pieces.pop() as string
    for (const piece of pieces) {
      yield held.join('') + piece
      held = []
    }
    held.push(last)
  }
  yield held.join('') + decoder.end()
}
