// The lines of a batch: which are tasks, what their keys mean, and what is wrong with those that are none.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Fault } from '../../../lib/base/exit.js'
import type { Flags } from '../../../lib/command/data.js'
import { type Format, LONGEST, over, tasksOf } from '../../../lib/command/tasks.js'

const flags: Flags = {
  prompt: { type: 'string', does: '' },
  filePrompt: { type: 'string', does: '' },
  dependsOn: { type: 'strings', does: '' },
  afterAny: { type: 'boolean', does: '' },
  maxTurns: { type: 'number', min: 1, does: '' },
  timeout: { type: 'time', does: '' },
  contextBytes: { type: 'size', does: '' },
  size: { type: 'choice', choices: ['small', 'large'], does: '' },
  worktree: { type: 'optional', does: '' },
}

async function* linesOf(...lines: (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const line of lines) yield Buffer.from(line)
}

/** Row numbers with values, or with what is wrong. */
async function tasks(lines: (string | Buffer)[], format?: Format) {
  const found: [number, unknown][] = []
  for await (const { row, values } of tasksOf(linesOf(...lines), format, flags))
    found.push([row, values instanceof Fault ? `${values.exit} ${values.message}` : values])
  return found
}

const one = async (line: string | Buffer, format?: Format) => (await tasks([line], format))[0]?.[1]

t.test('blank lines count and are passed over; text is the prompt as it is', async t => {
  t.same(await tasks(['', '  echo hi  ', '\t \r', 'b']), [
    [2, { prompt: '  echo hi  ' }],
    [4, { prompt: 'b' }],
  ])
  t.same(await one('{"prompt":"x"}', 'text'), { prompt: '{"prompt":"x"}' })
  t.same(await one('[1]'), { prompt: '[1]' }, 'JSON begins with a brace')
})

t.test('every kind of key', async t => {
  const row = {
    prompt: 'p',
    depends_on: ['a', 'b'],
    after_any: true,
    max_turns: 3,
    timeout: '1m',
    context_bytes: '1k',
    size: 'small',
  }
  const values = { prompt: 'p', dependsOn: ['a', 'b'], afterAny: true, maxTurns: 3, timeout: 60_000, contextBytes: 1024, size: 'small' }
  t.same(await one(JSON.stringify(row)), values)
  t.same(await one('  {"prompt":"p","depends_on":"a","max_turns":"3","timeout":90,"context_bytes":10,"size":null}\r'), {
    prompt: 'p',
    dependsOn: ['a'],
    maxTurns: 3,
    timeout: 90_000,
    contextBytes: 10,
  })
  for (const [value, meant] of [
    ['true', true],
    ['""', true],
    ['"w"', 'w'],
    ['false', undefined],
  ])
    t.same(await one(`{"prompt":"p","worktree":${value}}`), { prompt: 'p', worktree: meant })
  t.same(await one('{"prompt":"p","after_any":false}'), { prompt: 'p', afterAny: false })
})

t.test('a prompt from a file, byte for byte', async t => {
  const path = join(t.testdir(), 'prompt')
  writeFileSync(path, Buffer.from([0xff, 0x0a]))
  t.same(await one(JSON.stringify({ file_prompt: path })), { prompt: Buffer.from([0xff, 0x0a]) })
  t.match(await one(JSON.stringify({ file_prompt: path, prompt: 'p' })), /^2 one prompt, please/)
  t.match(await one('{"file_prompt":"/nowhere"}'), /^5 cannot read the prompt from '\/nowhere': no such file/)
})

t.test('what is wrong is said in one line', async t => {
  const wrong: [string | Buffer, RegExp, Format?][] = [
    ['{"promt":"x"}', /^2 no key 'promt': did you mean prompt\?$/],
    ['{"depends-on":"x"}', /^2 no key 'depends-on': did you mean depends_on\?$/],
    ['{"dependsOn":"x"}', /^2 no key 'dependsOn': /],
    ['{"__proto__":{"prompt":"x"}}', /^2 no key '__proto__': keys are the long flags of zag spawn, with _ for -$/],
    ['{"each":true}', /^2 no key 'each': /],
    ['{"prompt":1}', /^2 'prompt' must be a string, not number$/],
    ['{"prompt":["x"]}', /^2 'prompt' must be a string, not an array$/],
    ['{"after_any":"yes"}', /^2 'after_any' must be true or false, not string$/],
    ['{"depends_on":[1]}', /^2 'depends_on' must be a string or an array of strings, not an array$/],
    ['{"max_turns":0}', /^2 'max_turns': '0' is no number of 1 or more$/],
    ['{"max_turns":1.5}', /^2 'max_turns': '1.5' is no number/],
    ['{"max_turns":true}', /^2 'max_turns' must be a number, not boolean$/],
    ['{"timeout":"soon"}', /^2 'timeout': 'soon' is no duration/],
    ['{"size":"big"}', /^2 'size': no 'big': write small, large$/],
    ['{"size":1}', /^2 'size' must be a string, not number$/],
    ['{"worktree":1}', /^2 'worktree' must be a string or true, not number$/],
    ['{bad', /^2 it is not JSON: give --each-format text/],
    ['echo', /^2 it is not JSON/, 'json'],
    ['[{}]', /^2 it is no JSON object/, 'json'],
    ['null', /^2 it is no JSON object/, 'json'],
    [Buffer.from([0x65, 0xff]), /^2 the line is not UTF-8: put its prompt into a file and give file_prompt$/],
    [Buffer.alloc(LONGEST + 1, 'x'), /^2 the line has more than 8388608 bytes: put its prompt into a file/],
  ]
  for (const [line, message, format] of wrong) t.match(await one(line, format), message, String(line).slice(0, 40))
  t.match(await tasks(['a', '{', 'b']), [
    [1, { prompt: 'a' }],
    [2, /not JSON/],
    [3, { prompt: 'b' }],
  ])
  t.match(await one(Buffer.alloc(LONGEST, 'x')), { prompt: String })
})

t.test('a row goes over the command line; lists are added to', async t => {
  const common = { provider: 'sh', tag: ['a'], afterAny: true, slots: 4 }
  t.same(over(common, { tag: ['b'], afterAny: false, slots: 1 }), { provider: 'sh', tag: ['a', 'b'], afterAny: false, slots: 1 })
  t.same(common, { provider: 'sh', tag: ['a'], afterAny: true, slots: 4 })
})
