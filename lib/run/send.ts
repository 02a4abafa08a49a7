// Sending a message to a session. The message is a file in its inbox before anybody looks who is to deliver it: a session at
// work delivers it itself, and one that is over is put into the queue for its next run, by a claim, so that happens once
// however many send. A supervisor looks into the inbox after it has told the end: so one of the two always sees it.

import { isUtf8 } from 'node:buffer'
import { existsSync } from 'node:fs'
import { aroundHere } from '../agent/around.js'
import { checkFiles, filesAt } from '../agent/attach.js'
import { promptOf } from '../agent/prompt.js'
import { EXIT, Fault, quoted, usage } from '../base/exit.js'
import { newId, shortId } from '../base/id.js'
import { inside, isSandboxed, paths } from '../base/paths.js'
import { loadConfig } from '../config/config.js'
import { isElsewhere } from '../process/identity.js'
import { checkAsked } from '../provider/asked.js'
import { providerOf } from '../provider/list.js'
import type { Provider } from '../provider/provider.js'
import { isHeld } from '../session/hold.js'
import { isBareEnd, type Message, post, takeBack } from '../session/inbox.js'
import { type Status, statusOf } from '../session/state.js'
import { hasMessages } from '../session/turns.js'
import { remove, removeEmptyFolder, replaceFile } from '../store/file.js'
import { nobody, release, takeOver } from '../table/owners.js'
import { processes } from '../table/processes.js'
import { exists, read, type Session } from '../table/sessions.js'
import { usable } from './ask.js'
import { settle } from './settle.js'
import { rowFor } from './turn.js'

/** What a message is made of. */
export interface Said {
  content: Buffer
  /** The program that sends it. */
  by: 'input' | 'broadcast'
  raw: boolean
  /** The session that lives on ends after it; then it may be empty. */
  end?: boolean
  files: string[]
}

/** A message that this process sends. Throws usage if there is nothing in it, a Fault (5) if a file cannot be read. */
export function compose({ content, by, raw, end, files }: Said): Message {
  if (content.length === 0 && files.length === 0 && !end)
    throw usage('the message is empty: give it as an operand, with --prompt or --file-prompt, or on stdin with -')
  const around = inside()
  const from = around && exists(around.session) ? around : undefined
  return {
    id: newId(),
    from: from?.session ?? by,
    name: from?.name,
    ...(isUtf8(content) ? { content: String(content) } : { content: content.toString('base64'), base64: true as const }),
    files: files.length > 0 ? filesAt(files) : undefined,
    raw: raw || undefined,
    end: end || undefined,
  }
}

/**
 * Sends a message, and sees to it that somebody delivers it. False if there is nothing to be done: the end of a session that
 * has ended. Throws Faults, and leaves nothing then: 2 for what its provider cannot take, 3 if it was removed, 4 if it cannot
 * be resumed or is being removed, 126 or 127 if its agent cannot be used, 5 if the system refuses.
 */
export async function send(id: string, message: Message): Promise<boolean> {
  const session = read(id)
  if (!session) throw removed(id)
  const status = await settle(id)
  await check(session, status, message)
  if (status.over && isBareEnd(message)) return false
  try {
    post(id, message)
    if (!(await resume(id))) throw new Fault(`session ${id} cannot be resumed: zag gc or zag session delete is at it`, EXIT.notNow)
  } catch (error) {
    takeBack(id, message.id)
    if (exists(id)) throw error
    leaveNothing(id)
    throw removed(id)
  }
  return true
}

function removed(id: string): Fault {
  return new Fault(`session ${id} was removed`, EXIT.none)
}

/** A message to a session that was removed a moment before can have made its folder again. */
function leaveNothing(id: string): void {
  remove(paths.inSession(id, 'environment'))
  for (const folder of [paths.inSession(id, 'inbox'), paths.session(id)]) removeEmptyFolder(folder)
}

async function check(session: Session, { over, owner }: Status, message: Message): Promise<void> {
  const { id } = session
  if (over && isSandboxed())
    throw new Fault(`session ${id} is over, and would run on outside of this sandbox: send the message from there`, EXIT.notNow)
  if (message.end && !session.interactive)
    throw new Fault(`session ${id} does not live on between turns: zag cancel ${shortId(id)} ends it`, EXIT.notNow)
  if (owner && isElsewhere(owner) && owner.pid !== 0)
    throw new Fault(`session ${id} is on another machine, ${owner.host}: send it from there`, EXIT.notNow)
  if (over && session.stripped_at !== undefined)
    throw new Fault(`session ${id} cannot be resumed: zag gc --keep-logs stripped it to its log`, EXIT.notNow)
  const config = await loadConfig(session.root)
  const provider = over ? await usable(session.provider, config) : await providerOf(session.provider, config)
  checkFiles(provider, message.files ?? [])
  if (!isBareEnd(message)) checkPrompt(session, provider, message, over)
  if (over && !existsSync(session.cwd))
    throw new Fault(`session ${id} cannot be resumed: its folder ${quoted(session.cwd)} is gone`, EXIT.notNow)
}

/** Throws usage for a message that its provider cannot take; of a session that is over also what else keeps it from a start. */
function checkPrompt({ model, flags }: Session, provider: Provider, message: Message, over: boolean): void {
  try {
    checkAsked(provider, { model, prompt: promptOf(provider, [message]), flags })
  } catch (error) {
    // One at work was found where it was started.
    if (over || !(error instanceof Fault) || error.exit === EXIT.usage) throw error
  }
}

/**
 * Puts a session that has ended, and that something waits for, into the queue for its next run. Nothing to do for any other, also
 * for one found dead: that is ended first. False if there is no next run, because the session was removed or stripped, or is being
 * so just now. Throws a Fault (5) if it cannot be written.
 */
export async function resume(id: string): Promise<boolean> {
  // A claim is lost only to another; whoever made that has the session in hand, or has let go of it again.
  for (;;) {
    const { over, ended, owner, run } = statusOf(id)
    const session = read(id)
    if (!session || session.stripped_at !== undefined || isHeld(owner)) return false
    if (!over || !ended || !hasMessages(id)) return exists(id)
    const next = run + 1
    // Whoever starts it does so as this process would.
    replaceFile(paths.inSession(id, 'environment'), aroundHere())
    if (!takeOver(id, owner, { role: 'queue', run: next, ...nobody() })) continue
    try {
      processes().append(rowFor(session, next, 'created', { status: 'queued' }))
    } catch (error) {
      release(id, owner)
      throw error
    }
    await considerIfPossible(id)
    return true
  }
}

/** What is on its way is brought on by whoever looks at the session, if it cannot be here. */
async function considerIfPossible(id: string): Promise<void> {
  try {
    await (await import('./queue.js')).consider(id)
  } catch (error) {
    if (!(error instanceof Fault)) throw error
  }
}
