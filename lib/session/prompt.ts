// The prompt of a later turn, made from the messages that were delivered to it. Made anew it is the same.

import type { Provider } from '../provider/provider.js'
import { replaceFile } from '../store/file.js'
import type { Session } from '../table/sessions.js'
import { bytesOf } from './inbox.js'
import { messagesOf, promptFile } from './turns.js'

const BETWEEN = Buffer.from('\n\n')

/** Writes the prompt of a turn from its messages; that of the first is there already. */
export function writePrompt({ id }: Session, _provider: Provider, turn: number): void {
  if (turn === 1) return
  const parts = messagesOf(id, turn).map(bytesOf)
  replaceFile(promptFile(id, turn), Buffer.concat(parts.flatMap((part, at) => (at === 0 ? [part] : [BETWEEN, part]))))
}
