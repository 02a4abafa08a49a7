// Which schemas agents are given beside the prompt, and by what flags.

import t from 'tap'
import { claude } from '../../../lib/provider/claude.js'
import { codex } from '../../../lib/provider/codex.js'
import type { Task } from '../../../lib/provider/provider.js'
import { plainSchema } from '../../../lib/provider/schema.js'

const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more })
const closed = (properties: object) => object(properties, { required: Object.keys(properties), additionalProperties: false })
const A = { a: { type: 'number' } }

t.test('plain ones, and those that are closed as well', async t => {
  const table: [string, object | boolean, 'no' | 'plain' | 'closed'][] = [
    ['an object', object(A), 'plain'],
    ['closed', closed(A), 'closed'],
    ['lists and objects inside', closed({ all: { type: 'array', items: closed({ kind: { type: 'string', enum: ['x'] } }) } }), 'closed'],
    ['open inside', closed({ b: object(A) }), 'plain'],
    ['not all needed', object({ ...A, b: { type: 'string' } }, { required: ['a'], additionalProperties: false }), 'plain'],
    ['of no property', { type: 'object' }, 'plain'],
    ['no object', { type: 'array', items: { type: 'string' } }, 'no'],
    ['a draft', object(A, { $schema: 'https://json-schema.org/draft/2020-12/schema' }), 'no'],
    ['what not every endpoint knows', closed({ a: { type: 'string', pattern: '^x' } }), 'no'],
    ['one of several', object(A, { anyOf: [] }), 'no'],
    ['several types', closed({ a: { type: ['string', 'null'] } }), 'no'],
    ['any type', closed({ a: {} }), 'no'],
    ['a list of anything', closed({ a: { type: 'array' } }), 'no'],
    ['more of a type', object(A, { additionalProperties: { type: 'string' } }), 'no'],
    ['a name with a blank', closed({ 'a b': { type: 'string' } }), 'no'],
    ['too long', closed({ a: { type: 'string', description: 'x'.repeat(40_000) } }), 'no'],
    ['true', true, 'no'],
  ]
  for (const [name, schema, is] of table) {
    const text = JSON.stringify(schema, undefined, 2)
    const one = JSON.stringify(schema)
    t.same(
      [plainSchema(text), plainSchema(text, { closed: true })],
      [is === 'no' ? undefined : one, is === 'closed' ? one : undefined],
      name,
    )
  }
  t.equal(plainSchema(undefined), undefined)
})

t.test('the flags of claude and codex', async t => {
  const kept = new Map<string, string>()
  const keep = (name: string, text: string) => `/kept/${kept.set(name, text) && name}`
  const about = { session: 'ID', run: 1, root: '/', cwd: '/', promptFile: import.meta.filename, resumed: true, conversation: 'C' }
  const task: Task = { ...about, flags: {}, env: {}, kept: () => undefined, keep }
  const text = JSON.stringify(closed(A))
  t.match(claude.launch({ ...task, schema: text }).argv.join(' '), `--resume C --json-schema ${text}`)
  t.notMatch(claude.launch({ ...task, schema: text, flags: { maxTurns: 1 } }).argv.join(' '), '--json-schema', 'it would need a turn more')
  t.match(codex.launch({ ...task, schema: text }).argv.join(' '), /--output-schema \/kept\/schema\.json .*resume C -$/)
  t.equal(kept.get('schema.json'), text)
  for (const schema of [undefined, '{"type":"array"}']) {
    for (const { launch } of [claude, codex]) t.notMatch(launch({ ...task, schema }).argv.join(' '), /-schema/)
  }
  t.notMatch(codex.launch({ ...task, schema: JSON.stringify(object(A)) }).argv.join(' '), /-schema/)
})
