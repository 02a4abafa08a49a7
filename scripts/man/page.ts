// A page of man/: what stands between marks is made from data, all else is written by hand and left alone.
//
//     .\" generated: options
//     ...
//     .\" end generated

import type { Data } from '../../lib/command/data.js'
import { linesOf, PARTS, type PartName } from './parts.js'
import { PATTERN, patternLines } from './pattern.js'
import { prose, sentence } from './roff.js'

const BEGIN = '.\\" generated: '
const END = '.\\" end generated'

/** The page with its generated parts as the data has them now. Throws for a mark that is unknown or has no end. */
export function refreshed(page: string, data: Data, all: readonly Data[]): string {
  const lines: string[] = []
  let inside: string | undefined
  for (const line of page.split('\n')) {
    if (line === END) {
      if (inside === undefined) throw new Error(`'${END}' without a beginning`)
      inside = undefined
    } else if (line.startsWith(BEGIN)) {
      inside = line.slice(BEGIN.length)
      if (!isPart(inside) && !isPattern(inside)) throw new Error(`no generated part '${inside}': there are ${PARTS.join(', ')}`)
      lines.push(...marked(inside, data, all))
    } else if (inside === undefined) lines.push(line)
  }
  if (inside !== undefined) throw new Error(`part '${inside}' has no '${END}'`)
  return lines.join('\n')
}

/** A first page for a program that has none. */
export function skeleton(data: Data, all: readonly Data[], now: Date): string {
  const day = now.toLocaleDateString('en-US', { timeZone: 'UTC', month: 'long', day: 'numeric', year: 'numeric' })
  return [
    `.Dd ${day}`,
    `.Dt ${data.name.toUpperCase()} 1`,
    '.Os',
    '.Sh NAME',
    `.Nm ${data.name}`,
    `.Nd ${prose(data.does).join(' ')}`,
    ...marked('synopsis', data, all),
    '.Sh DESCRIPTION',
    '.Nm',
    ...prose(sentence(data.does).replace(/^./, c => c.toLowerCase())),
    ...(['options', 'exits', 'examples'] as const).flatMap(part => marked(part, data, all)),
    '.Sh SEE ALSO',
    '.Xr zag 1',
    '',
  ].join('\n')
}

function marked(part: PartName | Pattern, data: Data, all: readonly Data[]): string[] {
  return [`${BEGIN}${part}`, ...(isPattern(part) ? patternLines(part) : linesOf(part, data, all)), END]
}

/** A mark with a script's name. */
type Pattern = `${string} ${string}`

function isPattern(word: string): word is Pattern {
  return PATTERN.test(word)
}

function isPart(word: string): word is PartName {
  return (PARTS as readonly string[]).includes(word)
}
