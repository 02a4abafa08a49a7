// Taking in conversations that were held without zag, from the session files that agents keep.
//
// Every file is read to its end before anything is made, and a session is made whole, log included: nothing is half imported. The agent's
// own id of a conversation is kept, so that it is taken in once.

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { markOf } from '../agent/agent.js'
import { EXIT, Fault, quoted, usage } from '../base/exit.js'
import { newId } from '../base/id.js'
import { checkName } from '../base/name.js'
import { paths, projectRoot } from '../base/paths.js'
import { timestamp } from '../base/time.js'
import type { NewEvent } from '../log/events.js'
import { logLine } from '../log/write.js'
import { myself } from '../process/identity.js'
import { claudeTranscript } from '../provider/claude-transcript.js'
import { codexTranscript } from '../provider/codex-transcript.js'
import { readTranscript, type Scribe, type Transcript } from '../provider/transcript.js'
import { parentHere } from '../run/ask.js'
import { type Ended, showEnd } from '../run/turn.js'
import { type Row, rowOf } from '../session/row.js'
import { statusOf } from '../session/state.js'
import { readBytesIfThere } from '../store/file.js'
import { openHome } from '../store/home.js'
import { parseLine } from '../store/lines.js'
import { withLock } from '../store/lock.js'
import { create, forget, ids, read, type Session } from '../table/sessions.js'

const SCRIBES: Record<ImportedProvider, Scribe> = { claude: claudeTranscript, codex: codexTranscript }
export const IMPORTED_PROVIDERS = ['claude', 'codex'] as const
export type ImportedProvider = (typeof IMPORTED_PROVIDERS)[number]

export interface Import {
  /** Whose files they are; each is asked what it is otherwise. */
  provider?: ImportedProvider
  tag: string[]
}

/**
 * Makes a session of each file and gives their rows. Throws, with nothing imported: usage for a file that is no session file, a Fault 4
 * for a conversation that is here already, 5 for a file that cannot be read or a home that cannot be written.
 */
export async function importFiles(files: readonly string[], { provider, tag }: Import): Promise<(Row & { native_id: string })[]> {
  for (const each of tag) checkName('tag', each)
  const all = files.map(file => ({ file, transcript: transcriptIn(file, provider) }))
  openHome()
  return withLock(paths.sessions(), () => {
    checkNew(all)
    const made: Session[] = []
    try {
      for (const { file, transcript } of all) made.push(make(transcript, resolve(file), tag))
    } catch (error) {
      for (const session of made) forget(session)
      throw error
    }
    return made.map(session => {
      showEnd(session, statusOf(session.id).ended as Ended)
      return { ...rowOf(statusOf(session.id), session), native_id: session.native_id as string }
    })
  })
}

function transcriptIn(file: string, provider: ImportedProvider | undefined): Transcript {
  const bytes = readBytesIfThere(file)
  if (!bytes) throw new Fault(`cannot read ${quoted(file)}: no such file`, EXIT.system)
  const texts = bytes
    .toString()
    .split('\n')
    .filter(text => text.trim() !== '')
  const lines = texts.map(text => ({ text, line: parseLine(text) }))
  for (const name of provider === undefined ? IMPORTED_PROVIDERS : [provider]) {
    const transcript = readTranscript(name, SCRIBES[name], lines)
    if (transcript) return transcript
  }
  throw usage(`${quoted(file)} is no session file of ${provider ?? IMPORTED_PROVIDERS.join(' or ')}`)
}

function checkNew(all: readonly { file: string; transcript: Transcript }[]): void {
  const known = new Map<string, string>()
  const key = (provider: string, native: string) => JSON.stringify([provider, native])
  for (const id of ids()) {
    const session = read(id)
    if (session?.native_id !== undefined) known.set(key(session.provider, session.native_id), `as session ${id}`)
  }
  for (const { file, transcript } of all) {
    const { provider, native_id } = transcript
    const where = known.get(key(provider, native_id))
    if (where !== undefined) throw new Fault(`${quoted(file)} is here already, ${where}: zag session delete forgets it`, EXIT.notNow)
    known.set(key(provider, native_id), `from ${quoted(file)}`)
  }
}

function make(transcript: Transcript, file: string, tag: string[]): Session {
  const { provider, model, native_id, cwd = '/', events } = transcript
  const [first, last] = [events.at(0)?.ts ?? timestamp(), events.at(-1)?.ts ?? timestamp()]
  const root = existsSync(cwd) ? projectRoot(cwd) : cwd
  const session: Session = {
    id: newId(),
    created_at: first,
    provider,
    model,
    root,
    cwd,
    tags: [...new Set(tag)],
    parent: parentHere(),
    group: root,
    depends_on: [],
    flags: {},
    env: {},
    native_id,
    imported_from: file,
  }
  const files: Record<string, string | Buffer> = { prompt: said(transcript, 'user_message')[0] ?? '' }
  const result = said(transcript, 'assistant_message').at(-1)
  if (result !== undefined) files.result = result
  const log = [start(session, first), ...events, end(first, last)]
  const keep = (path: string, bytes: Buffer) => {
    files[path] = bytes
  }
  const stamp = { session_id: session.id, parent_id: session.parent }
  files['log.ndjson'] = log.map(({ ts, event }) => `${logLine(event, { ts, ...stamp }, keep)}\n`).join('')
  create(session, { role: 'run', run: 1, ...myself() }, files)
  return session
}

function said({ events }: Transcript, type: 'user_message' | 'assistant_message'): string[] {
  return events.flatMap(({ event }) => (event.type === type ? [event.content] : []))
}

function start({ id, provider, model, root, cwd }: Session, ts: string): { ts: string; event: NewEvent } {
  const offsets = { stdout_from: 0, stderr_from: 0 }
  return {
    ts,
    event: {
      type: 'session_started',
      provider,
      model,
      root,
      cwd,
      command: [],
      process_id: markOf(id, 1),
      run: 1,
      resumed: false,
      ...offsets,
    },
  }
}

/** How it ended nobody knows; that it is over is certain enough. */
function end(first: string, ts: string): { ts: string; event: NewEvent } {
  const duration_ms = Math.max(0, Date.parse(ts) - Date.parse(first))
  return { ts, event: { type: 'session_ended', success: true, status: 'completed', run: 1, reason: 'imported', duration_ms } }
}
