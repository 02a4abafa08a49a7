#!/usr/bin/env node
import { EXIT } from '../lib/base/exit.js'
import { askFlags, callFlags, contextFlag, promptOf } from '../lib/command/ask.js'
import { command } from '../lib/command/command.js'
import { pick } from '../lib/session/pick.js'
import { sourcesOf } from '../lib/session/sources.js'
import { spawn } from '../lib/session/start.js'

export default command(import.meta, {
  name: 'zag-spawn',
  does: 'start a session in the background',
  usage: ['[<flags>] { <prompt> | - | --prompt <text> | --file-prompt <path> }'],
  flags: {
    ...askFlags,
    ...callFlags,
    ...contextFlag,
    json: {
      type: 'boolean',
      does: 'print a row: session_id, pid of its runner, log_path, interactive',
    },
  },
  operands: { name: 'prompt' },
  exits: {
    [EXIT.ok]: 'the session is on its way; its id is on stdout',
    [EXIT.none]: 'a session for --context was not found',
    [EXIT.notNow]: 'a session for --context is not over; or others are making worktrees of the repository for too long',
    [EXIT.cannotRun]: 'the agent program may not be executed',
    [EXIT.notFound]: 'the provider, its program, git or bubblewrap was not found, or there can be no sandbox here',
  },
  examples: [
    ['zag-spawn -p sh "echo hi"', 'start a shell script as a session'],
    ['zag-spawn -p sh --name tests --tag ci --timeout 10m "npm test"', 'with a name, a tag and a limit'],
    ['zag-spawn -p sh -w --sandbox --name fix "make fix"', 'in a worktree of its own, and able to write nothing else'],
    ['printf "wc -l README.md\\n" | zag-spawn -p sh -', 'with the prompt from stdin'],
  ],
  async run({ operands, prompt, filePrompt, context, ...ask }, { stdin, out }) {
    const text = await promptOf({ prompt, filePrompt }, operands, stdin)
    const contextOf = await sourcesOf(await pick({ operands: context }, stdin, { otherwise: 'none' }), false)
    const { id, pid, logPath } = await spawn({
      ...ask,
      prompt: text,
      contextOf,
    })
    out.row({ session_id: id, pid, log_path: logPath, interactive: false }, id)
  },
})
