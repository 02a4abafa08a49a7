// Where agents are tried: a home with their configuration, a project, a model server of their own, and the programs of zag.
//
// Sessions are made and looked at as users do it, by running programs. Nothing of what is started outlives the test.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type ModelServer, serveModels } from '../help/model/server.js'
import { repository } from '../help/repository.js'
import { type Ended, type Options, PROGRAMS, run, until } from '../help/run.js'
import { type Row, rows, Zag } from '../help/sessions.js'
import { type Agent, INSTALLED, pointAt } from './agents.js'

/** An agent may take so long for one answer, in milliseconds, on a machine that does other things too. */
const PATIENCE = 90_000

export class Desk {
  readonly project: string

  private constructor(
    readonly zag: Zag,
    readonly models: ModelServer,
    private readonly env: Options['env'],
  ) {
    this.project = repository(join(zag.home, 'project'), { 'README.md': 'read me\n' }).top
  }

  static async open(t: Test, agents: readonly Agent[]): Promise<Desk> {
    const models = await serveModels({ delay: Math.max(...agents.map(({ delay = 0 }) => delay)) })
    t.teardown(() => models.close())
    const zag = new Zag(t)
    const own = agents.map(agent => pointAt(agent, models.url, zag.home))
    // What an agent keeps for later is in its home like all else.
    const env: Record<string, string> = Object.assign({ PATH: `${PROGRAMS}:${INSTALLED}:${process.env.PATH}` }, ...own)
    // Some run commands in a login shell, which begins with the PATH of the system, and some keep their keys from them.
    const exported = Object.entries(env).map(([name, value]) => `export ${name}='${value}'\n`)
    writeFileSync(join(zag.home, '.profile'), exported.join(''))
    return new Desk(zag, models, { ...env, XDG_CACHE_HOME: undefined })
  }

  /** Runs `zag-<word>` in the project. */
  readonly go = (word: string, args: readonly string[] = [], more: Omit<Options, 'home'> = {}): Promise<Ended> =>
    this.zag.go(word, args, { cwd: this.project, timeout: PATIENCE, ...more, env: { ...this.env, ...more.env } })

  /** Runs a program of an agent in the project, without zag. */
  readonly alone = (program: string, args: readonly string[], more: Omit<Options, 'home'> = {}): Promise<Ended> =>
    run(join(INSTALLED, program), args, {
      home: this.zag.home,
      cwd: this.project,
      timeout: PATIENCE,
      ...more,
      env: { ...this.env, ...more.env },
    })

  /** Asks an agent in the foreground. */
  async ask(agent: Agent, prompt: string, flags: readonly string[] = []): Promise<Ended & { id: string }> {
    const ended = await this.go('exec', [...wordsFor(agent), ...flags, '-'], { input: prompt })
    return { ...ended, id: this.zag.ids().at(-1) as string }
  }

  /** Starts a session in the background; its id. */
  async spawn(agent: Agent, prompt: string, flags: readonly string[] = []): Promise<string> {
    const { code, stdout, stderr } = await this.go('spawn', [...wordsFor(agent), ...flags, '-'], { input: prompt })
    if (code !== 0) throw new Error(`zag-spawn: ${code}: ${stderr}`)
    return stdout.trim()
  }

  async summary(id: string): Promise<Row> {
    const { sessions } = JSON.parse((await this.go('summary', ['--json', id])).stdout) as { sessions: [Row] }
    return sessions[0]
  }

  async events(id: string, kinds: readonly string[]): Promise<Row[]> {
    const types = kinds.flatMap(kind => ['--type', kind])
    return rows((await this.go('events', [...types, id])).stdout)
  }

  /** The kinds of its events, of those that are asked for, in order. */
  async kinds(id: string, among: readonly string[]): Promise<unknown[]> {
    return (await this.events(id, among)).map(({ type }) => type)
  }

  /** What was said in the conversation that a model was asked to go on with last. */
  latest(): string {
    const { talk } = this.models.requests.findLast(({ talk, aside }) => talk && !aside) ?? {}
    return (talk?.turns ?? []).map(({ text }) => text).join('\n')
  }

  /** Waits until a model was asked something with these words in it. */
  asked(words: string): Promise<true> {
    const isIt = () => this.models.requests.some(({ talk, status }) => status > 0 && talk?.turns.some(({ text }) => text.includes(words)))
    return until(isIt, PATIENCE)
  }
}

const wordsFor = ({ name, flags = [] }: Agent) => ['-p', name, ...flags]

/** The processes that are marked as those of a session, by what the system says. */
export function processesOf(id: string): string[] {
  return readdirSync('/proc').filter(pid => /^\d+$/.test(pid) && environmentOf(pid).includes(`\0ZAG_PROCESS_ID=${id}.`))
}

function environmentOf(pid: string): string {
  try {
    return `\0${readFileSync(`/proc/${pid}/environ`, 'latin1')}`
  } catch {
    // It is gone, or somebody else's.
    return ''
  }
}
