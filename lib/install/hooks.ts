// The hooks of zag in the settings of an agent, in its project: put there beside what else is in them, and taken away again.
//
// What is not ours stays as it is, in its order; a file that cannot be understood is left alone. Ours are known by how their command begins.
// What was there before is kept in the home, byte for byte: who takes the hooks out of a file that nobody changed since has it again.

import { dirname, join } from 'node:path'
import { EXIT, Fault, quoted } from '../base/exit.js'
import { newId } from '../base/id.js'
import { paths, projectRoot, realFolder } from '../base/paths.js'
import { realOf } from '../base/within.js'
import { quote } from '../permission/words.js'
import { claudeHooks } from '../provider/claude-hook.js'
import { editFiles } from '../store/edit.js'
import { makeFolder, readBytesIfThere, readIfThere, remove, removeEmptyFolder, replaceFile, sizeIfThere } from '../store/file.js'
import { openHome } from '../store/home.js'
import { parseLine } from '../store/lines.js'

/** How our commands begin. They name no path: settings are shared, and zag is found on the PATH. */
const OURS = 'zag permit --format claude-hook'
/** An agent ends a hook that takes longer, and goes on without it: people may need a day. In seconds. */
const PATIENCE = 86_400
const BRIEFLY = 60

/** Flags that the commands are to have, for the calls that people may be asked about. */
export interface HookFlags {
  ask?: boolean
  group?: string
  /** In milliseconds. */
  timeout?: number
}

/** One of our hooks as it was put there or taken away. */
export interface Placed {
  event: string
  matcher: string
  command: string
}

export interface Done {
  path: string
  changed: boolean
  hooks: Placed[]
}

interface Hook {
  type: string
  command: string
  timeout: number
}

type Json = Record<string, unknown>
type Events = Record<string, Json[]>

/** Writes our hooks into the settings of the project around a folder, and nothing if they are there. Throws a Fault (5) that changed nothing for settings that are none. */
export function installHooks(folder: string, flags: HookFlags): Done {
  const settings = open(folder)
  const events = eventsOf(settings)
  const wanted = claudeHooks().map(({ event, matcher, acts }) => ({ event, matcher, hook: hookFor(event, acts, flags) }))
  const hooks = wanted.map(({ event, matcher, hook }) => ({ event, matcher, command: hook.command }))
  const texts = (of: { event: string; matcher: unknown; hook: unknown }[]) => of.map(each => JSON.stringify(each)).sort()
  if (String(texts(oursIn(events))) === String(texts(wanted))) return { path: settings.path, changed: false, hooks }
  const others = without(events)
  for (const { event, matcher, hook } of wanted) others[event] = [...(others[event] ?? []), { matcher, hooks: [hook] }]
  const after = textOf(settings, { ...settings.value, hooks: others })
  keep(settings, after, oursIn(events).length > 0)
  write(settings, after)
  return { path: settings.path, changed: true, hooks }
}

/** Takes our hooks out of them again, and nothing else. Throws as installHooks does. */
export function uninstallHooks(folder: string): Done {
  const settings = open(folder)
  const events = eventsOf(settings)
  const hooks = oursIn(events).map(({ event, matcher, hook }) => ({ event, matcher: String(matcher), command: String(hook.command) }))
  if (hooks.length === 0) return { path: settings.path, changed: false, hooks }
  const others = without(events)
  const { hooks: _, ...rest } = settings.value
  const kept = keptOf(settings)
  if (kept && kept.after === String(settings.before)) {
    write(settings, kept.before)
    if (kept.before === undefined && !kept.had_folder) removeEmptyFolder(dirname(settings.real))
  } else write(settings, textOf(settings, Object.keys(others).length > 0 ? { ...settings.value, hooks: others } : rest))
  forget(settings)
  return { path: settings.path, changed: true, hooks }
}

interface Settings {
  path: string
  real: string
  before?: Buffer
  value: Json
}

function open(folder: string): Settings {
  const path = join(projectRoot(realFolder(folder)), '.claude/settings.json')
  let real: string
  try {
    real = realOf(path)
  } catch (error) {
    throw new Fault((error as Error).message, EXIT.system, { cause: error })
  }
  const before = readBytesIfThere(real)
  return { path, real, before, value: before === undefined ? {} : parsed(path, String(before)) }
}

