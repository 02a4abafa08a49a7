// zag-trust: a project's .zag.toml names commands only once that very file was accepted.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { onTerminal } from '../help/relays.js'
import { zagHome } from '../help/run.js'
import { rows, Zag } from '../help/sessions.js'

const noScript = !existsSync('/usr/bin/script') && 'script(1) is not installed'
const NAMES = '[providers.up]\ncommand = ["tr", "a-z", "A-Z"]\n'

const zag = new Zag(t, { project: { below: {}, '.git': {} }, other: { '.git': {} } })
const project = join(zag.home, 'project')
const file = join(project, '.zag.toml')
const named = `'${file}'`

const trust = (args: string[] = [], cwd = project) => zag.go('trust', args, { cwd })
const up = (cwd = project) => zag.go('exec', ['-p', 'up', 'loud'], { cwd })
const refused = { code: 2, stdout: '', stderr: /'providers' names commands to run, which a project may not: .* 'zag trust' accept/ }
/** The project's file, of which nothing is accepted. */
function write(text: string): void {
  writeFileSync(file, text)
  rmSync(join(zagHome(zag.home), 'trusted'), { force: true })
}

t.test('3: there is no file, or it was not accepted', async t => {
  rmSync(file, { force: true })
  t.match(await trust(), { code: 3, stdout: '', stderr: `zag-trust: no ${named}: there is nothing to accept\n` })
  t.match(await trust(['--remove']), { code: 3, stderr: /was not accepted: zag trust --list/ })
  t.same(await trust(['--list']), { code: 0, signal: null, stdout: '', stderr: '' })
})

t.test('1: without a terminal it only shows', async t => {
  write(`${NAMES}env = { LC_ALL = "C" }\nformat = "text"\n`)
  t.match(await up(), refused)
  const shown = 'up\tcommand\t["tr","a-z","A-Z"]\nup\tformat\t"text"\nup\tenv\t{"LC_ALL":"C"}\n'
  t.match(await trust(), { code: 1, stdout: shown, stderr: `zag-trust: ${named} was not accepted: without a terminal, --yes accepts it\n` })
  t.same(rows((await trust(['--json'])).stdout)[0], { provider: 'up', key: 'command', value: ['tr', 'a-z', 'A-Z'] })
  t.match(await up(), refused, 'nothing came of it')
})

t.test('0: accepted, and no more once it changed or was taken back', async t => {
  write(NAMES)
  t.match(await trust(['--yes', 'below']), { code: 0, stdout: /^up\tcommand/, stderr: '' })
  t.match(await up(), { code: 0, stdout: 'LOUD' })
  t.match(await trust(), { code: 0, stdout: /^up/, stderr: /was accepted before\n$/ })
  t.match(rows((await trust(['--list', '--json'])).stdout), [{ path: file, accepted_at: /^\d{4}-/, holds: true }])
  writeFileSync(file, `${NAMES}# changed\n`)
  t.match(await up(), refused)
  t.match(await trust(['--list']), { code: 0, stdout: new RegExp(`^${file}\t\\d{4}-.*Z\tchanged\n$`) })
  t.match(await trust(['-y', '-q', '.zag.toml']), { code: 0, stderr: '' })
  t.match(await up(join(project, 'below')), { code: 0, stdout: 'LOUD' })
  t.match(await zag.go('providers', ['--json'], { cwd: project }), { stdout: /"provider":"up",.*"usable":true/ })
  t.match(await trust(['--remove', project], zag.home), { code: 0, stdout: '', stderr: '' })
  t.match(await up(), refused)
  t.match(await trust(['--list']), { code: 0, stdout: '' })
})

t.test('the same bytes elsewhere are another file', async t => {
  write(NAMES)
  await trust(['--yes'])
  const other = join(zag.home, 'other')
  writeFileSync(join(other, '.zag.toml'), NAMES)
  t.match(await up(other), refused)
})

