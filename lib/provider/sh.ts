// The built-in provider: the prompt is a POSIX shell script, the lines it prints are its result.
// The script is a file operand, not stdin: a command in it that reads stdin must not eat the script.

import { accessSync, constants } from 'node:fs'
import type { Provider } from './provider.js'
import { textReader } from './text.js'

const SHELL = '/bin/sh'

export const sh: Provider = {
  name: 'sh',
  does: 'the prompt is a POSIX shell script',
  prompt: 'script',
  bytes: true,
  // It never asks, so there is nothing that --auto-approve would have to approve.
  can: new Set(['auto_approve', 'resume']),
  find() {
    try {
      accessSync(SHELL, constants.X_OK)
      return { path: SHELL }
    } catch {
      return {
        why: `${SHELL} cannot be run`,
        install: 'install a POSIX shell, such as dash',
      }
    }
  },
  launch: task => ({
    argv: [SHELL, task.promptFile],
    stdin: task.contextFile ?? '/dev/null',
  }),
  reader: textReader,
}
