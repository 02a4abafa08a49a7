#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { command } from '../lib/command/command.js'
import { filterFlag, filterUsage, pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import { onStop } from '../lib/command/stop.js'
import { filterOf } from '../lib/session/filter.js'
import { select } from '../lib/session/selection.js'
import { subscribe } from '../lib/verb/subscribe.js'
import { reactionOf } from '../lib/verb/watch.js'

export default command(import.meta, {
  name: 'zag-watch',
  does: 'run a command when something happens in a session',
  usage: [`[--on <kind>] ${filterUsage} [--new] [--once | --until-done] ${pickUsage} [-- <command> [<word>...]]`],
  flags: {
    ...pickFlags,
    on: { type: 'strings', value: 'kind,...', does: 'only on events of these kinds' },
    ...filterFlag,
    new: { type: 'boolean', does: 'only on events from now on' },
    once: { type: 'boolean', does: 'end after the first event that fits' },
    untilDone: { type: 'boolean', does: 'end when all of them are over' },
  },
  operands: { name: 'session' },
  afterDashes: { name: 'command' },
  exits: {
    ...pickExits,
    [EXIT.ok]: 'with --until-done: all are over and no command failed; with --once: the code of the command, this one or another',
    [EXIT.no]: 'a command failed; with --once: all are over, and no event was such',
    [EXIT.none]: 'a session that was named is not there, or several fit',
    [EXIT.cannotRun]: 'the command cannot be run',
    [EXIT.notFound]: 'the command was not found',
    [EXIT.interrupted]: 'ended by SIGINT',
    [EXIT.terminated]: 'ended by SIGTERM',
  },
  examples: [
    ['zag-watch --tag review --on session_ended --until-done -- echo {session_id} is over', 'say which one ended'],
    ['zag-watch --latest --on stderr,session_ended --once', 'the first event of two kinds'],
    [
      `zag-watch --all --on session_ended --filter success=false --until-done -- sh -c 'echo "$1" >>failed' sh {session_id}`,
      'with a shell: what an event says is a word of its own',
    ],
  ],
  async run({ on, filter: words, new: fresh, once, untilDone, afterDashes, ...which }, { stdin, out, err }) {
    if (afterDashes?.length === 0) throw usage("a command is needed after '--'")
    const filter = filterOf(on, words)
    const stop = onStop(err)
    const react = afterDashes && reactionOf(afterDashes as [string, ...string[]], stop.signal)
    const selection = await select(which, stdin)
    const onNone = () => err.notice('no such session yet: waiting for one')
    const ends = untilDone || (once && selection.closed)
    let worst: number = EXIT.ok
    for await (const { id, event } of subscribe(selection, { replay: !fresh, untilDone: ends, filter, stop: stop.signal, onNone })) {
      if (!react) out.value(event)
      const code = (await react?.(id, event)) ?? EXIT.ok
      if (once) return stop.code() ?? code
      if (code === EXIT.ok) continue
      worst = EXIT.no
      err.notice(`the command gave ${code} for event ${event.seq} of session ${id}`)
    }
    return stop.code() ?? (once ? EXIT.no : worst)
  },
})
