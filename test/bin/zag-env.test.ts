// zag-env: the variables of a session, so that a shell can act as if it were inside.

import t from 'tap'
import { run, zagHome } from '../help/run.js'
import { seed, selects, waysToOne } from '../help/selection.js'
import { Zag } from '../help/sessions.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const { a, b, c } = seeds
const env = (args: string[], more = {}) => zag.go('env', args, more)

t.test('every way of naming a session', async t => {
  await selects(
    t,
    waysToOne(seeds),
    (args, input) => env(['--json', ...args], { input }),
    ({ stdout }) => [JSON.parse(stdout).ZAG_SESSION_ID],
  )
})

t.test('name=value, a line each, and --json', async t => {
  const { code, stdout, stderr } = await env([c])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const values = Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map(line => line.split('=')),
  )
  t.match(values, {
    ZAG_HOME: zagHome(zag.home),
    ZAG_SESSION_ID: c,
    ZAG_SESSION_NAME: 'alpha',
    ZAG_PROVIDER: 'sh',
    ZAG_PARENT_SESSION_ID: a,
  })
  t.same(JSON.parse((await env(['--json', c])).stdout), values)
  t.notMatch((await env([b])).stdout, 'ZAG_SESSION_NAME', 'what it has not is not there')
})

t.test('--shell: safe to eval whatever is in a name', async t => {
  const name = `it's "x" $(touch owned) \`touch owned\`; touch owned #\\`
  const { session_id } = await zag.over('true', [`--name=${name}`])
  const script = `eval "$(zag env --shell ${session_id})"; printf '%s' "$ZAG_SESSION_NAME"; ls owned 2>/dev/null; sh -c 'printf %s "$ZAG_SESSION_ID"'`
  t.same(await zag.sh(script), { code: 0, signal: null, stdout: `${name}${session_id}`, stderr: '' }, 'and exported')
})

t.test('then this shell is inside', async t => {
  const { stdout, code } = await zag.sh(`eval "$(zag env --shell ${b})"; zag whoami --json; zag log hello`)
  t.match({ code, me: JSON.parse(stdout) }, { code: 0, me: { session_id: b, provider: 'sh' } })
  t.match((await zag.go('events', [b, '--last', '1'])).stdout, `"message":"hello"`)
})

t.test('the mark of the processes of a run is not among them: what carries it is ended with the run', async t => {
  const script = 'eval "$(zag env --shell "$1")"; zag env "$1"; zag env --json "$1"; printenv ZAG_PROCESS_ID || echo mark=none'
  const { code, stdout, stderr } = await run('/bin/sh', ['-c', script, 'sh', b], { home: zag.home })
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.match(stdout, /^mark=none$/m)
  t.notMatch(stdout, 'ZAG_PROCESS_ID')
})

t.test('without a name it is the session around', async t => {
  t.match((await env([], { env: { ZAG_SESSION_ID: a } })).stdout, `ZAG_SESSION_ID=${a}\n`)
  t.match(await env(['--tag', 'nobody'], { env: { ZAG_SESSION_ID: a } }), { code: 3, stdout: '', stderr: /no session with tag 'nobody'/ })
  t.match(await env([b], { env: { ZAG_SESSION_ID: a } }), { code: 0, stdout: `ZAG_SESSION_ID=${b}\n` })
})

t.test('1, 2 and 3', async t => {
  t.match(await env([]), { code: 1, stdout: '', stderr: 'zag-env: not inside a session: ZAG_SESSION_ID is not set\n' })
  t.match(await env([a, b]), { code: 2, stdout: '', stderr: 'zag-env: one session, not 2\n' })
  t.match(await env(['--json', '--shell', a]), { code: 2, stdout: '', stderr: /--shell or --json, not both/ })
  t.match(await env(['nobody']), { code: 3, stdout: '', stderr: /no session 'nobody'/ })
})