t.test('what it names is as any provider: models of it, and the default', async t => {
  write(`provider = "cat"\n[models.cat]\nsmall = "tiny"\n[providers.cat]\ncommand = ["echo", "{model}"]\n`)
  t.match(await trust(['-y']), { code: 0 })
  t.match(await zag.go('exec', ['--size', 'small', 'x'], { cwd: project }), { code: 0, stdout: 'tiny' })
})

t.test('a file that needs nobody', async t => {
  write('model = "x"\n')
  t.match(await trust(), { code: 0, stdout: '', stderr: `zag-trust: ${named} names no commands: it needs nobody to accept it\n` })
  t.notOk(existsSync(join(zagHome(zag.home), 'trusted')))
})

t.test('2: what no project may say, and bad usage', async t => {
  const bad: [string, RegExp][] = [
    ['[providers.native]\nbase_url = "http://x"\n', /'providers\.native' changes a provider that zag has, which a project may not/],
    [`${NAMES}slots = 3\n`, /'providers\.up\.slots' says how many run at once on this machine, which a project may not/],
    [`${NAMES}[sandbox.x]\nwrite = ["~"]\n`, /'sandbox' says what a sandbox lets through/],
    ['[providers.up]\nformat = "text"\n', /has no 'command'/],
    ['[providers.sh]\ncommand = ["x"]\n', /'providers\.sh' changes a provider that zag has/],
    ['[providers\n', /:1:/],
  ]
  for (const [text, why] of bad) {
    write(text)
    t.match(await trust(['--yes']), { code: 2, stdout: '', stderr: why }, text)
  }
  t.notOk(existsSync(join(zagHome(zag.home), 'trusted')))
  t.match(await trust(['--yes', '--remove']), { code: 2, stderr: /--yes or --remove/ })
  for (const word of ['-y', '--remove', project]) t.match(await trust(['--list', word]), { code: 2, stderr: /--list lists them all/ })
  t.match(await trust(['no-such-folder']), { code: 2, stderr: /no folder/ })
})

t.test('4: an agent accepts nothing', async t => {
  write(NAMES)
  const { stdout } = await zag.go('exec', ['-p', 'sh', '-q', 'zag trust --yes 2>&1; echo $?'], { cwd: zag.home })
  t.match(stdout, /is not for a session to say: run it outside\n4\n$/)
  t.match(await up(), refused)
})

t.test('on a terminal it asks', { skip: noScript }, async t => {
  for (const [answer, code] of [
    ['', 1],
    ['n', 1],
    ['y', 0],
  ] as const) {
    write(NAMES)
    const asked = onTerminal(zag, `zag trust '${project}'`)
    await asked.sees('command')
    await asked.sees('name these commands? [y/N] ')
    asked.type(answer)
    t.match(await asked.ended, { code }, `'${answer}'`)
    t.match(await up(), code === 0 ? { code: 0 } : refused)
  }
})

t.test('a row that says nothing of use is passed over, and text stays text', async t => {
  const odd = join(zag.home, 'it\'s "odd"\n\u001b[31m')
  mkdirSync(join(odd, '.git'), { recursive: true })
  writeFileSync(join(odd, '.zag.toml'), '[providers.up]\ncommand = ["tr", "a", "\\u001b[31m\\n"]\n')
  const { code, stdout } = await trust(['--yes'], odd)
  t.match({ code, stdout }, { code: 0, stdout: 'up\tcommand\t["tr","a","\\u001b[31m\\n"]\n' })
  writeFileSync(join(zagHome(zag.home), 'trusted'), 'half', { flag: 'a' })
  t.match(await up(odd), { code: 0 })
  const { stdout: listed } = await trust(['--list'])
  t.notMatch(listed, '\u001b')
  t.match(
    rows((await trust(['--list', '--json'])).stdout),
    [{ path: join(odd, '.zag.toml') }],
    readFileSync(join(zagHome(zag.home), 'trusted'), 'utf8'),
  )
})
