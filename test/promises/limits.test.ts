// Usage limits and silence: a session that meets a limit sleeps and goes on where it was, as often as it may, and whatever ends it
// meanwhile ends it at once; an agent that says nothing is ended. All of it is in the log.

import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lives } from '../help/processes.js'
import { begin, until, zagHome } from '../help/run.js'
import { type Row, rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)

/** An agent that meets a limit the first $TIMES times it is started in a session, and then says what it is told. */
const AGENT = `#!/bin/sh
file="$ZAG_SESSION_ID.met"
echo met >>"$file"
if [ "$(wc -l <"$file")" -le "\${TIMES:-1}" ]; then echo half; echo "Sorry: Quota exceeded" >&2; exit 7; fi
cat
`
/** The same with a conversation: its id is told at once, and its words say how it was started. */
const TALKER = `#!/bin/sh
echo '{"session_id":"talk-1"}'
[ "$1" ] || { echo "Sorry: quota exceeded" >&2; exit 1; }
echo "{\\"type\\":\\"assistant_message\\",\\"content\\":\\"$1: $(cat)\\"}"
`
for (const [name, text] of Object.entries({ agent: AGENT, talker: TALKER })) {
  writeFileSync(join(zag.home, name), text)
  chmodSync(join(zag.home, name), 0o755)
}

const PROVIDERS = `
[providers.agent]
command = ["${join(zag.home, 'agent')}"]
[providers.talker]
command = ["${join(zag.home, 'talker')}"]
resume = ["${join(zag.home, 'talker')}", "{session}"]
format = "ndjson"
`
/** A second is added to each sleep: clocks differ. */
const SHORT = 'fallback = "1ms"'
const LONG = 'fallback = "1h"'
const configure = (...limits: string[]) => zag.configure(`${PROVIDERS}[limits]\npatterns = ["quota EXCEEDED"]\n${limits.join('\n')}\n`)
const spawn = async (...args: string[]) => (await zag.go('spawn', ['-p', 'agent', ...args])).stdout.trim()
const eventsOf = (id: string) => rows(readFileSync(zag.file(id, 'log.ndjson'), 'utf8'))
const of = (id: string, ...types: string[]) => eventsOf(id).filter(({ type }) => types.includes(String(type)))
const typesOf = (events: Row[]) => events.map(({ type }) => type)
const status = async (id: string) => (await zag.go('status', [id])).stdout.trim()
const limited = (id: string) => until(async () => (await status(id)) === 'limited')
const runnerOf = async (id: string) => Number(rows((await zag.go('status', ['--json', id])).stdout)[0]?.runner_pid)
const starts = (id: string) => readFileSync(join(zag.home, `${id}.met`), 'utf8').split('\n').length - 1

t.test('met twice, then completed: the events in order, the prompt again for an agent without a conversation', async t => {
  configure(SHORT)
  const id = await spawn('--env', 'TIMES=2', 'the task')
  t.match(await zag.go('wait', [id]), { code: 0, stdout: `${id}\tcompleted\n` })
  t.equal((await zag.go('output', [id])).stdout, 'the task')
  const run = ['session_started', 'user_message', 'assistant_message', 'stderr', 'usage_limit_hit', 'session_ended', 'usage_limit_resumed']
  // Which of its two files was read first is chance.
  const sorted = (types: unknown[]) => types.map(type => (type === 'stderr' ? 'assistant_message' : type))
  const last = ['session_started', 'user_message', 'assistant_message', 'session_ended']
  t.same(sorted(typesOf(eventsOf(id))), sorted([...run, ...run, ...last]))
  const [first, ...more] = of(id, 'usage_limit_hit', 'usage_limit_resumed')
  t.match(first, { incident_id: String, error: 'Sorry: Quota exceeded', reset_at: undefined })
  t.ok(Date.parse(String(first?.resume_at)) > Date.parse(String(first?.ts)))
  t.match(
    more.map(({ type, incident_id, attempt }) => [type, incident_id === first?.incident_id, attempt]),
    [
      ['usage_limit_resumed', true, 1],
      ['usage_limit_hit', true, undefined],
      ['usage_limit_resumed', true, 2],
    ],
  )
  t.match(of(id, 'session_ended'), [
    { run: 1, status: 'failed', reason: 'limit', error: 'usage limit: Sorry: Quota exceeded', exit_code: 7 },
    { run: 2, status: 'failed', reason: 'limit' },
    { run: 3, status: 'completed' },
  ])
  t.same(
    of(id, 'session_started').map(({ turn }) => turn),
    [1, 1, 1],
  )
  t.notOk(existsSync(zag.file(id, 'limited')))
})

