// Words and texts that do harm where they are run, used as a path, or sent to a terminal.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Scene } from './scene.js'

/** Words that are names, if bad ones: each would make a file `pwned` if anything ran it, or lead out of the home. */
export const NASTY = [
  '$(touch pwned)',
  '`touch pwned`',
  '"; touch pwned; "',
  "'; touch pwned; '",
  '| touch pwned',
  '--help',
  '-',
  '.',
  '..',
  '../../../pwned',
  '/etc/passwd',
  '%2e%2e%2fpwned',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is meant for a shell
  '${HOME}',
  'a\\nb',
  '*',
  '01a1fd41',
  'é'.repeat(100),
  '%'.repeat(200),
  '.'.repeat(200),
  '名前 と 空白',
]
export const ESC = '\u001b'
/** Texts that would speak to a terminal. */
export const LOUD = [`${ESC}[31mred`, `${ESC}]0;title\u0007`, 'a\nb', 'a\rb', '\u009b31mred', 'a\u2028b']
// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
export const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/

/** Everything in the home of a scene, as paths below it. */
export function files(scene: Scene): string[] {
  return readdirSync(scene.home, { recursive: true, withFileTypes: true }).map(entry =>
    join(entry.parentPath, entry.name).slice(scene.home.length + 1),
  )
}

export function checkNothingRan(t: Test, scene: Scene): void {
  t.same(
    files(scene).filter(path => /(^|\/)pwned/.test(path)),
    [],
    'nothing was run',
  )
}
