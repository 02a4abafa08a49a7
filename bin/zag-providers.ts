#!/usr/bin/env node
import { EXIT } from '../lib/base/exit.js'
import { projectRoot } from '../lib/base/paths.js'
import { command } from '../lib/command/command.js'
import { printTable } from '../lib/command/table.js'
import { loadConfig } from '../lib/config/config.js'
import { survey } from '../lib/provider/survey.js'

export default command(import.meta, {
  name: 'zag-providers',
  does: 'say which agents can be used here, and why others cannot',
  usage: ['[--json]'],
  flags: {
    json: {
      type: 'boolean',
      does: 'a row a provider: provider, does, usable, path, version, can, why, install',
    },
  },
  exits: { [EXIT.ok]: 'shown' },
  examples: [['zag-providers', 'what can be given to --provider here']],
  async run({ json }, { out }) {
    const rows = await survey(await loadConfig(projectRoot('.')))
    if (json) for (const row of rows) out.row(row)
    else
      printTable(
        out,
        ['PROVIDER', 'USABLE', 'VERSION', 'PATH', 'CAN, OR WHY NOT'],
        rows.map(({ provider, usable, version, path, can, why, install }) =>
          usable ? [provider, 'yes', version, path, can.join(', ')] : [provider, 'no', undefined, undefined, `${why}: ${install}`],
        ),
      )
  },
})
