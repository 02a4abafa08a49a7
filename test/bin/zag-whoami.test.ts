// zag-whoami: which session a process is in, by its environment.

import t from 'tap'
import { Zag } from '../help/sessions.js'

const zag = new Zag(t)

t.test('inside: name=value, a line each', async t => {
  const row = await zag.over('zag whoami; zag whoami --json', ['--name', 'me', '--group', 'g'])
  const [json, ...lines] = String(row.result).trim().split('\n').reverse()
  const me = JSON.parse(String(json))
  t.match(me, { session_id: row.session_id, name: 'me', group: 'g', provider: 'sh', process_id: `${row.session_id}.1`, root: String })
  t.same(
    lines.reverse(),
    Object.entries(me).map(([name, value]) => `${name}=${value}`),
  )
  t.notOk('parent' in me)
})

t.test('a child knows its parent', async t => {
  const { result, session_id } = await zag.over("zag exec -p sh 'zag whoami'")
  t.match(result, new RegExp(`^parent=${session_id}$`, 'm'))
})

t.test('--shell can be evaluated whatever is in a name', async t => {
  const name = `a'b "$(touch owned)\` ; x`
  const script = 'eval "$(zag whoami --shell)"; printf "%s" "$name"; ls owned'
  const { result } = await zag.over(script, [`--name=${name}`])
  t.equal(result, name)
})

t.test('1: outside', async t => {
  t.same(await zag.go('whoami'), {
    code: 1,
    signal: null,
    stdout: '',
    stderr: 'zag-whoami: not inside a session: ZAG_SESSION_ID is not set\n',
  })
  t.match(await zag.go('whoami', ['--json'], { env: { ZAG_SESSION_ID: 'gone' } }), {
    code: 1,
    stdout: '',
    stderr: /names no session of this home: 'gone'/,
  })
})

t.test('2', async t => {
  t.match(await zag.go('whoami', ['x']), { code: 2, stdout: '', stderr: /'x' is one word too many/ })
  t.match(await zag.go('whoami', ['--json', '--shell']), { code: 2, stdout: '', stderr: /--shell or --json, not both/ })
})
