#!/usr/bin/env node
import { EXIT } from '../lib/base/exit.js'
import { catalogue } from '../lib/command/catalogue.js'
import { command } from '../lib/command/command.js'
import { LIVE, type Live, spotsOf } from '../lib/command/complete.js'
import { bashScript } from '../lib/command/complete-bash.js'
import { fishScript } from '../lib/command/complete-fish.js'
import { zshScript } from '../lib/command/complete-zsh.js'
import type { Context } from '../lib/command/data.js'
import { field } from '../lib/command/output.js'
import { readChoice } from '../lib/command/value.js'
import { pages } from '../lib/install/page.js'
import { eventWords, filedWords, providerWords, sessionWords, stateWords, type Word } from '../lib/verb/words.js'

/** The words of each kind that begin with a text. */
const WORDS: Record<Live, (begin: string) => Word[] | Promise<Word[]>> = {
  session: sessionWords,
  tag: begin => filedWords('tag', begin),
  name: begin => filedWords('name', begin),
  group: begin => filedWords('group', begin),
  provider: providerWords,
  state: stateWords,
  event: eventWords,
  page: begin =>
    [...new Set(pages().map(({ name }) => name.replace(/^zag-/, '')))].filter(word => word.startsWith(begin)).map(word => ({ word })),
}

type Script = typeof bashScript

const script =
  (make: Script) =>
  (_: unknown, { out }: Context) => {
    const programs = catalogue()
    out.text(make(spotsOf(programs), ['zag', ...programs.map(({ name }) => name).filter(name => name !== 'zag')]))
  }

export default command(import.meta, {
  name: 'zag-completion',
  does: 'print what makes a shell complete flags, sessions and tags',
  commands: {
    bash: {
      does: 'the script for bash',
      usage: [''],
      flags: {},
      exits: { [EXIT.ok]: 'printed' },
      examples: [
        [
          'D=~/.local/share/bash-completion/completions; mkdir -p $D && zag-completion bash >$D/zag',
          'where bash-completion looks; without it, eval "$(zag completion bash)" in ~/.bashrc',
        ],
      ],
      run: script(bashScript),
    },
    zsh: {
      does: 'the script for zsh',
      usage: [''],
      flags: {},
      exits: { [EXIT.ok]: 'printed' },
      examples: [['mkdir -p ~/.zfunc && zag-completion zsh >~/.zfunc/_zag', 'with fpath+=(~/.zfunc) in ~/.zshrc, before compinit']],
      run: script(zshScript),
    },
    fish: {
      does: 'the script for fish',
      usage: [''],
      flags: {},
      exits: { [EXIT.ok]: 'printed' },
      examples: [['D=~/.config/fish/conf.d; mkdir -p $D && zag-completion fish >$D/zag.fish', 'every fish reads that folder']],
      run: script(fishScript),
    },
    words: {
      does: 'the words that the scripts ask for: a line each, with a tab and what is said of it',
      usage: [`{ ${LIVE.join(' | ')} } [<beginning>]`],
      flags: {},
      operands: { name: 'what', min: 1, max: 2 },
      exits: { [EXIT.ok]: 'printed, if there are any' },
      examples: [['zag-completion words tag re', 'the tags that begin with re']],
      async run({ operands }, { out }) {
        const [kind, begin = ''] = operands as [string, string?]
        const words = await WORDS[readChoice(kind, LIVE) as Live](begin)
        for (const { word, about } of words) out.line(about === undefined ? word : `${word}\t${field(about)}`)
      },
    },
  },
})
