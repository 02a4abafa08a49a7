#!/usr/bin/env node
import { EXIT } from '../lib/base/exit.js'
import { agentPage } from '../lib/command/agent-page.js'
import { catalogue } from '../lib/command/catalogue.js'
import { command } from '../lib/command/command.js'

export default command(import.meta, {
  name: 'zag-help-agent',
  does: 'print a page from which an agent can write scripts with zag',
  usage: [''],
  flags: {},
  exits: { [EXIT.ok]: 'printed' },
  examples: [
    ['zag-help-agent', 'the whole page'],
    ['zag-exec -p sh "zag --help-agent | wc -l"', 'inside a session, as an agent would'],
  ],
  run(_, { out }) {
    out.text(agentPage(catalogue()))
  },
})
