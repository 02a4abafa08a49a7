// zag-broadcast: a message to many sessions at once, an answer a row as they come; one that cannot be sent to keeps no other.

import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { begin, until } from '../help/run.js'
import { seed, selects, waysAbout } from '../help/selection.js'
import { rows, several, Zag } from '../help/sessions.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const broadcast = (args: string[], more = {}) => zag.go('broadcast', args, more)
const messages = async (id: string) => rows((await zag.go('events', [id, '--type', 'user_message'])).stdout)

await t.test('every way of naming sessions', async t => {
  // Each keeps its state.
  const script = `case $ZAG_SESSION_ID in ${seeds.b}) exit 3;; esac`
  const among = waysAbout(seeds)
  const narrowed = among.filter(({ args }) => args.includes('--state'))
  // While it answers one, a session is in no state that others could mean.
  for (const ways of [among.filter(way => !narrowed.includes(way)), ...narrowed.map(way => [way])]) {
    await selects(
      t,
      ways,
      (args, input) => broadcast(['--json', ...args, script], { input }),
      // The order of the rows is that of the answers.
      ({ stdout }, means) => means.filter(id => rows(stdout).some(row => row.session_id === id)),
    )
  }
  t.match(await broadcast(['true']), { code: 2, stdout: '', stderr: /which sessions\? give --session, --tag or --all/ })
})

const three = async (tag: string, script = 'true') =>
  Promise.all([1, 2, 3].map(async n => (await zag.over(script, ['--tag', tag, '--name', `${tag}-${n}`])).session_id))

t.test('a row each as they answer: id, state, first line; --json with the result', async t => {
  const ids = await three('rows')
  const { code, stdout, stderr } = await broadcast(['--tag', 'rows', 'echo; printf "the\\tfirst\\n"; echo more'])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.same(stdout.trim().split('\n').sort(), ids.map(id => `${id}\tcompleted\tthe\\u0009first`).sort())
  const answered = rows((await broadcast(['--tag', 'rows', '--json', '--prompt', 'echo $ZAG_SESSION_NAME'])).stdout)
  t.same(
    answered.map(row => [row.name, row.result]).sort(),
    [1, 2, 3].map(n => [`rows-${n}`, `rows-${n}\n`]),
  )
  t.match(answered[0], { message_id: String, turn: 3, run: 3, success: true, status: 'completed' })
  t.match((await messages(ids[0] as string)).at(-1), { from: 'broadcast', message_id: String })
})

t.test('they answer at the same time', async t => {
  await three('met')
  const all = `echo x >>${join(zag.home, 'met')}; until [ "$(wc -l <${join(zag.home, 'met')})" = 3 ]; do sleep 0.02; done; echo met`
  t.match(await broadcast(['--tag', 'met', all]), { code: 0, stdout: /(.*\tcompleted\tmet\n){3}/ })
})

t.test('one whose turn fails, or that cannot be sent to, does not keep the others: 1', async t => {
  const [one, two, other] = (await three('some')) as [string, string, string]
  t.match(await broadcast(['--tag', 'some', `case $ZAG_SESSION_ID in ${two}) echo no; exit 4;; esac; echo yes`]), {
    code: 1,
    stdout: new RegExp(`^${two}\tfailed\texit code 4$`, 'm'),
    stderr: '',
  })
  const path = zag.file(other, 'owner.99')
  writeFileSync(path, JSON.stringify({ role: 'run', run: 2, pid: 1, start: '1', boot: 'b', host: 'elsewhere' }))
  const { code, stdout, stderr } = await broadcast(['--tag', 'some', 'echo yes'])
  t.equal(code, 1)
  t.same(stdout.trim().split('\n').sort(), [one, two].map(id => `${id}\tcompleted\tyes`).sort())
  t.match(stderr, new RegExp(`^zag-broadcast: session ${other} is on another machine, elsewhere: send it from there\n$`))
  rmSync(path)
})

