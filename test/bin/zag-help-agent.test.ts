// zag-help-agent: the page has all that programs take, its words are those of the code, and its idioms run as printed.

import { existsSync } from 'node:fs'
import t from 'tap'
import { EXIT } from '../../lib/base/exit.js'
import { FOR_PEOPLE } from '../../lib/command/agent-page.js'
import { catalogue } from '../../lib/command/catalogue.js'
import { longName } from '../../lib/command/data.js'
import { STATES } from '../../lib/session/state.js'
import { run, zagHome } from '../help/run.js'
import { rows, Zag } from '../help/sessions.js'

const home = t.testdir()
const { stdout: page } = await run('zag-help-agent', [], { home })
const between = (from: string, to: string) => page.slice(page.indexOf(from), page.indexOf(to, page.indexOf(from) + 1))

t.test('it is printed under two names, and makes no home', async t => {
  for (const [program, words] of [
    ['zag-help-agent', []],
    ['zag', ['help-agent']],
    ['zag', ['--help-agent']],
  ] as const)
    t.same(await run(program, words, { home }), { code: 0, signal: null, stdout: page, stderr: '' })
  t.match(await run('zag-help-agent', ['wait'], { home }), { code: 2, stdout: '' })
  t.notOk(existsSync(zagHome(home)))
})

t.test('it is one page', async t => {
  const lines = page.split('\n')
  t.ok(lines.length <= 380, `${lines.length} lines`)
  t.notMatch(page, /undefined|\[object|NaN/)
})

t.test('it has every program, and every flag of those that scripts use', async t => {
  const shared = page.slice(page.indexOf('\nFlags of <sessions>:'))
  for (const data of catalogue().filter(({ name }) => name !== 'zag')) {
    const name = data.name.replace('-', ' ')
    if (FOR_PEOPLE.has(data.name)) {
      t.match(shared, `${name} (`, name)
      continue
    }
    const own = between(`\n### ${name}: `, '\n###').replace(/\nFlags of <sessions>[\s\S]*/, '')
    t.match(own, data.does)
    for (const [word, part] of 'commands' in data ? Object.entries(data.commands) : [['', data] as const]) {
      t.ok(own.includes(`${name} ${word}`.trim()) || own.includes(`${name} [${word}]`), `${name} ${word}`)
      for (const key of Object.keys(part.flags))
        t.match(own + shared, new RegExp(`--${longName(key)}\\b`), `${name} ${word} --${longName(key)}`)
    }
  }
})

t.test('its words are those of the code', async t => {
  for (const state of STATES) t.match(between('## States', '## Exit'), new RegExp(`\\b${state}\\b`), state)
  for (const code of Object.values(EXIT)) t.match(between('## Exit codes', '## JSON'), new RegExp(`\\b${code}\\b`), String(code))
  const zag = new Zag(t)
  const row = await zag.over('echo "{}"')
  for (const key of Object.keys(rows((await zag.go('wait', ['--json', row.session_id])).stdout)[0] ?? {}))
    t.match(between('## JSON', '## Inside'), key)
})

/** What each idiom prints, in the order of the page. */
const PRINTS = [
  /^[0-9a-f-]{36}\tcompleted\nhello\nzag-exec: .*\nexit code 1\n$/,
  /^read api\nread docs\nread web\n$/,
  /^out\/index\.json\na\.c\.txt\n.*2.*\nc\.c\.txt\nindex\.json\nread a\.c\nread b "2"\.c\nread c\.c\n$/,
  /^[0-9a-f-]{36}\tcompleted\ntested\nclean\n$/,
  /^0\n$/,
  /^a part\n?, and the wholecompleted\n$/,
  /^still here\nyes, says Ann\n[0-9a-f-]{36}\tcompleted\n(?:still here\n)?yes, says Ann\nreleased\n$/,
  /^failed: [0-9a-f-]{36}\nfailed: [0-9a-f-]{36}\n$/,
  /half done[\s\S]*"totals"[\s\S]*"removed"/,
]

t.test('its idioms run as printed', { timeout: 100_000 }, async t => {
  const idioms = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, script]) => script as string)
  t.equal(idioms.length, PRINTS.length)
  for (const [at, script] of idioms.entries()) {
    const zag = new Zag(t, { work: {} })
    const more = script.includes('--into out') ? 'ls out; cat out/*.txt' : ''
    const ended = await zag.sh(`exec 2>&1\nset -eu\ncd work\n${script}${more}`)
    t.equal(ended.code, 0, script, ended as never)
    t.match(ended.stdout, PRINTS[at], script)
  }
})
