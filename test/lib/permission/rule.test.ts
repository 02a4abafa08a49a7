// Rules as text: what parses, what it says of what does not, and that a rule made of any text means that text alone.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what shells expand

import t from 'tap'
import { Fault } from '../../../lib/base/exit.js'
import { literally, matches, readGlob, textOf } from '../../../lib/permission/glob.js'
import { covers } from '../../../lib/permission/match.js'
import { formatRule, isAnything, parseRule } from '../../../lib/permission/rule.js'

const PLACE = { root: '/', cwd: '/' }

t.test('what is written comes back, without needless blanks', async t => {
  const rules: [string, string?][] = [
    ['bash'],
    ['  read  ', 'read'],
    ['bash(command=git status*)'],
    ['bash( command = git status * )', 'bash(command=git status *)'],
    ['edit(path={src,test}/**)'],
    ['search(pattern=a,path=src/**)', 'search(pattern=a, path=src/**)'],
    ['mcp(server=x, tool=[a-c,;]*, q=a\\,b)'],
    ['mcp(a\\ b=\\ c\\ )'],
    ['bash(command=echo \\(a\\) \\\\ \\* \\n)'],
    ['bash(command=echo "x" \'y\')'],
    ['bash(command=git stash pop stash@{0})'],
    ['Odd\\ Tool\\(1\\)(x=)'],
    ['x(__proto__=1)'],
    ['x(q=a\nb)', 'x(q=a\\nb)'],
    ['x(q={a\\,b,c\\}})'],
    ['mcp( server=s,tool=t , only )', 'mcp(server=s, tool=t, only)'],
    ['x(only)'],
    ['x(only=1)'],
  ]
  for (const [text, wanted = text] of rules) {
    const rule = parseRule(text)
    t.equal(formatRule(rule), wanted, text)
    t.same(parseRule(formatRule(rule)), rule, text)
  }
})

