// The patch format: what fits where, and what is refused, with the line at fault.

import t from 'tap'
import { Fault } from '../../../lib/base/exit.js'
import { applyPatch } from '../../../lib/file/apply.js'
import { parsePatch } from '../../../lib/file/patch.js'

/** A patch of these lines. */
const patch = (...lines: string[]) => ['*** Begin Patch', ...lines, '*** End Patch', ''].join('\n')
const update = (...lines: string[]) => patch('*** Update File: f', ...lines)
const applied = (text: string, files: Record<string, string>) =>
  Object.fromEntries(applyPatch(text, path => files[path]).map(({ path, after }) => [path, after]))
const fault = (text: string, files: Record<string, string> = {}) => {
  try {
    applyPatch(text, path => files[path])
  } catch (error) {
    if (error instanceof Fault) return { exit: error.exit, message: error.message }
    throw error
  }
  return undefined
}

t.test('what fits', async t => {
  const F = 'one\ntwo\nthree\nfour\nfive\n'
  const table: [string, string, string, string][] = [
    ['a line replaced', F, update('@@', ' one', '-two', '+2', ' three'), 'one\n2\nthree\nfour\nfive\n'],
    ['the first @@ may be missing', F, update('-two', '+2'), 'one\n2\nthree\nfour\nfive\n'],
    ['two hunks', F, update('@@', '-one', '+1', '@@', '-five', '+5'), '1\ntwo\nthree\nfour\n5\n'],
    ['lines added above and below', F, update('@@', '+zero', ' one', '@@', ' five', '+six'), 'zero\none\ntwo\nthree\nfour\nfive\nsix\n'],
    ['only new lines come to the end', F, update('@@', '+six'), `${F}six\n`],
    ['or after the line above', F, update('@@ two', '+more'), 'one\ntwo\nmore\nthree\nfour\nfive\n'],
    ['the line above says which', 'a\nx\nb\nx\n', update('@@ b', '-x', '+y'), 'a\nx\nb\ny\n'],
    ['two lines above', 'A\nf\nx\nB\nf\nx\n', update('@@ B', '@@ f', '-x', '+y'), 'A\nf\nx\nB\nf\ny\n'],
    ['the end of the file says which', 'x\na\nx\n', update('@@', '-x', '+y', '*** End of File'), 'x\na\ny\n'],
    ['numbers of a unified diff are passed over', F, update('@@ -1,3 +1,3 @@', '-two', '+2'), 'one\n2\nthree\nfour\nfive\n'],
    ['and what follows them is a line above', 'a\nx\nb\nx\n', update('@@ -1,3 +1,3 @@ b', '-x', '+y'), 'a\nx\nb\ny\n'],
    ['no newline at the end stays so', 'one\ntwo', update('@@', '-two', '+2'), 'one\n2'],
    ['also after a line that is added', 'one\ntwo', update('@@', ' two', '+three'), 'one\ntwo\nthree'],
    ['CRLF stays', 'one\r\ntwo\r\nthree\r\n', update('@@', ' one', '-two', '+2', '+2b'), 'one\r\n2\r\n2b\r\nthree\r\n'],
    ['a mix of both stays where it is', 'one\r\ntwo\nthree\r\n', update('@@', ' two', '-three', '+3'), 'one\r\ntwo\n3\r\n'],
    ['a byte order mark stays', '\ufeffone\ntwo\n', update('@@', '-one', '+1'), '\ufeff1\ntwo\n'],
    ['blanks at ends do not count, and context keeps its own', 'a  \nb\n\tc\n', update('@@', ' a', '-b', '+B', ' c'), 'a  \nB\n\tc\n'],
    ['nor what no keyboard has', 'say \u201chi\u201d \u2013 now\n', update('@@', '-say "hi" - now', '+bye'), 'bye\n'],
    ['exactly alike goes before nearly alike', '  x\nx\n', update('@@', '-x', '+y'), '  x\ny\n'],
    ['an empty line that lost its blank', 'a\n\nb\n', update('@@', ' a', '', '-b', '+c'), 'a\n\nc\n'],
    ['empty lines between hunks', F, update('@@', '-one', '+1', '', '@@', '-two', '+2', ''), '1\n2\nthree\nfour\nfive\n'],
    ['all of it removed', 'a\nb\n', update('@@', '-a', '-b'), ''],
    ['an empty file', '', update('@@', '+a'), 'a\n'],
    ['a patch in CRLF', 'a\nb\n', update('@@', '-a', '+c').replaceAll('\n', '\r\n'), 'c\nb\n'],
    ['lines that look like the format', '*** End Patch\n', update('@@', '-*** End Patch', '+@@', '++', '+-'), '@@\n+\n-\n'],
  ]
  for (const [name, before, text, after] of table) t.same(applied(text, { f: before }), { f: after }, name)
})

