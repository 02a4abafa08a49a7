// A provider from the configuration: any command, with words of its argv replaced whole.

import { readFileSync } from 'node:fs'
import { usage } from '../base/exit.js'
import type { ConfiguredProvider } from '../config/config.js'
import { findProgram } from '../process/program.js'
import { ndjsonReader } from './ndjson.js'
import type { Feature, Found, Provider, Task } from './provider.js'
import { textReader } from './text.js'

/** One word of an argv ends at 128 KiB on Linux, its terminator included. */
const LONGEST_WORD = 128 * 1024 - 1

/** The provider that `[providers.NAME]` describes. */
export function configured(name: string, { command, resume, format, env }: ConfiguredProvider): Provider {
  const words = [...command, ...(resume ?? [])]
  // What it may do is for its own command line to say.
  const can = new Set<Feature>()
  if (words.includes('{model}')) can.add('model')
  if (resume) can.add('resume')
  return {
    name,
    does: `configured: ${command.join(' ')}`,
    prompt: 'text',
    bytes: true,
    can,
    find(): Found {
      const program = findProgram(command[0], process.env.PATH)
      if (program.path) return { path: program.path }
      return {
        why: program.denied ? `'${command[0]}' may not be executed` : `'${command[0]}' was not found`,
        install: `install it, or mend [providers.${name}] command`,
        denied: program.denied,
      }
    },
    check({ model, prompt }) {
      if (words.includes('{model}') && !model) throw usage(`provider '${name}' needs a model: give --model, or set [models.${name}]`)
      if (words.includes('{prompt}')) checkWord(name, prompt)
    },
    ownConversation: true,
    launch(task) {
      const asked = task.resumed && resume ? resume : command
      const argv = asked.map(word => wordFor(word, task)) as [string, ...string[]]
      const promptInArgv = asked.includes('{prompt}') || asked.includes('{prompt_file}')
      return { argv, stdin: promptInArgv ? '/dev/null' : task.promptFile, env }
    },
    reader: format === 'ndjson' ? ndjsonReader : textReader,
  }
}

function wordFor(word: string, task: Task): string {
  if (word === '{prompt}') return readFileSync(task.promptFile, 'utf8')
  if (word === '{prompt_file}') return task.promptFile
  if (word === '{root}') return task.root
  if (word === '{session}') return task.conversation ?? task.session
  return word === '{model}' ? (task.model ?? '') : word
}

/** What one word of a command can hold: no more than the system allows, and no NUL byte, at which it would end. */
function checkWord(provider: string, prompt: Buffer): void {
  const instead = `use {prompt_file}, or neither word for stdin, in [providers.${provider}]`
  if (prompt.length > LONGEST_WORD) throw usage(`the prompt has ${prompt.length} bytes, too many for one word of a command: ${instead}`)
  if (prompt.includes(0)) throw usage(`the prompt has a NUL byte, which no word of a command can hold: ${instead}`)
}
