// The kinds of events a log holds and their fields: the only place where they are spelt. zag-log(5) is the same for users.
//
// Fields that are not listed are allowed in every event: readers hand through what they do not know.

export const TOOL_KINDS = ['shell', 'file_read', 'file_write', 'file_edit', 'search', 'sub_agent', 'web', 'notebook', 'other'] as const
export type ToolKind = (typeof TOOL_KINDS)[number]

/** How a run ended. */
export type Outcome = 'completed' | 'failed' | 'cancelled' | 'dead'

interface Tool {
  tool_id?: string
  tool: string
  tool_kind: ToolKind
}

interface Limit {
  incident_id: string
  scope?: string
  reset_at?: string
  resume_at?: string
  /** How often it went on so far. */
  attempt?: number
  raw?: unknown
  error?: string
}

interface Talk {
  message: string
  data?: unknown
  raw?: string
}

/** The fields of each kind of event. */
export interface EventFields {
  session_started: {
    provider: string
    model?: string
    root: string
    cwd: string
    command: string[]
    /** The agent's process; what tells it from a later one with its number; the value of its ZAG_PROCESS_ID. */
    pid?: number
    pid_start?: string
    boot_id?: string
    host?: string
    process_id: string
    run: number
    resumed: boolean
    depends_on?: string[]
    retried_from?: string
    /** The turn it begins with: 1 is the first prompt; a run that tries again has that of the run before. */
    turn?: number
    /** Where this run begins in the agent's files. */
    stdout_from: number
    stderr_from: number
  }
  /** `from` is prompt, input, broadcast, schema, limit, permission, or the session that sent it. */
  user_message: { content: string; from: string; message_id?: string; turn?: number }
  assistant_message: { content: string; message_id?: string }
  reasoning: { content: string; message_id?: string }
  tool_call: Tool & { input?: unknown }
  tool_result: Tool & { success: boolean; output?: unknown; error?: string }
  /** `raw`: the call as the agent itself has it. */
  relay: Tool & { relay_id: string; kind: 'permission'; params: unknown; raw?: unknown }
  permission: {
    relay_id?: string
    tool_id?: string
    tool: string
    params?: unknown
    granted: boolean
    by: 'rule' | 'once' | 'deny' | 'person' | 'timeout' | 'auto'
    rule?: string
    reason?: string
  }
  usage: {
    input_tokens?: number
    output_tokens?: number
    cache_read_tokens?: number
    cache_write_tokens?: number
    cost_usd?: number
  }
  usage_limit_hit: Limit
  usage_limit_resumed: Limit
  usage_limit_failed: Limit
  provider_status: Talk
  stderr: Talk
  parse_warning: Talk
  user_event: { level: Level; message: string; data?: unknown; by?: string }
  turn_ended: {
    stop_reason: string
    turn?: number
    success?: boolean
    exit_code?: number
    signal?: string
    error?: string
    /** Why it failed, as session_ended has it. */
    reason?: string
    /** How far the agent's stdout belongs to this turn and those before. */
    stdout_to?: number
  }
  session_result: { result: string }
  session_ended: {
    success: boolean
    status: Outcome
    run: number
    exit_code?: number
    signal?: string
    error?: string
    /** Why it ended so, where that is not what the agent itself said: timeout, stalled, limit, dependency, cancelled, runner, schema, start. */
    reason?: string
    duration_ms: number
  }
}

export const LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type Level = (typeof LEVELS)[number]

export type EventType = keyof EventFields

const LIMIT = {
  incident_id: 'plain',
  scope: 'plain',
  reset_at: 'plain',
  resume_at: 'plain',
  attempt: 'plain',
  raw: 'nested',
  error: 'plain',
} as const
const TALK = { message: 'plain', data: 'nested', raw: 'plain' } as const

type Plain = string | number | boolean | undefined

