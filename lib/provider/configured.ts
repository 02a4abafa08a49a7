// A provider from the configuration: any command, with words of its argv replaced whole.

import { readFileSync, statSync } from 'node:fs'
import { EXIT, Fault, usage } from '../base/exit.js'
import type { ConfiguredProvider } from '../config/config.js'
import { findProgram } from '../process/program.js'
import { ndjsonReader } from './ndjson.js'
import type { Feature, Found, Provider, Task } from './provider.js'
import { textReader } from './text.js'

/** One word of an argv ends at 128 KiB on Linux, its terminator included. */
const LONGEST_WORD = 128 * 1024 - 1

/** The provider that `[providers.NAME]` describes. */
export function configured(name: string, { command, format, env }: ConfiguredProvider): Provider {
  const can = new Set<Feature>(['auto_approve', ...(command.includes('{model}') ? (['model'] as const) : [])])
  const promptInArgv = command.includes('{prompt}') || command.includes('{prompt_file}')
  return {
    name,
    does: `configured: ${command.join(' ')}`,
    prompt: 'text',
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
    launch(task) {
      const argv = command.map(word => wordFor(name, word, task)) as [string, ...string[]]
      return { argv, stdin: promptInArgv ? '/dev/null' : task.promptFile, env }
    },
    reader: format === 'ndjson' ? ndjsonReader : textReader,
  }
}

function wordFor(provider: string, word: string, task: Task): string {
  if (word === '{prompt_file}') return task.promptFile
  if (word === '{root}') return task.root
  if (word === '{session}') return task.session
  if (word === '{model}') {
    if (task.model) return task.model
    throw usage(`provider '${provider}' needs a model: give --model, or set [models.${provider}]`)
  }
  if (word !== '{prompt}') return word
  const bytes = statSync(task.promptFile).size
  if (bytes <= LONGEST_WORD) return wordOf(provider, readFileSync(task.promptFile, 'utf8'))
  throw new Fault(
    `the prompt has ${bytes} bytes, too many for one word of a command: use {prompt_file}, or neither word for stdin, in [providers.${provider}]`,
    EXIT.usage,
  )
}

/** A word of an argv ends at its first NUL. */
function wordOf(provider: string, prompt: string): string {
  if (!prompt.includes('\0')) return prompt
  throw usage(`the prompt has a NUL byte, which no word of a command can hold: use {prompt_file} in [providers.${provider}]`)
}
