// argv of every program: what is meant is what comes out, however it is spelt; all else is wrong usage in one line. As processes: a
// documented code, no stack trace, no hang, and nothing written but in the home.

import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { catalogue } from '../../lib/command/catalogue.js'
import { allFlags, type Data, type Flag, longName, type Part } from '../../lib/command/data.js'
import { exitsOf } from '../../lib/command/help.js'
import { choose, parse } from '../../lib/command/parse.js'
import { begin } from '../help/run.js'
import { several, Zag } from '../help/sessions.js'
import { cases, faultIn, sample, text } from './fuzz.js'

const PROGRAMS = catalogue().filter(data => !('raw' in data && data.raw))
const partsOf = (data: Data): [string, Part][] =>
  'commands' in data
    ? Object.entries(data.commands).map(([word, part]) => [`${data.name} ${word}`, part as Part])
    : [[data.name, data as unknown as Part]]
const PARTS = PROGRAMS.flatMap(partsOf)

/** A value that a flag takes, as text and as it is meant. */
function valueFor(flag: Flag): fc.Arbitrary<[string, unknown]> {
  const same = (arbitrary: fc.Arbitrary<string>) => arbitrary.map((word): [string, unknown] => [word, word])
  switch (flag.type) {
    case 'number':
      return fc.integer({ min: flag.min ?? 0, max: flag.max ?? 1e9 }).map(n => [String(n), n])
    case 'time':
      return fc.nat(1e6).map(n => [`${n}s`, n * 1000])
    case 'moment':
      return fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map(date => [date.toISOString(), date.getTime()])
    case 'size':
      return fc.nat(1e6).map(n => [`${n}k`, n * 1024])
    case 'choice':
      return same(fc.constantFrom(...(flag.choices ?? [])))
    case 'optional':
      return same(text().filter(word => word !== ''))
    default:
      return same(text())
  }
}

interface Meant {
  words: string[]
  values: Record<string, unknown>
  operands: string[]
}

/** Some flags of a part with values, spelt in any way, and operands among them. */
function meantFor(part: Part): fc.Arbitrary<Meant> {
  const flags = Object.entries(allFlags(part.flags)).filter(([key]) => key !== 'help' && key !== 'version')
  const { min = 0, max = 3 } = part.operands ?? { max: 0 }
  const operand = text().filter(word => !/^--?[A-Za-z_0-9]/.test(word) && word !== '--')
  const given = fc
    .subarray(flags, { maxLength: Math.min(5, flags.length) })
    .chain(some => fc.tuple(...some.map(([key, flag]) => spellings(key, flag))))
  const operands = fc.array(operand, { minLength: min, maxLength: Math.max(min, Math.min(max, 3)) })
  return fc.tuple(given, operands, fc.infiniteStream(fc.nat(100)), fc.boolean()).map(([all, words, order, dashes]) => {
    const groups = all.flatMap(({ groups }) => groups)
    const places = groups.map(group => ({ group, place: order.next().value as number })).sort((a, b) => a.place - b.place)
    const around = words.map(word => [word])
    const mixed =
      dashes || part.afterDashes
        ? places.map(({ group }) => group)
        : mix(
            places.map(({ group }) => group),
            around,
            order,
          )
    const rest = dashes && !part.afterDashes ? ['--', ...words] : part.afterDashes ? words : []
    return { words: [...mixed.flat(), ...rest], values: Object.assign({}, ...all.map(({ value }) => value)), operands: words }
  })
}

/** Two lists as one, each in its order; flags of a list keep theirs as well. */
function mix(a: string[][], b: string[][], order: Iterator<number>): string[][] {
  const [left, right, all] = [[...a], [...b], [] as string[][]]
  while (left.length + right.length > 0) {
    const takesLeft = right.length === 0 || (left.length > 0 && (order.next().value as number) % 2 === 0)
    all.push((takesLeft ? left : right).shift() as string[])
  }
  return all
}

function spellings(key: string, flag: Flag): fc.Arbitrary<{ groups: string[][]; value: Record<string, unknown> }> {
  const name = `--${longName(key)}`
  if (flag.type === 'boolean') {
    return fc.constantFrom(name, ...(flag.short ? [`-${flag.short}`] : [])).map(word => ({ groups: [[word]], value: { [key]: true } }))
  }
  const once = valueFor(flag).chain(([word, means]) => waysFor(name, flag, word).map(group => ({ group, means })))
  if (flag.type !== 'strings') return once.map(({ group, means }) => ({ groups: [group], value: { [key]: means } }))
  // Of several the order counts: one that is spelt in one way only keeps it.
  return fc
    .array(text(), { minLength: 1, maxLength: 3 })
    .map(words => ({ groups: [words.map(word => `${name}=${word}`)], value: { [key]: words } }))
}

function waysFor(name: string, { short, type }: Flag, word: string): fc.Arbitrary<string[]> {
  const ways = [[`${name}=${word}`]]
  if (short) ways.push([`-${short}=${word}`])
  // After its letter a value that begins with = loses it, and what begins like a flag is one.
  if (short && word !== '' && !word.startsWith('=')) ways.push([`-${short}${word}`])
  if (type !== 'optional' && word !== '--' && !/^--?[A-Za-z_0-9]/.test(word))
    ways.push([name, word], ...(short ? [[`-${short}`, word]] : []))
  return fc.constantFrom(...ways)
}

