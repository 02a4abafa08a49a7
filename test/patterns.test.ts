// The patterns agree: scripts/patterns, zag-patterns(7) and the README have the same ones, and each is short and says what it
// shows. scripts/patterns/check runs them; .ci/run has it as a check of its own.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { TOP } from './help/run.js'

const folder = join(TOP, 'scripts/patterns')
const scripts = readdirSync(folder).filter(file => /\.(sh|mk)$/.test(file))

t.test('page, README and folder have the same', async t => {
  const page = readFileSync(join(TOP, 'man/zag-patterns.7'), 'utf8')
  t.same([...page.matchAll(/^\.\\" generated: pattern (.*)$/gm)].map(([, file]) => file).sort(), scripts)
  const readme = readFileSync(join(TOP, 'README.md'), 'utf8')
  t.same([...readme.matchAll(/\]\(scripts\/patterns\/([^)]+)\)/g)].map(([, file]) => file).sort(), scripts)
  t.ok(scripts.length > 10)
})

t.test('each can be run, is short, and opens with what it shows and what all open with', async t => {
  const opening =
    /set -eu\n(tag=)[a-z-]+-\$\$\n(?:dir=.*\n)?(clean\(\) \{\n(?: {2}rm -rf "\$dir"\n)?)([\s\S]*?\ntrap 'exit 1' HUP INT TERM\n)\n/
  const same = new Set<string>()
  for (const file of scripts.filter(each => each.endsWith('.sh'))) {
    const text = readFileSync(join(folder, file), 'utf8')
    t.match(text, /^#!\/bin\/sh\n# [A-Z].*: .*\n# .*\n(# shellcheck .*\n)?set -eu\n/, file)
    const name = file.replace('.sh', '')
    t.match(text, `tag=${name}-$$\n`, file)
    same.add(opening.exec(text)?.[3] ?? `${file} opens otherwise`)
    t.ok(text.split('\n').length <= 50, file)
    for (const line of text.split('\n').slice(3)) t.ok(line.length <= 80, line)
    t.ok(statSync(join(folder, file)).mode & 0o100, file)
  }
  t.equal(same.size, 1, 'one opening', { same: [...same] })
})
