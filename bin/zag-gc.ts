#!/usr/bin/env node
import { EXIT, quoted } from '../lib/base/exit.js'
import { command } from '../lib/command/command.js'
import { pickExits, pickFlags, pickUsage } from '../lib/command/flags.js'
import { pick } from '../lib/session/pick.js'
import { gc } from '../lib/verb/gc.js'

export default command(import.meta, {
  name: 'zag-gc',
  does: 'remove sessions that are old and over',
  usage: [`[--force] [--older-than <time>] [--keep-last <n>] [--keep-logs] [--json] [${pickUsage}]`],
  flags: {
    ...pickFlags,
    force: {
      type: 'boolean',
      does: 'remove; without it only say what would be removed',
    },
    olderThan: {
      type: 'time',
      value: 'time',
      default: '7d',
      does: 'only what ended longer ago; 0 is everything that is over',
    },
    keepLast: {
      type: 'number',
      value: 'n',
      does: 'so many stay however old they are: those made last',
    },
    keepLogs: {
      type: 'boolean',
      does: 'keep what is needed to list sessions, their logs and their results',
    },
    json: {
      type: 'boolean',
      does: 'one object: sessions, bytes, kept, dirty, failed, answers, marks, remains, removed, logs_kept',
    },
  },
  operands: { name: 'session' },
  exits: {
    ...pickExits,
    [EXIT.ok]: 'done, or nothing to do',
    [EXIT.system]: 'the system or git refused: file, disk or permission; what could be removed is gone',
  },
  examples: [
    ['zag-gc', 'what is there to remove?'],
    ['zag-gc --force --older-than 2d', 'from cron'],
    ['zag-gc --force --older-than 1d --keep-logs --keep-last 100', 'what agents wrote goes, logs and results stay'],
  ],
  async run({ force, olderThan, keepLast, keepLogs, json, ...which }, { stdin, out, err }) {
    const ids = await pick(which, stdin, { otherwise: 'all', empty: true })
    const { sessions, bytes, kept, dirty, failed, answers, marks, remains } = await gc(ids, {
      olderThan,
      keepLast,
      keepLogs,
      force,
    })
    if (json) out.value({ sessions, bytes, kept, dirty, failed, answers, marks, remains, removed: force, logs_kept: keepLogs })
    else for (const id of sessions) out.line(id)
    for (const { session_id, why } of failed) err.complain(`session ${session_id} stays: ${why}`)
    const exit = failed.length > 0 ? EXIT.system : EXIT.ok
    if (json) return exit
    const besides = { 'answers to relays': answers, 'marks of rules and locks': marks, 'remains of crashes': remains.length }
    const left = Object.entries(besides).map(([what, count]) => (count > 0 ? `, ${count} ${what}` : ''))
    for (const { session_id, worktree, why } of dirty)
      err.notice(
        `${keepLogs ? 'the worktree of ' : ''}session ${session_id} stays: ${keepLogs ? 'it' : `its worktree ${quoted(worktree)}`} ${why}`,
      )
    const held = dirty.length > 0 && !keepLogs ? `, ${dirty.length} of them for what their worktrees hold` : ''
    err.notice(
      `${force ? 'removed' : 'would remove'} ${keepLogs ? 'all but the logs of ' : ''}${sessions.length} sessions (${bytes} bytes)${left.join('')}; ${kept} stay${held}${force ? '' : ' (--force removes)'}`,
    )
    return exit
  },
})
