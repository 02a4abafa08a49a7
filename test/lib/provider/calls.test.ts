// What agents ask for, in the one vocabulary: each provider's names and inputs, and what five agents really printed.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Call, Question } from '../../../lib/permission/call.js'
import { type AcpTable, acpQuestion } from '../../../lib/provider/acp-calls.js'
import { innerLine } from '../../../lib/provider/calls.js'
import { claudeQuestion } from '../../../lib/provider/claude-calls.js'
import { codexChange, codexCommand, codexMcp, codexPermissions } from '../../../lib/provider/codex-calls.js'
import { geminiTable } from '../../../lib/provider/gemini-calls.js'
import { opencodeTable } from '../../../lib/provider/opencode-calls.js'

type Line = Record<string, unknown>
const FIXTURES = join(import.meta.dirname, '../../fixtures')
/** A call as `tool kind params`, for tables. */
const short = ({ tool, tool_kind, params }: Call) => `${tool} ${tool_kind} ${JSON.stringify(params)}`

t.test('claude', async t => {
  const table: [string, Line, string][] = [
    ['Bash', { command: 'git status', description: 'x' }, 'bash shell {"command":"git status"}'],
    ['Bash', {}, 'bash shell {}'],
    ['Read', { file_path: '/a', limit: 3 }, 'read file_read {"path":"/a"}'],
    ['NotebookRead', { notebook_path: '/n' }, 'read file_read {"path":"/n"}'],
    ['Write', { file_path: '/a', content: 'x' }, 'edit file_edit {"path":"/a"}'],
    ['Edit', { file_path: '/a', old_string: 'x' }, 'edit file_edit {"path":"/a"}'],
    ['MultiEdit', { file_path: '/a', edits: [] }, 'edit file_edit {"path":"/a"}'],
    ['NotebookEdit', { notebook_path: '/n' }, 'edit file_edit {"path":"/n"}'],
    ['Glob', { pattern: '*.ts', path: '/p' }, 'search search {"pattern":"*.ts","path":"/p"}'],
    ['Glob', { pattern: '/etc/ssh/*.d/x', path: '/p' }, 'search search {"pattern":"/etc/ssh/*.d/x","path":"/etc/ssh"}'],
    ['Glob', { pattern: '/*' }, 'search search {"pattern":"/*","path":"/"}'],
    ['Glob', { pattern: 'a/../../*' }, 'search search {"pattern":"a/../../*","path":"/"}'],
    ['Glob', { pattern: '{a,/etc/*}' }, 'search search {"pattern":"{a,/etc/*}","path":"/"}'],
    ['Grep', { pattern: 'x', glob: '*' }, 'search search {"pattern":"x"}'],
    ['LS', { path: '/p' }, 'search search {"path":"/p"}'],
    ['Task', { prompt: 'look', subagent_type: 'Explore' }, 'agent sub_agent {"prompt":"look"}'],
    ['WebFetch', { url: 'https://x/', prompt: 'y' }, 'fetch web {"url":"https://x/"}'],
    ['WebSearch', { query: 'x' }, 'WebSearch web {"query":"x"}'],
    [
      'mcp__my_notes__read__all',
      { id: 1, server: 'x' },
      'mcp other {"id":1,"server":["my_notes","my_notes__read"],"tool":["read__all","all"]}',
    ],
    ['PowerShell', { command: 'dir' }, 'PowerShell other {"command":"dir"}'],
    ['toString', {}, 'toString other {}'],
  ]
  for (const [tool_name, input, expected] of table) {
    const question = claudeQuestion({ tool_name, input, tool_use_id: 'u' })
    t.equal(short(question), expected, tool_name)
    t.same(question.raw, { tool_name, input })
    t.equal(question.tool_id, 'u')
  }
})

