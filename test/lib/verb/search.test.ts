// What a search must never do: pass over a line that has the text, however it was written. Held against one that parses all.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { countLines } from '../../../lib/store/count.js'
import { sweeper } from '../../../lib/store/sweep.js'
import { certainPart } from '../../../lib/verb/pattern.js'
import { type Hit, search, type Wanted } from '../../../lib/verb/search.js'

/** The same numbers in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return (state >>> 8) % below
  }
}

const PIECES = [
  'a',
  'B',
  'error',
  'Error',
  'é',
  'É',
  'ß',
  'ſ',
  '\u212a',
  '"',
  '\\',
  '/',
  '\n',
  '\t',
  '\u001b[1m',
  '\u0000',
  '日本',
  '😀',
  '\ud83d',
  ' ',
  '\u2028',
  'u0041',
  '\\n',
  '\x7f',
]
const random = numbers(7)
const text = (most: number) => Array.from({ length: 1 + random(most) }, () => PIECES[random(PIECES.length)]).join('')

/** JSON as others may write it: any character as an escape, in any case. */
function strangely(value: unknown): string {
  return JSON.stringify(value).replace(/\\u.{4}|\\.|[^\\]/gsu, part => {
    if (part === '/' && random(2)) return '\\/'
    if (part.startsWith('\\') || /[{}[\]:,"]/.test(part) || random(3)) return part
    const hex = [...Array(part.length).keys()].map(at => part.charCodeAt(at).toString(16).padStart(4, '0'))
    return hex.map(each => `\\u${random(2) ? each.toUpperCase() : each}`).join('')
  })
}

const home = t.testdir({ layout: '1\n', sessions: {} })
process.env.ZAG_HOME = home

function log(id: string, lines: string[]): void {
  mkdirSync(join(home, 'sessions', id), { recursive: true })
  writeFileSync(join(home, 'sessions', id, 'log.ndjson'), lines.map(line => `${line}\n`).join(''))
  writeFileSync(join(home, 'sessions', id, 'session.json'), JSON.stringify({ id, tags: [] }))
}

function found(id: string, wanted: Wanted): Hit[] {
  const hits: Hit[] = []
  search([id], wanted, hit => {
    hits.push(hit)
    return true
  })
  return hits
}

t.test('no line with the text is passed over', async t => {
  const ID = '01900000-0000-7000-8000-000000000001'
  for (let round = 0; round < 40; round++) {
    const events = Array.from({ length: 40 }, () => ({ type: 'stderr', session_id: ID, message: text(8), data: { deep: [text(3)] } }))
    log(
      ID,
      events.map(event => (random(2) ? JSON.stringify(event) : strangely(event))),
    )
    for (let i = 0; i < 10; i++) {
      const needle = text(3)
      for (const caseSensitive of [true, false]) {
        const pattern = new RegExp(needle.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), caseSensitive ? '' : 'i')
        const wanted = events.flatMap((event, at) => ([event.message, ...event.data.deep].some(each => pattern.test(each)) ? [at + 1] : []))
        const seqs = found(ID, { text: needle, caseSensitive }).map(({ seq }) => seq)
        if (JSON.stringify(seqs) !== JSON.stringify(wanted)) t.same(seqs, wanted, JSON.stringify({ needle, caseSensitive, round }))
      }
    }
  }
  t.pass('800 searches')
})

t.test('a letter is certain only if it has no other case', async t => {
  const other = new Map<string, string>()
  for (let code = 0x80; code < 0xd800; code++) {
    const char = String.fromCharCode(code)
    const upper = char.toUpperCase()
    if (upper.length === 1 && upper !== char && upper > '\x7f') other.set(char, upper).set(upper, char)
  }
  for (const [char, twin] of other) {
    if (new RegExp(char, 'i').test(twin) && certainPart(char, { regex: false, anyCase: true }) !== '') t.fail(`${char} is ${twin}`)
  }
  t.ok(other.size > 1000)
})

t.test('the part of a regular expression that every match has', async t => {
  const part = (regex: string) => certainPart(regex, { regex: true, anyCase: true })
  const cases: [string, string][] = [
    ['error', 'error'],
    ['out of (memory|space)', 'out of '],
    ['exit [0-9]+ now', 'exit '],
    ['a|b', ''],
    ['(a|bcd)', ''],
    ['abc*', 'ab'],
    ['abc+', 'abc'],
    ['abc?def', 'def'],
    ['ab{2}c', 'a'],
    ['\\u0041bc', 'bc'],
    ['\\x41bc', 'bc'],
    ['a\\.b\\(', 'a.b('],
    ['\\bword\\b', 'word'],
    ['^start.*the end$', 'the end'],
    ['[(]abc', 'abc'],
    ['[^]x', 'x'],
    ['(?=abc)d', 'd'],
    ['say "', 'say \\"'],
    ['back\\\\slash', 'back\\\\slash'],
    ['größe', 'gr'],
    ['(a)\\1bc', 'bc'],
  ]
  for (const [regex, wanted] of cases) t.equal(part(regex), wanted, regex)
  for (const [regex] of cases) t.ok(new RegExp(regex))
})

t.test('numbers of lines: blocks, empty lines, a torn tail, one long line', async t => {
  const path = join(home, 'lines')
  const lines = Array.from({ length: 30_000 }, (_, at) =>
    at % 97 === 0 ? '' : `${'x'.repeat(random(60))}${at % 1009 === 5 ? 'NeedLe' : ''}`,
  )
  lines[20_000] = `${'y'.repeat(3_000_000)}needle`
  writeFileSync(path, `${lines.join('\n')}\nneedle that is torn`)
  const given: number[] = []
  const sweep = sweeper([Buffer.from('needle')], { anyCase: true })
  sweep(path, (line, number) => {
    given.push(number)
    t.match(line.toString(), /needle$/i)
    return true
  })
  t.same(
    given,
    lines.flatMap((line, at) => (/needle/i.test(line) ? [at + 1] : [])),
  )
  const next: number[] = []
  writeFileSync(path, 'x\nneedle\nx\n')
  sweep(path, (_, number) => {
    next.push(number)
    return true
  })
  t.same(next, [2], 'the next file has nothing of the one before')
  writeFileSync(path, `${lines.join('\n')}\n`)
  const every: number[] = []
  sweeper([Buffer.alloc(0)], { anyCase: true })(path, (_, number) => {
    every.push(number)
    return true
  })
  t.same(
    every,
    lines.flatMap((line, at) => (line === '' ? [] : [at + 1])),
  )
  t.equal(countLines(path), 30_000)
  t.equal(countLines(path, 3_000_000, 1), countLines(path, 3_000_000) - 1, 'after the first byte, which is an empty line')
})
