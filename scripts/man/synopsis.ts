// A usage line such as `[--any] [--timeout <time>] { <session>... | - }` as mdoc macros, one group a line.

import { argument } from './roff.js'

interface Token {
  text: string
  /** no blank before it */
  glued: boolean
}

const OPENING: Record<string, string> = { '[': 'Oo', '{': 'Bro' }
const CLOSING: Record<string, string> = { ']': 'Oc', '}': 'Brc' }

/** Macro lines for a usage line without the program's name. */
export function synopsisLines(usage: string): string[] {
  const lines: string[][] = []
  let depth = 0
  let first = true
  for (const { text, glued } of tokens(usage)) {
    const opens = text in OPENING
    const closes = text in CLOSING
    const joined = glued && !first && !closes && text !== '|'
    const line = lines.at(-1)
    if (!line || (depth === 0 && !joined)) lines.push(macros(text))
    else line.push(...(joined ? ['Ns'] : []), ...macros(text))
    depth += opens ? 1 : closes ? -1 : 0
    first = opens || text === '|'
  }
  if (depth !== 0) throw new Error(`usage '${usage}': a bracket has no partner`)
  return lines.map(words => `.${words.join(' ')}`)
}

/** Macros and arguments for one token. */
function macros(text: string): string[] {
  const bracket = OPENING[text] ?? CLOSING[text]
  if (bracket) return [bracket]
  if (text === '|') return ['|']
  if (text === '...' || text === '=') return ['No', text]
  if (text.startsWith('<'))
    return [
      'Ar',
      ...text
        .replace(/^<|>(?=\.*$)/g, '')
        .split(/(?<=\w)(?=\.\.\.$)/)
        .map(argument),
    ]
  if (text === '-') return ['Fl']
  if (/^-./.test(text)) return ['Fl', argument(text.slice(1))]
  return ['Cm', argument(text)]
}

function tokens(usage: string): Token[] {
  const pattern = /(\s*)(<[^<>]+>(?:\.\.\.)?|\.\.\.|[[\]{}|]|=|[^\s[\]{}|<>=]+)/gy
  const found: Token[] = []
  let end = 0
  for (const match of usage.matchAll(pattern)) {
    found.push({ text: match[2] as string, glued: match[1] === '' && match.index > 0 })
    end = match.index + match[0].length
  }
  if (usage.slice(end).trim() !== '') throw new Error(`usage '${usage}': what is '${usage.slice(end)}'?`)
  return found
}
