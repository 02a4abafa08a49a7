// Any agent that speaks the Agent Client Protocol: its command line is given with --agent.

import { parseArgsStringToArgv } from 'string-argv'
import { EXIT, Fault, quoted, usage } from '../base/exit.js'
import { findProgram } from '../process/program.js'
import { acpReader } from './acp-reader.js'
import { acpDriver } from './acp-talk.js'
import { wordsOfCopilot } from './copilot-live.js'
import { mcpServers } from './mcp.js'
import { type Past, type Provider, type Reader, STALL, type Start, type Task, type Wishes } from './provider.js'

export const acp: Provider = {
  name: 'acp',
  does: 'any agent that speaks the Agent Client Protocol: --agent says how it is started',
  prompt: 'text',
  can: new Set(['agent', 'model', 'mcp_config', 'auto_approve', 'resume', 'cost']),
  stall: STALL,
  named: true,
  find: () => ({ path: '' }),
  check({ flags }) {
    const [program] = wordsOf(flags)
    if (flags.mcpConfig !== undefined) mcpServers(flags.mcpConfig)
    const { path, denied } = findProgram(program, process.env.PATH)
    if (path) return
    throw new Fault(
      `the program of --agent, ${quoted(program)}, ${denied ? 'may not be executed' : 'was not found'}`,
      denied ? EXIT.cannotRun : EXIT.notFound,
    )
  },
  launch: task => ({ ...start(task), stdin: task.promptFile }),
  reader,
  live: {
    only: true,
    start,
    reader,
    driver: (task, wire) => acpDriver(task, wire),
  },
}

function reader(past: Past): Reader {
  return acpReader(past, wordsOfCopilot(past))
}

function start(task: Task): Start {
  return { argv: wordsOf(task.flags) }
}

/** The words of --agent, as a shell would have them, without one. */
function wordsOf({ agent }: Wishes): [string, ...string[]] {
  if (hasOpenQuote(agent ?? '')) throw usage(`--agent ${quoted(agent ?? '')}: a quote is opened and never closed`)
  const [program, ...words] = parseArgsStringToArgv(agent ?? '')
  if (program === undefined) throw usage("provider 'acp' needs --agent: the command line of an agent, as --agent 'gemini --acp'")
  return [program, ...words]
}

function hasOpenQuote(words: string): boolean {
  let open = ''
  for (const sign of words.match(/['"]/g) ?? []) open = open === '' ? sign : open === sign ? '' : open
  return open !== ''
}
