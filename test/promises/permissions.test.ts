// What an agent may: decided by rules, once-rules, --auto-approve or somebody outside, in that order; what becomes of a refusal; and that no
// question is left that nobody can answer.
//
// The agent is a small one of ours, test/fixtures/acp-agent, which asks for what its prompt says.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { answerRelay, openRelays, type Relay } from '../../lib/permission/relay.js'
import { addRule } from '../../lib/permission/rules.js'
import { lives } from '../help/processes.js'
import { repository } from '../help/repository.js'
import { TOP, until, zagHome } from '../help/run.js'
import { type Row, rows, Zag } from '../help/sessions.js'

const AGENT = join(TOP, 'test/fixtures/acp-agent')
const zag = new Zag(t)
const project = repository(join(zag.home, 'project'), { 'README.md': 'read me\n' }).top
process.env.ZAG_HOME = zagHome(zag.home)

let stores = 0
const told = (store: string) => readFileSync(store, 'utf8')
const words = (store: string, flags: string[]) => ['-p', 'acp', '--agent', AGENT, '-r', project, '--env', `ACP_STORE=${store}`, ...flags]

/** Runs the agent in the foreground: how that ended, its session and what it was told. */
async function exec(prompt: string, flags: string[] = [], env: string[] = []) {
  const store = join(zag.home, `store-${++stores}`)
  const ended = await zag.go('exec', [...words(store, flags), ...env.flatMap(pair => ['--env', pair]), prompt])
  const id = zag.ids().at(-1) as string
  return { ...ended, id, said: said(id), told: () => told(store) }
}

async function spawn(prompt: string, flags: string[] = []) {
  const store = join(zag.home, `store-${++stores}`)
  const { stdout, stderr, code } = await zag.go('spawn', [...words(store, flags), prompt])
  if (code !== 0) throw new Error(`zag-spawn: ${code}: ${stderr}`)
  return { id: stdout.trim(), told: () => told(store) }
}

const eventsOf = (id: string) => rows(readFileSync(zag.file(id, 'log.ndjson'), 'utf8'))
const of = (id: string, ...types: string[]) => eventsOf(id).filter(({ type }) => types.includes(String(type)))
const said = (id: string) =>
  of(id, 'assistant_message')
    .map(({ content }) => content)
    .join('|')
const permissions = (id: string) => of(id, 'permission')
const output = async (id: string) => {
  await zag.go('wait', [id])
  return (await zag.go('output', [id])).stdout
}
const statusOf = async (id: string) => (rows((await zag.go('status', ['--json', id])).stdout)[0] as Row).status

/** The relays of a session, once there are so many. */
async function relays(session: string, count = 1): Promise<Relay[]> {
  await until(() => openRelays({ session }).length === count)
  return openRelays({ session })
}

const yes = { approved: true, by: 'person' } as const
const relayFiles = () => readdirSync(join(zagHome(zag.home), 'relays')).filter(name => name.endsWith('.json'))

t.test('a rule allows it, and nothing else', async t => {
  const { id, ...ended } = await exec('ask git status -s\nask git push\nask git status; git push', [
    '--no-ask',
    '--allow',
    'bash(command=git status*)',
  ])
  t.match(ended, { code: 0, said: 'chosen x-3|chosen x-1|chosen x-1' })
  t.match(permissions(id), [
    { tool: 'bash', tool_id: 'call-1', params: { command: 'git status -s' }, granted: true, by: 'rule', rule: 'bash(command=git status*)' },
    { tool: 'bash', tool_id: 'call-2', granted: false, by: 'deny', reason: /^nobody can be asked about 'bash\(command=git push\)': --ask/ },
    { tool_id: 'call-3', granted: false, by: 'deny' },
  ])
  t.same(of(id, 'relay', 'user_message').length, 1, 'nobody was asked, and it is told nothing more')
})

