#!/usr/bin/env node
import { EXIT, Fault, usage } from '../lib/base/exit.js'
import { formatDuration } from '../lib/base/time.js'
import { promptOf } from '../lib/command/ask.js'
import { command } from '../lib/command/command.js'
import { aboutFlags, aboutUsage, pickExits } from '../lib/command/flags.js'
import { firstLine, messageFlags } from '../lib/command/message.js'
import { field } from '../lib/command/output.js'
import { compose } from '../lib/run/send.js'
import { pickAbout } from '../lib/session/pick.js'
import { answerRow } from '../lib/verb/answer.js'
import { broadcast, others } from '../lib/verb/broadcast.js'

export default command(import.meta, {
  name: 'zag-broadcast',
  does: 'send a message to many sessions at once and print their answers',
  usage: [
    `[-b] [--timeout <time>] [--file <path>] [--raw] [--json] ${aboutUsage} { <message> | - | --prompt <text> | --file-prompt <path> }`,
  ],
  flags: {
    ...aboutFlags,
    ...messageFlags,
    json: { type: 'boolean', does: 'print rows with result; with -b with message_id' },
  },
  operands: { name: 'message' },
  exits: {
    ...pickExits,
    [EXIT.ok]: 'every one of them answered; with -b: the message is on its way to all',
    [EXIT.no]: 'some could not be sent to, or their turn failed',
    [EXIT.timeout]: 'some did not answer in time; their message stays on its way',
  },
  examples: [
    ['zag-broadcast --tag review --timeout 10m "echo enough"', 'an answer a line, as they come: id, status, first line'],
    ['zag-broadcast --tag review -b --json "echo later"', 'only send it'],
  ],
  async run({ operands, session, prompt, filePrompt, file, json, background, timeout, raw, ...which }, { stdin, out, err }) {
    if (background && timeout !== undefined) throw usage('-b does not wait: leave out --timeout')
    const ids = others(
      await pickAbout({ ...which, operands: session }, stdin, () => {
        throw usage('which sessions? give --session, --tag or --all')
      }),
    )
    if (ids.length === 0) throw new Fault('no session but this one', EXIT.none)
    const content = await promptOf({ prompt, filePrompt }, operands, stdin, 'message')
    const message = compose({ content: Buffer.from(content), by: 'broadcast', raw, files: file })
    let isWell = true
    const { failed, late } = await broadcast(ids, message, {
      background,
      timeout,
      onSent(session_id, message_id) {
        if (background && json) out.row({ session_id, message_id })
      },
      onAnswer(answer) {
        isWell &&= answer.success
        const row = answerRow(answer)
        const said = answer.success ? firstLine(row.result ?? '') : (answer.error ?? firstLine(row.result ?? ''))
        out.row(row, [row.session_id, row.status, ...(said ? [field(said)] : [])].join('\t'))
      },
    })
    for (const { message } of failed) err.complain(message)
    if (late > 0) err.notice(`${late} of ${ids.length} did not answer in ${formatDuration(timeout ?? 0)}`)
    if (failed.length > 0 || !isWell) return EXIT.no
    return late > 0 ? EXIT.timeout : EXIT.ok
  },
})
