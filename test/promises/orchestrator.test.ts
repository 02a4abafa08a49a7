// Many agents in the hands of one program: the example of the README as it stands, and an orchestrator beside the programs.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { call, scene } from '../help/native.js'
import { begin, run, TOP, until } from '../help/run.js'

const { zag, project, of, configure, env } = await scene(t)
configure('openai')
const LIBRARY = pathToFileURL(join(TOP, 'dist/lib/zag-library.mjs')).href

/** A program that imports the library; `zag` is its name for others. */
function program(name: string, text: string): string {
  const path = join(zag.home, name)
  writeFileSync(path, text.replaceAll("from 'zag'", `from ${JSON.stringify(LIBRARY)}`))
  return path
}

/** The blocks of JavaScript in the README. */
const examples = [...readFileSync(join(TOP, 'README.md'), 'utf8').matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)

t.test('the example of the README', async t => {
  const [orchestrated = '', functions = ''] = examples
  // Nobody has an account here: zag's own agent in place of Claude Code, told what to do.
  const path = program('example.mjs', orchestrated.replace("provider: 'claude'", "provider: 'native'").replace(/Review (.*)\./, '$1'))
  const look = call('read', { path: 'README.md' })
  const act = call('bash', { command: 'touch made' })
  const { code, stdout, stderr } = await run(process.execPath, [path, look, look, act], {
    home: zag.home,
    cwd: project,
    env,
    timeout: 60_000,
  })
  t.match({ code, stderr }, { code: 0, stderr: '' })
  const ids = zag.ids()
  t.equal(ids.length, 3)
  for (const id of ids) t.match(stdout, new RegExp(`^${id} it gave: `, 'm'))
  t.match(stdout, /only read/, 'the reason reaches the model')
  t.notOk(existsSync(join(project, 'made')))
  const granted = ids.flatMap(id => of(id, 'permission')).filter(({ granted }) => granted)
  t.equal(granted.length, 2)
  t.ok(granted.some(({ by }) => by === 'person'))
  t.match(await zag.go('ps', ['--tag', 'review', '--all', '--json']), { stdout: /"completed"[\s\S]*"completed"[\s\S]*"completed"/ })

  const { stdout: said } = await run(process.execPath, [program('functions.mjs', functions)], { home: zag.home, cwd: project, env })
  t.equal(said, 'a\n\nb\n\n')
})

t.test('the programs see its agents, and answer them', async t => {
  const path = program(
    'beside.mjs',
    `import { AgentOrchestrator } from 'zag'
const zag = new AgentOrchestrator({ provider: 'native', ask: true })
const id = await zag.spawn({ prompt: process.argv[2] })
const relays = []
for await (const { agentId, event } of zag.events()) {
  console.log(JSON.stringify([agentId === id, event.type, event.by ?? event.status]))
  if (event.type === 'relay') {
    relays.push(event.relay_id)
    console.log(JSON.stringify(zag.getPendingRelays().map(({ relay_id }) => relay_id === event.relay_id)))
  }
  if (event.type === 'permission') console.log(JSON.stringify(['late', zag.resolveRelay(relays[0], { approved: false })]))
  if (event.type === 'session_ended') await zag.cleanup()
}
`,
  )
  const running = begin(process.execPath, [path, call('bash', { command: 'echo done >made-too' })], {
    home: zag.home,
    cwd: project,
    env,
    timeout: 60_000,
  })
  await until(() => /"relay"/.test(running.stdout), 20_000)
  const { stdout: shown } = await zag.go('ps', ['--json'])
  t.match(JSON.parse(shown), [{ status: 'waiting', provider: 'native' }])
  const [{ relay_id = '', tool = '' } = {}] = (await zag.go('relay', ['--json'])).stdout
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
  t.equal(tool, 'bash')
  t.match(await zag.go('approve', [relay_id]), { code: 0, stderr: '' })
  t.match(await zag.go('deny', [relay_id]), { code: 4 }, 'it has its answer')
  const { code, stdout, stderr } = await running.ended
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.equal(readFileSync(join(project, 'made-too'), 'utf8'), 'done\n')
  const lines = stdout.split('\n').filter(Boolean)
  for (const line of ['[true,"relay"]', '[true]', '[true,"permission","person"]', '["late",false]', '[true,"session_ended","completed"]'])
    t.ok(
      lines.some(each => each.replace(/,null\]/, ']') === line),
      line,
    )
})
