// zag-collect: results in the order asked for, with a word where there is none; nothing is cut silently or overwritten.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { repository } from '../help/repository.js'
import { until } from '../help/run.js'
import { seed, selects, ways } from '../help/selection.js'
import { Zag } from '../help/sessions.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const { a, b, c } = seeds
const collect = (args: string[], more = {}) => zag.go('collect', args, more)
const short = (id: string) => id.slice(-8)

await t.test('every way of naming sessions, in the order asked for', async t => {
  const ids = (text: string): string[] => JSON.parse(text).map((row: { session_id: string }) => row.session_id)
  await selects(
    t,
    ways(seeds),
    (args, input) => collect(['--json', ...args], { input }),
    ({ stdout }) => ids(stdout),
  )
})

let [silent, long] = ['', '']

await t.test('two more', async () => {
  silent = (await zag.over('true')).session_id
  long = (await zag.over('for i in 1 2 3 4 5 6 7 8; do printf "%0100d" $i; done', ['--name', 'long one/two'])).session_id
})

t.test('headed text, missing ones included', async t => {
  t.same(await collect([c, b, silent]), {
    code: 0,
    signal: null,
    stderr: '',
    stdout: `== ${short(c)} alpha (completed) ==\nc\n\n== ${short(b)} (failed) ==\nb\n\n== ${short(silent)} (completed) ==\n(no result: it said nothing)\n`,
  })
  const gate = zag.gate()
  const id = await zag.spawn(`echo half; ${gate.script}`)
  const { code, stdout } = await collect([id])
  t.match({ code, stdout }, { code: 0, stdout: `== ${short(id)} (running) ==\n(no result: it is running)\n` })
  gate.open()
})

t.test('--json is one array, also of one', async t => {
  const { stdout, code } = await collect(['--json', b])
  t.equal(code, 0)
  t.match(JSON.parse(stdout), [{ session_id: b, status: 'failed', error: 'exit code 3', result: 'b\n', exit_code: 3 }])
  const [row] = JSON.parse((await collect([silent, '--json'])).stdout)
  t.match(row, { status: 'completed' })
  t.notOk('result' in row)
})

t.test('--max-bytes marks what it cut', async t => {
  const { stdout } = await collect(['--max-bytes', '100', long])
  t.match(stdout, /^== .* ==\n0{50}\n\[\.\.\. 700 bytes left out; the whole is in .* \.\.\.\]\n0{49}8\n$/)
  t.match(stdout, zag.file(long, 'result'))
  t.match(JSON.parse((await collect(['--max-bytes', '100', '--json', long, a])).stdout), [
    { result: /\[\.\.\. 700 bytes/ },
    { result: 'a\n' },
  ])
  t.notMatch((await collect(['--max-bytes', '1k', long])).stdout, 'left out')
  for (const bytes of ['0', '1']) {
    const [row] = JSON.parse((await collect(['--json', '--max-bytes', bytes, long])).stdout)
    t.equal(row.result, `\n[... 800 bytes left out; the whole is in ${zag.file(long, 'result')} ...]\n`, `--max-bytes ${bytes}`)
  }
})

t.test('--into writes a file each and index.json, and overwrites nothing', async t => {
  const folder = join(zag.home, 'results')
  const { code, stdout, stderr } = await collect(['--into', 'results', a, b, c, silent, long])
  t.match({ code, stdout, stderr }, { code: 0, stdout: 'results/index.json\n', stderr: '' })
  const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))
  t.same(
    index.map((row: { file?: string }) => row.file),
    [`alpha-${short(a)}.txt`, `${short(b)}.txt`, `alpha-${short(c)}.txt`, undefined, 'long_one_two.txt'],
  )
  t.match(index[1], { session_id: b, status: 'failed', error: 'exit code 3' })
  t.equal(readdirSync(folder).length, 5)
  t.equal(readFileSync(join(folder, `${short(b)}.txt`), 'utf8'), 'b\n')
  t.equal(readFileSync(join(folder, 'long_one_two.txt'), 'utf8').length, 800, 'whole')
  t.match(await collect(['--into', 'results', a]), {
    code: 5,
    stdout: '',
    stderr: /^zag-collect: 'results\/index\.json' is there already: give another folder/,
  })
  mkdirSync(join(zag.home, 'mine'))
  writeFileSync(join(zag.home, 'mine', `${short(b)}.txt`), 'mine')
  t.match(await collect(['--into', 'mine', a, b]), { code: 5, stdout: '', stderr: /is there already/ })
  t.equal(readFileSync(join(zag.home, 'mine', `${short(b)}.txt`), 'utf8'), 'mine')
  t.same(readdirSync(join(zag.home, 'mine')), [`${short(b)}.txt`], 'and nothing was written')
})

t.test('--into with names that would lead elsewhere', async t => {
  const names = ['../../out', '..', '.hidden', 'a\\b', 'index']
  const ids: string[] = []
  for (const name of names) ids.push((await zag.over('echo x', [`--name=${name}`])).session_id)
  t.match(await collect(['--into', 'odd', ...ids]), { code: 0 })
  t.equal(readdirSync(join(zag.home, 'odd')).length, names.length + 1)
  t.notOk(existsSync(join(zag.home, '..', 'out.txt')))
})