t.test('a line within a shell', async t => {
  const table: [unknown, unknown][] = [
    ["/bin/bash -lc 'echo a > b'", 'echo a > b'],
    ['bash -lc ls', 'ls'],
    ["sh -c 'a && b'", 'a && b'],
    [`bash -lc "it's \\$HOME"`, "it's $HOME"],
    [`bash -lc 'it'"'"'s'`, "it's"],
    [`bash -lc 'it'\\''s'`, "it's"],
    ["bash -lc 'one\ntwo'", 'one\ntwo'],
    [['bash', '-lc', 'rm x'], 'rm x'],
    [['/usr/bin/zsh', '-lc', 'rm x; ls'], 'rm x; ls'],
    [['git', 'commit', '-m', "it's; rm"], `git commit -m 'it'\\''s; rm'`],
    // Anything but exactly that is as it was.
    ["bash -lc 'a' b", "bash -lc 'a' b"],
    ["bash -lc 'a'; rm b", "bash -lc 'a'; rm b"],
    ['bash -lc "$(rm b)"', 'bash -lc "$(rm b)"'],
    ['bash -lc $X', 'bash -lc $X'],
    ["bash -lc 'a' > b", "bash -lc 'a' > b"],
    ["bash -xc 'a'", "bash -xc 'a'"],
    ["X=1 bash -lc 'a'", "X=1 bash -lc 'a'"],
    ["bash  -lc 'a'", "bash  -lc 'a'"],
    ["bash -lc 'a", "bash -lc 'a"],
    ["python -c 'a'", "python -c 'a'"],
    ['', ''],
    [7, undefined],
    [undefined, undefined],
  ]
  for (const [command, expected] of table) t.equal(innerLine(command), expected, JSON.stringify(command))
})

t.test('codex', async t => {
  t.equal(short(codexCommand({ command: "/bin/bash -lc 'git status'", cwd: '/p/src' }, '/p')), 'bash shell {"command":"git status"}')
  t.equal(short(codexCommand({ command: ['bash', '-lc', 'ls'] as never }, '/p')), 'bash shell {}', 'it tells a line')
  const elsewhere = { command: "/bin/bash -lc 'npm test'", cwd: "/o't her" }
  t.equal(
    short(codexCommand(elsewhere, '/p')),
    String.raw`bash shell {"command":"cd '/o'\\''t her' && npm test"}`,
    'a line that runs elsewhere',
  )
  t.equal(short(codexCommand({ kind: 'stdin', reason: 'r' }, '/p')), 'bash shell {"kind":"stdin","reason":"r"}')
  const network = { command: 'curl x', networkApprovalContext: { host: 'x.org', protocol: 'https' } }
  t.equal(short(codexCommand(network, '/p')), 'fetch web {"url":"https://x.org"}')
  t.equal(short(codexChange({ itemId: 'i' }, [{ path: '/a' }])), 'edit file_edit {"path":"/a"}')
  t.equal(short(codexPermissions({ permissions: { network: { enabled: true } } })), 'permissions other {"network":{"enabled":true}}')
  t.equal(codexMcp({ serverName: 's', message: 'Your name?' }), undefined)
})

