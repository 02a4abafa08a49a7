// Claude Code with the hooks of zag in its project, started by itself and by zag: what rules say reaches it, and what others did to files.

import { existsSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { answerRelay, openRelays } from '../../lib/permission/relay.js'
import { addRule } from '../../lib/permission/rules.js'
import { until, zagHome } from '../help/run.js'
import { AGENTS } from './agents.js'
import { Desk } from './desk.js'

const { claude } = AGENTS
const desk = await Desk.open(t, [claude])
const group = desk.project
process.env.ZAG_HOME = zagHome(desk.zag.home)
const inProject = (name: string) => join(desk.project, name)
const prompted = (prompt: string, flags: readonly string[] = []) => desk.alone('claude', ['-p', ...flags], { input: prompt })

/** The agent's own id of a new conversation. */
const id = (number: number) => `00000000-0000-4000-8000-00000000000${number}`

t.test('what rules say', async t => {
  t.match(await desk.go('permit', ['--install', 'claude']), { code: 0 })

  await t.test('without a rule it decides by itself: it reads, and does not act', async t => {
    t.match((await prompted(`USE Read {"file_path": "${inProject('README.md')}"}`)).stdout, /it gave:.*read me/s)
    await prompted('RUN touch unasked')
    t.notOk(existsSync(inProject('unasked')))
  })

  await t.test('an "always" lets it act without a question, a "never" refuses with the reason', async t => {
    addRule(group, 'bash(command=touch ruled*)', 'always', 'person')
    addRule(group, 'bash(command=touch ruled-never*)', 'never', 'person')
    addRule(group, 'read(path=secret)', 'never', 'person')
    writeFileSync(inProject('secret'), 'the moon is full\n')
    await prompted('RUN touch ruled')
    t.ok(existsSync(inProject('ruled')))
    const refused = await prompted('RUN touch ruled-never', ['--allowedTools', 'Bash'])
    t.match(refused.stdout, /the rule bash\(command=touch ruled-never\*\) refuses it/, refused.stderr)
    t.match(desk.latest(), /the rule bash\(command=touch ruled-never\*\) refuses it/)
    t.notOk(existsSync(inProject('ruled-never')))
    t.notMatch((await prompted(`USE Read {"file_path": "${inProject('secret')}"}`)).stdout, /the moon/)
  })
})

t.test('a file that another session changed is read again before it is written', async t => {
  addRule(group, 'edit', 'always', 'person')
  const path = inProject('shared')
  writeFileSync(path, 'one\n')
  const before = statSync(path)
  const reads = `USE Read {"file_path": "${path}"}`
  const writes = (content: string) => `USE Write ${JSON.stringify({ file_path: path, content })}`
  const b = (prompt: string, first = false) => prompted(prompt, [first ? '--session-id' : '--resume', id(2)])
  t.match((await b(reads, true)).stdout, /it gave:.*one/s)
  await prompted(reads, ['--session-id', id(1)])
  t.match((await prompted(writes('two\n'), ['--resume', id(1)])).stdout, /it gave:.*(updated|success)/is)
  t.equal(readFileSync(path, 'utf8'), 'two\n')
  // Its own look at the time of the file would find that: what it does not see is for the hook.
  utimesSync(path, before.atime, before.mtime)
  const stale = await b(writes('three\n'))
  t.match(stale.stdout, /is not as session .* read it .* written by session .* read it again/s, stale.stderr)
  t.equal(readFileSync(path, 'utf8'), 'two\n')
  t.match((await b(reads)).stdout, /it gave:.*two/s)
  await b(writes('three\n'))
  t.equal(readFileSync(path, 'utf8'), 'three\n')
})

t.test('--ask: people are asked, for calls of one that nobody else could', async t => {
  t.match(await desk.go('permit', ['--install', 'claude', '--ask']), { code: 0 })
  const asked = prompted('RUN touch approved')
  await until(() => openRelays({ group }).length === 1, 90_000)
  const [relay] = openRelays({ group })
  t.match(relay, { tool: 'bash', params: { command: 'touch approved' }, provider: 'claude', group })
  t.notOk(existsSync(inProject('approved')))
  t.ok(answerRelay(String(relay?.relay_id), { approved: true, by: 'person' }))
  t.match(await asked, { code: 0 })
  t.ok(existsSync(inProject('approved')))
  const denied = prompted('RUN touch denied')
  await until(() => openRelays({ group }).length === 1, 90_000)
  t.ok(answerRelay(String(openRelays({ group })[0]?.relay_id), { approved: false, by: 'person', reason: 'it is too late' }))
  t.match((await denied).stdout, /it is too late/)
  t.match(desk.latest(), /it is too late/)
  t.notOk(existsSync(inProject('denied')))
})

t.test('in a session its own rules count, and its log has what was decided', async t => {
  t.match(await desk.go('permit', ['--uninstall', 'claude']), { code: 0 })
  t.match(await desk.go('permit', ['--install', 'claude']), { code: 0 })
  const flags = ['--no-ask', '--allow', 'bash(command=touch own*)', '--deny', 'bash(command=touch own-no*)']
  const allowed = await desk.ask(claude, 'RUN touch own', flags)
  t.match(allowed, { code: 0 }, allowed.stderr)
  t.ok(existsSync(inProject('own')))
  t.match(await desk.events(allowed.id, ['relay', 'permission']), [{ granted: true, by: 'rule' }], 'decided once')
  t.equal((await desk.events(allowed.id, ['permission'])).length, 1)
  const denied = await desk.ask(claude, 'RUN touch own-no', flags)
  t.match(denied.stdout, /the rule bash\(command=touch own-no\*\) refuses it/, denied.stderr)
  t.notOk(existsSync(inProject('own-no')))
})
