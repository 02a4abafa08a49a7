// Rules: any text is one or is refused with its column; what is written reads back the same; a rule made of a call allows that call
// and never more than the manual says.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what shells expand

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { Fault } from '../../lib/base/exit.js'
import type { Call } from '../../lib/permission/call.js'
import { derive } from '../../lib/permission/derive.js'
import { literally } from '../../lib/permission/glob.js'
import { covers } from '../../lib/permission/match.js'
import { formatRule, parseRule } from '../../lib/permission/rule.js'
import { simpleCommands } from '../../lib/permission/shell.js'
import { cases, json, orFault, text } from './fuzz.js'

const PLACE = { root: '/', cwd: '/' }

const piece = fc.constantFrom(
  ...[
    'bash',
    'edit',
    'read',
    'command',
    'path',
    'url',
    'fetch',
    'mcp',
    'x',
    '(',
    ')',
    '=',
    ',',
    ' ',
    '*',
    '**',
    '?',
    '[',
    ']',
    '[a-z]',
    '!',
    '^',
  ],
  ...['{', '}', '{a,b}', '\\', '\\n', '\\u{41}', '\\(', '\\\\', 'git status', '/', '..', '~', '\n', 'é', '😀'],
)
const ruleText = () =>
  fc.oneof(
    text(),
    fc.array(piece, { maxLength: 14 }).map(pieces => pieces.join('')),
    fc.array(piece, { maxLength: 8 }).map(pieces => `bash(command=${pieces.join('')})`),
  )

t.test('what is a rule reads back the same', async () => {
  fc.assert(
    fc.property(ruleText(), written => {
      const rule = orFault(() => parseRule(written))
      if (rule instanceof Fault) return rule.exit === 2 && /column \d+: /.test(rule.message)
      const again = formatRule(rule)
      return JSON.stringify(parseRule(again)) === JSON.stringify(rule) && formatRule(parseRule(again)) === again
    }),
    cases(2000),
  )
})

t.test('any text can be meant literally, and is nothing else then', async () => {
  const value = text().filter(word => word.trim() === word && word !== '' && Buffer.from(word).toString() === word)
  const call = (url: string): Call => ({ tool: 'fetch', tool_kind: 'web', params: { url } })
  fc.assert(
    fc.property(value, value, (a, b) => {
      const rule = parseRule(`fetch(url=${literally(a)})`)
      return covers([rule], call(a), PLACE).allowed && covers([rule], call(b), PLACE).allowed === (a === b)
    }),
    cases(2000),
  )
})

t.test('a rule made of a call with parameters allows it and no other', async () => {
  const name = fc.constantFrom('a', 'b', 'server', 'tool', 'x y', '=', '(')
  const params = fc.dictionary(name, fc.oneof(text(), fc.integer(), fc.boolean()), { maxKeys: 3 })
  fc.assert(
    fc.property(fc.constantFrom('mcp', 'Own', 'o(d)d'), params, params, fc.boolean(), (tool, a, more, isMore) => {
      const b = isMore ? { ...more, ...a } : more
      const [one, other]: [Call, Call] = [a, b].map(each => ({ tool, tool_kind: 'other', params: each })) as [Call, Call]
      const rules = derive(one, PLACE).map(parseRule)
      if (rules.length === 0) return true
      const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])]
      const isSame = keys.every(key => Object.hasOwn(a, key) && Object.hasOwn(b, key) && String(b[key]) === String(a[key]))
      return covers(rules, one, PLACE).allowed && covers(rules, other, PLACE).allowed === isSame
    }),
    cases(1000),
  )
})

