// Configurations: any text is one, or is refused with its file and line; what has only known keys and values is taken as it is.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { loadConfig } from '../../lib/config/config.js'
import { cases, faultIn, text } from './fuzz.js'

const home = join(t.testdir(), 'home')
const project = join(t.testdirName, 'project')
for (const folder of [home, project]) mkdirSync(folder)
process.env.ZAG_HOME = home

async function load(config: string | Uint8Array, ofProject: string | Uint8Array) {
  writeFileSync(join(home, 'config.toml'), config)
  writeFileSync(join(project, '.zag.toml'), ofProject)
  return loadConfig(project)
}

const KEYS = [
  'provider',
  'model',
  'ask',
  'max_depth',
  'models',
  'providers',
  'native',
  'claude',
  'x',
  'limits',
  'wait',
  'fallback',
  'patterns',
  'slots',
]
const MORE = [
  'command',
  'resume',
  'format',
  'env',
  'worktree',
  'carry',
  'sandbox',
  'write',
  'listen',
  'timestamps',
  '__proto__',
  'constructor',
  '"a b"',
  '""',
]
const key = fc.constantFrom(...KEYS, ...MORE)
const value = fc.oneof(
  text().map(word => JSON.stringify(word)),
  fc.constantFrom(
    'true',
    'false',
    '0',
    '-1',
    '3',
    '1e400',
    '0.5',
    '1979-05-27',
    '[]',
    '["a"]',
    '["{prompt}", 1]',
    '{}',
    '{ A = "b" }',
    '"("',
    '"30m"',
    '"../x"',
    '"text"',
  ),
  fc.constantFrom("'''", '"""', '[', '{', 'nan', '0xff', "'a'", '[[1], ["a"]]'),
)
const line = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.array(key, { minLength: 1, maxLength: 3 }), value).map(([keys, of]) => `${keys.join('.')} = ${of}`) },
  { weight: 2, arbitrary: fc.array(key, { minLength: 1, maxLength: 3 }).map(keys => `[${keys.join('.')}]`) },
  { weight: 1, arbitrary: key.map(each => `[[${each}]]`) },
  { weight: 1, arbitrary: text() },
)
const file = fc.oneof(
  { weight: 9, arbitrary: fc.array(line, { maxLength: 6 }).map(lines => lines.join('\n')) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
)

t.test('any file is a configuration or wrong usage that names a line', async () => {
  await fc.assert(
    fc.asyncProperty(file, file, async (config, ofProject) => {
      try {
        const found = await load(config, ofProject)
        return typeof found === 'object' && (Object.getPrototypeOf(found) === Object.prototype || Object.getPrototypeOf(found) === null)
      } catch (error) {
        const { exit, message } = faultIn(error)
        return exit === 2 && /^'.*\.toml':\d+(:\d+)?: ./s.test(message)
      }
    }),
    cases(500),
  )
})

t.test('what is known is taken as it is, and what the project says goes first', async () => {
  const word = text().filter(each => each.trim() !== '' && !/\p{Cc}|\p{Cs}|\u2028|\u2029/u.test(each))
  const settings = fc.record(
    { model: word, ask: fc.boolean(), limits: fc.record({ wait: fc.boolean(), attempts: fc.integer({ min: 1, max: 99 }) }) },
    { requiredKeys: [] },
  )
  const toml = ({ model, ask, limits }: Partial<{ model: string; ask: boolean; limits: { wait: boolean; attempts: number } }>) =>
    [
      ...(model === undefined ? [] : [`model = ${JSON.stringify(model)}`]),
      ...(ask === undefined ? [] : [`ask = ${ask}`]),
      ...(limits === undefined ? [] : ['[limits]', `wait = ${limits.wait}`, `attempts = ${limits.attempts}`]),
    ].join('\n')
  await fc.assert(
    fc.asyncProperty(settings, settings, async (base, over) => {
      const { model, ask, limits } = await load(toml(base), toml(over))
      const due = { model: over.model ?? base.model, ask: over.ask ?? base.ask, limits: { ...base.limits, ...over.limits } }
      if (JSON.stringify({ model, ask, limits }) !== JSON.stringify(due))
        throw new Error(`${JSON.stringify({ model, ask, limits })}, not ${JSON.stringify(due)}`)
    }),
    cases(150),
  )
})
