// zag-session: the record of sessions: listed, shown, called otherwise, forgotten; and conversations of others taken in.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { zagHome } from '../help/run.js'
import { seed, selects, ways } from '../help/selection.js'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const { a, b, c, two } = seeds
const session = (args: string[], more = {}) => zag.go('session', args, more)
const record = (id: string) => JSON.parse(readFileSync(zag.file(id, 'session.json'), 'utf8'))
const indexed = (kind: string, key: string) => {
  const folder = join(zagHome(zag.home), 'index', kind, key)
  return existsSync(folder) ? readdirSync(folder).sort() : []
}

await t.test('list: every way of naming sessions', async t => {
  await selects(
    t,
    ways(seeds).filter(({ args }) => !args.includes('--state') || args.includes('--all')),
    (args, input) => session(['list', '--json', ...args], { input }),
    // The newest is last whatever the order they were named in.
    ({ stdout }, means) => {
      const ids = JSON.parse(stdout).map((row: { session_id: string }) => row.session_id)
      return JSON.stringify(ids) === JSON.stringify([...means].sort()) ? means : ids
    },
  )
})

await t.test('show and update: every way', async t => {
  const ids = ({ stdout }: { stdout: string }) => rows(stdout).map(row => row.session_id)
  await selects(t, ways(seeds), (args, input) => session(['show', '--json', ...args], { input }), ids)
  const among = ways(seeds).filter(({ args }) => !args.some(word => /^--(tag|name)/.test(word)))
  await selects(t, among, (args, input) => session(['update', '--json', '--description', 'same', ...args], { input }), ids)
})

t.test('list', async t => {
  const { stdout } = await session(['--json'])
  t.match(JSON.parse(stdout), [
    { session_id: a, name: 'alpha', status: 'completed', provider: 'sh', tags: ['red'], error: null },
    { session_id: b, name: null, status: 'failed', tags: ['red', 'blue'], root: two, exit_code: 3 },
    { session_id: c, parent: a },
  ])
  t.same(JSON.parse((await session(['list', '--json', '-n', '1'])).stdout).length, 1)
  t.equal(JSON.parse((await session(['list', '--json', '--newest=2'])).stdout)[1].session_id, c)
  t.match((await session(['list', b])).stdout, new RegExp(`^${b}\tfailed\tsh\t[0-9.a-z]+\t-\tred,blue\tsame\n$`))
  t.same(JSON.parse((await session(['list', '--json', '--state', 'running'])).stdout), [])
  const none = new Zag(t)
  t.match(await none.go('session', ['list', '--json']), { code: 0, stdout: '[]\n' })
})