const word = fc.constantFrom(
  ...[
    'git',
    'status',
    'diff',
    'push',
    'npm',
    'run',
    'test',
    'build',
    'ls',
    '-la',
    '--',
    '-x',
    '--output=x',
    'cargo',
    'rm',
    '-rf',
    'cat',
    'a',
    'src/b.ts',
  ],
  ...["'a b'", '"c d"', '\\*', '*', '~', '$x', '"$y"', '{a,b}', '2>&1', '>/dev/null', 'é'],
)
const simple = fc.array(word, { minLength: 1, maxLength: 5 }).map(words => words.join(' '))
const line = fc.oneof(
  simple,
  fc.tuple(simple, fc.constantFrom(' | ', ' && ', '; ', '\n'), simple).map(parts => parts.join('')),
)
const bash = (command: string): Call => ({ tool: 'bash', tool_kind: 'shell', params: { command } })

t.test('a rule made of a shell line allows that line, and none that does more', async () => {
  const more = [
    '; touch /x',
    ' && touch /x',
    ' | touch /x',
    '\ntouch /x',
    ' $(touch /x)',
    ' `touch /x`',
    ' > /x',
    ' & touch /x',
    ' <(touch /x)',
    ' "$(touch /x)"',
  ]
  fc.assert(
    fc.property(line, fc.constantFrom(...more), (command, added) => {
      const rules = derive(bash(command), PLACE).map(parseRule)
      if (rules.length === 0) return true
      if (rules.some(({ tool, params }) => tool !== 'bash' || /^\*+( |$)/.test(params.command ?? '*'))) return false
      if (rules.some(({ params }) => params.command?.startsWith('touch'))) return true
      return covers(rules, bash(command), PLACE).allowed && !covers(rules, bash(command + added), PLACE).allowed
    }),
    cases(1000),
  )
})

t.test('what a star allows has no word in it, once a shell has read it, that reaches further', async t => {
  const names = ['ab', 'a --output=x', '-px', '--output=x', '-xp b', 'x /etc']
  const cwd = t.testdir(Object.fromEntries(names.filter(name => !name.includes('/')).map(name => [name, ''])))
  const place = { root: cwd, cwd }
  const some = (pieces: readonly string[], most: number) =>
    fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: most }).map(parts => parts.join(''))
  const letters = some(['x', 'q', 's', 'v', 'p', 'c', 'o', 'a'], 4).map(text => `-${text}`)
  const odd = some(
    ['{', '}', ',', '-', '--', '--output=x', '-p', 'a', '.', '/', '..', '/etc', "'", '"', '\\', '*', '?', '[-]', '$f', '"$f"', ' '],
    6,
  )
  const each = fc.oneof(letters, odd, fc.constantFrom('$f', '"$f"', '{a,b}', 'a*', '*', '--output=x', '--stat', 'a', '-k'))
  const words = fc.array(each, { minLength: 1, maxLength: 3 }).map(all => all.join(' '))
  const values = fc.array(
    fc.oneof(
      odd,
      fc.constantFrom(...names, 'a', 'b').map(name => `'${name}'`),
    ),
    { minLength: 1, maxLength: 2 },
  )
  const looped = fc.tuple(values, words).map(([all, behind]) => [`for f in ${all.join(' ')}; do `, behind, '; done'])
  const parts = fc.oneof(
    words.map(behind => ['', behind, '']),
    looped,
  )
  let allowed = 0
  const isHarm = (word: string) =>
    /^--?out|^-\w*[pco]/.test(word) || !`${join(cwd, word.startsWith('/') ? '/..' : word)}/`.startsWith(`${cwd}/`)
  fc.assert(
    fc.property(parts, ([before = '', behind = '', end = '']) => {
      const isCovered = (program: string) =>
        covers([parseRule(`bash(command=${program} *)`)], bash(`${before}${program} ${behind}${end}`), place).allowed
      if (!isCovered('pytest') || !isCovered('git diff')) return true
      allowed += 1
      const script = `told() { printf '%s\\0' "$@"; }\n${before}told ${behind}${end}`
      const seen = execFileSync('bash', ['-c', script], { cwd, encoding: 'utf8', env: {} }).split('\0')
      return !seen.some(isHarm)
    }),
    cases(1500),
  )
  t.ok(allowed > 20, `${allowed} lines were allowed`)
})

