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
import { BUILTIN_PROVIDERS, KEYS, type Known, type NATIVE, type Value } from './keys.js'
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
  const base = (await read(home))?.table
  const known = { builtin, configured: namesIn(base) }
  if (base) check(home, base, { known })
  const path = root === undefined ? undefined : projectFile(root)
  const over = path === undefined ? undefined : await read(path)
  if (path && over) await checkProject(path, over, known)
  return plain(merged(base, over?.table), KEYS) as Config
}

/** The settings of a project. */
export const projectFile = (root: string) => join(root, '.zag.toml')

/** A project's file and the providers that it names, whether it was accepted or not. */
export interface Named {
  path: string
  content: Buffer
  providers: Config['providers']
}

/** What a project's file names; nothing if there is no such file. Throws usage for the first line that is wrong but for what `zag trust` allows. */
export async function namedIn(root: string): Promise<Named | undefined> {
  const path = projectFile(root)
  const file = await read(path)
  if (!file) return undefined
  const configured = namesIn((await read(paths.config()))?.table)
  checkAccepted(path, file, { builtin: BUILTIN_PROVIDERS, configured })
  const { providers } = plain(file.table, KEYS) as Config
  return { path, content: file.content, providers }
}

/** What names no commands needs nobody to accept it, so nothing is looked up for it. */
async function checkProject(path: string, file: File, known: Known): Promise<void> {
  const isAccepted = file.table.has('providers') && (await import('./trust.js')).isTrusted(path, file.content)
  if (isAccepted) checkAccepted(path, file, known)
  else check(path, file.table, { known, belongs: paths.config() })
}

function checkAccepted(path: string, { table }: File, { builtin, configured }: Known): void {
  const known = { builtin, configured: new Set([...configured, ...namesIn(table)]) }
  check(path, table, { known, belongs: paths.config(), trusted: true })
}

function check(file: string, table: Table, reading: Reading): void {
  const [first] = problemsOf(table, KEYS, reading)
  if (first) throw wrong(file, first.line, first.message)
}

interface File {
  content: Buffer
  table: Table
}

/** A file and its tree; undefined when there is no such file. */
async function read(file: string): Promise<File | undefined> {
  let content: Buffer
  try {
    content = readFileSync(file)
  } catch (error) {
    // No file is the usual case and means no settings.
    if (codeOf(error) === 'ENOENT') return undefined
    throw refused(`cannot read ${quoted(file)}`, error)
  }
  if (!isUtf8(content)) throw wrong(file, lineNotUtf8(content), 'the line is not UTF-8: save the file as UTF-8')
  try {
    return { content, table: await parse(content.toString().replace(/^\ufeff/, '')) }
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

function namesIn(table: Table | undefined): Set<string> {
  const providers = table?.get('providers')?.value
  return new Set(providers instanceof Map ? providers.keys() : [])
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
