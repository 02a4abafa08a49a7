// What argv means, program for program the same.

import t from 'tap'
import type { Family, Flags, Part } from '../../../lib/command/data.js'
import { choose, parse } from '../../../lib/command/parse.js'

const part: Part = {
  does: 'test',
  usage: [],
  exits: {},
  examples: [],
  operands: { name: 'word' },
  flags: {
    any: { type: 'boolean', short: 'a', does: '' },
    json: { type: 'boolean', does: '' },
    olderThan: { type: 'time', does: '', default: '7d' },
    maxBytes: { type: 'size', does: '' },
    since: { type: 'moment', does: '' },
    count: { type: 'number', short: 'n', min: 1, max: 99, does: '' },
    provider: { type: 'string', short: 'p', does: '' },
    output: { type: 'choice', short: 'o', choices: ['text', 'json'], does: '' },
    tag: { type: 'strings', short: 't', does: '' },
    worktree: { type: 'optional', short: 'w', value: 'name', does: '' },
  },
  run() {},
}

const bare = {
  quiet: false,
  debug: false,
  help: false,
  version: false,
  any: false,
  json: false,
  olderThan: 604_800_000,
  tag: [],
  operands: [],
}

const means: [string, string[], object][] = [
  ['nothing', [], {}],
  ['flags before and after operands', ['-a', 'x', '--json', 'y'], { any: true, json: true, operands: ['x', 'y'] }],
  ['--flag value', ['--provider', 'sh'], { provider: 'sh' }],
  ['--flag=value', ['--provider=sh=1'], { provider: 'sh=1' }],
  ['-x value', ['-p', 'sh'], { provider: 'sh' }],
  ['-xvalue', ['-psh'], { provider: 'sh' }],
  ['-x=value', ['-p=sh'], { provider: 'sh' }],
  ['letters together', ['-aqpsh', 'x'], { any: true, quiet: true, provider: 'sh', operands: ['x'] }],
  ['letters together, the value apart', ['-aqp', 'sh', 'x'], { any: true, quiet: true, provider: 'sh', operands: ['x'] }],
  ['empty values', ['--provider', '', '--tag=', '--tag', '', ''], { provider: '', tag: ['', ''], operands: [''] }],
  ['a list takes one word each time', ['--tag', 'a', 'x', '-tb', '--tag=c,d'], { tag: ['a', 'b', 'c,d'], operands: ['x'] }],
  ['numbers in words stay text', ['1e5', '007', '0x10', '-5', '--tag', '1e3'], { operands: ['1e5', '007', '0x10', '-5'], tag: ['1e3'] }],
  ['a dash and text that begins with one', ['-', '- fix', '--- a', '-p', '- b'], { operands: ['-', '- fix', '--- a'], provider: '- b' }],
  ['a value that looks like a flag, attached', ['--provider=--json'], { provider: '--json' }],
  ['-- ends flags', ['x', '--', '--json', '-', '--'], { operands: ['x', '--json', '-', '--'] }],
  ['control characters and newlines', ['a\nb', '--provider', '\t$(x)`'], { operands: ['a\nb'], provider: '\t$(x)`' }],
  ['a boolean twice', ['--json', '--json'], { json: true }],
  [
    'types',
    ['--older-than', '1h30m', '--max-bytes', '64k', '--count', '7', '-ojson'],
    { olderThan: 5_400_000, maxBytes: 65_536, count: 7, output: 'json' },
  ],
  ['a moment', ['--since', '2026-01-01T00:00:00Z'], { since: 1_767_225_600_000 }],
  ['an optional value left out', ['--worktree', 'x', 'y'], { worktree: true, operands: ['x', 'y'] }],
  ['... by its letter', ['-w', 'x'], { worktree: true, operands: ['x'] }],
  ['... before another flag', ['--worktree', '--json'], { worktree: true, json: true }],
  ['... last of letters together', ['-aqw', 'x'], { any: true, quiet: true, worktree: true, operands: ['x'] }],
  ['an optional value given', ['--worktree=x=1', 'y'], { worktree: 'x=1', operands: ['y'] }],
  ['... after its letter', ['-wx', 'y'], { worktree: 'x', operands: ['y'] }],
  ['... after its letter and =', ['-aw=-x'], { any: true, worktree: '-x' }],
  ['words of JavaScript', ['constructor', '__proto__', 'toString'], { operands: ['constructor', '__proto__', 'toString'] }],
]