t.test('show', async t => {
  const [row] = rows((await session(['show', '--json', b])).stdout)
  t.match(row, {
    session_id: b,
    status: 'failed',
    group: two,
    cwd: join(two, 'below'),
    env: {},
    depends_on: [],
    path: zag.file(b, ''),
    prompt_path: zag.file(b, 'prompt'),
    log_path: zag.file(b, 'log.ndjson'),
    result_path: zag.file(b, 'result'),
    runs: [{ run: 1, status: 'failed', exit_code: 3 }],
  } as object)
  t.ok((row as unknown as { flags: object }).flags)
  const { stdout } = await session(['show', b])
  for (const line of [`session_id=${b}`, 'status=failed', 'tags=["red","blue"]', `prompt_path=${zag.file(b, 'prompt')}`])
    t.ok(stdout.includes(`${line}\n`), line)
  t.match(stdout, /^run=\{"run":1,"started_at"/m)
})

t.test('update: record, index and table follow', async t => {
  const { session_id: id } = await zag.over('true', ['--name', 'old', '--tag', 'one'])
  t.same(await session(['update', id, '--name', "it's\u2003new", '--tag', 'two', '--tag', 'two', '--description', 'd']), {
    code: 0,
    signal: null,
    stdout: '',
    stderr: '',
  })
  t.match(record(id), { name: "it's\u2003new", tags: ['one', 'two'], description: 'd' })
  t.same([indexed('name', 'old'), indexed('tag', 'one'), indexed('tag', 'two')], [[], [id], [id]])
  t.equal((await zag.go('status', ["it's\u2003new"])).stdout, 'completed\n')
  t.match(JSON.parse((await zag.go('ps', ['--all', '--json', id])).stdout), [{ name: "it's\u2003new", status: 'completed' }])
  const listed = JSON.parse((await zag.go('ps', ['--all', '--json'])).stdout)
  t.equal(listed.find((row: { session_id: string }) => row.session_id === id).name, "it's\u2003new")
  await session(['update', id, '--clear-tags', '--tag', 'three'])
  t.same([record(id).tags, indexed('tag', 'one'), indexed('tag', 'three')], [['three'], [], [id]])
  await session(['update', id, '--clear-tags'])
  t.same([record(id).tags, record(id).description, indexed('tag', 'three')], [[], 'd', []])
  t.equal((await zag.go('doctor')).code, 0, 'and all agrees')
})

t.test('update while it runs: the name outlives its end', async t => {
  const gate = zag.gate()
  const id = await zag.spawn(gate.script)
  await session(['update', id, '--name', 'renamed'])
  const named = async () => {
    const listed = JSON.parse((await zag.go('ps', ['--all', '--json'])).stdout)
    return listed.find((row: { session_id: string }) => row.session_id === id)
  }
  t.match(await named(), { name: 'renamed', status: /running|idle/ })
  gate.open()
  await zag.go('wait', [id])
  t.match(await named(), { name: 'renamed', status: 'completed' })
  const many = (await zag.over('true')).session_id
  await Promise.all([...'abcdef'].map(tag => session(['update', many, '--tag', tag])))
  t.same(record(many).tags.sort(), [...'abcdef'], 'none is lost')
})

t.test('delete', async t => {
  const tag = ['--tag', 'old']
  const over = (await zag.over('true', tag)).session_id
  const gate = zag.gate()
  const id = await zag.spawn(gate.script, tag)
  t.match(await session(['delete', ...tag]), { code: 4, stdout: '', stderr: /is running: end it first: zag cancel/ })
  t.ok(zag.ids().includes(over), 'nothing is deleted')
  gate.open()
  await zag.go('wait', [id])
  t.match(await session(['delete', over]), { code: 0, stdout: `${over}\n`, stderr: '' })
  t.match(rows((await session(['delete', '--json', ...tag])).stdout), [{ session_id: id, status: 'completed' }])
  t.same([zag.ids().includes(id), indexed('tag', 'old')], [false, []])
  t.match(await session(['show', id]), { code: 3 })
  t.equal((await zag.go('doctor')).code, 0)
})

const ndjson = (lines: object[]) => lines.map(line => `${JSON.stringify(line)}\n`).join('')
const claude = (native: string, cwd = '/gone/project') => {
  const line = (at: number, type: string, message: object, more = {}) => ({
    parentUuid: null,
    isSidechain: false,
    sessionId: native,
    cwd,
    version: '2.1.0',
    type,
    message,
    uuid: `u${at}`,
    timestamp: `2026-01-02T00:00:0${at}.000Z`,
    ...more,
  })
  const usage = { input_tokens: 3, output_tokens: 1, cache_read_input_tokens: 100, cache_creation_input_tokens: 7 }
  const answer = (content: object[], more = {}) => ({
    id: 'm1',
    role: 'assistant',
    model: 'claude-x',
    content,
    usage: { ...usage, ...more },
  })
  return ndjson([
    { type: 'summary', summary: 'a talk', leafUuid: 'u1' },
    line(0, 'user', { role: 'user', content: 'Caveat: …' }, { isMeta: true }),
    line(1, 'user', { role: 'user', content: "fix $(it) 'now'" }),
    line(2, 'assistant', answer([{ type: 'thinking', thinking: 'hm', signature: 's' }])),
    line(3, 'assistant', answer([{ type: 'tool_use', id: 't1', name: 'Edit', input: { file_path: `${cwd}/a.ts` } }], { output_tokens: 9 })),
    line(4, 'user', { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: 'done' }] }] }),
    line(5, 'assistant', { ...answer([{ type: 'text', text: 'not this' }]), id: 'side' }, { isSidechain: true }),
    line(6, 'assistant', { ...answer([{ type: 'text', text: 'It is fixed.' }]), id: 'm2' }),
    line(7, 'user', {
      role: 'user',
      content: [
        { type: 'text', text: 'and this' },
        { type: 'image', source: {} },
      ],
    }),
    line(8, 'user', { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'zz', is_error: true, content: 'no' }] }),
    { type: 'system', subtype: 'local_command', content: 'x', timestamp: '2026-01-02T00:00:09.000Z', sessionId: native },
  ])
}

