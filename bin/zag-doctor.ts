#!/usr/bin/env node
import { EXIT } from '../lib/base/exit.js'
import { command } from '../lib/command/command.js'
import { printTable } from '../lib/command/table.js'
import { examine } from '../lib/install/doctor.js'
import type { Finding } from '../lib/install/finding.js'

export default command(import.meta, {
  name: 'zag-doctor',
  does: 'check this installation, and repair what can be made again',
  usage: ['[--repair] [--json]'],
  flags: {
    repair: { type: 'boolean', does: 'put right what can be; without it nothing is changed' },
    json: { type: 'boolean', does: 'a row a finding: check, ok, message, advice, repaired' },
  },
  exits: { [EXIT.ok]: 'nothing is wrong, or all that was is repaired', [EXIT.no]: 'something is wrong' },
  examples: [
    ['zag-doctor', 'is all well?'],
    ['zag-doctor --repair', 'after a crash or a full disk: make the index and the table again, end dead sessions'],
  ],
  async run({ repair, json }, { out }) {
    const findings: Finding[] = []
    for await (const finding of examine({ repair })) {
      findings.push(finding)
      if (json) out.row(finding)
    }
    if (!json)
      printTable(
        out,
        ['', 'CHECK', 'FINDING'],
        findings.map(({ check, message, advice, ...how }) => [wordFor(how), check, advice ? `${message}: ${advice}` : message]),
      )
    return findings.every(({ ok }) => ok) ? EXIT.ok : EXIT.no
  },
})

function wordFor({ ok, repaired }: Pick<Finding, 'ok' | 'repaired'>): string {
  return repaired ? 'repaired' : ok ? 'ok' : 'WRONG'
}