t.test('any agent: by kind', async t => {
  const table: [Line, string][] = [
    [{ kind: 'execute', rawInput: { command: 'ls' } }, 'bash shell {"command":"ls"}'],
    [{ kind: 'execute', rawInput: { command: ['bash', '-lc', 'a | b'] } }, 'bash shell {"command":"a | b"}'],
    [{ kind: 'execute', rawInput: { cmd: 'ls' } }, 'bash shell {"command":"ls"}'],
    [{ kind: 'execute', rawInput: { commands: ['a', 'b'] } }, 'bash shell {"command":["a","b"]}'],
    [{ kind: 'execute', rawInput: { commands: ['a'] } }, 'bash shell {"command":"a"}'],
    [{ kind: 'execute', rawInput: { command: 'a > b', commands: ['a'] } }, 'bash shell {"command":"a > b"}'],
    [{ kind: 'execute', rawInput: { command: 'git', args: ['push', 'a b'] } }, `bash shell {"command":"git push 'a b'"}`],
    [{ kind: 'execute', rawInput: { command: 'ls', workdir: 'src' } }, 'bash shell {"command":"ls"}'],
    [{ kind: 'execute', rawInput: { command: 'ls', workdir: '../o' } }, 'bash shell {"command":"cd ../o && ls"}'],
    [{ kind: 'execute', rawInput: { commands: ['a', 'b'], cwd: '/o' } }, 'bash shell {"command":["cd /o && a","cd /o && b"]}'],
    [{ kind: 'execute', title: 'git status' }, 'bash shell {"title":"git status"}'],
    [{ kind: 'execute', title: 'ls', rawInput: { commands: ['a', 7] } }, 'bash shell {"title":"ls"}'],
    [{ kind: 'read', locations: [{ path: '/p/a' }] }, 'read file_read {"path":"/p/a"}'],
    [{ kind: 'read', rawInput: { filePath: 'a' }, locations: [{ path: '/p/a' }] }, 'read file_read {"path":"/p/a"}'],
    [{ kind: 'edit', content: [{ type: 'diff', path: '/p/a' }] }, 'edit file_edit {"path":"/p/a"}'],
    [{ kind: 'edit', rawInput: { file_path: '/x' }, locations: [{ path: '/p/a' }] }, 'edit file_edit {"path":["/p/a","/x"]}'],
    [{ kind: 'edit', rawInput: { changes: { '/p/a': { add: {} }, '/p/b': {} } } }, 'edit file_edit {"path":["/p/a","/p/b"]}'],
    [{ kind: 'delete', rawInput: { path: 'a' } }, 'edit file_edit {"path":"a"}'],
    [{ kind: 'move', rawInput: { source: 'a', destination: 'b' } }, 'edit file_edit {"path":["a","b"]}'],
    [{ kind: 'edit', title: 'Edit it' }, 'edit file_edit {"title":"Edit it"}'],
    [{ kind: 'delete' }, 'edit file_edit {}'],
    [{ kind: 'read', title: 'Read it' }, 'other other {"kind":"read","title":"Read it"}'],
    [
      { kind: 'edit', locations: [{ path: '/p/a' }], rawInput: { uri: 'file:///etc/a%20b' } },
      'edit file_edit {"path":["/p/a","/etc/a b"]}',
    ],
    [{ kind: 'search', rawInput: { pattern: 'x', directory: '/etc' } }, 'search search {"pattern":"x","path":"/etc"}'],
    [{ kind: 'search', rawInput: { pattern: 'x', path: 'src' } }, 'search search {"pattern":"x","path":"src"}'],
    [{ kind: 'fetch', rawInput: { query: 'x' }, title: 'Look' }, 'fetch web {"title":"Look"}'],
    [{ kind: 'fetch', rawInput: { url: 'https://x' } }, 'fetch web {"url":"https://x"}'],
    [{ kind: 'think', rawInput: { prompt: 'p' } }, 'agent sub_agent {"prompt":"p"}'],
    [{ kind: 'other', title: 'Do' }, 'other other {"title":"Do"}'],
    [{ rawInput: { serverName: 's', toolName: 'echo', args: { a: 1 } } }, 'mcp other {"a":1,"server":"s","tool":"echo"}'],
    [{ kind: 'other', _meta: { claudeCode: { toolName: 'Edit' } }, rawInput: { file_path: '/a' } }, 'edit file_edit {"path":"/a"}'],
    [{ _meta: { claudeCode: { toolName: 'mcp__s__t' } }, rawInput: { a: 1 } }, 'mcp other {"a":1,"server":"s","tool":"t"}'],
    [{}, 'other other {}'],
  ]
  for (const [call, expected] of table) t.equal(short(acpQuestion(call, {}, '/p')), expected, JSON.stringify(call))
  const before = { kind: 'execute', rawInput: { command: 'ls', cwd: '/x' }, title: 'old' }
  t.equal(
    short(acpQuestion({ toolCallId: 'c', title: 'new' }, before, '/p')),
    'bash shell {"command":"cd /x && ls"}',
    'what was told before counts',
  )
  t.match(acpQuestion({ toolCallId: 'c', title: 'new', rawInput: null }, before, '/p'), {
    tool_id: 'c',
    raw: { title: 'new', kind: 'execute' },
  })
})