const codex = (native: string) => {
  const at = (second: number, type: string, payload: object) => ({
    timestamp: `2026-01-03T00:00:${String(second).padStart(2, '0')}Z`,
    type,
    payload,
  })
  const message = (role: string, text: string) => ({
    type: 'message',
    role,
    content: [{ type: role === 'user' ? 'input_text' : 'output_text', text }],
  })
  const tokens = { input_tokens: 1000, cached_input_tokens: 400, output_tokens: 20, total_tokens: 1020 }
  return ndjson([
    at(0, 'session_meta', { id: native, timestamp: '2026-01-03T00:00:00Z', cwd: '/gone/other', cli_version: '0.65.0' }),
    at(1, 'response_item', message('user', '<environment_context>…</environment_context>')),
    at(2, 'response_item', message('user', 'count')),
    at(2, 'event_msg', { type: 'user_message', message: 'count' }),
    at(3, 'turn_context', { cwd: '/gone/other', model: 'gpt-x' }),
    at(4, 'response_item', { type: 'reasoning', summary: [{ type: 'summary_text', text: 'thinking' }], encrypted_content: 'zz' }),
    at(5, 'response_item', { type: 'function_call', name: 'shell', arguments: '{"command":["wc"]}', call_id: 'c1' }),
    at(6, 'response_item', { type: 'function_call_output', call_id: 'c1', output: '{"output":"bad","metadata":{"exit_code":2}}' }),
    at(7, 'event_msg', { type: 'token_count', info: { last_token_usage: tokens, total_token_usage: tokens } }),
    at(7, 'event_msg', { type: 'token_count', info: { last_token_usage: tokens, total_token_usage: tokens } }),
    at(8, 'response_item', {
      type: 'custom_tool_call',
      name: 'apply_patch',
      input: '*** Begin Patch\n*** Update File: src/x.ts\n*** End Patch',
      call_id: 'c2',
    }),
    at(9, 'response_item', { type: 'custom_tool_call_output', call_id: 'c2', output: 'Exit code: 0\nok' }),
    at(10, 'response_item', message('assistant', 'seven')),
    at(10, 'event_msg', { type: 'agent_message', message: 'seven' }),
    at(11, 'event_msg', { type: 'task_complete' }),
    at(12, 'new_kind', { anything: 1 }),
  ])
}

const file = (name: string, text: string) => {
  mkdirSync(join(zag.home, 'files'), { recursive: true })
  writeFileSync(join(zag.home, 'files', name), text)
  return join(zag.home, 'files', name)
}
const events = async (id: string, type: string) => rows((await zag.go('events', [id, '--type', type])).stdout)

t.test('import: a file of Claude Code', async t => {
  const path = file('claude.jsonl', `${claude('native-1')}{"torn`)
  const { code, stdout, stderr } = await session(['import', path, '--tag', 'talks', '--json'])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const [row] = rows(stdout)
  const id = String(row?.session_id)
  t.match(row, { status: 'completed', provider: 'claude', model: 'claude-x', native_id: 'native-1', duration_ms: 9_000 })
  t.match(record(id), {
    native_id: 'native-1',
    imported_from: path,
    tags: ['talks'],
    cwd: '/gone/project',
    created_at: '2026-01-02T00:00:00.000Z',
  })
  t.equal((await zag.go('status', [id])).stdout, 'completed\n')
  t.equal((await zag.go('output', [id])).stdout, 'It is fixed.')
  t.match(await events(id, 'user_message'), [
    { content: "fix $(it) 'now'", from: 'prompt', ts: '2026-01-02T00:00:01.000Z' },
    { content: 'and this', from: 'input' },
  ])
  t.match(await events(id, 'reasoning'), [{ content: 'hm', message_id: 'm1' }])
  t.match(await events(id, 'tool_call'), [
    { tool: 'Edit', tool_kind: 'file_edit', tool_id: 't1', input: { file_path: '/gone/project/a.ts' } },
  ])
  t.match(await events(id, 'tool_result'), [
    { tool: 'Edit', success: true, output: 'done' },
    { tool: 'unknown', success: false, error: 'no' },
  ])
  t.match(await events(id, 'usage'), [
    { input_tokens: 3, output_tokens: 9, cache_read_tokens: 100, cache_write_tokens: 7 },
    { output_tokens: 1 },
  ])
  t.match(
    (await events(id, 'provider_status')).map(({ message }) => message),
    ['summary', 'meta', 'side chain', 'user image', 'system local_command'],
  )
  t.match(await events(id, 'parse_warning'), [{ raw: '{"torn' }])
  t.match((await zag.go('summary', [id])).stdout, /^file\ta\.ts$/m)
  t.equal((await zag.go('doctor')).code, 0)
})

