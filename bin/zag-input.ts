#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { formatDuration } from '../lib/base/time.js'
import { endedLine } from '../lib/command/answer.js'
import { promptOf } from '../lib/command/ask.js'
import { command } from '../lib/command/command.js'
import { aboutFlags, aboutUsage, pickExits } from '../lib/command/flags.js'
import { messageFlags } from '../lib/command/message.js'
import { pickAbout } from '../lib/session/pick.js'
import { answerRow } from '../lib/verb/answer.js'
import { input } from '../lib/verb/input.js'

export default command(import.meta, {
  name: 'zag-input',
  does: 'send a message to a session and print its answer',
  usage: [
    `[-b] [--timeout <time>] [--file <path>] [--raw] [--end] ${aboutUsage} { <message> | - | --prompt <text> | --file-prompt <path> }`,
    `--end ${aboutUsage}`,
  ],
  flags: {
    ...aboutFlags,
    ...messageFlags,
    end: { type: 'boolean', does: 'end a session that lives on when what was sent before is done, and this' },
    json: { type: 'boolean', does: 'print a row: message_id, status, result and more' },
  },
  operands: { name: 'message' },
  exits: {
    ...pickExits,
    [EXIT.ok]: 'it answered; with -b: the message is on its way',
    [EXIT.no]: 'its turn failed, or it was cancelled before it got the message',
    [EXIT.notNow]: 'the session cannot be resumed, or not from here',
    [EXIT.timeout]: 'there was no answer in time; the message stays on its way',
    [EXIT.cannotRun]: 'the agent program may not be executed',
    [EXIT.notFound]: 'the provider or its program was not found',
  },
  examples: [
    ['zag-input --session build "echo once more"', 'a script is run where the session ran'],
    ['zag-input --session build -b --raw "echo later" && zag wait build', 'send now, wait later'],
    ['zag-input --latest --end --timeout 10s "echo bye"', 'a last word to one that lives on'],
  ],
  async run({ operands, session, prompt, filePrompt, file, json: _, end, background, timeout, raw, ...which }, { stdin, out, err }) {
    if (background && timeout !== undefined) throw usage('-b does not wait: leave out --timeout')
    const ids = await pickAbout({ ...which, operands: session }, stdin, () => {
      throw usage('which session? give --session, --name or --latest')
    })
    const nothing = end && operands.length === 0 && prompt === undefined && filePrompt === undefined
    const content = nothing ? '' : await promptOf({ prompt, filePrompt }, operands, stdin, 'message')
    const answer = await input(ids, { content: Buffer.from(content), by: 'input', raw, end, files: file }, { background, timeout })
    if (!answer) {
      err.notice(`no answer after ${formatDuration(timeout ?? 0)}: zag log and zag wait go on`)
      return EXIT.timeout
    }
    if (out.json) out.value(answerRow(answer))
    else if (answer.result) out.text(endedLine(answer.result, out))
    if (answer.success) return EXIT.ok
    err.complain(`session ${answer.session_id}: ${answer.error ?? answer.status}`)
    return EXIT.no
  },
})