t.test('files added, deleted, moved', async t => {
  t.same(applied(patch('*** Add File: a/b', '+x', '+', '+y'), {}), { 'a/b': 'x\n\ny\n' })
  t.same(applied(patch('*** Add File: a', '*** Add File: b', '+x'), {}), { a: '', b: 'x\n' })
  t.same(applied(patch('*** Delete File: a'), { a: 'x' }), { a: undefined })
  t.same(applied(patch('*** Update File: a', '*** Move to: b'), { a: 'x' }), { a: undefined, b: 'x' })
  t.same(applied(patch('*** Update File: a', '*** Move to: b', '@@', '-x', '+y'), { a: 'x\n' }), { a: undefined, b: 'y\n' })
  t.same(applied(patch('*** Delete File: a', '*** Add File: a', '+y'), { a: 'x\n' }), { a: 'y\n' }, 'what is new takes the place')
  t.same(
    applied(patch('*** Update File: a', '-x', '+y', '*** Update File: a', '-y', '+z'), { a: 'x\n' }),
    { a: 'z\n' },
    'one after the other',
  )
  t.same(applied(patch('*** Update File: a', ' x'), { a: 'x\n' }), {}, 'what stays as it is is not touched')
  t.same(
    applyPatch(patch('*** Update File: a', '*** Move to: b'), path => (path === 'a' ? 'x' : undefined)),
    [
      { path: 'a', before: 'x', after: undefined },
      { path: 'b', before: undefined, after: 'x', from: 'a' },
    ],
  )
})

t.test('what does not fit is 1, and says where', async t => {
  const F = 'one\ntwo\nthree\ntwo\n'
  const table: [string, string, RegExp][] = [
    [
      'no such line',
      update('@@', '-2'),
      /^the patch does not fit: 'f' \(line 3 of the patch\): hunk 1: its lines do not stand in the file: '2'$/,
    ],
    ['the second hunk', update('@@', '-one', '+1', '@@', '-2'), /\(line 6 of the patch\): hunk 2: .* after line 1: '2'$/],
    ['a part of it', update('@@', ' one', ' two', '-3'), /in the file: line 3 is 'three', not '3'$/],
    [
      'several places',
      update('@@', '-two', '+2'),
      /hunk 1: it fits 2 places \(lines 2, 4\): give more lines around it, or one above it after '@@'$/,
    ],
    ['no line above', update('@@ nowhere', '-two', '+2'), /hunk 1: no line 'nowhere'$/],
    ['not at the end', update('@@', '-one', '*** End of File'), /at the end of the file: 'one'$/],
    ['hunks are in the order of the file', update('@@', '-three', '@@', '-one'), /hunk 2: .* after line 2: 'one'$/],
    [
      'update of nothing',
      patch('*** Update File: g', '@@', '-a'),
      /^the patch does not fit: 'g' \(line 2 of the patch\): there is no such file to update$/,
    ],
    ['delete of nothing', patch('*** Delete File: g'), /there is no such file to delete$/],
    ['add of what is there', patch('*** Add File: f', '+x'), /it is there already: update it, or delete it first$/],
    ['move to what is there', patch('*** Update File: f', '*** Move to: h'), /it cannot be moved to 'h', which is there already$/],
  ]
  for (const [name, text, words] of table) t.match(fault(text, { f: F, h: '' }), { exit: 1, message: words }, name)
})

t.test('what is no patch is 2, and says where', async t => {
  const table: [string, string, RegExp][] = [
    ['nothing', '', /^no patch, line 1: a patch begins with '\*\*\* Begin Patch' and ends with '\*\*\* End Patch'; there is ''$/],
    ['a unified diff', '--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n', /^no patch, line 1: .*'--- a\/f'$/],
    ['no end', '*** Begin Patch\n*** Update File: f\n@@\n-a', /^no patch, line 5: .* there is nothing$/],
    ['no file', patch(), /^the patch changes no file$/],
    ['no head', patch('-a'), /^no patch, line 2: '\*\*\* Add File: ', .* has to be here; there is '-a'$/],
    ['no path', patch('*** Add File: '), /^no patch, line 2: /],
    ['a folder', patch('*** Add File: d/'), /^no patch, line 2: 'd\/' is no name of a file/],
    ['a folder to move to', patch('*** Update File: f', '*** Move to: d/.'), /^no patch, line 3: 'd\/\.' is no name of a file/],
    ['no hunk', patch('*** Update File: f'), /line 3: a file that is updated has hunks, which begin with '@@'/],
    ['an empty hunk', update('@@', '@@', '@@'), /line 6: a hunk has lines/],
    ['a bare line', update('@@', '-a', 'b'), /line 5: a line of a hunk begins with ' ', '-' or '\+'; there is 'b'$/],
    ['a bare line of a new file', patch('*** Add File: g', '+a', 'b'), /line 4: each line of a new file begins with '\+'; there is 'b'$/],
    ['lines after the end of a file', update('-a', '*** End of File', '-b'), /line 5: a hunk begins with '@@'/],
  ]
  for (const [name, text, words] of table) t.match(fault(text, { f: 'a\n' }), { exit: 2, message: words }, name)
})

t.test('many lines are not many times the work', async t => {
  const lines = Array.from({ length: 50_000 }, (_, n) => `line ${n}`)
  const text = update('@@', ' line 49998', '-line 49999', '+last')
  t.equal(applied(text, { f: `${lines.join('\n')}\n` }).f?.endsWith('line 49998\nlast\n'), true)
  t.equal(parsePatch(text).length, 1)
})
