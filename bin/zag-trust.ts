#!/usr/bin/env node
import { EXIT, quoted, usage } from '../lib/base/exit.js'
import { command } from '../lib/command/command.js'
import { Prompt } from '../lib/command/prompt.js'
import { printTable } from '../lib/command/table.js'
import { trust, trustedFiles } from '../lib/config/trust.js'
import { checkHome } from '../lib/store/home.js'
import { forget, look, type Seen } from '../lib/verb/trust.js'

export default command(import.meta, {
  name: 'zag-trust',
  does: "let a project's .zag.toml name commands to run",
  usage: ['[-y] [--json] [<folder>]', '--remove [<folder>]', '--list [--json]'],
  flags: {
    yes: { type: 'boolean', short: 'y', does: 'accept the file as it is, without a question' },
    remove: { type: 'boolean', does: 'accept it no more' },
    list: { type: 'boolean', does: 'list the files that were accepted' },
    json: { type: 'boolean', does: 'rows as JSON: provider, key, value; with --list path, accepted_at, holds' },
  },
  operands: { name: 'folder', max: 1 },
  exits: {
    [EXIT.ok]: 'accepted, also if it was before; or it names no commands; removed; listed',
    [EXIT.no]: 'not accepted: the answer was no, or there was nobody to ask',
    [EXIT.usage]: 'wrong usage, or the file is wrong; nothing was done',
    [EXIT.none]: 'the project has no .zag.toml, or it was not accepted before',
    [EXIT.notNow]: 'this is inside of a session; nothing was done',
  },
  examples: [
    ['zag-trust', 'show what the file of this project names, and ask'],
    ['zag-trust --yes ~/src/work', 'accept that of another, having read it'],
  ],
  async run({ operands, yes, remove, list, json }, { stdin, out, err }) {
    const [folder = '.'] = operands
    if (list && (yes || remove || operands.length > 0)) throw usage('--list lists them all: it goes with no folder, --yes or --remove')
    if (yes && remove) throw usage('--yes or --remove, not both')
    if (list) {
      checkHome()
      const files = trustedFiles()
      if (json) for (const file of files) out.row(file)
      else
        printTable(
          out,
          ['FILE', 'ACCEPTED', 'NOW'],
          files.map(({ path, accepted_at, holds }) => [path, accepted_at, holds ? 'as accepted' : 'changed']),
        )
      return
    }
    if (remove) return forget(folder)
    const seen = await look(folder)
    if (json) for (const setting of seen.settings) out.row(setting)
    else
      printTable(
        out,
        ['PROVIDER', 'KEY', 'VALUE'],
        seen.settings.map(({ provider, key, value }) => [provider, key, JSON.stringify(value)]),
      )
    if (seen.settings.length === 0) return err.notice(`${quoted(seen.path)} names no commands: it needs nobody to accept it`)
    if (seen.accepted) return err.notice(`${quoted(seen.path)} was accepted before`)
    const canAsk = Prompt.isPossible(stdin, err)
    out.flush()
    if (yes || (canAsk && (await isAgreed(seen, new Prompt(err))))) return trust(seen.path, seen.content)
    err.complain(`${quoted(seen.path)} was not accepted${canAsk ? '' : ': without a terminal, --yes accepts it'}`)
    return EXIT.no
  },
})

async function isAgreed({ path }: Seen, prompt: Prompt): Promise<boolean> {
  try {
    const answer = await prompt.ask(`let ${quoted(path)} name these commands? [y/N] `)
    return typeof answer === 'string' && /^y(es)?$/i.test(answer)
  } finally {
    prompt.close()
  }
}
