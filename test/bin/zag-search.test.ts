// zag-search: which events have a text, told by who spoke, by tool and by time; how each is shown; what lies beside the log.

import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { seed, selects, waysAbout } from '../help/selection.js'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const search = (args: string[], more = {}) => zag.go('search', args, more)
const found = async (args: string[]) => rows((await search([...args, '--json'])).stdout)
const NOTHING = { code: 1, stdout: '', stderr: '' }

const seeds = await seed(zag)

await t.test('every way of naming sessions, by --session in place of an operand', async t => {
  await selects(
    t,
    waysAbout(seeds).filter(({ args, means }) => means.length > 0 || !args.includes('--state')),
    (args, input) => search(['--json', '-E', 'completed|failed', ...args], { input }),
    ({ stdout }) => rows(stdout).flatMap(({ session_id, type }) => (type === 'session_ended' ? [session_id] : [])),
  )
  t.match(await search(['completed', '--session', seeds.a, '--state', 'failed']), NOTHING, 'a flag that leaves none')
  const all = (await found(['completed', '--max', '99'])).map(({ session_id }) => session_id)
  t.same(all, [seeds.a, seeds.c], 'none named is all')
  t.same((await found(['completed', '-r', seeds.two])).length, 0)
  t.same(
    (await found(['failed', '-r', seeds.below])).map(({ session_id }) => session_id),
    [seeds.b],
  )
})

const at = (minute: number) => `2026-01-01T00:0${minute}:00.000Z`
const call = { tool_id: 't1', tool: 'bash', tool_kind: 'shell' }
const events = [
  { type: 'user_message', content: 'Please find the Needle', from: 'prompt' },
  { type: 'assistant_message', content: 'first\nhere is a needle, "quoted"\nlast' },
  { type: 'reasoning', content: 'NEEDLE \u001b[31mred\u0007' },
  { type: 'tool_call', ...call, input: { command: ['grep', 'needle\ttab'] } },
  { type: 'tool_result', ...call, success: true, output: { stdout: `${'x'.repeat(900)}needle${'y'.repeat(900)}` } },
  { type: 'tool_result', tool: 'read', tool_kind: 'file_read', success: false, error: 'no needle, größe 日本' },
  { type: 'stderr', message: 'needle' },
  { type: 'user_event', level: 'info', message: 'm', data: { deep: [{ er: 'a needle' }] } },
  { type: 'new_kind', extra: 'needle of tomorrow', message_id: 'needle-id' },
]
let id = ''

await t.test('a log with all of these', async () => {
  id = (await zag.over('true', ['--name', "it's"])).session_id
  for (const [i, { type, ...fields }] of events.entries())
    appendFileSync(zag.file(id, 'log.ndjson'), `${JSON.stringify({ type, ts: at(i), session_id: id, ...fields })}\n`)
  appendFileSync(zag.file(id, 'log.ndjson'), 'a needle that is no event\n')
})

const FIRST = 4
const about = (args: string[]) => found(['--session', id, ...args])
const seqs = async (args: string[]) => (await about(args)).map(({ seq }) => Number(seq) - FIRST)

