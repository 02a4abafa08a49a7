// zag-summary: what a log comes to, many together, how numbers are spread, and when sessions were at work.

import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Summary, spreadOf } from '../../lib/verb/summary.js'
import { svgOf, timelineOf } from '../../lib/verb/timeline.js'
import { until, zagHome } from '../help/run.js'
import { seed, selects, ways } from '../help/selection.js'
import { Zag } from '../help/sessions.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const summary = (args: string[], more = {}) => zag.go('summary', args, more)
const value = async (args: string[]) => JSON.parse((await summary(['--json', ...args])).stdout)

await t.test('every way of naming sessions', async t => {
  await selects(
    t,
    ways(seeds),
    (args, input) => summary(['--json', ...args], { input }),
    ({ stdout }) => JSON.parse(stdout).sessions.map(({ session_id }: Summary) => session_id),
  )
})

/** A session whose log is just these events, over, of a project in /project. */
function made(id: string, events: object[], fields: object = {}): string {
  const folder = join(zagHome(zag.home), 'sessions', id)
  mkdirSync(folder)
  const session = {
    id,
    created_at: '2026-01-01T00:00:00.000Z',
    provider: 'claude',
    model: 'm',
    root: '/project',
    cwd: '/project',
    ...fields,
  }
  writeFileSync(join(folder, 'session.json'), JSON.stringify({ tags: [], group: 'g', depends_on: [], flags: {}, env: {}, ...session }))
  const lines = events.map((event, at) => {
    const { type, ...rest } = event as { type: string }
    return `${JSON.stringify({ type, ts: `2026-01-01T00:00:${String(at).padStart(2, '0')}.000Z`, session_id: id, ...rest })}\n`
  })
  writeFileSync(join(folder, 'log.ndjson'), lines.join(''))
  return id
}

const start = (run: number) => ({ type: 'session_started', run, provider: 'claude' })
const call = (tool: string, tool_kind: string, tool_id: string, input: object) => ({ type: 'tool_call', tool, tool_kind, tool_id, input })
const result = (tool: string, tool_kind: string, tool_id: string, success: boolean) => ({
  type: 'tool_result',
  tool,
  tool_kind,
  tool_id,
  success,
})
const end = (run: number, status: string, duration_ms: number) => ({
  type: 'session_ended',
  run,
  status,
  success: status === 'completed',
  duration_ms,
})
const ONE = '01900000-0000-7000-8000-00000000aaa1'
const TWO = '01900000-0000-7000-8000-00000000aaa2'

await t.test('two logs', async () => {
  made(ONE, [
    start(1),
    { type: 'assistant_message', content: 'a' },
    call('Write', 'file_write', 't1', { file_path: '/project/src/a.ts' }),
    result('Write', 'file_write', 't1', true),
    call('Edit', 'file_edit', 't2', { path: '/project/refused.ts' }),
    result('Edit', 'file_edit', 't2', false),
    call('Bash', 'shell', 't3', { command: 'rm x', path: 'not-this' }),
    result('Bash', 'shell', 't3', false),
    call('apply_patch', 'file_edit', 't4', { changes: [{ path: '/elsewhere/b' }, { path: 'src/c.ts' }] }),
    { type: 'relay', relay_id: 'r', kind: 'permission', tool: 'Bash' },
    { type: 'permission', tool: 'Bash', granted: true, by: 'person' },
    { type: 'permission', tool: 'Bash', granted: false, by: 'rule' },
    { type: 'usage', input_tokens: 10, output_tokens: 5, cost_usd: 0.25 },
    end(1, 'failed', 5_000),
    start(2),
    { type: 'assistant_message', content: 'b' },
    { type: 'usage', input_tokens: 1, cache_read_tokens: 7 },
    { type: 'new_kind', tool: 'none' },
    end(2, 'completed', 3_000),
  ])
  made(
    TWO,
    [
      start(1),
      { type: 'turn_ended' },
      { type: 'assistant_message' },
      { type: 'assistant_message' },
      call('Bash', 'shell', 'x', {}),
      end(1, 'failed', 1_000),
    ],
    {
      name: '<b>&"\'\u0007]]>',
    },
  )
})

