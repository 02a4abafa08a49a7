// Claude Code: a process for each turn, `claude -p` with the prompt on stdin, which prints a JSON object a line. Source of the format: the
// program itself (2.1.197; 2.1.0 is the oldest that was tried).
// Where it is to live on it takes messages on stdin instead (claude-live.ts). What it prints is read by claude-reader.ts.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { usage } from '../base/exit.js'
import { claudeDriver } from './claude-live.js'
import { claudeReader, liveReader } from './claude-reader.js'
import { fieldsOf, type Line } from './fields.js'
import { mcpServers } from './mcp.js'
import { askAgent, findAgent } from './program.js'
import { type Provider, STALL, type Task } from './provider.js'
import { plainSchema } from './schema.js'

/** It refuses a longer prompt on stdin, in UTF-16 units. */
const LONGEST_PROMPT = 10 * 1024 * 1024

const PROGRAM = { command: 'claude', package: '@anthropic-ai/claude-code', least: '2.1.0' }

export const claude: Provider = {
  name: 'claude',
  does: 'Claude Code, by Anthropic',
  prompt: 'text',
  can: new Set(['model', 'system_prompt', 'add_dir', 'mcp_config', 'max_turns', 'plan', 'auto_approve', 'resume', 'cost']),
  sizes: { small: 'haiku', medium: 'sonnet', large: 'opus' },
  stall: STALL,
  // Not what users set to configure it, which begins with CLAUDE_CODE_ as well.
  marks: /^(CLAUDECODE|CLAUDE_EFFORT|CLAUDE_PROJECT_DIR|AI_AGENT|CLAUDE_CODE_(ENTRYPOINT|EXECPATH|SESSION_ID|CHILD_SESSION))$/,
  state({ CLAUDE_CONFIG_DIR: own }) {
    const folder = own || '~/.claude'
    return { write: [folder, ...(own ? [] : ['~/.claude.json'])], read: [join(folder, 'settings.json'), join(folder, 'hooks')] }
  },
  find: () => findAgent(PROGRAM),
  ask: path => askAgent(PROGRAM, path),
  check({ prompt, flags }) {
    // It would end well and have said nothing.
    if (prompt.length > 0 && String(prompt).trim() === '') throw usage("the prompt is blank: provider 'claude' does nothing with it")
    if (prompt.length >= LONGEST_PROMPT && String(prompt).length >= LONGEST_PROMPT)
      throw usage(`the prompt has ${prompt.length} bytes, and provider 'claude' takes less than 10 MiB: name files for it to read`)
    if (flags.mcpConfig !== undefined) mcpServers(flags.mcpConfig)
  },
  launch: task => ({
    argv: ['claude', ...FORMAT, ...wordsOf(task), ...schemaOf(task), ...(approvesAll(task) ? ['--dangerously-skip-permissions'] : [])],
    stdin: promptOf(task),
    // Without it, it does not skip permissions as root.
    env: { ...ENVIRONMENT, ...(approvesAll(task) && process.getuid?.() === 0 ? { IS_SANDBOX: '1' } : {}) },
  }),
  reader: claudeReader,
  live: {
    start: task => ({ argv: ['claude', ...FORMAT, ...LIVE, ...wordsOf(task)], env: ENVIRONMENT }),
    reader: liveReader,
    driver: async (task, wire) => claudeDriver(task, wire),
  },
}

const FORMAT = ['-p', '--output-format', 'stream-json', '--verbose']

/** It reads messages, asks on stdout whether it may, and repeats a prompt when the model gets it. Questions to the user are not offered to the model: nobody answers. */
const LIVE = [
  ...['--input-format', 'stream-json', '--permission-prompt-tool', 'stdio', '--replay-user-messages'],
  ...['--disallowedTools', 'AskUserQuestion'],
]

/** Fifty at once must not all replace their own program. What else it sends home is for the user to say. */
const ENVIRONMENT = { DISABLE_AUTOUPDATER: '1' }

function wordsOf(task: Task): string[] {
  const { model, resumed, conversation, flags } = task
  const { systemPrompt, addDir = [], mcpConfig, maxTurns, plan } = flags
  return [
    ...(resumed && conversation !== undefined ? ['--resume', conversation] : []),
    ...(model === undefined ? [] : ['--model', model]),
    // Its own prompt says how its tools are used, and stays: what the user wants comes last in it. As a file others do not see it in ps.
    ...(systemPrompt === undefined ? [] : ['--append-system-prompt-file', task.keep('system-prompt', systemPrompt)]),
    ...addDir.flatMap(folder => ['--add-dir', folder]),
    ...(mcpConfig === undefined ? [] : ['--mcp-config', withTypes(task, mcpConfig)]),
    ...(maxTurns === undefined ? [] : ['--max-turns', String(maxTurns)]),
    ...(plan ? ['--permission-mode', 'plan'] : []),
  ]
}

/** Its model gets a tool to answer by, which is a turn more. The result is then the answer as JSON; a model that does not use the tool is reminded once. */
function schemaOf({ schema, flags: { maxTurns } }: Task): string[] {
  const plain = maxTurns === undefined ? plainSchema(schema) : undefined
  return plain === undefined ? [] : ['--json-schema', plain]
}

/** Given both it would skip the permissions and write: a plan changes nothing. */
const approvesAll = ({ flags: { autoApprove, plan } }: Task) => autoApprove === true && !plan

/** The file with the prompt. One that begins with `/word` would be taken for a command of its own, and the model never asked. */
function promptOf({ promptFile, keep }: Task): string {
  const prompt = readFileSync(promptFile, 'utf8')
  return prompt.startsWith('/') ? keep('prompt', `\n${prompt}`) : promptFile
}

/** The configuration of MCP servers. One with a `url` and no `type` would be left out without a word. */
function withTypes({ keep }: Task, path: string): string {
  const remote = Object.entries(mcpServers(path)).flatMap(([name, server]) => ('url' in server ? [{ name, type: server.transport }] : []))
  const given = fieldsOf(JSON.parse(readFileSync(path, 'utf8')))
  const untyped = remote.filter(({ name }) => serverIn(given, name).type === undefined)
  for (const { name, type } of untyped) serverIn(given, name).type = type
  return untyped.length === 0 ? path : keep('mcp.json', JSON.stringify(given))
}

const serverIn = (config: Line, name: string) => fieldsOf(fieldsOf(config.mcpServers)[name])
