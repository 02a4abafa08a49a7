// What no agent can be asked, checked by whoever is about to make, to run or to send something.

import { isUtf8 } from 'node:buffer'
import { quoted, usage } from '../base/exit.js'
import type { Provider, Wishes } from './provider.js'

/** Throws usage for what the provider cannot be asked, whoever asks it; and Faults as it throws them itself. */
export function checkAsked(provider: Provider, asked: { model?: string; prompt: Buffer; flags: Wishes }): void {
  const { model, prompt } = asked
  if (model?.startsWith('-')) throw usage(`--model ${quoted(model)} would be an option of the agent: no model begins with '-'`)
  if (!provider.bytes && !isUtf8(prompt)) throw usage(`the prompt is no UTF-8, and ${quoted(provider.name)} takes nothing else`)
  provider.check?.(asked)
}
