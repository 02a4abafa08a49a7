// zag-log: events of one's own, into the own log or that of others, in the order in which they were given.

import t from 'tap'
import { begin, until } from '../help/run.js'
import { seed, selects, waysAbout } from '../help/selection.js'
import { rows, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const { a, b, c } = seeds
const log = (args: string[], more = {}) => zag.go('log', args, more)
const events = async (id: string) => rows((await zag.go('events', ['--type', 'user_event', id])).stdout)
const SILENT = { code: 0, signal: null, stdout: '', stderr: '' }

await t.test('every way of naming sessions, by --session in place of an operand', async t => {
  // The message is the way itself: it shows in which logs the event came to lie.
  const among = waysAbout(seeds)
  const message = (args: string[], input: string | undefined) => JSON.stringify([args, input])
  await selects(
    t,
    among,
    (args, input) => log([...args, message(args, input)], { input }),
    ({ code, stdout, stderr }, means) => (code === 0 && stdout + stderr === '' ? means : []),
  )
  for (const id of [a, b, c]) {
    const reached = (await events(id)).map(event => String(event.message))
    t.same(
      reached.sort(),
      among
        .filter(({ means }) => means.includes(id))
        .map(({ args, input }) => message(args, input))
        .sort(),
    )
  }
})

t.test('the event', async t => {
  t.same(await log(['--session', b, '--level', 'warn', '--data', '{"left": [1, null]}', "it's $(nearly) full\n\u001b[31m"]), SILENT)
  t.match((await events(b)).at(-1), {
    type: 'user_event',
    level: 'warn',
    by: 'user',
    data: { left: [1, null] },
    message: "it's $(nearly) full\n\u001b[31m",
  })
  t.same(await log(['plain', '--session', b, '-q']), SILENT)
  const last = (await events(b)).at(-1)
  t.match(last, { level: 'info', message: 'plain' })
  t.notOk(last && 'data' in last)
  t.same(await log(['--data=0', '--session', b, 'zero']), SILENT)
  t.equal((await events(b)).at(-1)?.data, 0)
})

t.test('several, and a line each from stdin', async t => {
  t.same(await log(['--session', a, '--session', b, '--level=debug', '-'], { input: 'one\n\ntwo words\nlast without a newline' }), SILENT)
  for (const id of [a, b]) {
    const got = (await events(id)).slice(-4)
    t.same(
      got.map(({ message }) => message),
      ['one', '', 'two words', 'last without a newline'],
    )
    t.same(
      got.map(({ level }) => level),
      Array(4).fill('debug'),
    )
  }
})

t.test('lines are appended as they come', async t => {
  const { child, ended } = begin('zag-log', ['--session', a, '-'], { home: zag.home })
  child.stdin.write('early\n')
  await until(async () => (await events(a)).at(-1)?.message === 'early')
  child.stdin.end('late\n')
  t.same(await ended, SILENT)
  t.equal((await events(a)).at(-1)?.message, 'late')
})

t.test('inside a session: into its own, signed by it; narrowing holds there too', async t => {
  const env = { ZAG_SESSION_ID: a }
  t.same(await log(['from inside'], { env }), SILENT)
  t.match((await events(a)).at(-1), { message: 'from inside', by: a })
  t.same(await log(['to another', '--session', b], { env }), SILENT)
  t.match((await events(b)).at(-1), { message: 'to another', by: a })
  t.match(await log(['x', '--state', 'failed'], { env }), { code: 3, stderr: /no session .*in state 'failed'/ })
  t.match(await log(['x', '--tag', 'nobody'], { env }), { code: 3, stderr: /no session with tag 'nobody'/ })
  t.match(await log(['x'], { env: { ZAG_SESSION_ID: 'gone' } }), { code: 3, stderr: /no session 'gone'/ })
  const real = await zag.spawn('zag log "half of it is done" && zag wait -q --timeout 0 --latest; true')
  await zag.go('wait', [real])
  t.match((await events(real)).at(-1), { message: 'half of it is done', by: real })
})

t.test('2 and 3', async t => {
  t.match(await log(['x']), { code: 2, stdout: '', stderr: 'zag-log: which session? give --session: this is not inside one\n' })
  t.match(await log([]), { code: 2, stderr: /a <message> is needed/ })
  t.match(await log(['--session', a, 'two', 'words']), { code: 2, stderr: /'words' is one word too many/ })
  t.match(await log(['--session', a, '--level', 'loud', 'x']), {
    code: 2,
    stderr: /flag '--level': no 'loud': write debug, info, warn, error/,
  })
  t.match(await log(['--session', a, '--data', '{', 'x']), { code: 2, stderr: /--data '\{' is no JSON/ })
  t.match(await log(['--session', 'nobody', 'x']), { code: 3, stdout: '', stderr: /no session 'nobody'/ })
  t.match(await log(['--session', '-', '-'], { input: a }), { code: 2, stderr: /stdin can be read once/ })
})
