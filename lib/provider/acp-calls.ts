// What an agent that speaks the Agent Client Protocol asks for, in the vocabulary for all vendors: by the kind of a call, its rawInput,
// its locations and its diffs. The title is for people, and may say something else than what is done; where it is known to be the
// command itself, the provider says so in a table of its own.

import { resolve } from 'node:path'
import type { Call, Question } from '../permission/call.js'
import { agent, bash, bashIn, callIn, edit, fetch, mcp, own, pathOf, pathsIn, read, search } from './calls.js'
import { CLAUDE } from './claude-calls.js'
import { fieldsOf, type Line, listOf, textOf } from './fields.js'

/** What a provider knows better of a call of its agent, as `asked` says it; `call` has what was told of it before, too. */
export type AcpTable = (asked: Line, call: Line, paths: string[]) => Call | undefined

/** The question in a request, `asked`, about a call of which `before` was told. `cwd` is where relative paths are meant from. */
export function acpQuestion(asked: Line, before: Line, cwd: string, table: AcpTable = () => undefined): Question {
  const call = { ...before, ...withoutEmpty(asked), rawInput: { ...fieldsOf(before.rawInput), ...fieldsOf(asked.rawInput) } }
  const paths = pathsOf(call, cwd)
  const { toolCallId, title, kind, rawInput, locations } = call as Line
  const raw = { title, kind, rawInput, locations }
  return { ...(table(asked, call, paths) ?? byName(call) ?? byKind(call, paths, cwd) ?? unknown(call)), tool_id: textOf(toolCallId), raw }
}

/** Claude's adapter tells the name that the tool has there; a server's tool is known by two names. */
function byName({ _meta, rawInput }: Line): Call | undefined {
  const name = textOf(fieldsOf(fieldsOf(_meta).claudeCode).toolName)
  const input = fieldsOf(rawInput)
  if (name !== undefined) return callIn(CLAUDE, name, input)
  const server = textOf(input.serverName) ?? textOf(input.server)
  const tool = textOf(input.toolName) ?? textOf(input.tool)
  return server !== undefined && tool !== undefined ? mcp(server, tool, input.args ?? input.arguments) : undefined
}

function byKind({ kind, title, rawInput }: Line, paths: string[], cwd: string): Call | undefined {
  const input = fieldsOf(rawInput)
  const found = paths.length > 0
  switch (kind) {
    case 'execute':
      return commandIn(input, cwd) ?? { ...bash(''), params: untold(title) }
    case 'read':
      return found ? read(paths) : undefined
    case 'edit':
    case 'delete':
    case 'move':
      return found ? edit(paths) : { ...edit(''), params: untold(title) }
    case 'search': {
      const pattern = textOf(input.pattern) ?? textOf(input.query) ?? textOf(input.regex)
      return pattern !== undefined || found ? search(pattern, paths) : undefined
    }
    case 'fetch':
      return input.url === undefined ? { ...fetch(''), params: untold(title) } : fetch(input.url)
    case 'think':
      return input.prompt === undefined ? undefined : agent(input.prompt)
    default:
      return undefined
  }
}

/** Of what acts and does not tell on what, rules about the tool still hold: people see what it is called. */
const untold = (title: unknown): Line => (textOf(title) ? { title } : {})

/** Names that agents have for the folder of a command. */
const FOLDERS = ['cwd', 'workdir', 'working_directory', 'workingDirectory', 'directory', 'dir_path']

/** What it runs: a line, words, or several of such, all of which must be allowed. */
function commandIn(input: Line, cwd: string): Call | undefined {
  const { command, cmd, commands, args } = input
  const folder = FOLDERS.map(name => input[name]).find(each => textOf(each))
  const program = command ?? cmd
  const told = textOf(program) && Array.isArray(args) && args.length > 0 ? [program, ...args] : program
  const lines = Array.isArray(commands) && commands.length > 0 ? commands : undefined
  if (told === undefined && lines) {
    const each = lines.map(line => bashIn(folder, cwd, line).params.command)
    return lines.every(line => textOf(line)) ? { ...bash(''), params: { command: each.length > 1 ? each : each[0] } } : undefined
  }
  return textOf(told) || (Array.isArray(told) && told.length > 0) ? bashIn(folder, cwd, told) : undefined
}

/** A call that is not understood: what it is called, for people to decide about. */
function unknown({ kind, title, rawInput }: Line): Call {
  return own('other', { ...fieldsOf(rawInput), kind: kind === 'other' ? undefined : kind, title })
}

/** Every file that it names, each once. */
function pathsOf({ locations, content, rawInput }: Line, cwd: string): string[] {
  const told = [...listOf(locations), ...listOf(content).filter(({ type }) => type === 'diff')]
    .flatMap(({ path }) => textOf(path) ?? [])
    .map(pathOf)
  const seen = new Map([...told, ...pathsIn(fieldsOf(rawInput))].reverse().map(path => [resolve(cwd, path), path]))
  return [...seen.values()].reverse()
}

function withoutEmpty(fields: Line): Line {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value != null && !(Array.isArray(value) && value.length === 0)))
}
