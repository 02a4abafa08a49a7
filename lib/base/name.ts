// Names, tags and groups: which are allowed, and how they become part of a path.

import { quoted, usage } from './exit.js'

export type NameKind = 'name' | 'tag' | 'group'

/** The text itself if it can be a name, tag or group: 1 to 200 bytes of UTF-8 without control characters. Throws usage. */
export function checkName(kind: NameKind, text: string): string {
  const bytes = Buffer.byteLength(text)
  if (bytes === 0) throw usage(`an empty ${kind} names nothing: give 1 to 200 bytes`)
  if (bytes > 200) throw usage(`${kind} ${quoted(text)} has ${bytes} bytes: 200 are the most`)
  if (/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text)) throw usage(`${kind} ${quoted(text)} has a control character: leave it out`)
  return text
}

/**
 * The text as a relative path that no other text has: percent-encoded, so it has no separator, and no part of it a leading dot.
 * What is too long for one component goes on in folders whose names end in `+`, which no encoded text does.
 */
export function keyOf(text: string): string {
  const encoded = encodeURIComponent(Buffer.from(text).toString())
    .replace(/[!'()*~]/g, c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/^\./, '%2E')
  return encoded.replace(/.{200}(?=.)/g, '$&+/').replace(/\/\./g, '/%2E')
}

/** The text that keyOf made a path of; nothing for a path that it makes of none. */
export function ofKey(path: string): string | undefined {
  try {
    const text = decodeURIComponent(path.replaceAll('+/', ''))
    return keyOf(text) === path ? text : undefined
  } catch {
    // Not percent-encoded as it should be: somebody else's file.
    return undefined
  }
}

/** The candidates nearest to a misspelt word, nearest first, at most three: for messages. */
export function nearest(word: string, candidates: Iterable<string>): string[] {
  const limit = Math.max(1, Math.floor(word.length / 3))
  return [...candidates]
    .map(candidate => ({ candidate, distance: candidate.startsWith(word) ? 0 : editDistance(word, candidate) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ candidate }) => candidate)
}

/** Insertions, deletions, replacements and swaps of neighbours that make one word of the other. */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const above = rows[i - 1] as number[]
      let best = Math.min((above[j] as number) + 1, (row[j - 1] as number) + 1, (above[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, ((rows[i - 2] as number[])[j - 2] as number) + 1)
      row.push(best)
    }
    rows.push(row)
  }
  return (rows[a.length] as number[])[b.length] as number
}
