#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { AnswerPrinter, answerExits, answerFlags } from '../lib/command/answer.js'
import { askFlags, callFlags, contextFlag, forNewSession, promptOf, startExits } from '../lib/command/ask.js'
import { command } from '../lib/command/command.js'
import { Attendant } from '../lib/command/question.js'
import { execute } from '../lib/run/foreground.js'
import { newestIn, pick } from '../lib/session/pick.js'
import { deeds } from '../lib/verb/ask.js'
import { sourcesOf } from '../lib/verb/sources.js'

/** What goes with --resume and --continue too: where the project is, and what the prompt is made of. */
const ANY = ['root', 'file', 'prompt', 'filePrompt'] as const

export default command(import.meta, {
  name: 'zag-exec',
  does: 'run a session in the foreground and print its result',
  usage: [
    '[<flags>] { <prompt> | - | --prompt <text> | --file-prompt <path> }',
    '{ --resume <session> | --continue } [<flags>] { <prompt> | - | --prompt <text> | --file-prompt <path> }',
  ],
  flags: {
    ...askFlags,
    ...callFlags,
    ...contextFlag,
    ...answerFlags,
    resume: { type: 'string', value: 'session', does: 'give the prompt to this session, as its next run' },
    continue: { type: 'boolean', does: 'give the prompt to the newest session of this project' },
  },
  operands: { name: 'prompt' },
  exits: {
    ...answerExits,
    [EXIT.none]: 'a session for --context or --resume was not found, or the project has none for --continue',
    [EXIT.notNow]: `${startExits[EXIT.notNow]}; or the session cannot be resumed, or not from here`,
  },
  examples: [
    ['zag-exec -p sh "echo hi"', 'prints hi'],
    ['zag-exec -p sh -o json "echo hi"', 'a row with result, duration_ms and log_path'],
    ['zag-exec -p sh --json "echo \'{\\"a\\": 1}\'"', 'the answer as JSON on one line'],
    ['zag-exec --resume build "echo once more"', 'a session that is there already goes on'],
  ],
  async run({ operands, prompt, filePrompt, context, output, json, showUsage, resume, continue: goOn, ...ask }, { stdin, out, err }) {
    const printer = new AnswerPrinter({ output, json, showUsage }, out, err)
    const attendant = new Attendant(stdin, err, deeds)
    if (resume !== undefined || goOn) {
      if (resume !== undefined && goOn) throw usage('--resume or --continue, not both')
      forNewSession({ ...ask, context }, ANY)
      const ids = resume === undefined ? [newestIn(ask.root ?? '.')] : await pick({ operands: [resume], root: ask.root }, stdin)
      const text = await promptOf({ prompt, filePrompt }, operands, stdin)
      const { converse } = await import('../lib/verb/converse.js')
      const asked = { prompt: text, files: ask.file, answerJson: json }
      return printer.end(await attendant.during(printer.event, onEvent => converse(ids, asked, onEvent)))
    }
    const text = await promptOf({ prompt, filePrompt }, operands, stdin)
    const contextOf = await sourcesOf(await pick({ operands: context }, stdin, { otherwise: 'none' }), false)
    const asked = { ...ask, answerJson: json, prompt: text, contextOf }
    return printer.end(await attendant.during(printer.event, onEvent => execute(asked, onEvent)))
  },
})
