// What an agent program must tell zag to be a provider: where it is, how it is started, and how what it prints becomes events.
//
// A provider is one file that exports one Provider; list.ts names them all. Nothing outside lib/provider knows an agent by name.

import type { Config } from '../config/config.js'
import type { Known } from '../file/times.js'
import type { NewEvent } from '../log/events.js'
import type { Call, Decision, Question } from '../permission/call.js'

/** What a session can be asked for that not every agent can do; the flag is --auto-approve and so on. */
export type Feature =
  | 'model'
  | 'system_prompt'
  | 'add_dir'
  | 'file'
  | 'mcp_config'
  | 'max_turns'
  | 'plan'
  | 'auto_approve'
  | 'resume'
  | 'cost'
  | 'agent'
  | 'base_url'
  | 'relays'

const SIZES = ['small', 'medium', 'large'] as const
export type Size = (typeof SIZES)[number]

/** Whether the agent program can be used here, and if not, why and what to do. */
export type Found = { path: string; version?: string } | { path?: undefined; why: string; install: string; denied?: boolean }

/** What is asked of a new session that an agent can be found by: the address of its models, and --env. */
export interface Asked {
  baseUrl?: string
  env?: readonly string[]
}

/** One run as a provider sees it. */
export interface Task {
  session: string
  run: number
  root: string
  cwd: string
  model?: string
  /** The file with the prompt of this turn. */
  promptFile: string
  /** The agent was told something before: it is to go on with that conversation, if the provider can resume. */
  resumed: boolean
  /** The agent's own id of the conversation, if its output told one. */
  conversation?: string
  /** The file with wrapped results given as context, for agents whose prompt is a script; others have them in the prompt. */
  contextFile?: string
  flags: Wishes
  /** The JSON Schema that the result has to fit. It is in the prompt, too. */
  schema?: string
  /** Whatever it asks, rules or people of the session decide: what they allow is to be done. */
  decided?: boolean
  /** What whoever asked for it has in the environment, with what --env gave. */
  env: Readonly<NodeJS.ProcessEnv>
  /** Keeps a text for the agent in a private file of the session, whose path it gives; never in the user's project. */
  keep(name: string, text: string): string
  /** What such a file has in it, also from an earlier run. */
  kept(name: string): string | undefined
}

/** The flags of a session that are the provider's to see to; paths are absolute. */
export interface Wishes {
  systemPrompt?: string
  addDir?: string[]
  /** A file of JSON with `mcpServers`, which lib/provider/mcp.ts reads. */
  mcpConfig?: string
  maxTurns?: number
  plan?: boolean
  autoApprove?: boolean
  /** The command line of an agent, where the provider is for any. */
  agent?: string
  /** Where its models are. */
  baseUrl?: string
  [flag: string]: unknown
}

/** How to start an agent. */
export interface Start {
  argv: [string, ...string[]]
  /** Variables for it; --env goes before them. */
  env?: Record<string, string>
  /** Variables that were made of what task.env has under their names, and so stand in place of that. */
  remade?: Record<string, string>
}

/** How to start the agent for a run. */
export interface Launch extends Start {
  /** A file the agent reads as its stdin; it ends, so that no agent waits for more. */
  stdin: string
}

/** How an agent's process ended. */
export interface Exit {
  /** Neither, if nobody saw it end. */
  code: number | null
  signal: string | null
  /** It had said its last word, and was ended because it did not exit. */
  ended?: boolean
  /** The turn is over, and the process lives on for the next. */
  livesOn?: boolean
  /** The last lines that it wrote to stderr, at most 2 KiB; an agent that could not begin says there why. */
  stderr?: string
}

/** A limit of what may be used that the agent ran into: of requests, tokens or money in a time. */
export interface Limit {
  /** In the agent's words, one line. */
  message: string
  /** What is limited, as the agent names it: five_hour, weekly. */
  scope?: string
  /** When it is over, in milliseconds since 1970, if that was said. */
  resetAt?: number
  /** What it was told in this turn is no part of the conversation: it has to be told that again. */
  unsaid?: boolean
}

/** What a run came to, by all that the agent's output says. */
export interface Verdict {
  success: boolean
  /** One line on what went wrong. */
  error?: string
  /** The final text; 'stdout' if it is what the agent wrote, byte for byte; nothing if it said nothing. */
  result?: string | { stdout: true }
  /** The agent's own id of the conversation, if it told one: what a later turn needs to go on with it. */
  conversation?: string
  /** It failed because of this. */
  limit?: Limit
}

/** What an agent printed before the turn that is read, in earlier turns of the same session. */
export interface Past {
  /** The latest whole line of it that is one. */
  line(is: (line: Buffer) => boolean): Buffer | undefined
  /** What a private file has in it that was kept for the agent, or by it. No other run of the session begins before this one was read. */
  kept(name: string): string | undefined
}

