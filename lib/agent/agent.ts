// Starting the agent of a run: its own process group, no inherited descriptors, its prompt as a file on stdin, its output
// straight into the session's files. Nothing the agent does can block or lose output, and it needs nobody to read it.

import type { ChildProcess } from 'node:child_process'
import { closeSync, existsSync, fstatSync, openSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { EXIT, Fault, quoted, refused } from '../base/exit.js'
import { home, OF_A_SESSION, paths, programs } from '../base/paths.js'
import { closeInherited, pidOf } from '../process/detach.js'
import { programAt } from '../process/program.js'
import { enclosing } from '../provider/list.js'
import type { Provider, Start, Task } from '../provider/provider.js'
import type { Offsets } from '../session/output.js'
import { beginTurn, promptFile } from '../session/turns.js'
import { makeFolder, readIfThere, replaceFile } from '../store/file.js'
import type { Session } from '../table/sessions.js'
import { OF_A_REPOSITORY } from '../worktree/git.js'
import { rootOfAgent } from '../worktree/place.js'
import { aroundOf, withUmask } from './around.js'
import { hasBegun } from './conversation.js'
import { inSandbox } from './sandbox.js'

export interface Agent {
  child: ChildProcess
  pid: number
  argv: string[]
  /** Where this run begins in stdout and stderr. */
  from: Offsets
  task: Task
}

/** The value of ZAG_PROCESS_ID that all processes of a run carry. */
export function markOf(id: string, run: number): string {
  return `${id}.${run}`
}

/** How the agent of a turn is started. */
export interface Kind {
  turn?: number
  /** What it is told in place of the prompt of the turn, in a conversation that it had begun. */
  instead?: string
  /** It is told over a pipe what to do, and lives on. */
  live?: boolean
}

/** Starts the agent for a turn. Throws a Fault 127 or 126 if its program is not there or may not be run, 5 if the system refuses. */
export async function startAgent(
  session: Session,
  run: number,
  provider: Provider,
  { turn = 1, instead, live }: Kind = {},
): Promise<Agent> {
  if (session.worktree) await (await import('../worktree/make.js')).checkWorktree(session, { first: run === 1 && turn === 1 })
  const around = aroundOf(session.id)
  const task = taskOf(session, run, turn, around.env, instead)
  const launch: Start & { stdin?: string } = live && provider.live ? provider.live.start(task) : provider.launch(task)
  // A script is what its caller would run by hand; an agent must not take itself for a part of one that it runs inside of.
  const marks = provider.prompt === 'script' ? [] : await enclosing()
  const env = environmentOf(session, run, launch, around.env, marks)
  const file = programAt(launch.argv[0], env.PATH, session.cwd)
  if (!existsSync(session.cwd)) throw new Fault(`the folder ${quoted(session.cwd)} is gone`, EXIT.system)
  const { spawn } = await import('node:child_process')
  closeInherited()
  const files = openFiles(session.id, launch.stdin)
  try {
    const from = {
      stdout: fstatSync(files.stdout).size,
      stderr: fstatSync(files.stderr).size,
    }
    if (run > 1 || turn > 1) beginTurn(session.id, turn, { run, from })
    const start = inSandbox(session, file, launch.argv.slice(1), env.PATH)
    const argv0 = session.sandbox ? undefined : launch.argv[0]
    const child = withUmask(around.umask, () =>
      spawn(start.file, start.args, {
        argv0,
        cwd: session.cwd,
        env,
        detached: true,
        stdio: [files.stdin ?? 'pipe', files.stdout, files.stderr],
      }),
    )
    const pid = await pidOf(launch.argv[0], child)
    return { child, pid, argv: launch.argv, from, task }
  } finally {
    for (const fd of Object.values(files)) closeSync(fd)
  }
}

function taskOf(session: Session, run: number, turn: number, around: NodeJS.ProcessEnv, instead: string | undefined): Task {
  const context = paths.inSession(session.id, 'stdin')
  return {
    session: session.id,
    run,
    root: rootOfAgent(session),
    cwd: session.cwd,
    model: session.model,
    promptFile: instead === undefined ? promptFile(session.id, turn) : keep(session.id, 'instead', instead),
    resumed: instead !== undefined || (turn > 1 && hasBegun(session, turn)),
    conversation: session.native_id,
    contextFile: existsSync(context) ? context : undefined,
    flags: session.flags,
    schema: readIfThere(paths.inSession(session.id, 'schema')),
    decided: session.permissions?.live,
    env: { ...around, ...session.env },
    keep: (name, text) => keep(session.id, name, text),
    kept: name => keptFor(session.id, name),
  }
}

/** What a provider keeps for its agent, by its own names for it. */
function keep(id: string, name: string, text: string): string {
  const folder = paths.inSession(id, 'agent')
  makeFolder(folder)
  const path = join(folder, name)
  if (keptFor(id, name) !== text) replaceFile(path, text)
  return path
}

/** What was kept for an agent under a name. */
export function keptFor(id: string, name: string): string | undefined {
  return readIfThere(join(paths.inSession(id, 'agent'), name))
}

/** The agent's files, open; its stdin is a pipe where there is none for it. */
function openFiles(id: string, stdin: string | undefined): { stdin?: number; stdout: number; stderr: number } {
  const opened: number[] = []
  const open = (path: string, flags: string) => {
    opened.push(openSync(path, flags, 0o600))
    return opened.at(-1) as number
  }
  try {
    const read = stdin === undefined ? {} : { stdin: open(stdin, 'r') }
    return { ...read, stdout: open(paths.inSession(id, 'stdout'), 'a'), stderr: open(paths.inSession(id, 'stderr'), 'a') }
  } catch (error) {
    for (const fd of opened) closeSync(fd)
    throw refused(`cannot open the files of session ${id}`, error)
  }
}

/** The agent's environment: the caller's, what --env gave, and who it is. Nothing of an enclosing session stays in it. */
function environmentOf(session: Session, run: number, launch: Start, around: NodeJS.ProcessEnv, marks: RegExp[]): NodeJS.ProcessEnv {
  // Started from a hook of git, an agent in a worktree would work on the repository that called the hook.
  const isForeign = (name: string) =>
    OF_A_SESSION.test(name) || (session.worktree !== undefined && OF_A_REPOSITORY.test(name)) || marks.some(mark => mark.test(name))
  const context = paths.inSession(session.id, 'context')
  const refused = paths.inSession(session.id, 'schema-errors')
  const own: NodeJS.ProcessEnv = {}
  for (const [name, value] of Object.entries(around)) if (!isForeign(name)) own[name] = value
  // That of the caller may be where the sandbox has nothing.
  Object.assign(own, launch.env, session.sandbox ? { TMPDIR: '/tmp' } : {}, session.env, launch.remade, exportsOf(session, run))
  if (session.sandbox) own.ZAG_SANDBOX = '1'
  if (existsSync(context)) own.ZAG_CONTEXT_DIR = context
  if (existsSync(refused)) own.ZAG_SCHEMA_ERRORS = refused
  const path = own.PATH ?? process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin'
  own.PATH = path.split(delimiter).includes(programs()) ? path : `${path}${delimiter}${programs()}`
  return own
}

/** The variables that tell an agent who it is. */
export function exportsOf(session: Session, run: number): Record<string, string> {
  const values = {
    ZAG_HOME: home(),
    ZAG_SESSION_ID: session.id,
    ZAG_SESSION_NAME: session.name,
    ZAG_PROCESS_ID: markOf(session.id, run),
    ZAG_PROVIDER: session.provider,
    ZAG_MODEL: session.model,
    ZAG_ROOT: rootOfAgent(session),
    ZAG_GROUP: session.group,
    ZAG_PARENT_SESSION_ID: session.parent,
  }
  return Object.fromEntries(Object.entries(values).filter((pair): pair is [string, string] => pair[1] !== undefined))
}