/** The fields of each kind as data: `nested` ones hold lists or objects. The compiler sees to it that none is missing or made up. */
export const FIELDS: {
  readonly [T in EventType]: { readonly [F in keyof EventFields[T]]-?: EventFields[T][F] extends Plain ? 'plain' : 'nested' }
} = {
  session_started: {
    provider: 'plain',
    model: 'plain',
    root: 'plain',
    cwd: 'plain',
    command: 'nested',
    pid: 'plain',
    pid_start: 'plain',
    boot_id: 'plain',
    host: 'plain',
    process_id: 'plain',
    run: 'plain',
    resumed: 'plain',
    depends_on: 'nested',
    retried_from: 'plain',
    turn: 'plain',
    stdout_from: 'plain',
    stderr_from: 'plain',
  },
  user_message: { content: 'plain', from: 'plain', message_id: 'plain', turn: 'plain' },
  assistant_message: { content: 'plain', message_id: 'plain' },
  reasoning: { content: 'plain', message_id: 'plain' },
  tool_call: { tool_id: 'plain', tool: 'plain', tool_kind: 'plain', input: 'nested' },
  tool_result: { tool_id: 'plain', tool: 'plain', tool_kind: 'plain', success: 'plain', output: 'nested', error: 'plain' },
  relay: { tool_id: 'plain', tool: 'plain', tool_kind: 'plain', relay_id: 'plain', kind: 'plain', params: 'nested', raw: 'nested' },
  permission: {
    relay_id: 'plain',
    tool_id: 'plain',
    tool: 'plain',
    params: 'nested',
    granted: 'plain',
    by: 'plain',
    rule: 'plain',
    reason: 'plain',
  },
  usage: { input_tokens: 'plain', output_tokens: 'plain', cache_read_tokens: 'plain', cache_write_tokens: 'plain', cost_usd: 'plain' },
  usage_limit_hit: LIMIT,
  usage_limit_resumed: LIMIT,
  usage_limit_failed: LIMIT,
  provider_status: TALK,
  stderr: TALK,
  parse_warning: TALK,
  user_event: { level: 'plain', message: 'plain', data: 'nested', by: 'plain' },
  turn_ended: {
    stop_reason: 'plain',
    turn: 'plain',
    success: 'plain',
    exit_code: 'plain',
    signal: 'plain',
    error: 'plain',
    reason: 'plain',
    stdout_to: 'plain',
  },
  session_result: { result: 'plain' },
  session_ended: {
    success: 'plain',
    status: 'plain',
    run: 'plain',
    exit_code: 'plain',
    signal: 'plain',
    error: 'plain',
    reason: 'plain',
    duration_ms: 'plain',
  },
}

/** Every kind of event, in the order of zag-log(5). */
export const EVENT_TYPES = Object.keys(FIELDS) as EventType[]

/** The fields that every event may have, whatever its kind. */
export const COMMON_FIELDS: { readonly [F in keyof (Stamp & Extras & { type: string; seq: number })]-?: 'plain' | 'nested' } = {
  type: 'plain',
  ts: 'plain',
  session_id: 'plain',
  parent_id: 'plain',
  seq: 'plain',
  offset: 'plain',
  spilled: 'nested',
}

/** An event before it is stored: its kind, its fields and what else its writer wants to keep. */
export type NewEvent = { [T in EventType]: { type: T } & EventFields[T] & Extras }[EventType]

interface Extras {
  offset?: number
  spilled?: Record<string, Spilled>
}

/** What the log adds when it stores an event. */
export interface Stamp {
  ts: string
  session_id: string
  parent_id?: string
}

/** An event as stored. */
export type StoredEvent = NewEvent & Stamp
/** An event as read: with the number of its line. A line that does not parse is read as a parse_warning. */
export type LogEvent = StoredEvent & { seq: number }

export type EventOf<T extends EventType> = Extract<StoredEvent, { type: T }>

/** Where the whole of a text is whose head and tail stand in a field: a path below the session's folder, and its bytes. */
export interface Spilled {
  path: string
  bytes: number
}
