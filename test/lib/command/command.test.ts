// What the edge promises of every program: streams, exit codes, faults, help. Tried on a program made for it.

import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { begin, run, until } from '../../help/run.js'
import { buildProbe } from './probe.js'

const home = t.testdir({ bin: {} })
const probe = await buildProbe(
  home,
  `{
  name: 'zag-probe',
  does: 'try the edge',
  usage: ['<what> [<n>]'],
  flags: { json: { type: 'boolean', does: 'rows as JSON' }, olderThan: { type: 'time', value: 'age', default: '7d', does: 'an age' } },
  operands: { name: 'what', min: 1 },
  exits: { 0: 'it went well', 9: 'it was told so' },
  examples: [['zag-probe rows 3', 'print three rows']],
  async run({ operands: [what, n = '0'] }, { stdin, out, err }) {
    if (what === 'rows') for (let i = 0; i < Number(n); i++) out.row({ i, text: 'row\\tof ' + i })
    if (what === 'bytes') out.text(Buffer.alloc(Number(n), 7))
    if (what === 'code') return Number(n)
    if (what === 'fault') throw new Fault("no session 'x'", 3)
    if (what === 'late') { out.line('before'); setTimeout(() => { throw new Fault('the lock is lost', 4) }, 1) ; await new Promise(done => setTimeout(done, 5000)) }
    if (what === 'bug') { out.line('before'); null.x }
    if (what === 'promise') { Promise.reject(new Error('nobody waits')); await new Promise(done => setTimeout(done, 5000)) }
    if (what === 'talk') { err.notice('a notice'); err.complain('a complaint'); err.text('...'); out.line(out.paint.red('plain') + err.paint.bold('er')) }
    if (what === 'lines') for await (const line of stdin.lines()) out.row({ line })
    if (what === 'echo') out.text(await stdin.bytes())
    if (what === 'twice') { await stdin.text(); await stdin.text() }
    if (what === 'follow') { out.line('now'); await new Promise(done => setTimeout(done, 60000)) }
    if (what === 'forever') for (;;) { out.line('y'); await new Promise(done => setTimeout(done, 1)) }
  },
}`,
)
const go = (args: string[], more = {}) => run(probe, args, { home, ...more })
const inShell = (line: string) => run('/bin/sh', ['-c', line, probe], { home })

t.test('rows', async t => {
  t.same(await go(['rows', '2']), { code: 0, signal: null, stdout: '0\trow\\u0009of 0\n1\trow\\u0009of 1\n', stderr: '' })
  t.equal((await go(['rows', '1', '--json'])).stdout, '{"i":0,"text":"row\\tof 0"}\n')
  t.equal((await go(['code', '9'])).code, 9)
})

t.test('faults are one line and a code; what was printed stays', async t => {
  t.same(await go(['fault']), { code: 3, signal: null, stdout: '', stderr: "zag-probe: no session 'x'\n" })
  t.same(await go(['late']), { code: 4, signal: null, stdout: 'before\n', stderr: 'zag-probe: the lock is lost\n' })
  t.same(await go([]), { code: 2, signal: null, stdout: '', stderr: 'zag-probe: a <what> is needed (zag-probe --help)\n' })
  const bug = await go(['bug'])
  t.match(bug, { code: 70, stdout: 'before\n', stderr: /^zag-probe: a bug in zag: .*null.* \(ZAG_DEBUG=1 shows where\)\n$/ })
  t.match(await go(['bug'], { env: { ZAG_DEBUG: '1' } }), { code: 70, stderr: /\n {4}at / })
  t.match(await go(['promise']), { code: 70, stderr: /nobody waits/ })
})

t.test('talk', async t => {
  t.same(await go(['talk']), { code: 0, signal: null, stdout: 'plainer\n', stderr: 'zag-probe: a notice\nzag-probe: a complaint\n...' })
  t.equal((await go(['talk', '-q'])).stderr, 'zag-probe: a complaint\n')
})

t.test('help and version', async t => {
  const help = await go(['--help'])
  t.match(help, { code: 0, stderr: '' })
  for (const part of [
    'zag-probe <what> [<n>]',
    '--older-than <age>',
    '(default 7d)',
    '  9   it was told so',
    '  zag-probe rows 3',
    'zag man probe',
  ]) {
    t.match(help.stdout, part)
  }
  t.notOk(help.stdout.split('\n').some(line => line.length > 80))
  t.notMatch(help.stdout, '\x1b')
  t.equal((await go(['x', '-h'])).stdout, help.stdout)
  t.same(await go(['--version']), { code: 0, signal: null, stdout: 'zag-probe 9.8.7\n', stderr: '' })
})