const noise = fc.constantFrom(
  ...[
    'cat ',
    'x',
    ' ',
    ';',
    '&',
    '&&',
    '|',
    '\n',
    '$',
    '$(',
    ')',
    '(',
    '`',
    '"',
    "'",
    '\\',
    '<',
    '>',
    '<<E',
    '<<<',
    '\nE\n',
    '${',
    '}',
    '{',
    '$((',
    '[[',
  ],
  ...[
    '#',
    'if ',
    '; then ',
    '; fi',
    'for f in ',
    '; do ',
    '; done',
    'case ',
    ' in ',
    'esac',
    ';;',
    '=',
    'x=',
    '~',
    '*',
    '<(',
    'eval ',
    'time ',
    '() {',
    '!',
  ],
)

const RESERVED = /^(if|then|else|elif|fi|for|while|until|do|done|case|esac|in|function|select|time|coproc|eval|!|\{|\}|\[\[|\]\])(\s|$)/

t.test('any line is commands, each of which is itself one, or outside of what is understood', async () => {
  const any = fc.oneof(
    fc.array(noise, { maxLength: 12 }).map(pieces => pieces.join('')),
    text(),
  )
  fc.assert(
    fc.property(any, command => {
      const found = simpleCommands(command)
      covers([parseRule('bash(command=cat *)')], bash(command), PLACE)
      if ('outside' in found) return found.outside !== ''
      // A redirection or a backslash before a word that would begin something else without it, or be an assignment, goes.
      if (found.commands.some(each => RESERVED.test(each) || /^\w+(\[.*\])?\+?=/.test(each))) return true
      return found.commands.every(each => JSON.stringify(simpleCommands(each)) === JSON.stringify({ commands: [each] }))
    }),
    cases(2500),
  )
})

t.test('a rule made of a file allows it, and nothing outside of its folder', async t => {
  const root = t.testdir({ src: { deep: {} }, '.git': {} })
  const place = { root, cwd: join(root, 'src') }
  const part = fc.oneof(
    fc.constantFrom('..', '.', 'src', 'deep', '.git', '.env', 'a b', '*', '[x]', '~', '{a,b}'),
    text().filter(word => !/[/\0]/.test(word) && word !== ''),
  )
  const path = fc
    .tuple(fc.constantFrom('', '/', `${root}/`), fc.array(part, { minLength: 1, maxLength: 4 }))
    .map(([start, parts]) => start + parts.join('/'))
  const call = (tool: string, to: string): Call => ({ tool, tool_kind: 'other', params: { path: to } })
  fc.assert(
    fc.property(fc.constantFrom('read', 'edit'), path, (tool, to) => {
      const rules = derive(call(tool, to), place).map(parseRule)
      if (rules.length === 0) return true
      const far = ['/etc/passwd', `${root}/.git/config`, `${root}/src/other/x`].filter(each => join(place.cwd, to) !== each && to !== each)
      const tooMuch = far.filter(each => covers(rules, call(tool, each), place).allowed && !within(each, to, place.cwd))
      return covers(rules, call(tool, to), place).allowed && tooMuch.length === 0
    }),
    cases(300),
  )
})

/** Whether the first lies in the folder of the second. */
const within = (path: string, of: string, cwd: string) => join(path, '..') === join(of.startsWith('/') ? of : join(cwd, of), '..')

t.test('no call, however odd, is more than refused', async () => {
  const tool = fc.constantFrom('bash', 'read', 'edit', 'search', 'fetch', 'agent', 'mcp', '__proto__', 'constructor')
  const params = fc.dictionary(fc.constantFrom('command', 'path', 'pattern', 'url', 'prompt', 'server', '__proto__', ''), json(), {
    maxKeys: 3,
  })
  fc.assert(
    fc.property(tool, params, ruleText(), (name, given, written) => {
      const call: Call = { tool: name, tool_kind: 'other', params: given }
      const rule = orFault(() => parseRule(written))
      if (!(rule instanceof Fault)) covers([rule], call, PLACE)
      const made = derive(call, PLACE)
      return made.length === 0 || covers(made.map(parseRule), call, PLACE).allowed
    }),
    cases(500),
  )
})