t.test('flags mean the same however they are spelt', async t => {
  for (const [who, part] of PARTS) {
    await fc.assert(
      fc.asyncProperty(meantFor(part), async ({ words, values, operands }) => {
        const got = (await parse(part, words, who)) as Record<string, unknown>
        t.match(got.operands, operands)
        for (const [key, value] of Object.entries(values)) {
          if (JSON.stringify(got[key]) !== JSON.stringify(value))
            throw new Error(`${key}: ${JSON.stringify(got[key])}, not ${JSON.stringify(value)}`)
        }
      }),
      cases(12),
    )
  }
})

/** Words as they may be typed, right and wrong. */
function typed(flags: Record<string, Flag>): fc.Arbitrary<string> {
  const names = Object.entries(flags).flatMap(([key, { short }]) => [`--${longName(key)}`, ...(short ? [`-${short}`] : [])])
  const flag = fc.constantFrom(...names)
  return fc.oneof(
    flag,
    fc.tuple(flag, fc.constantFrom('', '='), text()).map(parts => parts.join('')),
    fc.tuple(fc.constantFrom('-', '--', '--no-', '-a'), text()).map(parts => parts.join('')),
    text(),
    fc.constantFrom('-', '--', '-1', '1e5', '__proto__', '--__proto__=1', 'constructor', '--constructor', '5m', '1k', 'list'),
  )
}

t.test('any words are values or wrong usage', async () => {
  for (const data of PROGRAMS) {
    const flags = Object.assign({}, ...partsOf(data).map(([, part]) => allFlags(part.flags)))
    await fc.assert(
      fc.asyncProperty(fc.array(typed(flags), { maxLength: 6 }), async argv => {
        try {
          const { part, rest } = 'commands' in data ? choose(data as never, argv) : { part: data as unknown as Part, rest: argv }
          await parse(part, rest, data.name)
        } catch (error) {
          return faultIn(error).exit === 2
        }
        return true
      }),
      cases(25),
    )
  }
})

/** They go on until they are ended. */
const FOLLOWS = /^zag-(listen|subscribe|watch)$/
/** They run words as commands, which must not be just any. */
const RUNS = /^zag-(exec|spawn|pipe|watch|retry|file|input|broadcast)$/
/** Words that do no harm whatever they are taken for, be it a script. */
const HARMLESS = [
  'true',
  'exit 3',
  'echo hi',
  '-',
  '--',
  '',
  '-h',
  '--version',
  '--json',
  '--all',
  '--latest',
  '--tag',
  'x',
  '-q',
  '-p',
  'sh',
  '-psh',
  '0',
  '1s',
  '--nonsense',
  '../x',
  "it's",
]

t.test('as processes', { timeout: 600_000 }, async t => {
  const zag = new Zag(t, { project: {} })
  const project = join(zag.home, 'project')
  mkdirSync(join(zag.home, 'tmp'))
  const id = await zag.spawn('echo there', ['--name', 'there', '--tag', 'x'])
  const harmless = fc.constantFrom(...HARMLESS, id, id.slice(-8), id.slice(0, 8), id.toUpperCase())
  const anything = fc.oneof(
    harmless,
    text().filter(word => !word.includes('\0')),
  )
  const call = fc
    .constantFrom(...PARTS.filter(([who]) => who !== 'zag-doctor'))
    .chain(([who, part]) =>
      fc.tuple(fc.constant({ who, part }), fc.array(RUNS.test(who.split(' ')[0] as string) ? harmless : anything, { maxLength: 5 })),
    )
  await several(sample(call, 60), async ([{ who, part }, words]) => {
    const [program = '', ...first] = who.split(' ')
    const argv = [...first, ...words]
    const running = begin(program, argv, { home: zag.home, cwd: project, env: { TMPDIR: join(zag.home, 'tmp') } })
    running.child.stdin.end('echo from stdin\n')
    let wasKilled = false
    const kill = () => {
      wasKilled = running.child.kill('SIGTERM')
    }
    const late = FOLLOWS.test(program) ? setTimeout(kill, 3000) : undefined
    const { code, stderr } = await running.ended
    clearTimeout(late)
    // Any text in the name of a check could be read as part of the report.
    const as = `${program} ${JSON.stringify(argv)}: ${code} ${stderr}`.replace(/[^ !$-[\]-~]/g, '.')
    const codes = [0, ...exitsOf(part).map(([known]) => known), ...(wasKilled ? [143] : [])]
    t.ok(code !== null && code !== 70 && codes.includes(code), as)
    t.notMatch(stderr, /^ +at /m, as)
    if (code === 2) t.match(stderr, /^(zag-[a-z-]+: [^\n]+\n)+$/, as)
  })
  t.same(readdirSync(project), [], 'nothing is written where they run')
  t.same(readdirSync(join(zag.home, 'tmp')), [], 'nor where temporary files go')
  t.same(
    readdirSync(zag.home).filter(name => !['.zag', 'project', 'tmp'].includes(name)),
    [],
    'nor anywhere in the home of the user',
  )
})
