// The JSON Schema that the results of a session have to fit: taken from what a user gave, kept in the session's folder, and
// held against what the agent answers. ajv makes a function of a schema; it is heavy, so it is loaded only where there is one.
//
// A schema without $schema is one of draft 2020-12. Formats are not checked and unknown keywords are ignored, as the
// specification has it. Only what an object has of its own counts, so a key such as `__proto__` or `toString` is a key like others.

import { readFileSync } from 'node:fs'
import { runInNewContext } from 'node:vm'
import type { ErrorObject, Options, ValidateFunction } from 'ajv'
import { EXIT, Fault, quoted, refused, usage, visible } from '../base/exit.js'
import { unfenced } from '../base/fence.js'
import { paths } from '../base/paths.js'
import { formatDuration } from '../base/time.js'
import { readIfThere, sizeIfThere } from '../store/file.js'

/** A result held against the schema of its session: without a fence around it where there is one, and why it does not fit, if it does not. */
export interface Checked {
  text: string
  reasons: string[]
}

/**
 * The text of the schema that --json-schema gives: inline if it begins with `{`, else from that file. Throws usage if it is no
 * schema, a Fault (5) if the file cannot be read.
 */
export async function loadSchema(given: string): Promise<string> {
  const inline = given.trimStart().startsWith('{')
  const what = inline ? 'the schema' : `the schema in ${quoted(given)}`
  const text = (inline ? given : contentOf(given)).replace(/^\ufeff/, '')
  await compile(text, what)
  return text
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw refused(`cannot read the schema from ${quoted(path)}`, error)
  }
}

/** Whether the results of a session have to fit a schema. */
export function hasSchema(id: string): boolean {
  return sizeIfThere(paths.inSession(id, 'schema')) !== undefined
}

/** Holds a result against the schema of its session; without one any text fits. Throws a Fault (5) if the schema was damaged since. */
export async function checked(id: string, result: string): Promise<Checked> {
  const schema = readIfThere(paths.inSession(id, 'schema'))
  if (schema === undefined) return { text: result, reasons: [] }
  const text = unfenced(result)
  const value = jsonOf(text)
  if (value === undefined) return { text, reasons: [text.trim() === '' ? 'it is empty' : `it is no JSON: ${quoted(text.trim())}`] }
  const fits = await compileKept(schema)
  try {
    const does = inTime(() => fits(value))
    if (does === undefined) return { text, reasons: [TOO_LONG] }
    return { text, reasons: does ? [] : (fits.errors ?? []).map(reasonOf) }
  } catch (error) {
    if (error instanceof RangeError) return { text, reasons: ['it is nested too deeply'] }
    throw error
  }
}

/** A check that takes longer is given up, in milliseconds: a `pattern` can take for ever. */
const LONGEST_CHECK = 5_000
const TOO_LONG = `the check of it was given up after ${formatDuration(LONGEST_CHECK)}: is a pattern of the schema one that takes for ever?`

/** What a function gives; nothing if it takes too long. */
function inTime(check: () => boolean): boolean | undefined {
  try {
    return runInNewContext('check()', { check }, { timeout: LONGEST_CHECK })
  } catch (error) {
    // It comes from another context, where Error is another class.
    if ((error as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return undefined
    throw error
  }
}

/** The value that a text is as JSON; nothing if it is none. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // An agent's answer, which is told so.
    return undefined
  }
}

async function compileKept(schema: string): Promise<ValidateFunction> {
  try {
    return await compile(schema, 'the schema of the session')
  } catch (error) {
    throw error instanceof Fault ? new Fault(error.message, EXIT.system, { cause: error }) : error
  }
}

const OPTIONS: Options = {
  allErrors: true,
  strict: false,
  validateFormats: false,
  ownProperties: true,
  // 0.3 is a multiple of 0.1, whatever becomes of it in binary.
  multipleOfPrecision: 9,
  logger: false,
  // A function that is called once need not be quick; making it so takes longer than the rest.
  code: { optimize: false },
}

const DRAFTS: Record<string, () => Promise<InstanceType<typeof import('ajv').Ajv>>> = {
  'json-schema.org/draft-07/schema': async () => new (await import('ajv')).Ajv(OPTIONS),
  'json-schema.org/draft/2019-09/schema': async () => new (await import('ajv/dist/2019.js')).Ajv2019(OPTIONS),
  'json-schema.org/draft/2020-12/schema': async () => new (await import('ajv/dist/2020.js')).Ajv2020(OPTIONS),
}

/** The one made last: the sessions of a batch have most often the same. */
let last: { text: string; fits: ValidateFunction } | undefined

/** The function that a schema is. `what` is how messages call it. Throws usage if it is none. */
async function compile(text: string, what: string): Promise<ValidateFunction> {
  if (last?.text === text) return last.fits
  const schema = parse(text, what)
  const ajv = await draftOf(schema, what)
  try {
    if (!(await ajv.validateSchema(schema))) throw noSchema(what, (ajv.errors ?? []).map(reasonOf))
    const fits = ajv.compile(schema)
    // Such a schema gives a promise in place of an answer.
    if (fits.schemaEnv.$async) throw noSchema(what, ["'/$async' has no place in it"])
    last = { text, fits }
    return fits
  } catch (error) {
    if (error instanceof Fault) throw error
    throw usage(`${what} cannot be used: ${visible((error as Error).message)}`)
  }
}

function parse(text: string, what: string): object | boolean {
  let schema: unknown
  try {
    schema = JSON.parse(text)
  } catch (error) {
    throw usage(`${what} is no JSON: ${visible((error as Error).message)}`)
  }
  if (typeof schema === 'boolean' || (typeof schema === 'object' && schema !== null && !Array.isArray(schema))) return schema
  throw usage(`${what} is none: it has to be an object, or true or false`)
}

async function draftOf(schema: object | boolean, what: string) {
  const { $schema = 'https://json-schema.org/draft/2020-12/schema' } = schema as { $schema?: unknown }
  const draft = typeof $schema === 'string' ? $schema.replace(/^https?:\/\//, '').replace(/#$/, '') : ''
  const make = Object.hasOwn(DRAFTS, draft) ? DRAFTS[draft] : undefined
  if (!make) throw usage(`${what} is of a kind that is not known, ${quoted(String($schema))}: write it for draft-07, 2019-09 or 2020-12`)
  return make()
}

function noSchema(what: string, [first = '', ...more]: string[]): Fault {
  return usage(`${what} is none: ${first}${more.length > 0 ? `, and ${more.length} more` : ''}`)
}

/** Where it does not fit, as a JSON pointer, and why, on one line. */
function reasonOf({ instancePath, message, keyword, params }: ErrorObject): string {
  const named = Object.hasOwn(MORE, keyword) ? params[MORE[keyword] as string] : undefined
  const more = named === undefined ? '' : `: ${quoted(typeof named === 'string' ? named : JSON.stringify(named))}`
  return `${instancePath === '' ? 'the whole' : quoted(instancePath)} ${visible(message ?? keyword)}${more}`
}

/** What the messages of some keywords leave out. */
const MORE: Record<string, string> = {
  additionalProperties: 'additionalProperty',
  unevaluatedProperties: 'unevaluatedProperty',
  propertyNames: 'propertyName',
  const: 'allowedValue',
  enum: 'allowedValues',
}
