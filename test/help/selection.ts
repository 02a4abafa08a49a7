// The ways of zag-session(7), tried on any program that takes sessions.
//
// Four sessions are made that every way tells apart. A program's test says how to see which sessions the program took.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Ended } from './run.js'
import { several, type Zag } from './sessions.js'

export interface Seeds {
  /** named alpha, tag red, project one, completed with the result `a` */
  a: string
  /** tags red and blue, project two, failed with exit code 3 and the result `b` */
  b: string
  /** named alpha too and newer, tag blue, project one, child of a, completed with the result `c` */
  c: string
  /** the folder of project two, and one below it */
  two: string
  below: string
}

/** Makes the sessions, in this order. They are over. */
export async function seed(zag: Zag): Promise<Seeds> {
  const [one, two] = ['one', 'two'].map(name => join(zag.home, name)) as [string, string]
  const below = join(two, 'below')
  for (const folder of [join(one, '.git'), join(two, '.git'), below]) mkdirSync(folder, { recursive: true })
  const a = (await zag.over('echo a', ['--name', 'alpha', '--tag', 'red'], { cwd: one })).session_id
  const b = (await zag.over('echo b; exit 3', ['--tag', 'red', '--tag', 'blue', '-r', below])).session_id
  const inA = { cwd: one, env: { ZAG_SESSION_ID: a } }
  const c = (await zag.over('echo c', ['--name', 'alpha', '--tag', 'blue'], inA)).session_id
  return { a, b, c, two, below }
}

interface Way {
  args: string[]
  input?: string
  /** the sessions meant, in order; none is exit code 3 */
  means: string[]
}

/** Every way, with what it means. */
export function ways({ a, b, c, two, below }: Seeds): Way[] {
  return [
    { args: [a], means: [a] },
    { args: [b, a], means: [b, a] },
    { args: [b, b.slice(-8), b], means: [b] },
    { args: [a.slice(-8)], means: [a] },
    { args: [b.slice(0, 23)], means: [b] },
    { args: ['alpha'], means: [c] },
    { args: ['--name', 'alpha'], means: [c] },
    { args: ['--tag', 'red'], means: [a, b] },
    { args: ['--tag', 'red', '--tag=blue'], means: [b] },
    { args: ['--parent', a], means: [c] },
    { args: ['--latest'], means: [c] },
    { args: ['--all'], means: [a, b, c] },
    { args: ['--all', '--state', 'failed'], means: [b] },
    { args: ['--state', 'dead,failed', '--tag', 'blue'], means: [b] },
    { args: ['--all', '-r', two], means: [b] },
    { args: ['--root', below, '--tag', 'red'], means: [b] },
    { args: ['--tag', 'blue', a], means: [a, b, c] },
    { args: ['-'], input: `${c}\n\n${a.slice(-8)}\n`, means: [c, a] },
    { args: ['-'], input: `${JSON.stringify({ session_id: b })}\n${JSON.stringify({ session_id: a, more: 1 })}`, means: [b, a] },
    { args: ['-'], input: `${JSON.stringify([{ session_id: b }, { session_id: a.slice(-8) }], null, 2)}\n`, means: [b, a] },
    { args: ['-'], input: '[]\n', means: [] },
    { args: ['-'], input: '', means: [] },
    { args: ['--tag', 'nobody'], means: [] },
    { args: ['--parent', b], means: [] },
    { args: ['no-such-session'], means: [] },
    { args: ['--name', 'no-such-name'], means: [] },
    { args: [a, '--state', 'failed'], means: [] },
  ]
}

/** The ways that mean just one session or none. */
export function waysToOne(seeds: Seeds): Way[] {
  return ways(seeds).filter(({ means }) => means.length < 2)
}

/** The same for programs whose operand is something else: --session in place of an operand. */
export function waysAbout(seeds: Seeds): Way[] {
  return ways(seeds).map(({ args, ...way }) => ({
    ...way,
    args: args.flatMap((word, at) => (isOperand(args, at) ? ['--session', word] : [word])),
  }))
}

/** Whether the word names sessions itself: it is no flag and no value of one. */
function isOperand(args: string[], at: number): boolean {
  const before = args[at - 1]
  return !/^-./.test(args[at] as string) && (before === undefined || !/^-./.test(before) || /=|--all|--latest/.test(before))
}

/** Runs the program once for each way; `took` gives the ids it took, by what it printed. */
export async function selects(
  t: Test,
  among: Way[],
  go: (args: string[], input: string | undefined) => Promise<Ended>,
  took: (ended: Ended, means: string[]) => string[],
): Promise<void> {
  await several(among, async ({ args, input, means }) => {
    const ended = await go(args, input)
    const as = `${args.join(' ')}${input === undefined ? '' : ` <<< ${JSON.stringify(input)}`}`
    if (means.length > 0) t.same(took(ended, means), means, as, { ended })
    else t.match(ended, { code: 3, stdout: '', stderr: /^zag-[a-z]+: .*session.*\n$/ }, as)
  })
}
