#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { AnswerPrinter, answerExits, answerFlags } from '../lib/command/answer.js'
import { askFlags, promptOf } from '../lib/command/ask.js'
import { command } from '../lib/command/command.js'
import { pickExits } from '../lib/command/flags.js'
import { Attendant } from '../lib/command/question.js'
import { execute } from '../lib/run/foreground.js'
import { spawn } from '../lib/run/start.js'
import { pick } from '../lib/session/pick.js'
import { deeds } from '../lib/verb/ask.js'
import { sourcesOf } from '../lib/verb/sources.js'

export default command(import.meta, {
  name: 'zag-pipe',
  does: 'give the results of some sessions to a new one',
  usage: [
    '[<flags>] { <session>... | - | --tag <tag> } -- { <prompt> | - }',
    '[<flags>] { <session>... | - | --tag <tag> } { --prompt <text> | --file-prompt <path> }',
  ],
  flags: {
    ...askFlags,
    ...answerFlags,
    tag: {
      type: 'strings',
      value: 'tag',
      does: 'sessions with this tag; of several tags, with all of them',
    },
    parent: {
      type: 'string',
      value: 'session',
      does: 'sessions that this one started',
    },
    latest: { type: 'boolean', does: 'the newest session' },
    state: {
      type: 'string',
      value: 'state,...',
      does: 'only sessions in one of these states',
    },
    wait: { type: 'boolean', does: 'wait for those that are not over' },
    background: {
      type: 'boolean',
      short: 'b',
      does: 'return at once and print the id, as zag spawn',
    },
    name: { type: 'string', value: 'name', does: 'a name for the new session' },
    description: {
      type: 'string',
      value: 'text',
      does: 'what the new session is for',
    },
    asTag: { type: 'strings', value: 'tag', does: 'a tag for the new session' },
  },
  operands: { name: 'session' },
  afterDashes: { name: 'prompt' },
  exits: {
    ...answerExits,
    ...pickExits,
    [EXIT.ok]: 'completed; with -b: on its way',
    [EXIT.notNow]:
      'a source is not over, and there was no --wait; others are making worktrees of the repository for too long; or what has to wait was asked for in a sandbox',
  },
  examples: [
    ['zag-pipe -p sh --tag review -- "sort -u"', 'the script reads the wrapped results on its stdin'],
    [`zag-pipe -p sh --tag review --wait -- 'cat "$ZAG_CONTEXT_DIR"/*.txt'`, 'or each as a file'],
  ],
  async run(
    {
      operands,
      afterDashes = [],
      prompt,
      filePrompt,
      tag,
      parent,
      latest,
      state,
      wait,
      background,
      asTag,
      output,
      json,
      showUsage,
      ...flags
    },
    { stdin, out, err },
  ) {
    if (background && output !== 'text') throw usage('-b prints an id: leave out -o, or ask zag collect --json later')
    if (background && showUsage) throw usage('-b does not wait: leave out --show-usage, or ask zag summary later')
    const sources = await pick({ operands, tag, parent, latest, state }, stdin)
    const text = await promptOf({ prompt, filePrompt }, afterDashes, stdin)
    const ask = {
      ...flags,
      tag: asTag,
      prompt: text,
      contextOf: await sourcesOf(sources, wait),
    }
    if (background) {
      const { id, pid, logPath } = await spawn(ask)
      return out.row({ session_id: id, pid: pid ?? null, log_path: logPath, interactive: false }, id)
    }
    const printer = new AnswerPrinter({ output, json, showUsage }, out, err)
    const attendant = new Attendant(stdin, err, deeds)
    return printer.end(await attendant.during(printer.event, onEvent => execute({ ...ask, answerJson: json }, onEvent)))
  },
})
