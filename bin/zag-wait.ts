#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { formatDuration } from '../lib/base/time.js'
import { command } from '../lib/command/command.js'
import { pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import { field } from '../lib/command/output.js'
import { Progress } from '../lib/command/progress.js'
import { waitsText } from '../lib/command/question.js'
import { waitFor } from '../lib/run/wait.js'
import { pick } from '../lib/session/pick.js'
import { rowOf } from '../lib/session/row.js'
import { relayRow } from '../lib/verb/relay-row.js'

export default command(import.meta, {
  name: 'zag-wait',
  does: 'block until sessions end',
  usage: [`[--any | --count <n>] [--timeout <time>] [--fail-on-relay] [--json] ${pickUsage}`],
  flags: {
    ...pickFlags,
    any: { type: 'boolean', does: 'return when the first one ends' },
    count: {
      type: 'number',
      value: 'n',
      min: 1,
      does: 'return when so many have ended',
    },
    timeout: {
      type: 'time',
      value: 'time',
      does: 'give up after this long, such as 90s or 5m',
    },
    failOnRelay: { type: 'boolean', does: 'end with 1 when one of them waits for an answer' },
    json: {
      type: 'boolean',
      does: 'print rows with exit_code, signal, duration_ms',
    },
  },
  operands: { name: 'session' },
  exits: {
    ...pickExits,
    [EXIT.ok]: 'every session that was waited for is completed',
    [EXIT.no]: 'one failed, was cancelled or died; or with --fail-on-relay: waits for an answer',
    [EXIT.timeout]: 'time ran out; what ended before is on stdout',
  },
  examples: [
    ['zag-spawn -p sh "sleep 0.1" | zag-wait --timeout 10m -', 'start a session and wait for it'],
    ['zag-wait --any --tag review', 'wait for the first of many'],
  ],
  async run({ any, count, timeout, failOnRelay, json, ...which }, { stdin, out, err }) {
    if (any && count !== undefined) throw usage('--any is --count 1: give one of the two')
    const ids = await pick(which, stdin)
    const progress = new Progress(err)
    const { ended, timedOut, pending, asked } = await waitFor(ids, {
      count: any ? 1 : count,
      timeout,
      tags: which.tag.length > 0 && which.state === undefined ? which.tag : undefined,
      root: which.root,
      onEnd(status) {
        const row = rowOf(status)
        progress.clear()
        out.row(row, [row.session_id, row.status, ...(row.error ? [field(row.error)] : [])].join('\t'))
      },
      onRelay(relay) {
        progress.clear()
        err.notice(waitsText(relayRow(relay)))
        return failOnRelay
      },
      onLook(done, left) {
        // Rows leave before the line of progress is drawn under them.
        out.flush()
        progress.show(elapsed => `${done} ended, ${left} to go, ${formatDuration(elapsed)}`)
      },
    })
    progress.clear()
    if (asked) return EXIT.no
    if (timedOut) err.notice(`${pending.length} of ${pending.length + ended.length} not over after ${formatDuration(timeout ?? 0)}`)
    if (timedOut) return EXIT.timeout
    return ended.every(({ state }) => state === 'completed') ? EXIT.ok : EXIT.no
  },
})
