import t from 'tap'
import { readRows } from '../../../lib/store/rows.js'

async function* stream(...chunks: (string | Buffer)[]) {
  yield* chunks
}

async function rowsOf(...chunks: (string | Buffer)[]) {
  const rows: unknown[] = []
  for await (const row of readRows(stream(...chunks))) rows.push(row)
  return rows
}

t.test('gives the objects of a stream, wherever its chunks end', async t => {
  const text = '\uFEFF{"a":1}\r\n\n  {"b":"ü\\u2028"}\n{"c":[null]}'
  const rows = [{ a: 1 }, { b: 'ü\u2028' }, { c: [null] }]
  t.same(await rowsOf(text), rows)
  t.same(await rowsOf(...text), rows)
  const bytes = Buffer.from(text)
  t.same(await rowsOf(...Array.from(bytes, (_, n) => bytes.subarray(n, n + 1))), rows)
  t.same(await rowsOf(), [])
  t.same(await rowsOf('\n\n'), [])
})

t.test('names the first row that is no object, after the rows before it', async t => {
  for (const bad of ['null', '[]', '7', '"x"', '{"a":', '{"a":1} {"b":2}', 'sid', '{a:1}']) {
    const seen: unknown[] = []
    const reading = async () => {
      for await (const row of readRows(stream(`{"ok":1}\n\n${bad}\n{"ok":2}\n`))) seen.push(row)
    }
    await t.rejects(reading(), { exit: 2, message: `row 3 is no JSON object: '${bad}'` }, bad)
    t.same(seen, [{ ok: 1 }])
  }
  await t.rejects(rowsOf(Buffer.from('{"a":"\u001b[31m'), '"'), { exit: 2, message: 'row 1 is no JSON object: \'{"a":"\\u001b[31m"\'' })
})

t.test('a long row and many rows', async t => {
  const long = 'x'.repeat(5_000_000)
  const chunks = Array.from({ length: 77 }, (_, n) => `{"l":"${long}"}\n`.slice(n * 65_536, (n + 1) * 65_536))
  t.same(await rowsOf(...chunks), [{ l: long }])
  const many = await rowsOf(Array.from({ length: 20_000 }, (_, n) => `{"n":${n}}\n`).join(''))
  t.equal(many.length, 20_000)
  t.same(many.at(-1), { n: 19_999 })
})