t.test('gemini, which tells no input', async t => {
  const text = (text: string) => [{ type: 'content', content: { type: 'text', text } }]
  const table: [Line, string][] = [
    [{ kind: 'execute', title: 'a; b' }, 'bash shell {"command":"a; b"}'],
    [{ kind: 'edit', title: 'x', content: [{ type: 'diff', path: '/a' }] }, 'edit file_edit {"path":"/a"}'],
    [
      { kind: 'other', title: 'echo (my notes MCP Server)', content: text('{"a":1}') },
      'mcp other {"a":1,"server":"my notes","tool":"echo"}',
    ],
    [{ kind: 'other', title: 'echo (notes MCP Server)', content: text('[Payload') }, 'mcp other {"server":"notes","tool":"echo"}'],
    [{ kind: 'execute', title: 'rm (x MCP Server)' }, 'bash shell {"command":"rm (x MCP Server)"}'],
    [{ kind: 'fetch', title: 'Processing URLs' }, 'fetch web {"title":"Processing URLs"}'],
  ]
  for (const [call, expected] of table) t.equal(short(acpQuestion(call, {}, '/p', geminiTable)), expected, JSON.stringify(call))
})

t.test('opencode, which tells what its own rules are about', async t => {
  const ask = (asked: Line, before: Line = {}) => short(acpQuestion(asked, before, '/p', opencodeTable))
  const reach = { kind: 'other', title: 'cat /etc/x', rawInput: { command: 'cat /etc/x', directories: ['/etc'], patterns: ['/etc/*'] } }
  const cat = { kind: 'execute', rawInput: { command: 'cat /etc/x' } }
  t.equal(ask(reach, cat), 'external_directory other {"path":"/etc","command":"cat /etc/x"}')
  t.equal(ask({ kind: 'other', rawInput: { filepath: '/x/a', parentDir: '/x' } }), 'external_directory other {"path":"/x/a"}')
  const both = { kind: 'edit', rawInput: { filepath: 'a, b' }, locations: [{ path: '/p/a' }, { path: '/p/b' }] }
  t.equal(ask(both), 'edit file_edit {"path":["/p/a","/p/b"]}')
  t.equal(ask({ kind: 'read', rawInput: {} }, { kind: 'read', rawInput: { filePath: '/p/a' } }), 'read file_read {"path":"/p/a"}')
  t.equal(ask({ kind: 'other', title: 'notes_echo', rawInput: {} }, { rawInput: { a: 1 } }), 'notes_echo other {"a":1}')
})

t.test('what five agents printed', async t => {
  const made = 'bash shell {"command":"echo made-by-agent > /tmp/work/made.txt"}'
  const table: [string, string, AcpTable?][] = [
    ['claude', made],
    ['codex', 'edit file_edit {"path":"/tmp/work/note.txt"}'],
    ['gemini', made, geminiTable],
    ['opencode', made, opencodeTable],
    ['copilot', made],
  ]
  for (const [agent, expected, its] of table) {
    for (const answer of ['allowed', 'denied']) {
      const questions = questionsIn(join(FIXTURES, 'acp', `${agent}-permission-${answer}.ndjson`), its)
      t.same(questions.map(short), [expected], `${agent} ${answer}`)
      t.match(questions, [{ tool_id: String, raw: { kind: String } }])
    }
  }
})

/** What is asked in the lines of an agent. */
function questionsIn(path: string, table?: AcpTable): Question[] {
  const told = new Map<unknown, Line>()
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .flatMap(text => {
      const { method, params } = JSON.parse(text) as { method?: string; params?: { update?: Line; toolCall?: Line } }
      const { toolCallId, status: _, sessionUpdate: __, ...update } = params?.update ?? {}
      if (toolCallId !== undefined) told.set(toolCallId, { ...told.get(toolCallId), ...update })
      const asked = method === 'session/request_permission' ? params?.toolCall : undefined
      return asked ? [acpQuestion(asked, told.get(asked.toolCallId) ?? {}, '/tmp/work', table)] : []
    })
}