await t.test('lines that others wrote: in another order, with a word within that is not theirs, or cut off', async t => {
  const id = made('01900000-0000-7000-8000-00000000aab1', [
    start(1),
    { type: 'assistant_message', content: 'one' },
    { type: 'tool_result', tool: 'a', tool_kind: 'other', success: true, output: { success: false } },
    { type: 'tool_result', tool: 'a', tool_kind: 'other', output: { success: true }, success: false },
    { type: 'tool_result', tool: 'a', tool_kind: 'other', output: { success: true } },
    { type: 'tool_result', tool: 'a', tool_kind: 'other', output: '{"success":true', success: true },
  ])
  const log = join(zagHome(zag.home), 'sessions', id, 'log.ndjson')
  appendFileSync(log, `{"ts":"2026-01-01T00:01:00.000Z","type":"assistant_message","content":"two"}\n`)
  appendFileSync(log, `{ "type": "tool_result", "tool": "a", "tool_kind": "other", "success": false }\n`)
  appendFileSync(log, '{"type":"assistant_message","content":"cut\n')
  const [row] = (await value([id])).sessions
  t.match(row, { turns: 2, tools: [{ tool: 'a', failed: 3 }] })
})

t.test('a turn of a session that lives on counts once, however often its agent says that it ended', async t => {
  const said = { type: 'turn_ended', stop_reason: 'end_turn' }
  const told = (turn: number) => ({ type: 'turn_ended', stop_reason: 'completed', success: true, turn })
  const first = [start(1), said, said, told(1), said, told(2), told(3), end(1, 'completed', 1)]
  const id = made('01900000-0000-7000-8000-00000000aab3', [...first, start(2), said, end(2, 'completed', 1), start(3), told(5), said])
  t.match((await value([id])).sessions, [{ runs: 3, turns: 6 }])
})

t.test('ids that begin anew with each run: what fails in a later one is not what was done in an earlier one', async t => {
  const path = { path: 'done.ts' }
  const first = [start(1), call('Edit', 'file_edit', 'i0', path), result('Edit', 'file_edit', 'i0', true), end(1, 'completed', 1)]
  const failing = [call('Edit', 'file_edit', 'i0', { path: 'not-done.ts' }), result('Edit', 'file_edit', 'i0', false)]
  const again = [start(2), ...failing, call('Bash', 'shell', 'i0', {}), result('Bash', 'shell', 'i0', false), end(2, 'completed', 1)]
  const id = made('01900000-0000-7000-8000-00000000aab2', [...first, ...again])
  t.match((await value([id])).sessions, [{ files: ['done.ts'] }])
})

t.test('--json: a session, and all together', async t => {
  const { sessions, totals, stats } = await value([ONE, TWO])
  t.match(sessions[0], {
    session_id: ONE,
    status: 'completed',
    provider: 'claude',
    runs: 2,
    turns: 2,
    relays: 1,
    granted: 1,
    denied: 1,
    cost_usd: 0.25,
    usage: { input_tokens: 11, output_tokens: 5, cache_read_tokens: 7, cache_write_tokens: 0 },
    duration_ms: 8_000,
    started_at: '2026-01-01T00:00:00.000Z',
    ended_at: '2026-01-01T00:00:18.000Z',
  })
  t.same(sessions[0].files, ['/elsewhere/b', 'src/a.ts', 'src/c.ts'])
  t.same(sessions[0].tools, [
    { tool: 'Write', tool_kind: 'file_write', calls: 1, failed: 0 },
    { tool: 'Edit', tool_kind: 'file_edit', calls: 1, failed: 1 },
    { tool: 'Bash', tool_kind: 'shell', calls: 1, failed: 1 },
    { tool: 'apply_patch', tool_kind: 'file_edit', calls: 1, failed: 0 },
  ])
  t.match(sessions[1], { turns: 1, runs: 1, files: [], duration_ms: 1_000, usage: undefined, cost_usd: undefined })
  t.match(totals, {
    sessions: 2,
    states: { completed: 1, failed: 1 },
    runs: 3,
    turns: 3,
    cost_usd: 0.25,
    duration_ms: 9_000,
    elapsed_ms: 18_000,
  })
  t.same(totals.tools[0], { tool: 'Bash', tool_kind: 'shell', calls: 2, failed: 1 })
  t.equal(stats, undefined)
})