t.test('a rule denies it: whatever allows it, and the agent is told why', async t => {
  const rule = 'bash(command=rm *)'
  const { id, told, ...ended } = await exec('ask rm x\nsay done', ['-a', '--deny', rule, '--allow', 'bash'])
  t.match(ended, { code: 0, said: 'chosen x-1done' })
  t.match(permissions(id), [{ granted: false, by: 'deny', rule, reason: `the rule ${rule} refuses it` }])
  t.match(told(), /You were not allowed bash\(command=rm x\): the rule bash\(command=rm \*\) refuses it/)
  t.match(of(id, 'user_message'), [{ from: 'prompt' }, { from: 'permission', content: /^You were not allowed/ }])
  t.match((await exec('ask ls', ['-a', '--deny', rule])).stdout, 'chosen x-3')
})

t.test('one that gives its turn up when it is refused is told why, and goes on; so often, and no more', async t => {
  const { id, told, said, code } = await exec('say before\ngate rm x\nsay never', ['--deny', 'bash(command=rm *)', '--no-ask'])
  t.match({ code, said }, { code: 0, said: 'before' })
  t.match(told(), /You were not allowed bash\(command=rm x\)/)
  t.equal(of(id, 'provider_status').filter(({ message }) => message === 'the agent ended its turn because it was refused a call').length, 1)
  t.equal(of(id, 'session_ended').length, 1)
  // The rest of what it is told makes it ask again.
  const stubborn = await exec('gate gate it', ['--deny', 'bash', '--no-ask'], ['ACP_ODD=stubborn'])
  t.match(stubborn, { code: 1, stderr: /it may not use 'execute' and gave up/ })
  t.equal(permissions(stubborn.id).length, 9)
  t.match(of(stubborn.id, 'provider_status').at(-1), { message: 'it is told no more of its refusals, after 8 times in one turn' })
})

t.test('nobody is asked and no rule says anything: it fails with what to do', async t => {
  const { id, told, ...ended } = await exec('gate x', ['--no-ask'])
  t.match(ended, { code: 1, stderr: /it may not use 'execute' and gave up: --auto-approve/ })
  t.equal(told(), 'gate x\n')
  t.equal(of(id, 'user_message').length, 1)
})

t.test('once: used up by the first, in a session and in a group by exactly one of two at once', async t => {
  const { id, said } = await exec('ask make\nask make', ['--no-ask', '--allow-once', 'bash(command=make)'])
  t.equal(said, 'chosen x-3|chosen x-1')
  t.match(permissions(id), [
    { granted: true, by: 'once' },
    { granted: false, by: 'deny' },
  ])
  for (let round = 0; round < 3; round++) {
    addRule('shared', 'bash(command=make)', 'once', 'person')
    const both = await Promise.all([
      spawn('ask make', ['--no-ask', '--group', 'shared']),
      spawn('ask make', ['--no-ask', '--group', 'shared']),
    ])
    const answers = await Promise.all(both.map(({ id }) => output(id)))
    t.same(answers.sort(), ['chosen x-1', 'chosen x-3'])
  }
})

t.test('rules of the group: never and always', async t => {
  addRule('ruled', 'bash(command=make*)', 'always', 'person')
  addRule('ruled', 'bash(command=make install)', 'never', 'person')
  const { id, said } = await exec('ask make\nask make install', ['--group', 'ruled', '-a', '--ask'])
  t.equal(said, 'chosen x-3|chosen x-1')
  t.match(permissions(id), [
    { granted: true, by: 'rule' },
    { granted: false, by: 'deny', rule: 'bash(command=make install)' },
  ])
})

t.test('-a allows what no rule decides, and nobody is asked', async t => {
  const { id, stdout } = await exec('ask make', ['-a', '--ask'])
  t.equal(stdout, 'chosen x-3')
  t.match(permissions(id), [{ granted: true, by: 'auto' }])
})

