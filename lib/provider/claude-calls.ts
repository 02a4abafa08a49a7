// The tools of Claude Code in the vocabulary for all vendors. Source of their names and inputs: the program itself (2.1.197).

import type { Question } from '../permission/call.js'
import { agent, bash, callIn, edit, fetch, own, read, search, type Vocabulary } from './calls.js'
import { fieldsOf, type Line, textOf } from './fields.js'

/** Its tools by their names. PowerShell is not among them: its lines are no shell's. */
export const CLAUDE: Vocabulary = {
  Bash: ({ command }) => bash(command),
  Read: ({ file_path }) => read(file_path),
  NotebookRead: ({ notebook_path }) => read(notebook_path),
  Write: ({ file_path }) => edit(file_path),
  Edit: ({ file_path }) => edit(file_path),
  MultiEdit: ({ file_path }) => edit(file_path),
  NotebookEdit: ({ notebook_path }) => edit(notebook_path),
  Glob: ({ pattern, path }) => search(pattern, folderOf(textOf(pattern) ?? '', path)),
  Grep: ({ pattern, path }) => search(pattern, path),
  LS: ({ path }) => search(undefined, path),
  Task: ({ prompt }) => agent(prompt),
  Agent: ({ prompt }) => agent(prompt),
  WebFetch: ({ url }) => fetch(url),
  WebSearch: input => own('WebSearch', input, 'web'),
}

/** Where it looks: a pattern that is absolute leads elsewhere than its path says, and one with `..` anywhere. */
function folderOf(pattern: string, path: unknown): unknown {
  if (/\.\.|[{,][/~]|^~/.test(pattern)) return '/'
  if (!pattern.startsWith('/')) return path
  const parts = pattern.split('/')
  const fixed = parts.findIndex(part => /[*?[\]{}!()]/.test(part))
  return parts.slice(0, fixed < 0 ? undefined : fixed).join('/') || '/'
}

/** What a request of its control protocol, `can_use_tool`, asks for. */
export function claudeQuestion(request: Line): Question {
  const { tool_name, input, tool_use_id } = request
  const call = callIn(CLAUDE, textOf(tool_name) ?? 'unknown', fieldsOf(input))
  return { ...call, tool_id: textOf(tool_use_id), raw: { tool_name, input } }
}
