// The configuration: config.toml of the home, then .zag.toml of the project, merged key by key.
//
// Most homes have neither file, so that costs two failed reads and loads no parser. The environment and the flags, which
// go before both files, are read by others.

import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf, type Fault, quoted, refused, usage } from '../base/exit.js'
import { paths } from '../base/paths.js'
import { plain, problemsOf, type Reading } from './check.js'
import { BUILTIN_PROVIDERS, KEYS, type NATIVE, type Value } from './keys.js'
import { NotToml, parse, type Table } from './toml.js'

/** What the files say. Tables are always there, empty if need be, and have no prototype, so any name can be looked up. */
export type Config = Value<typeof KEYS>
/** One [providers.NAME]. */
export type ConfiguredProvider = Value<(typeof KEYS)['keys']['providers']['each']>

/** [providers.native]. */
export type NativeConfig = Value<typeof NATIVE>

/** What is said of zag's own agent. */
export function nativeIn({ providers }: Config): NativeConfig {
  return (providers.native ?? {}) as NativeConfig
}

/**
 * What config.toml and, with a project's root, its .zag.toml say; the project's word goes first. `builtin` are the names
 * that configured providers may not take. Throws usage for the first line that is wrong, exit 5 for what cannot be read.
 */
export async function loadConfig(root?: string, builtin: ReadonlySet<string> = BUILTIN_PROVIDERS): Promise<Config> {
  const home = paths.config()
  const base = await read(home)
  const configured = new Set(base ? namesIn(base) : [])
  if (base) check(home, base, { known: { builtin, configured } })
  const project = root === undefined ? undefined : join(root, '.zag.toml')
  const over = project === undefined ? undefined : await read(project)
  if (project && over) check(project, over, { known: { builtin, configured }, belongs: home })
  return plain(merged(base, over), KEYS) as Config
}

function check(file: string, table: Table, reading: Reading): void {
  const [first] = problemsOf(table, KEYS, reading)
  if (first) throw wrong(file, first.line, first.message)
}

/** The file's tree; undefined when there is no such file. */
async function read(file: string): Promise<Table | undefined> {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    // No file is the usual case and means no settings.
    if (codeOf(error) === 'ENOENT') return undefined
    throw refused(`cannot read ${quoted(file)}`, error)
  }
  if (!isUtf8(bytes)) throw wrong(file, lineNotUtf8(bytes), 'the line is not UTF-8: save the file as UTF-8')
  try {
    return await parse(bytes.toString().replace(/^\ufeff/, ''))
  } catch (error) {
    if (error instanceof NotToml) throw wrong(file, `${error.line}:${error.column}`, error.message)
    throw error
  }
}

function wrong(file: string, line: number | string, message: string): Fault {
  return usage(`${quoted(file)}:${line}: ${message}`)
}

/** The line (from 1) of the first byte that is not UTF-8: no byte of a longer character is a newline. */
function lineNotUtf8(bytes: Buffer): number {
  for (let line = 1, start = 0; ; line++) {
    const end = bytes.indexOf(10, start)
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line
    start = end + 1
  }
}

function namesIn(table: Table): Iterable<string> {
  const providers = table.get('providers')?.value
  return providers instanceof Map ? providers.keys() : []
}

function merged(base: Table | undefined, over: Table | undefined): Table {
  const result: Table = new Map(base)
  for (const [key, entry] of over ?? []) {
    const below = result.get(key)
    const both = below?.value instanceof Map && entry.value instanceof Map
    result.set(key, both ? { line: entry.line, value: merged(below.value as Table, entry.value as Table) } : entry)
  }
  return result
}