t.test('approved from outside; several at once, answered in any order', async t => {
  const { id } = await spawn('both make | make install')
  const open = await relays(id, 2)
  t.match(open, [{ session_id: id, group: project, provider: 'acp', tool: 'bash', tool_kind: 'shell', root: project, cwd: project }, {}])
  t.match(of(id, 'relay'), [
    { kind: 'permission', tool: 'bash', tool_id: 'call-1', params: { command: 'make' }, raw: { kind: 'execute', title: 'make' } },
    { tool_id: 'call-2', params: { command: 'make install' } },
  ])
  t.ok(answerRelay(String(open[1]?.relay_id), yes))
  t.ok(answerRelay(String(open[0]?.relay_id), { approved: false, by: 'person' }))
  t.equal(await output(id), 'chosen x-1 and x-3')
  t.match(permissions(id), [
    { tool_id: 'call-2', granted: true, by: 'person', relay_id: open[1]?.relay_id },
    { tool_id: 'call-1', granted: false, by: 'person' },
  ])
  t.equal(of(id, 'user_message').length, 1, 'it went on and there is no reason to tell')
})

t.test('denied from outside: the reason is the next message', async t => {
  const { id, told } = await spawn('gate make\nsay never')
  const [relay] = await relays(id)
  answerRelay(String(relay?.relay_id), { approved: false, by: 'person', reason: 'not on a Friday\nsay sorry' })
  t.equal(await output(id), 'sorry')
  t.match(told(), /: not on a Friday\nsay sorry/)
})

t.test('nobody answers in time', async t => {
  const { id, told } = await spawn('ask make', ['--relay-timeout', '1s'])
  t.equal(await output(id), 'chosen x-1')
  t.match(permissions(id), [{ granted: false, by: 'timeout', reason: 'nobody answered in time' }])
  t.match(told(), /nobody answered in time/)
  t.same(openRelays(), [])
})

t.test('cancelled while it waits; a turn that ends before there is an answer', async t => {
  const { id } = await spawn('ask make')
  const [relay] = await relays(id)
  t.match(await zag.go('cancel', [id]), { code: 0 })
  t.equal(await statusOf(id), 'cancelled')
  t.notOk(answerRelay(String(relay?.relay_id), yes), 'too late')
  const left = await spawn('leave make\nsay over')
  t.equal(await output(left.id), 'over')
  t.match(of(left.id, 'relay'), [{}])
  t.same(openRelays(), [])
  t.same(relayFiles(), [])
})

t.test('kill -9 of everything with two relays open, then a retry: no relay is left that nobody can answer', async t => {
  const { id } = await spawn('both a | b')
  const open = await relays(id, 2)
  const { pid } = of(id, 'session_started')[0] as { pid?: number }
  const { runner_pid } = rows((await zag.go('status', ['--json', id])).stdout)[0] as Row
  for (const each of [runner_pid, pid]) process.kill(Number(each), 'SIGKILL')
  await until(() => ![runner_pid, pid].some(each => lives(Number(each))))
  t.notOk(answerRelay(String(open[0]?.relay_id), yes), 'there is nobody who could be told')
  t.equal(await statusOf(id), 'dead')
  t.same(openRelays(), [])
  const { stdout } = await zag.go('retry', [id])
  const next = stdout.trim().split(/\s+/).at(-1) as string
  const anew = await relays(next, 2)
  t.same(openRelays().length, 2, 'those of the new session alone')
  for (const { relay_id } of anew) t.ok(answerRelay(relay_id, yes))
  t.equal(await output(next), 'chosen x-3 and x-3')
  t.same(relayFiles(), [])
})

t.test('an "always" of the agent itself is never chosen', async t => {
  const { id, stdout } = await exec('always make', ['-a'])
  t.equal(stdout, 'chosen undefined')
  t.match(permissions(id).at(-1), { granted: false, by: 'deny', reason: 'the agent lets it be allowed for good, and not once' })
})