t.test('a damaged session.json keeps nobody from the rest, nor from what its log and its result say', async t => {
  const whole = (await zag.over('echo whole', ['--tag', 'hurt'])).session_id
  const done = (await zag.over('echo done', ['--tag', 'hurt'])).session_id
  const lost = (await zag.over('echo lost', ['--tag', 'hurt'])).session_id
  const gate = zag.gate()
  const alive = await zag.spawn(`echo alive; ${gate.script}`, ['--tag', 'hurt'])
  await until(async () => (await zag.go('events', [alive, '--type', 'assistant_message'])).stdout.includes('alive'))
  const log = readFileSync(zag.file(lost, 'log.ndjson'), 'utf8').trim().split('\n')
  for (const id of [done, lost, alive]) writeFileSync(zag.file(id, 'session.json'), '{"id":')
  // Its runner is gone, and nobody can end it in the runner's place.
  writeFileSync(zag.file(lost, 'log.ndjson'), `${log.slice(0, -1).join('\n')}\n`)
  const tagged = ['--tag', 'hurt']
  const word = 'its session.json is damaged: see zag doctor'
  const all = JSON.parse((await collect(['--json', ...tagged])).stdout)
  t.match(all, [
    { session_id: whole, status: 'completed', provider: 'sh', error: null, result: 'whole\n' },
    { session_id: done, status: 'completed', provider: 'unknown', name: null, error: word, result: 'done\n' },
    { session_id: lost, status: 'dead', error: 'its runner is gone' },
    { session_id: alive, status: 'running', error: word },
  ])
  t.match(await zag.go('status', tagged), {
    code: 0,
    stdout: `${whole}\tcompleted\n${done}\tcompleted\n${lost}\tdead\n${alive}\trunning\n`,
  })
  t.match(await zag.go('output', [whole, done]), { code: 0, stdout: 'whole\ndone\n' })
  t.match(await zag.go('ps', ['--tag', 'hurt', '-q']), { code: 0, stdout: `${whole}\n${done}\n${lost}\n${alive}\n` })
  t.match(await zag.go('ps', []), { code: 0, stdout: new RegExp(`^${alive}\trunning\tunknown\t.*\t${word}$`, 'm') })
  for (const program of ['summary', 'events', 'search', 'session', 'listen'] as const) {
    const args = { summary: tagged, events: tagged, search: ['done', ...tagged], session: ['list', ...tagged], listen: [done] }[program]
    t.match(await zag.go(program, args), { code: 0, stderr: '' }, program)
  }
  t.match(await zag.go('pipe', ['-p', 'sh', done, '--', 'cat']), { code: 0, stdout: /\ndone\n<\/session-result>/ })
  const waiting = zag.go('wait', tagged)
  gate.open()
  t.match(await waiting, { code: 1, stdout: new RegExp(`^${lost}\tdead`, 'm') })
  t.match(await zag.go('status', [alive]), { code: 0, stdout: 'completed\n' }, 'it ended as it should')
  t.match(await zag.go('retry', tagged), { code: 5, stdout: '', stderr: /is damaged/ }, 'what needs it says so')
})

// What a patch holds is in test/promises/worktrees.test.ts.
t.test('--patch: in the order asked for, missing ones included', async t => {
  const { top: cwd } = repository(join(zag.home, 'repo'))
  const row = await zag.over('echo two >>a.txt', ['-w', '--name', 'apart'], { cwd })
  const { code, stdout, stderr } = await collect(['--patch', row.session_id, b])
  t.match({ code, stderr }, { code: 0, stderr: '' })
  t.match(
    stdout,
    /^== \S+ apart \(completed\) ==\ndiff --git a\/a\.txt b\/a\.txt\n[\s\S]*\n\+two\n\n== \S+ \(failed\) ==\n\(no patch: it has no worktree\)\n$/,
  )
  const both = JSON.parse((await collect(['--patch', '--json', '--max-bytes', '1', b, row.session_id])).stdout)
  t.match(both, [{ no_patch: 'it has no worktree', result: /left out/ }, { patch: /^diff --git/ }])
})

t.test('3 and 2', async t => {
  t.match(await collect(['nobody']), { code: 3, stdout: '', stderr: /no session 'nobody'/ })
  t.match(await collect(['--into', 'x', '--json', a]), {
    code: 2,
    stdout: '',
    stderr: /--into writes whole files: leave out --json and --max-bytes/,
  })
  t.match(await collect(['--into', 'x', '--max-bytes', '1k', a]), { code: 2 })
  t.match(await collect(['--patch', '--max-bytes', '1k', a]), { code: 2, stdout: '', stderr: /a patch that is cut is none/ })
  t.match(await collect(['--max-bytes', 'much', a]), { code: 2, stderr: /'--max-bytes': 'much' is no size/ })
  t.notOk(existsSync(join(zag.home, 'x')))
})
