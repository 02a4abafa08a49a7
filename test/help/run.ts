// Starts built programs as a user would: by name, in a home of their own, with a clean environment.
//
// Everything has a deadline: a program that is still there then is killed, and the test is told so.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const TOP = resolve(import.meta.dirname, '../..')
export const PROGRAMS = join(TOP, 'dist/bin')

export interface Options {
  /** the test's own folder, t.testdir(): HOME of the program, with its ZAG_HOME in it */
  home: string
  /** stdin; without it stdin is at its end from the start */
  input?: string | Uint8Array
  /** more of the environment, or less where it is undefined */
  env?: Record<string, string | undefined>
  cwd?: string
  /** milliseconds until it is killed */
  timeout?: number
}

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Running {
  child: ChildProcessWithoutNullStreams
  /** what it wrote until now */
  readonly stdout: string
  readonly stderr: string
  ended: Promise<Ended>
}

/** ZAG_HOME of the programs that run with this home. */
export function zagHome(home: string): string {
  return join(home, '.zag')
}

const AGENTS = ['claude', 'codex', 'gemini', 'copilot', 'opencode', 'ollama']

/** PATH without the folders of agents that happen to be installed here: a test says itself which there are. Node is still on it. */
function withoutAgents(path: string): string {
  const folders = path.split(':').filter(folder => !AGENTS.some(name => existsSync(join(folder, name))))
  if (folders.some(folder => existsSync(join(folder, 'node')))) return folders.join(':')
  const own = join(TOP, '.tap/node')
  mkdirSync(own, { recursive: true })
  if (!existsSync(join(own, 'node'))) symlinkSync(process.execPath, join(own, 'node'))
  return [own, ...folders].join(':')
}

/** The environment of a program in a test: none of ours but PATH, a far zone, another language. */
export function environment({ home, env = {} }: Options): NodeJS.ProcessEnv {
  const clean = {
    PATH: `${PROGRAMS}:${withoutAgents(process.env.PATH ?? '')}`,
    HOME: home,
    ZAG_HOME: zagHome(home),
    XDG_CACHE_HOME: join(TOP, '.tap/cache'),
    TZ: 'Pacific/Chatham',
    LANG: 'tr_TR.UTF-8',
    ...env,
  }
  return Object.fromEntries(Object.entries(clean).filter(([, value]) => value !== undefined))
}

/** Runs a program to its end. `program` is a name from bin/, or a path. */
export function run(program: string, args: readonly string[], options: Options): Promise<Ended> {
  const { child, ended } = begin(program, args, options)
  child.stdin.end(options.input ?? '')
  return ended
}

/** Starts a program and leaves it running; its stdin is open. */
export function begin(program: string, args: readonly string[], options: Options): Running {
  const { home, cwd = home, timeout = 30_000 } = options
  mkdirSync(join(TOP, '.tap/cache'), { recursive: true })
  const path = program.includes('/') ? program : join(PROGRAMS, program)
  // By env, because tap puts NODE_OPTIONS of its own into the environment of whatever a test starts.
  const pairs = Object.entries(environment(options)).map(([name, value]) => `${name}=${value}`)
  const child = spawn('/usr/bin/env', ['-i', ...pairs, path, ...args], { cwd, stdio: 'pipe' })
  const said: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] }
  const text = (of: 'stdout' | 'stderr') => Buffer.concat(said[of]).toString()
  child.stdout.on('data', chunk => said.stdout.push(chunk))
  child.stderr.on('data', chunk => said.stderr.push(chunk))
  // A program that does not read its stdin may be gone before all of it is written.
  child.stdin.on('error', () => {})
  const ended = new Promise<Ended>((done, fail) => {
    const late = setTimeout(() => {
      child.kill('SIGKILL')
      // What it left behind may hold these open, and the test with them.
      child.stdout.destroy()
      child.stderr.destroy()
      fail(new Error(`${program} ${args.join(' ')} was not done after ${timeout} ms; stdout: ${text('stdout')}; stderr: ${text('stderr')}`))
    }, timeout)
    child.on('error', fail)
    child.on('close', (code, signal) => {
      clearTimeout(late)
      done({ code, signal, stdout: text('stdout'), stderr: text('stderr') })
    })
  })
  return {
    child,
    ended,
    get stdout() {
      return text('stdout')
    },
    get stderr() {
      return text('stderr')
    },
  }
}

/** The first thing that `check` gives which is neither false, null nor undefined; asks again and again until the deadline (ms). */
export async function until<T>(check: () => T | Promise<T>, deadline = 10_000): Promise<NonNullable<Exclude<T, false>>> {
  const end = Date.now() + deadline
  for (;;) {
    const got = await check()
    if (got !== false && got !== null && got !== undefined) return got as NonNullable<Exclude<T, false>>
    if (Date.now() > end) throw new Error(`not so within ${deadline} ms: ${check}`)
    await new Promise(done => setTimeout(done, 10))
  }
}

/** Removes a folder in which others write meanwhile, as who calls rm -r until it succeeds. */
export async function removeInUse(path: string): Promise<void> {
  await until(() => {
    try {
      rmSync(path, { recursive: true })
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error
      return false
    }
  })
}