t.test('files: what is asked, and what is done without asking', async t => {
  mkdirSync(join(project, 'src'))
  for (const name of ['src/a', 'secret']) writeFileSync(join(project, name), 'as it was')
  const rules = ['--no-ask', '--allow', 'edit(path=src/**)', '--deny', 'edit(path=secret)', '--deny', 'read(path=secret)']
  const at = (name: string) => join(project, name)
  const { id, said } = await exec(
    `read ${at('src/a')}\nedit ${at('src/a')}\nedit ${at('other')}\nwrite ${at('secret')} x\nread ${at('secret')}\nread ${at('src/a')}`,
    rules,
  )
  t.match(
    said,
    /^as it was\|written\|chosen x-1error: .*This was not allowed: the rule edit\(path=secret\).*error: .*read\(path=secret\).*edited$/,
  )
  t.equal(readFileSync(at('secret'), 'utf8'), 'as it was')
  t.equal(readFileSync(at('src/a'), 'utf8'), 'edited')
  t.match(permissions(id), [
    { tool: 'edit', params: { path: at('src/a') }, granted: true, by: 'rule' },
    { tool: 'edit', params: { path: at('other') }, granted: false, by: 'deny' },
    { tool: 'edit', params: { path: at('secret') }, granted: false, by: 'deny', rule: 'edit(path=secret)' },
    { tool: 'read', granted: false, by: 'deny', rule: 'read(path=secret)' },
  ])
})

t.test('a call that says nothing but a title fits no rule about commands', async t => {
  const { id, stdout } = await exec('untold make', ['--no-ask', '--allow', 'bash', '--allow', 'other(title=made)'])
  t.equal(stdout, 'chosen x-1')
  t.match(permissions(id), [{ tool: 'bash', params: { title: 'make' }, granted: false }])
})

t.test('flags: what contradicts, what no provider can keep, and what is kept', async t => {
  const before = zag.ids().length
  const refused: [string[], RegExp][] = [
    [['--ask', '--no-ask'], /--ask or --no-ask, not both/],
    [['--no-ask', '--relay-timeout', '1m'], /--relay-timeout is for what is asked: give --ask/],
    [['--relay-timeout', '0'], /--relay-timeout 0 leaves nobody the time/],
    [['--allow', 'bash(command'], /bash\(command/],
    [['--deny', 'edit(path=)'], /edit/],
    [['--allow-once', ''], /rule/],
  ]
  for (const [flags, stderr] of refused) t.match(await exec('say x', flags), { code: 2, stderr }, flags.join(' '))
  for (const flag of ['--ask', '--allow=bash', '--deny=bash', '--allow-once=bash', '--relay-timeout=1m']) {
    const { code, stderr } = await zag.go('exec', ['-p', 'sh', flag, 'true'])
    t.match({ code, stderr }, { code: 2, stderr: new RegExp(`provider 'sh' has no ${flag.split('=')[0]}: leave it out`) })
  }
  t.equal(zag.ids().length, before, 'no session was made')
  const { id } = await exec('say x', ['--no-ask', '--allow', 'read', '--deny', 'edit', '--allow-once', 'bash'])
  const session = (id: string) => JSON.parse(readFileSync(zag.file(id, 'session.json'), 'utf8'))
  t.same(session(id).permissions, { allow: ['read'], deny: ['edit'], allow_once: ['bash'], live: true })
  const next = (await zag.go('retry', [id])).stdout.trim().split(/\s+/).at(-1) as string
  await zag.go('wait', [next])
  t.same(session(next).permissions, session(id).permissions)
  t.same(session((await exec('say x', ['--relay-timeout', '1m'])).id).permissions, { ask: true, relay_timeout_ms: 60_000, live: true })
  zag.configure('ask = false\n')
  t.match(session((await exec('say x')).id).permissions, { ask: undefined })
  zag.configure('ask = true\n')
  t.match(await zag.go('exec', ['-p', 'sh', 'echo hi']), { code: 0, stdout: 'hi\n' }, 'what cannot ask is not asked for that')
  t.ok(existsSync(project))
})
