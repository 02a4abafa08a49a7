// A session as a row: the fields every program with --json gives of it.

import { paths } from '../base/paths.js'
import { readIfThere } from '../store/file.js'
import { processes } from '../table/processes.js'
import { exists, readIfIntact, type Session } from '../table/sessions.js'
import { worktreeFields } from '../worktree/place.js'
import type { Status } from './state.js'
import { agentPid } from './turns.js'

/** The row of DESIGN: snake_case, absent where there is nothing to say but for the first six. Durations in milliseconds. */
export interface Row {
  session_id: string
  name: string | null
  status: string
  provider: string
  model: string | null
  error: string | null
  result?: string
  exit_code?: number
  signal?: string
  reason?: string
  pid?: number
  runner_pid?: number
  duration_ms?: number
  /** The folder of its git worktree, and the branch there, if it has one of its own. */
  worktree?: string
  branch?: string
}

/** The row of a session in the given state. Of one whose session.json is damaged what the log has, and that it is. */
export function rowOf(status: Status, session: Session | undefined = readIfIntact(status.id)): Row {
  const { id, state, ended, started, owner, over } = status
  return {
    session_id: id,
    name: session?.name ?? null,
    status: state,
    provider: session?.provider ?? 'unknown',
    model: session?.model ?? null,
    error: errorOf(status) ?? (session === undefined && exists(id) ? 'its session.json is damaged: see zag doctor' : null),
    exit_code: ended?.exit_code,
    signal: ended?.signal,
    reason: ended?.reason,
    pid: over ? undefined : pidOf(id, started, session),
    // Of one that waits the owner is nobody.
    runner_pid: over ? undefined : owner?.pid || undefined,
    duration_ms: over ? ended?.duration_ms : undefined,
    ...worktreeFields(session?.worktree),
  }
}

function pidOf(id: string, started: Status['started'], session: Session | undefined): number | undefined {
  const pid = (started ?? processes().find(id))?.pid
  return session?.interactive ? agentPid(id, pid) : pid
}

/** What went wrong, in one line; nothing if nothing did or the session is not over. */
export function errorOf({ state, ended }: Status): string | undefined {
  if (ended) return ended.error
  return state === 'dead' ? 'its runner is gone' : undefined
}

/** The final text of a session, or nothing if it has none. */
export function resultOf(id: string): string | undefined {
  return readIfThere(paths.inSession(id, 'result'))
}
