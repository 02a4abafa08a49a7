// How a worktree is called: as the flag says, or after its session. A name is part of a path and of a branch, so it is plain.

import { quoted, usage } from '../base/exit.js'
import { shortId } from '../base/id.js'
import type { Session } from '../table/sessions.js'

const LONGEST = 100

/** The names to try, in order: one that was given has to be free; of others a second one, with the session's id, always is. Throws usage. */
export function worktreeNames({ id, name }: Pick<Session, 'id' | 'name'>, wanted: string | true): string[] {
  if (wanted !== true) return [checkWorktreeName(wanted)]
  const plain = plainName(cut(plainName(name ?? ''), LONGEST / 2)).replace(/-+$/, '')
  return plain === '' ? [shortId(id)] : [plain, `${plain}-${shortId(id)}`]
}

/** The name itself if a worktree and its branch can have it. Throws usage. */
function checkWorktreeName(name: string): string {
  if (Buffer.byteLength(name) > LONGEST) throw usage(`--worktree ${quoted(name)}: ${LONGEST} bytes are the most`)
  if (plainName(name) === name) return name
  throw usage(
    `--worktree ${quoted(name)} is no name for a branch: write letters, digits, '.', '_' and '-', and begin with a letter or a digit`,
  )
}

/** What git and every file system take of a text; empty if that is nothing. */
function plainName(text: string): string {
  return text
    .replace(/[^\p{L}\p{N}._-]+/gu, '-')
    .replace(/\.{2,}/g, '.')
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .replace(/(?:\.lock|\.)+$/, '')
}

/** As many whole characters as fit into so many bytes. */
function cut(text: string, bytes: number): string {
  let length = 0
  let kept = ''
  for (const character of text) {
    length += Buffer.byteLength(character)
    if (length > bytes) break
    kept += character
  }
  return kept
}