t.test('an agent with a conversation of its own is told to continue in it', async t => {
  configure(SHORT)
  const ended = await zag.go('exec', ['-p', 'talker', '-o', 'json', 'the task'])
  const [row] = rows(ended.stdout)
  t.match(row, { status: 'completed', result: 'talk-1: Continue' })
  t.match(of(String(row?.session_id), 'user_message'), [
    { from: 'prompt', content: 'the task' },
    { from: 'limit', content: 'Continue', turn: 1 },
  ])
})

t.test('attempts: met too often is failed, and no retry makes more of it', async t => {
  configure(SHORT, 'attempts = 1')
  const id = await spawn('--env', 'TIMES=9', '--retries', '2', 'x')
  t.match(await zag.go('wait', ['--json', id]), { code: 1, stdout: /"reason":"limit"/ })
  t.equal(starts(id), 2)
  const told = of(id, 'usage_limit_hit', 'usage_limit_resumed', 'usage_limit_failed', 'session_ended')
  t.match(told.slice(-3), [
    { type: 'usage_limit_hit', resume_at: undefined },
    { type: 'usage_limit_failed', error: 'it went on once and met the limit again', incident_id: told[0]?.incident_id },
    { type: 'session_ended', run: 2, status: 'failed', reason: 'limit' },
  ])
  t.equal(told.length, 6)
})

t.test('--on-limit fail, or wait = false, is 1 at once; --on-limit wait goes before that', async t => {
  configure(LONG)
  const fail = await zag.go('exec', ['-p', 'agent', '--on-limit', 'fail', 'x'])
  t.match(fail, { code: 1, stdout: 'half\n', stderr: /\nzag-exec: session .* failed: usage limit: Sorry: Quota exceeded\n$/ })
  const id = zag.ids().at(-1) as string
  t.match(of(id, 'usage_limit_hit', 'usage_limit_failed'), [
    { type: 'usage_limit_hit', resume_at: undefined },
    { type: 'usage_limit_failed', error: 'it is not to wait for the end of a limit' },
  ])
  configure(LONG, 'wait = false')
  t.match(await zag.go('exec', ['-p', 'agent', 'x']), { code: 1, stderr: /usage limit/ })
  const waiting = await spawn('--on-limit', 'wait', 'x')
  await limited(waiting)
  t.match(await zag.go('cancel', [waiting]), { code: 0 })
  t.match(await zag.go('exec', ['-p', 'agent', '--on-limit', 'never', 'x']), {
    code: 2,
    stdout: '',
    stderr: /'--on-limit': no 'never': write wait, fail/,
  })
})

t.test('limited is shown, is not the end, and can be cancelled at once', async t => {
  configure(LONG)
  const id = await spawn('--name', 'sleeper', '--timeout', '10m', 'x')
  await limited(id)
  t.match(await zag.go('status', ['--exit-code', id]), { code: 4, stdout: 'limited\n' })
  t.match(await zag.go('ps', ['--state', 'limited']), { code: 0, stdout: /sleeper/ })
  t.match(rows((await zag.go('status', ['--json', id])).stdout), [{ status: 'limited', runner_pid: Number }])
  t.match(await zag.go('wait', ['--timeout', '0.1s', id]), { code: 124 })
  t.match(await zag.go('cancel', ['--reason', 'enough', id]), { code: 0, stdout: `${id}\tcancelled\n` })
  t.equal(starts(id), 1)
  t.notOk(existsSync(zag.file(id, 'limited')))
  t.match(eventsOf(id).slice(-4), [
    { type: 'session_ended', run: 1, status: 'failed', reason: 'limit' },
    { type: 'usage_limit_failed', error: 'it was ended while it waited' },
    { type: 'session_started', run: 2, command: [] },
    { type: 'session_ended', run: 2, status: 'cancelled', reason: 'enough' },
  ])
})

