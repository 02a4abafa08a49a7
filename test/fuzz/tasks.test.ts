// Rows of spawn --each: what a row means is what the same flags mean on the command line, and all else is a fault with its number.

import fc from 'fast-check'
import t from 'tap'
import { Fault } from '../../lib/base/exit.js'
import { catalogue } from '../../lib/command/catalogue.js'
import { type Flag, longName, type Part } from '../../lib/command/data.js'
import { parse } from '../../lib/command/parse.js'
import { type Task, tasksOf } from '../../lib/command/tasks.js'
import { cases, json, text } from './fuzz.js'

const spawn = catalogue().find(({ name }) => name === 'zag-spawn') as unknown as Part
const flags = Object.fromEntries(Object.entries(spawn.flags).filter(([key]) => !['each', 'eachFormat', 'json', 'filePrompt'].includes(key)))
const keyOf = (key: string) => longName(key).replaceAll('-', '_')

async function tasks(lines: readonly (string | Uint8Array)[]): Promise<Task[]> {
  const found: Task[] = []
  async function* all() {
    for (const line of lines) yield Buffer.from(line as string)
  }
  for await (const task of tasksOf(all(), undefined, flags)) found.push(task)
  return found
}

/** A value of a flag: as it stands in a row, and as it is typed. */
function valueFor(flag: Flag): fc.Arbitrary<[unknown, string[]]> {
  switch (flag.type) {
    case 'boolean':
      return fc.boolean().map(on => [on, on ? ['true'] : []])
    case 'number':
      return fc
        .integer({ min: flag.min ?? 0, max: flag.max ?? 1e6 })
        .chain(n => fc.constantFrom(n, String(n)).map(value => [value, [String(n)]]))
    case 'time':
    case 'size':
      return fc.nat(1e5).chain(n => fc.constantFrom(n, String(n)).map(value => [value, [String(n)]]))
    case 'choice':
      return fc.constantFrom(...(flag.choices ?? [])).map(word => [word, [word]])
    case 'strings':
      return fc
        .array(text(), { minLength: 1, maxLength: 3 })
        .map(words => [words.length === 1 && words[0] !== '' ? words[0] : words, words])
    default:
      return text()
        .filter(word => word !== '' && Buffer.from(word).toString() === word)
        .map(word => [word, [word]])
  }
}

t.test('a row and a command line agree', async t => {
  const pair = (key: string, flag: Flag) => valueFor(flag).map(([value, words]) => ({ key, value, words, isOn: flag.type === 'boolean' }))
  const some = fc.subarray(Object.entries(flags), { maxLength: 6 }).chain(all => fc.tuple(...all.map(([key, flag]) => pair(key, flag))))
  await fc.assert(
    fc.asyncProperty(some, async all => {
      const row = Object.fromEntries(all.map(({ key, value }) => [keyOf(key), value]))
      const argv = all.flatMap(({ key, words, isOn }) => words.map(word => (isOn ? `--${longName(key)}` : `--${longName(key)}=${word}`)))
      const typed = (await parse(spawn, argv, 'zag-spawn')) as Record<string, unknown>
      const [task] = await tasks([JSON.stringify(row)])
      const values = task?.values
      if (!values || values instanceof Fault) throw new Error(`refused: ${values?.message}`)
      for (const { key } of all)
        if (JSON.stringify(values[key]) !== JSON.stringify(typed[key])) throw new Error(`${key}: ${values[key]}, not ${typed[key]}`)
    }),
    cases(1000),
  )
  t.pass('they do')
})

t.test('any lines are tasks or faults, each with its number', async () => {
  const key = fc.constantFrom(...Object.keys(flags).map(keyOf), '__proto__', 'promt')
  const object = fc.dictionary(key, json(), { maxKeys: 4 }).map(value => JSON.stringify(value))
  const line = fc.oneof(
    text().map(word => word.replaceAll('\n', ' ')),
    object,
    fc.tuple(object, fc.nat(40)).map(([whole, cut]) => whole.slice(0, cut)),
    fc.uint8Array({ maxLength: 20 }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 5 }), async lines => {
      const due = lines.flatMap((each, at) =>
        Buffer.from(each as string)
          .toString()
          .trim() === ''
          ? []
          : [at + 1],
      )
      const found = await tasks(lines)
      if (JSON.stringify(found.map(({ row }) => row)) !== JSON.stringify(due)) return false
      return found.every(({ values }) =>
        values instanceof Fault ? (values.exit === 2 || values.exit === 5) && !values.message.includes('\n') : true,
      )
    }),
    cases(1500),
  )
})
