// zag-output: the final text, byte for byte and nothing else.

import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { seed, selects, ways } from '../help/selection.js'
import { Zag } from '../help/sessions.js'

const zag = new Zag(t)
const seeds = await seed(zag)
const { a, b, c } = seeds
const output = (args: string[], more = {}) => zag.go('output', args, more)

t.test('every way of naming sessions', async t => {
  const letters: Record<string, string> = { a, b, c }
  await selects(
    t,
    ways(seeds),
    (args, input) => output(args, { input }),
    ({ stdout }) => [...stdout.replace(/\n/g, '')].map(letter => letters[letter] as string),
  )
})

t.test('one as it is, several each with a newline at their end, -0 with a NUL', async t => {
  const bare = (await zag.over('printf bare')).session_id
  t.same(await output([bare]), { code: 0, signal: null, stdout: 'bare', stderr: '' })
  t.equal((await output([bare, a])).stdout, 'bare\na\n')
  t.equal((await output(['-0', bare, a])).stdout, 'bare\0a\n\0')
  t.equal((await output([bare, '--null'])).stdout, 'bare\0')
  t.equal((await output([b])).code, 0, 'a failed one that said something has an output')
})

t.test('5 MB of any bytes, unchanged', async t => {
  writeFileSync(join(zag.home, 'bytes'), randomBytes(5_000_000))
  const id = await zag.spawn('cat bytes')
  t.match(await zag.sh(`zag wait ${id} && zag output ${id} | cmp - bytes`), { code: 0, stderr: '' })
})

t.test('colour of an agent stays, none of ours is added', async t => {
  const id = (await zag.over("printf '\\033[31mred'")).session_id
  t.equal((await output([id])).stdout, '\u001b[31mred')
})

t.test('4: not over; 1: over without a result; the others are printed all the same', async t => {
  const gate = zag.gate()
  const [running, silent] = await Promise.all([zag.spawn(`echo half; ${gate.script}`), zag.over('true').then(row => row.session_id)])
  t.match(await output([running]), {
    code: 4,
    stdout: '',
    stderr: `zag-output: session ${running} is running: zag wait ${running.slice(-8)} waits for its result\n`,
  })
  t.match(await output([silent]), {
    code: 1,
    stdout: '',
    stderr: `zag-output: session ${silent} ended without a result: it said nothing\n`,
  })
  const both = await output([running, a, silent, c])
  t.match(both, { code: 4, stdout: 'a\nc\n' })
  t.equal(both.stderr.split('\n').length, 3)
  t.match(await output([silent, a]), { code: 1, stdout: 'a\n' })
  gate.open()
  await zag.go('wait', [running])
  t.match(await output([running]), { code: 0, stdout: 'half\n' })
  const failed = (await zag.over('exit 9')).session_id
  t.match(await output([failed]), { code: 1, stdout: '', stderr: /without a result: exit code 9\n$/ })
})

t.test('3', async t => {
  t.match(await output(['nobody']), { code: 3, stdout: '', stderr: /no session 'nobody'/ })
})