t.test('exec --resume of one that is limited: the limit it waits for, by its own number', async t => {
  configure(LONG)
  const id = await spawn('x')
  await limited(id)
  const asking = begin('zag-exec', ['--resume', id, '-o', 'stream-json', 'y'], { home: zag.home })
  const [first] = await until(() => asking.stdout.includes('\n') && rows(asking.stdout))
  t.match(first, { type: 'usage_limit_hit', seq: eventsOf(id).findIndex(({ type }) => type === 'usage_limit_hit') + 1 })
  t.match(await zag.go('cancel', [id]), { code: 0 })
  asking.child.kill('SIGTERM')
  await asking.ended
})

t.test('its supervisor killed: over as the run ended, started again by retry or by a message', async t => {
  configure(LONG)
  const id = await spawn('x')
  await limited(id)
  process.kill(await runnerOf(id), 'SIGKILL')
  await until(async () => (await status(id)) === 'failed')
  t.match(await zag.go('wait', ['--json', id]), { code: 1, stdout: /"reason":"limit"/ })
  configure(SHORT)
  const again = await zag.go('retry', ['--failed', id])
  t.match(again, { code: 0, stderr: '' })
  t.match(await zag.go('wait', [again.stdout.trim()]), { code: 0 })
  const gate = zag.gate()
  writeFileSync(join(zag.home, 'agent'), `#!/bin/sh\n${gate.script}\necho on\n`)
  t.match(await zag.go('input', ['-b', '--session', id, 'go on']), { code: 0 })
  await until(() => of(id, 'session_started').length === 2)
  t.equal(await status(id), 'running', 'what the dead one left says nothing of the next run')
  gate.open()
  t.match(await zag.go('wait', [id]), { code: 0 })
  writeFileSync(join(zag.home, 'agent'), AGENT)
})

t.test('one that lives on goes on within the turn', async t => {
  configure(SHORT)
  const id = await spawn('-I', '--env', 'TIMES=2', 'the task')
  t.match(await zag.go('input', ['--session', id, 'next']), { code: 0, stdout: /next/ })
  t.match(await zag.go('input', ['--session', id, '--end']), { code: 0 })
  t.equal(of(id, 'session_started').length, 1)
  t.match(of(id, 'turn_ended'), [
    { turn: 1, success: true },
    { turn: 2, success: true },
  ])
  t.match(
    of(id, 'usage_limit_hit', 'usage_limit_resumed', 'turn_ended').map(({ type }) => type),
    ['usage_limit_hit', 'usage_limit_resumed', 'usage_limit_hit', 'usage_limit_resumed', 'turn_ended', 'turn_ended'],
  )
})

