// Names: what is allowed, how a name becomes a path that no other name has, and what was meant by a misspelt word.

import { normalize } from 'node:path'
import t from 'tap'
import { checkName, keyOf, nearest } from '../../../lib/base/name.js'

t.test('names', async t => {
  for (const name of ['a', ' ', '..', '../../etc/passwd', '-x', '$(x)', "it's", 'ä'.repeat(100), '😀'.repeat(50), 'a\u00a0b'])
    t.equal(checkName('name', name), name)
  for (const name of ['', 'x'.repeat(201), 'ä'.repeat(101), 'a\nb', 'a\0', '\u001b[0m', '\u007f', '\u0085', '\u2028', '\ud800'])
    t.throws(() => checkName('tag', name), { exit: 2, message: /\btag\b/ }, `${name.length} characters, the first ${name.charCodeAt(0)}`)
})

t.test('keys: one component each, or folders that no other key can be', async t => {
  const names = [
    'a',
    'A',
    '.',
    '..',
    '.'.repeat(199),
    '.'.repeat(200),
    '../x',
    '/',
    'a/b',
    'a%2Fb',
    'a+',
    '+',
    '%',
    'ü',
    '-',
    '~',
    "'",
    'a*b',
    ' ',
    'x'.repeat(199),
    'x'.repeat(200),
  ]
  const keys = names.map(keyOf)
  t.equal(new Set(keys).size, names.length)
  for (const key of keys) {
    t.match(key, /^(?:[A-Za-z0-9_.%-]{1,202}\+\/)*[A-Za-z0-9_.%-]{1,202}$/)
    t.notMatch(key, /(?:^|\/)\./, 'no leading dot')
    t.equal(normalize(key), key)
  }
  const long = keyOf('€'.repeat(66))
  t.ok(long.split('/').length > 1)
  t.ok(long.split('/').every(part => part.length <= 203))
})

t.test('the nearest word', async t => {
  const words = ['wait', 'status', 'spawn', 'collect', 'output']
  t.same(nearest('wiat', words), ['wait'])
  t.same(nearest('stat', words), ['status'])
  t.same(nearest('colect', words), ['collect'])
  t.same(nearest('xyz', words), [])
})
