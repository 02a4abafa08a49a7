// What an agent program must tell zag to be a provider: where it is, how it is started, and how what it prints becomes events.
//
// A provider is one file that exports one Provider; list.ts names them all. Nothing outside lib/provider knows an agent by name.

import type { NewEvent } from '../log/events.js'

/** What a session can be asked for that not every agent can do; the flag is --auto-approve and so on. */
export type Feature = 'model' | 'system_prompt' | 'add_dir' | 'file' | 'mcp_config' | 'max_turns' | 'plan' | 'auto_approve' | 'resume'

/** Whether the agent program can be used here, and if not, why and what to do. */
export type Found = { path: string; version?: string } | { path?: undefined; why: string; install: string; denied?: boolean }

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
  flags: Record<string, unknown>
}

/** How to start the agent for a run. */
export interface Launch {
  argv: [string, ...string[]]
  /** A file the agent reads as its stdin; it ends, so that no agent waits for more. */
  stdin: string
  env?: Record<string, string>
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
}

/** Turns the output of one run into events. The same lines must give the same events again: a dead run is read anew. */
export interface Reader {
  /** Each line is an event or more of its own; else lines that were read together may become one event. */
  each?: boolean
  /** Whole lines of stdout without their newlines; the last may be an unfinished one at the end. */
  out(lines: Buffer[]): NewEvent[]
  /** Once, when the agent has ended and everything was read. */
  verdict(exit: { code: number | null; signal: string | null }): Verdict
}

export interface Provider {
  name: string
  does: string
  /** A script's prompt is run as it is: nothing is put before or after it. */
  prompt: 'script' | 'text'
  can: ReadonlySet<Feature>
  find(): Found | Promise<Found>
  /** Throws usage for what it could not be started with; asked before a session is made. */
  check?(asked: { model?: string; prompt: Buffer }): void
  launch(task: Task): Launch
  reader(): Reader
}