t.test('literally, in any case unless told otherwise', async t => {
  t.same(await seqs(['needle']), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  t.same(await seqs(['needle', '--case-sensitive']), [1, 3, 4, 5, 6, 7, 8, 9])
  t.same(await seqs(['NEEDLE', '--case-sensitive']), [2])
  t.same(await seqs(['a "quoted" one']), [])
  t.same(await seqs(['needle, "quoted"\nlast']), [1], 'over the end of a line')
  t.same(await seqs(['\u001b[31mred\u0007']), [2])
  t.same(await seqs(['GRÖSSE']), [])
  t.same(await seqs(['GRÖß']), [5])
  t.same(await seqs(['日本']), [5])
  t.same(await seqs(['needle-id']), [], 'ids are not searched')
  t.same(await seqs(['new_kind']), [], 'nor kinds')
  t.same(await seqs(['.eedle']), [])
})

t.test('-E, --regex', async t => {
  t.same(await seqs(['-E', 'ne+dle (of|that)']), [8, 9])
  t.same(await seqs(['--regex', '^needle$']), [6], 'ends of lines')
  t.same(await seqs(['-E', 'x{3}n']), [4])
  t.same(await seqs(['-E', 'N.+LE', '--case-sensitive']), [2])
  t.match(await search(['-E', '(x']), { code: 2, stdout: '', stderr: /^zag-search: invalid regular expression: .*nterminated group\n$/ })
})

t.test('--role, --tool, --tool-kind, --from, --to', async t => {
  for (const [role, wanted] of Object.entries({ user: [0], assistant: [1], reasoning: [2], tool: [3, 4, 5], stderr: [6], event: [7] }))
    t.same(await seqs(['needle', '--role', role]), wanted, role)
  t.same(await seqs(['needle', '--tool', 'bash']), [3, 4])
  t.same(await seqs(['needle', '--tool-kind', 'file_read']), [5])
  t.same(await seqs(['needle', '--from', at(6)]), [6, 7, 8])
  t.same(await seqs(['needle', '--from', at(2), '--to', at(3)]), [2, 3])
  t.same(await seqs(['needle', '--from', '2h']), [])
})

t.test('rows and lines', async t => {
  t.same((await about(['needle', '--role', 'assistant']))[0], {
    session_id: id,
    name: "it's",
    seq: 5,
    ts: at(1),
    type: 'assistant_message',
    field: 'content',
    text: 'here is a needle, "quoted"',
  })
  t.same(
    (await about(['needle'])).map(({ field }) => field),
    ['content', 'content', 'content', 'input.command.1', 'output.stdout', 'error', 'message', 'data.deep.0.er', 'extra', ''],
  )
  const { stdout, code } = await search(['needle', '--session', id])
  const lines = stdout.split('\n')
  t.equal(code, 0)
  const short = id.slice(-8)
  t.same(lines.slice(0, 4), [
    `${short}\t4\tuser_message\tPlease find the Needle`,
    `${short}\t5\tassistant_message\there is a needle, "quoted"`,
    `${short}\t6\treasoning\tNEEDLE \\u001b[31mred\\u0007`,
    `${short}\t7\ttool_call\tneedle\\u0009tab`,
  ])
  t.match(lines[4], /\t\.\.\.x{97}needley{97}\.\.\.$/)
})

t.test('--max and --count', async t => {
  t.same(await seqs(['needle', '-n', '2']), [0, 1])
  t.same(await search(['needle', '-c', '--session', id]), { code: 0, signal: null, stdout: '10\n', stderr: '' })
  t.match(await search(['needle', '--count', '--max=3', '--session', id]), { stdout: '3\n' })
  t.match(await search(['haystack', '--count']), { code: 1, stdout: '0\n', stderr: '' })
  t.match(await search(['needle', '--count', '--json', '--session', id]), { stdout: '{"count":10}\n' })
})

t.test('what is too long for the log is searched where it lies, and nothing else is', async t => {
  const long = `${'a'.repeat(200_000)} middle-of-it ${'b'.repeat(200_000)}`
  const { session_id } = await zag.over('-', [], { input: `# ${long}\necho done` })
  t.match(await found(['middle-of-it', '--session', session_id]), [{ seq: 2, field: 'content', text: /^\.\.\.a+ middle-of-it b+\.\.\.$/ }])
  mkdirSync(zag.file(session_id, 'spill'))
  writeFileSync(zag.file(session_id, 'spill/x-output'), 'one\nmiddle-of-it\n')
  const spilled = (path: string) =>
    `${JSON.stringify({ type: 'tool_result', ts: at(0), session_id, output: 'cut', spilled: { output: { path, bytes: 1 } } })}\n`
  for (const path of ['spill/x-output', 'spill/../session.json', '../../config.toml', '/etc/passwd', 'spill/gone'])
    appendFileSync(zag.file(session_id, 'log.ndjson'), spilled(path))
  t.match(await found(['middle-of-it', '--role', 'tool', '--session', session_id]), [{ field: 'output', text: 'middle-of-it' }])
  t.match(await search(['keep_children', '--role', 'tool', '--session', session_id]), NOTHING)
  t.equal((await found(['cut', '--role', 'tool', '--session', session_id])).length, 4, 'what lies nowhere is searched as it is')
})

t.test('a home without sessions: nothing found', async t => {
  const empty = new Zag(t)
  t.match(await empty.go('search', ['x']), NOTHING)
  t.match(await empty.go('search', ['x', '-r', '.']), NOTHING)
})

t.test('2 and 3', async t => {
  const says = async (args: string[], stderr: RegExp) => t.match(await search(args), { code: 2, stdout: '', stderr })
  await says([], /a <text> is needed/)
  await says([''], /an empty text is everywhere/)
  await says(['two', 'words'], /'words' is one word too many/)
  await says(['x', '--role', 'tools'], /flag '--role': no 'tools': did you mean tool\?/)
  await says(['x', '--tool-kind', 'bash'], /flag '--tool-kind': no 'bash'/)
  await says(['x', '--from', 'noon'], /flag '--from': 'noon' is no date/)
  await says(['x', '--from', '1h', '--to', '2h'], /--from is later than --to/)
  await says(['x', '-n', '0'], /flag '--max'/)
  t.match(await search(['x', '--session', 'nobody']), { code: 3, stdout: '', stderr: /no session 'nobody'/ })
})