t.test('import: a file of Codex', async t => {
  const path = file('rollout-x.jsonl', codex('native-2'))
  const id = (await session(['import', path, '--provider', 'codex'])).stdout.trim()
  t.match(record(id), { provider: 'codex', model: 'gpt-x', native_id: 'native-2' })
  t.equal((await zag.go('output', [id])).stdout, 'seven')
  t.match(await events(id, 'user_message'), [{ content: 'count', from: 'prompt' }])
  t.match(await events(id, 'tool_call'), [
    { tool: 'shell', tool_kind: 'shell', input: { command: ['wc'] } },
    { tool: 'apply_patch', tool_kind: 'file_edit' },
  ])
  t.match(await events(id, 'tool_result'), [
    { tool: 'shell', success: false, error: 'bad' },
    { tool: 'apply_patch', success: true, output: 'Exit code: 0\nok' },
  ])
  t.match(await events(id, 'usage'), [{ input_tokens: 600, cache_read_tokens: 400, output_tokens: 20 }])
  t.equal((await events(id, 'usage')).length, 1)
  t.equal((await events(id, 'assistant_message')).length, 1)
  t.match(await events(id, 'turn_ended'), [{ stop_reason: 'completed' }])
  t.match((await events(id, 'provider_status')).at(-1), { message: 'new_kind' })
  t.match((await zag.go('summary', [id])).stdout, /^file\tsrc\/x\.ts$/m)
  const old = [
    { id: 'native-old', timestamp: '2025-05-01T00:00:00Z', instructions: null },
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
  ]
  t.match(await session(['import', file('old.jsonl', ndjson(old))]), { code: 0 })
})

t.test('import: a text too long for a line lies beside the log', async t => {
  const long = 'x'.repeat(300_000)
  const lines = [
    { sessionId: 'long', type: 'user', message: { role: 'user', content: `${long} middle ${long}` }, timestamp: '2026-01-01T00:00:00Z' },
  ]
  const id = (await session(['import', file('long.jsonl', ndjson(lines))])).stdout.trim()
  t.equal(readFileSync(zag.file(id, 'prompt'), 'utf8').length, 600_008)
  t.match(rows((await zag.go('search', ['x middle x', '--session', id, '--json'])).stdout), [{ seq: 2, type: 'user_message' }])
})

t.test('import: nothing half done', async t => {
  const good = file('good.jsonl', claude('native-3'))
  const before = zag.ids()
  const says = async (args: string[], code: number, stderr: RegExp) => {
    t.match(await session(['import', ...args]), { code, stdout: '', stderr })
    t.same(zag.ids(), before, `${args}`)
  }
  await says([good, file('bad.jsonl', '{"type":"message"}\nhello\n')], 2, /bad\.jsonl' is no session file of claude or codex/)
  await says([good, file('empty.jsonl', '')], 2, /is no session file/)
  await says([good, '-p', 'codex'], 2, /is no session file of codex/)
  await says([good, good], 4, /good\.jsonl' is here already, from/)
  await says([good, file('option.jsonl', claude('--dangerously-skip-permissions'))], 2, /option\.jsonl' is no session file/)
  await says([good, file('again.jsonl', claude('native-1'))], 4, /again\.jsonl' is here already, as session/)
  await says([good, join(zag.home, 'files/none')], 5, /cannot read .*: no such file/)
  await says([zag.home], 5, /cannot read/)
  await says([good, '--tag', ''], 2, /empty tag/)
  await says([], 2, /a <path> is needed/)
  await says([good, '--provider', 'gemini'], 2, /no 'gemini'/)
  const both = await Promise.all([session(['import', good]), session(['import', good])])
  t.same(both.map(({ code }) => code).sort(), [0, 4], 'two at once')
})

t.test('2 and 3', async t => {
  const says = async (args: string[], stderr: RegExp) => t.match(await session(args), { code: 2, stdout: '', stderr })
  await says(['update', a], /what is to be changed\?/)
  await says(['update', '--name', 'x'], /which sessions\?/)
  await says(['update', a, '--name', 'a\nb'], /has a control character/)
  await says(['update', a, '--tag', ''], /an empty tag/)
  await says(['delete'], /which sessions\?/)
  await says(['show'], /which sessions\?/)
  for (const command of ['list', 'show', 'delete']) t.match(await session([command, 'nobody']), { code: 3, stderr: /no session 'nobody'/ })
  t.match(await session(['update', 'nobody', '--name', 'x']), { code: 3 })
  t.match(record(a), { name: 'alpha' })
})