t.test('what does not parse is usage, and its column is named', async t => {
  const rules: [string, number, RegExp][] = [
    ['', 1, /begins with the name/],
    ['(a=b)', 1, /begins with the name/],
    ['bash(command=a', 15, /'\)' is missing/],
    ['bash(command=a) b', 17, /nothing may follow/],
    ['bash()', 6, /a parameter is missing/],
    ['bash(command=a,)', 16, /a parameter is missing/],
    ['bash(git)', 6, /no '='/],
    ['bash(=git)', 6, /name of a parameter is missing/],
    ['bash(command=echo (a))', 19, /write \\\(/],
    ['bash(command=)', 14, /empty/],
    ['bash(command=[ -f *)', 14, /write \\\[/],
    ['bash(command=[ -f x ])', 14, /write \\\[/],
    ['bash(cmd=x)', 6, /no parameter 'cmd'.*command/],
    ['edit(path=a, path=b)', 14, /'path' is given twice/],
    ['x(y=a\\q)', 6, /no escape \\q/],
    ['x(y=a\\', 7, /'\)' is missing/],
    ['x(y=[z-a])', 6, /ends before it begins/],
    ['a b(c=d)', 2, /no globs and no blanks/],
    ['b*(c=d)', 2, /no globs and no blanks/],
    ['x(only, y=a)', 7, /nothing but the '\)' may follow 'only'/],
    ['bash(command={a,b)', 14, /nothing closes this '\{': write \\\{/],
    ['bash(command={a,b=c)', 14, /nothing closes this '\{'/],
    ['bash(command=x{a,{b,c})', 15, /nothing closes this '\{'/],
    ['bash(command=\\{a,b)', 18, /no '='/],
    ['bash(command={a},b)', 18, /no '='/],
    [`x(y=${'{a,b}'.repeat(9)})`, 45, /more than 256/],
  ]
  for (const [text, column, message] of rules) {
    try {
      parseRule(text)
      t.fail(text)
    } catch (error) {
      t.ok(error instanceof Fault && error.exit === 2, text)
      t.match((error as Error).message, new RegExp(`, column ${column}: `), text)
      t.match((error as Error).message, message, text)
      t.notMatch((error as Error).message, /\n/, text)
    }
  }
})

t.test('a rule for anything is known as one', async t => {
  for (const text of [
    'bash',
    'bash(command=*)',
    'bash(command=**)',
    'bash(command=* *)',
    'read(path=/**)',
    'mcp(server=*, tool=**)',
    'read(path=/**, only)',
  ]) {
    t.ok(isAnything(parseRule(text)), text)
  }
  for (const text of [
    'bash(command=a*)',
    'edit(path=**)',
    'edit(path=*)',
    'mcp(server=*, tool=a)',
    'mcp(server=*, tool=*, only)',
    'x(only)',
  ])
    t.notOk(isAnything(parseRule(text)), text)
})

const ODD = [
  ...[
    '',
    ' ',
    '  ',
    ' a ',
    'a  b',
    '\t',
    '\n',
    'a\nb',
    '\r\n',
    '\\',
    '\\\\',
    '\\n',
    'a\\',
    'a\\ ',
    '*',
    '**',
    '?',
    '[',
    ']',
    '[a]',
    '[!a]',
    '{',
    '}',
    '{a,b}',
  ],
  ...[
    '{1..3}',
    '(',
    ')',
    '()',
    ',',
    'a,b',
    '=',
    'a=b',
    '"',
    "'",
    '`',
    '$(x)',
    '${x}',
    '~',
    '!',
    '!a',
    '#',
    '-',
    '/',
    '//',
    './a',
    '../a',
    '@(a|b)',
    '+(a)',
  ],
  ...[
    'é',
    '日本',
    '😀',
    'a\u0000b',
    '\u001b[0m',
    '\u2028',
    '\ufeff',
    '\ud800',
    'x'.repeat(3000),
    '\u00a0',
    '%00',
    '\\u{41}',
    'a|b',
    '^a$',
    '.*',
    '\\x41',
  ],
]

t.test('a text as a rule means that text and nothing else', async t => {
  const random = [...Array(100).keys()].map(seed => pieces(seed).join(''))
  const wrong: unknown[] = []
  for (const text of [...ODD, ...random]) {
    const written = formatRule({ tool: 'mcp', params: { [`k${text}`]: literally(text), x: literally(text) } })
    const rule = parseRule(written)
    if (written.includes('\n') || Object.keys(rule.params).join() !== `k${text},x`) wrong.push([text, written])
    const own = { tool: 'y', params: { x: rule.params.x ?? '' } }
    const covered = (value: string) => covers([own], { tool: 'y', tool_kind: 'other', params: { x: value } }, PLACE).allowed
    const others = [...ODD, `${text} `, ` ${text}`, `${text}x`, `x${text}`, text.slice(1), text.slice(0, -1), text.toUpperCase(), text]
    for (const other of others) if (covered(other) !== (other === text)) wrong.push([text, other])
  }
  t.same(JSON.stringify(wrong), '[]')
})

t.test('globs over texts', async t => {
  const cases: [string, string[], string[]][] = [
    ['a*', ['a', 'ab', 'a/b\nc'], ['b', 'ba']],
    ['a?c', ['abc', 'a😀c', 'a/c'], ['ac', 'abbc']],
    ['[!a-c]x', ['dx', '/x'], ['ax', 'x']],
    ['[]]', [']'], ['[']],
    ['{a,b*,}x', ['ax', 'bx', 'bzzx', 'x'], ['cx']],
    ['a{b}', ['a{b}'], ['ab']],
    ['{a,{b,c}d}', ['a', 'bd', 'cd'], ['d', 'b']],
    ['\\*', ['*'], ['a']],
    ['\\u{1F600}\\t', ['😀\t'], ['😀']],
    ['*a*a*a*a*a*a*b', ['aaaaaab'], ['a'.repeat(20_000)]],
  ]
  for (const [glob, fit, not] of cases) {
    const does = (text: string) => readGlob(glob).some(each => matches(each, textOf(text)))
    for (const text of fit) t.ok(does(text), `${glob} ${text}`)
    for (const text of not) t.notOk(does(text), `${glob} ${text.slice(0, 20)}`)
  }
})

/** Odd texts in a row, the same for the same seed. */
function pieces(seed: number): string[] {
  let state = seed + 1
  const next = () => {
    state = (state * 48_271) % 2_147_483_647
    return state
  }
  return [...Array((next() % 6) + 1)].map(() => ODD[next() % ODD.length] as string).filter(each => each.length < 100)
}
