// Messages to a session that are not delivered yet: a file each in its inbox, named by ids that sort as they were sent.
// A message is delivered by renaming its file into the folder of a turn (turns.ts), so it is delivered once.

import { join } from 'node:path'
import { isId } from '../base/id.js'
import { paths } from '../base/paths.js'
import { listIfThere, makeFolder, readIfThere, remove, replaceFile } from '../store/file.js'
import { parseLine } from '../store/lines.js'

export interface Message {
  id: string
  /** `input`, `broadcast`, `schema`, or the session that sent it. */
  from: string
  /** The name of that session. */
  name?: string
  content: string
  /** The content is base64: bytes that are no UTF-8. */
  base64?: true
  /** Files that go with it, by their absolute paths. */
  files?: string[]
  /** It is not wrapped with its sender. */
  raw?: boolean
  /** The session that lives on ends after it. */
  end?: boolean
}

/** Puts a message into the inbox of a session; it is there, whole, when this returns. Throws a Fault (5) if it does not fit on the disk. */
export function post(id: string, message: Message): void {
  makeFolder(paths.inSession(id, 'inbox'))
  replaceFile(fileOf(id, message.id), JSON.stringify(message), { sync: true })
}

/** Takes a message back. One that is on its way already stays. */
export function takeBack(id: string, message: string): void {
  remove(fileOf(id, message))
}

/** The ids of the messages that wait, in the order in which they were sent. A file that is no message waits for nobody. */
export function waiting(id: string): string[] {
  const inbox = paths.inSession(id, 'inbox')
  return messagesIn(inbox).filter(message => readMessage(inbox, message) !== undefined)
}

/** The ids of the messages in a folder, oldest first. */
export function messagesIn(folder: string): string[] {
  return listIfThere(folder)
    .filter(name => name.endsWith('.json') && isId(name.slice(0, -5)))
    .map(name => name.slice(0, -5))
    .sort()
}

export const messageFile = (folder: string, message: string) => join(folder, `${message}.json`)

const fileOf = (id: string, message: string) => messageFile(paths.inSession(id, 'inbox'), message)

/** A message of a folder; nothing if it is there no more, or if the file is none. */
export function readMessage(folder: string, message: string): Message | undefined {
  const text = readIfThere(messageFile(folder, message))
  if (text === undefined) return undefined
  const found = parseLine(text) as Partial<Message> | undefined
  if (typeof found?.content === 'string' && typeof found.from === 'string') return { ...(found as Message), id: message }
  return undefined
}

/** What a message says, byte for byte. */
export function bytesOf({ content, base64 }: Message): Buffer {
  return Buffer.from(content, base64 ? 'base64' : 'utf8')
}

/** It says that the session ends and nothing else. */
export function isBareEnd({ end, content, files = [] }: Message): boolean {
  return end === true && content === '' && files.length === 0
}
