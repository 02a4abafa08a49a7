// The sandbox of a session: bubblewrap around its agent. The project can be written, or the session's worktree, and what was named;
// the rest of the file system is read-only; /tmp, /var/tmp, /run and /dev are the agent's own; some folders with keys are empty.
//
// It guards against accidents of an agent, not against an attacker: the home of zag can be written but for config.toml and
// the worktrees of others, so that zag works inside, and processes are those of the machine, because zag knows them by their numbers. Never is an agent run without the
// sandbox that was asked for: bubblewrap is the program that is started, and if it cannot make a sandbox nothing is.

import { existsSync, lstatSync, readFileSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { EXIT, Fault, quoted, usage, visible } from '../base/exit.js'
import { nearest } from '../base/name.js'
import { distribution, home, paths, realFolder } from '../base/paths.js'
import type { Config } from '../config/config.js'
import { findProgram } from '../process/program.js'
import { claim, makeFolder, sizeIfThere } from '../store/file.js'
import { homeIsThere } from '../store/home.js'
import type { Sandbox, Session } from '../table/sessions.js'

/** What an agent can do with a path: `own` is a folder that begins empty and is thrown away, `hide` looks empty too. */
type Access = 'read' | 'write' | 'hide' | 'own'

/** Of two words on the same path the later one counts; else the one on the nearest folder above. */
const RANK: Access[] = ['own', 'hide', 'read', 'write']

type Rules = Map<string, Access>

/** Where tools keep keys and passwords: hidden unless a profile says otherwise. */
const SECRETS = [
  '.ssh',
  '.gnupg',
  '.aws',
  '.azure',
  '.kube',
  '.docker',
  '.config/gcloud',
  '.config/gh',
  '.config/hub',
  '.password-store',
].concat(['.local/share/keyrings', '.netrc', '.git-credentials', '.config/git/credentials'])

/** Files of /proc by which root could change the machine. */
const MACHINE = ['/proc/sys', '/proc/sysrq-trigger', '/proc/irq', '/proc/bus']

const PACKAGE = "'bwrap' was not found on PATH: install bubblewrap (the package has this name), or leave out --sandbox"

export interface Asked {
  /** The profile by its name; `true` is [sandbox.default] if there is one. */
  sandbox?: string | true
  sandboxNet?: 'on' | 'off'
  addDir?: string[]
}

/** The sandbox that was asked for, as it goes into the session's record, with what the agent writes of its own; nothing if none was. Throws usage. */
export function sandboxOf(
  { sandbox, sandboxNet, addDir = [] }: Asked,
  { sandbox: profiles }: Config,
  state: { write: string[]; read: string[] } = { write: [], read: [] },
): Sandbox | undefined {
  if (sandbox === undefined) {
    if (sandboxNet !== undefined) throw usage('--sandbox-net goes with --sandbox')
    return undefined
  }
  const name = sandbox === true ? 'default' : sandbox
  if (sandbox !== true && !Object.hasOwn(profiles, name)) throw unknown(name, Object.keys(profiles))
  const { write = [], read = [], hide = [], net = true } = profiles[name] ?? {}
  return {
    profile: Object.hasOwn(profiles, name) ? name : undefined,
    net: sandboxNet === undefined ? net : sandboxNet === 'on',
    write: [...write, ...addDir.map(realFolder), ...state.write],
    read: [...read, ...state.read],
    hide,
  }
}

function unknown(name: string, names: string[]): Fault {
  const near = nearest(name, names)
  const way = near.length > 0 ? `did you mean ${near.join(' or ')}?` : `write [sandbox.${name}] into config.toml, or give --sandbox alone`
  return usage(`no sandbox ${quoted(name)}: ${way}`)
}

/** The program and its words that run `program` with `args` in the session's sandbox; these themselves without one. Throws a Fault (127, 126) if bubblewrap is not there. */
export function inSandbox(session: Session, program: string, args: readonly string[], path?: string): { file: string; args: string[] } {
  if (!session.sandbox) return { file: program, args: [...args] }
  makeProtected()
  return { file: bubblewrap(path), args: [...optionsOf(session, session.sandbox, program), '--', program, ...args] }
}

/** Makes what an agent must not make in its place, for only what is there can be made read-only. Where there is no home yet no agent runs. */
function makeProtected(): void {
  if (!homeIsThere()) return
  for (const path of [paths.config(), paths.trusted()]) if (sizeIfThere(path) === undefined) claim(path, '')
  if (sizeIfThere(paths.worktrees()) === undefined) makeFolder(paths.worktrees())
}

/** Tries the sandbox of a session that is to be made. Throws a Fault (127) that says why there can be none here, or usage. */
export async function trySandbox(session: Session): Promise<void> {
  if (session.root === '/') throw usage("--sandbox in '/' would let everything be written: give the folder of a project to --root")
  const program = findProgram('true').path ?? '/bin/true'
  const { file, args } = inSandbox(session, program, [])
  const { execa } = await import('execa')
  const { failed, stderr, exitCode } = await execa(file, args, { cwd: '/', reject: false, stdin: 'ignore', cleanup: false })
  if (!failed) return
  const said = visible((stderr.split('\n')[0] ?? '').replace(/^bwrap: /, '')) || `it ended with ${exitCode}`
  const way = /namespace|uid map|permi/i.test(said) ? 'let users make user namespaces, or leave out --sandbox' : 'leave out --sandbox'
  throw new Fault(`bubblewrap can make no sandbox here: ${said}: ${way}`, EXIT.notFound)
}

/** On the PATH of this process, else on that of the agent, which another process can have asked for. */
function bubblewrap(path: string | undefined): string {
  const found = findProgram('bwrap', [process.env.PATH, path].filter(Boolean).join(':'))
  if (found.path) return found.path
  if (found.denied) throw new Fault(`${quoted('bwrap')} may not be executed: make it executable, or leave out --sandbox`, EXIT.cannotRun)
  throw new Fault(PACKAGE, EXIT.notFound)
}

function optionsOf(session: Session, sandbox: Sandbox, program: string): string[] {
  const mounts = [...rulesOf(session, sandbox, program)].sort(([a], [b]) => (a < b ? -1 : 1))
  return [
    // The user stays the same; without privileges over others, also where that user is root.
    ...['--unshare-user', '--cap-drop', 'ALL', '--unshare-ipc', ...(sandbox.net ? [] : ['--unshare-net'])],
    ...['--ro-bind', '/', '/', '--dev', '/dev'],
    // The numbers of processes are those outside: zag inside records who runs what.
    ...['--bind', '/proc', '/proc', ...MACHINE.flatMap(path => ['--ro-bind-try', path, path])],
    ...mounts.flatMap(([path, access]) => mountOf(path, access)),
    ...['--chdir', session.cwd],
  ]
}

function mountOf(path: string, access: Access): string[] {
  // A device that is bound as a file is is none.
  if (access !== 'own' && access !== 'hide' && path.startsWith('/dev/')) return ['--dev-bind', path, path]
  if (access === 'write') return ['--bind', path, path]
  if (access === 'read') return ['--ro-bind', path, path]
  const isFolder = lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? true
  return isFolder ? ['--tmpfs', path] : ['--ro-bind', '/dev/null', path]
}

/** All paths with a word of their own; what is not there has none. */
function rulesOf(session: Session, { write, read, hide }: Sandbox, program: string): Rules {
  const rules: Rules = new Map()
  for (const path of ['/tmp', '/var/tmp', '/run']) add(rules, path, 'own')
  for (const path of [...SECRETS.map(name => join('~', name)), ...hide]) add(rules, path, 'hide')
  const tree = treeOf(session)
  const git = gitFolders(tree)
  for (const path of [home(), tree, ...git, ...write]) add(rules, path, 'write')
  // What is in these is run outside of the sandbox, by zag and by git, or is the work of others; its own worktree is nearer.
  const compiled = join(process.env.XDG_CACHE_HOME || join('~', '.cache'), 'zag')
  const own = [paths.config(), paths.trusted(), paths.worktrees(), compiled]
  const kept = [...own, ...git.flatMap(folder => [join(folder, 'config'), join(folder, 'hooks')])]
  for (const path of [...kept, ...read]) add(rules, path, 'read')
  // What the agent cannot do without, should it lie where it would not be seen.
  const needed = [program, process.execPath, resolve(distribution(), '..'), '/etc/resolv.conf', ...filesOf(session)]
  for (const path of needed) if (isUnseen(rules, path)) add(rules, path, 'read')
  return rules
}

function add(rules: Rules, path: string, access: Access): void {
  const real = realIfThere(path.replace(/^~(?=\/|$)/, homedir()))
  const before = real === undefined ? undefined : rules.get(real)
  if (real !== undefined && (before === undefined || RANK.indexOf(before) < RANK.indexOf(access))) rules.set(real, access)
}

/** Whether the nearest rule at or above a path hides it. */
function isUnseen(rules: Rules, path: string): boolean {
  for (let at = realIfThere(path) ?? '/'; ; at = dirname(at)) {
    const access = rules.get(at)
    if (access !== undefined) return access === 'hide' || access === 'own'
    if (at === dirname(at)) return false
  }
}

function realIfThere(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    // It is not there, or cannot be reached: then no agent reaches it either.
    return undefined
  }
}

