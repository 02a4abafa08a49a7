// Any rows in the order of their trees, whatever their parents say.

import t from 'tap'
import { descendantsOf, inTreeOrder } from '../../../lib/session/tree.js'

type Pair = readonly [id: string, parent?: string]

const order = (all: readonly Pair[]) =>
  inTreeOrder(
    all,
    ([id]) => id,
    ([, parent]) => parent,
  ).map(({ one: [id], depth, lines }) => `${depth} ${lines}${id}`)

t.test('trees, orphans, loops, and what is its own parent', async t => {
  t.same(order([]), [])
  t.same(order([['a'], ['b', 'a'], ['c', 'a'], ['d', 'b'], ['e', 'gone'], ['f', 'd']]), [
    '0 a',
    '1 ├─ b',
    '2 │  └─ d',
    '3 │     └─ f',
    '1 └─ c',
    '0 e',
  ])
  t.same(order([['b', 'a'], ['a']]), ['0 a', '1 └─ b'], 'a child may come first')
  t.same(
    order([
      ['a', 'b'],
      ['b', 'a'],
      ['c', 'b'],
    ]),
    ['0 a', '1 └─ b', '2    └─ c'],
  )
  t.same(
    order([
      ['a', 'a'],
      ['b', 'a'],
    ]),
    ['0 a', '1 └─ b'],
  )
})

t.test('a chain of 20,000 and a crowd of as many', async t => {
  const ids = Array.from({ length: 20_000 }, (_, at) => String(at))
  const crowd = order(ids.map(id => (id === '0' ? [id] : [id, '0'])))
  t.equal(crowd.length, ids.length)
  t.match(crowd.at(-1), '1 └─ 19999')
})

t.test('descendants, each with how far below; a loop comes to an end', async t => {
  const children: Record<string, string[]> = { a: ['b', 'c'], b: ['d'], d: ['a', 'b'], c: [] }
  const of = (...ids: string[]) => [...descendantsOf(ids, id => children[id] ?? [])]
  t.same(of('a'), [
    ['b', 1],
    ['c', 1],
    ['d', 2],
  ])
  t.same(of('c'), [])
  t.same(of('b', 'a'), [
    ['d', 1],
    ['c', 1],
  ])
})
