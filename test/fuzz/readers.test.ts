// Output of agents: whatever a provider's reader gets, it makes events of known kinds of it, the same each time, and a verdict.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { EVENT_TYPES, type NewEvent } from '../../lib/log/events.js'
import { acp } from '../../lib/provider/acp.js'
import { claude } from '../../lib/provider/claude.js'
import { codex } from '../../lib/provider/codex.js'
import { copilot } from '../../lib/provider/copilot.js'
import { gemini } from '../../lib/provider/gemini.js'
import { native } from '../../lib/provider/native.js'
import { ndjsonReader } from '../../lib/provider/ndjson.js'
import { ollama } from '../../lib/provider/ollama.js'
import { opencode } from '../../lib/provider/opencode.js'
import type { Exit, Past, Provider, Reader } from '../../lib/provider/provider.js'
import { sh } from '../../lib/provider/sh.js'
import { textReader } from '../../lib/provider/text.js'
import { TOP } from '../help/run.js'
import { cases, json, text } from './fuzz.js'

const nothing: Past = { line: () => undefined, kept: () => undefined }
const readersOf = (provider: Provider): [string, () => Reader][] => [
  [provider.name, () => provider.reader(nothing)],
  ...(provider.live
    ? [[`${provider.name}, living on`, () => (provider.live as NonNullable<Provider['live']>).reader(nothing)] as [string, () => Reader]]
    : []),
]
const READERS: [string, () => Reader][] = [
  ...[sh, claude, codex, gemini, copilot, opencode, ollama, acp, native].flatMap(readersOf),
  ['ndjson', ndjsonReader],
  ['text', textReader],
]

/** What the programs really print, as objects. */
const PRINTED = ['claude', 'codex', 'gemini', 'copilot', 'opencode', 'acp'].flatMap(folder => {
  const files = readdirSync(join(TOP, 'test/fixtures', folder)).filter(name => name.endsWith('.ndjson'))
  return files.flatMap(name => {
    const lines = readFileSync(join(TOP, 'test/fixtures', folder, name), 'utf8').split('\n')
    return lines.flatMap(line => (line.startsWith('{') && line.length < 4000 ? [JSON.parse(line) as Record<string, fc.JsonValue>] : []))
  })
})

/** An object with something in it, at any depth, left out or in the place of something else. */
function spoilt(value: fc.JsonValue, path: number[], by: fc.JsonValue | undefined): fc.JsonValue | undefined {
  const [at, ...rest] = path
  if (at === undefined || typeof value !== 'object' || value === null) return by
  const keys = Object.keys(value)
  const key = keys[at % Math.max(1, keys.length)]
  if (key === undefined) return by
  const inner = spoilt((value as Record<string, fc.JsonValue>)[key] as fc.JsonValue, rest, by)
  if (Array.isArray(value)) return value.map((each, n) => (String(n) === key ? (inner ?? null) : each))
  const { [key]: _, ...others } = value as Record<string, fc.JsonValue>
  return inner === undefined ? others : { ...others, [key]: inner }
}

const line = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...PRINTED).map(each => JSON.stringify(each)) },
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(...PRINTED), fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }), fc.option(json(), { nil: undefined }))
      .map(([of, path, by]) => JSON.stringify(spoilt(of, path, by)) ?? 'null'),
  },
  { weight: 1, arbitrary: json().map(value => JSON.stringify(value)) },
  { weight: 1, arbitrary: text().map(word => word.replaceAll('\n', ' ')) },
)
const bytes = fc.oneof(
  { weight: 12, arbitrary: line.map(each => Buffer.from(each)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map(each => Buffer.from(each.filter(byte => byte !== 10))) },
)
const exit = fc.constantFrom<Exit>(
  { code: 0, signal: null },
  { code: 1, signal: null },
  { code: null, signal: 'SIGKILL' },
  { code: null, signal: null },
  { code: 0, signal: null, ended: true },
  { code: null, signal: null, livesOn: true, stderr: 'Error: 429' },
)

function read(make: () => Reader, lines: Buffer[], pieces: number, how: Exit) {
  const reader = make()
  const events: NewEvent[] = []
  for (let from = 0; from < lines.length; from += pieces) events.push(...reader.out(lines.slice(from, from + pieces)))
  events.push(...(reader.end?.() ?? []))
  return { events, verdict: reader.verdict(how), through: reader.through, waiting: reader.waiting }
}

/** Moments that are reckoned from now are not the same a moment later. */
const untimed = (read: unknown) => JSON.stringify(read, (key, value) => (/^(resetAt|reset_at|resume_at)$/.test(key) ? undefined : value))

for (const [name, make] of READERS) {
  t.test(name, async () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 12 }), fc.integer({ min: 1, max: 5 }), exit, (lines, pieces, how) => {
        const once = read(make, lines, pieces, how)
        for (const event of once.events) {
          if (!(EVENT_TYPES as string[]).includes(event.type)) throw new Error(`an event of no kind: ${JSON.stringify(event)}`)
          if (JSON.parse(JSON.stringify(event)).type !== event.type) throw new Error('an event that cannot be written')
        }
        const { success, error, result } = once.verdict
        if (typeof success !== 'boolean' || (error !== undefined && (typeof error !== 'string' || /\n/.test(error))))
          throw new Error(`a verdict like ${JSON.stringify(once.verdict)}`)
        if (result !== undefined && typeof result !== 'string' && result.stdout !== true)
          throw new Error(`a result like ${JSON.stringify(result)}`)
        if (untimed(read(make, lines, pieces, how)) !== untimed(once))
          throw new Error(`read again it is ${untimed(read(make, lines, pieces, how))}, not ${untimed(once)}`)
      }),
      cases(120),
    )
  })
}
