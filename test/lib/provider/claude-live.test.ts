// Claude Code where it lives on: what a turn of it comes to, what it is told, and how zag talks with it through its life. The
// fixtures are what the program printed; test/fixtures/claude/program stands in for it.

import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { NewEvent } from '../../../lib/log/events.js'
import type { Call, Decision } from '../../../lib/permission/call.js'
import { claude } from '../../../lib/provider/claude.js'
import type { Exit, Live, Past, Task, Wishes } from '../../../lib/provider/provider.js'
import { PROGRAMS, TOP, until } from '../../help/run.js'
import { rows, Zag } from '../../help/sessions.js'
import { NO, UNASKED, wireWith, YES } from '../../help/wire.js'

const live = claude.live as Live
const folder = join(TOP, 'test/fixtures/claude')
const linesOf = (name: string) =>
  readFileSync(join(folder, `${name}.ndjson`), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map(line => Buffer.from(line))
const line = (fields: object) => Buffer.from(JSON.stringify(fields))
const LIVES: Exit = { code: null, signal: null, livesOn: true }
const after = (lines: Buffer[]): Past => ({ line: is => lines.findLast(is), kept: () => undefined })

const short = (event: NewEvent) => {
  if (event.type === 'provider_status') return event.message
  if (event.type === 'assistant_message') return `says ${event.content}`
  return event
}
/** The turns of a fixture as zag reads them: each until it is through, and the next from there. */
function turnsOf(name: string) {
  const lines = linesOf(name)
  const turns: { events: unknown[]; verdict: unknown; through: unknown }[] = []
  for (let at = 1; at < lines.length; ) {
    const reader = live.reader(after(lines.slice(0, at)))
    const events: unknown[] = []
    while (at < lines.length && !reader.through) events.push(...reader.out([lines[at++] as Buffer]).map(short))
    turns.push({ events, verdict: reader.verdict(LIVES), through: reader.through })
  }
  return turns
}
const spent = (answers: number) => ({
  type: 'usage',
  input_tokens: 100 * answers,
  output_tokens: 11 * answers,
  cache_read_tokens: 30 * answers,
  cache_write_tokens: 7 * answers,
  cost_usd: Number,
})
const OPENING = ['system init', 'prompt taken']
const END = 'stopped: end_turn'

t.test('a command in the background: no turn waits for it, its round is read with the next, and nothing counts twice', async t => {
  const call = { type: 'tool_call', tool: 'Bash' }
  t.match(turnsOf('live-command'), [
    { through: true, events: [...OPENING, String, spent(1), END], verdict: { success: true, result: /^said: 1/ } },
    {
      through: true,
      events: [...OPENING, 'says I run', call, 'system task_started', { type: 'tool_result' }, 'says fin', spent(2), END],
      verdict: { success: true, result: 'fin' },
    },
    {
      through: true,
      events: [
        ...['system task_updated', 'system task_notification', 'system init', /^says said: 4/, spent(1), END],
        ...[...OPENING, 'says said: 5 three', spent(1), END],
      ],
      verdict: { success: true, result: 'said: 5 three', conversation: '0aac7460-70a8-43a3-9159-853a57db6547' },
    },
  ])
  const cost = turnsOf('live-command')
    .flatMap(({ events }) => events as { cost_usd?: number }[])
    .reduce((sum, { cost_usd = 0 }) => sum + cost_usd, 0)
  t.ok(Math.abs(cost - 0.004_168_75) < 1e-9, 'what the last result says of the process')
})

t.test('a round that something else began is no answer: neither its end nor its words', async t => {
  const [, , , , , , , , , , , , , updated, notified, init, says, result] = linesOf('live-command') as Buffer[]
  for (const from of [0, 3]) {
    const reader = live.reader(after([]))
    reader.out([updated, notified, init, says, result].slice(from) as Buffer[])
    t.equal(reader.through, false)
    t.match(reader.verdict({ code: 3, signal: null }), { success: false, error: 'no end reported (exit code 3)' })
    reader.out(linesOf('live-command').slice(-4))
    t.equal(reader.through, true, 'also where its beginning was read with the turn before')
  }
})

t.test('what came of a turn stays, also if what follows is read with it', async t => {
  const reader = live.reader(after([]))
  reader.out(linesOf('live-command').slice(5, -5))
  t.equal(reader.through, true)
  reader.out(linesOf('live-command').slice(-5, -4))
  t.match(reader.verdict(LIVES), { success: true, result: 'fin' })
})

t.test('an agent in the background: its turn is over when that was told', async t => {
  const [turn, ...more] = turnsOf('live-agent')
  t.same(more, [])
  t.match(turn, { through: true, verdict: { success: true, result: /^said: 3/ } })
  t.match(
    turn?.events.filter(event => (event as NewEvent).type === 'usage'),
    [spent(2), spent(2)],
  )
})

t.test('questions: the answers are in the log by then, and a prompt repeated is not', async t => {
  const asks = ['control_request', 'control_response']
  const call = { type: 'tool_call', tool: 'Bash', input: { command: 'touch made' } }
  const turn = (...result: object[]) => [...OPENING, 'says I run', call, ...asks, ...result, 'says fin', spent(2), END]
  t.match(turnsOf('live-allowed'), [{ events: turn({ type: 'tool_result', success: true }), verdict: { success: true, result: 'fin' } }])
  const denied = turnsOf('live-denied')
  t.match(denied, [{ events: turn({ type: 'tool_result', success: false, error: 'no' }) }, { verdict: { result: 'said: 3 two' } }])
  t.equal(JSON.stringify(denied).includes('"permission"'), false)
  const unasked = live.reader(after([])).out([line({ type: 'result', permission_denials: [{ tool_name: 'Read', tool_use_id: 'x' }] })])
  t.match(unasked[0], { type: 'permission', tool: 'Read', granted: false, by: 'deny' }, "what the user's rules forbid is told here")
})

t.test('a limit: the process lives on', async t => {
  const [, limited] = turnsOf('live-limit')
  const message = 'API Error: Request rejected (429) · no 429'
  t.same(limited?.events, [...OPENING, 'assistant', 'stopped: error'], 'it spent nothing')
  t.match(limited, { through: true, verdict: { success: false, error: message, limit: { message } } })
})

t.test('a process that was started anew begins to count anew', async t => {
  const lines = linesOf('live-command')
  const [answer, ...turn] = lines.slice(0, 5) as [Buffer, ...Buffer[]]
  const begun = line({ ...JSON.parse(String(answer)), response: { subtype: 'success', request_id: 'begin' } })
  const reader = live.reader(after([...lines, begun]))
  t.match(reader.out(turn).map(short), [...OPENING, String, spent(1), END])
})

t.test('line by line gives the same as all at once', async t => {
  for (const name of ['live-command', 'live-agent', 'live-denied', 'live-limit']) {
    const [whole, single] = [live.reader(after([])), live.reader(after([]))]
    const events = linesOf(name).flatMap(one => single.out([one]))
    t.same(events, whole.out(linesOf(name)), name)
    t.same(single.verdict(LIVES), whole.verdict(LIVES))
  }
})

const task = (flags: Wishes = {}, more: Partial<Task> = {}): Task => ({
  session: 'ID',
  run: 1,
  root: '/project',
  cwd: '/project',
  promptFile: '/prompt',
  flags,
  env: {},
  resumed: false,
  kept: () => undefined,
  keep: name => `/kept/${name}`,
  ...more,
})

t.test('the command line', async t => {
  const words = (flags?: Wishes, more?: Partial<Task>) => live.start(task(flags, more)).argv.join(' ')
  const always =
    'claude -p --output-format stream-json --verbose --input-format stream-json --permission-prompt-tool stdio --replay-user-messages --disallowedTools AskUserQuestion'
  t.equal(words(), always)
  t.equal(words({ autoApprove: true }), always, 'each question is answered')
  t.same(live.start(task({ autoApprove: true })).env, { DISABLE_AUTOUPDATER: '1' })
  t.equal(
    words({ systemPrompt: 'x', addDir: ['/a'], maxTurns: 3, plan: true }, { model: 'opus', resumed: true, conversation: 'c' }),
    `${always} --resume c --model opus --append-system-prompt-file /kept/system-prompt --add-dir /a --max-turns 3 --permission-mode plan`,
  )
})

async function talk(flags: Wishes = {}, more: Partial<Task> = {}, wire = wireWith()) {
  return { ...wire, driver: await live.driver(task(flags, more), wire) }
}
/** What was asked was answered. */
const answered = () => new Promise(setImmediate)
const begun = (fields: object) => ({ type: 'control_response', response: { request_id: 'begin', ...fields } })

t.test('the talk begins', async t => {
  const { sent, driver } = await talk({}, { resumed: true, conversation: 'old' })
  const opened = driver.open()
  t.same(sent, [{ type: 'control_request', request_id: 'begin', request: { subtype: 'initialize', hooks: null } }])
  driver.take({ type: 'control_response', response: { request_id: 'another', subtype: 'error' } })
  driver.take(begun({ subtype: 'success', response: {} }))
  t.equal(await opened, 'old')

  const first = await talk()
  const anew = first.driver.open()
  first.driver.take(begun({ subtype: 'success' }))
  t.equal(await anew, undefined, 'its id is in what it prints')
  const refused = await talk()
  const failed = refused.driver.open()
  refused.driver.take(begun({ subtype: 'error', error: 'not\nnow' }))
  await t.rejects(failed, { message: 'not now' })
  const gone = await talk({}, { resumed: true, conversation: 'old' })
  const lost = gone.driver.open()
  gone.driver.take({ type: 'result', is_error: true, errors: ['No conversation found with session ID: old'] })
  await t.rejects(lost, { message: /^No conversation found with session ID: old \(it looks for them by the folder/ })
})

t.test('prompts: one that begins with /word is no command of its own', async t => {
  const { sent, driver } = await talk()
  for (const text of ['hello', '/cost']) driver.prompt(text)
  t.match(sent, [
    { type: 'user', message: { role: 'user', content: [{ type: 'text', text: 'hello' }] }, parent_tool_use_id: null },
    { message: { content: [{ text: '\n/cost' }] } },
  ])
})

const ASKS = {
  type: 'control_request',
  request_id: 'r1',
  request: { subtype: 'can_use_tool', tool_name: 'Bash', input: { command: 'x' }, tool_use_id: 'c1' },
}

t.test('what it asks, and what it is told', async t => {
  const told = async (decision: Decision) => {
    const { sent, asked, driver } = await talk({}, {}, wireWith(decision))
    driver.take(ASKS)
    await answered()
    const raw = { tool_name: 'Bash', input: { command: 'x' } }
    t.same(asked, [{ tool: 'bash', tool_kind: 'shell', params: { command: 'x' }, tool_id: 'c1', raw }])
    t.match(sent, [{ type: 'control_response', response: { subtype: 'success', request_id: 'r1' } }])
    return (sent[0] as { response: { response: unknown } }).response.response
  }
  t.same(await told(YES), { behavior: 'allow', updatedInput: { command: 'x' } })
  t.match(await told(UNASKED), { behavior: 'deny', message: /^This is not allowed here, and nobody can be asked/ })
  t.match(await told(NO), { behavior: 'deny', message: /^This was not allowed: not today\./ })
  t.match(await told({ ...NO, reason: undefined }), { behavior: 'deny', message: /^This was not allowed\. Do without/ })
})

t.test('what it no longer wants to know, and what is not done', async t => {
  const { sent, signals, driver } = await talk({}, {}, wireWith(new Promise(() => {})))
  driver.take(ASKS)
  driver.take({ type: 'control_cancel_request', request_id: 'another' })
  t.equal(signals[0]?.aborted, false)
  driver.take({ type: 'control_cancel_request', request_id: 'r1' })
  t.equal(signals[0]?.aborted, true)
  driver.take({ type: 'control_request', request_id: 'r2', request: { subtype: 'news' } })
  driver.take({ type: 'news' })
  t.same(sent, [{ type: 'control_response', response: { subtype: 'error', request_id: 'r2', error: 'news is not done here' } }])
})

t.test('what it does without asking: said first, where rules decide, and refused if one is against it', async t => {
  const against = ({ tool }: Call) =>
    tool === 'read' ? ({ granted: false, by: 'deny', rule: 'read', reason: 'the rule read refuses it' } as const) : undefined
  const { sent, asked, driver } = await talk({}, { decided: true }, wireWith(UNASKED, against))
  driver.open()
  t.match(sent.pop(), { request: { subtype: 'initialize', hooks: { PreToolUse: [{ hookCallbackIds: ['before'] }] } } })
  for (const tool_name of ['Read', 'Bash']) {
    const input = { hook_event_name: 'PreToolUse', tool_name, tool_input: {}, tool_use_id: 'u' }
    driver.take({ type: 'control_request', request_id: tool_name, request: { subtype: 'hook_callback', callback_id: 'before', input } })
  }
  const decision = { hookEventName: 'PreToolUse', permissionDecision: 'deny', permissionDecisionReason: /the rule read refuses it/ }
  t.match(sent, [
    { response: { subtype: 'success', request_id: 'Read', response: { hookSpecificOutput: decision } } },
    { response: { subtype: 'success', request_id: 'Bash', response: {} } },
  ])
  t.same(asked, [])
})

t.test('with zag', async t => {
  const zag = new Zag(t)
  const bin = join(zag.home, 'bin')
  mkdirSync(bin)
  symlinkSync(join(folder, 'program'), join(bin, 'claude'))
  const env = { PATH: `${bin}:${PROGRAMS}:${process.env.PATH}` }
  const go = (word: string, args: string[]) => zag.go(word, args, { env })
  const spawn = async (...args: string[]) => (await go('spawn', ['-p', 'claude', '-I', '--no-ask', ...args])).stdout.trim()
  const ask = async (id: string, ...words: string[]) => (await go('input', ['--session', id, ...words])).stdout
  const events = async (id: string, type: string) => rows((await go('events', [id, '--type', type])).stdout)
  const summary = async (id: string) => JSON.parse((await go('summary', ['--json', id])).stdout).sessions[0]

  await t.test('turns in one process, a call that is denied, and the end', async t => {
    const id = await spawn('say one')
    const pid = await ask(id, 'pid')
    t.equal(await ask(id, 'pid'), pid)
    t.equal((await ask(id, '/pid')).trim(), '/pid', 'the model is asked')
    t.match(await ask(id, 'ask rm x'), /^This is not allowed here/)
    t.match(await events(id, 'permission'), [{ tool: 'bash', granted: false, by: 'deny' }])
    t.equal(await ask(id, '--end', 'say last'), 'last')
    t.match(await go('wait', [id]), { code: 0 })
    const usage = { input_tokens: 60, output_tokens: 6 }
    t.match(await summary(id), { status: 'completed', turns: 6, runs: 1, usage, cost_usd: 3, denied: 1 })
    t.throws(() => process.kill(Number(pid), 0), { code: 'ESRCH' })
  })

  await t.test('allowed; a round in the background is not taken for the answer to the next prompt', async t => {
    const id = await spawn('-a', 'ask ls')
    t.equal(await ask(id, 'back'), 'back ')
    t.equal(await ask(id, 'say next'), 'next')
    t.match(await events(id, 'permission'), [{ tool: 'bash', granted: true, by: 'auto' }])
    t.equal((await events(id, 'assistant_message')).length, 4)
    t.match(await summary(id), { turns: 3, usage: { input_tokens: 40 }, cost_usd: 2, granted: 1 })
    t.match(await go('cancel', [id]), { code: 0 })
  })

  await t.test('one that dies between turns, or in one, is started anew and goes on', async t => {
    const id = await spawn('say one')
    const pid = Number(await ask(id, 'pid'))
    process.kill(pid, 'SIGKILL')
    await until(() => {
      try {
        return !process.kill(pid, 0)
      } catch {
        return true
      }
    })
    t.match(await ask(id, 'argv'), /--resume conversation-1$/)
    t.match(await go('input', ['--session', id, 'die']), { code: 1, stderr: /no end reported \(exit code 3\)/ })
    t.match(await ask(id, 'argv'), /--resume conversation-1$/)
    await go('input', ['--session', id, '--end'])
    t.match(await summary(id), { turns: 5, usage: { input_tokens: 40 }, cost_usd: 2 })
  })

  await t.test('a limit within a turn, and a cancel', async t => {
    zag.configure('[limits]\nfallback = "0.1s"\n')
    const id = await spawn('say one')
    const pid = await ask(id, 'pid')
    t.match(await ask(id, 'limit x'), /Continue/i, 'it is told to go on, or the same again')
    t.equal(await ask(id, 'pid'), pid)
    t.match(await events(id, 'usage_limit_resumed'), [{ type: 'usage_limit_resumed' }])
    await go('input', ['-b', '--session', id, 'hang'])
    await until(async () => (await events(id, 'user_message')).some(({ content }) => content === 'hang'))
    t.match(await go('cancel', [id]), { code: 0 })
    t.throws(() => process.kill(Number(pid), 0), { code: 'ESRCH' })
  })
})