t.test('stdin', async t => {
  t.equal(
    (await go(['lines', '--json'], { input: 'a\n\nb\r\nlast é' })).stdout,
    '{"line":"a"}\n{"line":""}\n{"line":"b\\r"}\n{"line":"last é"}\n',
  )
  t.equal((await go(['lines'])).stdout, '')
  const much = Buffer.alloc(5_000_000, 'x0y1\n')
  t.equal((await go(['echo'], { input: much })).stdout, much.toString())
  t.match(await go(['twice']), { code: 2, stderr: "zag-probe: stdin can be read once: give '-' once\n" })
  const open = begin(probe, ['rows', '1'], { home })
  t.match(await open.ended, { code: 0 }, 'a stdin that never ends is left alone')
  t.match(await inShell('"$0" echo <.'), { code: 5, stderr: /^zag-probe: cannot read stdin: .*directory\n$/ })
})

t.test('a row leaves at once when the program waits', async t => {
  const following = begin(probe, ['follow'], { home })
  await until(() => following.stdout === 'now\n')
  following.child.kill()
  t.match(await following.ended, { signal: 'SIGTERM' })
})

t.test('200,000 rows reach a slow reader, whether the pipe blocks or not', async t => {
  const slow =
    "node -e 'const b=Buffer.alloc(65536);let n=0,k;const s=new Int32Array(new SharedArrayBuffer(4));for(;;){try{k=fs.readSync(0,b)}catch{continue};if(!k)break;for(let i=0;i<k;i++)n+=b[i]===10;if(n<20000)Atomics.wait(s,0,0,5)}console.log(n)'"
  const blocking = await inShell(`"$0" rows 200000 | ${slow}`)
  t.equal(blocking.stdout, '200000\n')
  const perl = 'use Fcntl; fcntl(STDOUT, F_SETFL, fcntl(STDOUT, F_GETFL, 0) | O_NONBLOCK); exec @ARGV'
  const free = await run('/bin/sh', ['-c', `perl -e '${perl}' "$0" rows 200000 | ${slow}`, probe], { home, env: { LC_ALL: 'C' } })
  if (/perl: not found/.test(free.stderr)) t.comment('no perl to make a pipe non-blocking')
  else t.same({ stdout: free.stdout, stderr: free.stderr }, { stdout: '200000\n', stderr: '' })
})

t.test('a reader that goes away ends it quietly', async t => {
  const status = join(home, 'status')
  for (const what of ['rows 200000', 'forever', 'bytes 9000000']) {
    const { stdout, stderr } = await inShell(`{ "$0" ${what}; echo $? >${status}; } | head -c 2 >/dev/null; cat ${status}`)
    t.same({ stdout, stderr }, { stdout: '141\n', stderr: '' }, what)
  }
})

t.test('a full disk is one line and 5', { skip: !existsSync('/dev/full') && 'there is no /dev/full' }, async t => {
  const stderr = 'zag-probe: cannot write to stdout: no space left on device\n'
  t.same(await inShell('"$0" rows 1 >/dev/full'), { code: 5, signal: null, stdout: '', stderr })
  t.match(await inShell('"$0" fault 2>/dev/full'), { code: 3, stderr: '' }, 'a full stderr leaves the code as it is')
  t.match(await inShell('"$0" rows 1 >&- 2>&-'), { code: 0 }, 'closed ones are the null device to Node')
})

t.test('it runs through a link and without HOME', async t => {
  symlinkSync(probe, join(home, 'link'))
  t.equal((await run(join(home, 'link'), ['rows', '1'], { home })).code, 0)
  t.match(await go(['rows', '1'], { env: { HOME: undefined, XDG_CACHE_HOME: undefined } }), { code: 0, stderr: '' })
})

t.test('the code cache: private, made once, made again when broken, left alone when others could write it', async t => {
  const cache = join(home, 'cache')
  const cached = () => readdirSync(join(cache, 'zag')).map(file => statSync(join(cache, 'zag', file)))
  mkdirSync(cache)
  const again = () => go(['rows', '1'], { env: { XDG_CACHE_HOME: cache } })
  t.equal((await again()).code, 0)
  t.equal(lstatSync(join(cache, 'zag')).mode & 0o777, 0o700)
  const [first] = cached()
  t.equal((first?.mode ?? 0) & 0o777, 0o600)
  t.equal((await again()).code, 0)
  t.equal(cached()[0]?.ino, first?.ino)
  const [name] = readdirSync(join(cache, 'zag'))
  writeFileSync(join(cache, 'zag', name as string), 'broken')
  t.match(await again(), { code: 0, stderr: '' })
  t.ok((cached()[0]?.size ?? 0) > 10_000)
  chmodSync(join(cache, 'zag'), 0o777)
  writeFileSync(join(cache, 'zag', name as string), 'strange')
  t.match(await again(), { code: 0, stderr: '' })
  t.equal(cached()[0]?.size, 7)
})
