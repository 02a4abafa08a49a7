// JSON Schemas that an agent is given beside the prompt, where it can make its model keep to one. Models' endpoints take but some of
// what a schema can say and refuse a request with any other, so only plain ones are handed on; zag's own check judges the result in any case.

import { fieldsOf } from './fields.js'

/** What every endpoint knows. */
const KEYS = new Set(['type', 'title', 'description', 'properties', 'required', 'additionalProperties', 'items', 'enum'])
const NAME = /^[\w.-]{1,64}$/
/** In UTF-16 units: some take it as a word of their command line. */
const LONGEST = 32 * 1024

/**
 * The schema, on one line, if it is one of an object and plain throughout; with `closed` all its objects have each property that they
 * name and no other, as OpenAI wants it. Nothing if it is not.
 */
export function plainSchema(text: string | undefined, { closed = false } = {}): string | undefined {
  if (text === undefined || text.length > LONGEST) return undefined
  const schema: unknown = JSON.parse(text)
  return fieldsOf(schema).type === 'object' && isPlain(schema, closed) ? JSON.stringify(schema) : undefined
}

function isPlain(schema: unknown, closed: boolean): boolean {
  const { type, properties, required, additionalProperties: more, items } = fieldsOf(schema)
  if (typeof type !== 'string' || Object.keys(fieldsOf(schema)).some(key => !KEYS.has(key))) return false
  if (type === 'array') return isPlain(items, closed)
  const named = Object.entries(fieldsOf(properties))
  if (type !== 'object') return named.length === 0
  const needed: unknown[] = Array.isArray(required) ? required : []
  const isClosed = more === false && named.every(([name]) => needed.includes(name))
  if (closed ? !isClosed : more !== undefined && typeof more !== 'boolean') return false
  return named.every(([name, each]) => NAME.test(name) && isPlain(each, closed))
}