t.test('-b: nothing but with --json; --raw and --file-prompt; the session around is left out', async t => {
  const ids = await three('later')
  writeFileSync(join(zag.home, 'script'), 'echo later')
  t.match(await broadcast(['--tag', 'later', '-b', '--file-prompt', join(zag.home, 'script')]), { code: 0, stdout: '', stderr: '' })
  await zag.go('wait', ['--tag', 'later'])
  await several(ids, async id => t.equal(readFileSync(zag.file(id, 'result'), 'utf8'), 'later\n'))
  const env = { ZAG_SESSION_ID: ids[0] as string }
  const sent = rows((await broadcast(['--tag', 'later', '--background', '--raw', '--json', 'echo again'], { env })).stdout)
  t.same(sent.map(row => row.session_id).sort(), ids.slice(1).sort())
  await zag.go('wait', ['--tag', 'later'])
  t.match((await messages(ids[1] as string)).at(-1), { from: ids[0], content: 'echo again' })
  t.match(await broadcast(['--session', ids[0] as string, 'true'], { env }), { code: 3, stdout: '', stderr: /no session but this one/ })
})

t.test('--file and the sender, to agents that read text', async t => {
  const agent = join(zag.home, 'agent')
  writeFileSync(agent, '#!/bin/sh\ncat\n')
  chmodSync(agent, 0o755)
  zag.configure(`[providers.agent]\ncommand = ["${agent}"]\nresume = ["${agent}"]\n`)
  const id = (await zag.go('spawn', ['-p', 'agent', '--tag', 'texts', 'x'])).stdout.trim()
  await zag.go('wait', [id])
  writeFileSync(join(zag.home, 'notes'), 'look here\n')
  const [row] = rows(
    (await broadcast(['--tag', 'texts', '--json', '--file', 'notes', 'read'], { env: { ZAG_SESSION_ID: seeds.a } })).stdout,
  )
  t.match(
    row?.result,
    new RegExp(`<session-message from="${seeds.a}"[^>]*>\nread\n</session-message>\n[^]*<attached-file path=".*/notes">\nlook here\n<`),
  )
})

t.test('to those that live on, at work and over, each once', async t => {
  const gate = zag.gate()
  const lives = (await zag.go('spawn', ['-p', 'sh', '-I', '--tag', 'mixed'])).stdout.trim()
  const works = await zag.spawn(gate.script, ['--tag', 'mixed'])
  const over = (await zag.over('true', ['--tag', 'mixed'])).session_id
  const sending = begin('zag-broadcast', ['--tag', 'mixed', 'echo $ZAG_SESSION_ID'], { home: zag.home })
  await until(() => existsSync(zag.file(works, 'inbox')) && readdirSync(zag.file(works, 'inbox')).length === 1)
  await until(() => sending.stdout.includes(over) && sending.stdout.includes(lives))
  gate.open()
  const { code, stdout } = await sending.ended
  t.equal(code, 0)
  t.same(stdout.trim().split('\n').sort(), [lives, works, over].map(id => `${id}\tcompleted\t${id}`).sort())
  for (const id of [lives, works, over]) t.equal((await messages(id)).filter(({ from }) => from === 'broadcast').length, 1)
})

t.test('124: some did not answer in time', async t => {
  const [slow, quick] = (await three('timed')) as [string, string]
  const gate = zag.gate()
  t.match(await broadcast(['--tag', 'timed', '--timeout', '2s', `case $ZAG_SESSION_ID in ${slow}) ${gate.script};; esac; echo done`]), {
    code: 124,
    stdout: new RegExp(`^${quick}\tcompleted\tdone$`, 'm'),
    stderr: 'zag-broadcast: 1 of 3 did not answer in 2.0s\n',
  })
  gate.open()
  await zag.go('wait', ['--tag', 'timed'])
  t.match(await broadcast(['--tag', 'timed', '-b', '--timeout', '1s', 'x']), { code: 2, stderr: /-b does not wait/ })
})
