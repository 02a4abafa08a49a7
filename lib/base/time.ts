// Durations and moments as users write them and as logs store them.
// Durations are milliseconds inside zag; moments are milliseconds since 1970 or RFC 3339 text.

import { quoted, usage } from './exit.js'

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const LONGEST = 100 * 365 * 86_400_000

/** Milliseconds of `90`, `30s`, `5m`, `1h30m`, `7d`, `250ms`, `1.5h`; a bare number is seconds. Throws usage. */
export function parseDuration(text: string): number {
  const ms = durationOf(text)
  if (ms === undefined) throw usage(`${quoted(text)} is no duration: write 90, 30s, 5m, 1h30m or 7d`)
  return ms
}

/** The milliseconds that a text says; nothing if it is no duration. */
export function durationOf(text: string): number | undefined {
  const word = text.trim()
  const ms = /^\d+(\.\d+)?$/.test(word) ? Number(word) * 1000 : sumOfParts(word)
  return ms !== undefined && ms <= LONGEST ? Math.round(ms) : undefined
}

function sumOfParts(word: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(word)) return undefined
  let ms = 0
  for (const [, amount, unit] of word.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) ms += Number(amount) * (UNITS[unit as string] as number)
  return ms
}

/** A duration for people: `0.4s`, `12s`, `5m03s`, `1h30m`, `2d4h`. */
export function formatDuration(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)}s`
  const s = Math.round(ms / 1000)
  if (s < 60) return `${s}s`
  if (s < 3600) return `${Math.floor(s / 60)}m${String(s % 60).padStart(2, '0')}s`
  const m = Math.floor(s / 60)
  if (m < 1440) return `${Math.floor(m / 60)}h${String(m % 60).padStart(2, '0')}m`
  return `${Math.floor(m / 1440)}d${Math.floor((m % 1440) / 60)}h`
}

/** A moment as logs store it: RFC 3339, milliseconds, UTC. */
export function timestamp(ms: number = Date.now()): string {
  return new Date(ms).toISOString()
}

/** Milliseconds since 1970 of an RFC 3339 moment, a date (`2026-11-21`), or a duration before `now`. Throws usage. */
export function parseMoment(text: string, now: number = Date.now()): number {
  const word = text.trim()
  if (/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(word)) {
    const ms = Date.parse(word)
    if (Number.isFinite(ms) && isDay(word.slice(0, 10))) return ms
  } else if (/^\d/.test(word) && !/^\d+$/.test(word)) {
    const ms = sumOfParts(word)
    if (ms !== undefined && ms <= LONGEST) return now - ms
  }
  throw usage(`${quoted(text)} is no date: write 2026-11-21, 2026-11-21T10:00:00Z or 30m (ago)`)
}

/** Date.parse takes 30 February for 2 March. */
function isDay(date: string): boolean {
  return new Date(`${date}T00:00:00Z`).toISOString().startsWith(date)
}

/** Calls `then` at a moment however far away it is (setTimeout alone ends after 24 days). Returns the way to stop it. */
export function at(moment: number, then: () => void): () => void {
  let timer: NodeJS.Timeout
  const arm = () => {
    const left = moment - Date.now()
    timer = left > 0x7fff_ffff ? setTimeout(arm, 0x7fff_ffff) : setTimeout(then, Math.max(0, left))
  }
  arm()
  return () => clearTimeout(timer)
}
