// git, run for a worktree: with its words as they are, in no language but English, and blind to what the caller's environment
// says of another repository. It asks nobody anything, starts no daemon, and writes nothing that it was not asked to write.

import { EXIT, Fault, quoted, visible } from '../base/exit.js'
import { findProgram } from '../process/program.js'

/** More output than this (bytes) is refused: what is gathered here is held in memory. */
const MOST_OUTPUT = 512 << 20

/** Variables that point git to a repository, an index or settings: set in a hook, for one. Where a user's settings lie may stay. */
export const OF_A_REPOSITORY = /^GIT_(?!CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM)$)/

const QUIET = ['core.fsmonitor=false', 'gc.auto=0', 'maintenance.auto=false'].flatMap(setting => ['-c', setting])

export interface Said {
  ok: boolean
  stdout: Buffer
  /** What went wrong, in one line; empty if git said nothing. */
  why: string
}

/** Runs git in a folder, whatever it comes to. Throws a Fault (127, 126) if there is no git to run. */
export async function tryGit(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Said> {
  const program = gitProgram()
  const { execa } = await import('execa')
  const inherited = Object.entries(process.env).filter(([name]) => !OF_A_REPOSITORY.test(name))
  const done = await execa(program, [...QUIET, '-C', folder, ...args], {
    cwd: '/',
    env: { ...Object.fromEntries(inherited), LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0', ...env },
    extendEnv: false,
    reject: false,
    cleanup: false,
    stdin: 'ignore',
    encoding: 'buffer',
    stripFinalNewline: false,
    maxBuffer: MOST_OUTPUT,
  })
  const why = done.isMaxBuffer ? `more than ${MOST_OUTPUT >> 20} MiB` : oneLine(Buffer.from(done.stderr).toString())
  return { ok: !done.failed, stdout: Buffer.from(done.stdout), why: why || (done.failed ? `git ${args[0]} failed` : '') }
}

/** The same for what has to succeed: its stdout. Throws a Fault (5) that begins with `what`. */
export async function git(what: string, folder: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Buffer> {
  const { ok, stdout, why } = await tryGit(folder, args, env)
  if (ok) return stdout
  throw new Fault(`${what}: git: ${why}`, EXIT.system)
}

/** A text without the newline that git puts after it. */
export function word(stdout: Buffer): string {
  return stdout.toString().replace(/\n$/, '')
}

function gitProgram(): string {
  const found = findProgram('git', process.env.PATH)
  if (found.path) return found.path
  if (found.denied) throw new Fault(`${quoted('git')} may not be executed: worktrees need it`, EXIT.cannotRun)
  throw new Fault(`${quoted('git')} was not found on PATH: worktrees need it, so install it`, EXIT.notFound)
}

/** What git complains of: the first line that says it is fatal or an error, else the first; advice is left out. */
function oneLine(stderr: string): string {
  const lines = stderr.split('\n').filter(line => line.trim() !== '')
  const first = lines.find(line => /^(?:fatal|error): /.test(line)) ?? lines[0] ?? ''
  return visible(first.replace(/^(?:fatal|error): /, '').trim())
}
