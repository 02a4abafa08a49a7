// What an agent asks to do, in one vocabulary for the agents of all vendors, so that one rule fits all. Each provider makes a Call of
// its own names and inputs; lib/permission decides about it and knows no vendor.

import type { ToolKind } from '../log/events.js'

/**
 * A call of a tool: `bash` {command}, `read` {path}, `edit` {path} (write, patch, delete, move), `search` {pattern, path}, `fetch` {url},
 * `agent` {prompt}, `mcp` {server, tool, and what the tool takes}. A tool that is none of these keeps its own name and parameters. A
 * parameter that is a list stands for several calls, one for each of it: all of them have to be allowed.
 */
export interface Call {
  tool: string
  tool_kind: ToolKind
  params: Record<string, unknown>
}

/** A call that somebody has to decide about. */
export interface Question extends Call {
  /** The agent's own id of the call, as its tool_call event has it. */
  tool_id?: string
  /** What the agent itself said of it, for whoever wants to see that. */
  raw?: unknown
}

/** What was decided about a call, and by what: the fields of a `permission` event. */
export interface Decision {
  granted: boolean
  by: 'rule' | 'once' | 'deny' | 'person' | 'timeout' | 'auto'
  /** The rule that decided it. */
  rule?: string
  /** Why, for the agent and for the log. */
  reason?: string
  relay_id?: string
}

/** Where paths of a call are to be seen from: rules with relative paths mean the project, also in a worktree of it. */
export interface Place {
  /** The top of the tree the agent works in: the project, or the worktree in its place. */
  root: string
  /** The folder relative paths of the agent are meant from. */
  cwd: string
}