const refuses: [string[], string][] = [
  [['--jsn'], "no flag '--jsn': did you mean --json? (zag-x --help)"],
  [['--maxbytes=3'], "no flag '--maxbytes': did you mean --max-bytes? (zag-x --help)"],
  [['-json'], "no flag '-json': did you mean --json? (zag-x --help)"],
  [['-z'], "no flag '-z' (zag-x --help)"],
  [['-az'], "no flag '-z' (zag-x --help)"],
  [['--no-json'], "no flag '--no-json' (zag-x --help)"],
  [['--provider.x=1'], "no flag '--provider.x': did you mean --provider? (zag-x --help)"],
  [['--olderThan', '3'], "no flag '--olderThan': did you mean --older-than? (zag-x --help)"],
  [['--__proto__=1'], "no flag '--__proto__' (zag-x --help)"],
  [['--constructor'], "no flag '--constructor' (zag-x --help)"],
  [['--json=false'], "flag '--json' takes no value: leave out '=false' (zag-x --help)"],
  [['--provider'], "flag '--provider' needs a <provider> (zag-x --help)"],
  [['-ap'], "flag '--provider' needs a <provider> (zag-x --help)"],
  [['--provider', '--'], "flag '--provider' needs a <provider> (zag-x --help)"],
  [['--provider', '--json'], "flag '--provider' needs a <provider>: write --provider='--json' if that is it (zag-x --help)"],
  [['--provider', 'a', '-pb'], "flag '--provider' is given twice: give it once"],
  [['--count', '0'], "flag '--count': '0' is no number of 1 to 99"],
  [['--count=1e1'], "flag '--count': '1e1' is no number of 1 to 99"],
  [['--count='], "flag '--count': '' is no number of 1 to 99"],
  [['--max-bytes', '64x'], "flag '--max-bytes': '64x' is no size: write 4096, 64k or 1M"],
  [['--older-than', 'x'], "flag '--older-than': 'x' is no duration: write 90, 30s, 5m, 1h30m or 7d"],
  [['--worktree='], "flag '--worktree' has no <name> after its '=': give one or leave both out (zag-x --help)"],
  [['-w='], "flag '--worktree' has no <name> after its '=': give one or leave both out (zag-x --help)"],
  [['-w', '--worktree=x'], "flag '--worktree' is given twice: give it once"],
  [['-w', '-w'], "flag '--worktree' is given twice: give it once"],
  [['--output', 'jsn'], "flag '--output': no 'jsn': did you mean json?"],
  [['--output', 'zebra'], "flag '--output': no 'zebra': write text, json"],
]

for (const [name, argv, want] of means) {
  t.test(name, async t => {
    const got = await parse(part, argv, 'zag-x')
    t.same(JSON.parse(JSON.stringify(got)), { ...bare, ...want })
  })
}

for (const [argv, message] of refuses) {
  t.test(`refused: ${argv.join(' ')}`, t => t.rejects(parse(part, argv, 'zag-x'), { name: 'Fault', message, exit: 2 }))
}

t.test('help and version go before all that is wrong with values and words', async t => {
  t.equal(await parse({ ...part, operands: undefined }, ['x', '--count', 'y', '-h'], 'zag-x'), 'help')
  t.equal(await parse(part, ['--version'], 'zag-x'), 'version')
})

t.test('how many words are taken', async t => {
  const limited: Part = { ...part, operands: { name: 'session', min: 1, max: 1 } }
  await t.rejects(parse(limited, [], 'zag-x'), { message: 'a <session> is needed (zag-x --help)', exit: 2 })
  await t.rejects(parse(limited, ['a', 'b'], 'zag-x'), { message: "'b' is one word too many: at most 1 is taken (zag-x --help)", exit: 2 })
  await t.rejects(parse({ ...part, operands: undefined }, ['a'], 'zag-x'), {
    message: "'a' is one word too many: no operand is taken (zag-x --help)",
  })
})

t.test('words after -- apart where the program has them', async t => {
  const both: Part = { ...part, afterDashes: { name: 'prompt', max: 1 } }
  t.match(await parse(both, ['-', '--', '-'], 'zag-x'), { operands: ['-'], afterDashes: ['-'] })
  t.match(await parse(both, ['x', '--'], 'zag-x'), { operands: ['x'], afterDashes: [] })
  t.match(await parse(both, ['x'], 'zag-x'), { operands: ['x'], afterDashes: undefined })
  await t.rejects(parse(both, ['--', 'a', 'b'], 'zag-x'), { message: "'b' is one word too many: at most 1 is taken (zag-x --help)" })
})

t.test("a program's own letter goes before a common one", async t => {
  const own: Part = { ...part, flags: { ids: { type: 'boolean', short: 'q', does: '' } } }
  t.match(await parse(own, ['-q'], 'zag-x'), { ids: true, quiet: false, debug: false })
  t.match(await parse(own, ['--quiet'], 'zag-x'), { ids: false, quiet: true })
})

t.test('subcommands', async t => {
  const flagsOf = (flags: Flags, more: Partial<Part> = {}): Part => ({ ...part, operands: undefined, flags, ...more })
  const family: Family = {
    name: 'zag-x',
    does: 'test',
    default: 'list',
    commands: {
      list: flagsOf({
        all: { type: 'boolean', short: 'a', does: '' },
        number: { type: 'number', short: 'n', does: '' },
        worktree: { type: 'optional', short: 'w', does: '' },
      }),
      show: flagsOf({}, { operands: { name: 'id' } }),
    },
  }
  const chosen = (...argv: string[]) => {
    const { word, rest } = choose(family, argv)
    return [word, ...rest]
  }
  t.same(chosen(), [undefined])
  t.same(chosen('-a'), [undefined, '-a'])
  t.same(chosen('show', 'x', 'list'), ['show', 'x', 'list'])
  t.same(chosen('-n', '3', '-a', 'list'), ['list', '-n', '3', '-a'])
  t.same(chosen('-an3', 'list'), ['list', '-an3'])
  t.same(chosen('-w', 'list'), ['list', '-w'])
  t.same(chosen('-wn', 'list'), ['list', '-wn'])
  t.throws(() => choose(family, ['shwo']), { message: "no command 'shwo': did you mean show? (zag-x --help)", exit: 2 })
  t.throws(() => choose(family, ['constructor']), { message: "no command 'constructor': there are list, show (zag-x --help)" })
  t.throws(() => choose({ ...family, default: undefined }, []), { message: 'a command is needed: list, show (zag-x --help)', exit: 2 })
})
