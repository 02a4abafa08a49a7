// What zag-patterns(7) shows of the scripts in scripts/patterns: text of the files themselves, so page and script cannot differ.
//
// A script has its shebang, comments on what it shows, what all of them begin with (a tag, how to clean up), an empty line, and
// then what it is about.

import { readFileSync } from 'node:fs'
import { display, prose } from './roff.js'

/** What can stand in a mark: `pattern race.sh`, and `opening race.sh` for what all scripts begin with. */
export const PATTERN = /^(pattern|opening) ([a-z-]+\.(?:sh|mk))$/

/** The lines of such a part. Throws if there is no such script. */
export function patternLines(part: string): string[] {
  const [, what, file = ''] = PATTERN.exec(part) ?? []
  const { about, opening, body } = partsOf(readFileSync(`scripts/patterns/${file}`, 'utf8'))
  return what === 'opening' ? display(opening) : [...prose(about), ...display(body)]
}

function partsOf(script: string): { about: string; opening: string; body: string } {
  const lines = script.trimEnd().split('\n')
  if (lines[0]?.startsWith('#!')) lines.shift()
  const isAbout = (line: string) => /^# (?!shellcheck)/.test(line)
  const code = lines.findIndex(line => !isAbout(line))
  const empty = lines.indexOf('', code)
  return {
    about: lines
      .slice(0, code)
      .map(line => line.slice(2))
      .join(' ')
      // The heading of the page says what it is called.
      .replace(/^[^:]*: (.)/, (_, first: string) => first.toUpperCase()),
    opening: lines
      .slice(code, empty)
      .filter(line => !line.startsWith('# shellcheck'))
      .join('\n'),
    body: lines.slice(empty + 1).join('\n'),
  }
}
