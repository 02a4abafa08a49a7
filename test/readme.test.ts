// README.md is right: its sh blocks run as printed, in one shell from top to bottom, and print what the text blocks
// behind them show, where … stands for any text, or alone on a line for any lines.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

interface Example {
  line: number
  script: string
  shown?: string
}

/** The sh blocks, each with the text block that follows it, if one does before the next block or heading. */
function examples(markdown: string): Example[] {
  const found: Example[] = []
  let open: Example | undefined
  for (const match of markdown.matchAll(/^(?:#+ .*|```(\w+)\n([\s\S]*?)^```)$/gm)) {
    const [, kind, body = ''] = match
    if (kind === 'text' && open) open.shown = body
    open = kind === 'sh' ? { line: markdown.slice(0, match.index).split('\n').length, script: body } : undefined
    if (open) found.push(open)
  }
  return found
}

/** One stream, as on a terminal; nothing of tap in the programs; and no session left behind by an example that stops half way. */
const PREPARE = "exec 2>&1\nunset NODE_OPTIONS\ntrap 'zag cancel --quiet --all --grace 0 >/dev/null 2>&1 || true' EXIT"

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** What a text block says as a pattern. */
function pattern(shown: string): RegExp {
  return new RegExp(`^${escaped(shown).replace(/^…\n/gm, '(?:.*\\n)+').replace(/…/g, '.*')}$`)
}

/** What each script prints, run one after the other by one shell that stops at the first failure; and how that shell ended. */
function outputs(scripts: string[], dir: string): { printed: string[]; status: number | null } {
  const mark = '=-=-= end of an example'
  const env = { ...process.env, HOME: dir, TMPDIR: dir, LC_ALL: 'C.UTF-8' }
  for (const name of Object.keys(env)) if (name.startsWith('ZAG_')) delete (env as NodeJS.ProcessEnv)[name]
  const all = scripts.map(script => `${script}echo '${mark}'\n`).join('')
  const { stdout, status } = spawnSync('sh', ['-euc', `${PREPARE}\n${all}`], {
    env,
    encoding: 'utf8',
    timeout: 100_000,
    killSignal: 'SIGKILL',
  })
  return { printed: stdout.split(`${mark}\n`), status }
}

const readme = readFileSync('README.md', 'utf8')

t.test('the examples run as printed', { timeout: 120_000 }, async t => {
  const all = examples(readme)
  const { printed, status } = outputs(
    all.map(({ script }) => script),
    t.testdir(),
  )
  for (const [at, { line, shown }] of all.entries()) {
    const text = (printed[at] ?? '').replace(/[^\n]$/, '$&\n')
    if (at >= printed.length - 1) t.fail(`README.md:${line} does not run to its end`, { printed: text })
    else if (shown !== undefined) t.match(text, pattern(shown), `README.md:${line} prints what is shown`)
    else t.pass(`README.md:${line} runs`)
  }
  t.equal(status, 0)
})

t.test('every program is in the table, and no other', async t => {
  const listed = [...readme.matchAll(/^\| `(zag(?: [a-z-]+)?)` *\|/gm)].map(([, name = '']) => name.replace(' ', '-'))
  t.same(
    listed.sort(),
    readdirSync('bin')
      .map(file => file.replace(/\.ts$/, ''))
      .sort(),
  )
})

t.test('the demo says what it cannot run without', async t => {
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['scripts/demo.sh'], { env: { PATH: t.testdir() }, encoding: 'utf8' })
  t.match({ status, stdout }, { status: 127, stdout: '' })
  t.match(stderr, /demo: cannot run without: awk .*node .*xargs/)
})

t.test('links lead to files that are there', async t => {
  for (const [, path = ''] of readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)) t.doesNotThrow(() => readFileSync(path), path)
})
