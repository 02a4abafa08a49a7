// What spawn, exec and pipe share: the flags that say what to start, and where its prompt comes from.

import { EXIT, quoted, usage } from '../base/exit.js'
import { type Flags, longName } from './data.js'
import { contentOf, type Input } from './input.js'
import { readValue } from './value.js'

/** The flags of a new session. They are the fields of Ask in lib/run/ask.ts. */
export const askFlags = {
  provider: { type: 'string', short: 'p', value: 'name', does: 'the agent: sh, or one of zag providers' },
  model: { type: 'string', short: 'm', value: 'model', does: 'the model, as the provider names it' },
  size: { type: 'choice', choices: ['small', 'medium', 'large'], does: 'a model by size, from [models] of the configuration' },
  root: { type: 'string', short: 'r', value: 'folder', does: 'the folder to work in, if not this one' },
  autoApprove: { type: 'boolean', short: 'a', does: 'let the agent use its tools without asking' },
  allow: { type: 'strings', value: 'rule', does: "let it do what fits the rule, as 'bash(command=git status*)'" },
  deny: { type: 'strings', value: 'rule', does: 'refuse what fits the rule, whatever else allows it' },
  allowOnce: { type: 'strings', value: 'rule', does: 'allow one call that fits the rule' },
  ask: { type: 'boolean', does: 'ask about what no rule decides, by a relay: zag relay, zag approve' },
  noAsk: { type: 'boolean', does: 'refuse what no rule decides, also where asking is the default' },
  relayTimeout: { type: 'time', value: 'time', does: 'deny what nobody answered for so long' },
  agent: { type: 'string', value: 'command', does: "how to start the agent of the provider acp: --agent 'gemini --acp'" },
  baseUrl: { type: 'string', value: 'url', does: 'the endpoint of the models, for the provider native' },
  systemPrompt: { type: 'string', short: 's', value: 'text', does: 'the system prompt' },
  addDir: { type: 'strings', value: 'folder', does: 'another folder the agent may work in' },
  env: { type: 'strings', value: 'name=value', does: 'a variable for the agent' },
  file: { type: 'strings', value: 'path', does: 'attach a file to the prompt' },
  mcpConfig: { type: 'string', value: 'path', does: 'the configuration of MCP servers' },
  maxTurns: { type: 'number', value: 'n', min: 1, does: 'end after so many turns' },
  timeout: { type: 'time', value: 'time', does: 'end it, and all it started, after this long' },
  stall: { type: 'time', value: 'time', does: 'end an agent that wrote nothing for so long; 0 never' },
  onLimit: { type: 'choice', choices: ['wait', 'fail'], does: 'sleep until a usage limit is over and go on, or fail at once' },
  retries: { type: 'number', value: 'n', max: 1000, does: 'try again up to so often when it fails, with growing pauses' },
  maxDepth: { type: 'number', value: 'n', does: 'how deep sessions may nest below it; 0 lets it start none' },
  maxChildren: { type: 'number', value: 'n', does: 'how many sessions that it started may be alive at once' },
  plan: { type: 'boolean', does: 'only plan, change nothing' },
  jsonSchema: {
    type: 'string',
    value: 'schema',
    json: true,
    does: 'the result has to be JSON that fits this: inline if it begins with {, else a file',
  },
  contextBytes: { type: 'size', value: 'bytes', does: 'give longer results as head and tail', default: '64k' },
  group: { type: 'string', value: 'group', does: "the group, if not the project's" },
  keepChildren: { type: 'boolean', does: 'leave alone what the agent started and left running' },
  worktree: { type: 'optional', short: 'w', value: 'name', does: 'work in a git worktree and branch of its own' },
  sandbox: {
    type: 'optional',
    value: 'name',
    does: 'let it write nothing but the project, by bubblewrap; with this profile of the configuration',
  },
  sandboxNet: { type: 'choice', choices: ['on', 'off'], does: 'whether there is a network in the sandbox' },
  prompt: { type: 'string', value: 'text', does: 'the prompt, in place of the operand' },
  filePrompt: { type: 'string', value: 'path', does: 'the prompt from a file' },
} as const satisfies Flags

/** How what starts a session can fail before there is one. */
export const startExits = {
  [EXIT.none]: 'a session for --context was not found',
  [EXIT.notNow]:
    'a session for --context is not over; the session this is asked for in may start no more; others are making worktrees of the repository for too long; or what has to wait, or a worktree, was asked for in a sandbox',
  [EXIT.cannotRun]: 'the agent program may not be executed',
  [EXIT.notFound]: 'the provider, its program, git or bubblewrap was not found, or there can be no sandbox here',
} as const

/** How a new session is called; pipe has its own, because there --tag selects. */
export const callFlags = {
  name: { type: 'string', value: 'name', does: 'a name to find it by' },
  description: { type: 'string', value: 'text', does: 'what it is for' },
  tag: { type: 'strings', value: 'tag', does: 'a tag to find it by, with others' },
} as const satisfies Flags

/** Results of other sessions to put before the prompt. */
export const contextFlag = {
  context: { type: 'strings', value: 'session', does: 'put the result of this session before the prompt' },
} as const satisfies Flags

/** Throws usage for a flag of a new session, but for some, where the session is there already. */
export function forNewSession(values: Record<string, unknown>, but: readonly string[]): void {
  const flags: Flags = { ...askFlags, ...callFlags, ...contextFlag }
  for (const [key, flag] of Object.entries(flags)) {
    const value = values[key]
    const unasked = flag.default === undefined ? undefined : readValue(flag, String(flag.default))
    if (but.includes(key) || value === unasked || value === false || (Array.isArray(value) && value.length === 0)) continue
    throw usage(`--${longName(key)} is for a new session: this one stays as it was asked for`)
  }
}

/** The prompt from the one place that gives it: words, --prompt, --file-prompt, or stdin for the word `-`. Throws usage, and Fault 5 for a file that cannot be read. */
export async function promptOf(
  flags: { prompt?: string | Buffer; filePrompt?: string },
  words: string[],
  stdin: Input,
  what: 'prompt' | 'message' = 'prompt',
): Promise<string | Buffer> {
  const [word] = words
  const given = [word, flags.prompt, flags.filePrompt].filter(source => source !== undefined)
  if (given.length === 0) throw usage(`no ${what}: give it as an operand, with --prompt or --file-prompt, or on stdin with -`)
  if (words.length > 1)
    throw usage(`one ${what}, not ${words.length} words: put it in quotes (${quoted(words[1] as string)} is the second)`)
  if (given.length > 1) throw usage(`one ${what}, please: an operand, --prompt or --file-prompt`)
  if (flags.filePrompt !== undefined) return contentOf(flags.filePrompt, `the ${what}`)
  if (flags.prompt !== undefined) return flags.prompt
  return word === '-' ? stdin.bytes() : (word as string)
}
