#!/usr/bin/env node
import { answerExits, answerFlags, printAnswer, printEvent } from '../lib/command/answer.js'
import { askFlags, callFlags, contextFlag, promptOf } from '../lib/command/ask.js'
import { command } from '../lib/command/command.js'
import { execute } from '../lib/run/foreground.js'
import { pick } from '../lib/session/pick.js'
import { sourcesOf } from '../lib/verb/sources.js'

export default command(import.meta, {
  name: 'zag-exec',
  does: 'run a session in the foreground and print its result',
  usage: ['[<flags>] { <prompt> | - | --prompt <text> | --file-prompt <path> }'],
  flags: { ...askFlags, ...callFlags, ...contextFlag, ...answerFlags },
  operands: { name: 'prompt' },
  exits: answerExits,
  examples: [
    ['zag-exec -p sh "echo hi"', 'prints hi'],
    ['zag-exec -p sh -o json "echo hi"', 'a row with result, duration_ms and log_path'],
    ['zag-exec -p sh --json "echo \'{\\"a\\": 1}\'"', 'the answer as JSON on one line'],
  ],
  async run({ operands, prompt, filePrompt, context, output, json, ...ask }, { stdin, out, err }) {
    const text = await promptOf({ prompt, filePrompt }, operands, stdin)
    const contextOf = await sourcesOf(await pick({ operands: context }, stdin, { otherwise: 'none' }), false)
    const answer = await execute({ ...ask, answerJson: json, prompt: text, contextOf }, event => printEvent(event, output, out, err))
    return printAnswer(answer, output, json, out, err)
  },
})
