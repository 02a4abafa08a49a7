// Codex that lives on: `codex app-server`, lines of JSON-RPC without their `jsonrpc`. codex-talk.ts is zag's side of it, codex-turn.ts
// reads what a turn tells.

import { settingsFor } from './codex-settings.js'
import { CodexTalk } from './codex-talk.js'
import { codexTurnReader } from './codex-turn.js'
import type { Live, Start, Task } from './provider.js'

export const codexLive: Live = {
  start,
  reader: codexTurnReader,
  driver: async (task, wire) => new CodexTalk(task, wire),
}

function start(task: Task): Start {
  const { words, env } = settingsFor(task)
  return { argv: ['codex', 'app-server', ...words], env }
}
