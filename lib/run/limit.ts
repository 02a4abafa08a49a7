// What a usage limit does to a session: it sleeps until the limit is over and its agent goes on where it was, or it fails at once.
//
// The log has all of it: usage_limit_hit with the moment at which it goes on, then usage_limit_resumed, or usage_limit_failed if
// nothing follows. The file `limited` is there while it sleeps.

import { Fault } from '../base/exit.js'
import { newId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { timestamp } from '../base/time.js'
import { type Config, loadConfig } from '../config/config.js'
import type { NewEvent } from '../log/events.js'
import { appendEvents } from '../log/write.js'
import { oneLine } from '../provider/account.js'
import { providerOf } from '../provider/list.js'
import type { Limit, Verdict } from '../provider/provider.js'
import { remove, replaceFile } from '../store/file.js'
import { readIfIntact, type Session } from '../table/sessions.js'
import type { Following } from './next.js'

/** A limit from its first hit until the agent gets on. */
export interface Incident {
  id: string
  /** How often it was hit. */
  hits: number
  /** When the session goes on, in milliseconds since 1970. */
  resumeAt: number
}

/** How long it sleeps where nobody said until when, in milliseconds, and how often it goes on, unless [limits] says otherwise. */
const FALLBACK = 60 * 60_000
const ATTEMPTS = 12
/** A moment farther away than a year was misread, in milliseconds. */
const FARTHEST = 366 * 86_400_000
/** Clocks differ: it goes on so much later than was said, in milliseconds, and twice that each time it was told too early a moment. */
const SLACK = 1_000
const LONGEST_SLACK = 60_000

/** The limit that a run failed of, by what the agent's output says or by a pattern of the configuration, in its error or its last words on stderr. */
export async function limitIn(session: Session, { limit, error = '' }: Verdict, stderr: string | undefined): Promise<Limit | undefined> {
  if (limit) return limit
  const limits = await settings(session)
  const lines = [error, ...(stderr ?? '').split('\n').reverse()]
  for (const pattern of limits.patterns ?? []) {
    const fits = new RegExp(pattern, 'i')
    const message = lines.find(line => fits.test(line))
    if (message !== undefined) return { message: oneLine(message) }
  }
  return undefined
}

/** What [limits] says. A configuration that was broken meanwhile must not cost the run its end: the log says so, and nothing is set. */
async function settings({ id, parent, root }: Session): Promise<Config['limits']> {
  try {
    return (await loadConfig(root)).limits
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    appendEvents(id, parent, { type: 'provider_status', message: `[limits] cannot be read: ${error.message}` })
    return {}
  }
}

/** What follows a run that failed of a limit, told in the log. Nothing if that was too often, or if it is not to wait. */
export async function afterLimit(
  session: Session,
  limit: Limit,
  before: Incident | undefined,
  turn: number,
): Promise<Following | undefined> {
  const limits = await settings(session)
  const { id = newId(), hits = 0 } = before ?? {}
  const resetAt = Number(limit.resetAt) < Date.now() + FARTHEST ? limit.resetAt : undefined
  const over = resetAt ?? Date.now() + (limits.fallback ?? FALLBACK)
  const resumeAt = Math.max(Date.now(), over) + Math.min(SLACK * 2 ** hits, LONGEST_SLACK)
  const about = { incident_id: id, scope: limit.scope, reset_at: resetAt === undefined ? undefined : timestamp(resetAt) }
  const why = reasonToFail(session, limits, hits)
  const hit = { type: 'usage_limit_hit', ...about, resume_at: why ? undefined : timestamp(resumeAt), error: limit.message } as const
  if (why) {
    appendEvents(session.id, session.parent, hit, { type: 'usage_limit_failed', ...about, error: why })
    return undefined
  }
  appendEvents(session.id, session.parent, hit)
  const incident = { id, hits: hits + 1, resumeAt }
  return {
    pause: resumeAt - Date.now(),
    again: true,
    held: 'limit',
    limited: incident,
    continued: !limit.unsaid && (await canGoOn(session)),
    turn: () => turn,
  }
}

function reasonToFail({ on_limit }: Session, limits: Config['limits'], hits: number): string | undefined {
  if (on_limit === 'fail' || (on_limit === undefined && limits.wait === false)) return 'it is not to wait for the end of a limit'
  const attempts = limits.attempts ?? ATTEMPTS
  return hits >= attempts ? `it went on ${attempts === 1 ? 'once' : `${attempts} times`} and met the limit again` : undefined
}

/** Whether the agent can be told to go on; one that cannot is told its prompt again. */
async function canGoOn({ id, provider, root }: Session): Promise<boolean> {
  if (readIfIntact(id)?.native_id === undefined) return false
  try {
    return (await providerOf(provider, await loadConfig(root))).can.has('resume')
  } catch (error) {
    // What is wrong with it is told when it is started again.
    if (error instanceof Fault) return false
    throw error
  }
}

/** What an agent is told that can go on. */
export const CONTINUE = 'Continue'

export const continuedEvent = (turn: number): NewEvent => ({ type: 'user_message', content: CONTINUE, from: 'limit', turn })

/** Shows for the time of the sleep before a run that the session is limited. */
export function showLimited(id: string, run: number, { id: incident_id, resumeAt }: Incident): void {
  replaceFile(paths.inSession(id, 'limited'), `${JSON.stringify({ run, pid: process.pid, incident_id, resume_at: timestamp(resumeAt) })}\n`)
}

/** The sleep is over: the session goes on, or was ended meanwhile. */
export function noLongerLimited({ id, parent }: Session, { id: incident_id, hits }: Incident, goesOn: boolean): void {
  remove(paths.inSession(id, 'limited'))
  if (goesOn) appendEvents(id, parent, { type: 'usage_limit_resumed', incident_id, attempt: hits })
  else appendEvents(id, parent, { type: 'usage_limit_failed', incident_id, error: 'it was ended while it waited' })
}
