// A git repository for a test, with an identity of its own, and git as a test calls it: blind to the settings of who runs it.

import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface Repository {
  top: string
  /** What git prints, without the last newline. Throws when it fails. */
  git(...args: string[]): string
  /** The branches of sessions. */
  branches(): string[]
}

/** Files as they are to be committed, by path. */
type Files = Record<string, string>

/** Makes a repository with one commit; with no files it has none. */
export function repository(top: string, files: Files = { 'a.txt': 'one\n' }): Repository {
  mkdirSync(top, { recursive: true })
  const git = (...args: string[]) => gitIn(top, ...args)
  git('init', '--quiet', '--initial-branch=main')
  for (const [name, value] of [
    ['user.name', 'Tester'],
    ['user.email', 'tester@example.org'],
    ['commit.gpgsign', 'false'],
  ] as const)
    git('config', name, value)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(top, path)), { recursive: true })
    writeFileSync(join(top, path), text)
  }
  if (Object.keys(files).length > 0) {
    git('add', '--all')
    git('commit', '--quiet', '--message', 'first')
  }
  const branches = () =>
    git('for-each-ref', '--format=%(refname:short)', 'refs/heads/zag')
      .split('\n')
      .filter(name => name.startsWith('zag/'))
  return { top, git, branches }
}

export function gitIn(folder: string, ...args: string[]): string {
  const env = { PATH: process.env.PATH, HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C' }
  return execFileSync('git', ['-C', folder, ...args], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).replace(/\n$/, '')
}
