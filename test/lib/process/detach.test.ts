import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startDetached } from '../../../lib/process/detach.js'
import { fixture, stateOf, until } from '../../help/processes.js'

const env = process.env
const mode = { mode: 0o755 }

t.test('it leads a session of its own, without a terminal', async t => {
  const pid = await startDetached('sleep', ['300'], { env, cwd: '/' })
  t.teardown(() => process.kill(pid, 'SIGKILL'))
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  t.same(fields.slice(2, 5), [String(pid), String(pid), '0'], 'group, session, terminal')
})

t.test('what leaks past Node does not reach it', { skip: process.platform !== 'linux' && 'closed on Linux only' }, async t => {
  const list = join(t.testdir(), 'list')
  // A shell opens 40 and 251 for whatever it runs, as a build tool or a harness may.
  const look = 'exec ls /proc/self/fd >"$1"'
  const loader = import.meta.resolve('@tapjs/typescript/import')
  const script = `exec 40</dev/null 251>/dev/null; exec "$@"`
  const words = [process.execPath, `--import=${loader}`, fixture('start-detached.ts'), '/', 'sh', '-c', look, 'sh', list]
  const child = spawn('bash', ['-c', script, 'bash', ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  await until(() => exists(list), 'the list is written', 20_000)
  t.equal(readFileSync(list, 'utf8'), '0\n1\n2\n3\n', '3 is the folder that ls reads')
})

t.test('descriptors that are given become its own', async t => {
  const file = join(t.testdir(), 'out')
  const out = openSync(file, 'w')
  const pid = await startDetached('echo', ['hello'], { env, cwd: '/', stdio: ['ignore', out, out] })
  closeSync(out)
  await until(() => stateOf(pid) === '', 'it is over')
  t.equal(readFileSync(file, 'utf8'), 'hello\n')
})

t.test('why a program cannot be started', async t => {
  const cwd = t.testdir({ plain: 'text', folder: {} })
  writeFileSync(join(cwd, 'no-interpreter'), '#!/no/such/program\n', mode)
  const cases: [string, number, RegExp][] = [
    ['no-such-program', 127, /^'no-such-program' was not found on PATH$/],
    ['./no-such-program', 127, /^'\.\/no-such-program' was not found$/],
    ['./plain', 126, /^'\.\/plain' may not be executed: make it executable$/],
    ['./folder', 127, /was not found$/],
    ['', 127, /was not found/],
    ['./no-interpreter', 126, /interpreter/],
  ]
  for (const [file, exit, message] of cases) {
    await t.rejects(startDetached(file, [], { env, cwd }), { name: 'Fault', exit, message }, file)
  }
  await t.rejects(startDetached('true', [], { env, cwd: join(cwd, 'gone') }), { name: 'Fault', exit: 5, message: /no folder/ })
  await t.rejects(startDetached('true', ['x'.repeat(200_000)], { env, cwd }), { name: 'Fault', exit: 126, message: /longer than/ })
})

function exists(path: string): boolean {
  try {
    return readFileSync(path).length > 0
  } catch {
    // It is not there yet.
    return false
  }
}
