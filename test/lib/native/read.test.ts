import t from 'tap'
import { numbered } from '../../../lib/native/read.js'

const all = { offset: 1, limit: 2000 }

t.test('lines with their numbers', async t => {
  t.equal(numbered('a\nb\n', all), '     1\ta\n     2\tb')
  t.equal(numbered('a\nb', all), '     1\ta\n     2\tb')
  t.equal(numbered('', all), '(the file is empty)')
  t.equal(numbered('a\nb\nc\nd\n', { offset: 2, limit: 2 }), '     2\tb\n     3\tc\n[… lines 4 to 4 left out: go on with offset 4 …]')
  t.equal(numbered('a\nb\n', { offset: 2, limit: 9 }), '     2\tb')
  t.throws(() => numbered('a\nb\n', { offset: 3, limit: 1 }), { message: 'it has 2 lines, and line 3 is asked for' })
})

t.test('what is long is cut, and that is said', async t => {
  t.match(numbered('x'.repeat(5000), all), /^ {5}1\tx{2000}\[… 3000 characters left out …\]$/)
  const text = numbered(`${'y'.repeat(1500)}\n`.repeat(500), all)
  t.ok(text.length < 140_000)
  t.match(text, /\[… lines \d+ to 500 left out: go on with offset \d+ …\]$/)
})