t.test('one that lives on: too often fails the turn and not the session; cancelled while limited', async t => {
  configure(SHORT, 'attempts = 1')
  const id = await spawn('-I', '--env', 'TIMES=3')
  const failed = await zag.go('input', ['--json', '--session', id, 'one'])
  t.match(rows(failed.stdout), [{ success: false, status: 'failed', reason: 'limit', error: 'usage limit: Sorry: Quota exceeded' }])
  t.match(await zag.go('input', ['--session', id, 'two']), { code: 0 }, 'the next turn has attempts of its own')
  t.match(of(id, 'turn_ended'), [
    { turn: 2, success: false, reason: 'limit' },
    { turn: 3, success: true },
  ])
  t.match(await zag.go('input', ['--session', id, '--end']), { code: 0 })
  configure(LONG)
  const asleep = await spawn('-I')
  const asking = begin('zag-input', ['--session', asleep, 'x'], { home: zag.home })
  await limited(asleep)
  t.match(await zag.go('cancel', [asleep]), { code: 0, stdout: `${asleep}\tcancelled\n` })
  t.match(await asking.ended, { code: 1, stderr: /cancelled/ })
  t.match(eventsOf(asleep).slice(-3), [
    { type: 'usage_limit_failed', error: 'it was ended while it waited' },
    { type: 'turn_ended', turn: 2, stop_reason: 'cancelled' },
    { type: 'session_ended', status: 'cancelled' },
  ])
})

t.test('one that lives on: a limit of its last turn is over with that, and the session with its end', async t => {
  configure(SHORT, 'attempts = 1')
  const id = await spawn('-I', '--env', 'TIMES=9', 'x')
  await until(() => of(id, 'turn_ended').length === 1)
  t.match(await zag.go('input', ['--session', id, '--end']), { code: 0 })
  t.match(await zag.go('wait', [id]), { code: 0 })
  t.equal(of(id, 'session_started').length, 1)
  t.match(of(id, 'usage_limit_hit', 'usage_limit_failed', 'session_ended').slice(-3), [
    { type: 'usage_limit_hit' },
    { type: 'usage_limit_failed' },
    { type: 'session_ended', status: 'completed', reason: 'end' },
  ])
  t.equal(of(id, 'usage_limit_hit').length, 2)
})

t.test('the time of --timeout runs on while it sleeps', async t => {
  configure(LONG)
  t.match(await zag.go('exec', ['-p', 'agent', '--timeout', '2s', 'x']), { code: 124, stderr: /failed: not done after 2\.0s\n$/ })
  const id = zag.ids().at(-1) as string
  t.equal(starts(id), 1)
  t.match(of(id, 'session_ended', 'usage_limit_failed'), [
    { run: 1, reason: 'limit' },
    { error: 'it was ended while it waited' },
    { run: 2, status: 'failed', reason: 'timeout' },
  ])
})

t.test('one that lives on: an agent that is gone when the limit is over fails the turn, and says why', async t => {
  configure(SHORT)
  const id = await spawn('-I')
  const asking = begin('zag-input', ['--session', id, '--json', 'x'], { home: zag.home })
  await until(() => of(id, 'usage_limit_hit').length === 1)
  chmodSync(join(zag.home, 'agent'), 0o644)
  t.match(rows((await asking.ended).stdout), [{ success: false, reason: 'start', error: /agent/ }])
  chmodSync(join(zag.home, 'agent'), 0o755)
  t.match(await zag.go('cancel', [id]), { code: 0 })
})

t.test('a batch does the same, and slots are for those that sleep too', async t => {
  configure(SHORT)
  const { code, stdout } = await zag.go('spawn', ['-p', 'agent', '--each', '--slots', '2', '--tag', 'batch'], { input: 'a\nb\nc\n' })
  t.equal(code, 0)
  t.match(await zag.go('wait', ['--tag', 'batch']), { code: 0 })
  for (const id of stdout.trim().split('\n')) {
    t.equal(starts(id), 2)
    t.same(typesOf(of(id, 'usage_limit_hit', 'usage_limit_resumed')), ['usage_limit_hit', 'usage_limit_resumed'])
  }
  configure(LONG)
  await zag.go('spawn', ['-p', 'agent', '--each', '--slots', '1', '--tag', 'stuck'], {
    input: '{"prompt": "a", "on_limit": "wait", "stall": "1h"}\nb\n',
  })
  const [first, second] = zag.ids().slice(-2) as [string, string]
  await limited(first)
  t.equal(await status(second), 'queued')
  t.match(await zag.go('cancel', ['--tag', 'stuck']), { code: 0 })
})