function parsed(path: string, text: string): Json {
  try {
    const value: unknown = JSON.parse(text)
    if (isObject(value)) return value
  } catch (error) {
    throw new Fault(`${quoted(path)} is no JSON, and is left as it is: ${(error as Error).message}`, EXIT.system, { cause: error })
  }
  throw strange(path, 'it holds no object')
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const strange = (path: string, why: string) => new Fault(`${quoted(path)} is left as it is: ${why}`, EXIT.system)

function eventsOf({ path, value: { hooks = {} } }: Settings): Events {
  if (!isObject(hooks)) throw strange(path, "'hooks' is no object")
  for (const [event, entries] of Object.entries(hooks)) {
    if (!Array.isArray(entries) || !entries.every(isObject)) throw strange(path, `${quoted(`hooks.${event}`)} is no list of objects`)
  }
  return hooks as Events
}

const hooksOf = ({ hooks }: Json): unknown[] => (Array.isArray(hooks) ? hooks : [])

function isOurs(hook: unknown): hook is Json {
  return isObject(hook) && typeof hook.command === 'string' && `${hook.command} `.startsWith(`${OURS} `)
}

function oursIn(events: Events): { event: string; matcher: unknown; hook: Json }[] {
  return Object.entries(events).flatMap(([event, entries]) =>
    entries.flatMap(entry =>
      hooksOf(entry)
        .filter(isOurs)
        .map(hook => ({ event, matcher: entry.matcher, hook })),
    ),
  )
}

/** All but ours; what held nothing else goes with them. */
function without(events: Events): Events {
  const kept = Object.entries(events).map(([event, entries]) => {
    const others = entries.flatMap(entry => {
      const hooks = hooksOf(entry)
      if (!hooks.some(isOurs)) return [entry]
      const left = hooks.filter(hook => !isOurs(hook))
      return left.length > 0 ? [{ ...entry, hooks: left }] : []
    })
    return [event, others, entries.length] as const
  })
  return Object.fromEntries(kept.filter(([, others, before]) => others.length > 0 || before === 0))
}

function hookFor(event: string, acts: boolean, { ask, group, timeout }: HookFlags): Hook {
  const words = [OURS]
  if (group !== undefined) words.push(quote(`--group=${group}`))
  if (ask && acts) words.push('--ask', ...(timeout === undefined ? [] : [`--relay-timeout=${timeout}ms`]))
  const patience = Math.max(PATIENCE, Math.ceil((timeout ?? 0) / 1000) + BRIEFLY)
  return { type: 'command', command: words.join(' '), timeout: event === 'PreToolUse' ? patience : BRIEFLY }
}

/** Settings as text, indented and ended as the file is, with its ends of lines. */
function textOf({ before }: Settings, value: Json): string {
  const text = String(before ?? '{\n}\n')
  const indent = /^([ \t]+)"/m.exec(text)?.[1] ?? 2
  const fresh = `${JSON.stringify(value, null, indent)}${text.endsWith('\n') ? '\n' : ''}`
  return text.includes('\r\n') ? fresh.replaceAll('\n', '\r\n') : fresh
}

function write({ real, before }: Settings, after: string | undefined): void {
  editFiles([{ path: real, before, after: after === undefined ? undefined : Buffer.from(after), token: newId() }])
}

/** What a file held, or that there was none, and what we made of it. */
interface Kept {
  before?: string
  after: string
  /** Whether there was the folder that it is in. */
  had_folder: boolean
}

/** What was there before the first of our hooks stays known; of a file in which somebody else put them that is not known. */
function keep(settings: Settings, after: string, hasOurs: boolean): void {
  const { real, before } = settings
  const known = hasOurs ? keptOf(settings) : undefined
  if (hasOurs && known?.after !== String(before)) {
    forget(settings)
    return
  }
  openHome()
  const path = paths.settingsBefore(real)
  makeFolder(dirname(path))
  const now = { before: before === undefined ? undefined : String(before), had_folder: sizeIfThere(dirname(real)) !== undefined }
  replaceFile(path, `${JSON.stringify({ ...(known ?? now), after } satisfies Kept)}\n`)
}

function keptOf({ real }: Settings): Kept | undefined {
  const kept = parseLine(readIfThere(paths.settingsBefore(real)) ?? '') as Partial<Kept> | undefined
  return typeof kept?.after === 'string' ? (kept as Kept) : undefined
}

function forget({ real }: Settings): void {
  const path = paths.settingsBefore(real)
  remove(path)
  removeEmptyFolder(dirname(path))
}
