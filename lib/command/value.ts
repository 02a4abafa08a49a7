// What the text of a flag's value means.

import { quoted, usage } from '../base/exit.js'
import { nearest } from '../base/name.js'
import { parseDuration, parseMoment } from '../base/time.js'
import type { Flag } from './data.js'

/** The value of one text. Throws usage, without the flag's name. */
export function readValue(flag: Flag, text: string): string | number {
  switch (flag.type) {
    case 'number':
      return readNumber(text, flag.min ?? 0, flag.max ?? Number.MAX_SAFE_INTEGER)
    case 'time':
      return parseDuration(text)
    case 'moment':
      return parseMoment(text)
    case 'size':
      return readSize(text)
    case 'choice':
      return readChoice(text, flag.choices ?? [])
    default:
      return text
  }
}

function readNumber(text: string, min: number, max: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (number >= min && number <= max) return number
  const most = max < Number.MAX_SAFE_INTEGER ? ` to ${max}` : ' or more'
  throw usage(`${quoted(text)} is no number of ${min}${most}`)
}

const UNITS: Record<string, number> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 }

/** Bytes of `4096`, `64k`, `1M`, `1.5GiB`: units are powers of 1024. */
function readSize(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([kKMGT]?)(?:i?B)?$/.exec(text) ?? []
  const bytes = Math.round(Number(amount) * (UNITS[(unit ?? '').toUpperCase()] ?? Number.NaN))
  if (!Number.isSafeInteger(bytes)) throw usage(`${quoted(text)} is no size: write 4096, 64k or 1M`)
  return bytes
}

/** A text that is one of the choices. Throws usage with the nearest. */
export function readChoice(text: string, choices: readonly string[]): string {
  if (choices.includes(text)) return text
  const near = nearest(text, choices)
  throw usage(`no ${quoted(text)}: ${near.length > 0 ? `did you mean ${near.join(' or ')}?` : `write ${choices.join(', ')}`}`)
}