t.test('text: one in full, many in a table with totals', async t => {
  const { stdout, code, stderr } = await summary([ONE])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  for (const line of ['status\tcompleted', 'input_tokens\t11', 'duration\t8.0s', 'tool\tBash\tshell\t1 calls\t1 failed', 'file\tsrc/a.ts'])
    t.ok(stdout.includes(`${line}\n`), line)
  t.same((await summary([ONE, TWO])).stdout.split('\n'), [
    [ONE, 'completed', 'claude', 'm', 2, 2, 4, 2, 3, 11, 5, '$0.2500', '8.0s', '-'].join('\t'),
    [TWO, 'failed', 'claude', 'm', 1, 1, 1, 0, 0, '-', '-', '-', '1.0s', '<b>&"\'\\u0007]]>'].join('\t'),
    ['total', '1 completed, 1 failed', '-', '-', 3, 3, 5, 2, 3, 11, 5, '$0.2500', '9.0s', '2 sessions'].join('\t'),
    '',
  ])
})

t.test('--stats', async t => {
  t.same(spreadOf([]), undefined)
  t.same(spreadOf([5]), { min: 5, median: 5, p90: 5, max: 5 })
  t.same(spreadOf([10, 1, 2, 3, 4, 5, 6, 7, 8, 9]), { min: 1, median: 5, p90: 9, max: 10 })
  const { stats } = await value(['--stats', ONE, TWO])
  t.match(stats, [
    {
      provider: 'all',
      state: 'all',
      sessions: 2,
      duration_ms: { min: 1_000, median: 1_000, p90: 8_000, max: 8_000 },
      tokens: { min: 16, max: 16 },
    },
    { provider: 'claude', model: 'm', state: 'completed', sessions: 1, cost_usd: { median: 0.25 } },
    { state: 'failed', sessions: 1, tokens: undefined },
  ])
  const lines = (await summary(['--stats', ONE, TWO])).stdout.split('\n')
  t.equal(lines[0], 'all\t-\tall\t2\t1.0s\t1.0s\t8.0s\t8.0s\t16\t16\t16\t16\t$0.2500\t$0.2500\t$0.2500\t$0.2500')
  t.equal(lines.length, 4)
})

t.test('--timeline', async t => {
  const { stdout } = await summary(['--timeline', ONE, TWO])
  t.same(stdout.split('\n'), [
    `${'0000aaa1'.padEnd(24)} |${'='.repeat(44)}| 18s`,
    `0000aaa2 <b>&"'\\u0007]]> |${'x'.repeat(12)}${' '.repeat(32)}| 5.0s`,
    '2026-01-01T00:00:00.000Z to 2026-01-01T00:00:18.000Z   = completed   x failed',
    '',
  ])
})