/** Files that a flag names, which the agent reads. */
function filesOf({ flags: { file, mcpConfig } }: Session): string[] {
  return [file, mcpConfig].flat().filter(path => typeof path === 'string')
}

/** The tree that the session works on: its worktree, or that of the session that started it there, or the project. */
function treeOf({ root, cwd, worktree }: Session): string {
  if (worktree) return worktree.path
  return `${cwd}/`.startsWith(`${root}/`) ? root : (topOf(cwd) ?? cwd)
}

/** The nearest folder, at or above one, with a .git. */
function topOf(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at
    if (at === dirname(at)) return undefined
  }
}

/** The folder that git writes to when something is committed in a tree. */
function gitFolders(tree: string): string[] {
  const top = topOf(tree)
  if (top === undefined) return []
  const dot = join(top, '.git')
  return [lstatSync(dot).isFile() ? commonOf(top, dot) : dot]
}

/** Of a worktree: the folder with all that it shares with the others (gitrepository-layout(5)). */
function commonOf(top: string, dot: string): string {
  const own = resolve(top, /^gitdir: (.*)$/m.exec(readFileSync(dot, 'utf8'))?.[1] ?? '.git')
  const common = realIfThere(join(own, 'commondir'))
  return common === undefined ? own : resolve(own, readFileSync(common, 'utf8').trim())
}
