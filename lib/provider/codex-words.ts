// What Codex says went wrong, and what of that is a limit: its sentences, for most of it says no more.

import { durationOf } from '../base/time.js'
import type { Limit } from './provider.js'

/** Its words on what went wrong, with what to do about it where they do not say. */
export function explained(message: string): string {
  if (/401 Unauthorized|^Missing environment variable/.test(message))
    return `${message} (run 'codex login', or set CODEX_API_KEY or what your model provider reads its key from)`
  if (/\bmodel\b.* (does not exist|not supported)/.test(message)) return `${message} ('codex debug models' lists those it knows)`
  return message
}

/** The limit that a turn failed of, if that is what its message says, or is known to be the case. */
export function limitIn(message: string, now = Date.now(), known = false): Limit | undefined {
  if (!known && !/hit your usage limit|quota exceeded|\b429\b|rate limit|out of credits|hit your spend cap/i.test(message)) return undefined
  const scope = /usage limit for (.+?)\. /.exec(message)?.[1]
  const resetAt = resetIn(message, now)
  return { message, ...(scope ? { scope } : {}), ...(resetAt === undefined ? {} : { resetAt }) }
}

const MOMENT = /try again at (?:([A-Z][a-z]{2}) (\d{1,2})[a-z]{2}, (\d{4}) )?(\d{1,2}):(\d\d) ([AP])M/i
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** When a limit is over: at the end of the minute that it names, of whose seconds it says nothing, on this day if it names none. */
function resetIn(message: string, now: number): number | undefined {
  const wait = /try again in ((?:\d+(?:\.\d+)?(?:ms|[smhd]))+)/i.exec(message)?.[1]
  const left = wait && durationOf(wait.toLowerCase())
  if (left !== undefined && left !== '') return now + left
  const [found, month = '', day, year, hour, minute, half] = MOMENT.exec(message) ?? []
  if (!found) return undefined
  const hours = (Number(hour) % 12) + (half?.toUpperCase() === 'P' ? 12 : 0)
  const at = (y: number, m: number, d: number) => new Date(y, m, d, hours, Number(minute) + 1).getTime()
  const today = new Date(now)
  if (year !== undefined) return MONTHS.includes(month) ? at(Number(year), MONTHS.indexOf(month), Number(day)) : undefined
  const [y, m, d] = [today.getFullYear(), today.getMonth(), today.getDate()]
  return at(y, m, d) > now ? at(y, m, d) : at(y, m, d + 1)
}
/** What it refused to begin with, without the names of its own types and what else it wraps that in. */
export function refusalIn(message: string): string {
  return message
    .replace(/^.*\bFailed to initialize session: /, '')
    .replace(/(Send message error )?Transport \[[^\]]*\] error: (Client error: )?/g, '')
}

/** What it wrote to stderr without the names of its own types, in which it wraps what an MCP server failed of. */
export function causeIn(stderr = ''): string {
  return stderr.replace(/^Stack backtrace:[\s\S]*/m, '').replace(/^.*\] error: Client error: /gm, 'no MCP server: ')
}