t.test('--svg: a picture that stands by itself, and overwrites nothing', async t => {
  const path = join(zag.home, 'picture.svg')
  t.same(await summary(['--svg', path, ONE, TWO]), { code: 0, signal: null, stdout: `${path}\n`, stderr: '' })
  const picture = readFileSync(path, 'utf8')
  t.match(picture, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" [^>]+>\n[\s\S]*<\/svg>\n$/)
  t.match(picture, "0000aaa2 &lt;b&gt;&amp;&quot;'\ufffd]]&gt;")
  t.notMatch(picture, /href|<script|<b>|url\(/)
  t.equal(picture.match(/<title>/g)?.length, 2)
  t.match(await summary(['--svg', path, ONE]), { code: 5, stdout: '', stderr: /picture\.svg' is there already: --force replaces it/ })
  t.equal(readFileSync(path, 'utf8'), picture)
  t.match(await summary(['--svg', path, '--force', ONE]), { code: 0 })
  t.not(readFileSync(path, 'utf8'), picture)
  t.match(await summary(['--svg', join(zag.home, 'no/such/folder.svg'), ONE]), { code: 5, stderr: /cannot write/ })
})

t.test('one that is at work, and one that has not begun', async t => {
  const gate = zag.gate()
  const id = await zag.spawn(`echo ready; ${gate.script}`)
  await until(() => readFileSync(zag.file(id, 'log.ndjson'), 'utf8').includes('ready'))
  const { sessions } = await value([id])
  t.match(sessions, [{ status: 'running', ended_at: undefined }])
  t.match((await summary(['--timeline', id])).stdout, />+\|/)
  gate.open()
  await zag.go('wait', [id])
  t.equal((await value([id])).sessions[0].status, 'completed')
  const none = made('01900000-0000-7000-8000-00000000aaa3', [])
  t.match(await summary([none]), { code: 0, stdout: /^session_id\t/ })
  const path = join(zag.home, 'none.svg')
  for (const args of [
    ['--timeline', none],
    ['--svg', path, none],
  ])
    t.match(await summary(args), { code: 4, stdout: '', stderr: /none of the sessions has begun/ })
  t.equal(timelineOf([], 80), undefined)
  t.equal(svgOf([]), undefined)
  appendFileSync(zag.file(id, 'log.ndjson'), 'no event\n')
  t.match(await summary([id]), { code: 0 })
  t.notOk(existsSync(path))
})

t.test('2, 3 and 4', async t => {
  const says = async (args: string[], stderr: RegExp) => t.match(await summary(args), { code: 2, stdout: '', stderr })
  await says([], /which sessions\?/)
  await says(['--json', '--timeline', ONE], /--timeline or --json or --stats, not both/)
  await says(['--svg', 'x.svg', '--timeline', ONE], /--timeline or --svg, not both/)
  await says(['--force', ONE], /--force goes with --svg/)
  t.match(await summary(['nobody']), { code: 3, stdout: '', stderr: /no session 'nobody'/ })
})

t.test('--tree: all that descends from those named, each under its parent, and what each of them came to', async t => {
  const ids = [1, 2, 3, 4, 5].map(n => `0192f000-0000-7000-8000-0000000000e${n}`) as [string, string, string, string, string]
  const [top, left, deep, right, alone] = ids
  const parents = [undefined, top, left, top, undefined]
  const usage = (tokens: number) => ({ type: 'usage', input_tokens: tokens, output_tokens: 1, cost_usd: 0.25 })
  for (const [at, id] of ids.entries())
    made(id, [start(1), usage(10 ** at), call('bash', 'shell', 'x', {}), result('bash', 'shell', 'x', true), end(1, 'completed', 1000)], {
      parent: parents[at],
      name: `n${at}`,
    })
  await zag.go('doctor', ['--repair'])
  const { sessions, totals } = await value(['--tree', top, alone])
  t.same(
    sessions.map(({ session_id, parent_id, depth }: Record<string, unknown>) => [session_id, parent_id, depth]),
    [
      [top, null, 0],
      [left, top, 1],
      [deep, left, 2],
      [right, top, 1],
      [alone, null, 0],
    ],
  )
  t.match(totals, { sessions: 5, cost_usd: 1.25, usage: { input_tokens: 11111 }, tools: [{ tool: 'bash', calls: 5 }], duration_ms: 5000 })
  t.match(sessions[0].tree, { sessions: 4, cost_usd: 1, usage: { input_tokens: 1111, output_tokens: 4 }, duration_ms: 4000 })
  t.match(sessions[4].tree, { sessions: 1, cost_usd: 0.25 })
  t.notOk('tree' in sessions[1], 'only of those that were named')
  const nested = await value(['--tree', left, top])
  t.same(nested.totals.sessions, 4, 'each counts once')
  t.match(nested.sessions[1].tree, { sessions: 2, usage: { input_tokens: 110 } })
  const table = (await summary(['--tree', top, alone])).stdout.split('\n').map(line => line.replace(/\t.*/, ''))
  t.same(table, [top, `├─ ${left}`, `│  └─ ${deep}`, `└─ ${right}`, alone, `tree of ${top}`, `tree of ${alone}`, 'total', ''])
  t.equal((await summary(['--tree', '--timeline', top])).stdout.split('\n').length, 6)
})

/** What a reader of DOT sees: words, numbers and quoted strings, with their escapes, and the signs between them. */
function wordsOfDot(text: string): string[] {
  const words: string[] = []
  const one = /\s*(?:("(?:\\[\s\S]|[^"\\])*")|([A-Za-z_][A-Za-z0-9_]*)|(->|[{}[\]=,;]))/y
  for (let at = 0; at < text.trimEnd().length; at = one.lastIndex) {
    one.lastIndex = at
    const found = one.exec(text)
    if (!found) throw new Error(`no DOT at ${at}: ${text.slice(at, at + 40)}`)
    words.push((found[1] ?? found[2] ?? found[3]) as string)
  }
  return words
}

t.test('--dot: one graph, in which no name is more than a name', async t => {
  const id = (n: number) => `0192f000-0000-7000-8000-0000000000f${n}`
  const names = ['a "quoted" name', '"]; evil [label="x', 'back\\', '\\"; x -> y; //', '&lt;b&gt; </TABLE> \\N \\G']
  const more = [{}, { parent: id(0) }, { depends_on: [id(1)] }, { context_of: [id(2)], parent: 'gone' }, { context_from: [id(0), id(9)] }]
  for (const [n, name] of names.entries()) made(id(n), [start(1), end(1, 'failed', 1)], { name, ...more[n] })
  const all = names.map((_, n) => id(n))
  const { code, stdout, stderr } = await summary(['--dot', ...all])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const words = wordsOfDot(stdout)
  t.equal(words.filter(word => word === 'digraph').length, 1)
  t.equal(words.filter(word => word === '{').length, 1)
  t.equal(words.filter(word => word === '[').length, 1 + 5 + 4, 'nodes and edges, and none beside them')
  t.notOk(words.includes('evil'))
  for (const edge of [
    [0, 1, 'solid'],
    [1, 2, 'dashed'],
    [2, 3, 'dotted'],
    [0, 4, 'dotted'],
  ] as const)
    t.ok(stdout.includes(`  "${id(edge[0])}" -> "${id(edge[1])}" [style=${edge[2]}];\n`), edge.join(' '))
  const labels = words.filter((_, at) => words[at - 2] === 'label').map(word => word.slice(1, -1).split('\\n')[1])
  t.same(labels[0], 'a \\"quoted\\" name')
  t.same(labels[3], '\\\\\\"; x -> y; //')
  t.equal((await summary(['--dot', ...all.toReversed()])).stdout, stdout, 'in the same order always')
  await zag.go('doctor', ['--repair'])
  t.match((await summary(['--tree', '--dot', id(0)])).stdout, /f1"/)
  t.notMatch((await summary(['--dot', id(0)])).stdout, /f1"/)
  t.match(await summary(['--dot', '--json', id(0)]), { code: 2, stdout: '', stderr: /--dot or --json/ })
  const sources = await Promise.all(['1', '2'].map(text => zag.over(`echo ${text}`)))
  const given = await zag.over(
    'cat',
    sources.flatMap(({ session_id }) => ['--context', session_id]),
  )
  t.match((await summary(['--dot', '--all'])).stdout, `"${sources[1]?.session_id}" -> "${given.session_id}" [style=dotted];`)
})
