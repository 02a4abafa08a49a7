// Output that is plain text: what the agent prints is what it says, and its exit code is its verdict.

import type { NewEvent } from '../log/events.js'
import type { Exit, Reader, Verdict } from './provider.js'

/** The reader of a program whose stdout is its result. */
export function textReader(): Reader {
  let said = false
  return {
    out(lines) {
      said = said || lines.length > 0
      return lines.length === 0
        ? []
        : [
            {
              type: 'assistant_message',
              content: lines.map(String).join('\n'),
            } satisfies NewEvent,
          ]
    },
    verdict: exit => ({
      ...byExit(exit),
      ...(said ? { result: { stdout: true } } : {}),
    }),
  }
}

/** Success is exit code 0, and nothing else is known. */
export function byExit({ code, signal }: Pick<Exit, 'code' | 'signal'>): Verdict {
  if (code === 0) return { success: true }
  return {
    success: false,
    error: signal ? `ended by ${signal}` : `exit code ${code}`,
  }
}
