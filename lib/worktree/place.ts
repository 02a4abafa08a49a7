// The git worktree of a session as paths: where the agent works, and what that is in the main tree. No git is run here.
//
// `root` of a session is always the project's, in the main tree, so that -r, groups and .zag.toml are those of the project;
// its agent is told of nothing but the worktree.

import { join, relative } from 'node:path'
import type { Session, Worktree } from '../table/sessions.js'

/** The root of the project as the agent has it: in its own worktree, if it has one. */
export function rootOfAgent({ root, worktree }: Pick<Session, 'root' | 'worktree'>): string {
  return worktree ? join(worktree.path, relative(worktree.repo, root)) : root
}

/** The session as it was before it got a worktree: in the folder of the main tree that it was asked for. */
export function withoutWorktree({ worktree, ...session }: Session): Session {
  return worktree ? { ...session, cwd: join(worktree.repo, relative(worktree.path, session.cwd)) } : session
}

/** What a row says of a worktree. */
export function worktreeFields(worktree: Worktree | undefined): { worktree?: string; branch?: string } {
  return { worktree: worktree?.path, branch: worktree?.branch }
}
