// Names and values as lines: for people, or quoted so that a POSIX shell takes each value as it is.

import { field } from './output.js'

type Form = 'plain' | 'shell' | 'export'

/** `name=value`, a line each; with 'shell' quoted for eval, with 'export' an export command. */
export function assignments(values: Record<string, string>, form: Form): string[] {
  return Object.entries(values).map(([name, value]) => {
    if (form === 'plain') return `${name}=${field(value)}`
    return `${form === 'export' ? 'export ' : ''}${name}=${quoteForShell(value)}`
  })
}

/** The text as one word of a POSIX shell: in single quotes, where nothing has a meaning but the quote itself. */
export function quoteForShell(text: string): string {
  return `'${text.replace(/'/g, "'\\''")}'`
}
