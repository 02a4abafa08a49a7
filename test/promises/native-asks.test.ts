// What zag's own agent may, decided by others: people, rules that hold for every vendor's agent, and the times of files.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { call, patch, scene } from '../help/native.js'
import { TOP, until } from '../help/run.js'

const { zag, project, of, configure, exec, spawn, input, asked } = await scene(t)
const ACP = join(TOP, 'test/fixtures/acp-agent')

async function spawnAcp(prompt: string): Promise<string> {
  const { stdout, stderr, code } = await zag.go('spawn', ['-p', 'acp', '--ask', '--agent', ACP, '-r', project, prompt])
  if (code !== 0) throw new Error(`zag-spawn: ${code}: ${stderr}`)
  return stdout.trim()
}

t.test('two kinds of agents ask for the same; one "always" lets both go on, and a third is not asked', async t => {
  configure('openai')
  const ids = [await spawn(call('bash', { command: 'git status --short' }), []), await spawnAcp('ask git status --short')]
  for (const id of ids) await until(() => of(id, 'relay').length > 0, 20_000)
  const [relay] = of(ids[0] as string, 'relay')
  t.match(await zag.go('approve', ['--always', String(relay?.relay_id)]), { code: 0, stderr: /git status/ })
  t.match(await zag.go('wait', ids), { code: 0 })
  t.match(of(ids[0] as string, 'permission'), [{ granted: true, by: 'person' }])
  t.match(of(ids[1] as string, 'permission'), [{ granted: true, by: 'rule' }])
  const third = await exec(call('bash', { command: 'git status' }), [])
  t.match(third, { code: 0, stdout: /it gave: / })
  t.same(of(third.id, 'relay'), [])
})

t.test('a no and its reason reach the model', async t => {
  for (const api of ['openai', 'anthropic'] as const) {
    configure(api)
    const id = await spawn(call('bash', { command: `touch refused-${api}` }), [])
    await until(() => of(id, 'relay').length > 0, 20_000)
    t.match(await zag.go('deny', ['--reason', 'not on a Friday', String(of(id, 'relay')[0]?.relay_id)]), { code: 0 })
    t.match(await zag.go('wait', [id]), { code: 0 })
    t.match(JSON.stringify(asked().at(-1)?.body), /not on a Friday/)
    t.notOk(existsSync(join(project, `refused-${api}`)))
    t.match(of(id, 'permission', 'tool_result'), [
      { granted: false, by: 'person', reason: 'not on a Friday' },
      { success: false, error: /not on a Friday/ },
    ])
  }
})

t.test('what another session changed has to be read again before it is changed', async t => {
  configure('openai')
  const path = join(project, 'shared')
  writeFileSync(path, 'one\ntwo\n')
  const change = (from: string, to: string) => patch('*** Update File: shared', '@@', ' one', `-${from}`, `+${to}`)
  const look = call('read', { path: 'shared' })
  const first = await spawn(look, ['-I', '-a', '--name', 'first'])
  t.match(await input(first, 'COUNT'), { code: 0 })
  const second = await exec([look, change('two', '2')].join('\n'), ['-a', '--name', 'second'])
  t.match(second.stdout, /updated shared/)
  const stale = await input(first, change('two', 'II'))
  t.match(stale.stdout, /it gave: 'shared' .*second.*read it/)
  t.equal(readFileSync(path, 'utf8'), 'one\n2\n')
  t.match(await input(first, [look, change('2', 'II')].join('\n')), { stdout: /updated shared/ })
  t.equal(readFileSync(path, 'utf8'), 'one\nII\n')
  t.match(await zag.go('input', ['--session', first, '--end']), { code: 0 })
})
