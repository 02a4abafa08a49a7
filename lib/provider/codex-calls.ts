// What Codex asks for, in the vocabulary for all vendors. Source of the fields: `codex app-server generate-ts` of version 0.169.

import type { Question } from '../permission/call.js'
import { bashIn, edit, fetch, mcp, own } from './calls.js'
import { fieldsOf, type Line, listOf, textOf } from './fields.js'

/** A command, or a host that a command wants to reach. `home` is the folder of its thread. */
export function codexCommand(params: Line, home: string): Question {
  const { itemId, command, cwd, reason, networkApprovalContext } = params
  const { host, protocol } = fieldsOf(networkApprovalContext)
  const raw = { command, cwd, reason, networkApprovalContext }
  if (textOf(host)) return { ...fetch(`${textOf(protocol) ?? 'https'}://${host}`), tool_id: textOf(itemId), raw }
  const call = textOf(command) ? bashIn(cwd, home, command) : own('bash', { kind: params.kind, reason }, 'shell')
  return { ...call, tool_id: textOf(itemId), raw }
}

/** A change of files; which, the item told that was there before. */
export function codexChange({ itemId, reason, grantRoot }: Line, changes: unknown): Question {
  const paths = listOf(changes).flatMap(({ path, kind }) => [textOf(path) ?? [], textOf(fieldsOf(kind).move_path) ?? []].flat())
  const raw = { reason, grantRoot, changes: listOf(changes).map(({ path, kind }) => ({ path, kind })) }
  return { ...edit([...new Set(paths)]), tool_id: textOf(itemId), raw }
}

/** More than its sandbox allows, for a while. */
export function codexPermissions({ itemId, reason, permissions }: Line): Question {
  return { ...own('permissions', { ...fieldsOf(permissions), reason }), tool_id: textOf(itemId), raw: { reason, permissions } }
}

/** A call of a server of MCP; nothing if it asks for something else. */
export function codexMcp(params: Line): Question | undefined {
  const { serverName, message, _meta } = params
  const { codex_approval_kind: kind, tool_name, tool_params } = fieldsOf(_meta)
  return kind === undefined ? undefined : { ...mcp(serverName, tool_name, tool_params), raw: { serverName, message, _meta } }
}