/** Turns the output of one run into events. The same lines must give the same events again: a dead run is read anew. */
export interface Reader {
  /** Each line is an event or more of its own; else lines that were read together may become one event. */
  each?: boolean
  /** Whole lines of stdout without their newlines; the last may be an unfinished one at the end. */
  out(lines: Buffer[]): NewEvent[]
  /** What was held back until now, such as a message whose end was not seen; once, when all lines of the turn were read. */
  end?(): NewEvent[]
  /** The agent has said its last word of the turn: what is left for it to do is to exit, and it gets a short while for that. */
  readonly through?: boolean
  /** All it says is that it waits, for a network that is not there: a stall, however often it says so. */
  readonly waiting?: boolean
  /** Once, when the agent has ended, or the turn of one that lives on, and everything was read. */
  verdict(exit: Exit): Verdict
}

/** What zag's side of a talk with an agent can do. */
export interface Wire {
  /** Sends one message, as a line of JSON on the agent's stdin. */
  send(message: object): void
  /** Puts into the log what the agent's lines do not tell, such as how it was answered. */
  log(...events: NewEvent[]): void
  /**
   * Asks whether the agent may; what was decided is in the log by then. Answers at once where a rule decides or nobody is to be asked, and
   * never rejects for that. An abort of the signal says that the agent no longer wants to know.
   */
  ask(question: Question, signal?: AbortSignal): Promise<Decision>
  /** What is against a call that the agent makes without asking, if a rule is; that is in the log by then. */
  forbids(call: Call): Decision | undefined
  /** Takes a refusal that the agent could not be told the reason of: it is told once its turn is over. */
  untold(question: Question, refusal: Decision): void
  /** The files of the project, for an agent that has them read and written for it. */
  files: Files
}

/** Both reject with an Error that the agent can be told: also where it would write over what it has not read. */
export interface Files {
  /** The text of a file, or so many of its lines from one on, counted from 1. */
  read(path: string, portion: { line?: number | null; limit?: number | null }): Promise<string>
  /** `known` is what the session knew of the file when it asked whether it may write it: what it has read since then does not count. */
  write(path: string, content: string, known?: Known): Promise<void>
  /** The version that the session knows of a file; nothing if it has read none. */
  known(path: string): Promise<Known | undefined>
}

/** zag's side of the talk with one agent that lives on. */
export interface Driver {
  /** Each line of JSON that the agent prints, from its first on. */
  take(line: Record<string, unknown>): void
  /** Begins a conversation, or goes on with that of the task; gives the agent's own id of it. Rejects with an Error that says in one line why that cannot be. */
  open(): Promise<string | undefined>
  /** Hands the agent a prompt. That its turn is over is for the reader to see. */
  prompt(text: string): void
}

/** An agent that takes several prompts in one life, on its stdin, and asks before it acts. */
export interface Live {
  /** There is no other way to run it. */
  only?: boolean
  start(task: Task): Start
  /** Reads one turn; `past` has what was printed since the agent began. It is through when the turn is over. */
  reader(past: Past): Reader
  driver(task: Task, wire: Wire): Promise<Driver>
}

/** How long an agent of a vendor may write nothing, in milliseconds: waiting out a limit in silence is what some of them do. */
export const STALL = 30 * 60_000

export interface Provider {
  name: string
  does: string
  /** A script's prompt is run as it is: nothing is put before or after it. */
  prompt: 'script' | 'text'
  /** It takes a prompt of any bytes, also such as are no text. */
  bytes?: true
  can: ReadonlySet<Feature>
  /** The models that --size stands for, unless the configuration names others. */
  sizes?: Readonly<Record<Size, string>>
  /** An agent that writes nothing for so long is ended, in milliseconds, unless --stall says otherwise; nothing if it may be silent. */
  stall?: number
  /**
   * What it writes to stderr when it could not begin because others of its kind began at that moment. If it told no conversation either
   * it is started again.
   */
  collides?: RegExp
  /** Variables that it sets for what runs inside it, and that would make one started from there take itself for a part of it. */
  marks?: RegExp
  /** What it writes of its own outside of a project, and what of that it must not write in a sandbox, because it says what is run. */
  state?(env: NodeJS.ProcessEnv): { write: string[]; read: string[] }
  /** Where it is, by a look at files alone: asked before every start. */
  find(asked?: Asked): Found | Promise<Found>
  /** The same with its version, if `find` cannot tell that, by running it. */
  ask?(path: string): Promise<Found>
  /** The model where none is asked for and the configuration names none for all. */
  model?(config: Config): string | undefined
  /** Throws usage for what it could not be started with; asked before a session is made. */
  check?(asked: { model?: string; prompt: Buffer; flags: Wishes }): void
  launch(task: Task): Launch
  /** Run once for each turn, it can go on with a conversation of which it told no id: that is chosen or kept on zag's side. */
  ownConversation?: true
  reader(past: Past): Reader
  /** It is used only where it is asked for by its name. */
  named?: true
  /** How it is run where it is to live on after its first turn. */
  live?: Live
}
