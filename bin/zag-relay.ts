#!/usr/bin/env node
import { EXIT, usage } from '../lib/base/exit.js'
import { shortId } from '../lib/base/id.js'
import { formatDuration } from '../lib/base/time.js'
import { command } from '../lib/command/command.js'
import { aboutFlags, aboutUsage, pickExits } from '../lib/command/flags.js'
import { field } from '../lib/command/output.js'
import { Prompt } from '../lib/command/prompt.js'
import { putAll } from '../lib/command/question.js'
import { onStop } from '../lib/command/stop.js'
import { printTable } from '../lib/command/table.js'
import type { Relay } from '../lib/permission/relay.js'
import { deeds } from '../lib/verb/ask.js'
import { type RelayRow, relayRow } from '../lib/verb/relay-row.js'
import { followRelays, openIn, type RelaySelection, selectRelays } from '../lib/verb/relays.js'

export default command(import.meta, {
  name: 'zag-relay',
  does: 'list the questions of agents that wait for an answer',
  usage: [`[--follow] [--ask | --json] [--matching <rule>] [<relay>... | -] ${aboutUsage}`],
  flags: {
    ...aboutFlags,
    matching: { type: 'string', value: 'rule', does: 'only those whose call this rule covers' },
    follow: { type: 'boolean', short: 'f', does: 'go on with each new one as it comes' },
    ask: { type: 'boolean', does: 'put them on the terminal, one by one, to be answered' },
    json: { type: 'boolean', does: 'print an object each, with all there is' },
  },
  operands: { name: 'relay' },
  exits: {
    ...pickExits,
    [EXIT.ok]: 'listed, if there were any',
    [EXIT.none]: 'a relay or session that was named is not there, or several fit',
    [EXIT.notNow]: 'a relay that was named was answered before',
    [EXIT.interrupted]: 'ended by SIGINT',
    [EXIT.terminated]: 'ended by SIGTERM',
  },
  examples: [
    ['zag-relay', 'what agents ask'],
    ["zag-relay --json --matching 'bash(command=git *)' | zag-approve -", 'approve what a rule covers'],
  ],
  async run({ operands, matching, follow, ask, json, ...which }, { stdin, out, err }) {
    if (ask && json) throw usage('--ask or --json, not both')
    if (ask && !(stdin.isTerminal && err.isTerminal))
      throw usage('--ask needs a terminal: without one, zag relay lists, and zag approve and zag deny answer')
    const selection = await selectRelays({ ...which, relays: operands, matching }, stdin, { otherwise: 'all' })
    const open = openIn(selection)
    if (!follow && !ask) {
      if (json) for (const relay of open) out.value(relayRow(relay))
      else printTable(out, ['RELAY', 'SESSION', 'PROVIDER', 'AGE', 'TOOL', 'WHAT'], open.map(relayRow).map(cells(out.isTerminal)))
      return
    }
    const stop = onStop(err)
    if (ask) {
      const prompt = new Prompt(err)
      const relays = follow ? followRelays(selection, { stop: stop.signal }) : untilNone(open, selection)
      try {
        await putAll(idsOf(relays), deeds, prompt, stop.signal)
      } finally {
        prompt.close()
      }
      return stop.code()
    }
    for await (const row of followRelays(selection, { stop: stop.signal })) out.row(row, cells(out.isTerminal)(row).join('\t'))
    return stop.code()
  },
})

function cells(short: boolean): (row: RelayRow) => string[] {
  const id = (text: string) => (short ? shortId(text) : text)
  return ({ relay_id, session_id, provider, age_ms, tool, what }) =>
    [id(relay_id), session_id === undefined ? '' : id(session_id), provider ?? '', formatDuration(age_ms), tool, what].map(field)
}

/** Those that are open, and those that came while they were looked at. */
async function* untilNone(open: readonly Relay[], { has }: RelaySelection): AsyncGenerator<RelayRow> {
  const seen = new Set<string>()
  for (let fresh = open; fresh.length > 0; fresh = openIn({ has, answered: () => [] }).filter(({ relay_id }) => !seen.has(relay_id)))
    for (const relay of fresh) {
      seen.add(relay.relay_id)
      yield relayRow(relay)
    }
}

async function* idsOf(relays: AsyncIterable<RelayRow>): AsyncGenerator<string> {
  for await (const { relay_id } of relays) yield relay_id
}