t.test('in the foreground it says until when it waits and when it goes on; a signal ends it', async t => {
  configure(SHORT)
  const said =
    /^Sorry: Quota exceeded\nzag-exec: usage limit: Sorry: Quota exceeded: it waits until [-0-9 ]*\d\d:\d\d:\d\d, for \d\.\ds\nzag-exec: it goes on after the usage limit\n$/
  t.match(await zag.go('exec', ['-p', 'agent', 'x']), { code: 0, stdout: 'x', stderr: said })
  t.match(await zag.go('exec', ['-p', 'agent', '-q', 'x']), { code: 0, stdout: 'x', stderr: '' })
  configure(LONG)
  const running = begin('zag-exec', ['-p', 'agent', 'x'], { home: zag.home })
  await until(() => /it waits until/.test(running.stderr))
  running.child.kill('SIGINT')
  t.match(await running.ended, { code: 130, stderr: /cancelled\n$/ })
})

t.test('a configuration that is broken when a run ends does not cost it its end', async t => {
  const config = join(zagHome(zag.home), 'config.toml')
  const ended = await zag.go('exec', ['-p', 'sh', `echo 'x = [' >${config}; echo said; exit 3`])
  t.match(ended, { code: 1, stdout: 'said\n', stderr: /failed: exit code 3\n$/ })
  t.match(of(zag.ids().at(-1) as string, 'provider_status'), [{ message: /^\[limits\] cannot be read: '.*config\.toml':2:1: / }])
})

t.test('[limits] that are wrong: 2, with the file and the line', async t => {
  for (const [line, message] of [
    ['patterns = ["("]', /config\.toml':2: .*\[?limits\]?.* has '\(', no regular expression: /],
    ['patterns = [""]', /has an empty pattern, which fits anything: leave it out/],
    ['attempts = 0', /config\.toml':2: /],
    ['fallback = 5', /config\.toml':2: /],
    ['wait = "no"', /config\.toml':2: /],
  ] as const) {
    zag.configure(`[limits]\n${line}\n`)
    t.match(await zag.go('exec', ['-p', 'sh', 'true']), { code: 2, stdout: '', stderr: message }, line)
  }
  zag.configure('')
})

t.test('--stall ends an agent that says nothing', async t => {
  const pid = join(zag.home, 'pid')
  const ended = await zag.go('exec', ['-p', 'sh', '--stall', '1s', `echo ready; echo $$ >${pid}; exec sleep 300`])
  t.match(ended, { code: 1, stdout: 'ready\n', stderr: /failed: its agent wrote nothing for 1\.0s\n$/ })
  t.notOk(lives(Number(readFileSync(pid, 'utf8'))))
  const id = (await zag.go('spawn', ['-p', 'sh', '-I', '--stall', '1s', 'sleep 300'])).stdout.trim()
  t.match(await zag.go('wait', ['--json', id]), { code: 1, stdout: /"reason":"stalled"/ })
  t.match(of(id, 'turn_ended', 'session_ended'), [
    { type: 'turn_ended', stop_reason: 'failed', reason: 'stalled' },
    { type: 'session_ended', status: 'failed', reason: 'stalled' },
  ])
})

t.test('--stall does not end one that writes, and 0 ends none', async t => {
  // Its file was written to a moment ago for as long as it works: no chance of the machine makes it silent.
  const writes = 'touch -d "1 hour" "$ZAG_HOME/sessions/$ZAG_SESSION_ID/stderr"; sleep 3; echo done'
  t.match(await zag.go('exec', ['-p', 'sh', '--stall', '2s', writes]), { code: 0, stdout: 'done\n' })
  t.match(await zag.go('exec', ['-p', 'sh', '--stall', '0', 'echo done']), { code: 0, stdout: 'done\n' })
  t.equal(JSON.parse(readFileSync(zag.file(zag.ids().at(-1) as string, 'session.json'), 'utf8')).stall_ms, 0)
})
