// Which events are meant: kinds, and fields with a value. One parser and one matcher for every program that follows logs.
//
// A filter is `key=value`, several with commas between them or in several flags; an event has to fit all of them. A key is a
// field, or with dots the way into one that holds a list or an object: `input.command`, `data.files.0`. What no event of the
// kinds asked for can have is refused, because such a filter would wait for ever.

import { quoted, usage } from '../base/exit.js'
import { nearest } from '../base/name.js'
import { COMMON_FIELDS, EVENT_TYPES, type EventType, FIELDS, type LogEvent } from '../log/events.js'

export interface Filter {
  /** The kinds meant; missing if all are. */
  types?: EventType[]
  fits(event: LogEvent): boolean
}

interface Condition {
  path: string[]
  value: string
}

/** The filter that `--type` and `--filter` describe. Throws usage for a kind or a key that there is not, with the nearest. */
export function filterOf(typeWords: readonly string[], filterWords: readonly string[]): Filter {
  const types = typesIn(typeWords)
  const conditions = filterWords.flatMap(partsOf).map(part => conditionIn(part, types ?? EVENT_TYPES))
  const kinds = types && new Set<string>(types)
  return {
    types,
    fits: event => (!kinds || kinds.has(event.type)) && conditions.every(({ path, value }) => textAt(event, path) === value),
  }
}

/** The kinds that words name, several with commas between them; nothing if there are no words. */
function typesIn(words: readonly string[]): EventType[] | undefined {
  if (words.length === 0) return undefined
  const named = words.flatMap(word => word.split(',')).map(word => word.trim())
  for (const word of named) {
    if ((EVENT_TYPES as string[]).includes(word)) continue
    throw usage(`no kind of event ${quoted(word)}: ${guess(nearest(word, EVENT_TYPES)) ?? 'see zag man 5 zag-log'}`)
  }
  return named as EventType[]
}

/** Parts between commas; `\,` is a comma of a value. */
function partsOf(word: string): string[] {
  return word.split(/(?<!\\),/)
}

function conditionIn(part: string, types: readonly EventType[]): Condition {
  const equals = part.indexOf('=')
  if (equals < 1) throw usage(`--filter ${quoted(part)} is no key=value`)
  const path = part.slice(0, equals).trim().split('.')
  checkKey(path, types)
  return { path, value: part.slice(equals + 1).replaceAll('\\,', ',') }
}

/** Refuses a key that no event of these kinds can have. */
function checkKey([field = '', ...below]: string[], types: readonly EventType[]): void {
  const tables: Readonly<Record<string, string>>[] = [COMMON_FIELDS, ...types.map(type => FIELDS[type])]
  const found = tables.filter(table => Object.hasOwn(table, field)).map(table => table[field])
  if (found.length === 0) {
    const known = [...new Set(tables.flatMap(table => Object.keys(table)))]
    const few =
      types.length < 4 ? `there are ${known.filter(key => !Object.hasOwn(COMMON_FIELDS, key)).join(', ')}` : 'see zag man 5 zag-log'
    throw usage(`no ${types.length === 1 ? types[0] : 'such'} event has a field ${quoted(field)}: ${guess(nearest(field, known)) ?? few}`)
  }
  if (below.length > 0 && !found.includes('nested'))
    throw usage(`${quoted([field, ...below].join('.'))}: ${quoted(field)} holds one value, with nothing below it`)
}

/** The value at a path as text: strings as they are, all else as JSON; nothing where there is none. */
function textAt(event: LogEvent, path: readonly string[]): string | undefined {
  let value: unknown = event
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function guess(near: readonly string[]): string | undefined {
  return near.length > 0 ? `did you mean ${near.join(' or ')}?` : undefined
}
