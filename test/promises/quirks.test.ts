// What agents do that programs should not, and what becomes of a session then: a last word and no exit, floods, bytes that are no
// text, descendants that leave, an end that their exit code denies.

import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lives } from '../help/processes.js'
import { until } from '../help/run.js'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const env = { PATH: `${zag.home}:${process.env.PATH}` }
const THREAD = '{"type":"thread.started","thread_id":"0199a213-81c0-7800-8aa1-bbab2a035a53"}'
const SAYS = '{"type":"item.completed","item":{"id":"i","type":"agent_message","text":"said"}}'
const DONE = '{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}'

/** Runs a session with an agent that prints as Codex does, and does what the script says. */
async function exec(script: string, flags: string[] = []) {
  writeFileSync(join(zag.home, 'codex'), `#!/bin/sh\n${script}\n`)
  chmodSync(join(zag.home, 'codex'), 0o755)
  const ended = await zag.go('exec', ['-p', 'codex', ...flags, 'x'], { env })
  const id = zag.ids().at(-1) as string
  const events = rows(readFileSync(zag.file(id, 'log.ndjson'), 'utf8'))
  return { ...ended, id, of: (...types: string[]) => events.filter(({ type }) => types.includes(String(type))) }
}

const pidIn = (name: string) => Number(readFileSync(join(zag.home, name), 'utf8'))

t.test('a result and no exit: it is ended after a while, and that is a success', async t => {
  const { code, stdout, of } = await exec(`echo '${THREAD}'; echo '${SAYS}'; echo '${DONE}'; echo $$ >"$HOME/stays"; exec sleep 300`)
  t.match({ code, stdout }, { code: 0, stdout: 'said' })
  t.match(of('session_ended'), [{ status: 'completed', success: true }])
  t.notOk(lives(pidIn('stays')))
})

t.test('a success that its exit code denies: failed, with both', async t => {
  const { code, stdout, stderr } = await exec(`echo '${THREAD}'; echo '${SAYS}'; echo '${DONE}'; exit 9`)
  t.match({ code, stdout }, { code: 1, stdout: 'said' })
  t.match(stderr, /failed: the agent reported success, but exit code 9\n$/)
})

t.test('exit 0 and nothing said: completed, without a result', async t => {
  const { code, stdout, id } = await exec(`echo '${THREAD}'; echo '${DONE}'`)
  t.match({ code, stdout }, { code: 0, stdout: '' })
  t.notOk(existsSync(zag.file(id, 'result')))
})

t.test('exit 0 and no end: failed', async t => {
  t.match(await exec(`echo '${THREAD}'; echo '${SAYS}'`), { code: 1, stderr: /failed: no end reported \(exit code 0\)\n$/ })
})

t.test('a flood on stderr, and bytes that are no text: all of it is kept, and none of it is in the way', async t => {
  const flood = `head -c 20000000 /dev/zero | tr '\\0' 'e' >&2; i=0; while [ $i -lt 2000 ]; do echo "line $i" >&2; i=$((i + 1)); done`
  const { code, stdout, id, of } = await exec(`echo '${THREAD}'; ${flood}; printf '\\377\\376\\n'; echo '${SAYS}'; echo '${DONE}'`, ['-q'])
  t.match({ code, stdout }, { code: 0, stdout: 'said' })
  t.equal(readFileSync(zag.file(id, 'stderr')).length, 20_000_000 + 2000 * 10 - 1110)
  t.match(of('parse_warning'), [{ raw: '\ufffd\ufffd' }])
})

t.test('what leaves its group and its parent is ended with it', async t => {
  const left = `(setsid sh -c 'echo $$ >"$HOME/left"; exec sleep 300' &); sleep 300`
  writeFileSync(join(zag.home, 'codex'), `#!/bin/sh\n${left}\n`)
  const { stdout } = await zag.go('spawn', ['-p', 'codex', 'x'], { env })
  await until(() => existsSync(join(zag.home, 'left')) && pidIn('left') > 0)
  t.match(await zag.go('cancel', [stdout.trim()]), { code: 0 })
  t.notOk(lives(pidIn('left')))
})

t.test(
  'a program that leaves itself behind and exits: its exit is its end; what stays in its group is ended, a daemon goes its own way',
  async t => {
    const fork = (name: string, how = '') => `(${how} sh -c 'echo $$ >"$HOME/${name}"; exec sleep 300' &)`
    const written = ['forked', 'daemon'].map(name => `until [ -s "$HOME/${name}" ]; do sleep 0.02; done`).join('; ')
    t.teardown(() => process.kill(pidIn('daemon'), 'SIGKILL'))
    const { code, stderr, of } = await exec(`echo '${THREAD}'; ${fork('forked')}; ${fork('daemon', 'setsid')}; ${written}`)
    t.match({ code, stderr }, { code: 1, stderr: /failed: no end reported \(exit code 0\)\n$/ })
    t.match(of('session_ended'), [{ status: 'failed', exit_code: 0 }])
    t.notOk(lives(pidIn('forked')))
    t.ok(lives(pidIn('daemon')))
  },
)

t.test('a line of ten megabytes', async t => {
  const line = `printf '%s' '${SAYS.replace(/said.*/, '')}'; head -c 10000000 /dev/zero | tr '\\0' x; echo '"}}'`
  const { code, id, of } = await exec(`echo '${THREAD}'; ${line}; echo '${DONE}'`, ['-q'])
  t.equal(code, 0)
  t.equal(readFileSync(zag.file(id, 'result'), 'utf8'), 'x'.repeat(10_000_000))
  t.equal(of('assistant_message').length, 1)
})
