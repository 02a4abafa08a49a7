// Ids: version 7, in the order in which they are made, and nothing else passes for one.

import t from 'tap'
import { isId, newId, shortId, timeOf } from '../../../lib/base/id.js'

t.test('ids are unique and sort as they were made, also within a millisecond', async t => {
  const before = Date.now()
  const ids = Array.from({ length: 20_000 }, newId)
  t.ok(ids.every(isId))
  t.equal(new Set(ids).size, ids.length)
  t.same(ids, [...ids].sort())
  const first = ids[0] as string
  t.ok(timeOf(first) >= before && timeOf(first) <= Date.now())
  t.equal(shortId(first), first.slice(28))
})

t.test('what is no id', async t => {
  const id = newId()
  for (const text of [
    '',
    id.toUpperCase(),
    id.slice(1),
    `${id} `,
    `${id}\n`,
    id.replaceAll('-', ''),
    `../${id}`,
    `${id.slice(0, 14)}4${id.slice(15)}`,
  ])
    t.notOk(isId(text), text)
})
